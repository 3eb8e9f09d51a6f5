"""What both ends of a cell prove themselves with: certificates and external keys of one run.

`issue` makes what a scenario asks for, writes the files a peer program needs, and keeps the rest
for the board's options. Everything is made afresh, around the moment that both ends take for now.
What it does not do: say how a chain looks (`hil.tlsrig.pki`) or how a program is told about it.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from pathlib import Path

from hil.tlsrig import pki
from hil.tlsrig.peers import PeerModule, Psk
from hil.tlsrig.scenario import Scenario

_PSK_BYTES = 32
_PSK_IDENTITY = "board-1"


@dataclass(frozen=True)
class Credentials:
    """What a cell's ends have.

    Attributes:
        utc_seconds: the moment that is now for board and peer.
        board, peer: the chain each proves itself with, None for none.
        board_files, peer_files: the same on disk.
        board_psk, peer_psk: the external key each has, None for none.
        board_others: further keys in the board's store.
    """

    utc_seconds: int
    board: pki.Chain | None = None
    peer: pki.Chain | None = None
    board_files: pki.ChainFiles | None = None
    peer_files: pki.ChainFiles | None = None
    board_psk: Psk | None = None
    peer_psk: Psk | None = None
    board_others: tuple[Psk, ...] = ()

    @property
    def artefacts(self) -> dict[str, Path]:
        """The public files."""
        files = {}
        for end, chain in (("board", self.board_files), ("peer", self.peer_files)):
            if chain is not None:
                files[f"{end}_chain"], files[f"{end}_root"] = chain.chain, chain.root
        return files


def issue(scenario: Scenario, utc_seconds: int, directory: Path) -> Credentials:
    """Make what the scenario's ends need.

    Args:
        scenario: what is tried.
        utc_seconds: the moment certificates are made around.
        directory: where the files go, one folder for each end.
    """
    made: dict[str, tuple[pki.Chain, pki.ChainFiles]] = {}
    for end, variant in (
        ("board", scenario.board.certificates),
        ("peer", scenario.peer.certificates),
    ):
        if variant is not None:
            chain = pki.make_chain(utc_seconds, pki.plan_of(variant))
            folder = directory / f"{end}-certificates"
            folder.mkdir(exist_ok=True)
            made[end] = chain, chain.write(folder)
    board, board_files = made.get("board", (None, None))
    peer, peer_files = made.get("peer", (None, None))
    board_psk, peer_psk = _psks(scenario)
    return Credentials(
        utc_seconds,
        board,
        peer,
        board_files,
        peer_files,
        board_psk,
        peer_psk,
        _others(scenario),
    )


def _psks(scenario: Scenario) -> tuple[Psk | None, Psk | None]:
    """Return the board's and the peer's external key."""
    if scenario.psk is None:
        return None, None
    with_dhe, wrong = scenario.psk.mode == "psk_dhe_ke", scenario.psk.wrong
    key = secrets.token_bytes(_PSK_BYTES)
    known = Psk(_PSK_IDENTITY, key, with_dhe=with_dhe)
    if wrong == "identity":
        return replace(known, identity="board-2"), known
    if wrong == "key":
        return replace(known, key=secrets.token_bytes(_PSK_BYTES)), known
    if wrong == "hash":
        return replace(known, hash_name="sha384"), known
    return known, known


def _others(scenario: Scenario) -> tuple[Psk, ...]:
    """Return keys that the board has beside the one it is to use."""
    count = scenario.psk.others if scenario.psk is not None else 0
    return tuple(Psk(f"other-{i + 1}", secrets.token_bytes(_PSK_BYTES)) for i in range(count))


def moment_of(scenario: Scenario, module: PeerModule) -> int:
    """Return the moment that a cell takes for now.

    It is the scenario's, so that a run can be repeated on any day, unless the peer judges the
    board's certificates and cannot be told the time.
    """
    if scenario.board.certificates is None or module.KNOWS_TIME:
        return scenario.utc_seconds
    return int(time.time())
