"""What a boot driver is asked for, with typed access to its arguments in the target file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hil.errors import TargetFileError
from hil.image import Firmware
from hil.target import Target

_T = TypeVar("_T")


@dataclass(frozen=True)
class BootRequest:
    """One board to boot.

    Attributes:
        heap_bytes_wanted: overrides the target file's `boot.heap_bytes`.
    """

    target: Target
    firmware: Firmware
    log_dir: Path
    heap_bytes_wanted: int | None
    timeout_multiplier: float

    @property
    def heap_bytes(self) -> int:
        """Size of the heap to boot with; 0 for an attached board, whose firmware has made it."""
        if self.heap_bytes_wanted is not None:
            return self.heap_bytes_wanted
        if self.target.klass == "attached":
            return 0
        return self.argument("heap_bytes", int)

    @property
    def boot_timeout_s(self) -> float:
        """How long the board may take to come up, multiplier included."""
        return self.target.timeouts.boot_s * self.timeout_multiplier

    def argument(self, key: str, kind: type[_T]) -> _T:
        """Return an argument of the driver that must be there.

        Raises:
            TargetFileError: it is missing or of another type.
        """
        value = self.optional(key, kind)
        if value is None:
            raise self.error(key, f"driver {self.target.boot.driver!r} needs it")
        return value

    def optional(self, key: str, kind: type[_T]) -> _T | None:
        """Return an argument of the driver, None when the target file does not give it.

        Raises:
            TargetFileError: it is of another type.
        """
        value = self.target.boot.arguments.get(key)
        if value is not None and not isinstance(value, kind):
            raise self.error(key, f"must be of type {kind.__name__}, not {value!r}")
        return value

    def refuse_unknown(self, known: set[str]) -> None:
        """Check that the target file gives the driver nothing but `known` arguments.

        Raises:
            TargetFileError: it does; the message names them.
        """
        for key in sorted(set(self.target.boot.arguments) - known):
            allowed = ", ".join(sorted(known))
            raise self.error(key, f"driver {self.target.boot.driver!r} takes only {allowed}")

    def error(self, key: str, problem: str) -> TargetFileError:
        """Make the error for an argument."""
        return TargetFileError(self.target.path, None, f"boot.{key}", problem)
