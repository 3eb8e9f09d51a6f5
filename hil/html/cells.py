"""What the HTML report says of cells: the matrix, what needs attention, and each cell's own part.

Reads a report document and, for the end of a console, the artefacts beside it; writes no HTML.
Every text may come from a board or a peer and is not to be trusted: it stays plain text here, and
becomes HTML only in templates that escape it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from hil import footprint, quantities
from hil.document import VERDICTS, Document
from hil.tables import MISSING

# Worst first: what a reader has to see, and in which order.
ATTENTION = ("fail", "error", "hang", "flaky", "wedged", "infra", "locked")

SYMBOLS = {
    "pass": "\N{CHECK MARK}",
    "fail": "\N{BALLOT X}",
    "skip": "\N{EN DASH}",
    "hang": "\N{HORIZONTAL ELLIPSIS}",
    "error": "!",
    "locked": "\N{BLACK SQUARE}",
    "wedged": "\N{BLACK SQUARE}",
    "infra": "\N{WHITE SQUARE}",
    "flaky": "~",
}

# What the matrix can show instead of the verdict: key, title, measurement.
VIEWS = (
    ("heap", "heap", "heap_live_peak_bytes"),
    ("heap-min", "heap min", "heap_min_bytes"),
    ("stack", "stack", "stack_peak_bytes"),
    ("instructions", "instructions", "handshake_instructions"),
    ("wall", "wall clock", "handshake_wall_ms"),
)

_CONSOLE_LINES = 25
_CONSOLE_BYTES = 8192
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Link:
    """An artefact: its name and where it is, relative to the page; None when that is unsafe."""

    name: str
    path: str
    href: str | None


@dataclass(frozen=True)
class CellView:
    """A cell as the page shows it.

    Attributes:
        id: of its element in the page.
        document: the cell as `report.json` holds it.
        summary: what was negotiated, or the alert; the reason where it is no pass; in one line.
        reason: the first line of the reason; None when there is none.
        tail: the rest of the reason, or the end of the console: several lines.
        command: runs this cell again.
        links: its artefacts.
        explained: the page that explains its bytes, when it is there.
        before: its verdict when it ran the last time, if that was another one.
        figures: view of the matrix -> the value, written.
    """

    id: str
    document: Document
    summary: str
    reason: str | None
    tail: str | None
    command: str
    links: Sequence[Link]
    explained: str | None
    before: str | None
    figures: Mapping[str, str] = field(default_factory=dict)

    @property
    def symbol(self) -> str:
        """The sign of its verdict, which needs no colour."""
        return SYMBOLS[self.document["verdict"]]

    @property
    def name(self) -> str:
        """Target, peer and scenario, as in the test's id."""
        return "-".join(_key(self.document))


@dataclass(frozen=True)
class Column:
    """A column of the matrix: a peer of a target; the first of a target names it."""

    target: str
    peer: str


@dataclass(frozen=True)
class Matrix:
    """Scenarios down, targets and their peers across; a place holds its cells, if any ran."""

    columns: Sequence[Column]
    rows: Mapping[str, Sequence[Sequence[CellView]]]
    views: Sequence[tuple[str, str]]

    @property
    def targets(self) -> Mapping[str, int]:
        """Target -> how many columns it has."""
        found: dict[str, int] = {}
        for column in self.columns:
            found[column.target] = found.get(column.target, 0) + 1
        return found


@dataclass(frozen=True)
class Finding:
    """Cells that went wrong in the same way, whatever their targets and scenarios."""

    verdict: str
    reason: str
    cells: Sequence[CellView]

    @property
    def scenarios(self) -> Sequence[str]:
        """The scenarios of its cells, each once."""
        return list(dict.fromkeys(cell.document["scenario"] for cell in self.cells))

    @property
    def before(self) -> str | None:
        """The verdict that all of its cells had when they ran the last time, if it was one."""
        verdicts = {cell.before for cell in self.cells}
        return verdicts.pop() if len(verdicts) == 1 else None

    @property
    def boards(self) -> Mapping[str, Sequence[CellView]]:
        """Its cells by target and peer."""
        found: dict[str, list[CellView]] = {}
        for cell in self.cells:
            parts = (cell.document["target"], cell.document["peer"])
            found.setdefault(" · ".join(part for part in parts if part), []).append(cell)
        return found

    @property
    def explanations(self) -> Sequence[str]:
        """What explains its cells, each once."""
        found = (cell.document.get("explanation") for cell in self.cells)
        return list(dict.fromkeys(text for text in found if text))


def views(document: Document, directory: Path, earlier: Sequence[Document]) -> list[CellView]:
    """Return the cells of a report, in its order."""
    before = {_key(cell): cell["verdict"] for report in earlier for cell in report["cells"]}
    taken: set[str] = set()
    return [_view(cell, directory, before, taken) for cell in document["cells"]]


def _view(
    cell: Document, directory: Path, before: Mapping[tuple[str, ...], str], taken: set[str]
) -> CellView:
    links = [_link(name, path) for name, path in cell["artefacts"].items()]
    was = before.get(_key(cell))
    reason = footprint.first_line(cell["reason"]) or None
    return CellView(
        id=_unique("cell-" + re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(_key(cell))), taken),
        document=cell,
        summary=(reason if cell["verdict"] != "pass" else None) or footprint.negotiated(cell),
        reason=reason,
        tail=_tail(cell, directory),
        command=_command(cell),
        links=links,
        explained=_explained(directory, links),
        before=was if was != cell["verdict"] else None,
        figures={key: _figure(cell, measurement) for key, _, measurement in VIEWS},
    )


