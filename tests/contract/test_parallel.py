"""Boards side by side: a run spread over workers ends like one that is not, whatever happens."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO

import pytest

from hil import target, xdist_plugin

BOARD_TESTS = """
    import os

    import pytest
    from hil.report import Cell

    @pytest.mark.parametrize("scenario", ["one", "two", "three"])
    def test_board(dut, hil_target, hil_record, scenario, tmp_path):
        {middle}
        log = tmp_path / "log.txt"
        log.write_text(scenario)
        cell = Cell(hil_target.name, None, None, scenario, verdict="pass")
        cell.artefacts["log"] = str(log)
        hil_record(cell)
        with open("{ran}", "a") as ran:
            worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
            print(hil_target.name, worker, file=ran)
"""

BOTH = "--target=unix,qemu-cortexm"
PARALLEL = ("-n", "2", "--dist", "loadgroup")

pytestmark = pytest.mark.usefixtures("only_this_plugin")


@pytest.fixture
def run(pytester, lab_conftest):
    """Run the tests of two boards: `run(*options, middle="line of the test")`."""

    def _run(*options: str, middle: str = "pass") -> pytest.RunResult:
        ran = pytester.path / "ran"
        ran.unlink(missing_ok=True)
        pytester.makepyfile(BOARD_TESTS.format(middle=middle, ran=ran))
        return pytester.runpytest_subprocess(*options)

    return _run


def ran_on(pytester) -> dict[str, set[str]]:
    """Return the workers on which tests of each board ran to their end."""
    found: dict[str, set[str]] = {}
    for line in (pytester.path / "ran").read_text().splitlines():
        board, worker = line.split()
        found.setdefault(board, set()).add(worker)
    return found


def report(pytester, folder: str) -> dict:
    return json.loads((pytester.path / folder / "report.json").read_text())


def test_the_report_of_a_parallel_run_is_that_of_a_serial_one(run, pytester):
    assert run(BOTH, "--report=serial").ret == 0
    result = run(BOTH, *PARALLEL, "--report=parallel")
    result.assert_outcomes(passed=6)
    assert result.ret == 0
    serial, parallel = (report(pytester, folder) for folder in ("serial", "parallel"))
    assert parallel["cells"] == serial["cells"]
    assert parallel["targets"] == serial["targets"]
    assert [cell["scenario"] for cell in parallel["cells"]] == ["one", "two", "three"] * 2
    assert all(
        (pytester.path / "parallel" / c["artefacts"]["log"]).is_file() for c in serial["cells"]
    )
    assert len([line for line in result.outlines if "footprint" in line]) == 1


def test_a_board_stays_on_one_worker_and_two_boards_use_two(run, pytester):
    run(BOTH, *PARALLEL)
    workers = ran_on(pytester)
    assert len(workers["unix"]) == len(workers["qemu-cortexm"]) == 1
    assert workers["unix"] != workers["qemu-cortexm"]


def test_without_groups_cells_reach_the_one_report_all_the_same(run, pytester):
    run(BOTH, "-n", "2", "--report=out").assert_outcomes(passed=6)
    assert len(report(pytester, "out")["cells"]) == 6


def test_firmware_is_built_and_its_progress_shown_once_before_the_workers_begin(run):
    result = run(BOTH, *PARALLEL, "-v")
    for image in ("unix", "cortexm"):
        assert [line for line in result.outlines if f"{image}: built in" in line] == [
            f"{image}: built in 0.0 s"
        ]


def test_a_worker_that_dies_leaves_an_error_and_the_rest_of_its_board_runs(run, pytester):
    middle = "if (hil_target.name, scenario) == ('unix', 'two'): os._exit(3)"
    result = run(BOTH, *PARALLEL, "--report=out", middle=middle)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=5, failed=1)  # once: it is not tried again
    found = {(c["target"], c["scenario"]): c for c in report(pytester, "out")["cells"]}
    assert len(found) == 6
    dead = found.pop(("unix", "two"))
    assert dead["verdict"] == "error"
    assert "died while it ran this" in dead["reason"]
    assert {cell["verdict"] for cell in found.values()} == {"pass"}


def test_cells_that_never_ran_fail_the_run_by_name(run):
    middle = "if scenario == 'one': os._exit(3)"
    result = run(BOTH, *PARALLEL, "--max-worker-restart=0", middle=middle)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hil: tests that fill cells were never run: *and 1 more"])


def test_a_target_without_any_executed_cell_fails_a_parallel_run(run):
    middle = "if hil_target.name == 'unix': pytest.skip('no peer')"
    result = run(BOTH, *PARALLEL, middle=middle)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hil: target unix was selected, but no cell ran on it (3 skip*"])


@pytest.mark.parametrize(
    ("klasses", "cores", "workers"),
    [
        (["process"], 4, 0),
        (["emulated"], 4, 0),
        (["emulated", "process"], 4, 0),
        (["emulated", "emulated"], 1, 0),
        (["emulated", "emulated", "process"], 4, 2),
        (["emulated"] * 5, 2, 2),
        (["attached"], 4, 0),
        (["attached", "process"], 4, 0),
        (["attached"] * 2, 1, 2),
        (["attached"] * 20, 2, 20),
        (["attached"] * 20 + ["emulated"] * 3, 2, 22),
        (["attached"] * 200, 2, 32),
    ],
)
def test_auto_is_a_worker_per_board_that_waits_or_has_a_core(monkeypatch, klasses, cores, workers):
    monkeypatch.setattr(xdist_plugin.os, "sched_getaffinity", lambda _: set(range(cores)))
    unix = target.load_all()["unix"]
    boards = [replace(unix, klass=klass) for klass in klasses]
    assert xdist_plugin.workers_worth_having(boards) == workers


def test_auto_gives_no_worker_to_a_board_in_quarantine():
    unix = target.load_all()["unix"]
    place = target.Place(Path("lab.toml"), quarantine="its plug is loose")
    boards = [replace(unix, klass="attached"), replace(unix, klass="attached", place=place)]
    assert xdist_plugin.workers_worth_having(boards) == 0


def test_workers_end_with_a_controller_that_is_killed(pytester, lab_conftest):
    held = pytester.path / "held"
    pytester.makepyfile(f"""
        import fcntl
        import time

        def test_board(dut):
            lock = open({str(held)!r} + dut.target.name, "w")
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open({str(held)!r}, "a") as file:
                print(dut.target.name, file=file)
            time.sleep(600)
    """)
    held.touch()
    argv = [sys.executable, "-m", "pytest", BOTH, *PARALLEL]
    controller = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: len(held.read_text().split()) == 2)
    controller.kill()
    controller.wait()
    for name in held.read_text().split():
        with Path(f"{held}{name}").open("w") as lock:
            until(partial(is_free, lock))


def is_free(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_auto_with_one_board_runs_in_one_process(run, pytester):
    run("--target=unix", "-n", "auto", "--dist", "loadgroup").assert_outcomes(passed=3)
    assert ran_on(pytester) == {"unix": {"alone"}}
