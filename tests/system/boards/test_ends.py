"""However a board ends, hangs or crashes: that is noticed at once, named, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil import build, cells, paths, target
from hil.boot.agent_board import AgentBoard
from hil.boot.qemu import QemuBoard
from hil.errors import BoardDied, BoardHang, JobFailed

Boot = Callable[..., Any]
OfProcess = Callable[[int], bool]

# Longer than a test may take: what is noticed by waiting for it is not noticed at all.
NOT_WAITED_S = 3600

# What only one kind of board can do.
emulated = pytest.mark.parametrize("board_name", ["qemu-cortexm"])


def _sockets() -> set[str]:
    descriptors = Path("/proc/self/fd").iterdir()
    links = (os.readlink(entry) for entry in descriptors if entry.is_symlink())
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize("job", ["jobs:for_ever", "jobs:chatter"])
def test_a_job_without_end_is_a_hang_within_its_time_and_leaves_nothing(
    board: AgentBoard, job: str, runs: OfProcess
) -> None:
    with pytest.raises(BoardHang) as caught:
        board.call(job, timeout_s=1.0)
    assert f"hangs in {job}: no answer within 1 s" in str(caught.value)
    assert ("about to spin" in str(caught.value)) or ("still here" in str(caught.value))
    board.close()
    assert not runs(board.pid)


def test_the_multiplier_stretches_the_time_of_a_call(boot_board: Boot) -> None:
    board = boot_board(timeout_multiplier=3.0)
    began = time.monotonic()
    with pytest.raises(BoardHang, match=r"within 0\.6 s"):
        board.call("jobs:for_ever", timeout_s=0.2)
    assert time.monotonic() - began > 0.6


def test_a_board_killed_in_mid_job_died_and_that_is_noticed_at_once(board: AgentBoard) -> None:
    board.start("jobs:for_ever")
    killer = threading.Timer(0.2, os.kill, (board.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(BoardDied, match=r"died in jobs:for_ever: \S+ was killed by SIGKILL"):
        board.wait(NOT_WAITED_S)
    killer.join()
    with pytest.raises(BoardDied, match="failed in an earlier call"):
        board.call("jobs:big", 1, timeout_s=1)


def test_a_board_killed_between_jobs_is_noticed_by_the_next(
    board: AgentBoard, ends: OfProcess
) -> None:
    os.kill(board.pid, signal.SIGKILL)
    assert ends(board.pid)
    with pytest.raises(BoardDied, match="was killed by SIGKILL"):
        board.call("jobs:big", 1, timeout_s=60)


def test_a_board_that_stands_still_hangs_and_can_still_be_ended(
    board: AgentBoard, runs: OfProcess
) -> None:
    os.kill(board.pid, signal.SIGSTOP)
    with pytest.raises(BoardHang):
        board.call("jobs:big", 1, timeout_s=0.5)
    board.close()
    assert not runs(board.pid)


def test_closing_is_idempotent_and_leaves_no_process_and_no_socket(
    boot_board: Boot, runs: OfProcess
) -> None:
    before = _sockets()
    threads = set(threading.enumerate())
    board = boot_board()
    assert runs(board.pid)
    board.close()
    board.close()
    assert not runs(board.pid)
    assert _sockets() <= before
    assert {thread.name for thread in set(threading.enumerate()) - threads} <= {"hil-keeper_0"}


_PARENT = """
import sys
from pathlib import Path
from hil import boot, build, paths, target
facts = target.load(paths.targets_dir() / (sys.argv[1] + ".toml"))
board = boot.boot(facts, build.ensure(facts.image), log_dir=Path(sys.argv[2]))
board.install("jobs", "def for_ever(link):\\n    while True: pass")
board.start("jobs:for_ever")
print(board.pid, flush=True)
board.wait(600)
"""


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_no_board_survives_the_death_of_the_farm(
    board_name: str, tmp_path: Path, by: signal.Signals, runs: OfProcess, ends: OfProcess
) -> None:
    # A program that could be killed while it builds would be another test.
    build.ensure(target.load(paths.targets_dir() / f"{board_name}.toml").image)
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, board_name, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        try:
            board_pid = int(parent.stdout.readline())
            assert runs(board_pid)
            parent.send_signal(by)
            parent.wait(10)
        finally:
            parent.kill()
        assert ends(board_pid)


@emulated
def test_memory_of_a_dead_board_is_an_error(board: AgentBoard, ends: OfProcess) -> None:
    assert isinstance(board, QemuBoard)
    os.kill(board.pid, signal.SIGKILL)
    assert ends(board.pid)
    with pytest.raises(BoardDied, match="memsave"):
        board.memory(0x20000000, 4)


@emulated
def test_a_guest_that_faults_died_with_its_registers_and_the_consoles_tail(
    board: AgentBoard,
) -> None:
    source = "import machine\ndef read(link):\n    print('reading')\n"
    board.install("wild", source + "    return machine.mem32[0xE0000000 - 4]")
    with pytest.raises(BoardDied, match=r"died in wild:read: QEMU ended .*HIL-FAULT") as caught:
        board.call("wild:read", timeout_s=NOT_WAITED_S)
    first, *tail = str(caught.value).splitlines()
    assert re.search(r"pc=[0-9a-f]{8} .*=dffffffc", first)
    assert any(line.strip() == "reading" for line in tail)
    assert cells.verdict_of(caught.value) == "error"


@emulated
def test_a_guest_that_is_reset_as_by_a_watchdog_died_at_once(board: AgentBoard) -> None:
    board.install("again", "import machine\ndef reset(link): machine.reset()")
    with pytest.raises(BoardDied, match="died in again:reset: QEMU ended") as caught:
        board.call("again:reset", timeout_s=NOT_WAITED_S)
    assert cells.verdict_of(caught.value) == "error"


def test_a_job_without_memory_is_an_error_with_the_consoles_tail(boot_board: Boot) -> None:
    board = boot_board(heap_bytes=40_000)
    board.install("hungry", "def eat(link):\n    print('so hungry')\n    bytearray(50000)")
    with pytest.raises(JobFailed) as caught:
        board.call("hungry:eat", timeout_s=30)
    assert caught.value.kind == "MemoryError"
    assert "so hungry" in str(caught.value)
    assert cells.verdict_of(caught.value) == "error"
