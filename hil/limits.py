"""Budgets: the highest values a target file allows, applied to the cells of its board.

`[limits]` holds for every scenario, `[limits.<scenario>]` for one and wins. A cell that exceeds a
limit fails, with the number, the limit, how much too much it is, and the commit that last met it if
an earlier report knows. A limit on a figure that the cell could not measure makes it an `error`: a
budget that nobody checked is not met. Two things are no error: a general limit where a scenario
does not measure the figure, and one on a figure that only a full measurement has, in a quick one.

Which scenarios there are is the business of those who declare them: they say so by an entry point
of the group `hil.scenarios`, a function that returns the names.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hil import history, target_file
from hil.document import Document
from hil.errors import TargetFileError
from hil.measure import Measurement
from hil.report import Cell
from hil.target import Target

# Figures that `--measure=quick` leaves out.
ONLY_FULL = frozenset({"heap_min_bytes"})
_PASSED = frozenset({"pass", "flaky"})
# Cells of tests without a scenario bear the test's own name.
_TEST_PREFIX = "test_"
# How many earlier reports are read in search of a commit that met a limit.
_MOST_REPORTS = 100

# Returns who last met a limit, in words; None when no report knows.
LastMet = Callable[[Cell, str, float], "str | None"]


@dataclass(frozen=True)
class Limit:
    """The highest value of one measurement.

    Attributes:
        table: of the target file it is in, for people.
        is_general: it holds for every scenario.
    """

    measurement: str
    value: float
    table: str
    is_general: bool


def of(target: Target, scenario: str) -> list[Limit]:
    """Return the limits of a scenario on a board."""
    own = target.limits.of_scenario.get(scenario, {})
    general = {name: most for name, most in target.limits.general.items() if name not in own}
    return [
        *(Limit(name, most, f"[limits.{scenario}]", False) for name, most in own.items()),
        *(Limit(name, most, "[limits]", True) for name, most in general.items()),
    ]


def judge(cell: Cell, target: Target, last_met: LastMet | None = None) -> None:
    """Apply the limits of its board to a cell that passed so far; others are left alone.

    Args:
        last_met: asked for each limit that is exceeded.
    """
    if cell.verdict not in _PASSED:
        return
    exceeded, unmeasured = [], []
    for limit in of(target, cell.scenario):
        figure = _figure(cell, limit.measurement)
        if figure is None:
            if not limit.is_general and limit.measurement not in ONLY_FULL:
                unmeasured.append(f"{_named(limit, target)}: the scenario does not measure it")
        elif figure.value is None:
            unmeasured.append(f"{_named(limit, target)}: not measured: {figure.reason}")
        elif figure.value > limit.value:
            exceeded.append(_excess(figure, limit, target, cell, last_met))
    if exceeded:
        cell.verdict, cell.reason = "fail", "; ".join(exceeded)
    elif unmeasured:
        cell.verdict = "error"
        cell.reason = "; ".join(f"limit could not be checked: {one}" for one in unmeasured)


def unchecked(cells: Iterable[Document], targets: Iterable[Target]) -> dict[str, str]:
    """Return the figures whose limits the cells left unchecked, and the option that checks them."""
    boards = {target.name: target for target in targets}
    found: dict[str, str] = {}
    for cell in cells:
        target = boards.get(cell["target"])
        if target is None or cell["verdict"] not in _PASSED:
            continue
        measured = {entry["name"] for entry in cell["measurements"]}
        for limit in of(target, cell["scenario"]):
            if limit.measurement in ONLY_FULL - measured:
                found[limit.measurement] = "--measure=full"
    return found


def unknown_scenarios(targets: Iterable[Target]) -> Iterator[TargetFileError]:
    """Yield an error for each table of limits whose scenario nobody declares."""
    for target in targets:
        yield from unknown_scenarios_of(target.path, target.limits.of_scenario)


def unknown_scenarios_of(path: Path, scenarios: Iterable[str]) -> Iterator[TargetFileError]:
    """Yield an error for each of the scenarios of one target file that nobody declares."""
    wanted = [name for name in scenarios if not name.startswith(_TEST_PREFIX)]
    known = declared() if wanted else {}
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"
            problem = f"no scenario is called {name!r}; {hint}"
            yield target_file.parse(path).error(("limits", name), problem)


def declared() -> Mapping[str, None]:
    """Return the names of all declared scenarios."""
    names: dict[str, None] = {}
    for entry in importlib.metadata.entry_points(group="hil.scenarios"):
        names.update(dict.fromkeys(entry.load()()))
    return names


class Archive:
    """The earlier reports of a project, read once, when a limit is exceeded.

    Args:
        folders: where reports are.
        mode: of the run: a figure of a replay says nothing about one of a live run.
    """

    def __init__(self, folders: Iterable[Path], mode: Callable[[], str]) -> None:
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._mode = mode
        self._reports: list[Document] | None = None

    def last_met(self, cell: Cell, measurement: str, most: float) -> str | None:
        """Return the commit of the newest report in which the cell met a limit, in words."""
        if self._reports is None:
            found = history.newest_first(self._folders)
            self._reports = [report for _, report in islice(found, _MOST_REPORTS)]
        for report in self._reports:
            if report["run"].get("mode", "live") != self._mode():
                continue
            for earlier in report["cells"]:
                same = all(earlier[key] == getattr(cell, key) for key in _CELL_KEYS)
                value = history.value_of(earlier, measurement) if same else None
                if value is not None and value <= most:
                    return _run(report["run"], value)
        return None


_CELL_KEYS = ("target", "peer", "scenario")


def _run(run: Document, value: float) -> str:
    commit = (run["git_commit"] or "no commit")[:12] + (", modified" if run["dirty"] else "")
    return f"last met by {commit} ({value:,} in run {run['id']})"


def _figure(cell: Cell, name: str) -> Measurement | None:
    found = [figure for figure in cell.measurements if figure.name == name]
    return found[-1] if found else None


def _named(limit: Limit, target: Target) -> str:
    return f"{limit.measurement} in {limit.table} of {target.path.name}"


def _excess(
    figure: Measurement, limit: Limit, target: Target, cell: Cell, last_met: LastMet | None
) -> str:
    assert figure.value is not None
    more = figure.value - limit.value
    met = last_met(cell, limit.measurement, limit.value) if last_met is not None else None
    return (
        f"{figure.name} is {figure.value:,} {figure.unit}, the limit is {limit.value:,}: "
        f"{more:,} too much ({100 * more / limit.value:.2f} %), {limit.table} of "
        f"{target.path.name}; {met or 'no earlier report here met it'}"
    )
