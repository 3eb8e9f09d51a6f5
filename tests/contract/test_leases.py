"""Two runs want one board on a cable: processes of their own, as their users start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil.lab.lease import holders

TESTS = """
    import os, sys
    import pytest
    from hil.report import Cell

    @pytest.mark.parametrize("scenario", ["one", "two"])
    def test_board(dut, hil_target, hil_record, scenario):
        if os.environ.get("DWELLS"):  # tells that it has the board, and keeps it until it is told
            with open("inside", "w") as told:
                print(hil_target.name, file=told)
            with open("go") as go:
                go.read()
        hil_record(Cell(hil_target.name, None, None, scenario, verdict="pass"))
"""


@pytest.fixture(autouse=True)
def _leases_of_inner_runs_are_kept_apart(only_this_plugin, monkeypatch, pytester):
    monkeypatch.setenv("HIL_LEASES", str(pytester.path / "leases"))


@pytest.fixture
def boards(pytester, lab_conftest):
    """Make target files of two boards on cables and the tests that use them."""
    folder = pytester.mkdir("boards")
    simulated = Path(__file__).parents[1] / "simboard" / "targets" / "simulated-esp32.toml"
    for number, name in enumerate(("left", "right")):
        text = simulated.read_text().replace("simulated-esp32", name)
        port = f"rfc2217://desk.example:400{number}"
        (folder / f"{name}.toml").write_text(text.replace("$SIMBOARD_ESP32", port))
    pytester.makepyfile(TESTS)


OPTIONS = ("--target-dir=boards", "--target=left")


@contextmanager
def dwelling(pytester, *options: str):
    """Let another run have the board: waits until it is booted there."""
    for name in ("inside", "go"):
        os.mkfifo(pytester.path / name)
    argv = [sys.executable, "-m", "pytest", *OPTIONS, "-k", "one", *options]
    environment = {**os.environ, "DWELLS": "1"}
    with subprocess.Popen(
        argv, cwd=pytester.path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert (pytester.path / "inside").read_text() == "left\n"
            yield process
        finally:
            process.kill()


def cells(pytester, folder: str) -> list[dict]:
    return json.loads((pytester.path / folder / "report.json").read_text())["cells"]


def test_the_cells_of_a_board_somebody_has_are_locked_at_once_and_the_run_fails(boards, pytester):
    with dwelling(pytester) as other:
        result = pytester.runpytest_subprocess(*OPTIONS, "--report=out")
    result.assert_outcomes(skipped=2)  # neither passed nor failed,
    assert result.ret == pytest.ExitCode.TESTS_FAILED  # but nothing was tested either
    result.stdout.fnmatch_lines(["hil: target left was selected, but no cell ran on it (2 locked*"])
    found = cells(pytester, "out")
    assert [cell["verdict"] for cell in found] == ["locked", "locked"]
    for cell in found:
        assert cell["reason"].startswith("left is locked by ")
        assert f"(pid {other.pid}: " in cell["reason"]
        assert ": pytest --target-dir=boards --target=left" in cell["reason"]


def test_another_board_of_the_lab_is_not_held_up(boards, pytester):
    with dwelling(pytester):
        options = ("--target-dir=boards", "--target=left,right", "--report=out")
        result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(skipped=2, passed=2)
    verdicts = {(cell["target"], cell["verdict"]) for cell in cells(pytester, "out")}
    assert verdicts == {("left", "locked"), ("right", "pass")}


def test_a_run_that_waits_gets_the_board(boards, pytester):
    with dwelling(pytester) as other:
        argv = [sys.executable, "-m", "pytest", *OPTIONS, "--wait-for-board=60", "-v"]
        with subprocess.Popen(argv, cwd=pytester.path, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            said = ""
            while "waiting up to 60 s for" not in said:
                line = second.stdout.readline()
                assert line, said  # it ended without waiting
                said += line
            (pytester.path / "go").write_text("")
            said += second.stdout.read()
        assert other.wait(30) == 0
    assert second.returncode == 0, said
    assert "2 passed" in said


def test_a_killed_run_leaves_no_lease(boards, pytester):
    with dwelling(pytester) as other:
        assert [holder.board for holder in holders(pytester.path / "leases")] == ["left"]
        other.kill()
        other.wait(10)
        assert holders(pytester.path / "leases") == []
        assert pytester.runpytest_subprocess(*OPTIONS).ret == 0


def test_workers_hold_the_boards_they_test_and_give_them_back(boards, pytester):
    parallel = ("-n", "2", "--dist", "loadgroup", "--target-dir=boards", "--target=left,right")
    result = pytester.runpytest_subprocess(*parallel)
    result.assert_outcomes(passed=4)
    assert holders(pytester.path / "leases") == []
    with dwelling(pytester, "-n", "1") as other:
        (holder,) = holders(pytester.path / "leases")
        assert holder.pid != other.pid  # it is the worker's
        assert "-n 1" in holder.job  # of that run
        locked = pytester.runpytest_subprocess(*parallel, "--report=out")
    locked.assert_outcomes(skipped=2, passed=2)
    verdicts = {(cell["target"], cell["verdict"]) for cell in cells(pytester, "out")}
    assert verdicts == {("left", "locked"), ("right", "pass")}


def test_a_test_without_a_cell_is_an_error_for_nothing_else_would_tell(boards, pytester):
    (pytester.path / "test_plain.py").write_text("def test_plain(dut): pass\n")
    with dwelling(pytester):
        result = pytester.runpytest_subprocess(*OPTIONS, "test_plain.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*BoardLocked: left is locked by *"])


@pytest.mark.parametrize("wrong", ["-1", "soon", "inf"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(pytester, wrong):
    result = pytester.runpytest(f"--wait-for-board={wrong}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--wait-for-board: must be a number of seconds*"])
