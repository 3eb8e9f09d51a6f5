"""Many stub boards on this machine, and the commands that run jobs on them.

A shelf is a folder with all there is to a lab: `lab.toml`, leases, reports, and the files in which
stubs and runs note what happened. Boards are labelled by site, `site-00` and on, so many to each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE / "project"


@dataclass(frozen=True)
class Event:
    """Something that happened to a board, by CLOCK_MONOTONIC."""

    at_s: float
    board: str
    what: str
    run: str = ""


@dataclass(frozen=True)
class Shelf:
    """A lab of stubs whose ports are served.

    Attributes:
        boards: how many.
        sites: labels, in order.
    """

    folder: Path
    boards: int
    sites: tuple[str, ...]
    work_ms: int

    @property
    def leases(self) -> Path:
        """Folder of the leases."""
        return self.folder / "leases"

    def command(self, *options: str, targets: str = "lab:") -> list[str]:
        """Return the command of a run, with the options a user would give."""
        plugins = ("-p", "no:hil-tls", "-p", "no:hypothesispytest", "-p", "no:cacheprovider")
        return [
            *(sys.executable, "-m", "pytest", "-q", *plugins, str(PROJECT / "job.py")),
            *(f"--rootdir={self.folder}", "-c", str(self.folder / "pytest.ini")),
            *(f"--target-dir={PROJECT}", f"--lab={self.folder / 'lab.toml'}"),
            *(f"--target={targets}", *options),
        ]

    def environment(self, run: str) -> dict[str, str]:
        """Return the environment of a run by this name."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "HIL_"))
        }
        own = {
            "HIL_LEASES": str(self.leases),
            "SCALE_RUN": run,
            "SCALE_LEASES": str(self.folder / "leases.events"),
            "SCALE_WORK_MS": str(self.work_ms),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return {**kept, **own}

    def ports(self) -> list[Event]:
        """Return what happened at the ports."""
        return events_of(self.folder / "ports.events")

    def leased(self) -> list[Event]:
        """Return who had a lease when."""
        return events_of(self.folder / "leases.events")


@contextmanager
def shelf(
    folder: Path, boards: int, *, work_ms: int, boards_per_site: int = 20, scheme: str = "rfc2217"
) -> Iterator[Shelf]:
    """Serve so many boards as long as the `with` block lasts."""
    events = folder / "ports.events"
    events.touch()
    argv = [sys.executable, str(HERE / "ports.py"), str(boards)]
    argv += ["--scheme", scheme, "--events", str(events)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            numbers = server.stdout.readline().split()
            assert len(numbers) == boards, "the stubs' ports could not be opened"
            lines = []
            for number, port in enumerate(numbers):
                lines += [
                    f"[boards.board-{number:04d}]",
                    'target = "stub-board"',
                    f'port = "{scheme}://127.0.0.1:{port}"',
                    f'labels = ["site-{number // boards_per_site:02d}"]',
                    "",
                ]
            (folder / "lab.toml").write_text("\n".join(lines), encoding="utf-8")
            (folder / "pytest.ini").write_text(
                "[pytest]\npython_files = job.py\naddopts = --import-mode=importlib\n",
                encoding="utf-8",
            )
            sites = tuple(f"site-{n:02d}" for n in range(-(-boards // boards_per_site)))
            yield Shelf(folder, boards, sites, work_ms)
        finally:
            server.kill()


def events_of(path: Path) -> list[Event]:
    if not path.exists():
        return []
    events = []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    for line in whole.splitlines():
        at_s, board, what, *run = line.split()
        events.append(Event(float(at_s), board, what, *run))
    return events
