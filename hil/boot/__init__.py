"""Boards: how one is started, and what every started one can do.

One driver per way to start a board, one module per driver: `boot` looks the driver named in the
target file up in `_DRIVERS` and hands it a `BootRequest`. A new way to start boards is a new module
with a function `boot(request) -> Board` and a row here.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import TracebackType
from typing import Protocol, cast

from hil.boot.request import BootRequest
from hil.boot.room import require_room
from hil.errors import BootError
from hil.image import Firmware
from hil.link import LinkEndpoint
from hil.measure import Measurement
from hil.target import Target

__all__ = ["Board", "BootRequest", "boot", "drivers"]

_DRIVERS = {
    "attached": "hil.boot.attached",
    "qemu": "hil.boot.qemu",
    "unix_port": "hil.boot.unix_port",
}


class Board(Protocol):
    """A booted board. A context manager: leaving it closes the board."""

    target: Target
    firmware: Firmware
    link: LinkEndpoint
    heap_bytes: int
    chooses_heap: bool  # how large the heap is, is decided when it boots
    modules_note: str | None  # where modules come from that are not in the firmware

    def call(self, function: str, *arguments: object, timeout_s: float) -> object:
        """Run the job "module:function" on the board and return its result.

        Args:
            function: a function that takes the link and then `arguments`.
            arguments: plain literals: None, bool, int, str, bytes, list, tuple, dict.
            timeout_s: before the multiplier the board was booted with.

        Raises:
            JobFailed: the job raised; with the board's traceback.
            BoardHang: no answer in time; the message ends with the console's tail.
            BoardDied: the board is gone; likewise.
        """

    def start(self, function: str, *arguments: object) -> None:
        """Begin a job and return while it runs; `wait` ends it. Raises as `call` does."""

    def wait(self, timeout_s: float) -> object:
        """Return the result of the job that `start` began. Raises as `call` does."""

    def install(self, module: str, source: str) -> None:
        """Send Python source to the board as a module for later calls; it lives in the heap."""

    def reset_link(self) -> None:
        """Throw away whatever an earlier job or its peer left on the link, on both ends."""

    def origins(self, *modules: str) -> dict[str, str]:
        """Say where modules come from: "rom", "frozen", "builtin", "installed", "mpy" or a path.

        "installed" is source that `install` sent, "mpy" a file the driver has put on the board.
        """

    def stack_peak_bytes(self) -> Measurement:
        """Return the deepest stack use since boot, or why it cannot be measured."""

    def console_tail(self, lines: int = 40) -> str:
        """Return the last lines of the console, printable."""

    def close(self) -> None:
        """End the board; leaves no process, socket or directory; idempotent."""

    def __enter__(self) -> Board:
        """Return the board."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the board."""


class _Driver(Protocol):
    def boot(self, request: BootRequest) -> Board: ...


def drivers() -> list[str]:
    """Return the names of all boot drivers."""
    return sorted(_DRIVERS)


def boot(
    target: Target,
    firmware: Firmware,
    *,
    log_dir: Path,
    heap_bytes: int | None = None,
    timeout_multiplier: float = 1.0,
) -> Board:
    """Start a board and return it ready for calls.

    Args:
        target: the board's facts.
        firmware: what it runs; a driver that cannot load firmware checks that the board has it.
        log_dir: where its logs go; made if it does not exist; files there are never overwritten.
        heap_bytes: size of its garbage-collected heap; that of the target file when None.
        timeout_multiplier: scales every time-out of this board, those of later calls too.

    Raises:
        BootError: it did not come up, runs other code than it should, or has no room for it.
        MissingTool: a program is not installed.
        TargetFileError: the target file gives the driver an argument it cannot use.
    """
    module = _DRIVERS.get(target.boot.driver)
    if module is None:
        known = ", ".join(drivers())
        raise BootError(f"{target.path}: boot.driver {target.boot.driver!r} is none of {known}")
    if firmware.image != target.image:
        raise BootError(f"{target.name} runs image {target.image!r}, not {firmware.image!r}")
    if not firmware.path.is_file():
        raise BootError(f"{firmware.path} does not exist; build it: hil build {firmware.image}")
    driver = cast(_Driver, importlib.import_module(module))
    request = BootRequest(target, firmware, log_dir, heap_bytes, timeout_multiplier)
    require_room(request)
    return driver.boot(request)
