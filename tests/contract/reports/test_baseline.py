"""Runs that are compared with an earlier one, and cells that are held to their budgets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil import paths

# Sees to it that rich and jinja2 are loaded once: inner runs forget what they imported first.
from hil.compare import page, text

_LOADED = (page, text)

pytestmark = pytest.mark.usefixtures("only_this_plugin")

SHARED = Path(__file__).parents[1] / "conftest.py"

CELL_TEST = """
    from hil.measure import Measurement
    from hil.report import Cell

    def test_board(hil_target, hil_record):
        cell = Cell(hil_target.name, None, None, "test_board", verdict="pass")
        cell.measurements = [Measurement("heap_live_peak_bytes", {heap}, "bytes", "live heap")]
        hil_record(cell)
        assert cell.verdict == "pass", cell.reason
"""


@pytest.fixture
def run(pytester):
    """Run a test whose cell has a heap of so many bytes."""

    def _run(heap: int, *options: str) -> pytest.RunResult:
        pytester.makepyfile(CELL_TEST.format(heap=heap))
        if "-n" in options:
            return pytester.runpytest_subprocess(*options)
        return pytester.runpytest(*options)

    return _run


def test_a_regression_against_a_file_fails_the_run_and_shows_the_table(run):
    assert run(10_000, "--report=before").ret == 0
    result = run(10_512, "--report=after", "--baseline=before")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*compared with the baseline*",
            "*heap_live_peak_bytes *10,000 *10,512 *+512 *regression",
            "REGRESSION unix test_board: heap_live_peak_bytes 10,000 -> 10,512 bytes (+512, *",
            "hil: 1 regression against the baseline *, shown above",
        ]
    )


def test_a_run_that_got_no_worse_passes(run):
    run(10_000, "--report=before")
    result = run(9_000, "--report=after", "--baseline=before/report.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*0 regressions, 1 improved*"])


def test_what_counts_can_be_said(run):
    run(10_000, "--report=before")
    options = ("--report=after", "--baseline=before", "--baseline-fail-on=heap:512")
    assert run(10_512, *options).ret == 0
    assert run(10_513, *options).ret == pytest.ExitCode.TESTS_FAILED


def test_latest_is_the_newest_other_run_with_common_cells(run, pytester):
    first = run(10_000, "--baseline=latest")
    assert first.ret == 0
    first.stdout.fnmatch_lines(["hil: no baseline yet: no earlier live run with any of these*"])
    assert run(10_400, "--baseline=latest").ret == pytest.ExitCode.TESTS_FAILED
    assert run(10_400, "--baseline=latest").ret == 0  # the one before is the newest now
    (old,) = (p for p in pytester.path.glob("reports/*/report.json") if "10000" in p.read_text())
    replay = json.loads(old.read_text())
    replay["run"].update(id="later", mode="replay", started_utc="2099-01-01T00:00:00Z")
    (pytester.mkdir("reports/later") / "report.json").write_text(json.dumps(replay))
    (pytester.mkdir("reports/torn") / "report.json").write_text("{")
    replay["run"].update(id="cut", mode="live", interrupted=True)
    (pytester.mkdir("reports/cut") / "report.json").write_text(json.dumps(replay))
    assert run(10_400, "--baseline=latest").ret == 0  # not of another mode, torn or interrupted


def test_latest_works_where_every_run_has_the_same_folder(run):
    options = ("--report=nightly/last", "--baseline=latest")
    assert run(10_000, *options).ret == 0
    assert run(10_001, *options).ret == pytest.ExitCode.TESTS_FAILED
    assert run(10_001, *options).ret == 0


def test_a_run_on_several_workers_is_compared_once(run, pytester):
    pytester.makeconftest(SHARED.read_text(encoding="utf-8"))
    run(10_000, "--report=before")
    result = run(10_512, "--report=after", "--baseline=before", "-n", "2", "--dist", "loadgroup")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len([line for line in result.outlines if line.startswith("REGRESSION")]) == 1


def test_a_baseline_that_cannot_be_read_stops_the_run_before_it_begins(run, pytester):
    result = run(10_000, "--baseline=gone.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--baseline: gone.json: not a readable report*"])
    assert not (pytester.path / "reports").exists()
    assert run(1, "--baseline=latest", "--baseline-fail-on=heap:x").ret == 4
    assert run(1, "--baseline-fail-on=heap").ret == 4


def test_a_baseline_of_another_mode_stops_the_run_before_it_begins(run, pytester):
    run(10_000, "--report=before")
    path = pytester.path / "before" / "report.json"
    path.write_text(path.read_text().replace('"mode": "live"', '"mode": "replay"'))
    result = run(10_000, "--report=after", "--baseline=before")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--baseline: * is a replay run, this one a live run: *"])
    assert not (pytester.path / "after").exists()


def test_a_baseline_without_a_common_cell_is_no_agreement(run, pytester):
    run(10_000, "--report=before")
    path = pytester.path / "before" / "report.json"
    path.write_text(path.read_text().replace('"scenario": "test_board"', '"scenario": "other"'))
    result = run(10_000, "--report=after", "--baseline=before")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["hil: could not be compared with the baseline: *no cell in common*"]
    )


# ---- budgets


@pytest.fixture
def limited(pytester):
    """A board of one's own with limits, in the folder `lab`."""

    def _limited(limits: str) -> None:
        shipped = (paths.targets_dir() / "unix.toml").read_text().partition("[limits")[0]
        text = shipped.replace('name = "unix"', 'name = "bench"') + limits
        (pytester.mkdir("lab") / "bench.toml").write_text(text)

    return _limited


LAB = ("--target-dir=lab", "--target=bench")


def test_a_cell_over_its_budget_fails_and_names_the_commit_that_met_it(run, limited, pytester):
    limited("[limits.test_board]\nheap_live_peak_bytes = 10_000\n")
    assert run(10_000, *LAB).ret == 0
    result = run(10_256, *LAB, "--report=out")
    result.assert_outcomes(failed=1)
    (cell,) = json.loads((pytester.path / "out" / "report.json").read_text())["cells"]
    assert cell["verdict"] == "fail"
    assert cell["reason"].startswith(
        "heap_live_peak_bytes is 10,256 bytes, the limit is 10,000: 256 too much (2.56 %), "
        "[limits.test_board] of bench.toml; last met by no commit (10,000 in run "
    )


def test_a_test_that_does_not_look_at_the_verdict_fails_all_the_same(run, limited, pytester):
    limited("[limits]\nheap_live_peak_bytes = 10_000\n")
    body = CELL_TEST.format(heap=10_001).replace("assert cell.verdict", "cell.verdict")
    pytester.makepyfile(body.replace(", cell.reason", ""))
    result = pytester.runpytest(*LAB)
    result.assert_outcomes(failed=1)


def test_limits_of_a_scenario_that_nobody_knows_stop_the_run(run, limited):
    limited("[limits.tls13-x509-p265]\nheap_live_peak_bytes = 10_000\n")
    result = run(1, *LAB)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*bench.toml:*: limits.tls13-x509-p265: no scenario is called*"])
