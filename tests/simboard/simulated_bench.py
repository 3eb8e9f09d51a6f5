"""A bench of simulated boards with switches, and runs of pytest on them, as a user starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hil import process
from hil.heal.marks import Mark, listed
from hil.lab.lease import holders

SIMBOARD = Path(__file__).parent
CHECKOUT = SIMBOARD.parents[1]

TESTS = """
import pytest
from hil.report import Cell

@pytest.mark.parametrize("scenario", ["one", "two"])
def test_board(dut, hil_target, hil_record, scenario):
    assert dut.call("hil_agent:heap_bytes", timeout_s=10) > 0
    hil_record(Cell(hil_target.name, None, None, scenario, verdict="pass"))
"""
HANDSHAKE = ("tests/system/test_handshake.py", "--peer=openssl", "--scenario=tls13-psk")

# Long enough on a busy machine, and no test waits for more than a few of these.
_TIMES = "[timeouts]\nboot_s = 4\njob_s = 15\nheal_s = 120\n"
_ENDS_WITHIN_S = 300
_CHIP = '[flash]\nmethod = "esptool"\nchip = "esp32"\naddress = 0x1000\nstub = false\n'


@dataclass
class Run:
    """A run that has ended."""

    status: int
    said: str
    verdicts: dict[str, list[str]]  # board -> verdicts of its cells
    reasons: list[str]


@dataclass
class Bench:
    """A folder with a lab, and the simulated boards in it.

    Attributes:
        folder: where everything is; its path must be short, for the sockets in it.
    """

    folder: Path
    _lab: str = '[lab]\nleases = "leases"\n'
    _running: ExitStack = field(default_factory=ExitStack)
    _runs: int = 0

    def __post_init__(self) -> None:
        targets = self.folder / "targets"
        targets.mkdir()
        for kind, more in (("mbed", ""), ("esp32", _CHIP)):
            text = (SIMBOARD / "targets" / f"simulated-{kind}.toml").read_text()
            head, _, _ = text.partition("[timeouts]")
            (targets / f"simulated-{kind}.toml").write_text(head + _TIMES + more)
        (self.folder / "test_bench.py").write_text(TESTS)

    def board(self, name: str, *options: str, lab: str = "", power: str | None = None) -> None:
        """Put a board of our own firmware on the bench.

        Args:
            name: in the lab.
            options: of the simulation.
            lab: more lines of its table.
            power: the command of its switch; None: the one that works.
        """
        program = [str(SIMBOARD), "mbed", f"--door={self.door(name)}", *options]
        self._plug_in(name, "simulated-mbed", program, lab, power)

    def chip(self, name: str, *options: str, lab: str = "") -> None:
        """Put an ESP32 on the bench whose firmware is what its flash says."""
        flash = self.folder / f"{name}.flash"
        program = [str(SIMBOARD / "esp_chip.py"), str(flash), f"--door={self.door(name)}", *options]
        self._plug_in(name, "simulated-esp32", program, lab, None)

    def _plug_in(
        self, name: str, kind: str, program: list[str], lab: str, power: str | None
    ) -> None:
        child = process.supervised([sys.executable, *program], stdout=subprocess.PIPE)
        self._running.callback(process.stop, child)
        assert child.stdout is not None
        url = child.stdout.readline().decode().strip()
        switch = power or f"{self.switch(name)} {{action}}"
        self.declare(name, kind, f'port = "{url}"\npower = "{switch}"\n{lab}')

    def switch(self, name: str) -> str:
        """Return the command that switches the power of a board, without `on` or `off`."""
        return f"{sys.executable} {SIMBOARD / 'door.py'} {self.door(name)}"

    def declare(self, name: str, kind: str, lines: str) -> None:
        """Add a board to the lab."""
        self._lab += f'[boards.{name}]\ntarget = "{kind}"\n{lines}\n'
        (self.folder / "lab.toml").write_text(self._lab)

    def door(self, name: str) -> Path:
        """Return where the door of a board is."""
        return self.folder / f"{name}.door"

    def repair(self, name: str) -> None:
        """Repair what is wrong with a board."""
        subprocess.run([*self.switch(name).split(), "repair"], check=True)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a run of pytest on all boards of the lab.

        Args:
            arguments: options; before them a path in the checkout, for other tests than `TESTS`.
        """
        self._runs += 1
        ours = bool(arguments) and arguments[0].startswith("tests/")
        what = arguments if ours else ("test_bench.py", *arguments)
        where = CHECKOUT if ours else self.folder
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *what]
        argv += [f"--target-dir={self.folder / 'targets'}", f"--lab={self.folder / 'lab.toml'}"]
        argv += [f"--report={self.folder / f'report-{self._runs}'}"]
        argv.append("--target=lab:")
        return subprocess.Popen(
            argv,
            cwd=where,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> Run:
        """Let a run of pytest end, within its time."""
        with self.start(*arguments) as started:
            self._running.callback(started.kill)
            said, _ = started.communicate(timeout=_ENDS_WITHIN_S)
        report = self.folder / f"report-{self._runs}" / "report.json"
        verdicts: dict[str, list[str]] = {}
        reasons = []
        for cell in json.loads(report.read_text())["cells"] if report.is_file() else []:
            verdicts.setdefault(cell["target"].partition("@")[2], []).append(cell["verdict"])
            reasons.append(cell["reason"] or "")
        return Run(started.returncode, said, verdicts, reasons)

    def hil(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `hil` in the bench's folder."""
        argv = [sys.executable, "-m", "hil.cli", *arguments]
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=_ENDS_WITHIN_S,
            check=False,
        )

    def marks(self) -> list[Mark]:
        """Return the marks of its boards."""
        return listed(self.folder / "leases")

    def healing(self) -> str:
        """Return what the latest run has done to heal its boards."""
        logs = (self.folder / f"report-{self._runs}").glob("artefacts/**/healing*")
        return "".join(log.read_text() for log in logs)

    def is_free(self) -> bool:
        """Whether nobody holds a board."""
        return holders(self.folder / "leases") == []

    def close(self) -> None:
        """Clear the bench."""
        self._running.close()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HIL_L")}
    return {**kept, "COLUMNS": "140", "PYTEST_ADDOPTS": "-p no:hypothesispytest"}
