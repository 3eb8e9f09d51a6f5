"""Real boards, booted, driven, hung and killed: every outcome is prompt, named, and leaves nothing.

Every claim is made of each kind of board in `_BOARDS`: a process of this machine and an emulated
Cortex-M3.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil import boot, build, paths, target
from hil.boot.agent_board import AgentBoard
from hil.boot.qemu import QemuBoard
from hil.errors import BoardDied, BoardHang, BootError, JobFailed
from hil.link import LinkEndpoint, Pump
from hil.target import BootSpec

_BOARDS = ("unix", "qemu-cortexm")
_JOBS = """
import time

def noise(link, kilobytes):
    for _ in range(kilobytes):
        print("\\x01\\x02\\x03\\x04>OK\\x02noise ok 666\\x03noise" + "x" * 995)
    return "quiet"

def for_ever(link):
    print("about to spin")
    while True:
        pass

def chatter(link):
    while True:
        print("still here")

def bad(link):
    print("before")
    raise ValueError("planted fault")

def big(link, size):
    return bytes(i & 255 for i in range(size))

def send(link, size):
    data = memoryview(bytes(i & 255 for i in range(256)))
    done = 0
    while done < size:
        done += link.write(data[done & 255:][:size - done])
    return done

def marked(link, rounds):
    from hil_marks import Marks
    marks = Marks()
    marks.enter()
    total = 0
    for i in range(rounds):
        total += i * i
    marks.checkpoint("summed")
    marks.leave()
    link.wait(50)
    return marks.report()
