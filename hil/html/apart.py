"""What the HTML report shows apart from passes and failures: flaky cells, boards in quarantine.

Neither counts as good: somebody has to mend them one day, so who answers for them, until when and
why stands beside them, and what the first attempt of a flaky cell left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil import footprint
from hil.document import Document
from hil.html.cells import CellView, Link

_FIRST = "attempt-1/"


@dataclass(frozen=True)
class Flaky:
    """A cell that passed only when it was tried again.

    Attributes:
        verdict, reason: what came of its first attempt; None where the report does not say.
        allowed: who allows it, until when, and why.
        links: what the first attempt left.
    """

    cell: CellView
    verdict: str | None
    reason: str | None
    allowed: str | None
    links: Sequence[Link]


@dataclass(frozen=True)
class Quarantined:
    """A board that is not used for the time being, and the cells it would have run."""

    target: Document
    cells: Sequence[CellView]


def flaky(cells: Iterable[CellView]) -> list[Flaky]:
    """Return the flaky cells of a report, in its order."""
    return [_flaky(cell) for cell in cells if cell.document["verdict"] == "flaky"]


def quarantined(targets: Iterable[Document], cells: Sequence[CellView]) -> list[Quarantined]:
    """Return the boards in quarantine, in the order of the report."""
    return [
        Quarantined(board, [cell for cell in cells if cell.document["target"] == board["name"]])
        for board in targets
        if board.get("quarantine")
    ]


def _flaky(cell: CellView) -> Flaky:
    first = next(iter(cell.document.get("failed_attempts", ())), None)
    allowed = (cell.document["reason"] or "").strip().partition("\n")[2]
    return Flaky(
        cell,
        first["verdict"] if first else None,
        footprint.first_line(first["reason"]) if first else cell.reason,
        allowed or None,
        [
            Link(link.name.removeprefix(_FIRST), link.path, link.href)
            for link in cell.links
            if link.name.startswith(_FIRST)
        ],
    )
