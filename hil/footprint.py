"""The footprint table: one row per cell, for a terminal (rich) and for Markdown.

Both are views of a report document and show the same columns. A figure that could not be
measured is shown as an en dash and its reason below the table; a cell that ended with an alert
shows it in place of what was negotiated, one without either its reason. A narrow terminal gets
the same facts on more lines, so that no number and no name is ever cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from textwrap import wrap

from rich.table import Table
from rich.text import Text

from hil import components, tables
from hil.document import VERDICTS, Document
from hil.tables import MISSING

# Below this width a row of nine columns no longer fits without cutting numbers.
WIDE_COLUMNS = 124

_STYLES = {
    "pass": "green",
    "flaky": "yellow",
    "skip": "yellow",
    "locked": "yellow",
    "wedged": "yellow",
    "fail": "bold red",
    "hang": "bold red",
    "error": "bold red",
}


def _bytes(value: float) -> str:
    return f"{value:,.0f}"


def _instructions(value: float) -> str:
    return f"{value / 1e6:,.2f} M" if value >= 1e5 else f"{value:,.0f}"


def _milliseconds(value: float) -> str:
    return f"{value / 1000:,.2f} s" if value >= 1000 else f"{value:,.0f} ms"


@dataclass(frozen=True)
class Figure:
    """One numeric column: its title, the measurement it shows and how it is written."""

    title: str
    measurement: str
    written: Callable[[float], str]


FIGURES = (
    Figure("heap B", "heap_live_peak_bytes", _bytes),
    Figure("stack B", "stack_peak_bytes", _bytes),
    Figure("instr.", "handshake_instructions", _instructions),
    Figure("wall", "handshake_wall_ms", _milliseconds),
)


def terminal(document: Document, width: int, *, color: bool) -> str:
    """Return the table for a terminal, with the reasons of what is missing below it."""
    rows = [_wide(document)] if width >= WIDE_COLUMNS else _narrow(document, width, color=color)
    cells = document["cells"]
    notes = [Text(note, style="dim") for note in (*_flash(cells), *_notes(cells))]
    return tables.render([*rows, *notes], width, color=color)


def markdown(document: Document) -> str:
    """Return the whole report as Markdown, short enough for a comment on a pull request."""
    run = document["run"]
    commit = (run["git_commit"] or "no commit")[:12] + (", modified" if run["dirty"] else "")
    parts = [
        f"# Footprint report {run['id']}",
        f"{summary(document['cells'])} · {run['started_utc']} · {commit}"
        + (" · **interrupted**" if run["interrupted"] else ""),
        _markdown_table(
            ["target", "peer", "scenario", "verdict", "negotiated", *(f.title for f in FIGURES)],
            [_row(cell) for cell in document["cells"]],
            right=len(FIGURES),
        ),
    ]
    cells = document["cells"]
    notes = [*_flash(cells), *_notes(cells), *_methods(cells)]
    parts.extend("\n".join(f"- {_escaped(note)}" for note in group) for group in (notes,) if group)
    parts.append("## Boards")
    parts.append(_boards(document["targets"]))
    parts.extend(components.markdown(document["targets"]))
    return "\n\n".join(parts) + "\n"


def summary(cells: Iterable[Document]) -> str:
    """Count the cells by verdict: `3 pass, 1 hang`."""
    counts = Counter(cell["verdict"] for cell in cells)
    return ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name]) or "no cells"


def first_line(text: str | None) -> str:
    """Return the first line of a reason: what follows is a console tail."""
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else ""


def _wide(document: Document) -> Table:
    table = _empty_table("target", "peer", "scenario", "verdict", "negotiated")
    table.columns[-1 - len(FIGURES)].no_wrap = False
    for cell in document["cells"]:
        target, peer, scenario, verdict, negotiated, *figures = _row(cell)
        table.add_row(target, peer, scenario, _verdict(verdict), negotiated, *figures)
    return table


def _narrow(document: Document, width: int, *, color: bool) -> list[Text]:
    """Put target and peer above their rows and what was negotiated below each row."""
    groups: dict[str, list[Document]] = {}
    for cell in document["cells"]:
        parts = [cell["peer"], cell["peer_version"]]
        peer = " ".join(part for part in parts if part) or "without a peer"
        groups.setdefault(f"{cell['target']}, {peer}", []).append(cell)
    table = _empty_table("scenario", "verdict")
    for cell in chain.from_iterable(groups.values()):
        _, _, scenario, verdict, _, *figures = _row(cell)
        table.add_row(f"  {scenario}", _verdict(verdict), *figures)
    # No column wraps, so that after the two lines of the head every row is one line.
    head, rule, *rows = tables.render([table], width, color=color).splitlines()
    lines = [Text.from_ansi(head), Text.from_ansi(rule)]
    row = iter(rows)
    for title, cells in groups.items():
        lines.append(Text(title, style="bold"))
        for cell in cells:
            lines.append(Text.from_ansi(next(row)))
            below = wrap(_negotiated(cell), width - 4)
            lines.extend(Text(f"    {line}", style="dim") for line in below)
    return lines


def _empty_table(*titles: str) -> Table:
    table = tables.empty_table()
    for title in titles:
        table.add_column(title, no_wrap=True)
    for figure in FIGURES:
        table.add_column(figure.title, justify="right", no_wrap=True)
    return table


def _verdict(verdict: str) -> Text:
    return Text(verdict, style=_STYLES.get(verdict, ""))


def _row(cell: Document) -> list[str]:
    """Return target, peer, scenario, verdict, negotiated and the figures, as text."""
    return [
        cell["target"],
        cell["peer"] or MISSING,
        cell["scenario"],
        cell["verdict"],
        _negotiated(cell),
        *(_figure(cell, figure) for figure in FIGURES),
    ]


def _negotiated(cell: Document) -> str:
    """Return what both ends agreed on, or the alert that ended it, or why there is neither."""
    facts = cell["negotiated"]
    parts = [facts.get(key) for key in ("version", "suite", "group", "signature")]
    parts += [name for name in ("psk", "resumed") if facts.get(name)]
    agreed = " ".join(str(part) for part in parts if part)
    return facts.get("alert") or agreed or first_line(cell["reason"]) or MISSING


def _measurement(cell: Document, name: str) -> Document | None:
    found: list[Document] = [entry for entry in cell["measurements"] if entry["name"] == name]
    return found[-1] if found else None


def _figure(cell: Document, figure: Figure) -> str:
    entry = _measurement(cell, figure.measurement)
    return MISSING if entry is None or entry["value"] is None else figure.written(entry["value"])


def _notes(cells: Iterable[Document]) -> list[str]:
    """Say once per target and reason which of the table's figures are missing, and why."""
    missing: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        for figure in FIGURES:
            entry = _measurement(cell, figure.measurement)
            if entry is not None and entry["value"] is None:
                names = missing.setdefault((cell["target"], entry["reason"]), [])
                if figure.measurement not in names:
                    names.append(figure.measurement)
    return [
        f"{target} has no {', '.join(names)}: {reason}"
        for (target, reason), names in missing.items()
    ]


