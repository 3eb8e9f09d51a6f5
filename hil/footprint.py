"""The footprint table: one row per cell, for a terminal (rich) and for Markdown.

Both are views of a report document and show the same columns. A figure that could not be
measured is shown as an en dash and its reason below the table; a cell that ended with an alert
shows it in place of what was negotiated, one without either its reason. A narrow terminal gets
the same facts on more lines, so that no number and no name is ever cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from textwrap import wrap

from rich.table import Table
from rich.text import Text

from hil import compatibility, components, link_times, quantities, tables
from hil.document import VERDICTS, Document
from hil.tables import MISSING

# Below this width a row of nine columns no longer fits without cutting numbers.
WIDE_COLUMNS = 124
# What one more column of figures takes.
_COLUMN = 12

# The mode of a run for correctness alone.
_UNCOUNTED = "correctness"

_STYLES = {
    "pass": "green",
    "flaky": "yellow",
    "skip": "yellow",
    "locked": "yellow",
    "wedged": "yellow",
    "infra": "yellow",
    "fail": "bold red",
    "hang": "bold red",
    "error": "bold red",
}


@dataclass(frozen=True)
class Figure:
    """One numeric column: its title, the measurement it shows and how it is written."""

    title: str
    measurement: str
    written: Callable[[float], str]


HEAP_MIN = Figure("heap min B", "heap_min_bytes", quantities.count)
FIGURES = (
    Figure("heap B", "heap_live_peak_bytes", quantities.count),
    Figure("stack B", "stack_peak_bytes", quantities.count),
    Figure("instr.", "handshake_instructions", quantities.instructions),
    Figure("wall", "handshake_wall_ms", quantities.milliseconds),
)


# Order of the phases of a handshake; further names follow as they come.
PHASES = (
    "client_hello",
    "server_hello",
    "key_share",
    "key_schedule",
    "encrypted_extensions",
    "certificate",
    "certificate_verify",
    "finished",
    "record",
)


def figures(cells: Iterable[Document]) -> tuple[Figure, ...]:
    """Return the columns of figures: the smallest heap is one of them only if it was measured."""
    entries = (measurement(cell, HEAP_MIN.measurement) for cell in cells)
    if any(entry is not None and entry["value"] is not None for entry in entries):
        return (FIGURES[0], HEAP_MIN, *FIGURES[1:])
    return FIGURES


def terminal(document: Document, width: int, *, color: bool) -> str:
    """Return the table for a terminal, with the reasons of what is missing below it."""
    cells = document["cells"]
    columns = figures(cells)
    wide = width >= WIDE_COLUMNS + (len(columns) - len(FIGURES)) * _COLUMN
    rows = [_wide(cells, columns)] if wide else _narrow(cells, columns, width, color=color)
    notes = [Text(note, style="dim") for note in (*_flash(cells), *_notes(cells, columns))]
    return tables.render([*rows, *notes], width, color=color)


def markdown(document: Document) -> str:
    """Return the whole report as Markdown, short enough for a comment on a pull request."""
    run, cells = document["run"], document["cells"]
    is_counted = run.get("mode") != _UNCOUNTED
    columns = figures(cells)
    commit = (run["git_commit"] or "no commit")[:12] + (", modified" if run["dirty"] else "")
    parts = [
        f"# Footprint report {run['id']}",
        f"{summary(cells)} · {run['started_utc']} · {commit}"
        + ("" if is_counted else " · for correctness alone")
        + (" · **interrupted**" if run["interrupted"] else ""),
    ]
    if footprints := [cell for cell in cells if "matrix" not in cell]:
        heads = ["target", "peer", "scenario", "verdict", "negotiated", *(f.title for f in columns)]
        rows = [_row(cell, columns) for cell in footprints]
        parts.append(_markdown_table(heads, rows, right=len(columns)))
    parts.extend(compatibility.markdown(cells))
    parts.extend(link_times.markdown(cells))
    if "merged_from" in run:
        of = (f"{part['id']} on {part['host']['name']}" for part in run["merged_from"])
        parts.insert(2, _escaped(f"Merged from {', '.join(of)}."))
    if run.get("problems"):
        failed = "**The run failed:** " + _escaped("; ".join(run["problems"]))
        parts.insert(2, failed)
    notes = [
        *_apart(document),
        *_flash(cells),
        *_notes(cells, columns),
        *_methods(cells, columns),
    ]
    parts.extend("\n".join(f"- {_escaped(note)}" for note in group) for group in (notes,) if group)
    parts.extend(_explanations(cells))
    parts.extend(_phases(cells))
    parts.append("## Boards")
    parts.append(_boards(document["targets"]))
    parts.extend(components.markdown(document["targets"]))
    return "\n\n".join(parts) + "\n"


def _apart(document: Document) -> Iterator[str]:
    """Say what is flaky, and which boards are in quarantine."""
    for cell in document["cells"]:
        if cell["verdict"] == "flaky":
            name = " ".join(
                part for part in (cell["target"], cell["peer"], cell["scenario"]) if part
            )
            yield f"{name} is flaky: " + "; ".join((cell["reason"] or "").strip().splitlines())
    for target in document["targets"]:
        if target.get("quarantine"):
            yield f"{target['name']} is in quarantine: {target['quarantine']}"


def summary(cells: Iterable[Document]) -> str:
    """Count the cells by verdict: `3 pass, 1 hang`."""
    counts = Counter(cell["verdict"] for cell in cells)
    return ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name]) or "no cells"


def first_line(text: str | None) -> str:
    """Return the first line of a reason: what follows is a console tail."""
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else ""


def _wide(cells: Iterable[Document], columns: Sequence[Figure]) -> Table:
    table = _empty_table("target", "peer", "scenario", "verdict", "negotiated", columns=columns)
    table.columns[-1 - len(columns)].no_wrap = False
    for cell in cells:
        target, peer, scenario, verdict, agreed, *written = _row(cell, columns)
        # As Text: a reason may have words in brackets, which would be taken for markup.
        table.add_row(target, peer, scenario, _verdict(verdict), Text(agreed), *written)
    return table


def _narrow(
    cells: Iterable[Document], columns: Sequence[Figure], width: int, *, color: bool
) -> list[Text]:
    """Put target and peer above their rows and what was negotiated below each row."""
    groups: dict[str, list[Document]] = {}
    for cell in cells:
        parts = [cell["peer"], cell["peer_version"]]
        peer = " ".join(part for part in parts if part) or "without a peer"
        groups.setdefault(f"{cell['target']}, {peer}", []).append(cell)
    table = _empty_table("scenario", "verdict", columns=columns)
    for cell in chain.from_iterable(groups.values()):
        _, _, scenario, verdict, _, *written = _row(cell, columns)
        table.add_row(f"  {scenario}", _verdict(verdict), *written)
    # No column wraps, so that after the two lines of the head every row is one line.
    head, rule, *rows = tables.render([table], width, color=color).splitlines()
    lines = [Text.from_ansi(head), Text.from_ansi(rule)]
    row = iter(rows)
    for title, members in groups.items():
        lines.append(Text(title, style="bold"))
        for cell in members:
            lines.append(Text.from_ansi(next(row)))
            below = wrap(negotiated(cell), width - 4)
            lines.extend(Text(f"    {line}", style="dim") for line in below)
    return lines


def _empty_table(*titles: str, columns: Sequence[Figure]) -> Table:
    table = tables.empty_table()
    for title in titles:
        table.add_column(title, no_wrap=True)
    for figure in columns:
        table.add_column(figure.title, justify="right", no_wrap=True)
    return table


def _verdict(verdict: str) -> Text:
    return Text(verdict, style=_STYLES.get(verdict, ""))


def _row(cell: Document, columns: Iterable[Figure]) -> list[str]:
    """Return target, peer, scenario, verdict, negotiated and the figures, as text."""
    return [
        cell["target"],
        cell["peer"] or MISSING,
        cell["scenario"],
        cell["verdict"],
        negotiated(cell),
        *(_figure(cell, figure) for figure in columns),
    ]


def negotiated(cell: Document) -> str:
    """Return what both ends agreed on, or the alert that ended it, or why there is neither."""
    facts = cell["negotiated"]
    parts = [facts.get(key) for key in ("version", "suite", "group", "signature")]
    parts += [name for name in ("psk", "resumed") if facts.get(name)]
    agreed = " ".join(str(part) for part in parts if part)
    return facts.get("alert") or agreed or first_line(cell["reason"]) or MISSING


def measurement(cell: Document, name: str) -> Document | None:
    """Return a measurement of a cell by its name; None if it holds none, not even a reason."""
    found: list[Document] = [entry for entry in cell["measurements"] if entry["name"] == name]
    return found[-1] if found else None


def _figure(cell: Document, figure: Figure) -> str:
    entry = measurement(cell, figure.measurement)
    return MISSING if entry is None or entry["value"] is None else figure.written(entry["value"])


def _notes(cells: Iterable[Document], columns: Sequence[Figure]) -> list[str]:
    """Say once per target and reason which of the table's figures are missing, and why."""
    missing: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        for figure in columns:
            entry = measurement(cell, figure.measurement)
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
        image, core = (measurement(cell, f"flash_{part}_bytes") for part in ("image", "tlscore"))
        if image is None or image["value"] is None:
            continue
        text = f"{cell['target']} has {quantities.count(image['value'])} B of flash in use"
        if core is not None and core["value"] is not None:
            text += f", {quantities.count(core['value'])} B of them tlscore"
        found[cell["target"]] = text
    return list(found.values())


