"""Nightly comparison: with the last run that passed, whatever failed in between."""

from __future__ import annotations

import json

import pytest

from hil.compare import page, text

_LOADED = (page, text)  # as in test_baseline.py

pytestmark = pytest.mark.usefixtures("only_this_plugin")

TESTS = """
    from hil.measure import Measurement
    from hil.report import Cell

    def test_board(hil_target, hil_record):
        cell = Cell(hil_target.name, None, None, "test_board", verdict="pass")
        cell.measurements = [Measurement("heap_live_peak_bytes", {heap}, "bytes", "live heap")]
        hil_record(cell)

    def test_without_a_cell():
        assert {healthy}
"""
GOOD = "--baseline=latest-good"


@pytest.fixture
def run(pytester):
    def _run(heap: int, *options: str, healthy: bool = True) -> pytest.RunResult:
        pytester.makepyfile(TESTS.format(heap=heap, healthy=healthy))
        return pytester.runpytest("--report-root=nights", *options)

    return _run


def runs(pytester) -> list[dict]:
    """Return what the reports say of their runs, in the order in which they were written."""
    files = sorted(
        pytester.path.glob("nights/*/report.json"), key=lambda file: file.stat().st_mtime_ns
    )
    return [json.loads(file.read_text())["run"] for file in files]


def test_every_run_has_a_folder_named_after_it(run, pytester):
    run(10_000)
    run(10_000)
    folders = {folder.name for folder in (pytester.path / "nights").iterdir()}
    assert folders == {facts["id"] for facts in runs(pytester)}
    assert len(folders) == 2


def test_a_regression_fails_every_run_until_it_is_gone(run, pytester):
    assert run(10_000, GOOD).ret == 0
    for _ in range(2):
        result = run(10_512, GOOD)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["hil: 1 regression against the baseline *, shown above"])
    assert run(10_000, GOOD).ret == 0
    facts = runs(pytester)
    assert [entry["passed"] for entry in facts] == [True, False, False, True]
    assert facts[1]["problems"] == [f"1 regression against the baseline {facts[0]['id']}"]
    assert "problems" not in facts[0]


def test_a_run_that_failed_for_other_reasons_is_not_compared_with(run, pytester):
    run(10_000)
    run(9_000, healthy=False)
    assert run(10_000, GOOD).ret == 0  # more than the 9000 of the run that failed
    failed = runs(pytester)[1]
    assert failed["passed"] is False
    assert failed["problems"] == [
        "a test that fills no cell failed: "
        "test_a_run_that_failed_for_other_reasons_is_not_compared_with.py::test_without_a_cell"
    ]


def test_new_figures_are_accepted_by_a_run_that_is_not_compared(run):
    run(10_000)
    assert run(11_000, GOOD).ret == pytest.ExitCode.TESTS_FAILED
    assert run(11_000, GOOD, "--baseline=none").ret == 0
    assert run(11_000, GOOD).ret == 0


def test_where_no_run_has_passed_there_is_nothing_to_compare_with(run):
    run(10_000, healthy=False)
    result = run(20_000, GOOD)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["hil: no baseline yet: no earlier live run with any of these cells that passed in *nights"]
    )


def test_reports_that_do_not_say_are_judged_by_their_cells(run, pytester):
    run(10_000)
    (file,) = pytester.path.glob("nights/*/report.json")
    report = json.loads(file.read_text())
    del report["run"]["passed"]
    file.write_text(json.dumps(report))
    assert run(10_512, GOOD).ret == pytest.ExitCode.TESTS_FAILED
    report["cells"][0]["verdict"], report["cells"][0]["reason"] = "hang", "no answer"
    file.write_text(json.dumps(report))
    assert run(11_024, GOOD).ret == 0
