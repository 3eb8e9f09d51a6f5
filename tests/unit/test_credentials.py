"""Credentials: each end gets what the scenario says, around a moment both can take for now."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil.tlsrig import credentials, scenario
from hil.tlsrig.peers import gnutls, openssl
from hil.tlsrig.scenario import BoardSide, PeerSide, SharedKey

GOOD = scenario.load_all()["tls13-x509-p256"]
MUTUAL = replace(GOOD, board=BoardSide(certificates="client"))


def test_each_end_gets_files_of_its_own(tmp_path: Path) -> None:
    proofs = credentials.issue(MUTUAL, 1_768_478_400, tmp_path)
    assert proofs.board is not None
    assert proofs.peer is not None
    assert proofs.board.anchors != proofs.peer.anchors
    paths = [str(path.relative_to(tmp_path)) for path in proofs.artefacts.values()]
    assert paths == [
        "board-certificates/chain.pem",
        "board-certificates/root.pem",
        "peer-certificates/chain.pem",
        "peer-certificates/root.pem",
    ]


def test_an_end_without_certificates_gets_none(tmp_path: Path) -> None:
    proofs = credentials.issue(GOOD, 1_768_478_400, tmp_path)
    assert (proofs.board, proofs.board_files) == (None, None)
    assert list(proofs.artefacts) == ["peer_chain", "peer_root"]


def test_no_private_key_file_is_an_artefact(tmp_path: Path) -> None:
    proofs = credentials.issue(MUTUAL, 1_768_478_400, tmp_path)
    assert all(b"PRIVATE" not in path.read_bytes() for path in proofs.artefacts.values())


@pytest.mark.parametrize(
    ("wrong", "same"),
    [
        (None, (True, True, True)),
        ("identity", (False, True, True)),
        ("key", (True, False, True)),
        ("hash", (True, True, False)),
    ],
)
def test_external_keys_differ_in_what_the_scenario_says(
    wrong: Any, same: tuple[bool, ...], tmp_path: Path
) -> None:
    tried = replace(GOOD, psk=SharedKey(wrong=wrong), peer=PeerSide(certificates=None))
    proofs = credentials.issue(tried, 1_768_478_400, tmp_path)
    board, peer = proofs.board_psk, proofs.peer_psk
    assert board is not None
    assert peer is not None
    assert (
        board.identity == peer.identity,
        board.key == peer.key,
        board.hash_name == peer.hash_name,
    ) == same
    assert credentials.issue(GOOD, 1_768_478_400, tmp_path).board_psk is None


def test_now_is_the_scenarios_unless_a_peer_judges_by_its_own_clock() -> None:
    assert credentials.moment_of(GOOD, gnutls) == GOOD.utc_seconds
    assert credentials.moment_of(MUTUAL, openssl) == GOOD.utc_seconds
    assert abs(credentials.moment_of(MUTUAL, gnutls) - time.time()) < 60
