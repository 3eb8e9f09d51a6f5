"""Brings a board on a cable to its raw REPL, by the gentlest way that works, and asks who it is.

The rungs, from the gentlest: Ctrl-C; a run of Ctrl-C that also ends a session of frames somebody
left behind; the reset that the board's circuit offers (`hil.reset`). After each the interpreter is
started anew (soft reset), which makes its heap a fresh one. A port that is absent, in use, or
forbidden is told apart by `hil.serial_port`; a board that is silent, one that never stops starting,
one that waits for firmware, and one that is no MicroPython, by what it said.

What it does not do: anything that the port alone cannot (`hil.heal` has the heavier rungs).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import serial

from hil import console, reset
from hil.agent import ChannelClosed, ChannelTimeout, Refused
from hil.boot.request import BootRequest
from hil.errors import BoardUnwell, BootError, HilError, WrongFirmware
from hil.rawrepl import RawRepl
from hil.serial_port import LoggedPort, open_port, port_of

BAUD = 115_200
CTRL_C_RUN = b"\x03" * 1500
# What a board that is not well, or a line that is not, makes of a conversation.
TROUBLES = (ChannelClosed, ChannelTimeout, Refused, console.ConsoleError)

_QUICK_S = 2.0
_RESTARTS = 3
_WHO = """
import sys
i=sys.implementation
print((i[0],tuple(i[1])[:3],getattr(i,'_machine',sys.platform),getattr(i,'_mpy',0)))
"""
# What the loader in ROM says when IO0 is held low; its other lines begin "ets " or "rst:".
_WAITS_FOR_FIRMWARE = ("waiting for download", "DOWNLOAD_BOOT", "DOWNLOAD(")
_STARTS = ("rst:0x", 'Type "help()" for more information')

Reset = Callable[[], None]


@dataclass(frozen=True)
class Identity:
    """What a board says of its MicroPython."""

    version: str
    machine: str
    mpy: int


def opened(request: BootRequest, log: Path) -> LoggedPort:
    """Open the board's port for this run alone.

    Raises:
        BootError: it is not there, or cannot be opened; says why.
    """
    url = port_of(request.target.boot.arguments, request.target.identify)
    return LoggedPort(open_port(url, request.optional("baud", int) or BAUD), log)


def wanted(request: BootRequest) -> str:
    """Return the version of MicroPython that the board should run."""
    return request.optional("micropython", str) or request.firmware.micropython


def reset_of(request: BootRequest, port: LoggedPort) -> Reset | None:
    """Return what resets the board through its port; None where nothing does.

    Raises:
        TargetFileError: there is no such way.
    """
    method = request.optional("reset", str) or "none"
    if method not in reset.METHODS:
        raise request.error("reset", f"{method!r} is none of {', '.join(reset.METHODS)}")
    hard = reset.METHODS[method]
    return None if hard is None or not port.has_lines else lambda: hard(port)


def interrupt(
    name: str,
    repl: RawRepl,
    port: LoggedPort,
    reset_hard: Reset | None,
    log: Path,
    patience_s: float,
) -> None:
    """Bring the board to a fresh raw REPL.

    Args:
        name: of the board, for messages.
        log: of what came over the port.
        patience_s: how long it may take to come up after its reset.

    Raises:
        BoardUnwell: it does not come there; says what keeps it, as far as it has said anything.
    """
    quick_s = min(_QUICK_S, patience_s)
    rungs: list[tuple[Callable[[], object], float]] = [
        (lambda: None, quick_s),
        (lambda: port.write(CTRL_C_RUN), quick_s),
    ]
    if reset_hard is not None:
        rungs.append((reset_hard, patience_s))
    else:  # what came right after the run may have been too much at once, and lost
        rungs.append((lambda: None, quick_s))
    for act, wait_s in rungs:
        try:
            act()
        except (serial.SerialException, OSError) as error:
            raise ChannelClosed(f"the port is gone: {error}") from error
        with suppress(ChannelTimeout):
            repl.enter(wait_s)
            repl.enter(wait_s, soft_reset=True)
            return
    raise BoardUnwell(_diagnosis(name, log, hard=reset_hard is not None))


def identify(name: str, repl: RawRepl, wanted: str, timeout_s: float) -> Identity:
    """Ask the board for its firmware, and refuse one that is not the right one.

    Args:
        name: of the board, for messages.
        wanted: the version of MicroPython that it should run.

    Raises:
        WrongFirmware: it runs something else.
        BoardUnwell: it says nothing that makes sense.
    """
    said = repl.execute(_WHO, timeout_s).decode("utf-8", "replace").strip()
    try:
        kind, version, machine, number = ast.literal_eval(said)
    except (ValueError, SyntaxError):
        raise BoardUnwell(f"{name} does not say what it runs, but {said[:200]!r}") from None
    identity = Identity(".".join(map(str, version)), machine, number)
    if kind != "micropython":
        raise WrongFirmware(f"{name} runs {kind}, not MicroPython")
    if identity.version != wanted:
        raise WrongFirmware(
            f"{name} runs MicroPython {identity.version} ({identity.machine}), not {wanted}; flash "
            f"the right one (`hil flash {name}`) or correct boot.micropython"
        )
    return identity


def did_not_boot(request: BootRequest, log: Path, error: HilError) -> BootError:
    """Return the error of a board with which no conversation succeeds."""
    name = request.target.name
    if _restarts(log) >= _RESTARTS:
        return BoardUnwell(_restarting(name, log))
    return BoardUnwell(f"{name} did not boot: {error}{console.quoted_tail(log)}")


def _diagnosis(name: str, log: Path, *, hard: bool) -> str:
    """Say what keeps the board from answering, as far as it has said anything."""
    text = console.tail(log, 200)
    if not text.strip():
        no_line = "Ctrl-C (there is no boot.reset, or the port has no control lines)"
        tried = "Ctrl-C and its reset line" if hard else no_line
        return (
            f"{name} is silent: nothing came over its port after {tried}; check power and cable, "
            "that it is the right port, and boot.baud"
        )
    tail = console.quoted_tail(log)
    if any(mark in text for mark in _WAITS_FOR_FIRMWARE):
        return (
            f"{name} is in its boot loader and waits for firmware: release the boot button or line "
            f"and reset it, or flash it (`hil flash {name}`){tail}"
        )
    if _restarts(log) >= _RESTARTS:
        return _restarting(name, log)
    return (
        f"{name} says something, but is no MicroPython that answers: wrong port, wrong boot.baud, "
        f"or other firmware; flash it (`hil flash {name}`){tail}"
    )


def _restarts(log: Path) -> int:
    """Return how often the board has said what it says when it starts."""
    text = console.tail(log, 1000)
    return max(text.count(mark) for mark in _STARTS)


def _restarting(name: str, log: Path) -> str:
    return (
        f"{name} starts again and again: its supply may be too weak (brown-out), or its firmware "
        f"crashes; check the supply, then flash it (`hil flash {name}`){console.quoted_tail(log)}"
    )
