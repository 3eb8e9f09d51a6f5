"""What a report says, as figures that have a place: a board's firmware, or a cell.

Flash, static RAM and their parts are facts of a board's firmware, though every cell repeats them:
they are taken once per board. A cell that says otherwise than its board keeps its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hil.document import Document
from hil.errors import HilError
from hil.link_map import PYTHON

# Measurements of a cell that are its firmware's.
_OF_FIRMWARE = ("flash_", "ram_static_")
_COMPONENT_METHOD = "linker's map"
# The one part of the Python modules of a firmware that has no list of them.
UNDIVIDED = "all"


class NotComparable(HilError):
    """Two reports that have nothing to say to each other."""


@dataclass(frozen=True)
class Place:
    """Whose a figure is: a cell's, or without a scenario a board's.

    Attributes:
        repetition: tells cells apart that are the same otherwise, in the order of the report.
    """

    target: str
    peer: str | None = None
    scenario: str | None = None
    repetition: int = 0

    @property
    def board(self) -> Place:
        """The place of the board's own figures."""
        return Place(self.target)

    def __str__(self) -> str:
        """Return target, peer and scenario with spaces between."""
        parts = [part for part in (self.target, self.peer, self.scenario) if part]
        return " ".join([*parts, f"({self.repetition + 1})"] if self.repetition else parts)


@dataclass(frozen=True)
class Figure:
    """One figure of a report; see `hil.measure.Measurement`."""

    name: str
    value: float | None
    unit: str
    method: str
    n: int = 1
    mad: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Sheet:
    """A report, ready to be compared.

    Attributes:
        run: the report's own facts.
        targets: by name, as the report has them.
        cells: by place, as the report has them, in its order.
        figures: by place and name.
    """

    run: Document
    targets: Mapping[str, Document]
    cells: Mapping[Place, Document]
    figures: Mapping[Place, Mapping[str, Figure]]

    @property
    def mode(self) -> str:
        """How the cells were run: `live` or `replay`; reports from before replays are live."""
        return str(self.run.get("mode", "live"))

    def find(self, place: Place, name: str) -> Figure | None:
        """Return a figure of a place, or of its board; None when the report has none."""
        found = self.figures.get(place, {}).get(name)
        return found or self.figures.get(place.board, {}).get(name)

    def has_components(self, target: str) -> bool:
        """Whether the report says what a board's firmware consists of."""
        return bool(_components(self.targets.get(target, {})))


def sheet(document: Document) -> Sheet:
    """Take a report apart."""
    targets = {target["name"]: target for target in document["targets"]}
    cells: dict[Place, Document] = {}
    seen: Counter[tuple[str, str | None, str]] = Counter()
    for cell in document["cells"]:
        key = (cell["target"], cell["peer"], cell["scenario"])
        cells[Place(*key, seen[key])] = cell
        seen[key] += 1
    figures: dict[Place, dict[str, Figure]] = {
        Place(name): {figure.name: figure for figure in _parts(target)}
        for name, target in targets.items()
    }
    for place, cell in cells.items():
        board = figures.setdefault(place.board, {})
        own = figures.setdefault(place, {})
        for entry in cell["measurements"]:
            figure = _figure(entry)
            if figure.name.startswith(_OF_FIRMWARE):
                known = board.setdefault(figure.name, figure)
                if known.value == figure.value:
                    continue
            own[figure.name] = figure
    return Sheet(document["run"], targets, cells, figures)


def is_component(name: str) -> bool:
    """Whether a figure is that of a part of the firmware: a part that is not there has 0 bytes."""
    return name.startswith(("flash.", "ram."))


def _figure(entry: Document) -> Figure:
    return Figure(
        entry["name"],
        entry["value"],
        entry["unit"],
        entry["method"],
        entry["n"],
        entry.get("mad"),
        entry["reason"],
    )


def _parts(target: Document) -> Iterable[Figure]:
    """Return what the parts of a firmware take: `flash.tlscore.client`, `ram.port.common`."""
    for part in _components(target):
        is_module = part["group"] == PYTHON and part["name"] != UNDIVIDED
        name = part["name"] if is_module else f"{part['group']}.{part['name']}"
        flash = part["text_bytes"] + part["data_bytes"]
        ram = part["data_bytes"] + part["bss_bytes"]
        for kind, size in (("flash", flash), ("ram", ram)):
            if size:
                yield Figure(f"{kind}.{name}", size, "bytes", _COMPONENT_METHOD)


def _components(target: Document) -> list[Document]:
    parts: list[Document] = (target.get("firmware") or {}).get("components") or []
    return parts
