"""One report of many: of the shards of a run, of the sites of a lab.

Theory of operation. A report is taken apart into its runs (one, unless it is a merged one itself),
and what is merged is runs, known by their ids. So a report that is given twice counts once, and one
that was merged before may be merged again. Nothing depends on the order in which reports are given:
runs are sorted by when they began, and the cells of a board stay together.

What could not be told apart afterwards is refused: a cell that two runs filled, a board of which
two runs say different things, replays among live runs. Every run is kept as it was in
`run.merged_from` and every cell says which one filled it; what the report says of itself as a whole
is made of them.

Reports come from other machines: an artefact whose path leads out of its report's folder is not
followed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hil import document, report
from hil.document import SCHEMA_NAME, Document, ReportError

_SHOWN = 5
# Written by `hil explain` beside a cell's artefacts; `hil.html` looks for it there.
_EXPLAINED = "explained.html"

# Told what is missing in the merged report.
Warn = Callable[[str], None]


@dataclass(frozen=True)
class _Part:
    """One run as one of the reports has it."""

    folder: Path
    run: Document
    targets: Mapping[str, Document]
    cells: Sequence[Document]

    @property
    def name(self) -> str:
        return str(self.run["id"])

    def says_the_same_as(self, other: _Part) -> bool:
        """Tell whether both are the same run; where its artefacts lie is no matter."""
        return self.run == other.run and [_bare(cell) for cell in self.cells] == [
            _bare(cell) for cell in other.cells
        ]


def merge(paths: Iterable[Path], directory: Path, warn: Warn) -> Document:
    """Merge reports into one and write it, with the artefacts of all.

    Args:
        paths: reports, or their folders.
        directory: for the merged one; new, empty, or with an earlier merged report, which goes.
        warn: told of artefacts that are not there.

    Returns:
        The document written.

    Raises:
        ReportError: a report cannot be read, they cannot be one, or the folder cannot be used.
    """
    sources = _read(paths)
    merged, parts = _merged(sources)
    _make_room(directory, [folder for folder, _ in sources])
    taken: dict[str, Path] = {}
    runs = {part.name: part for part in parts}
    for cell in merged["cells"]:
        cell["artefacts"] = dict(_copied(cell, runs[cell["run"]], directory, taken, warn))
    report.write(merged, directory)
    return merged


def _read(paths: Iterable[Path]) -> list[tuple[Path, Document]]:
    """Read all reports, each with its folder; raise what is wrong with any of them."""
    found, wrong = [], []
    for path in paths:
        try:
            read = document.read(path)
        except ReportError as error:
            wrong.append(str(error))
            continue
        found.append((path if path.is_dir() else path.parent, read))
    if wrong:
        raise ReportError("\n".join(wrong))
    return found


def _merged(sources: Iterable[tuple[Path, Document]]) -> tuple[Document, list[_Part]]:
    """Return the merged report, its artefacts where they are now, and the runs it is of."""
    runs: dict[str, _Part] = {}
    for folder, whole in sources:
        for part in _parts(folder, whole):
            known = runs.setdefault(part.name, part)
            if not known.says_the_same_as(part):
                raise ReportError(
                    f"{known.folder} and {part.folder} both say that they are run {part.name}, "
                    "and differ"
                )
    parts = sorted(runs.values(), key=lambda part: (part.run["started_utc"], part.name))
    modes = {part.run.get("mode", "live") for part in parts}
    if len(modes) > 1:
        raise ReportError(f"{_named(parts)}: replays and live runs do not make one report")
    _refuse_same_cells(parts)
    targets = _targets(parts)
    order = {name: number for number, name in enumerate(targets)}
    cells = [{**cell, "run": part.name} for part in parts for cell in part.cells]
    cells.sort(key=lambda cell: order[cell["target"]])
    run = _run([part.run for part in parts])
    whole = {"schema": SCHEMA_NAME, "run": run, "targets": list(targets.values()), "cells": cells}
    return whole, parts


def _parts(folder: Path, whole: Document) -> Iterator[_Part]:
    targets = {target["name"]: target for target in whole["targets"]}
    runs = whole["run"].get("merged_from")
    if runs is None:
        yield _Part(folder, whole["run"], targets, whole["cells"])
        return
    lost = {cell.get("run") for cell in whole["cells"]} - {run["id"] for run in runs}
    if lost:
        raise ReportError(f"{folder}: a merged report with cells of no run that it names")
    for run in runs:
        cells = [cell for cell in whole["cells"] if cell.get("run") == run["id"]]
        names = {cell["target"] for cell in cells}
        own = {name: target for name, target in targets.items() if name in names}
        yield _Part(folder, run, own, cells)


def _bare(cell: Document) -> Document:
    kept = {key: value for key, value in cell.items() if key not in ("artefacts", "run")}
    return {**kept, "artefacts": sorted(cell["artefacts"])}


def _refuse_same_cells(parts: Iterable[_Part]) -> None:
    first: dict[tuple[str, str | None, str], _Part] = {}
    wrong = []
    for part in parts:
        for cell in part.cells:
            key = cell["target"], cell["peer"], cell["scenario"]
            other = first.setdefault(key, part)
            if other is not part:
                name = "-".join(filter(None, key))
                wrong.append(f"{name}: in run {other.name} ({other.folder}) and {part.name}")
                wrong[-1] += f" ({part.folder})"
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        told = "\n  ".join([*wrong[:_SHOWN], *more])
        raise ReportError(
            f"a cell can only be of one run; `hil compare` compares two:\n  {told}\n"
            "(boards of two sites need names of their own in their lab.toml)"
        )


def _targets(parts: Iterable[_Part]) -> dict[str, Document]:
    """Return what is known of each board, in the order of runs."""
    found: dict[str, Document] = {}
    said_by: dict[str, _Part] = {}
    for part in parts:
        for name, target in part.targets.items():
            other = said_by.setdefault(name, part)
            known, new = _completed(found.get(name, target), target)
            differing = sorted(_differing(known, new))
            if differing:
                raise ReportError(
                    f"{name}: runs {other.name} and {part.name} differ in {', '.join(differing)}; "
                    "figures of both would stand under one name"
                )
            found[name] = known
    return found


def _completed(one: Document, other: Document) -> tuple[Document, Document]:
    """Give each of two accounts of a board what the other alone knows.

    A board that never got far enough has nothing to say of its firmware, and not every run asks
    for its back ends.
    """
    if one["firmware"] is None or other["firmware"] is None:
        firmware = one["firmware"] or other["firmware"]
        one, other = {**one, "firmware": firmware}, {**other, "firmware": firmware}
    for asked in (one, other):
        if "backends" in asked:
            return {**asked, **one}, {**asked, **other}
    return one, other


def _differing(one: Mapping[str, Any], other: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key in {*one, *other}:
        here, there = one.get(key), other.get(key)
        if isinstance(here, dict) and isinstance(there, dict):
            yield from _differing(here, there, f"{above}{key}.")
        elif here != there:
            yield f"{above}{key}"


def _run(runs: Sequence[Document]) -> Document:
    """Return what a merged report says of itself: what its runs agree on, or all they say."""
    ids = "\n".join(run["id"] for run in runs)
    commits = {run["git_commit"] for run in runs}
    passed = [run.get("passed") for run in runs]
    hosts = [run["host"] for run in runs]
    names = sorted({name for run in runs for name in run["versions"]})
    whole = {
        "id": f"merged-{hashlib.sha256(ids.encode()).hexdigest()[:12]}",
        "started_utc": min(run["started_utc"] for run in runs),
        "interrupted": any(run["interrupted"] for run in runs),
        "mode": runs[0].get("mode", "live"),
        "git_commit": commits.pop() if len(commits) == 1 else None,
        "dirty": _any([run["dirty"] for run in runs]),
        "host": {
            **{key: _joined(host[key] for host in hosts) for key in ("name", "system", "machine")},
            "cpus": hosts[0]["cpus"] if all(host == hosts[0] for host in hosts) else None,
        },
        "versions": {
            name: _joined(run["versions"][name] for run in runs if name in run["versions"])
            for name in names
        },
        "merged_from": list(runs),
    }
    failed = _any([None if said is None else not said for said in passed])
    if failed is not None:
        whole["passed"] = not failed
    problems = [f"{run['id']}: {problem}" for run in runs for problem in run.get("problems", ())]
    return {**whole, "problems": problems} if problems else whole


def _any(facts: Iterable[bool | None]) -> bool | None:
    """Return True if one is True, None if one is unknown, else False."""
    found = set(facts)
    if True in found:
        return True
    return None if None in found else False


def _joined(values: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(value for value in values if value))


def _named(parts: Iterable[_Part]) -> str:
    return ", ".join(f"{part.name} ({part.run.get('mode', 'live')})" for part in parts)


def _make_room(directory: Path, sources: Iterable[Path]) -> None:
    """Make the folder an empty one.

    Raises:
        ReportError: it holds something else than an earlier merged report, or one of the sources.
    """
    real = directory.resolve()
    for source in sources:
        if source.resolve().is_relative_to(real):
            raise ReportError(f"{directory}: {source} is in it, and is to be merged")
    try:
        if directory.exists() and any(directory.iterdir()):
            if not _is_merged(directory):
                raise ReportError(f"{directory} is not empty, and holds no merged report")
            shutil.rmtree(directory)
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{directory}: {error.strerror}") from error


def _is_merged(directory: Path) -> bool:
    try:
        return "merged_from" in document.read(directory)["run"]
    except ReportError:
        return False


def _copied(
    cell: Document, part: _Part, directory: Path, taken: dict[str, Path], warn: Warn
) -> Iterator[tuple[str, str]]:
    """Copy the artefacts of a cell; yield name and path of each.

    Args:
        taken: path in the merged report -> where it came from; of all cells so far.
    """
    wanted = {name: PurePosixPath(path) for name, path in cell["artefacts"].items()}
    beside = {path.parent / _EXPLAINED for path in wanted.values()} - {*wanted.values()}
    for name, path in [*wanted.items(), *((None, path) for path in sorted(beside))]:
        file = part.folder / path
        inside = file.resolve().is_relative_to(part.folder.resolve()) and ".." not in path.parts
        if not inside or not file.is_file():
            why = "is not there" if inside else "is not in the report's folder"
            if name is not None:
                warn(f"{part.folder}: artefact {path} of {cell['target']} {why}")
            continue
        place = str(path)
        if taken.get(place, file) != file:
            place = f"artefacts/{_safe(part.name)}/{path.name}"
            place = _free(place, file, taken)
        if place not in taken:
            _copy(file, directory / place)
            taken[place] = file
        if name is not None:
            yield name, place


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _free(place: str, file: Path, taken: Mapping[str, Path]) -> str:
    """Return a place that no other file has."""
    stem, dot, suffix = place.rpartition(".")
    number, free = 2, place
    while taken.get(free, file) != file:
        free = f"{stem}-{number}{dot}{suffix}"
        number += 1
    return free


def _copy(file: Path, place: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    except OSError as error:
        raise ReportError(f"{file} cannot be copied to {place}: {error}") from error