"""

Boot = Callable[..., Any]


@pytest.fixture(scope="module", params=_BOARDS)
def board_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def boot_board(board_name: str, tmp_path: Path) -> Iterator[Boot]:
    """Boots a board of the kind under test; whatever is left of it is ended with the test."""
    facts = target.load(paths.targets_dir() / f"{board_name}.toml")
    firmware = build.ensure(facts.image)
    with ExitStack() as booted:

        def start(**options: object) -> AgentBoard:
            used = replace(facts, **options.pop("facts", {}))  # type: ignore[arg-type]
            log_dir = tmp_path / "logs"
            board = boot.boot(used, firmware, log_dir=log_dir, **options)  # type: ignore[arg-type]
            assert isinstance(board, AgentBoard)
            booted.callback(board.close)
            board.install("jobs", _JOBS)
            return board

        yield start


@pytest.fixture
def board(boot_board: Boot) -> AgentBoard:
    booted = boot_board()
    assert isinstance(booted, AgentBoard)
    return booted


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _ends(pid: int, timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while _runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _sockets() -> set[str]:
    descriptors = Path("/proc/self/fd").iterdir()
    links = (os.readlink(entry) for entry in descriptors if entry.is_symlink())
    return {link for link in links if link.startswith("socket:")}


def test_the_code_that_is_measured_comes_from_the_firmware(board: AgentBoard) -> None:
    assert board.origins("hil_agent", "hil_marks", "sys", "jobs") == {
        "hil_agent": "frozen",
        "hil_marks": "frozen",
        "sys": "builtin",
        "jobs": "installed",
    }


def test_a_board_boots_within_half_a_second_or_so(boot_board: Boot) -> None:
    began = time.monotonic()
    boot_board()
    # Twice what is asked of an image, for a machine that is busy with other tests.
    assert time.monotonic() - began < 1.0


def test_console_noise_does_not_corrupt_a_result(board: AgentBoard) -> None:
    assert board.call("jobs:noise", 300, timeout_s=30) == "quiet"
    assert "x" * 100 in board.console_tail()


def test_a_job_may_print_a_lot_before_anyone_waits_for_it(board: AgentBoard) -> None:
    board.install("loud", "def loud(link):\n    print('x' * 20000)\n    link.write(b'!')")
    board.start("loud:loud")
    assert board.link.receive_exactly(1, 30) == b"!"
    assert board.wait(30) is None


def test_a_result_of_several_kilobytes_is_exact(board: AgentBoard) -> None:
    expected = bytes(i & 255 for i in range(6000))
    assert board.call("jobs:big", 6000, timeout_s=30) == expected


def test_arguments_of_several_kilobytes_are_exact(board: AgentBoard) -> None:
    board.install("same", "def same(link, value): return value")
    value = {"data": bytes(range(256)) * 8, "text": "Grüße\n", "numbers": [0, -1, 2**70]}
    assert board.call("same:same", value, timeout_s=30) == value


def test_arguments_that_do_not_fit_fail_the_call_and_not_the_board(boot_board: Boot) -> None:
    board = boot_board(heap_bytes=20_000)
    with pytest.raises(JobFailed, match="MemoryError"):
        board.call("jobs:big", b"\xff" * 30_000, timeout_s=30)
    assert board.call("jobs:big", 3, timeout_s=30) == b"\x00\x01\x02"


def test_a_result_that_does_not_fit_fails_the_job_and_not_the_board(boot_board: Boot) -> None:
    board = boot_board(heap_bytes=20_000)
    with pytest.raises(JobFailed, match="MemoryError"):
        board.call("jobs:big", 30_000, timeout_s=30)
    assert board.call("jobs:big", 3, timeout_s=30) == b"\x00\x01\x02"


def test_a_job_that_raises_fails_with_the_boards_traceback(board: AgentBoard) -> None:
    with pytest.raises(JobFailed) as caught:
        board.call("jobs:bad", timeout_s=30)
    assert caught.value.kind == "ValueError"
    assert caught.value.detail == "planted fault"
    assert "in bad" in caught.value.board_traceback
    assert board.call("jobs:big", 1, timeout_s=30) == b"\x00"


def test_100_kilobytes_of_every_byte_value_are_echoed_unchanged(board: AgentBoard) -> None:
    data = os.urandom(100_000)
    board.start("hil_agent:echo", len(data))
    near, far = socket.socketpair()
    with near, far, Pump(board.link, near) as pump:
        sender = threading.Thread(target=far.sendall, args=(data,))
        sender.start()
        received = bytearray()
        far.settimeout(60)
        while len(received) < len(data):
            received += far.recv(65536)
        sender.join()
        assert board.wait(60) == len(data)
        assert bytes(received) == data
    assert pump.delivered_bytes("board_to_peer") == len(data)
    assert pump.delivered_bytes("peer_to_board") == len(data)


def test_a_board_that_sends_ahead_of_its_peer_waits_and_loses_nothing(board: AgentBoard) -> None:
    size = 400_000
    board.start("jobs:send", size)
    received = board.link.receive_exactly(size, 60)
    assert board.wait(60) == size
    assert received == (bytes(range(256)) * (size // 256 + 1))[:size]


def test_the_link_is_empty_after_a_reset_whatever_was_left_on_it(board: AgentBoard) -> None:
    # More would not fit into the socket: an emulated UART sends every byte as a message.
    assert board.call("jobs:send", 200, timeout_s=30) == 200
    board.link.sendall(b"left behind" * 100)
    board.reset_link()
    board.start("hil_agent:echo", 3)
    board.link.sendall(b"new")
    assert board.link.receive_exactly(3, 10) == b"new"
    assert board.wait(10) == 3


@pytest.mark.parametrize("job", ["jobs:for_ever", "jobs:chatter"])
def test_a_job_without_end_is_a_hang_within_its_time_and_leaves_nothing(
    board: AgentBoard, job: str
) -> None:
    began = time.monotonic()
    with pytest.raises(BoardHang) as caught:
        board.call(job, timeout_s=1.0)
    assert time.monotonic() - began < 2.0
    assert f"hangs in {job}: no answer within 1 s" in str(caught.value)
    assert ("about to spin" in str(caught.value)) or ("still here" in str(caught.value))
    board.close()
    assert not _runs(board.pid)


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
    began = time.monotonic()
    with pytest.raises(BoardDied, match=r"died in jobs:for_ever: \S+ was killed by SIGKILL"):
        board.wait(60)
    assert time.monotonic() - began < 2.0
    killer.join()
    with pytest.raises(BoardDied, match="failed in an earlier call"):
        board.call("jobs:big", 1, timeout_s=1)


def test_a_board_killed_between_jobs_is_noticed_by_the_next(board: AgentBoard) -> None:
    os.kill(board.pid, signal.SIGKILL)
    assert _ends(board.pid)
    with pytest.raises(BoardDied, match="was killed by SIGKILL"):
        board.call("jobs:big", 1, timeout_s=60)


def test_a_board_that_stands_still_hangs_and_can_still_be_ended(board: AgentBoard) -> None:
    os.kill(board.pid, signal.SIGSTOP)
    with pytest.raises(BoardHang):
        board.call("jobs:big", 1, timeout_s=0.5)
    board.close()
    assert not _runs(board.pid)


def test_closing_is_idempotent_and_leaves_no_process_and_no_socket(boot_board: Boot) -> None:
    before = _sockets()
    threads = set(threading.enumerate())
    board = boot_board()
    assert _runs(board.pid)
    board.close()
    board.close()
    assert not _runs(board.pid)
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
    board_name: str, tmp_path: Path, by: signal.Signals
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
        board_pid = int(parent.stdout.readline())
        assert _runs(board_pid)
        parent.send_signal(by)
        parent.wait(10)
        assert _ends(board_pid)


def test_two_boards_at_once_do_not_disturb_each_other(boot_board: Boot) -> None:
    boards = [boot_board(), boot_board()]
    messages = [b"first board" * 500, b"other board" * 500]
    for board, message in zip(boards, messages, strict=True):
        board.start("hil_agent:echo", len(message))
    for board, message in zip(boards, messages, strict=True):
        board.link.sendall(message)
    for board, message in zip(boards, messages, strict=True):
        assert board.link.receive_exactly(len(message), 30) == message
        assert board.wait(30) == len(message)
    boards[0].close()
    assert boards[1].call("jobs:big", 2, timeout_s=30) == b"\x00\x01"


@pytest.mark.parametrize("heap_bytes", [16_384, 16_640, 131_072])
def test_a_board_has_the_heap_it_was_booted_with(boot_board: Boot, heap_bytes: int) -> None:
    board = boot_board(heap_bytes=heap_bytes)
    found = board.call("hil_agent:heap_bytes", timeout_s=10)
    assert isinstance(found, int)
    assert 0.95 * heap_bytes <= found <= heap_bytes


def test_marks_measure_the_job_on_the_board(board: AgentBoard) -> None:
    few, many = (board.call("jobs:marked", rounds, timeout_s=30) for rounds in (500, 1000))
    assert isinstance(few, dict)
    assert isinstance(many, dict)
    assert few["wall_us"] >= 50_000
    ((name, _, live_heap_bytes),) = few["checkpoints"]
    assert name == "summed"
    assert 0 < live_heap_bytes < board.heap_bytes
    if board.target.instructions_per_tick is None:
        assert few["ticks"] is None
    else:
        rounds = (many["ticks"] - few["ticks"]) * board.target.instructions_per_tick / 500
        # An addition, a product and a loop in bytecode on a Cortex-M3.
        assert 300 < rounds < 3000
        assert many["ticks"] * board.target.instructions_per_tick / 25_000_000 < 1


def test_a_heap_that_cannot_be_is_a_boot_error_with_the_boards_own_words(boot_board: Boot) -> None:
    began = time.monotonic()
    with pytest.raises(BootError) as caught:
        boot_board(heap_bytes=64)
    assert time.monotonic() - began < 5
    assert "console" in str(caught.value)


# What only one kind of board can do.
emulated = pytest.mark.parametrize("board_name", ["qemu-cortexm"])
process = pytest.mark.parametrize("board_name", ["unix"])


@emulated
def test_the_same_job_takes_exactly_the_same_instructions_in_two_boots(boot_board: Boot) -> None:
    ticks = []
    for _ in range(2):
        with boot_board() as board:
            ticks.append(board.call("jobs:marked", 2000, timeout_s=30)["ticks"])
    # A boot may fall either way of a tick of the timer.
    assert abs(ticks[0] - ticks[1]) <= 1


@emulated
def test_the_stack_peak_grows_with_the_depth_of_calls(board: AgentBoard) -> None:
    board.install("deep", "def deep(link, n):\n    return n and deep(link, n - 1)")
    peaks = []
    for depth in (1, 20):
        board.call("deep:deep", depth, timeout_s=10)
        peaks.append(board.stack_peak_bytes().value)
    assert peaks[0] is not None
    assert peaks[1] is not None
    assert 500 < peaks[0] < peaks[1] < 16_384


@emulated
def test_the_stack_is_read_while_a_job_runs_and_after_a_hang(board: AgentBoard) -> None:
    with pytest.raises(BoardHang):
        board.call("jobs:for_ever", timeout_s=0.3)
    assert isinstance(board.stack_peak_bytes().value, int)


@emulated
def test_memory_of_a_dead_board_is_an_error(board: AgentBoard) -> None:
    assert isinstance(board, QemuBoard)
    os.kill(board.pid, signal.SIGKILL)
    assert _ends(board.pid)
    with pytest.raises(BoardDied, match="pmemsave"):
        board.memory(0x20000000, 4)


@emulated
def test_a_guest_that_faults_died_with_its_last_words(board: AgentBoard) -> None:
    board.install("wild", "import machine\ndef read(link): return machine.mem32[0xE0000000 - 4]")
    with pytest.raises(BoardDied, match=r"died in wild:read: QEMU ended .*HIL-FAULT"):
        board.call("wild:read", timeout_s=30)


@emulated
def test_a_machine_that_does_not_exist_is_a_boot_error_in_qemus_words(boot_board: Boot) -> None:
    arguments = {"program": "qemu-system-arm", "machine": "toaster", "heap_bytes": 65536}
    with pytest.raises(BootError, match="toaster"):
        boot_board(facts={"boot": BootSpec("qemu", arguments)})


@process
def test_a_file_in_the_current_directory_does_not_shadow_frozen_code(
    boot_board: Boot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hil_marks.py").write_text("raise SystemExit('shadow')")
    (tmp_path / "hil_agent.py").write_text("raise SystemExit('shadow')")
    monkeypatch.chdir(tmp_path)
    assert boot_board().origins("hil_marks") == {"hil_marks": "frozen"}


@process
def test_its_stack_has_a_reason_instead_of_a_figure(board: AgentBoard) -> None:
    figure = board.stack_peak_bytes()
    assert figure.value is None
    assert "cannot be read from outside" in str(figure.reason)


@process
def test_its_link_reads_none_when_nothing_is_there(board: AgentBoard) -> None:
    assert isinstance(board.link, LinkEndpoint)
    board.install("peek", "def peek(link): return link.readinto(bytearray(4))")
    assert board.call("peek:peek", timeout_s=10) is None
    board.link.sendall(b"ab")
    assert board.call("peek:peek", timeout_s=10) == 2
