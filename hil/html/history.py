"""How figures moved over earlier runs: what the sparklines of the HTML report draw.

All reports are read into one index first, because a page asks for a series of every cell. Only
figures that can be compared are in one series: one target, peer, scenario and measurement, of runs
of one mode.

Earlier reports are looked at here without the schema, which takes half a second for a large one:
every run would pay it many times over for a few lines. Instead each is checked for exactly what is
read of it. Who compares or gates reads them with `hil.history`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil import quantities
from hil.document import SCHEMA_NAME, Document
from hil.html import charts

# What is followed over the runs.
FOLLOWED = ("handshake_instructions", "heap_live_peak_bytes", "heap_min_bytes")

# So many runs are drawn, of so many files that were written last.
RUNS = 12
_FILES = 24

_Key = tuple[str, str | None, str, str]


@dataclass(frozen=True)
class Trend:
    """A figure over the runs.

    Attributes:
        chart: the sparkline, as SVG.
        change: since the run before, signed, in percent.
        last: the newest value, written.
        runs: how many runs have it.
    """

    chart: str
    change: str
    last: str
    runs: int


def earlier(folder: Path, run: Document) -> list[Document]:
    """Return the last reports of earlier runs of the same mode, oldest first.

    Args:
        folder: with a folder per run; files that are no such report are passed over.
        run: facts of the run that is reported.
    """
    files = [path for path in folder.glob("*/report.json") if path.is_file()]
    newest = sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)[:_FILES]
    reports = [report for report in map(_read, reversed(newest)) if report is not None]
    found = [
        report
        for report in reports
        if report["run"]["id"] != run["id"]
        and report["run"].get("mode", "live") == run.get("mode", "live")
        and report["run"]["started_utc"] <= run["started_utc"]
    ]
    found.sort(key=lambda report: str(report["run"]["started_utc"]))
    return found[-RUNS:]


def _read(path: Path) -> Document | None:
    """Return a report if everything that is read of it is there."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    if not isinstance(report, dict) or report.get("schema") != SCHEMA_NAME:
        return None
    run, cells = report.get("run"), report.get("cells")
    if not _has(run, {"id": str, "started_utc": str}) or not isinstance(cells, list):
        return None
    whole = all(_is_cell(cell) for cell in cells)
    return report if whole else None


def _is_cell(cell: Any) -> bool:
    parts: Mapping[str, type] = {
        "target": str,
        "scenario": str,
        "verdict": str,
        "measurements": list,
    }
    return (
        _has(cell, parts)
        and "peer" in cell
        and all(
            _has(entry, {"name": str, "unit": str})
            and isinstance(entry.get("value"), int | float | None)
            for entry in cell["measurements"]
        )
    )


def _has(value: Any, parts: Mapping[str, type]) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(name), kind) for name, kind in parts.items()
    )


class History:
    """The followed figures of some reports.

    Args:
        documents: the reports, oldest first; the page's own is the last.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self.runs = len(documents)
        self._series: dict[_Key, list[tuple[float, str]]] = {}
        for document in documents:
            for cell in document["cells"]:
                for entry in cell["measurements"]:
                    if entry["name"] in FOLLOWED and entry["value"] is not None:
                        points = self._series.setdefault(_key(cell, entry["name"]), [])
                        points.append((entry["value"], entry["unit"]))

    def trend(self, cell: Document, name: str) -> Trend | None:
        """Return how a figure of this cell moved; None unless it has one now and had one before."""
        points = self._series.get(_key(cell, name), [])
        now = [entry for entry in cell["measurements"] if entry["name"] == name]
        if len(points) < 2 or not now or now[-1]["value"] is None:
            return None
        values = [value for value, _ in points]
        unit = points[-1][1]
        change = quantities.change(values[-2], values[-1])
        low, high = (quantities.in_unit(pick(values), unit) for pick in (min, max))
        title = f"{name} in {len(values)} runs, {low} to {high}, last change {change}"
        return Trend(
            chart=charts.sparkline(title, values),
            change=change,
            last=quantities.in_unit(values[-1], unit),
            runs=len(values),
        )


def _key(cell: Document, name: str) -> _Key:
    return cell["target"], cell["peer"], cell["scenario"], name
