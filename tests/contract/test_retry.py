"""Cells that are tried again: only listed ones, each time on a fresh board, never in silence."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hil import footprint, html, readiness, tables

# pytester forgets modules that an inner run imported first; see the conftest beside this file.
_LOADED = (footprint, html, readiness, tables)

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"
OURS = (f"--target-dir={SIMULATED}", "--target=lab:", "--report=out")

LAB = """
[lab]
leases = "leases"

[boards.desk-1]
target = "simulated-esp32"
port = "rfc2217://desk.example:4001"

[[flaky]]
target = "simulated-esp32@desk-1"
scenario = "t*"
reason = "its hub loses power"
allowed_by = "Kim"
until = {until}
"""

# Each scenario ends as the words behind it say, attempt by attempt; the last one stays.
TESTS = """
    import pytest
    from hil.errors import BoardLocked
    from hil.lab.lease import holders
    from hil.report import Cell
    from pathlib import Path

    ENDS = {ends!r}
    TRIED = Path("tried")

    @pytest.fixture(scope="module")
    def shared():
        with TRIED.open("a") as file:
            print("shared", file=file)

    @pytest.fixture
    def powered(scenario):
        attempt = TRIED.read_text().split().count(scenario) if TRIED.exists() else 0
        with TRIED.open("a") as file:
            print(scenario, file=file)
        ends = ENDS[scenario]
        end = ends[min(attempt, len(ends) - 1)]
        if end == "locked":
            raise BoardLocked("somebody has it")
        return end

    @pytest.mark.parametrize("scenario", list(ENDS))
    def test_board(shared, powered, dut, hil_target, hil_record, scenario, tmp_path):
        assert [holder.board for holder in holders(Path("leases"))] == [hil_target.name]
        log = tmp_path / "log.txt"
        log.write_text(powered)
        cell = Cell(hil_target.name, None, None, scenario, verdict="pass")
        if powered != "pass":
            cell.verdict, cell.reason = powered, "no answer\\nthe console's end"
        cell.artefacts["log"] = str(log)
        hil_record(cell)
        assert cell.verdict == "pass", "the test says so"
