"""One measured figure: what it is, its value, its unit, and the method that produced it.

A figure that could not be measured is kept as such, with the reason: it is never left out and
never zero. This module converts and holds; it measures nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

COMPUTE_SEGMENTS = "compute segments"


@dataclass(frozen=True)
class Measurement:
    """One figure of a report.

    Attributes:
        name: as in the report, units last: `stack_peak_bytes`.
        value: None when it could not be measured; `reason` then says why.
        unit: "bytes", "instructions", "ms", "us" or "count".
        method: how it was obtained, in words a reader of the report can check.
        n: of how many runs.
        reason: why there is no value.
        mad: median absolute deviation of the n values, where there were several.
    """

    name: str
    value: int | float | None
    unit: str
    method: str
    n: int = 1
    reason: str | None = None
    mad: float | None = None

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError(f"{self.name}: a measurement without a value needs a reason")
        if self.value is not None and self.reason:
            raise ValueError(f"{self.name}: a measurement with a value needs no reason")


def kind_of(method: str) -> str:
    """Return the kind of a method, which says how far two measurings may differ.

    Returns:
        "replay", "icount" or "silicon", if that is the method's first word; otherwise "exact".
    """
    first = method.partition(" ")[0].rstrip(",:")
    return first if first in ("replay", "icount", "silicon") else "exact"


class Counting(Protocol):
    """What is asked of a board: `hil.target.Target` has it."""

    @property
    def ticks_cpu_hz(self) -> int | None:
        """Rate of the timer behind `time.ticks_cpu()`."""

    @property
    def instructions_per_tick(self) -> Fraction | None:
        """Guest instructions in one tick of that timer, None where nothing counts them."""


def instructions_per_tick(ticks_hz: int, icount_shift: int) -> Fraction:
    """Return how many guest instructions pass in one tick of a timer of `ticks_hz`.

    With QEMU's `-icount shift=N` every instruction takes exactly 2**N ns of virtual time
    (QEMU documentation, "TCG Instruction Counting"), so a timer of a known rate counts them.
    """
    return Fraction(1_000_000_000, ticks_hz * 2**icount_shift)


def clock_facts(board: Counting) -> tuple[int, int, int] | None:
    """Return what `hil_marks.Marks` turns ticks into instructions with.

    Returns:
        Instructions in so many ticks, that number of ticks, and ticks in a millisecond. None where
        the board has no instruction count.
    """
    per_tick = board.instructions_per_tick
    if per_tick is None or board.ticks_cpu_hz is None:
        return None
    return per_tick.numerator, per_tick.denominator, board.ticks_cpu_hz // 1000


def instructions(
    name: str,
    count: int | None,
    *,
    icount_shift: int | None,
    replayed: bool = False,
    reason: str | None = None,
) -> Measurement:
    """Return a count of guest instructions in the board's compute segments as a measurement.

    Args:
        name: name of the measurement.
        count: as the board reported it; None where it has no instruction count.
        icount_shift: for the method's wording.
        replayed: the peer was a recording and the seed the recorded one: the count is exact.
        reason: why the board has no instruction count, when it has none.
    """
    if count is None or icount_shift is None:
        why = reason or "the board has no instruction count"
        return Measurement(name, None, "instructions", "none", reason=why)
    method = f"icount shift={icount_shift}, {COMPUTE_SEGMENTS}"
    if replayed:
        method = f"replay of a recorded peer, {method}"
    return Measurement(name, count, "instructions", method)


def painted_stack_peak(memory: bytes, paint: bytes, method: str) -> Measurement:
    """Return the deepest use of a place for stacks that was filled with `paint`.

    One stack grows down from its top; there may be another one that grows up from its bottom. What
    neither ever used is the longest stretch of paint.

    Args:
        memory: the whole place, lowest address first.
        paint: the word it was filled with, in the byte order of the board.
        method: how the memory was read.
    """
    size = len(paint)
    untouched = stretch = 0
    for start in range(0, len(memory), size):
        stretch = stretch + size if memory[start : start + size] == paint else 0
        untouched = max(untouched, stretch)
    if memory[:size] != paint:
        reason = "the lowest word of the stack is not paint: never painted, or used to its end"
        return Measurement("stack_peak_bytes", None, "bytes", method, reason=reason)
    if untouched >= len(memory):
        reason = "nothing but paint: the stack in use is elsewhere"
        return Measurement("stack_peak_bytes", None, "bytes", method, reason=reason)
    return Measurement("stack_peak_bytes", len(memory) - untouched, "bytes", method)
