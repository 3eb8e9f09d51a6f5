"""Briefings: a scenario's names reach the board as code points and the peer as names."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from hil.tlsrig import briefing, credentials, scenario
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.peers import TlsPeer, gnutls, openssl
from hil.tlsrig.scenario import BoardSide, PeerSide, Scenario

SEED = bytes(range(48))
DECLARED = scenario.load_all()
GOOD = DECLARED["tls13-x509-p256"]
MUTUAL = replace(GOOD, board=BoardSide(certificates="client", key_updates=1))
ADDRESS = ("127.0.0.1", 4433)


def proofs_of(tried: Scenario, directory: Path) -> Credentials:
    return credentials.issue(tried, tried.utc_seconds, directory)


def server_of(tried: Scenario, directory: Path) -> TlsPeer:
    return briefing.new_peer(tried, openssl, proofs_of(tried, directory), directory)


def test_the_board_is_told_in_code_points(tmp_path: Path) -> None:
    proofs = proofs_of(MUTUAL, tmp_path)
    peer = server_of(MUTUAL, tmp_path)
    options = briefing.board_options(MUTUAL, proofs, SEED, 20, peer)
    assert options["suites"] == (0x1301,)
    assert options["groups"] == (0x001D, 0x0017)
    assert options["key_shares"] == (0x001D,)
    assert options["timeout_ms"] == 10_000
    assert options["close_first"] is True
    assert options["key_updates"] == 1
    assert proofs.board is not None
    assert options["identity"] == (proofs.board.sent, proofs.board.private_key)


@pytest.mark.parametrize("tried", DECLARED.values(), ids=DECLARED)
def test_options_are_plain_literals(tried: Scenario, tmp_path: Path) -> None:
    options = briefing.board_options(
        tried, proofs_of(tried, tmp_path), SEED, 20, server_of(GOOD, tmp_path)
    )
    assert ast.literal_eval(repr(options)) == options


def test_a_client_certificate_is_demanded_where_the_board_has_one(tmp_path: Path) -> None:
    proofs = proofs_of(MUTUAL, tmp_path)
    assert proofs.board_files is not None
    assert briefing.server_setup(MUTUAL, proofs).client_root == proofs.board_files.root
    assert briefing.server_setup(GOOD, proofs_of(GOOD, tmp_path)).client_root is None


def test_withheld_certificates_are_asked_for_and_not_given(tmp_path: Path) -> None:
    tried = replace(GOOD, board=BoardSide(certificates="client", withholds=True))
    proofs = proofs_of(tried, tmp_path)
    options = briefing.board_options(tried, proofs, SEED, 20, server_of(tried, tmp_path))
    assert options["identity"] is None
    assert briefing.server_setup(tried, proofs).client_root is not None


def test_a_client_peer_trusts_the_boards_root(tmp_path: Path) -> None:
    tried = replace(
        GOOD,
        board=BoardSide(role="server", certificates="valid"),
        peer=PeerSide(certificates=None, groups=("secp256r1",)),
    )
    proofs = proofs_of(tried, tmp_path)
    setup = briefing.client_setup(tried, proofs, ADDRESS)
    assert proofs.board_files is not None
    assert (setup.address, setup.anchor) == (ADDRESS, proofs.board_files.root)
    assert setup.certificates is None
    assert setup.groups == ("secp256r1",)


def test_who_closes_first_depends_on_the_peer(tmp_path: Path) -> None:
    tried = replace(GOOD, board=BoardSide(role="server", certificates="valid"))
    proofs = proofs_of(tried, tmp_path)
    setup = briefing.client_setup(tried, proofs, ADDRESS)
    for module, expected in ((openssl, True), (gnutls, False)):
        peer = module.connect(setup, tmp_path)
        options = briefing.board_options(tried, proofs, SEED, 20, peer)
        assert options["close_first"] is expected
