"""The heavier rungs of the ladder: power cycle, reflash, and the mark where neither helps.

After each rung the board is tried again, which begins with the gentle ones. The whole has an end:
`timeouts.heal_s` of the target file. No rung is begun after it, a program that flashes is ended by
it, and what is tried after a rung waits no longer for the board than is left, but for a moment.

A failure that is not the board's doing ends the climb as it is, without a mark.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from hil import serial_port
from hil.errors import (
    BoardDied,
    BoardHang,
    BoardUnwell,
    BoardWedged,
    HilError,
    InfraError,
    MissingTool,
    WrongFirmware,
)
from hil.flash import FlashError, Request
from hil.flash.command import METHODS
from hil.heal import marks, power
from hil.lab.holding import Held, PowerSwitch
from hil.target import Target

_T = TypeVar("_T")

# What a board may end a boot with that a heavier rung may heal.
ILL = (BoardUnwell, WrongFirmware, BoardDied, BoardHang)
_NOT_BY_POWER = (WrongFirmware,)
# The least time that a board has to answer after a rung.
_MOMENT_S = 2.0
# Of a reason, in one line of progress; what keeps a board from booting is its first line.
_HEADLINE_CHARACTERS = 100


@dataclass(frozen=True)
class Patient:
    """A board that is to be healed.

    Attributes:
        held: it is this process's own.
        folder: of the leases, where its mark is.
        multiplier: stretches all waits.
        say: told every step.
        firmware: the file to put on it; None when it may not be flashed.
    """

    held: Held
    folder: Path
    multiplier: float
    say: Callable[[str], None]
    firmware: Path | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.held.target.name

    @property
    def key(self) -> str:
        """What it is."""
        assert self.held.key is not None
        return self.held.key

    @property
    def switch(self) -> PowerSwitch | None:
        """What switches its power; that of the lab before that of its place."""
        return power.switch_of(self.held.target) or self.held.power


@dataclass(frozen=True)
class _Rung:
    """One thing to do, unless the board fails with one of the errors that it cannot mend."""

    name: str
    act: Callable[[float], None]
    mends_not: tuple[type[HilError], ...] = ()


def patient(
    held: Held, folder: Path, multiplier: float, say: Callable[[str], None] | None
) -> Patient:
    """Return a board as a patient, to be flashed only if its lab allows it."""
    place = held.target.place
    firmware = place.firmware if place is not None and place.reflash else None
    return Patient(held, folder, multiplier, say or (lambda _: None), firmware)


def climb(ill: Patient, attempt: Callable[[Target], _T], found: HilError) -> _T:
    """Heal a board: climb until an attempt succeeds, and return what that returns.

    Args:
        ill: the board.
        attempt: tries it; given the board with the time that it may take.
        found: what ended the attempt before.

    Raises:
        BoardWedged: nothing has healed it; it is marked.
        InfraError: a rung could not be climbed, through no fault of the board.
        HilError: an attempt ended with an error that no rung is for.
    """
    end_s = time.monotonic() + ill.held.target.timeouts.heal_s * ill.multiplier
    tried: list[str] = []
    for rung in _rungs(ill):
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            ill.say(f"{ill.name}: no time is left for {rung.name} (timeouts.heal_s)")
            break
        if isinstance(found, rung.mends_not):
            continue
        ill.say(f"{_headline(ill.name, found)}; trying: {rung.name}")
        tried.append(rung.name)
        try:
            rung.act(left_s)
            return attempt(_hurried(ill, end_s - time.monotonic()))
        except (*ILL, FlashError) as error:
            found = error
    reason = str(found)
    marks.write(ill.folder, ill.name, ill.key, reason, tuple(tried))
    done = f"{' and '.join(tried)} did not heal it" if tried else "nothing else can be done to it"
    raise BoardWedged(
        f"{ill.name} is wedged, {done} (`hil heal {ill.name}` tries again): {reason}"
    ) from found


def _rungs(ill: Patient) -> Iterator[_Rung]:
    switch = ill.switch
    if switch is not None:
        yield _Rung("power cycle", lambda _: _cycle(ill, switch), _NOT_BY_POWER)
    if ill.firmware is not None and ill.held.target.flash:
        file = ill.firmware
        yield _Rung("reflash", lambda left_s: _reflash(ill, file, left_s))


def _cycle(ill: Patient, switch: PowerSwitch) -> None:
    try:
        switch.cycle(power.OFF_S)
    except InfraError:
        raise
    except HilError as error:
        raise InfraError(f"{ill.name}: the switch of its power: {error}") from error
    port = ill.held.target.boot.arguments.get("port")
    if isinstance(port, str):
        serial_port.await_return(port)  # a device on USB has gone with the power


def _reflash(ill: Patient, file: Path, left_s: float) -> None:
    target = ill.held.target
    port = target.boot.arguments.get("port")
    request = Request(
        target,
        file,
        port=port if isinstance(port, str) else None,
        limit_s=left_s,
        patience_s=left_s,
    )
    if not file.is_file():
        raise InfraError(f"{ill.name}: {file}: there is no such file to flash it with")
    flash = METHODS[str(target.flash["method"])]
    try:
        flash(request, lambda step, note: ill.say(f"{ill.name}: reflash: {step} {note}".rstrip()))
    except MissingTool as error:
        raise InfraError(f"{ill.name}: reflash: {error}") from error
    if isinstance(port, str):
        serial_port.await_return(port)


def _hurried(ill: Patient, left_s: float) -> Target:
    """Return the board with no more patience for its coming up than is left of the whole."""
    target = ill.held.target
    boot_s = min(target.timeouts.boot_s, max(_MOMENT_S, left_s / ill.multiplier))
    return replace(target, timeouts=replace(target.timeouts, boot_s=boot_s))


def _headline(name: str, error: HilError) -> str:
    line = str(error).partition("\n")[0]
    line = line if name in line else f"{name}: {line}"
    return line if len(line) <= _HEADLINE_CHARACTERS else f"{line[:_HEADLINE_CHARACTERS]}..."
