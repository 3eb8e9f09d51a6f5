"""How values are written for people: bytes, instructions, times, and changes of them.

Tables, Markdown and the HTML page write the same value the same way. Nothing is measured here.
"""

from __future__ import annotations

from hil.tables import MISSING


def count(value: float) -> str:
    """Return a number of bytes, records or the like: `14,176`."""
    return f"{value:,.0f}"


def instructions(value: float) -> str:
    """Return a number of instructions, in millions where there are many: `276.57 M`."""
    return f"{value / 1e6:,.2f} M" if value >= 1e5 else f"{value:,.0f}"


def milliseconds(value: float) -> str:
    """Return a time given in ms, in seconds where it is long: `1.12 s`."""
    return f"{value / 1000:,.2f} s" if value >= 1000 else f"{value:,.0f} ms"


def size(value: float) -> str:
    """Return a number of bytes as a board's data sheet says it: `64 KB`, `4 MB` (powers of two)."""
    for unit, factor in (("MB", 1 << 20), ("KB", 1 << 10)):
        if value >= factor:
            return f"{value / factor:,.1f}".removesuffix(".0") + f" {unit}"
    return f"{value:,.0f} B"


def in_unit(value: float | None, unit: str) -> str:
    """Return a measured value with its unit; a dash when there is none."""
    if value is None:
        return MISSING
    if unit == "instructions":
        return instructions(value)
    if unit == "ms":
        return f"{value:,.1f} ms" if value < 100 else milliseconds(value)
    if unit == "us":
        return f"{value:,.0f} µs"
    return f"{count(value)} B" if unit == "bytes" else count(value)


def exactly(value: float | None, unit: str) -> str:
    """Return a measured value to the last digit, with its unit; a dash when there is none."""
    if value is None:
        return MISSING
    written = f"{value:,.3f}".rstrip("0").rstrip(".") if value != int(value) else f"{value:,.0f}"
    return " ".join([written, {"bytes": "B", "count": "", "us": "µs"}.get(unit, unit)]).strip()


def share(part: float, whole: float) -> str:
    """Return a part of a whole in percent, with a decimal where it is small: `0.6 %`."""
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def change(before: float, after: float) -> str:
    """Return how far a value moved, signed, in percent; `=` where it did not."""
    if after == before:
        return "="
    if not before:
        return "new"
    percent = 100 * (after - before) / before
    digits = 2 if abs(percent) < 1 else 1
    return f"{percent:+.{digits}f} %".replace("-", "\N{MINUS SIGN}")
