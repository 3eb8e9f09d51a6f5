"""Where figures of the firmware's TLS are other ones than tlscore's, or cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hil.measure import Measurement

_HEAP_LIVE, HEAP_MIN = "heap_live_peak_bytes", "heap_min_bytes"
_ELSEWHERE = (
    "the firmware's TLS takes its memory from outside of MicroPython's heap, and this board does "
    "not tell how much"
)
_NO_SEARCH = (
    "found by playing a recording back, and the firmware's TLS has random bytes of its own: "
    "compare heap_live_peak_bytes"
)


def of_stack(figure: Measurement, result: Mapping[str, Any]) -> Measurement:
    """Return a figure with the memory that the stack has elsewhere, or without a value.

    Args:
        figure: as it is measured for tlscore.
        result: of the board's job.
    """
    if figure.name != _HEAP_LIVE or result["buffers_in_heap"] is not False or figure.value is None:
        return figure
    outside = result["outside"]
    if outside is None:
        return replace(figure, value=None, reason=_ELSEWHERE)
    method = f"{figure.method}, plus ESP-IDF's heap that a handshake took, seen at its end"
    return replace(figure, value=figure.value + outside, method=method)


def no_smallest_heap() -> Measurement:
    """Return the smallest heap, which is not looked for."""
    return Measurement(HEAP_MIN, None, "bytes", "none", reason=_NO_SEARCH)
