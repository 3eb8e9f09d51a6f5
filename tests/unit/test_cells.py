"""Verdicts: what ends a test decides its cell, and a run owes a cell to each selected target."""

from __future__ import annotations

import pytest

from hil import cells, errors
from hil.document import ReportError
from hil.report import Cell


@pytest.fixture
def ledger():
    return cells.Ledger(Cell("unix", "openssl", None, "tls13", test="test_x"))


def _cell(verdict, reason=None, scenario="tls13"):
    return Cell("unix", "openssl", "3", scenario, verdict=verdict, reason=reason)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.BoardHang("silent"), "hang"),
        (errors.BoardDied("gone"), "error"),
        (errors.BootError("no prompt"), "error"),
        (errors.BoardLocked("somebody has it"), "locked"),
        (errors.BoardWedged("nothing heals it"), "wedged"),
        (errors.InfraError("nobody serves its port"), "infra"),
        (errors.PeerError("died"), "error"),
        (errors.LinkError("cut"), "error"),
        (errors.MissingTool("qemu", "apt-get install qemu"), "error"),
        (errors.JobFailed("ValueError", "x", ""), "fail"),
        (errors.JobFailed("MemoryError", "allocating 8 bytes", ""), "error"),
        (AssertionError("1 != 2"), "fail"),
        (TypeError("a mistake in the test"), "error"),
        (KeyboardInterrupt(), "error"),
    ],
)
def test_an_exception_means_a_verdict(error, verdict):
    assert cells.verdict_of(error) == verdict


def test_reasons_name_the_kind_of_foreign_exceptions_only():
    assert cells.reason_of(errors.BoardHang("silent\n>>> ")) == "silent\n>>>"
    assert cells.reason_of(TypeError("oops")) == "TypeError: oops"
    assert cells.reason_of(AssertionError()) == "AssertionError"


def test_an_unrecorded_cell_is_closed_by_what_ended_the_test(ledger):
    ledger.close("hang", "silent")
    (cell,) = ledger.cells()
    assert (cell.verdict, cell.reason, cell.peer) == ("hang", "silent", "openssl")


def test_a_recorded_cell_replaces_the_begun_one_and_knows_its_test(ledger):
    cell = _cell("pass")
    ledger.record(cell)
    ledger.record(cell)
    assert list(ledger.cells()) == [cell]
    assert cell.test == "test_x"
    assert ledger.disagreement() is None


def test_a_failure_overrules_a_recorded_pass(ledger):
    ledger.record(_cell("pass"))
    ledger.close("fail", "1 != 2")
    assert ledger.cells()[0].verdict == "fail"


def test_a_recorded_failure_keeps_its_own_words(ledger):
    ledger.record(_cell("hang", "the board, after 20 s"))
    ledger.close("fail", "AssertionError")
    assert (ledger.cells()[0].verdict, ledger.cells()[0].reason) == (
        "hang",
        "the board, after 20 s",
    )


def test_of_several_cells_only_the_failed_one_is_blamed(ledger):
    ledger.record(_cell("fail", "expired", scenario="one"))
    ledger.record(_cell("pass", scenario="two"))
    ledger.close("fail", "1 of 2 failed")
    assert [cell.verdict for cell in ledger.cells()] == ["fail", "pass"]


def test_of_several_good_cells_the_last_one_is_blamed(ledger):
    ledger.record(_cell("pass", scenario="one"))
    ledger.record(_cell("pass", scenario="two"))
    ledger.close("error", "OSError")
    assert [cell.verdict for cell in ledger.cells()] == ["pass", "error"]


@pytest.mark.parametrize(
    ("verdict", "reason"), [(None, None), ("passed", None), ("skip", None), ("fail", "")]
)
def test_a_cell_without_verdict_or_reason_is_refused(ledger, verdict, reason):
    with pytest.raises(ReportError, match="unix-openssl-tls13: verdict"):
        ledger.record(_cell(verdict, reason))


def test_a_passed_test_without_a_cell_disagrees(ledger):
    assert "without recording its cell unix-openssl-tls13" in ledger.disagreement()


@pytest.mark.parametrize("verdict", ["fail", "hang", "error", "skip", "locked", "wedged", "infra"])
def test_a_passed_test_with_another_verdict_disagrees(ledger, verdict):
    ledger.record(_cell(verdict, "because"))
    assert f"is {verdict}: because" in ledger.disagreement()


def test_a_board_that_could_not_be_had_is_no_failure(ledger):
    assert ledger.unavailable() is None
    ledger.record(_cell("pass"))
    assert ledger.unavailable() is None
    ledger.record(_cell("infra", "the coordinator is gone", scenario="second"))
    assert ledger.unavailable() == "infra: the coordinator is gone"
    ledger.record(_cell("fail", "1 != 2", scenario="third"))
    assert ledger.unavailable() is None


@pytest.mark.parametrize("verdict", ["pass", "fail", "hang", "error", "flaky"])
def test_a_target_with_an_executed_cell_owes_nothing(verdict):
    documents = [_cell("skip", "no peer").document(), _cell(verdict, "x").document()]
    assert cells.unexecuted_targets(["unix"], documents) == []


def test_a_target_whose_cells_were_all_skipped_owes_one():
    documents = [_cell("skip", "no openssl").document()] * 2
    (problem,) = cells.unexecuted_targets(["unix"], documents)
    assert "target unix was selected, but no cell ran on it (2 skip: no openssl)" in problem


def test_a_target_that_no_cell_names_owes_one():
    (problem,) = cells.unexecuted_targets(["unix", "mips"], [_cell("pass").document()])
    assert "target mips was selected, but no cell ran on it" in problem
