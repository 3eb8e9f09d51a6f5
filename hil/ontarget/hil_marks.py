"""What a job measures of itself on the board: compute time and live heap.

Theory of operation. A job brackets each stretch of computing (everything but waiting for bytes)
with `enter` and `leave`; the ticks in between are summed. `checkpoint` stops that clock, collects
the garbage, notes the live heap and the ticks so far, and starts the clock again, so that its own
time is not counted. Room for the notes is taken when the object is created, so that noting does
not change the heap that is measured.

Ticks are those of `time.ticks_cpu()`; what one is worth is a fact of the board that only the host
knows. Where that clock stands still (MicroPython's unix port) there are no ticks: None.

What it does not do: give names to figures, convert them or judge them.
"""

import gc
import time

try:
    from time import ticks_cpu, ticks_diff, ticks_us
except ImportError:  # CPython: the process's own time; a desk has no better

    def ticks_cpu() -> int:
        """Return the processor time of this process in microseconds."""
        return time.process_time_ns() // 1000

    def ticks_us() -> int:
        """Return the time of a clock that never goes back, in microseconds."""
        return time.monotonic_ns() // 1000

    def ticks_diff(end: int, start: int) -> int:
        """Return end - start."""
        return end - start


try:
    from gc import mem_alloc as _live_heap_bytes
except ImportError:  # CPython has no figure of the live heap
    _live_heap_bytes = None


def _ticking() -> bool:
    # Two readings and the call between them take more than a tick on every board with a counter.
    first = ticks_cpu()
    for _ in range(1000):
        if ticks_cpu() != first:
            return True
    return False


class Marks:
    """Compute segments and checkpoints of one job."""

    def __init__(self, checkpoints: int = 16) -> None:
        """Take room for the notes.

        Args:
            checkpoints: how many can be noted; more than that is an error.
        """
        self._names = [None] * checkpoints
        self._heap_bytes = [0] * checkpoints
        self._ticks_at = [0] * checkpoints
        self._noted = 0
        self._counts = _ticking()
        self._ticks = 0
        self._segments = 0
        self._inside = False
        self._entered_at = 0
        self._created_us = ticks_us()

    def enter(self) -> None:
        """Begin a compute segment."""
        self._inside = True
        self._segments += 1
        self._entered_at = ticks_cpu()

    def leave(self) -> None:
        """End the compute segment."""
        self._ticks += ticks_diff(ticks_cpu(), self._entered_at)
        self._inside = False

    def checkpoint(self, name: str) -> None:
        """Note live heap and ticks under `name`; allowed inside and outside a segment."""
        if self._inside:
            self._ticks += ticks_diff(ticks_cpu(), self._entered_at)
        noted = self._noted
        if noted == len(self._names):
            raise ValueError("more checkpoints than the {} there is room for".format(noted))
        gc.collect()
        self._names[noted] = name
        self._ticks_at[noted] = self._ticks
        if _live_heap_bytes:
            self._heap_bytes[noted] = _live_heap_bytes()
        self._noted = noted + 1
        if self._inside:
            self._entered_at = ticks_cpu()

    def report(self) -> dict:
        """Return the figures as a dict of plain literals.

        `ticks`: sum of the compute segments, None where no clock runs. `segments`: their number.
        `wall_us`: by the board's own clock, since this object was created. `checkpoints`: list of
        (name, ticks so far or None, live heap in bytes or None).
        """
        checkpoints = []
        for i in range(self._noted):
            ticks = self._ticks_at[i] if self._counts else None
            heap_bytes = self._heap_bytes[i] if _live_heap_bytes else None
            checkpoints.append((self._names[i], ticks, heap_bytes))
        return {
            "ticks": self._ticks if self._counts else None,
            "segments": self._segments,
            "wall_us": ticks_diff(ticks_us(), self._created_us),
            "checkpoints": checkpoints,
        }
