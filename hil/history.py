"""The reports of earlier runs: a folder of them, one figure over many, the newest that fits.

Reports lie in a folder each (`reports/<run>/report.json`) or are files of any name beside each
other. What cannot be read is skipped and named: one broken file must not hide all others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hil import document
from hil.document import Document, ReportError

_FAILED = frozenset({"fail", "hang", "error"})

# Told of each file that is skipped.
Warn = Callable[[str], None]


def load_directory(path: Path, *, warn: Warn | None = None) -> list[tuple[Path, Document]]:
    """Return the reports in a folder, oldest first.

    Args:
        path: the folder; `report.json` in it or in its folders, and other `.json` files in it.
        warn: told of each file that is no readable report, and is skipped.

    Raises:
        ReportError: there is no such folder.
    """
    if not path.is_dir():
        raise ReportError(f"{path}: no such folder")
    return list(newest_first([path], warn=warn))[::-1]


def newest_first(
    folders: Iterable[Path], *, warn: Warn | None = None
) -> Iterator[tuple[Path, Document]]:
    """Yield the reports of folders, the newest first, each read when it is asked for.

    A file that is no report at all is only named to `warn` when it is called `report.json`.
    """
    dated: list[tuple[str, int, Path]] = []
    for path in dict.fromkeys(file.resolve() for folder in folders for file in _files(folder)):
        try:
            started = _started(path)
        except ReportError as error:
            if warn is not None:
                warn(str(error))
            continue
        if started is not None:
            # Runs of the same second come in the order they were written.
            dated.append((started, path.stat().st_mtime_ns, path))
    for *_, path in sorted(dated, reverse=True):
        try:
            yield path, document.read(path)
        except ReportError as error:
            if warn is not None:
                warn(str(error))


def series(
    documents: Iterable[Document],
    target: str,
    peer: str | None,
    scenario: str,
    measurement: str,
    *,
    mode: str | None = None,
) -> list[tuple[str, str, float]]:
    """Return one figure over many runs, as (run id, started_utc, value), in the order given.

    Runs without that cell, or without a value, are left out.

    Args:
        mode: only runs of this mode; those of any when None.
    """
    points = []
    for report in documents:
        run = report["run"]
        if mode is not None and run.get("mode", "live") != mode:
            continue
        for cell in report["cells"]:
            if (cell["target"], cell["peer"], cell["scenario"]) == (target, peer, scenario):
                value = value_of(cell, measurement)
                if value is not None:
                    points.append((run["id"], run["started_utc"], value))
    return points


def value_of(cell: Document, measurement: str) -> float | None:
    """Return a measurement of a cell; None when it has none."""
    for entry in cell["measurements"]:
        if entry["name"] == measurement and entry["value"] is not None:
            value: float = entry["value"]
            return value
    return None


def latest(
    folders: Iterable[Path], run: Document, cells: Iterable[Document], *, good: bool = False
) -> Document | None:
    """Return the newest report of another whole run of the same mode that has cells in common.

    A run that was interrupted is passed over: it lacks cells, and nobody would notice.

    Args:
        folders: where reports are.
        run: the run's own facts.
        cells: those it ran.
        good: only a run that passed.
    """
    names = {_key(cell) for cell in cells}
    for _, report in newest_first(folders):
        other = report["run"]
        if other.get("mode", "live") != run.get("mode", "live"):
            continue
        if other["id"] == run["id"] or other["interrupted"]:
            continue
        if good and not _passed(report):
            continue
        if any(_key(cell) in names for cell in report["cells"]):
            return report
    return None


def _passed(report: Document) -> bool:
    """Whether a run passed; one that does not say so did if none of its cells failed."""
    said: bool | None = report["run"].get("passed")
    if said is None:
        return all(cell["verdict"] not in _FAILED for cell in report["cells"])
    return said


def _key(cell: Document) -> tuple[str, str | None, str]:
    return cell["target"], cell["peer"], cell["scenario"]


def _files(folder: Path) -> list[Path]:
    found = [*folder.glob("*.json"), *folder.glob("*/report.json")]
    return sorted(path for path in found if path.is_file())


def _started(path: Path) -> str | None:
    """Return when the run of a report began; None for JSON that is something else.

    Raises:
        ReportError: the file cannot be read, or should be a report and is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f"{path}: not a readable report: {error}") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    is_report = isinstance(schema, str) and schema.startswith("hil-report/")
    if not is_report and path.name != "report.json":
        return None
    run = content.get("run") if isinstance(content, dict) else None
    started = run.get("started_utc") if isinstance(run, dict) else None
    return started if isinstance(started, str) else ""  # reading it in full says what is wrong
