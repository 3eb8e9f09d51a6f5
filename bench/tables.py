"""The tables of a run: what stands in each, whoever shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench import desk, desk_ours, desk_tlslite, goals, handshakes, kernels, libraries
from bench.figures import Figure, Figures
from bench.operations import OPERATIONS
from bench.records import SUITES
from hil import quantities
from hil.tables import MISSING

# Measurements of a handshake and their heads.
_HANDSHAKE = (
    ("handshake_instructions", "instructions"),
    ("heap_min_bytes", "smallest heap"),
    ("stack_peak_bytes", "stack"),
    ("ram_static_bytes", "static"),
)
_VERDICTS = {True: "met", False: "**missed**", None: MISSING}


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        title: above it.
        heads: of the columns; those after the first `words` are numbers.
        rows: as many cells each.
        notes: below it.
        words: how many columns hold words.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    words: int = 1


def written(value: float | None, unit: str) -> str:
    """Return a value as tables show it; the unit stands in the row's or column's name."""
    if value is None:
        return MISSING
    if unit == "instructions":
        return quantities.instructions(value)
    if unit == "times":
        return f"{value:.2f} x"
    return quantities.count(value) if value >= 1000 or unit == "bytes" else f"{value:.1f}"


def _ratio(ours: float | None, theirs: float | None) -> str:
    return written(ours / theirs if ours is not None and theirs else None, "times")


@dataclass
class _Reasons:
    """Why figures are missing: reason -> where, each said once."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def shown(self, figure: Figure | None, where: str) -> str:
        """Return a figure as text, and note the reason if it has no value."""
        if figure is None:
            return MISSING
        if figure.reason is not None:
            places = self.found.setdefault(figure.reason, [])
            if where not in places:
                places.append(where)
        return written(figure.value, figure.unit)

    def notes(self) -> list[str]:
        return [f"{', '.join(places)}: {reason}" for reason, places in self.found.items()]


def of_goals(figures: Figures, rows: tuple[desk.Row, ...]) -> Table:
    """Return every goal with what was measured, and what C libraries take beside it."""
    lines, notes = [], []
    for judged in goals.judgements(figures, rows):
        goal = judged.goal
        unit = "times" if goal.beside else judged.unit or "bytes"
        bound = f"{'>' if goal.at_least else '≤'} {written(goal.limit, unit)}"
        if judged.reason is not None:
            notes.append(f"{goal.title}, {goal.subject}: {judged.reason}")
        line = [goal.title, goal.subject, bound, written(judged.measured, judged.unit)]
        lines.append([*line, _VERDICTS[judged.met]])
    heads = ["what", "on", "goal", "measured", "the goal is"]
    return Table("Goals", heads, lines, notes, words=2)


def of_operations(figures: Figures, targets: Sequence[str]) -> Table:
    """Return single operations, one column a board."""
    reasons = _Reasons()
    counted = [name for name in targets if any(figures.value(name, row.key) for row in OPERATIONS)]
    keys = [(row.key, row.title) for row in OPERATIONS]
    for suite in SUITES:
        keys += [(suite.key, suite.title)]
        keys += [(f"{suite.key}_{way}", f"{MISSING} {way}ing it") for way in ("seal", "open")]
    lines = [
        [title, *(reasons.shown(figures.find(name, key), f"{name}, {title}") for name in counted)]
        for key, title in keys
    ]
    notes = reasons.notes()
    for name in targets:
        figure = figures.find(name, OPERATIONS[0].key)
        if name not in counted and figure is not None:
            notes.append(f"{name}: {figure.reason}; every result was right")
    return Table("Single operations, instructions", ["", *counted], lines, notes)


def of_handshakes(figures: Figures, targets: Sequence[str]) -> Table:
    """Return the handshakes of every scenario on every board."""
    reasons = _Reasons()
    lines = []
    for scenario, title in handshakes.SCENARIOS.items():
        for name in targets:
            found = [figures.find(name, f"{scenario}.{what}") for what, _ in _HANDSHAKE]
            if not any(found):
                continue
            total = goals.memory(name, scenario, figures)
            shown = [reasons.shown(figure, name) for figure in found]
            lines.append([title, name, *shown, written(total, "bytes")])
    heads = ["handshake", "board", *(head for _, head in _HANDSHAKE), "all three"]
    return Table("Handshakes", heads, lines, reasons.notes(), words=2)


def of_libraries(figures: Figures) -> Table:
    """Return the handshake with three signatures beside that of C libraries on the same core."""
    scenario, ours = libraries.SCENARIO, goals.CORTEX_M3

    def total(subject: str) -> float | None:
        return goals.memory(subject, scenario, figures)

    def row(title: str, unit: str, value: Callable[[str], float | None]) -> list[str]:
        mine = value(ours)
        cells = [title, written(mine, unit)]
        for library in libraries.names():
            cells += [written(value(library), unit), _ratio(mine, value(library))]
        return cells

    def figure(title: str, unit: str, key: str) -> list[str]:
        return row(title, unit, lambda subject: figures.value(subject, key))

    lines = [
        figure("handshake, instructions", "instructions", f"{scenario}.handshake_instructions"),
        figure("one P-256 verification", "instructions", "ecdsa_p256_verify"),
        figure("one X25519", "instructions", "x25519"),
        figure("heap needed, bytes", "bytes", f"{scenario}.heap_min_bytes"),
        figure("stack, bytes", "bytes", f"{scenario}.stack_peak_bytes"),
        figure("static, bytes", "bytes", f"{scenario}.ram_static_bytes"),
        row("heap + stack + static, bytes", "bytes", total),
    ]
    heads = ["", f"ours on {ours}"]
    for library in libraries.names():
        heads += [library, "ours is"]
    return Table("Beside TLS libraries in C on the same core", heads, lines)


def of_desk(figures: Figures, rows: tuple[desk.Row, ...]) -> Table:
    """Return CPython's figures beside tlslite-ng's."""
    lines = []
    for row in rows:
        ours = figures.value(desk_ours.NAME, row.key)
        theirs = figures.value(desk_tlslite.NAME, row.key)
        title = f"{row.title}, {row.unit}"
        pair = [written(value, row.unit) for value in (ours, theirs)]
        lines.append([title, *pair, _ratio(ours, theirs)])
    heads = ["", "ours", desk_tlslite.NAME, "ours is"]
    return Table("On CPython, beside tlslite-ng in pure Python", heads, lines)


def of_kernels(figures: Figures) -> Table:
    """Return the RAM of each kernel."""
    names = dict.fromkeys(
        figure.key.split(".")[1] for figure in figures
        if figure.subject == kernels.SUBJECT and figure.key.count(".") == 2
    )  # fmt: skip
    lines = []
    for name in names:
        sizes = [
            figures.value(kernels.SUBJECT, f"kernels.{name}.{what}") for what in ("heap", "stack")
        ]
        together = sum(size for size in sizes if size is not None)
        lines.append([f"`{name}`", *(written(size, "bytes") for size in (*sizes, together))])
    return Table("RAM of the kernels, bytes", ["kernel", "buffer", "stack", "together"], lines)


def of_backends(figures: Figures) -> Table:
    """Return which code computes what on each board."""
    lines = []
    for name, found in figures.backends.items():
        kinds: dict[str, list[str]] = {}
        for primitive, kind in found.items():
            kinds.setdefault(kind, []).append(primitive)
        said = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
        lines.append([name, said])
    return Table("Back ends in use", ["board", "by the board's own account"], lines, words=2)
