"""What the HTML report says of time: the instructions of each handshake, by phase.

Boards and peers of one scenario share a scale. Where phases were not counted the bar is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hil import footprint, quantities
from hil.document import Document
from hil.html import bars as html_bars
from hil.html import charts
from hil.html.bars import Row, Section
from hil.html.cells import CellView
from hil.html.charts import Part


@dataclass(frozen=True)
class Timing:
    """The handshake of one scenario on every board that counted instructions.

    Attributes:
        range: from the least to the most, written.
        open: the page begins with this one open: no other was measured more often.
    """

    scenario: str
    section: Section
    range: str
    open: bool


def timings(cells: Sequence[CellView]) -> list[Timing]:
    """Return the instructions of each scenario, by phase where phases were counted."""
    counted: dict[str, list[CellView]] = {}
    for cell in cells:
        if html_bars.value(cell.document, "handshake_instructions") is not None:
            counted.setdefault(cell.document["scenario"], []).append(cell)
    names = dict.fromkeys(
        name
        for cell in cells
        for name in footprint.phases(cell.document)
        if name not in footprint.PHASES
    )
    looks = {name: charts.colour(index) for index, name in enumerate((*footprint.PHASES, *names))}
    shown = max(counted, key=lambda scenario: len(counted[scenario]), default=None)
    return [
        Timing(scenario, _timing(members, looks), _range(members), scenario == shown)
        for scenario, members in counted.items()
    ]


def _range(cells: Iterable[CellView]) -> str:
    values = [html_bars.value(cell.document, "handshake_instructions") or 0 for cell in cells]
    ends = dict.fromkeys(quantities.instructions(pick(values)) for pick in (min, max))
    return " to ".join(ends)


def _timing(cells: Sequence[CellView], looks: Mapping[str, str]) -> Section:
    split = [(cell, _by_phase(cell.document, looks)) for cell in cells]
    scale = max(html_bars.length(parts) for _, parts in split)
    step = charts.step(scale / 4)
    ticks = [step * count for count in range(int(scale / step) + 1)]
    used = {part.name for _, parts in split for part in parts}
    return Section(
        [_timing_row(cell, parts, scale, ticks) for cell, parts in split],
        charts.axis([(tick, f"{tick / 1e6:,g} M") for tick in ticks], scale),
        [(name, look, "") for name, look in looks.items() if name in used],
    )


def _by_phase(cell: Document, looks: Mapping[str, str]) -> list[Part]:
    """Return the phases of a handshake as parts; what they leave of the total is one too."""
    total = html_bars.value(cell, "handshake_instructions") or 0
    phases = footprint.phases(cell)
    if not phases:
        return [Part("whole handshake", total, quantities.instructions(total), "whole")]
    parts = [
        Part(name, phases[name], quantities.instructions(phases[name]), look)
        for name, look in looks.items()
        if phases.get(name)
    ]
    rest = total - html_bars.length(parts)
    if rest > total / 1000:
        parts.append(Part("no phase", rest, quantities.instructions(rest), "whole"))
    return parts


def _timing_row(cell: CellView, parts: list[Part], scale: float, ticks: Sequence[float]) -> Row:
    facts = cell.document
    written = quantities.instructions(html_bars.value(facts, "handshake_instructions") or 0)
    words = ", ".join(f"{part.name} {part.written}" for part in parts)
    return Row(
        {"name": facts["target"]},
        charts.bar(
            f"{facts['target']}: {written} instructions: {words}", parts, scale, ticks=ticks
        ),
        written,
        cell.figures["wall"],
        cell=cell,
        figures={part.name: part.written for part in parts},
    )


def uncounted(cells: Iterable[CellView]) -> list[str]:
    """Say why a target that counted no instructions in any cell did not."""
    cells = list(cells)
    counted = {
        cell.document["target"]
        for cell in cells
        if html_bars.value(cell.document, "handshake_instructions") is not None
    }
    found = {}
    for cell in (cell for cell in cells if cell.document["target"] not in counted):
        for note in html_bars.missing(cell.document, ("handshake_instructions",)):
            found[cell.document["target"]] = note
    return [f"{target}: {note}" for target, note in found.items()]
