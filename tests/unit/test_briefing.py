"""Briefings: a scenario's names reach the board as code points and the peer as names."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil import paths, target
from hil.tlsrig import briefing, credentials, scenario
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.peers import TlsPeer, gnutls, openssl
from hil.tlsrig.scenario import BoardSide, PeerSide, Resumption, Scenario, SharedKey, Success

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
    options = briefing.board_options(MUTUAL, proofs, SEED, peer)
    assert options["suites"] == (0x1301,)
    assert options["groups"] == (0x001D, 0x0017)
    assert options["key_shares"] == (0x001D,)
    assert options["close_first"] is True
    assert options["key_updates"] == 1
    assert proofs.board is not None
    assert options["identity"] == (proofs.board.sent, proofs.board.private_key)


def test_the_board_gives_up_before_the_host_does() -> None:
    unix = target.load(paths.targets_dir() / "unix.toml")
    assert briefing.circumstances(unix)["timeout_ms"] == unix.timeouts.job_s * 500
    told = briefing.circumstances(unix, 2.0, reads=(90, 1200))
    assert (told["timeout_ms"], told["reads"]) == (unix.timeouts.job_s * 1000, (90, 1200))


@pytest.mark.parametrize("tried", DECLARED.values(), ids=DECLARED)
def test_what_a_scenario_declares_is_among_the_options(tried: Scenario, tmp_path: Path) -> None:
    options = briefing.board_options(
        tried, proofs_of(tried, tmp_path), SEED, server_of(GOOD, tmp_path)
    )
    beside = briefing.OPTIONS_OF_TLS12 | briefing.OPTIONS_OF_DATAGRAMS
    assert options.keys() - beside == briefing.OPTION_NAMES
    declared = briefing.declared_options(tried)
    assert {name: options[name] for name in declared} == declared


@pytest.mark.parametrize("tried", DECLARED.values(), ids=DECLARED)
def test_options_are_plain_literals(tried: Scenario, tmp_path: Path) -> None:
    options = briefing.board_options(
        tried, proofs_of(tried, tmp_path), SEED, server_of(GOOD, tmp_path)
    )
    assert ast.literal_eval(repr(options)) == options


def test_a_client_certificate_is_demanded_where_the_board_has_one(tmp_path: Path) -> None:
    proofs = proofs_of(MUTUAL, tmp_path)
    assert proofs.board_files is not None
    assert briefing.server_setup(MUTUAL, proofs).client_root == proofs.board_files.root
    assert briefing.server_setup(GOOD, proofs_of(GOOD, tmp_path)).client_root is None


PSK = replace(GOOD, psk=SharedKey(), peer=PeerSide(certificates=None))
RESUMED = replace(GOOD, resumption=Resumption(GOOD.expect))  # type: ignore[arg-type]


def told(tried: Scenario, directory: Path) -> dict[str, object]:
    proofs = credentials.issue(tried, tried.utc_seconds, directory)
    return briefing.board_options(tried, proofs, SEED, server_of(GOOD, directory))


def test_both_ends_are_told_the_same_external_key(tmp_path: Path) -> None:
    proofs = proofs_of(PSK, tmp_path)
    options = briefing.board_options(PSK, proofs, SEED, server_of(GOOD, tmp_path))
    setup = briefing.server_setup(PSK, proofs)
    assert setup.psk is not None
    assert options["psk"] == (setup.psk.identity.encode(), setup.psk.key, 32)
    assert (options["psk_modes"], setup.psk.with_dhe) == ((1,), True)
    assert (options["anchors"], setup.certificates) == ([], None)


def test_a_key_alone_is_the_other_mode(tmp_path: Path) -> None:
    alone = replace(PSK, psk=SharedKey(mode="psk_ke"))
    assert told(alone, tmp_path)["psk_modes"] == (0,)


def test_the_connections_of_a_resumption_differ_in_what_they_have_to_and_repeat(
    tmp_path: Path,
) -> None:
    first, second = (told(tried, tmp_path) for tried in RESUMED.connections)
    assert (first["keep_ticket"], second["keep_ticket"]) == (True, False)
    assert first["seed"] == SEED != second["seed"]
    assert second["utc_seconds"] == GOOD.utc_seconds + 5
    again = told(RESUMED, tmp_path)
    assert again["seed"] == second["seed"]
    assert briefing.server_setup(RESUMED, proofs_of(RESUMED, tmp_path)).connections == 2


@pytest.mark.parametrize(
    ("spoiled", "forged", "age_s"), [("forged", True, 5), ("expired", False, 604_801)]
)
def test_only_the_second_connection_has_a_spoiled_ticket(
    spoiled: Any, forged: bool, age_s: int, tmp_path: Path
) -> None:
    assert isinstance(GOOD.expect, Success)
    tried = replace(RESUMED, resumption=Resumption(GOOD.expect, spoiled=spoiled))
    first, second = (told(leg, tmp_path) for leg in tried.connections)
    assert (first["forge_ticket"], first["utc_seconds"]) == (False, GOOD.utc_seconds)
    assert (second["forge_ticket"], second["utc_seconds"]) == (forged, GOOD.utc_seconds + age_s)


def test_a_server_opens_the_tickets_of_its_first_connection_unless_they_are_to_be_forged(
    tmp_path: Path,
) -> None:
    assert isinstance(GOOD.expect, Success)
    board = BoardSide(role="server", certificates="valid")
    for spoiled, same in ((None, True), ("forged", False), ("expired", True)):
        resumption = Resumption(GOOD.expect, spoiled=spoiled)  # type: ignore[arg-type]
        tried = replace(GOOD, board=board, peer=PeerSide(certificates=None), resumption=resumption)
        first, second = (told(leg, tmp_path) for leg in tried.connections)
        assert (first["tickets_seed"] == second["tickets_seed"]) is same
    assert told(GOOD, tmp_path)["tickets_seed"] is None


def test_a_board_knows_its_peers_bare_key_and_shows_its_own(tmp_path: Path) -> None:
    tried = replace(MUTUAL, raw_public_keys=("server", "client"))
    proofs = proofs_of(tried, tmp_path)
    options = briefing.board_options(tried, proofs, SEED, server_of(GOOD, tmp_path))
    assert proofs.board is not None
    assert proofs.peer is not None
    assert options["pins"] == [proofs.peer.pin]
    assert options["raw_public_key"] == proofs.board.raw_public_key
    only_server = told(replace(MUTUAL, raw_public_keys=("server",)), tmp_path)
    assert only_server["raw_public_key"] is None


def test_withheld_certificates_are_asked_for_and_not_given(tmp_path: Path) -> None:
    tried = replace(GOOD, board=BoardSide(certificates="client", withholds=True))
    proofs = proofs_of(tried, tmp_path)
    options = briefing.board_options(tried, proofs, SEED, server_of(tried, tmp_path))
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
        options = briefing.board_options(tried, proofs, SEED, peer)
        assert options["close_first"] is expected
