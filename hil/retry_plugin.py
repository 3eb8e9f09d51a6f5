"""The part of the plugin that tries failed cells again: `--retry-failed N`.

Only cells that the lab's file lists are (`hil.retry_list`); `hil.retry` says what becomes of them.
Registered by `hil.plugin` wherever tests run or are shown, if anything is to be retried.

Theory of operation. A test whose cell is listed is run here instead of by pytest: its set-up, its
call, and, once its outcome is known, its teardown, which is that of a test followed by another of
the same place when there is to be a further attempt. So each attempt boots the board anew, and what
other tests share is left alone; only boards that several tests share are torn down with
everything else. The board stays this run's own in between. All attempts are one test to pytest:
an earlier one is shown as `retried`, which counts neither as passed nor as failed.

pytest has no public way to run a test twice; what is used of its inside is what
pytest-rerunfailures uses.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from _pytest.runner import call_and_report

from hil import retry, retry_list
from hil.document import Document
from hil.report import Cell
from hil.report_plugin import SENT_CELLS
from hil.retry_list import Allowance
from hil.rig import Rig

# True between the attempts of a test: what it holds is wanted again.
BETWEEN_ATTEMPTS = pytest.StashKey[bool]()

RETRIED = "retried"
_FLAKY = "hil_flaky"
_TOLD = "hil_retries"


def add_options(group: pytest.OptionGroup) -> None:
    """Register the option."""
    group.addoption(
        "--retry-failed",
        metavar="N",
        type=_count,
        default=0,
        help="try a cell that failed up to N times more, each time on a freshly booted board, if "
        "it is listed under [[flaky]] in the lab's file; it is `flaky` if it then passes "
        "(default: 0)",
    )


def register(
    config: pytest.Config,
    shared: Rig,
    allowances: Sequence[Allowance],
    cells_of: Callable[[pytest.Item], Sequence[Cell]],
) -> None:
    """Take over the tests whose cells may be tried again, if there are any.

    Args:
        cells_of: returns the cells of a test: what is known of them before it runs, and what they
            are once it has; none of a test that fills no cell.
    """
    if config.option.retry_failed > 0:
        retrier = Retrier(config, shared, allowances, cells_of)
        config.pluginmanager.register(retrier, "hil-retrier")


class Retrier:
    """Runs the tests whose cells are listed, and shows what came of it."""

    def __init__(
        self,
        config: pytest.Config,
        shared: Rig,
        allowances: Sequence[Allowance],
        cells_of: Callable[[pytest.Item], Sequence[Cell]],
    ) -> None:
        self._config = config
        self._rig = shared
        self._most = 1 + config.option.retry_failed
        self._allowances = allowances
        self._cells_of = cells_of
        self._boards = {chosen.name: chosen for chosen in shared.selected}
        self._today = date.today()
        self._told: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run a test whose cell is listed; pytest runs the others."""
        if not any(self._listed(cell.document()) for cell in self._cells_of(item)):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._attempts(item, nextitem):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport | pytest.CollectReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Say how attempts are shown, and a test that passed after all."""
        if report.outcome == RETRIED:
            return RETRIED, "R", ("RETRIED", {"yellow": True})
        if getattr(report, _FLAKY, False):
            return "flaky", "~", ("FLAKY", {"yellow": True})
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what is to be told of a test, here or in a worker."""
        self._told.extend(getattr(report, _TOLD, ()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the flaky cells, who allowed them and until when, and what no longer counts."""
        if not self._allowances:
            terminalreporter.write_line(
                "hil: --retry-failed: nothing was retried, for no [[flaky]] in a lab.toml lists it"
            )
        for line in self._told:
            terminalreporter.write_line(f"hil: {line}", yellow=True)
        for entry in self._allowances:
            if not entry.holds_on(self._today):
                what = f"{entry.target} {entry.peer} {entry.scenario}"
                line = f"hil: line {entry.line} of the lab's file no longer counts: {what} {entry}"
                terminalreporter.write_line(line, yellow=True)

    def _attempts(self, item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
        """Run a test up to so many times, and return the reports of all attempts."""
        attempts = retry.Attempts(self._most, self._rig.directory)
        problems: list[str] = []
        shown: list[pytest.TestReport] = []
        earlier: list[pytest.TestReport] = []
        while True:
            is_last = attempts.made + 1 >= self._most
            reports, again = self._attempt(item, nextitem, is_last=is_last)
            documents = _documents(reports)
            if earlier and not retry.was_made(documents):
                return [*shown, *_taking_nothing_back(earlier, documents)]
            if not again:
                break
            shown.append(self._set_aside(attempts, reports, problems))
            earlier = reports
        told = attempts.conclude(documents)
        self._explain_expired(documents)
        if told and reports[-1].passed:
            setattr(reports[-2], _FLAKY, True)
        setattr(reports[-1], _TOLD, [*told, *problems])
        return [*shown, *reports]

    def _attempt(
        self, item: Any, nextitem: pytest.Item | None, *, is_last: bool
    ) -> tuple[list[pytest.TestReport], bool]:
        """Run a test once, and say whether it is to be run again; as pytest's own runner does."""
        if not item._request:
            item._initrequest()
        try:
            reports = [call_and_report(item, "setup", log=False)]
            if reports[0].passed and not self._config.getoption("setuponly", False):
                reports.append(call_and_report(item, "call", log=False))
            stops = bool(item.session.shouldfail or item.session.shouldstop)
            again = not is_last and not stops and self._may_be_retried(item)
            follows = None if stops else nextitem
            if again:
                # Down to what all tests of its place share; or everything, if a board is shared.
                is_own = self._config.getini("hil_dut_scope") == "function"
                follows = item.parent if is_own else None
            item.config.stash[BETWEEN_ATTEMPTS] = again
            reports.append(call_and_report(item, "teardown", log=False, nextitem=follows))
        finally:
            item.config.stash[BETWEEN_ATTEMPTS] = False
            item._request = False
            item.funcargs = None
        return reports, again

    def _may_be_retried(self, item: pytest.Item) -> bool:
        """Whether a test has failed, and each of its cells that did may be tried again."""
        failed = [cell for cell in self._cells_of(item) if retry.failed(cell.verdict)]
        return bool(failed) and all(self._allowed(cell.document()) for cell in failed)

    def _set_aside(
        self,
        attempts: retry.Attempts,
        reports: Sequence[pytest.TestReport],
        problems: list[str],
    ) -> pytest.TestReport:
        """Keep what a failed attempt left, and return what shows it."""
        failure = next((report for report in reports if report.failed), reports[-1])
        try:
            attempts.set_aside(_documents(reports), self._allowed, failure.longreprtext)
        except OSError as error:
            problems.append(f"what a failed attempt of {failure.nodeid} left is lost: {error}")
        shown = copy.copy(failure)
        shown.outcome = RETRIED  # type: ignore[assignment]
        if hasattr(shown, SENT_CELLS):
            delattr(shown, SENT_CELLS)
        return shown

    def _explain_expired(self, documents: Sequence[Document]) -> None:
        for cell in documents:
            entry = self._listed(cell)
            if entry and retry.failed(cell["verdict"]) and not entry.holds_on(self._today):
                _explain(cell, f"Not tried again: that was {entry}.")

    def _listed(self, cell: Document) -> Allowance | None:
        board = self._boards.get(cell["target"])
        if board is None:
            return None
        return retry_list.best(self._allowances, board, cell["peer"], cell["scenario"])

    def _allowed(self, cell: Document) -> Allowance | None:
        entry = self._listed(cell)
        return entry if entry is not None and entry.holds_on(self._today) else None


def _taking_nothing_back(
    earlier: list[pytest.TestReport], documents: Sequence[Document]
) -> list[pytest.TestReport]:
    """Return the reports of a failed attempt after which the board could not be had any more."""
    why = "; ".join(f"{cell['verdict']}: {cell['reason']}" for cell in documents)
    for cell in _documents(earlier):
        _explain(cell, f"A further attempt could not be made: {why}")
    return earlier


def _explain(cell: Document, text: str) -> None:
    cell["explanation"] = "\n".join(part for part in (cell.get("explanation"), text) if part)


def _documents(reports: Sequence[pytest.TestReport]) -> list[Document]:
    """Return the cells that go with the reports of a test, to be changed in place."""
    sent = getattr(reports[-1], SENT_CELLS, None)
    return [] if sent is None else [cell for cell, _ in sent[1]]


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = -1
    if count < 0:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return count
