"""Shows a comparison: as a table for a terminal, as Markdown, and as JSON for programs.

A table shows the costs (`hil.compare.gates.is_cost`) that changed beyond noise, and what a gate
names; with `every`, all figures. Every form has each regression in one line: place, name, both
values and the change.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from hil import tables
from hil.compare import judgement
from hil.compare.gates import is_cost
from hil.compare.judgement import Change, Comparison
from hil.document import SCHEMA_NAME, Document

_STYLES = {
    judgement.REGRESSION: "bold red",
    judgement.GROWTH: "yellow",
    judgement.UNDECIDED: "yellow",
    judgement.IMPROVEMENT: "green",
}
# Lines of words are for the reader's terminal to wrap, or for a program to search.
_UNWRAPPED = 10_000
# How many regressions are said again below the table.
_SAID_AGAIN = 20

LIVE_HINT = (
    "These are live runs: each has keys and certificates of its own, so that instructions, heap "
    "and stack differ a little between runs of the same tree. Gate on replay runs, which are "
    "exact, or use --fail-on=live."
)


def terminal(comparison: Comparison, width: int, *, color: bool, every: bool = False) -> str:
    """Return the comparison for a terminal."""
    head = [Text(line) for line in _runs(comparison)]
    head.extend(Text(f"differs: {line}", style="dim") for line in comparison.differences)
    rows = shown(comparison, every=every)
    table: list[Text | Table] = [Text(""), _table(rows)] if rows else []
    end = [Text(line, style="bold red") for line in verdict_lines(comparison)]
    end.append(Text(summary(comparison), style="bold"))
    if wants_hint(comparison):
        end.append(Text(LIVE_HINT, style="dim"))
    return (
        tables.render(head, _UNWRAPPED, color=color)
        + tables.render([*table, Text("")], width, color=color)
        + tables.render(end, _UNWRAPPED, color=color)
    )


def markdown(comparison: Comparison, *, every: bool = False) -> str:
    """Return the comparison as Markdown, for a comment on a pull request."""
    parts = ["# Comparison", "\n".join(f"- {_escaped(line)}" for line in _runs(comparison))]
    parts.append(f"**{_escaped(summary(comparison))}**")
    again = verdict_lines(comparison)
    if again:
        parts.append("\n".join(f"- **{_escaped(line)}**" for line in again))
    rows = shown(comparison, every=every)
    if rows:
        titles = ["where", "figure", "before", "after", "change", "%", ""]
        lines = [titles, ["---", "---", "--:", "--:", "--:", "--:", "---"]]
        for change in rows:
            lines.append([_escaped(text) for text in (str(change.place), *row(change))])
        parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    if comparison.differences:
        parts.append("## What else differs")
        parts.append("\n".join(f"- {_escaped(line)}" for line in comparison.differences))
    if wants_hint(comparison):
        parts.append(_escaped(LIVE_HINT))
    return "\n\n".join(parts) + "\n"


def data(comparison: Comparison) -> str:
    """Return the comparison as JSON, every figure with it."""
    return json.dumps(_document(comparison), indent=2, ensure_ascii=False) + "\n"


def shown(comparison: Comparison, *, every: bool) -> list[Change]:
    """Return the changes a table shows."""
    if every:
        return comparison.changes
    return [
        change
        for change in comparison.changes
        if change.judgement not in (judgement.SAME, judgement.NOISE)
        and (change.tolerance is not None or is_cost(change.name))
    ]


def row(change: Change) -> list[str]:
    """Return name, both values, the change in units and percent, and the judgement, as text."""
    return [
        change.name,
        number(change.before),
        number(change.after),
        _signed(change.amount),
        _percent(change),
        change.judgement,
    ]


def verdict_lines(comparison: Comparison) -> list[str]:
    """Return a line for each regression, the first of them at least."""
    lines = [f"REGRESSION {line}" for line in comparison.broken]
    lines += [f"REGRESSION {describe(change)}" for change in comparison.regressions]
    more = len(lines) - _SAID_AGAIN
    return [*lines[:_SAID_AGAIN], f"REGRESSION: {more} more"] if more > 0 else lines


def describe(change: Change) -> str:
    """Return a change in one line."""
    beside = f", tolerance {number(change.tolerance)}" if change.tolerance else ""
    noise = f", noise {number(change.allowed)}" if change.allowed else ""
    return (
        f"{change.place}: {change.name} {number(change.before)} -> {number(change.after)} "
        f"{change.unit} ({_signed(change.amount)}, {_percent(change)}{noise}{beside})"
    )


def summary(comparison: Comparison) -> str:
    """Return the outcome in one line."""
    counts = Counter(change.judgement for change in comparison.changes)
    quiet = counts[judgement.SAME] + counts[judgement.NOISE]
    found = len(comparison.broken) + counts[judgement.REGRESSION]
    parts = [f"{found} regressions" if found != 1 else "1 regression"]
    for name, words in (
        (judgement.GROWTH, "grown within the gates"),
        (judgement.IMPROVEMENT, "improved"),
        (judgement.UNDECIDED, "measured too seldom to judge"),
    ):
        if counts[name]:
            parts.append(f"{counts[name]} {words}")
    parts.append(f"{quiet} unchanged")
    cells = comparison.common_cells
    where = f"{len(comparison.changes)} figures of {cells} {'cell' if cells == 1 else 'cells'}"
    return f"{', '.join(parts)} among {where} (fail on: {comparison.gates})"


def wants_hint(comparison: Comparison) -> bool:
    """Whether what looks like a regression may be the scatter of live runs."""
    return comparison.after.get("mode", "live") == "live" and any(
        change.kind in ("icount", "exact") and change.place.scenario is not None
        for change in comparison.regressions
    )


def number(value: float) -> str:
    """Return a figure with thousands apart; whole ones without a fraction."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"


