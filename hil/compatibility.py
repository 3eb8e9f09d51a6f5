"""The compatibility matrix of a report: cells that have a place in it, sorted into grids.

A cell of `hil matrix` says in `matrix` which version, suite, certificate and buffer it is about and
what must come of it. A grid is of one board in one role: rows of version, suite and certificate,
columns of peers and the sizes of the buffer. Reasons that many cells share are numbered, so that
each place can name its reason without repeating it. What is shown of that, and how, is the business
of the page (`hil.html`) and of the Markdown (`hil.footprint`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hil.document import Document

# A row's heading: version, suite, kind of certificate.
Heading = tuple[str, str, str]


@dataclass(frozen=True)
class Entry:
    """A cell in a grid.

    Attributes:
        index: of the cell in the report.
        outcome: `pass`, `refused` (rightly), or the verdict of a cell that is not as it must be.
        note: number of its reason among those of the grid.
    """

    index: int
    outcome: str
    note: int


@dataclass
class Grid:
    """What a board in one role does with each peer.

    Attributes:
        columns: peer, with its version -> sizes of buffers, ascending.
        rows: heading -> peer and size -> the cell there.
        notes: the reasons, numbered from 1.
    """

    target: str
    role: str
    columns: dict[str, list[int]] = field(default_factory=dict)
    rows: dict[Heading, dict[tuple[str, int], Entry]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def versions(self) -> Mapping[str, Mapping[Heading, Mapping[tuple[str, int], Entry]]]:
        """The rows by version."""
        found: dict[str, dict[Heading, Mapping[tuple[str, int], Entry]]] = {}
        for heading, places in self.rows.items():
            found.setdefault(heading[0], {})[heading] = places
        return found

    @property
    def places(self) -> Sequence[tuple[str, int]]:
        """Peer and size of every column."""
        return [(peer, size) for peer, sizes in self.columns.items() for size in sizes]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many cells there are of each outcome; `pass` and `refused` first."""
        found = {"pass": 0, "refused": 0}
        for places in self.rows.values():
            for entry in places.values():
                found[entry.outcome] = found.get(entry.outcome, 0) + 1
        return {outcome: count for outcome, count in found.items() if count}


def outcome_of(verdict: str, expected: str) -> str:
    """Return what became of a cell: a pass that was to be a refusal is `refused`."""
    return expected if verdict in ("pass", "flaky") else verdict


def grids(cells: Sequence[Document]) -> list[Grid]:
    """Return the grids of a report's cells, in the order of the report; none without a matrix."""
    found: dict[tuple[str, str], Grid] = {}
    for index, cell in enumerate(cells):
        place = cell.get("matrix")
        if place is None:
            continue
        key = (cell["target"], cell["role"])
        grid = found.setdefault(key, Grid(*key))
        peer = " ".join(part for part in (cell["peer"], cell["peer_version"]) if part)
        sizes = grid.columns.setdefault(peer, [])
        if place["buffer_bytes"] not in sizes:
            sizes.append(place["buffer_bytes"])
            sizes.sort()
        outcome = outcome_of(cell["verdict"], place["expected"])
        heading = (place["version"], place["suite"], place["certificate"])
        row = grid.rows.setdefault(heading, {})
        row[peer, place["buffer_bytes"]] = Entry(index, outcome, _note(grid, cell, outcome))
    return list(found.values())


def _note(grid: Grid, cell: Document, outcome: str) -> int:
    """Return the number of a cell's reason: what follows from both ends, or what went wrong."""
    reason = cell["matrix"]["reason"]
    if outcome not in ("pass", "refused", "skip"):
        lines = (cell["reason"] or "").strip().splitlines()
        reason = f"Not as it must be ({outcome}): {lines[0] if lines else 'no reason given'}"
    if reason not in grid.notes:
        grid.notes.append(reason)
    return grid.notes.index(reason) + 1


def markdown(cells: Sequence[Document]) -> Iterator[str]:
    """Yield the matrix as Markdown: a table for each board and role, its reasons below it."""
    for grid in grids(cells):
        counts = ", ".join(f"{count} {outcome}" for outcome, count in grid.counts.items())
        yield f"## Compatibility of {grid.target} as {grid.role}"
        yield f"{counts}. Each place lists buffer sizes in KB; numbers in brackets are reasons."
        head = ["version", "suite", "certificate", *grid.columns]
        lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
        for heading, places in grid.rows.items():
            columns = [_place(places, peer, sizes) for peer, sizes in grid.columns.items()]
            lines.append("| " + " | ".join([*map(_escaped, (*heading, *columns))]) + " |")
        yield "\n".join(lines)
        yield "\n".join(f"{number}. {_escaped(note)}" for number, note in enumerate(grid.notes, 1))


def _place(places: Mapping[tuple[str, int], Entry], peer: str, sizes: Sequence[int]) -> str:
    """Return the cells of a row with a peer; sizes with the same end and reason together."""
    found: dict[tuple[str, int], list[int]] = {}
    for size in sizes:
        entry = places.get((peer, size))
        if entry is not None:
            found.setdefault((entry.outcome, entry.note), []).append(size)
    return "; ".join(
        f"{outcome} {', '.join(in_kb(size) for size in tried)} [{note}]"
        for (outcome, note), tried in found.items()
    )


def in_kb(size: int) -> str:
    """Return a size of a buffer in KB where it is a whole number, as it is otherwise."""
    return f"{size // 1024}K" if size % 1024 == 0 else f"{size:,}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
