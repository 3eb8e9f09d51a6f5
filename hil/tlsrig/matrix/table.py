"""What `hil matrix` prints: how many cells of each peer work, and why the others do not."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from hil import tables
from hil.compatibility import outcome_of
from hil.document import Document

__all__ = ["outcome_of", "summary"]

_COLUMNS = ("pass", "refused", "fail", "skip")


def summary(document: Document, width: int) -> tuple[str, bool]:
    """Return the counts by target, role and peer with the reasons, and whether all is well.

    Args:
        document: the report.
        width: of the terminal.
    """
    cells = [cell for cell in document["cells"] if "matrix" in cell]
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    refused: Counter[str] = Counter()
    wrong = []
    for cell in cells:
        outcome = outcome_of(cell["verdict"], cell["matrix"]["expected"])
        key = (cell["target"], cell["role"], f"{cell['peer']} {cell['peer_version']}")
        counts.setdefault(key, Counter())[_column(outcome)] += 1
        if outcome == "refused":
            refused[cell["matrix"]["reason"]] += 1
        elif _column(outcome) == "fail":
            wrong.append(cell)
    table = tables.empty_table()
    for title in ("target", "board as", "peer"):
        table.add_column(title, no_wrap=True)
    for title in _COLUMNS:
        table.add_column(title, justify="right")
    for key, row in counts.items():
        table.add_row(*key, *(str(row[column] or tables.MISSING) for column in _COLUMNS))
    lines = [Text(f"{count} x {reason}") for reason, count in refused.most_common()]
    failures = [
        Text(f"{cell['verdict']}: {cell['peer']} {cell['scenario']}: {_first(cell['reason'])}")
        for cell in wrong
    ]
    works = sum(row["pass"] for row in counts.values())
    total = Text(
        f"{len(cells)} cells: {works} work, {sum(refused.values())} refused as follows from what "
        f"both ends can do, {len(wrong)} not as they must be"
    )
    text = tables.render([table, *lines, *failures, total], width, color=False)
    return text, not wrong and bool(works or refused)


def _column(outcome: str) -> str:
    return outcome if outcome in ("pass", "refused", "skip") else "fail"


def _first(reason: str | None) -> str:
    return (reason or "").splitlines()[0] if reason else ""
