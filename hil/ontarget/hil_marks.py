"""What a job measures of itself on the board: instructions by phase, and live heap.

Theory of operation. A job brackets each stretch of computing (everything but waiting for bytes)
with `enter` and `leave`; `phase` says what a stretch is for and ends the one before, so that
phases exclude each other and add up to the whole. `checkpoint` stops the clock, collects the
garbage, notes the live heap and the instructions so far, and starts the clock again. Time that
passes in here is not counted: an empty stretch is measured at first, and taken off each of them.

Where the emulator counts instructions, each takes the same number of ticks of `time.ticks_cpu()`,
and at least 2 1/2. A stretch begins anywhere within a tick, since the host's time decides how long
the board waited before: its ticks are less than one too many or too few, hence less than half an
instruction, and rounding gives the number of instructions exactly. That is why each stretch is
converted by itself, never a sum of ticks. `ticks_cpu` comes round every 2**30 ticks; how often it
did in a long stretch is told by `ticks_ms`.

Counting allocates nothing: room is taken when the object is made, numbers stay small integers (of
30 bits: sums are kept in two halves).

What it does not do: give names to figures or judge them.
"""

import gc
import time

try:
    from time import ticks_cpu, ticks_diff, ticks_ms, ticks_us
except ImportError:  # CPython: the process's own time; a desk has no better

    def ticks_cpu() -> int:
        """Return the processor time of this process in microseconds."""
        return time.process_time_ns() // 1000

    def ticks_ms() -> int:
        """Return the time of a clock that never goes back, in milliseconds."""
        return time.monotonic_ns() // 1_000_000

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

# `ticks_cpu` modulo 2**30; half of that is the largest small integer that is a power of two.
_TICKS_MASK = 0x3FFFFFFF
_HALF_PERIOD_TICKS = 0x20000000
# Sums are kept as high * 2**20 + low.
_LOW_BITS = 20
_LOW_MASK = 0xFFFFF
# Microseconds come round after 537 s and are told apart for half as long.
_MICROSECONDS_GOOD_MS = 250_000


class NoMarks:
    """What a job has in place of Marks when it is not to measure anything: it keeps nothing."""

    def enter(self) -> None:
        """Begin or end to compute."""

    leave = enter

    def checkpoint(self, _name: str) -> None:
        """Collect the garbage, as Marks does."""
        gc.collect()

    def report(self) -> dict:
        """Return what Marks.report has of phases and checkpoints: nothing."""
        return {"phases": None, "checkpoints": []}


