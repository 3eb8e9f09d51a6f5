"""A serial port that can be pulled out: a pseudo-terminal, with a link to it as udev makes them.

The kernel gives a terminal that is plugged in again another name, as it does with `ttyUSB0`: the
old one is still taken when the new one is made. The link, named by a place, leads to the new one.
"""

from __future__ import annotations

import os
import pty
import tty
from contextlib import suppress
from pathlib import Path

_READ_BYTES = 4096
# What the board said while nobody read; a port's driver keeps no more either.
_UNREAD_BYTES = 65_536


class PtyPort:
    """One end is the board's; the other is a device that programs open.

    Args:
        devices: folder in place of /dev; the link is `serial/by-path/<place>` in it.
        place: where the port is plugged in.
    """

    def __init__(self, devices: Path, place: str) -> None:
        self.link = devices / "serial" / "by-path" / place
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self._inner: int | None = None
        self._outer: int | None = None
        self._unread = bytearray()

    @property
    def is_plugged(self) -> bool:
        """The device is there."""
        return self._inner is not None

    @property
    def has_unread(self) -> bool:
        """Something waits for room in the terminal."""
        return bool(self._unread)

    def fileno(self) -> int:
        """Return the board's end, to wait on."""
        assert self._inner is not None
        return self._inner

    def plug(self) -> str:
        """Make the device and its link; return its name."""
        inner, outer = pty.openpty()
        tty.setraw(outer)  # or the terminal would echo what the board says, back to the board
        os.set_blocking(inner, False)
        if self._outer is not None:
            os.close(self._outer)
        # Held open, so that the board's end outlives those who open and close the device.
        self._inner, self._outer = inner, outer
        device = os.ttyname(outer)
        new = self.link.with_name(f".{self.link.name}")
        new.symlink_to(device)
        new.rename(self.link)
        return device

    def unplug(self) -> None:
        """Take the device away from whoever has it open; nothing happens if it is not there."""
        if self._inner is not None:
            self.link.unlink()
            os.close(self._inner)
            self._inner = None
            self._unread.clear()

    def read(self) -> bytes:
        """Return what has come from the host."""
        with suppress(BlockingIOError):
            return os.read(self.fileno(), _READ_BYTES)
        return b""

    def write(self, data: bytes) -> None:
        """Send to the host, what fits now; the rest later. Without a device it is lost."""
        if self._inner is None:
            return
        self._unread += data
        with suppress(BlockingIOError):
            while self._unread:
                del self._unread[: os.write(self._inner, self._unread)]
        del self._unread[:-_UNREAD_BYTES]

    def close(self) -> None:
        """Take it away for good."""
        self.unplug()
        if self._outer is not None:
            os.close(self._outer)
            self._outer = None
