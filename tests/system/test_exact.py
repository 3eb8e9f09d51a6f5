"""The same conversation takes the same instructions on a board, however its bytes come.

A recorded one is played to a freshly booted board again and again: at once, in small pieces with
pauses between them, while other processes keep the machine busy, while the emulator is stopped and
let go at random, and after an earlier job had to wait for its bytes or had not. Every count of
every phase is compared, and live heap and stack with them.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil import boot, build
from hil.boot import Board
from hil.boot.agent_board import ProcessBoard
from hil.target import Target
from hil.tlsrig import briefing, cassette
from hil.tlsrig.cassette import Taped

CLIENT = "tls13-x509-p256"
SERVER = "tls13-server-x509-p256"
WAIT_S = 120
# What a handshake with certificates is divided into; a server reads no Certificate here.
PHASES = {
    *("client_hello", "server_hello", "key_share", "key_schedule", "encrypted_extensions"),
    *("certificate", "certificate_verify", "finished", "record"),
}

# A serial port of the 16550 kind keeps so many bytes until they are read.
FIFO_BYTES = 16

Deliver = Callable[[Board, bytes], None]


def at_once(board: Board, data: bytes) -> None:
    board.link.sendall(data)


class Dribble:
    """Delivers a few bytes at a time, late."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def __call__(self, board: Board, data: bytes) -> None:
        while data:
            size = self._chance.choice([1, 40, 700])
            board.link.sendall(data[:size])
            data = data[size:]
            time.sleep(self._chance.uniform(0, 0.02))


@contextlib.contextmanager
def busy_machine(processes: int) -> Iterator[None]:
    """Keep the machine's processors busy with something else."""
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextlib.contextmanager
def halting(board: Board, seed: int) -> Iterator[None]:
    """Stop the board's emulator and let it go again, at random."""
    assert isinstance(board, ProcessBoard)
    pid = board.pid
    chance = random.Random(seed)
    enough = threading.Event()

    def stop_and_go() -> None:
        while not enough.wait(chance.choice([0.0005, 0.003, 0.02, 0.1])):
            os.kill(pid, signal.SIGSTOP)
            enough.wait(chance.uniform(0, 0.01))
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def emptied(board: Board, *, waits: bool) -> None:
    """Empty the link, as is done before each connection: the board waits for bytes, or has them."""
    marker = b"HIL\xffLINK" + bytes(FIFO_BYTES - 8)
    if not waits:
        board.link.sendall(marker)
    board.start("hil_agent:synchronise", marker)
    for byte in marker if waits else b"":
        board.link.sendall(bytes([byte]))
    assert board.link.receive_exactly(len(marker), WAIT_S) == marker
    board.wait(WAIT_S)


def played(board: Board, role: str, taped: Taped, deliver: Deliver) -> dict[str, Any]:
    """Play a recorded connection to a board and return everything that is measured of it."""
    circumstances = briefing.circumstances(board.target, 2.0, taped.reads)
    board.start(f"tls_jobs:{role}", briefing.spoken({**taped.options, **circumstances}))
    for turn in taped.exchange:
        if turn.speaker == "peer":
            deliver(board, turn.data)
        else:
            assert board.link.receive_exactly(len(turn.data), WAIT_S) == turn.data
    result = board.wait(WAIT_S)
    assert isinstance(result, dict)
    assert (result["connected"], result["reason"]) == (True, None)
    figures: dict[str, Any] = result["marks"]
    del figures["wall_us"]  # waiting takes as long as it takes
    return {**figures, "stack": board.stack_peak_bytes().value}


@pytest.fixture
def emulated(hil_target: Target) -> Target:
    if hil_target.instructions_per_tick is None:
        pytest.skip(str(hil_target.no_instruction_count_reason))
    return hil_target


def taped_for(facts: Target, name: str) -> tuple[str, Taped]:
    role = "server" if "-server-" in name else "client"
    modules = build.ensure(facts.image).flash_by_module
    if f"tlscore.{role}" not in modules:
        pytest.skip(f"image {facts.image} leaves tlscore.{role} out")
    tape = cassette.read(cassette.file_of(cassette.shipped(), name, "openssl"))
    return role, tape.connections[0]


@pytest.mark.parametrize("name", [CLIENT, SERVER])
def test_a_conversation_takes_the_same_instructions_every_time(
    emulated: Target, tmp_path: Path, name: str
) -> None:
    role, taped = taped_for(emulated, name)
    firmware = build.ensure(emulated.image)
    # How bytes come, how many processes disturb, whether the job before waits, whether QEMU halts.
    ways: list[tuple[Deliver, int, bool, bool]] = [
        (at_once, 0, True, False), (Dribble(1), 0, False, False), (at_once, 4, False, False),
        (Dribble(2), 4, True, False), (Dribble(3), 0, True, True),
    ]  # fmt: skip
    found = []
    for number, (deliver, processes, waits, halts) in enumerate(ways):
        with (
            busy_machine(processes),
            boot.boot(emulated, firmware, log_dir=tmp_path, timeout_multiplier=3.0) as board,
            halting(board, number) if halts else contextlib.nullcontext(),
        ):
            emptied(board, waits=waits)
            found.append(played(board, role, taped, deliver))
    instructions = [figures["instructions"] for figures in found]
    print(f"{emulated.name} {name}: {instructions}, {found[0]['phases']}")
    for figures in found[1:]:
        assert figures == found[0]
    assert set(found[0]["phases"]) >= PHASES
    assert sum(found[0]["phases"].values()) == found[0]["instructions"] > 1_000_000
