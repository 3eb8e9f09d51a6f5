"""How long it takes to list, select and collect the boards of a large lab."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schedule import children_cpu_s

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SITES = 10

_COLLECT = ("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")


def lab(folder: Path, boards: int) -> Path:
    """Write the file of a lab with so many boards in ten sites; nothing serves their ports."""
    lines = []
    for number in range(boards):
        site = number * SITES // boards
        lines += [
            f"[boards.site-{site}-{number:04d}]",
            'target = "esp32-devkit"',
            f'port = "rfc2217://site-{site}.example:{4000 + number}"',
            f'labels = ["site-{site}", "esp"]',
            "",
        ]
    path = folder / f"lab-{boards}.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Asked:
    """Something asked of a lab, and what that cost.

    Attributes:
        cpu_s: processor time, which other work of the machine changes little.
        lines: that it said.
    """

    what: str
    whole_s: float
    cpu_s: float
    lines: int


def costs(folder: Path, boards: int) -> Iterator[Asked]:
    """Ask a lab of so many boards for lists of them."""
    with_lab = f"--lab={lab(folder, boards)}"
    handshakes = ("tests/system/test_handshake.py", "--peer=openssl")
    asked = {
        "hil targets lab:": ("-m", "hil.cli", "targets", "lab:", with_lab),
        "hil targets label:site-3": ("-m", "hil.cli", "targets", "label:site-3", with_lab),
        "pytest --list-targets": ("-m", "pytest", "--list-targets", with_lab),
        "collect handshakes of label:site-3": (
            *_COLLECT,
            *(*handshakes, with_lab, "--target=label:site-3"),
        ),
        "collect handshakes of lab:": (*_COLLECT, *handshakes, with_lab, "--target=lab:"),
    }
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "140"}
    for name, arguments in asked.items():
        begun_s, before_s = time.monotonic(), children_cpu_s()
        said = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        whole_s, cpu_s = time.monotonic() - begun_s, children_cpu_s() - before_s
        yield Asked(name, whole_s, cpu_s, said.stdout.count("\n"))
