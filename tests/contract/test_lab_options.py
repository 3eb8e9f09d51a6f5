"""Runs on the boards of a lab: `--lab`, boards by label, quarantine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"

LAB = """
[lab]
leases = "leases"

[boards.desk-1]
target = "simulated-esp32"
port = "rfc2217://desk.example:4001"
labels = ["esp"]

[boards.desk-2]
target = "simulated-esp32"
port = "rfc2217://desk.example:4002"
labels = ["esp", "old"]
quarantine = "its USB plug is loose"
"""

TESTS = """
    from hil.lab.lease import holders
    from hil.report import Cell
    from pathlib import Path

    def test_board(dut, hil_target, hil_record):
        (holder,) = holders(Path("leases"))
        assert holder.board == hil_target.name
        assert dut.target.boot.arguments["port"] == "rfc2217://desk.example:4001"
        hil_record(Cell(hil_target.name, None, None, "one", verdict="pass"))
"""


@pytest.fixture(autouse=True)
def _a_lab(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hil-tls -p no:hypothesispytest")
    monkeypatch.delenv("HIL_LEASES", raising=False)
    monkeypatch.delenv("HIL_LAB", raising=False)
    (pytester.path / "lab.toml").write_text(LAB)
    pytester.makepyfile(TESTS)


OURS = f"--target-dir={SIMULATED}"


def report(pytester) -> dict:
    return json.loads((pytester.path / "out" / "report.json").read_text())


def test_every_board_of_the_lab_runs_but_for_those_in_quarantine(lab, pytester):
    result = pytester.runpytest(OURS, "--target=lab:", "--report=out", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == 0  # what is in quarantine owes no cell
    assert [board.target.name for board in lab.boards] == ["simulated-esp32@desk-1"]
    verdicts = {
        cell["target"]: (cell["verdict"], cell["reason"]) for cell in report(pytester)["cells"]
    }
    assert verdicts == {
        "simulated-esp32@desk-1": ("pass", None),
        "simulated-esp32@desk-2": ("skip", "in quarantine: its USB plug is loose (lab.toml)"),
    }
    result.stdout.fnmatch_lines(
        ["SKIPPED*test_every_board*.py: in quarantine: its USB plug is loose*"]
    )


def test_a_run_on_nothing_but_boards_in_quarantine_fails(lab, pytester):
    result = pytester.runpytest(OURS, "--target=label:old", "--report=out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hil: target simulated-esp32@desk-2 was selected, but no cell*"])
    assert lab.boards == []


def test_another_file_is_named_by_the_option(lab, pytester):
    (pytester.path / "lab.toml").rename(pytester.path / "other.toml")
    missing = pytester.runpytest(OURS, "--target=lab:")
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    missing.stderr.fnmatch_lines(["*there is no lab*--lab=FILE*"])
    pytester.runpytest(OURS, "--target=lab:desk-1", "--lab=other.toml").assert_outcomes(passed=1)


def test_a_wrong_file_is_a_usage_error_with_its_line(pytester):
    (pytester.path / "lab.toml").write_text('[boards.desk]\ntarget = "simulated-esp"\n')
    result = pytester.runpytest(OURS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*lab.toml:2: boards.desk.target: no such target file; did you *"])


def test_list_targets_lists_the_boards_of_the_lab(pytester):
    result = pytester.runpytest(OURS, "--list-targets")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["simulated-esp32@desk-1 *attached*"])
    result.stdout.no_fnmatch_line("simulated-esp32 *")


def test_workers_know_the_lab_too(lab_conftest, pytester):
    argv = (OURS, "--target=label:esp", "-n", "2", "--dist", "loadgroup", "--report=out")
    result = pytester.runpytest_subprocess(*argv)
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == 0
