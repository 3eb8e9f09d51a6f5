"""Milliseconds that only grow, on either Python."""

import time

from tlscore.compat import const

_PERIOD = const(1 << 30)  # MicroPython's ticks_ms begins again at 2^30


class Ticks:
    """Milliseconds since the object was made: call it. On boards at least once in six days."""

    def __init__(self):
        self._now = 0
        self._last = self._read()

    def _read(self):
        if hasattr(time, "ticks_ms"):
            return time.ticks_ms()
        return int(time.monotonic() * 1000)

    def __call__(self) -> int:
        """Return the milliseconds since the object was made."""
        read = self._read()
        self._now += (read - self._last) % _PERIOD
        self._last = read
        return self._now
