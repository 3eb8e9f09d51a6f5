"""Boots boards on cables for a run, and heals those that do not boot.

A board that could not be healed is not tried again by the same process: the first of its tests has
spent the time that it is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hil.errors import BoardUnwell, BoardWedged, HilError, WrongFirmware
from hil.heal import absence, health, ladder, marks
from hil.heal.ladder import Patient
from hil.image import Firmware
from hil.lab.holding import Held
from hil.target import Target

_T = TypeVar("_T")


class Healer:
    """What a process knows of the boards that it could not heal.

    Args:
        folder: of the leases.
        multiplier: stretches all waits.
    """

    def __init__(self, folder: Path, multiplier: float) -> None:
        self._folder = folder
        self._multiplier = multiplier
        self._lost: dict[str, HilError] = {}  # key of the board -> why it is not tried again
        self._absent: dict[str, HilError] = {}  # its name -> likewise, where it has no key

    def hold(
        self, target: Target, take: Callable[[], Held], say: Callable[[str], None] | None
    ) -> Held:
        """Hold a board by `take`, as `hil.heal.absence.hold` does, but in vain only once."""
        if target.name in self._absent:
            raise self._absent[target.name].with_traceback(None)
        try:
            return take()
        except BoardUnwell as error:
            absent = error
        try:
            return absence.fetch(target, take, absent, say)
        except HilError as error:
            self._absent[target.name] = error
            raise

    def boot(
        self,
        held: Held,
        firmware: Firmware,
        attempt: Callable[[Target], _T],
        say: Callable[[str], None] | None,
    ) -> _T:
        """Boot a board by `attempt`, healing it if need be.

        Args:
            held: the board; one without a key is only booted.
            firmware: what it should run.
            attempt: boots it.
            say: told what is done to heal it.

        Raises:
            BoardWedged: it does not boot, and nothing heals it.
            InfraError: what leads to the board, or heals it, does not work.
            HilError: as `attempt` does.
        """
        if held.key is None:
            return attempt(held.target)
        if held.key in self._lost:
            raise self._lost[held.key].with_traceback(None)
        ill = ladder.patient(held, self._folder, self._multiplier, say)
        try:
            greet_marked(ill, firmware)
        except BoardWedged as error:
            self._lost[held.key] = error
            raise
        try:
            return attempt(held.target)
        except ladder.ILL as error:
            found = error
        try:
            return ladder.climb(ill, attempt, found)
        except HilError as error:
            self._lost[held.key] = error
            raise


def greet_marked(ill: Patient, firmware: Firmware) -> None:
    """Shake hands with a board that is marked, which takes the mark away.

    Raises:
        BoardWedged: it is not well, and stays marked.
        InfraError: its port cannot be had.
    """
    mark = marks.read(ill.folder, ill.key)
    if mark is None:
        return
    ill.say(f"{ill.name}: marked as wedged since {mark.since_utc}; a health handshake")
    try:
        health.shake_hands(ill.held.target, firmware, ill.multiplier)
    except (BoardUnwell, WrongFirmware) as error:
        raise BoardWedged(
            f"{ill.name} is wedged since {mark.since_utc}, and does not pass a health handshake "
            f"(`hil heal {ill.name}` tries to heal it): {error}"
        ) from error
    marks.clear(ill.folder, ill.key)
