"""A board or peer killed or frozen in mid-handshake: a clear verdict, soon, and no leftovers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hil.boot import Board
from hil.link import PEER_TO_BOARD, Direction
from hil.report import Cell
from hil.target import Timeouts
from hil.tlsrig import briefing, cell, scenario, tamper
from hil.tlsrig.peers import TlsPeer

SEED = bytes(range(48))
BASE = scenario.load_all()["tls13-tampered-record"]

# Longer than a test may take: what is noticed by waiting for it is not noticed at all.
NOT_WAITED = Timeouts(boot_s=10, job_s=3600)

Strike = Callable[[], None]
Run = Callable[[Strike], Cell]


class StrikeAtServerHello:
    """Calls a function when the server's first bytes are on their way, and drops those bytes."""

    def __init__(self, strike: Strike) -> None:
        self.applied = False
        self._strike = strike

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        if direction != PEER_TO_BOARD:
            return data
        if not self.applied:
            self.applied = True
            self._strike()
        return b""

    def on_end(self, direction: Direction) -> bytes:
        return b""


@pytest.fixture
def run(dut: Board, peer_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a cell that is struck in mid-handshake."""

    def start(strike: Strike) -> Cell:
        monkeypatch.setitem(tamper.ATTACKS, "strike", lambda _: StrikeAtServerHello(strike))  # type: ignore[arg-type]
        tried = replace(BASE, tamper="strike")
        return cell.run(tried, peer_name, dut, seed=SEED, log_dir=tmp_path)

    return start


@pytest.fixture
def peer_pid(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process id of the peer, which has started when the attack on its connection is made."""
    found: list[int] = []
    attack_of = briefing.attack_of

    def note(tried: scenario.Scenario, peer: TlsPeer) -> tamper.Attack | None:
        found.append(peer.pid)  # type: ignore[attr-defined]
        return attack_of(tried, peer)

    monkeypatch.setattr(briefing, "attack_of", note)
    return found


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_board_killed_in_mid_handshake_is_an_error(
    dut: Board, run: Run, peer_pid: list[int]
) -> None:
    pid: int = dut.pid  # type: ignore[attr-defined]
    dut.target = replace(dut.target, timeouts=NOT_WAITED)
    struck = run(lambda: os.kill(pid, signal.SIGKILL))
    assert struck.verdict == "error"
    assert struck.reason is not None
    assert f"{dut.target.name} died in tls_jobs:client" in struck.reason
    assert "was killed by SIGKILL" in struck.reason
    assert is_gone(peer_pid[0])


def test_a_peer_killed_in_mid_handshake_is_an_error(
    dut: Board, run: Run, peer_pid: list[int]
) -> None:
    dut.target = replace(dut.target, timeouts=NOT_WAITED)
    struck = run(lambda: os.kill(peer_pid[0], signal.SIGKILL))
    assert struck.verdict == "error"
    assert struck.reason is not None
    assert struck.reason.startswith(f"peer {struck.peer}")  # or a program of that name
    assert " was killed by SIGKILL before the end" in struck.reason
    assert is_gone(dut.pid)  # type: ignore[attr-defined]


def test_a_board_frozen_in_mid_handshake_is_a_hang(
    dut: Board, run: Run, peer_pid: list[int]
) -> None:
    pid: int = dut.pid  # type: ignore[attr-defined]
    dut.target = replace(dut.target, timeouts=Timeouts(boot_s=10, job_s=3))
    struck = run(lambda: os.kill(pid, signal.SIGSTOP))
    assert struck.verdict == "hang"
    assert struck.reason is not None
    assert "no answer within 3 s" in struck.reason
    assert "console" in struck.reason
    assert is_gone(peer_pid[0])
    dut.close()
    assert is_gone(pid)


def test_a_link_that_brings_nothing_is_the_boards_to_notice(
    dut: Board, run: Run, peer_pid: list[int]
) -> None:
    dut.target = replace(dut.target, timeouts=Timeouts(boot_s=10, job_s=6))
    struck = run(lambda: None)
    assert struck.verdict == "fail"
    assert struck.reason is not None
    assert "found link.silent" in struck.reason
    assert is_gone(peer_pid[0])
