"""A run as a page: docs/performance.md, and the same tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.text import Text

from bench import tables
from bench.desk import Row
from bench.figures import Figures
from bench.tables import Table
from hil import tables as farm_tables

_INTRODUCTION = """\
# Performance

Written by `{command}`: do not edit it, run the command again. All figures are of one run.

| | |
|---|---|
| began | {began:%Y-%m-%d %H:%M} UTC, took {minutes:.0f} min |
| commit | {commit} |
| with | {versions} |
"""

# How it was measured, in words: the end of the page.
_METHOD = Path(__file__).with_name("method.md")


@dataclass(frozen=True)
class Facts:
    """What a run says of itself.

    Attributes:
        command: that was run.
        began: in UTC.
        took_s: how long it took.
        commit: of the checkout; None outside of git.
        dirty: whether files differed from it.
        versions: program -> version.
        complaints: what went wrong without ending the run.
    """

    command: str
    began: datetime
    took_s: float
    commit: str | None
    dirty: bool | None
    versions: dict[str, str]
    complaints: Sequence[str] = ()


def all_tables(figures: Figures, targets: Sequence[str], rows: tuple[Row, ...]) -> list[Table]:
    """Return the tables of a run that have something in them, in their order."""
    made = [
        tables.of_goals(figures, rows),
        tables.of_operations(figures, targets),
        tables.of_handshakes(figures, targets),
        tables.of_libraries(figures),
        tables.of_desk(figures, rows),
        tables.of_kernels(figures),
        tables.of_backends(figures),
    ]
    return [table for table in made if _says_something(table)]


def markdown(facts: Facts, shown: Sequence[Table]) -> str:
    """Return the page."""
    commit = facts.commit[:12] if facts.commit else "none"
    parts = [
        _INTRODUCTION.format(
            command=facts.command,
            began=facts.began,
            minutes=max(1, facts.took_s / 60),
            commit=f"{commit}{' with changes' if facts.dirty else ''}",
            versions=", ".join(f"{name} {number}" for name, number in facts.versions.items()),
        )
    ]
    if facts.complaints:
        parts.append("\n".join(f"- **{complaint}**" for complaint in facts.complaints) + "\n")
    for table in shown:
        parts.append(f"## {table.title}\n\n{_markdown(table)}")
    return "\n".join([*parts, _METHOD.read_text(encoding="utf-8")])


def terminal(facts: Facts, shown: Sequence[Table], width: int, *, color: bool = False) -> str:
    """Return the same for a terminal."""
    parts: list[Text] = []
    for table in shown:
        grid = farm_tables.empty_table()
        for number, head in enumerate(table.heads):
            grid.add_column(head, justify="left" if number < table.words else "right")
        for row in table.rows:
            grid.add_row(*(Text(cell.replace("*", "").replace("`", "")) for cell in row))
        parts.append(Text(f"\n{table.title}", style="bold"))
        parts.append(Text.from_ansi(farm_tables.render([grid], width, color=color)))
        parts += [Text(note, style="dim") for note in table.notes]
    parts += [Text(complaint, style="bold red") for complaint in facts.complaints]
    return farm_tables.render(parts, width, color=color)


def _says_something(table: Table) -> bool:
    numbers = [cell for row in table.rows for cell in row[table.words :]]
    words = [row for row in table.rows if table.words == len(table.heads)]
    return bool(words) or any(cell != farm_tables.MISSING for cell in numbers)


def _markdown(table: Table) -> str:
    marks = ["---"] * table.words + ["--:"] * (len(table.heads) - table.words)
    lines = [table.heads, marks, *table.rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
    if table.notes:
        text += "\n" + "\n".join(f"- {note}" for note in table.notes) + "\n"
    return text