"""


@pytest.fixture(autouse=True)
def _a_lab(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hil-tls -p no:hypothesispytest")
    monkeypatch.setenv("COLUMNS", "140")
    for name in ("HIL_LEASES", "HIL_LAB", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(lab, pytester):
    """Run a test per scenario: `run(ends, *options, until=day)`."""

    def _run(
        ends: dict[str, list[str]], *options: str, until: str = "9999-12-31"
    ) -> pytest.RunResult:
        (pytester.path / "lab.toml").write_text(LAB.format(until=until))
        pytester.makepyfile(TESTS.format(ends=ends))
        return pytester.runpytest(*OURS, *options)

    return _run


def cells(pytester) -> dict[str, dict]:
    report = json.loads((pytester.path / "out" / "report.json").read_text())
    return {cell["scenario"]: cell for cell in report["cells"]}


def tried(pytester) -> list[str]:
    return (pytester.path / "tried").read_text().split()


def test_a_listed_cell_that_passes_later_is_flaky_and_its_first_failure_is_kept(run, lab, pytester):
    result = run({"t1": ["error", "pass"], "t2": ["pass"]}, "--retry-failed=2", "-v")
    assert result.ret == 0
    outcomes = result.parseoutcomes()
    assert outcomes == {"passed": 1, "retried": 1, "flaky": 1}
    result.stdout.fnmatch_lines(
        [
            "*t1* RETRIED *",
            "*t1* FLAKY *",
            "hil: flaky: simulated-esp32@desk-1-t1 passed on attempt 2 of 3; the first: error: no "
            "answer (retries allowed by Kim until 9999-12-31: its hub loses power)",
        ]
    )
    found = cells(pytester)
    assert found["t2"]["verdict"] == "pass"
    assert "attempts" not in found["t2"]
    flaky = found["t1"]
    assert (flaky["verdict"], flaky["attempts"]) == ("flaky", 2)
    assert flaky["failed_attempts"] == [
        {"verdict": "error", "reason": "no answer\nthe console's end"}
    ]
    kept = {name: (pytester.path / "out" / path) for name, path in flaky["artefacts"].items()}
    assert (kept["log"].read_text(), kept["attempt-1/log"].read_text()) == ("pass", "error")
    told = kept["attempt-1/failure"].read_text()
    assert told.startswith("error: no answer\nthe console's end\n")
    assert "the test says so" in told
    assert kept["attempt-1/console"].is_file()
    assert len(lab.boards) == 3  # anew for each attempt
    assert tried(pytester).count("shared") == 1


def test_a_cell_that_fails_every_time_fails_with_what_the_last_attempt_said(run, pytester):
    result = run({"t1": ["hang", "error", "fail"]}, "--retry-failed=2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"failed": 1, "retried": 2}
    cell = cells(pytester)["t1"]
    assert (cell["verdict"], cell["attempts"]) == ("fail", 3)
    assert [attempt["verdict"] for attempt in cell["failed_attempts"]] == ["hang", "error"]
    assert {"attempt-1/log", "attempt-2/log"} <= set(cell["artefacts"])


def test_a_cell_that_is_not_listed_is_never_tried_again(run, pytester):
    result = run({"other": ["error", "pass"]}, "--retry-failed=5")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert tried(pytester).count("other") == 1
    assert cells(pytester)["other"]["verdict"] == "error"


def test_nothing_is_tried_again_without_the_option(run, pytester):
    assert run({"t1": ["error", "pass"]}).ret == pytest.ExitCode.TESTS_FAILED
    assert tried(pytester).count("t1") == 1


def test_an_allowance_whose_day_is_over_does_not_count_and_is_named(run, pytester):
    ends = {"t1": ["error", "pass"]}
    result = run(ends, "--retry-failed=1", until="2020-02-29")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert tried(pytester).count("t1") == 1
    assert cells(pytester)["t1"]["explanation"] == (
        "Not tried again: that was allowed by Kim until 2020-02-29: its hub loses power."
    )
    result.stdout.fnmatch_lines(["hil: line 9 of the lab's file no longer counts: *2020-02-29*"])


def test_an_attempt_that_cannot_be_made_takes_nothing_back(run, pytester):
    result = run({"t1": ["fail", "locked"]}, "--retry-failed=1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"failed": 1, "retried": 1}
    cell = cells(pytester)["t1"]
    assert (cell["verdict"], cell["reason"]) == ("fail", "no answer\nthe console's end")
    assert "A further attempt could not be made: locked: somebody has it" in cell["explanation"]
    assert (pytester.path / "out" / cell["artefacts"]["log"]).read_text() == "fail"


def test_a_board_that_could_not_be_had_is_no_failure_to_try_again(run, pytester):
    run({"t1": ["locked"]}, "--retry-failed=3")
    assert tried(pytester).count("t1") == 1
    assert cells(pytester)["t1"]["verdict"] == "locked"


def test_a_board_that_several_tests_share_is_booted_anew_too(run, lab, pytester):
    ends = {"t1": ["pass"], "t2": ["error", "pass"], "t3": ["pass"]}
    result = run(ends, "--retry-failed=1", "-o", "hil_dut_scope=session")
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 2, "retried": 1, "flaky": 1}
    assert len(lab.boards) == 2
    assert [board.closed for board in lab.boards] == [True, True]


def test_a_board_that_does_not_come_up_is_tried_again(run, lab, pytester, monkeypatch):
    boot, behaviours = lab.boot, iter(["dead on arrival", "work"])

    def next_boot(*arguments: object, **options: object) -> object:
        lab.behaviour = next(behaviours)
        return boot(*arguments, **options)

    monkeypatch.setattr("hil.boot.boot", next_boot)
    assert run({"t1": ["pass"]}, "--retry-failed=1").ret == 0
    cell = cells(pytester)["t1"]
    assert cell["verdict"] == "flaky"
    assert "no prompt within 20 s" in cell["reason"]


def test_junit_knows_attempts(run, pytester):
    run({"t1": ["fail", "pass"], "t2": ["error", "error"]}, "--retry-failed=1")
    tree = ElementTree.parse(pytester.path / "out" / "junit.xml")
    cases = {case.get("name"): case for case in tree.iter("testcase")}
    flaky = cases["t1"].find("flakyFailure")
    assert (flaky.get("type"), flaky.get("message")) == ("fail", "no answer")
    assert cases["t1"].find("failure") is None
    assert cases["t2"].find("rerunError").get("type") == "error"
    assert cases["t2"].find("error") is not None


def test_with_workers_what_was_retried_is_shown_and_reported_once(lab_conftest, pytester):
    (pytester.path / "lab.toml").write_text(LAB.format(until="9999-12-31"))
    pytester.makepyfile(TESTS.format(ends={"t1": ["error", "pass"], "t2": ["pass"]}))
    options = ("--retry-failed=1", "-n", "2", "--dist", "loadgroup")
    result = pytester.runpytest_subprocess(*OURS, *options)
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1, "retried": 1, "flaky": 1}
    assert len([line for line in result.outlines if line.startswith("hil: flaky: ")]) == 1
    assert {name: cell["verdict"] for name, cell in cells(pytester).items()} == {
        "t1": "flaky",
        "t2": "pass",
    }


@pytest.mark.parametrize("wrong", ["-1", "many"])
def test_a_wrong_number_is_refused(pytester, wrong):
    result = pytester.runpytest(f"--retry-failed={wrong}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--retry-failed: must be a whole number, not '{wrong}'*"])
