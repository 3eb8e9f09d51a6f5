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


def beside(kind: str, *command: str) -> list[str]:
    """Return the command that runs another one beside a simulated board."""
    return [sys.executable, str(SIMBOARD), kind, "--", *command]


# Started first and looked at last: most of its time goes by beside the other tests' waiting.
@pytest.fixture(scope="package", autouse=True)
def whole_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[str], Path] | None]:
    """A run of two boards against OpenSSL by the command a user types, and its report's folder."""
    if not any(item.path.name == "test_whole_runs.py" for item in request.session.items):
        yield None
        return
    report = tmp_path_factory.mktemp("whole") / "report"
    run = [
        *(sys.executable, "-m", "pytest", "-q", "tests/system/test_handshake.py"),
        f"--target-dir={SIMBOARD / 'targets'}",
        *("--target=simulated-mbed", "--target=simulated-esp32"),
        *("--peer=openssl", "--scenario=tls13-psk", f"--report={report}"),
    ]
    with subprocess.Popen(
        beside("esp32", *beside("mbed", *run)),
        cwd=SIMBOARD.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as started:
        yield started, report
        started.terminate()
