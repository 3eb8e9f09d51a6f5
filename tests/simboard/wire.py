"""The serial line between host and simulated board, with what can go wrong on one.

Bytes pass at the speed of the line; some are lost, others arrive changed. Each direction has its
own random numbers, from one seed, so that a run with the same bytes can be repeated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# A line that was idle may pass this many bytes at once; a UART's own buffer is of that size.
_BURST_BYTES = 16


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a line.

    Attributes:
        noise: share of bytes that arrive changed.
        lost: share of bytes that do not arrive.
        silent: nothing of the board arrives.
    """

    noise: float = 0.0
    lost: float = 0.0
    silent: bool = False


class Direction:
    """One direction of a line: what goes in comes out later, most of it.

    Attributes:
        trouble: what is wrong with it; may change.
    """

    def __init__(self, trouble: Trouble, seed: int, baud: int | None) -> None:
        self.trouble = trouble
        self._random = random.Random(seed)
        self._bytes_per_s = None if baud is None else baud / 10
        self._allowed = 0.0
        self._filled_s = 0.0
        self.waiting = bytearray()

    def put(self, data: bytes) -> None:
        """Send bytes into the line."""
        if not self.trouble.silent:
            self.waiting += data

    def take(self, now_s: float) -> bytes:
        """Return what has come out of the line by now."""
        count = len(self.waiting)
        if self._bytes_per_s is not None:
            earned = (now_s - self._filled_s) * self._bytes_per_s
            self._allowed = min(self._allowed + earned, max(_BURST_BYTES, earned))
            self._filled_s = now_s
            count = min(count, int(self._allowed))
            self._allowed -= count
        data = bytes(self.waiting[:count])
        del self.waiting[:count]
        if not (self.trouble.noise or self.trouble.lost):
            return data
        passed = bytearray()
        for byte in data:
            chance = self._random.random()
            if chance < self.trouble.lost:
                continue
            if chance < self.trouble.lost + self.trouble.noise:
                passed.append(byte ^ self._random.randint(1, 255))
            else:
                passed.append(byte)
        return bytes(passed)

    def clear(self) -> None:
        """Forget what is on its way."""
        self.waiting.clear()
