"""Flashing by the program `pyocd` through a debug probe: any Cortex-M chip that it knows.

`[flash] chip` is pyocd's name of the chip, `[identify] probe_id` chooses among several probes.
Which step failed is told by what pyocd says. It compares checksums to skip what needs no writing,
but does not read back what it wrote: that is left to the version over the REPL.
"""

from __future__ import annotations

import re
import shutil

from hil.errors import MissingTool
from hil.flash import Done, FlashUsageError, Request, Step, program

INSTALL = "pip install pyocd"
_SUFFIXES = (".elf", ".hex", ".bin")
_LOADING = re.compile(r"\d+ I Loading ")
_RESULT = re.compile(r"\d+ I (Erased .*?)\s*(?:\[\w+\])?$")
# Levels of its log: C is critical, E an error; the source of the line stands in brackets behind it.
_PROBLEM = re.compile(r"(?:\d+ [CE] |\w*Error: |(?=No connected))(.*?)\s*(?:\[\w+\])?$")
_RECOVERY = (
    "check cable and power of the probe and that no other program uses it (`pyocd list`); the "
    "probe can always write again: run the same command again, with the board's reset button held "
    "until it connects if the chip does not let itself be stopped"
)


def flash(request: Request, done: Done) -> None:
    """Write the file to the chip through its probe, and let it start.

    Raises:
        FlashUsageError: the file is of no kind that pyocd takes.
        MissingTool: pyocd is not installed.
        FlashError: a step failed.
    """
    chip = request.fact("chip")
    if request.firmware.suffix.lower() not in _SUFFIXES:
        raise FlashUsageError(f"{request.firmware}: pyocd takes {', '.join(_SUFFIXES)}")
    tool = shutil.which("pyocd")
    if tool is None:
        raise MissingTool("pyocd", INSTALL)
    argv = [tool, "flash", "--no-wait", "--target", chip]
    probe = request.target.identify.get("probe_id")
    if isinstance(probe, str):
        argv += ["--uid", probe]
    said: list[str] = []
    try:
        status = program.run([*argv, str(request.firmware)], request.program_s, said.append)
    except program.TooSlow as error:
        raise request.failed(_step(said), str(error), _RECOVERY) from error
    problems = [found.group(1) for line in said if (found := _PROBLEM.match(line))]
    if status != 0 or problems:
        problem = "; ".join(problems) if problems else f"pyocd ended with status {status}"
        raise request.failed(_step(said), problem, _RECOVERY)
    results = [found.group(1) for line in said if (found := _RESULT.match(line))]
    done("connect", f"chip {chip}")
    done("write", results[-1] if results else f"{request.firmware.stat().st_size} bytes")


def _step(said: list[str]) -> Step:
    """Return the step that pyocd was at when it had said this."""
    if not any(_LOADING.match(line) for line in said):
        return "connect"
    return "erase" if any("erase" in line.lower() for line in said[-3:]) else "write"
