"""From the outcome of a test to the verdict of its cell, and the rules a whole run must meet.

A test that fills cells begins one before its fixtures are set up, so that a board that never
boots still leaves a row in the report. The test replaces it by the cell it measured; whatever is
still open when the test ends is closed by the exception that ended it. The outcome pytest
reports and the verdict in the report never disagree: `disagreement` names a test that lets one
pass without the other.

This module decides; it knows the farm's errors and nothing of pytest, which `hil.plugin` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hil.document import VERDICTS, Document, ReportError
from hil.errors import BoardHang, BoardLocked, BoardWedged, HilError, InfraError, JobFailed
from hil.report import Cell

# Verdicts of cells that ran, whatever came out.
EXECUTED = frozenset({"pass", "fail", "hang", "error", "flaky"})

_PASSED = frozenset({"pass", "flaky"})
_FAILED = frozenset({"fail", "hang", "error"})
_NOT_HAD = frozenset({"locked", "wedged", "infra"})
_NOT_RUN = _NOT_HAD | {"skip"}

# A hang's reason ends with the tail of a console; more than this is in the artefacts.
REASON_CHARACTERS = 4000


def verdict_of(error: BaseException) -> str:
    """Return the verdict that an exception which ended a test means.

    An assertion, and an exception of the code under test on the board (`JobFailed`), say that
    the thing under test is wrong: `fail`. A board without an answer is a `hang`, one that
    somebody else has is `locked`, one that nothing heals is `wedged`; where what leads to the board
    fails, `infra`. Everything else, a board that died or ran out of memory, the farm's own errors
    and mistakes in a test alike, is an `error`: it says nothing about the thing under test.
    """
    if isinstance(error, BoardHang):
        return "hang"
    if isinstance(error, BoardLocked):
        return "locked"
    if isinstance(error, BoardWedged):
        return "wedged"
    if isinstance(error, InfraError):
        return "infra"
    if isinstance(error, JobFailed) and error.is_out_of_memory:
        return "error"
    if isinstance(error, (AssertionError, JobFailed)):
        return "fail"
    return "error"


def reason_of(error: BaseException) -> str:
    """Return an exception as a reason; the farm's own messages are complete by themselves."""
    text = str(error).strip()
    if not isinstance(error, (HilError, AssertionError)):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return (text or type(error).__name__)[:REASON_CHARACTERS]


@dataclass
class Ledger:
    """The cells of one test: the one it began with, and those it recorded.

    Attributes:
        begun: what the test's own parameters say of its cell, open until it is recorded.
        recorded: the cells the test handed in.
    """

    begun: Cell
    recorded: list[Cell] = field(default_factory=list)

    def record(self, cell: Cell) -> None:
        """Take a cell the test has filled.

        Raises:
            ReportError: it has no verdict, or a verdict without the reason it needs.
        """
        if cell.verdict not in VERDICTS:
            raise ReportError(f"{cell.name}: verdict {cell.verdict!r} is none of {VERDICTS}")
        if cell.verdict != "pass" and not cell.reason:
            raise ReportError(f"{cell.name}: verdict {cell.verdict!r} needs a reason")
        cell.test = self.begun.test
        if cell not in self.recorded:
            self.recorded.append(cell)

    def close(self, verdict: str, reason: str) -> None:
        """Give the verdict of what ended the test to its last cell.

        Unless a cell recorded before says as much: its verdict and reason are the more precise.
        """
        last = self.cells()[-1]
        explained = any(
            cell.verdict is not None and outcome_of(cell.verdict) == outcome_of(verdict)
            for cell in self.cells()
        )
        if not explained:
            last.verdict, last.reason = verdict, reason

    def cells(self) -> Sequence[Cell]:
        """Return the recorded cells, or the one that was begun when there are none."""
        return self.recorded or [self.begun]

    def unavailable(self) -> str | None:
        """Return what kept the test from its board, if that is all that went wrong; else None."""
        wrong = [cell for cell in self.cells() if cell.verdict not in _PASSED]
        if not wrong or not all(cell.verdict in _NOT_HAD for cell in wrong):
            return None
        return f"{wrong[0].verdict}: {wrong[0].reason}"

    def disagreement(self) -> str | None:
        """Say why a test that pytest saw pass must not; None when it may."""
        for cell in self.cells():
            if cell.verdict is None:
                return f"the test passed without recording its cell {cell.name}"
            if cell.verdict not in _PASSED:
                return f"the test passed, but {cell.name} is {cell.verdict}: {cell.reason}"
        return None


def outcome_of(verdict: str) -> str:
    """Return the pytest outcome that agrees with a verdict."""
    if verdict in _NOT_RUN:
        return "skipped"
    return "failed" if verdict in _FAILED else "passed"


def unexecuted_targets(selected: Iterable[str], cells: Sequence[Document]) -> list[str]:
    """Say for each selected target on which no cell ran why this must not count as success."""
    problems = []
    for target in selected:
        verdicts = Counter(cell["verdict"] for cell in cells if cell["target"] == target)
        if EXECUTED.intersection(verdicts):
            continue
        seen = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        reasons = {cell["reason"] for cell in cells if cell["target"] == target}
        why = "; ".join(sorted(reason for reason in reasons if reason)) or "none was collected"
        problems.append(f"target {target} was selected, but no cell ran on it ({seen or 0}: {why})")
    return problems
