"""Runs the farm's own commands and reads the reports they write."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import BenchError, Figure
from hil import document, paths
from hil.document import Document
from hil.errors import HilError

_SHOWN_LINES = 15
# Whoever runs the bench from within pytest does not mean the runs in here.
_PYTEST = "PYTEST_"


def report_of(command: Sequence[str], report_dir: Path) -> Document:
    """Run a Python command of the farm in its checkout and return the report it wrote.

    A cell that does not pass ends the command with status 1, but the figures are there.

    Args:
        command: what follows `python`.
        report_dir: where it was told to write.

    Raises:
        BenchError: there is no report; with the end of what the command said.
    """
    environment = {name: value for name, value in os.environ.items() if _PYTEST not in name}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=checkout(),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    tail = "\n  ".join(done.stdout.splitlines()[-_SHOWN_LINES:])
    shown = f"python {' '.join(command)} ended with status {done.returncode}:\n  {tail}"
    if done.returncode not in (0, 1):
        raise BenchError(shown)
    try:
        return document.read(report_dir)
    except HilError as error:
        raise BenchError(f"{shown}\n{error}") from error


def checkout() -> Path:
    """Return the root of the source tree.

    Raises:
        BenchError: the farm is installed without one.
    """
    found = paths.checkout()
    if found is None:
        raise BenchError("the bench runs in a checkout of the farm, for its tests and recordings")
    return found


def figures_of(cell: Document, subject: str, scenario: str) -> Iterator[Figure]:
    """Return the figures of a cell of a report, by `scenario.measurement`."""
    for entry in cell["measurements"]:
        yield Figure(
            subject,
            f"{scenario}.{entry['name']}",
            entry["value"],
            entry["unit"],
            entry["method"],
            entry["reason"],
        )
