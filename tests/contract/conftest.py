"""Boards that exist only in a test's imagination, for inner pytest runs of the plugin."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import hil.boot
from hil import build, cli, footprint, readiness, tables
from hil.errors import BoardDied, BoardHang, BootError, BuildError
from hil.image import Firmware
from hil.target import Target

# pytester forgets modules that an inner run imported first, and rich does not survive being
# imported twice: whatever an inner run needs of it is loaded here, by using it.
_RICH_USERS = (footprint, readiness, tables.render([tables.empty_table()], 80, color=True))

CONSOLE_TAIL = "MicroPython v1.25.0\n>>> still counting sheep"


@dataclass
class PretendBoard:
    """A board whose every call ends as `behaviour` says."""

    target: Target
    firmware: Firmware
    behaviour: str
    closed: bool = False

    def call(self, function: str, *arguments: object, timeout_s: float) -> object:
        if self.closed:
            raise BoardDied(f"the board is closed\n{CONSOLE_TAIL}")
        if self.behaviour == "hang":
            raise BoardHang(f"{function}: no answer within {timeout_s:g} s\n{CONSOLE_TAIL}")
        if self.behaviour == "die":
            raise BoardDied(f"{function}: the console closed\n{CONSOLE_TAIL}")
        return list(arguments)

    def console_tail(self, lines: int = 40) -> str:
        return CONSOLE_TAIL

    def close(self) -> None:
        self.closed = True


@dataclass
class PretendLab:
    """All boards booted by inner runs; `behaviour` applies to those booted from now on."""

    behaviour: str = "work"
    boards: list[PretendBoard] = field(default_factory=list)
    boot_arguments: list[dict[str, object]] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)

    def boot(
        self, target: Target, firmware: Firmware, *, log_dir: Path, **arguments: object
    ) -> PretendBoard:
        (log_dir / "console.log").write_text(CONSOLE_TAIL)
        self.boot_arguments.append(arguments)
        if self.behaviour == "dead on arrival":
            raise BootError(f"{target.name}: no prompt within 20 s\n{CONSOLE_TAIL}")
        board = PretendBoard(target, firmware, self.behaviour)
        self.boards.append(board)
        return board

    def ensure(self, image: str, progress: Callable[[str], None] | None = None) -> Firmware:
        self.builds.append(image)
        if self.behaviour == "unbuildable":
            raise BuildError(f"make failed for {image}")
        if progress is not None:
            progress(f"{image}: built in 0.0 s")
        sha256 = hashlib.sha256(image.encode()).hexdigest()
        return Firmware(image, Path("/nowhere"), sha256, "1.25.0", {}, None, None)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> PretendLab:
    """Replace booting and building by pretence, for this process and its inner runs."""
    pretend = PretendLab()
    monkeypatch.setattr(hil.boot, "boot", pretend.boot)
    monkeypatch.setattr(build, "ensure", pretend.ensure)
    monkeypatch.setenv("COLUMNS", "140")  # the form of the table is that of a wide terminal
    return pretend


@pytest.fixture
def only_this_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let inner runs do without the TLS rig, which is another plugin, and slow imports."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hil-tls -p no:hypothesispytest")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # of the outer run


@pytest.fixture(name="hil")
def hil_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Function that runs the command: status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


_IN_A_PROCESS_OF_ITS_OWN = """
LAB = PretendLab()
hil.boot.boot = LAB.boot
build.ensure = LAB.ensure


def pytest_unconfigure():
    still_open = [board for board in LAB.boards if not board.closed]
    print(f"{len(LAB.boards)} booted, {len(still_open)} left open")
"""


@pytest.fixture
def lab_conftest(pytester: pytest.Pytester) -> None:
    """The same pretence for an inner run in a process of its own, which says what it booted."""
    pytester.makeconftest(Path(__file__).read_text(encoding="utf-8") + _IN_A_PROCESS_OF_ITS_OWN)
