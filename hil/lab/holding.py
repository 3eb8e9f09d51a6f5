"""A board that is this process's own until it is given back, and what there is to get it.

Boards of this machine and those elsewhere are got in different ways (`hil.lab.holdings`); this is
what the ways have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from hil.target import Target

Waiting = Callable[[str], None]


class PowerSwitch(Protocol):
    """What switches a board's supply."""

    def cycle(self, off_s: float) -> None:
        """Switch off, wait so long, and switch on; return when it is on.

        Raises:
            HilError: it cannot be switched, which says nothing about the board.
        """


@dataclass(frozen=True)
class Held:
    """A board that is this process's own.

    Attributes:
        target: the board, with the port it has here and now.
        key: what the board is, the same each time it is held, whatever it is called: what is
            remembered of it lies beside its lease under this key (`lease.file_of`). None for a
            board that nobody can take away, an emulated one.
        power: what the place offers to switch its supply; None where it offers nothing. What the
            lab says itself (`power`, `hub`) is not here.
    """

    target: Target
    key: str | None
    power: PowerSwitch | None = None


class Holding(Protocol):
    """One way in which boards become this process's own."""

    def hold(self, target: Target, waiting: Waiting | None = None) -> Held:
        """Make a board this process's own until it is given back, however the process ends.

        Args:
            target: the board.
            waiting: told what it waits for, if it has to.

        Raises:
            BoardLocked: somebody else has it; says who, since when, and where.
            HilError: what stands between this process and the board does not work.
        """

    def release(self, held: Held, waiting: Waiting | None = None) -> None:
        """Give a board back; nothing happens if it is not held.

        Args:
            held: the board.
            waiting: told why it could not be given back, if so.
        """


def with_port(target: Target, port: str) -> Target:
    """Return the same board at this port."""
    arguments = {**target.boot.arguments, "port": port}
    return replace(target, boot=replace(target.boot, arguments=arguments))