def _runs(comparison: Comparison) -> list[str]:
    lines = []
    for word, run in (("before", comparison.before), ("after", comparison.after)):
        commit = (run["git_commit"] or "no commit")[:12] + (", modified" if run["dirty"] else "")
        mode = run.get("mode", "live")
        lines.append(f"{word + ':':8}{run['id']}  {run['started_utc']}  {commit}  {mode}")
    return lines


def _table(rows: Sequence[Change]) -> Table:
    table = tables.empty_table()
    table.add_column("figure", overflow="fold")
    for title in ("before", "after", "change", "%"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for place, changes in groupby(rows, key=lambda change: change.place):
        table.add_row(Text(str(place), style="bold"))
        for change in changes:
            name, *numbers, word = row(change)
            table.add_row(f"  {name}", *numbers, Text(word, style=_STYLES.get(word, "dim")))
    return table


def _signed(amount: float) -> str:
    return f"{'+' if amount > 0 else ''}{number(amount)}"


def _percent(change: Change) -> str:
    """Return the change in percent, with as many digits as it takes to see it."""
    if change.percent is None:
        return "new" if change.amount else "0 %"
    for digits in (2, 4, 6):
        text = f"{change.percent:+.{digits}f} %"
        if any(digit in text for digit in "123456789"):
            return text
    return text if change.amount else "0 %"


def _document(comparison: Comparison) -> Document:
    return {
        "schema": "hil-comparison/1",
        "report_schema": SCHEMA_NAME,
        "before": comparison.before,
        "after": comparison.after,
        "fail_on": comparison.gates,
        "outcome": "regression" if comparison.failed else "within tolerance",
        "common_cells": comparison.common_cells,
        "broken": comparison.broken,
        "differences": comparison.differences,
        "changes": [
            {
                "target": change.place.target,
                "peer": change.place.peer,
                "scenario": change.place.scenario,
                "name": change.name,
                "unit": change.unit,
                "kind": change.kind,
                "before": change.before,
                "after": change.after,
                "change": change.amount,
                "percent": change.percent,
                "allowed": change.allowed,
                "tolerance": change.tolerance,
                "judgement": change.judgement,
            }
            for change in comparison.changes
        ],
    }


def _escaped(text: str) -> str:
    """Keep text of a board or peer from being read as Markdown or HTML."""
    for character in "\\|<>*_`[]":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