def _methods(cells: Iterable[Document], columns: Sequence[Figure]) -> list[str]:
    """Say how each of the table's figures was measured."""
    methods: dict[tuple[str, str], None] = {}
    for cell in cells:
        for figure in columns:
            entry = measurement(cell, figure.measurement)
            if entry is not None and entry["value"] is not None:
                methods[figure.title, f"{figure.measurement}: {entry['method']}"] = None
    return [f"{title} is {method}" for title, method in methods]


def phases(cell: Document) -> dict[str, float]:
    """Return phase -> instructions of a cell's handshake, where its phases were counted."""
    found = {}
    for entry in cell["measurements"]:
        parts = entry["name"].split(".")
        if parts[0] == "phase" and parts[-1] == "instructions" and entry["value"] is not None:
            found[".".join(parts[1:-1])] = entry["value"]
    return found


def _explanations(cells: Iterable[Document]) -> list[str]:
    """Return the part of a report that says why cells did not pass; none without an explanation."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        if cell["verdict"] != "pass" and cell.get("explanation"):
            name = " ".join(
                part for part in (cell["target"], cell["peer"], cell["scenario"]) if part
            )
            found.setdefault(cell["explanation"], []).append(name)
    if not found:
        return []
    lines = [f"- {_escaped(', '.join(names))}: {_escaped(text)}" for text, names in found.items()]
    return ["## Why", "\n".join(lines)]


def _phases(cells: Iterable[Document]) -> list[str]:
    """Return the parts of a report that show where the instructions went; none without phases."""
    counted = [(cell, phases(cell)) for cell in cells]
    counted = [(cell, found) for cell, found in counted if found]
    known = dict.fromkeys(name for _, found in counted for name in found)
    names = [name for name in PHASES if name in known]
    names += [name for name in known if name not in PHASES]
    if not names:
        return []
    rows = [
        [cell["target"], cell["peer"] or MISSING, cell["scenario"]]
        + [f"{found[name] / 1e6:,.2f}" if name in found else MISSING for name in names]
        for cell, found in counted
    ]
    titles = ["target", "peer", "scenario", *names]
    return [
        "## Handshake by phase",
        "<details><summary>millions of instructions</summary>",
        _markdown_table(titles, rows, right=len(names)),
        "</details>",
    ]


def _boards(targets: Iterable[Document]) -> str:
    rows = []
    for target in targets:
        firmware = target["firmware"] or {}
        rows.append(
            [
                target["name"]
                + ("" if target.get("verified", True) else " (not verified on silicon)")
                + (" (TLS of its firmware)" if target.get("stack") == "native" else ""),
                target["cpu"],
                f"{target['word_bits']}-bit {target['endian']}-endian",
                quantities.count(target["ram_bytes"]) if target["ram_bytes"] else MISSING,
                quantities.count(target["flash_bytes"]) if target["flash_bytes"] else MISSING,
                firmware.get("micropython", MISSING),
                firmware.get("image_sha256", MISSING)[:12],
                backends(target) or MISSING,
            ]
        )
    titles = ["target", "cpu", "word", "RAM B", "flash B", "MicroPython", "image", "back ends"]
    return _markdown_table(titles, rows)


def backends(target: Document) -> str:
    """Return which code computes what on a board: `thumb: aes, p256; portable: rsa`."""
    kinds: dict[str, list[str]] = {}
    for primitive, kind in target.get("backends", {}).items():
        kinds.setdefault(kind, []).append(primitive)
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())


def _markdown_table(titles: list[str], rows: list[list[str]], right: int = 0) -> str:
    marks = ["---"] * (len(titles) - right) + ["--:"] * right
    lines = [titles, marks, *([_escaped(text) for text in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _escaped(text: str) -> str:
    """Keep text of a board or peer from being read as Markdown or HTML."""
    for character in "\\|<>*_`[]":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
