"""Flashing by `esptool`: boards with a chip of Espressif's, over a serial port.

esptool resets the chip into the loader in its ROM, writes, and compares the MD5 sum of what is in
the flash. It runs as a program of its own; which step it is at is told by what it says, in the
words of its versions 4 and 5. The port may be a device or a URL of pyserial's (`rfc2217://`).
"""

from __future__ import annotations

import importlib.metadata
import re
import sys

from hil.errors import MissingTool
from hil.flash import STEPS, Done, FlashUsageError, Request, Step, program

INSTALL = 'pip install "pytest-hil[esp]"'

# What esptool says when a step begins; "connect" begins with the program.
_BEGINS: tuple[tuple[Step, re.Pattern[str]], ...] = (
    ("erase", re.compile(r"Flash will be erased from|Erasing flash|Configuring flash size")),
    ("write", re.compile(r"(Took .* to erase|Compressed \d+ bytes|Writing at 0x)")),
    ("verify", re.compile(r"Wrote \d+ bytes")),
    ("restart", re.compile(r"Hash of data verified")),
)
_IDENTITY = re.compile(r"(?:Chip is|Chip type:|(?=MAC:))\s*(.*)")
_RESTART = re.compile(r"(?:Hard|Soft) resetting|Staying in")
_PROBLEM = re.compile(
    r"A (?:fatal|serial exception) error occurred: (.*)|(\w*(?:Error|Exception): .*)"
)
_MAGIC = 0xE9

_AGAIN = (
    "the loader in the chip's ROM cannot be overwritten: run the same command again, with a lower "
    "--baud if it fails again"
)
_RECOVERY: dict[Step, str] = {
    "connect": "check cable, port and chip; nothing has been written. If the board does not enter "
    "its loader by itself, hold its BOOT button, press and release EN (reset), and run the command "
    "again",
    "restart": "press the board's EN (reset) button; the firmware has been written and verified",
}


def flash(request: Request, done: Done) -> None:
    """Write the file to the chip's flash and let esptool verify it.

    Raises:
        FlashUsageError: no port, or a file that is no image for such a chip.
        MissingTool: esptool is not installed.
        FlashError: a step failed.
    """
    if request.port is None:
        raise FlashUsageError(f"{request.target.name}: no port is known; give --port=URL")
    address = request.target.flash.get("address", 0)
    with request.firmware.open("rb") as file:
        if file.read(1) != bytes([_MAGIC]):
            raise FlashUsageError(
                f"{request.firmware}: no image for a chip of Espressif's (it must begin with 0xE9)"
            )
    argv = [sys.executable, "-m", "esptool", "--chip", request.fact("chip")]
    argv += ["--port", request.port, "--baud", str(request.baud or 460_800)]
    if not request.stub or request.target.flash.get("stub") is False:
        argv.append("--no-stub")
    argv += [_write_command(), f"{address:#x}", str(request.firmware)]
    listener = _Listener(done)
    try:
        status = program.run(argv, request.program_s, listener.hear)
    except program.TooSlow as error:
        raise request.failed(listener.step, str(error), _recovery(listener.step)) from error
    if status != 0:
        problem = listener.problem or f"esptool ended with status {status}: {listener.last}"
        raise request.failed(listener.step, problem, _recovery(listener.step))
    listener.finish()


def _write_command() -> str:
    try:
        version = importlib.metadata.version("esptool")
    except importlib.metadata.PackageNotFoundError:
        raise MissingTool("esptool", INSTALL) from None
    return "write_flash" if int(version.partition(".")[0]) < 5 else "write-flash"


def _recovery(step: Step) -> str:
    return _RECOVERY.get(step, _AGAIN)


class _Listener:
    """Follows what esptool says.

    Attributes:
        step: the step it is at.
        problem: what it calls the reason of its failure; None before.
        last: its last line.
    """

    def __init__(self, done: Done) -> None:
        self.step: Step = "connect"
        self.problem: str | None = None
        self.last = ""
        self._done = done
        self._notes: dict[Step, str] = {"verify": "MD5 of the chip's flash is that of the file"}

    def hear(self, line: str) -> None:
        """Take one line."""
        self.last = line
        if (found := _IDENTITY.match(line)) is not None:
            said = " ".join(found.group(1).split())
            known = self._notes.get("connect")
            self._notes["connect"] = f"{known}, {said}" if known else said
        elif line.startswith("Wrote "):
            self._notes["write"] = line.rstrip(".")
        elif _RESTART.match(line):
            self._notes["restart"] = line.rstrip(".")
        elif (found := _PROBLEM.search(line)) is not None:
            self.problem = found.group(1) or found.group(2)
        for step, pattern in _BEGINS:
            if pattern.match(line):
                self._advance(step)

    def finish(self) -> None:
        """Say that the last step is done."""
        self._done(self.step, self._notes.get(self.step, ""))

    def _advance(self, step: Step) -> None:
        """Go to a step; the ones before it are done."""
        for passed in STEPS[STEPS.index(self.step) : STEPS.index(step)]:
            self._done(passed, self._notes.get(passed, ""))
        self.step = max(self.step, step, key=STEPS.index)
