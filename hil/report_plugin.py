"""The part of the plugin that writes the report, compares it, and shows both; with its options.

Registered by `hil.plugin` in the process that has all cells in the end: not in xdist's workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hil import cells, limits
from hil.baseline import NONE, SHOWN_ABOVE, Baseline
from hil.document import Document, ReportError, validate
from hil.errors import HilError
from hil.rig import Rig

SENT_CELLS = "hil_cells"
_SHOWN = 5  # names of tests


def add_options(group: pytest.OptionGroup) -> None:
    """Register the options of reports."""
    group.addoption(
        "--report",
        metavar="DIR",
        type=Path,
        help="folder for the report (default: one named after the run, in --report-root)",
    )
    group.addoption(
        "--report-root",
        metavar="DIR",
        type=Path,
        help="folder in which reports have a folder each, this one and those of earlier runs "
        "(default: reports below the root of the project)",
    )
    group.addoption(
        "--baseline",
        metavar="FILE",
        help="compare the run with this report when it ends, and fail it if it got worse; latest: "
        "with the newest report in the reports' folder of a run of the same mode and cells; "
        "latest-good: with the newest of a run that passed; none: with no report",
    )
    group.addoption(
        "--baseline-fail-on",
        action="append",
        default=[],
        metavar="WHAT",
        help="what counts as worse, as `hil compare --help` explains (default: any)",
    )


def directory(config: pytest.Config, run_id: str) -> Path:
    """Return the folder of the report of a run."""
    return Path(config.option.report or _root(config) / run_id).resolve()


def folders(config: pytest.Config, shared: Rig) -> list[Path]:
    """Return where reports of earlier runs are: their root, and beside this run's."""
    return [_root(config), shared.directory.parent]


def baseline(config: pytest.Config, earlier: Sequence[Path]) -> Baseline | None:
    """Return what to compare the run with; a wrong name is the user's error."""
    wanted, fail_on = config.option.baseline, config.option.baseline_fail_on
    if wanted is None and fail_on:
        raise pytest.UsageError("--baseline-fail-on needs --baseline")
    if wanted in (None, NONE):
        return None
    try:
        return Baseline(wanted, fail_on, earlier)
    except HilError as error:
        raise pytest.UsageError(f"--baseline: {error}") from error


def _root(config: pytest.Config) -> Path:
    return Path(config.option.report_root or config.rootpath / "reports")


class Collector:
    """Collects the cells of finished tests, and ends the run.

    Args:
        shared: where they are collected.
        baseline: an earlier run to compare with; None for none.
    """

    def __init__(self, config: pytest.Config, shared: Rig, baseline: Baseline | None) -> None:
        self._config = config
        self._rig = shared
        self._baseline = baseline
        self._document: Document | None = None
        self._failed: dict[str, None] = {}  # tests that did, in order
        self._with_cells: set[str] = set()

    def pytest_sessionstart(self) -> None:
        """Refuse a baseline of another mode, now that all plugins have said what this one is."""
        if self._baseline is not None:
            try:
                self._baseline.require_mode(self._rig.run.mode)
            except HilError as error:
                raise pytest.UsageError(f"--baseline: {error}") from error

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the cells of a test that is finished, here or in a worker."""
        sent = getattr(report, SENT_CELLS, None)
        if sent is not None:
            self._rig.collect(sent)
            self._with_cells.add(report.nodeid)
        if report.failed:
            self._failed[report.nodeid] = None

    # Last, so that interrupted tests have been torn down and workers have sent everything.
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report; fail a run that owes a cell, has no report, or got worse."""
        shared = self._rig
        shared.close_boards()
        shared.finish_interrupted()
        whole = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        whole = whole and not session.shouldstop and not session.shouldfail
        if not shared.run.cells:
            return
        shared.run.interrupted = not whole
        if whole:
            names = [chosen.name for chosen in shared.selected if chosen.quarantine is None]
            names = names or [chosen.name for chosen in shared.selected]  # or nothing was tested
            shared.problems.extend(cells.unexecuted_targets(names, shared.run.cells))
        self._judge()
        passed = session.exitstatus == pytest.ExitCode.OK and not shared.problems
        shared.run.passed = passed
        shared.run.problems = [
            *(problem.removesuffix(SHOWN_ABOVE) for problem in shared.problems),
            *self._failed_without_cells(),
        ]
        try:
            self._document = shared.run.write(shared.directory)
        except ReportError as error:
            shared.problems.append(str(error))
        if shared.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge(self) -> None:
        """Compare the run with its baseline, before the report says whether it passed."""
        if self._baseline is None:
            return
        run = self._rig.run
        document = run.document()
        try:
            validate(document)
        except ReportError:
            return  # writing the report says so
        self._baseline.find(run.id, run.mode, run.cells)
        worse = self._baseline.judge(document)
        if worse is not None:
            self._rig.problems.append(worse)

    def _failed_without_cells(self) -> list[str]:
        """Name the tests that failed and that no cell of the report stands for."""
        names = [name for name in self._failed if name not in self._with_cells]
        if not names:
            return []
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        tests = "a test that fills" if len(names) == 1 else f"{len(names)} tests that fill"
        return [f"{tests} no cell failed: {', '.join(names[:_SHOWN])}{more}"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the footprint table, where the report is, and why the run fails as a whole."""
        if self._document is not None:
            self._show(terminalreporter, self._document)
        for problem in self._rig.problems:
            terminalreporter.write_line(f"hil: {problem}", red=True, bold=True)

    def _show(self, terminal: pytest.TerminalReporter, document: Document) -> None:
        from hil import footprint, tables  # noqa: PLC0415  (rich is slow to import)
        from hil.compare import text  # noqa: PLC0415  (likewise)

        color = bool(self._config.get_terminal_writer().hasmarkup)
        width = tables.stdout_columns()
        terminal.section("footprint")
        terminal.write(footprint.terminal(document, width, color=color))
        for name, option in limits.unchecked(document["cells"], self._rig.selected).items():
            terminal.write_line(f"limits of {name} were not checked: {option} does that")
        terminal.write_line(f"report: {_shown(self._rig.directory)}")
        if self._baseline is None:
            return
        comparison = self._baseline.comparison
        if comparison is not None:
            terminal.section("compared with the baseline")
            terminal.write(text.terminal(comparison, width, color=color))
        elif self._baseline.note is not None:
            terminal.write_line(f"hil: {self._baseline.note}")


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
