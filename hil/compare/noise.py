"""How much two measurings of the same thing may differ before something has changed.

The kind of method decides (`hil.measure.kind_of`):

    replay   0: the same recording and the same seed give the same count, to the instruction
    icount   0.1 % of the earlier value: a live run, its peer's bytes differ from run to run
    silicon  3 standard errors of the difference of two medians, at least 0.1 % of the earlier
             value (no clock is better)
    exact    0: sizes from the linker, painted stack, bisection, live heap

On silicon a figure is the median of n values with their median absolute deviation MAD. For values
that scatter normally a standard deviation is 1.4826 MAD, and the standard error of a median 1.2533
standard deviations by the root of n. Fewer than 3 values at either side say nothing about noise.
"""

from __future__ import annotations

import math

from hil.compare.figures import Figure
from hil.measure import kind_of

LIVE_SHARE = 0.001
_ERRORS = 3
_DEVIATIONS_PER_MAD = 1.4826
_MEDIAN_BY_MEAN = 1.2533
_FEWEST = 3


def kind_of_pair(before: Figure, after: Figure) -> str | None:
    """Return the kind of method both figures were measured by; None when they differ in it."""
    kinds = {kind_of(figure.method) for figure in (before, after)}
    return kinds.pop() if len(kinds) == 1 else None


def allowance(kind: str, before: Figure, after: Figure) -> float | None:
    """Return the difference that may be noise, in the figures' unit.

    Args:
        kind: of the method both were measured by.
        before, after: with their values.

    Returns:
        None when there are too few values to tell.
    """
    assert before.value is not None
    if kind == "icount":
        return abs(before.value) * LIVE_SHARE
    if kind != "silicon":
        return 0.0
    if before.mad is None or after.mad is None or min(before.n, after.n) < _FEWEST:
        return None
    deviation = math.sqrt(before.mad**2 / before.n + after.mad**2 / after.n)
    errors = _ERRORS * _MEDIAN_BY_MEAN * _DEVIATIONS_PER_MAD * deviation
    return max(errors, abs(before.value) * LIVE_SHARE)
