"""What the bars of the HTML report have in common: a row, a section, and where values are.

What is drawn is the business of `hil.html.boards` (memory, flash) and `hil.html.timing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hil import footprint
from hil.document import Document
from hil.html.cells import CellView
from hil.html.charts import Part


@dataclass(frozen=True)
class Row:
    """A board's bar.

    Attributes:
        target: the board, as `report.json` holds it.
        chart: the bar, as SVG; None when nothing was measured.
        written: the sum of its parts.
        share: of what the board has, in words.
        notes: what is missing, and why.
        cell: the cell whose figures these are; None for figures of an image.
        figures: part -> value, written.
    """

    target: Document
    chart: str | None
    written: str
    share: str
    notes: Sequence[str] = ()
    cell: CellView | None = None
    figures: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Section:
    """Bars that share a scale, with the scale's axis and the names of the colours."""

    rows: Sequence[Row]
    axis: str
    legend: Sequence[tuple[str, str, str]]


def missing(cell: Document, names: Iterable[str]) -> list[str]:
    """Say of each of the named figures that a cell could not measure why."""
    entries = [footprint.measurement(cell, name) for name in names]
    return [
        f"no {entry['name']}: {entry['reason']}"
        for entry in entries
        if entry is not None and entry["value"] is None
    ]


def value(cell: Document, name: str) -> float | None:
    """Return a measurement of a cell; None when it has none."""
    entry = footprint.measurement(cell, name)
    found: float | None = entry["value"] if entry else None
    return found


def length(parts: Iterable[Part]) -> float:
    """Return how long parts are together."""
    return sum(part.value for part in parts)
