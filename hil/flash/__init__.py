"""Putting firmware on a board on a cable: one way for each method of a target file's `[flash]`.

Each way has a module of its own with a function `flash(request, done)`; it calls `done` with every
step that it has completed, and raises `FlashError` naming the step that failed. None of them can
break a board for good: the loader or the interface chip that takes the firmware is not written to,
so every failure is healed by flashing again, and the error says how.

What it does not do: find the board (`--port`, `--drive`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hil.errors import HilError
from hil.target import Target

Step = Literal["connect", "erase", "write", "verify", "restart", "version"]
STEPS: tuple[Step, ...] = ("connect", "erase", "write", "verify", "restart", "version")

# Called with a completed step and what there is to say of it.
Done = Callable[[Step, str], None]


class FlashError(HilError):
    """A step of flashing failed.

    Attributes:
        step: which one.
    """

    def __init__(self, target: str, step: Step, problem: str, recovery: str) -> None:
        """Make the error; the message ends with how to recover."""
        super().__init__(f"{target}: {step} failed: {problem}\nto recover: {recovery}")
        self.step = step


class FlashUsageError(HilError):
    """What was asked for cannot be flashed; nothing has been touched."""


@dataclass(frozen=True)
class Request:
    """What to put where.

    Attributes:
        target: the board; its `[flash]` says how.
        firmware: the file.
        port: URL of the board's serial port, as pyserial takes it; None where nobody knows it.
        drive: folder where the board's drive is mounted; None: looked for by its label.
        baud: speed of the transfer over a serial port, in bit/s; None: the method's own.
        stub: let esptool put its faster loader into the chip's RAM.
        patience_s: how long the slowest step of the host may wait for the board.
        limit_s: how long a program may take that does it; None: ten times the patience.
    """

    target: Target
    firmware: Path
    port: str | None = None
    drive: Path | None = None
    baud: int | None = None
    stub: bool = True
    patience_s: float = 60.0
    limit_s: float | None = None

    @property
    def program_s(self) -> float:
        """How long a program may take that does the whole of it."""
        return self.limit_s if self.limit_s is not None else 10 * self.patience_s

    def fact(self, name: str) -> str:
        """Return a string of the target file's `[flash]`.

        Raises:
            FlashUsageError: it is not there, and the method needs it.
        """
        value = self.target.flash.get(name)
        if not isinstance(value, str):
            method = self.target.flash["method"]
            raise FlashUsageError(
                f"{self.target.path}: [flash] has no {name}, which {method} needs"
            )
        return value

    def failed(self, step: Step, problem: str, recovery: str) -> FlashError:
        """Make the error of a step."""
        return FlashError(self.target.name, step, problem, recovery)