class Marks:
    """Compute stretches and checkpoints of one job."""

    def __init__(
        self,
        checkpoints: int = 16,
        clock: "tuple[int, int, int] | None" = None,
        phase: str = "all",
        phases: int = 16,
    ) -> None:
        """Take room for the notes, and measure what measuring takes.

        Args:
            checkpoints: how many can be noted; more than that is an error.
            clock: what a tick of `ticks_cpu` is worth (`hil.measure.clock_facts`): instructions in
                so many ticks, that number of ticks, and ticks in a millisecond. None where there
                is no count of instructions.
            phase: the first one.
            phases: how many names there may be; more than that is an error.
        """
        self._names = [None] * checkpoints
        self._heap_bytes = [0] * checkpoints
        self._high_at = [0] * checkpoints
        self._low_at = [0] * checkpoints
        self._noted = 0
        self._phases = [None] * phases
        self._high = [0] * phases
        self._low = [0] * phases
        self._phases[0] = phase
        self._current = 0
        self._clock = clock
        self._instructions, self._ticks, self._ticks_in_ms = clock or (0, 1, 1)
        self._period_ms = 2 * _HALF_PERIOD_TICKS // self._ticks_in_ms
        in_period = _HALF_PERIOD_TICKS // self._ticks * 2 * self._instructions
        self._period_high = in_period >> _LOW_BITS
        self._period_low = in_period & _LOW_MASK
        self._segments = 0
        self._inside = False
        self._since = self._since_ms = 0
        self._empty = 0
        for _ in range(2):  # the first time takes longer
            self._low[0] = 0
            self.enter()
            self.leave()
        self._empty = self._low[0]
        self._low[0] = 0
        self._segments = 0
        self._created_ms = ticks_ms()
        self._created_us = ticks_us()

    def enter(self) -> None:
        """Begin to compute."""
        self._inside = True
        self._since_ms = ticks_ms()
        self._since = ticks_cpu()

    def leave(self) -> None:
        """End computing."""
        now = ticks_cpu()
        self._book(now, ticks_ms())
        self._inside = False
        self._segments += 1

    def phase(self, name: str) -> str:
        """Say what is computed from here on, and return what was until now."""
        now = ticks_cpu()
        if self._inside:
            self._book(now, ticks_ms())
        before = self._phases[self._current]
        self._current = self._index(name)
        self._since_ms = ticks_ms()
        self._since = ticks_cpu()
        return before

    def checkpoint(self, name: str) -> None:
        """Note live heap and instructions under `name`; allowed inside and outside a stretch."""
        now = ticks_cpu()
        if self._inside:
            self._book(now, ticks_ms())
        noted = self._noted
        if noted == len(self._names):
            raise ValueError("more checkpoints than the {} there is room for".format(noted))
        gc.collect()
        self._names[noted] = name
        for i in range(len(self._phases)):
            self._high_at[noted] += self._high[i]
            self._low_at[noted] += self._low[i]
        if _live_heap_bytes:
            self._heap_bytes[noted] = _live_heap_bytes()
        self._noted = noted + 1
        self._since_ms = ticks_ms()
        self._since = ticks_cpu()

    def report(self) -> dict:
        """Return the figures as a dict of plain literals.

        `instructions`: of all compute stretches, None where they are not counted. `phases`: dict of
        name to instructions, which add up to that, or None. `segments`: number of times that
        computing began. `wall_us`: by the board's own clock, since this object was made.
        `checkpoints`: list of (name, instructions so far or None, live heap in bytes or None).
        """
        checkpoints = []
        for i in range(self._noted):
            heap_bytes = self._heap_bytes[i] if _live_heap_bytes else None
            so_far = self._sum(self._high_at[i], self._low_at[i])
            checkpoints.append((self._names[i], so_far, heap_bytes))
        phases = None
        if self._clock is not None:
            phases = {}
            for i in range(len(self._phases)):
                if self._phases[i] is not None:
                    phases[self._phases[i]] = self._sum(self._high[i], self._low[i])
        return {
            "instructions": self._sum(sum(self._high), sum(self._low)),
            "phases": phases,
            "segments": self._segments,
            "wall_us": self._wall_us(),
            "checkpoints": checkpoints,
        }

    def _book(self, now: int, now_ms: int) -> None:
        """Add the stretch that ended at `now` to the current phase."""
        if self._clock is None:
            return
        ticks = (now - self._since) & _TICKS_MASK
        beyond_ms = ticks_diff(now_ms, self._since_ms) - ticks // self._ticks_in_ms
        rounds = (beyond_ms + self._period_ms // 2) // self._period_ms
        # Not ticks * instructions / ticks, which has more than 30 bits.
        whole = ticks // self._ticks * self._instructions
        part = (ticks % self._ticks * self._instructions + self._ticks // 2) // self._ticks
        i = self._current
        low = self._low[i] + whole + part - self._empty + rounds * self._period_low
        self._low[i] = low & _LOW_MASK
        self._high[i] += (low >> _LOW_BITS) + rounds * self._period_high

    def _index(self, name: str) -> int:
        for i in range(len(self._phases)):
            if self._phases[i] is None:
                self._phases[i] = name
            if self._phases[i] == name:
                return i
        raise ValueError("more phases than the {} there is room for".format(len(self._phases)))

    def _sum(self, high: int, low: int) -> "int | None":
        return None if self._clock is None else (high << _LOW_BITS) + low

    def _wall_us(self) -> int:
        passed_ms = ticks_diff(ticks_ms(), self._created_ms)
        if passed_ms > _MICROSECONDS_GOOD_MS:
            return passed_ms * 1000
        return ticks_diff(ticks_us(), self._created_us)
