"""`hil history DIR`: one measurement over many runs, a line per board, peer and scenario.

Runs against recordings and runs against the peers themselves are different things and make
different lines.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import io
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.text import Text

from hil import history, tables
from hil.document import Document
from hil.errors import HilError

_BARS = "▁▂▃▄▅▆▇█"
_SMALLEST_SPAN = 0.01
DEFAULT_MEASUREMENT = "handshake_instructions"


@dataclass(frozen=True)
class Line:
    """One cell over many runs: its points are (run id, started_utc, value), oldest first."""

    target: str
    peer: str | None
    scenario: str
    mode: str
    points: list[tuple[str, str, float]]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `history` to the command line of `hil`."""
    parser = commands.add_parser(
        "history",
        help="show one measurement over the runs whose reports are in a folder",
        description="Show one measurement over many runs, oldest first. A report that cannot be "
        "read is named on standard error and skipped.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="a folder of reports")
    parser.add_argument(
        "--measurement",
        default=DEFAULT_MEASUREMENT,
        metavar="NAME",
        help=f"default: {DEFAULT_MEASUREMENT}",
    )
    for what in ("target", "peer", "scenario"):
        parser.add_argument(f"--{what}", default="*", metavar="GLOB", help="default: all")
    parser.add_argument("--last", type=_count, metavar="N", help="only the newest N runs of a cell")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, show, and return the exit status."""
    loaded = history.load_directory(options.directory, warn=_warn)
    if not loaded:
        raise HilError(f"{options.directory}: no readable report here")
    documents = [document for _, document in loaded]
    found = lines(documents, options.measurement, options.target, options.peer, options.scenario)
    if not found:
        raise HilError(_nothing(documents, options.measurement))
    if options.last is not None:
        found = [replace(line, points=line.points[-options.last :]) for line in found]
    if options.format == "json":
        shown = _json(options.measurement, found)
    elif options.format == "csv":
        shown = _csv(options.measurement, found)
    else:
        shown = _table(options.measurement, found)
    sys.stdout.write(shown)
    sys.stdout.flush()
    return 0


def lines(
    documents: Sequence[Document],
    measurement: str,
    target: str = "*",
    peer: str = "*",
    scenario: str = "*",
) -> list[Line]:
    """Return the lines that have a value, for the globs of target, peer and scenario."""
    keys = dict.fromkeys(
        (cell["target"], cell["peer"], cell["scenario"], report["run"].get("mode", "live"))
        for report in documents
        for cell in report["cells"]
    )
    found = []
    for name, other, tried, mode in keys:
        chosen = zip((name, other or "", tried), (target, peer, scenario), strict=True)
        if all(fnmatch.fnmatchcase(text, pattern) for text, pattern in chosen):
            points = history.series(documents, name, other, tried, measurement, mode=mode)
            if points:
                found.append(Line(name, other, tried, mode, points))
    return found


def sparkline(values: Iterable[float]) -> str:
    """Return a character per value, the lowest bar for the least and the highest for the most.

    What lies within 1 % is not stretched to the full height: it would look like news.
    """
    values = list(values)
    least, most = min(values), max(values)
    span = max(most - least, abs(most) * _SMALLEST_SPAN) or 1
    steps = len(_BARS) - 1
    return "".join(_BARS[round((value - least) / span * steps)] for value in values)


def _table(measurement: str, found: Sequence[Line]) -> str:
    table = tables.empty_table()
    table.add_column("cell", overflow="fold")
    table.add_column("history", overflow="fold")
    for title in ("runs", "first", "last", "change", "least", "most"):
        table.add_column(title, justify="right", no_wrap=True)
    for line in found:
        values = [value for _, _, value in line.points]
        mode = None if line.mode == "live" else line.mode
        name = " ".join(filter(None, (line.target, line.peer, line.scenario, mode)))
        change = f"{100 * (values[-1] / values[0] - 1):+.2f} %" if values[0] else tables.MISSING
        table.add_row(
            name,
            sparkline(values),
            str(len(values)),
            *(_number(value) for value in (values[0], values[-1])),
            change,
            *(_number(value) for value in (min(values), max(values))),
        )
    dates = [started for line in found for _, started, _ in line.points]
    heading = Text(f"{measurement}, {min(dates)} to {max(dates)}", style="bold")
    color = sys.stdout.isatty()
    return tables.render([heading, table], tables.stdout_columns(), color=color)


def _json(measurement: str, found: Sequence[Line]) -> str:
    rows = [
        {
            "target": line.target,
            "peer": line.peer,
            "scenario": line.scenario,
            "mode": line.mode,
            "points": [
                {"run": name, "started_utc": started, "value": value}
                for name, started, value in line.points
            ],
        }
        for line in found
    ]
    return json.dumps({"measurement": measurement, "series": rows}, indent=2) + "\n"


def _csv(measurement: str, found: Sequence[Line]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["target", "peer", "scenario", "mode", "run", "started_utc", measurement])
    for line in found:
        for name, started, value in line.points:
            place = (line.target, line.peer or "", line.scenario, line.mode)
            writer.writerow([*place, name, started, value])
    return out.getvalue()


def _nothing(documents: Sequence[Document], measurement: str) -> str:
    """Say why there is no line: no such measurement, or no such cell."""
    known = {
        entry["name"]
        for report in documents
        for cell in report["cells"]
        for entry in cell["measurements"]
        if entry["value"] is not None
    }
    if measurement not in known:
        return f"no report has a value of {measurement!r}; there are {', '.join(sorted(known))}"
    return f"no cell that was asked for has a value of {measurement!r}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def _warn(problem: str) -> None:
    sys.stderr.write(f"hil history: skipped: {problem}\n")
