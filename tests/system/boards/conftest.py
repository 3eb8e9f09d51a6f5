"""Real boards, booted by the farm and driven: one of each kind.

Every claim in this folder is made of each kind of board in `_BOARDS`, a process of this machine
and an emulated Cortex-M3; a claim about one of them parametrizes `board_name` itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil import boot, build, paths, target
from hil.boot.agent_board import AgentBoard

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

def marked(link, rounds, clock):
    from hil_marks import Marks
    marks = Marks(clock=clock)
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


@pytest.fixture
def runs() -> Callable[[int], bool]:
    """Tells whether a process runs, by its id."""
    return _runs


@pytest.fixture
def ends() -> Callable[[int], bool]:
    """Waits for a process to end, by its id, and tells whether it did."""

    def wait(pid: int, timeout_s: float = 5.0) -> bool:
        deadline = time.monotonic() + timeout_s
        while _runs(pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    return wait
