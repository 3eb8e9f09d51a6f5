"""The part of the plugin that writes the report, compares it, and shows both.

Registered by `hil.plugin` in the process that has all cells in the end: not in xdist's workers.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hil import cells, limits
from hil.baseline import Baseline
from hil.document import Document, ReportError
from hil.errors import HilError
from hil.rig import Rig

SENT_CELLS = "hil_cells"


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
        if self._baseline is not None:
            self._baseline.find(shared.run.id, shared.run.mode, shared.run.cells)
        try:
            self._document = shared.run.write(shared.directory)
        except ReportError as error:
            shared.problems.append(str(error))
        if self._baseline is not None and self._document is not None:
            worse = self._baseline.judge(self._document)
            if worse is not None:
                shared.problems.append(worse)
        if shared.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

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
        for name in limits.unchecked(document["cells"], self._rig.selected):
            terminal.write_line(f"limits of {name} were not checked: --measure=full does that")
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