def _flash(cells: Iterable[Document]) -> list[str]:
    """Say once per target what its image takes in flash, and how much of it is the TLS core."""
    found: dict[str, str] = {}
    for cell in cells:
        image, core = (_measurement(cell, f"flash_{part}_bytes") for part in ("image", "tlscore"))
        if image is None or image["value"] is None:
            continue
        text = f"{cell['target']} has {_bytes(image['value'])} B of flash in use"
        if core is not None and core["value"] is not None:
            text += f", {_bytes(core['value'])} B of them tlscore"
        found[cell["target"]] = text
    return list(found.values())


def _methods(cells: Iterable[Document]) -> list[str]:
    """Say how each of the table's figures was measured."""
    methods: dict[tuple[str, str], None] = {}
    for cell in cells:
        for figure in FIGURES:
            entry = _measurement(cell, figure.measurement)
            if entry is not None and entry["value"] is not None:
                methods[figure.title, f"{figure.measurement}: {entry['method']}"] = None
    return [f"{title} is {method}" for title, method in methods]


def _boards(targets: Iterable[Document]) -> str:
    rows = []
    for target in targets:
        firmware = target["firmware"] or {}
        rows.append(
            [
                target["name"],
                target["cpu"],
                f"{target['word_bits']}-bit {target['endian']}-endian",
                _bytes(target["ram_bytes"]) if target["ram_bytes"] else MISSING,
                _bytes(target["flash_bytes"]) if target["flash_bytes"] else MISSING,
                firmware.get("micropython", MISSING),
                firmware.get("image_sha256", MISSING)[:12],
            ]
        )
    titles = ["target", "cpu", "word", "RAM B", "flash B", "MicroPython", "image"]
    return _markdown_table(titles, rows)


def _markdown_table(titles: list[str], rows: list[list[str]], right: int = 0) -> str:
    marks = ["---"] * (len(titles) - right) + ["--:"] * right
    lines = [titles, marks, *([_escaped(text) for text in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _escaped(text: str) -> str:
    """Keep text of a board or peer from being read as Markdown or HTML."""
    for character in "\\|<>*_`[]":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
