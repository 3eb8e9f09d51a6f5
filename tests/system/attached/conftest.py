"""Boards on a cable, simulated at the serial line (tests/simboard)."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil import boot, build, process, target
from hil.boot.attached import AttachedBoard
from hil.target import Target

SIMBOARD = Path(__file__).parents[2] / "simboard"

# Starts a simulated board of a kind with options of the program; returns its URL.
Simulate = Callable[..., str]
# Boots the board at a URL: kind, URL, and arguments of the driver to replace.
BootAt = Callable[..., AttachedBoard]


@pytest.fixture(scope="module")
def simulate() -> Iterator[Simulate]:
    with ExitStack() as running:

        def start(kind: str, *options: str) -> str:
            argv = [sys.executable, str(SIMBOARD), kind, *options]
            child = process.supervised(argv, stdout=subprocess.PIPE)
            running.callback(process.stop, child)
            assert child.stdout is not None
            return child.stdout.readline().decode().strip()

        yield start


def target_at(kind: str, url: str, *, boot_s: float = 20.0, **arguments: object) -> Target:
    facts = target.load(SIMBOARD / "targets" / f"simulated-{kind}.toml")
    replaced = {**facts.boot.arguments, "port": url, **arguments}
    kept = {key: value for key, value in replaced.items() if value is not None}
    return dataclasses.replace(
        facts,
        boot=dataclasses.replace(facts.boot, arguments=kept),
        timeouts=dataclasses.replace(facts.timeouts, boot_s=boot_s),
    )


@pytest.fixture
def boot_at(tmp_path: Path) -> Iterator[BootAt]:
    with ExitStack() as boards:

        def start(kind: str, url: str, **changes: object) -> AttachedBoard:
            facts = target_at(kind, url, **changes)  # type: ignore[arg-type]
            board = boot.boot(facts, build.ensure(facts.image), log_dir=tmp_path)
            assert isinstance(board, AttachedBoard)
            boards.callback(board.close)
            return board

        yield start
