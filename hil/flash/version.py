"""Asks a board what it runs, after it has been flashed: the last step of every method.

The board starts meanwhile, and its port may be away for a while (USB); so opening the port and
entering the REPL are tried again until the patience is over, with the board's own reset
(`boot.reset`) once it has kept silent.
"""

from __future__ import annotations

import ast
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import serial

from hil import console, reset
from hil.agent import ChannelClosed, ChannelTimeout, Refused
from hil.errors import BootError
from hil.flash import Done, Request
from hil.rawrepl import RawRepl
from hil.serial_port import LoggedPort, open_port

_BAUD = 115_200
_STEP_S = 2.0
_AGAIN_S = 0.1
_WHO = (
    "import sys;i=sys.implementation;"
    "print((i[0],'.'.join(str(n) for n in i[1][:3]),getattr(i,'_machine',sys.platform)))"
)
_TROUBLES = (BootError, ChannelClosed, ChannelTimeout, Refused, serial.SerialException, OSError)
_RECOVERY = (
    "press the board's reset button and look at what it says (mpremote repl); if it does not "
    "start, flash it again with MicroPython's firmware for exactly this board"
)


@dataclass(frozen=True)
class Answer:
    """What a board says it runs."""

    name: str
    version: str
    machine: str

    def __str__(self) -> str:
        """Return it for people."""
        name = "MicroPython" if self.name == "micropython" else self.name
        return f"{name} {self.version}, {self.machine}"


def check(request: Request, done: Done) -> None:
    """Read the version back and compare it with that of the target file, if it names one.

    Raises:
        FlashError: the board does not answer, or runs something else.
    """
    answer = _ask(request)
    wanted = request.target.boot.arguments.get("micropython")
    if answer.name != "micropython":
        raise request.failed("version", f"the board runs {answer}, not MicroPython", _RECOVERY)
    if isinstance(wanted, str) and answer.version != wanted:
        raise request.failed(
            "version",
            f"the board runs {answer}, not {wanted} as boot.micropython says",
            f"flash a file of MicroPython {wanted}, or correct {request.target.path.name}",
        )
    done("version", str(answer))


def _ask(request: Request) -> Answer:
    deadline_s = time.monotonic() + request.patience_s
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:
        log = Path(folder) / "console.log"
        resetting = False
        while True:
            try:
                return _answer(request, log, resetting=resetting)
            except _TROUBLES as error:
                if time.monotonic() >= deadline_s:
                    said = console.tail(log, 5).strip() if log.exists() else ""
                    problem = f"{error}; the board says {said!r}" if said else str(error)
                    raise request.failed("version", problem, _RECOVERY) from error
                resetting = isinstance(error, ChannelTimeout)
            time.sleep(_AGAIN_S)


def _answer(request: Request, log: Path, *, resetting: bool) -> Answer:
    """Ask once."""
    assert request.port is not None
    arguments = request.target.boot.arguments
    baud = arguments.get("baud")
    port = open_port(request.port, baud if isinstance(baud, int) else _BAUD)
    with closing(LoggedPort(port, log)) as logged:
        hard = reset.METHODS[str(arguments.get("reset", "none"))]
        if resetting and hard is not None:
            hard(logged)
        repl = RawRepl(logged, step_timeout_s=_STEP_S)
        repl.enter(_STEP_S)
        said = repl.execute(_WHO, _STEP_S).decode("utf-8", "replace").strip()
        repl.leave()
    try:
        return Answer(*ast.literal_eval(said))
    except (ValueError, SyntaxError, TypeError):
        raise Refused(f"it answers {said[:200]!r}") from None