def matrix(cells: Sequence[CellView]) -> Matrix:
    """Sort cells into the matrix; targets, peers and scenarios in the order of the report."""
    places: dict[tuple[str, Column], list[CellView]] = {}
    for cell in cells:
        place = (cell.document["scenario"], _column(cell))
        places.setdefault(place, []).append(cell)
    targets = list(dict.fromkeys(column.target for _, column in places))
    columns = sorted(
        dict.fromkeys(column for _, column in places),
        key=lambda column: targets.index(column.target),
    )
    scenarios = dict.fromkeys(scenario for scenario, _ in places)
    rows = {
        scenario: [places.get((scenario, column), []) for column in columns]
        for scenario in scenarios
    }
    measured = [
        (key, title)
        for key, title, _ in VIEWS
        if any(cell.figures[key] != MISSING for cell in cells)
    ]
    return Matrix(columns, rows, measured)


def findings(cells: Iterable[CellView], verdicts: Sequence[str]) -> list[Finding]:
    """Sort the cells of some verdicts by what went wrong; the worst verdict first."""
    found: dict[tuple[str, str], list[CellView]] = {}
    for cell in cells:
        verdict = cell.document["verdict"]
        if verdict in verdicts:
            found.setdefault((verdict, cell.reason or ""), []).append(cell)
    return sorted(
        (Finding(*key, members) for key, members in found.items()),
        key=lambda finding: verdicts.index(finding.verdict),
    )


def groups(cells: Iterable[CellView]) -> Mapping[tuple[str, str, str], list[CellView]]:
    """Sort cells by target, peer and the peer's version, in the order of the report."""
    found: dict[tuple[str, str, str], list[CellView]] = {}
    for cell in cells:
        facts = cell.document
        peer = facts["peer"] or ""
        group = next((key for key in found if key[:2] == (facts["target"], peer)), None)
        if group is None:
            group = (facts["target"], peer, facts["peer_version"] or "")
        found.setdefault(group, []).append(cell)
    return found


def tally(cells: Iterable[CellView]) -> list[tuple[str, str, int]]:
    """Return verdict, sign and count of the verdicts there are; `pass` even if there is none."""
    verdicts = [cell.document["verdict"] for cell in cells]
    return [
        (name, SYMBOLS[name], verdicts.count(name))
        for name in VERDICTS
        if name == "pass" or name in verdicts
    ]


def artefact(cell: Document, name: str, directory: Path) -> Path | None:
    """Return an artefact's file if it is there and inside the report's folder."""
    path = cell["artefacts"].get(name)
    if path is None:
        return None
    file = (directory / path).resolve()
    return file if file.is_relative_to(directory.resolve()) and file.is_file() else None


def _key(cell: Document) -> tuple[str, ...]:
    return tuple(part for part in (cell["target"], cell["peer"], cell["scenario"]) if part)


def _column(cell: CellView) -> Column:
    return Column(cell.document["target"], cell.document["peer"] or MISSING)


def _unique(name: str, taken: set[str]) -> str:
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    taken.add(unique)
    return unique


def _figure(cell: Document, name: str) -> str:
    entry = footprint.measurement(cell, name)
    if entry is None or entry["value"] is None:
        return MISSING
    if entry["unit"] == "bytes":
        return quantities.count(entry["value"])
    return quantities.in_unit(entry["value"], entry["unit"])


def _tail(cell: Document, directory: Path) -> str | None:
    """Return what follows the first line of a reason, or else the end of the console."""
    rest = (cell["reason"] or "").strip().partition("\n")[2]
    if rest or cell["verdict"] not in ATTENTION:
        return _shown(rest) or None
    console = artefact(cell, "console", directory)
    if console is None:
        return None
    with console.open("rb") as log:
        log.seek(max(0, console.stat().st_size - _CONSOLE_BYTES))
        text = log.read().decode("utf-8", "replace")
    return "\n".join(_shown(text).splitlines()[-_CONSOLE_LINES:]) or None


def _shown(text: str) -> str:
    """Return a console's text without escape sequences, other controls made visible."""
    plain = _ANSI.sub("", text.replace("\r\n", "\n")).strip("\n")
    return _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", plain)


def _command(cell: Document) -> str:
    """Return the command that runs this cell again, safe to paste into a shell."""
    if "matrix" in cell:
        return _matrix_command(cell)
    words = ["pytest"]
    if cell["test"]:
        words.append(cell["test"].partition("::")[0])
    words.append(f"--target={cell['target']}")
    if cell["peer"]:
        words.append(f"--peer={cell['peer']}")
        words.append(f"--scenario={cell['scenario']}")
    elif cell["test"]:
        words[1] = cell["test"]
    return shlex.join(words)


def _matrix_command(cell: Document) -> str:
    place = cell["matrix"]
    options = {
        "target": cell["target"],
        "peer": cell["peer"],
        "role": cell["role"],
        "version": place["version"],
        "suite": place["suite"],
        "certificate": place["certificate"],
        "buffer": place["buffer_bytes"],
    }
    return shlex.join(["hil", "matrix", *(f"--{name}={value}" for name, value in options.items())])


def _link(name: str, path: str) -> Link:
    safe = ".." not in PurePosixPath(path).parts and not path.startswith(("/", "\\"))
    # `./` first: a path that looks like a scheme, `javascript:`, is a path all the same.
    return Link(name, path, f"./{quote(path)}" if safe else None)


def _explained(directory: Path, links: Sequence[Link]) -> str | None:
    """Return the link to the cell's explained page, listed as an artefact or beside them."""
    for link in links:
        if link.href and PurePosixPath(link.path).name == "explained.html":
            return link.href
    folders = {PurePosixPath(link.path).parent for link in links if link.href}
    for folder in sorted(folders, key=str):
        if (directory / folder / "explained.html").is_file():
            return f"./{quote(str(folder / 'explained.html'))}"
    return None
