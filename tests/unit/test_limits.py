"""Budgets of target files, applied to cells."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hil import limits, paths, readiness, target
from hil.measure import Measurement
from hil.report import Cell, Run
from hil.target import Limits
from hil.tlsrig import scenario

SCENARIO = "tls13-x509-p256"


@pytest.fixture
def board():
    """The shipped board with limits of our own."""
    own = {"heap_live_peak_bytes": 10_000, "heap_min_bytes": 20_000}
    general = {"stack_peak_bytes": 5_000, "heap_live_peak_bytes": 1}
    found = target.load_all()["qemu-cortexm"]
    return replace(found, limits=Limits(general, {SCENARIO: own}))


@pytest.fixture
def cell():
    """A passed cell with its figures: `cell(heap=..., stack=...)`."""

    def _cell(heap: int | None = 9_000, stack: int | None = 4_000) -> Cell:
        made = Cell("qemu-cortexm", "openssl", "3.0.17", SCENARIO, "client", "pass")
        for name, value in (("heap_live_peak_bytes", heap), ("stack_peak_bytes", stack)):
            reason = "nobody looked" if value is None else None
            made.measurements.append(Measurement(name, value, "bytes", "painted", reason=reason))
        return made

    return _cell


def test_figures_at_their_limits_pass(board, cell):
    judged = cell(heap=10_000, stack=5_000)
    limits.judge(judged, board)
    assert (judged.verdict, judged.reason) == ("pass", None)


def test_an_exceeded_limit_fails_the_cell_with_all_numbers(board, cell):
    judged = cell(heap=10_512)
    limits.judge(judged, board)
    assert (judged.verdict, judged.reason) == (
        "fail",
        "heap_live_peak_bytes is 10,512 bytes, the limit is 10,000: 512 too much (5.12 %), "
        "[limits.tls13-x509-p256] of qemu-cortexm.toml; no earlier report here met it",
    )


def test_all_exceeded_limits_are_told(board, cell):
    judged = cell(heap=10_001, stack=5_001)
    limits.judge(judged, board)
    assert "heap_live_peak_bytes is" in judged.reason
    stack = "stack_peak_bytes is 5,001 bytes, the limit is 5,000: 1 too much (0.02 %), [limits] of"
    assert stack in judged.reason


def test_another_scenario_has_the_general_limits_only(board, cell):
    judged = cell(heap=1)
    judged.scenario = "tls13-psk"
    limits.judge(judged, board)
    assert judged.verdict == "pass"
    judged = cell(heap=2)
    judged.scenario = "tls13-psk"
    limits.judge(judged, board)
    assert judged.verdict == "fail"


def test_a_limit_on_what_could_not_be_measured_is_an_error_with_the_reason(board, cell):
    judged = cell(heap=None)
    limits.judge(judged, board)
    assert judged.verdict == "error"
    assert judged.reason == (
        "limit could not be checked: heap_live_peak_bytes in [limits.tls13-x509-p256] of "
        "qemu-cortexm.toml: not measured: nobody looked"
    )


def test_a_limit_of_a_scenario_on_what_it_does_not_measure_is_an_error(board, cell):
    judged = cell()
    del judged.measurements[0]
    limits.judge(judged, board)
    assert judged.verdict == "error"
    assert "the scenario does not measure it" in judged.reason


def test_a_general_limit_leaves_scenarios_alone_that_do_not_measure_the_figure(board, cell):
    judged = cell()
    del judged.measurements[1]
    limits.judge(judged, board)
    assert judged.verdict == "pass"


def test_what_only_a_full_measurement_has_is_named_as_unchecked_in_a_quick_one(board, cell):
    judged = cell()
    limits.judge(judged, board)
    assert judged.verdict == "pass"
    assert limits.unchecked([judged.document()], [board]) == {"heap_min_bytes": "--measure=full"}
    judged.measurements.append(Measurement("heap_min_bytes", 20_001, "bytes", "bisection"))
    assert limits.unchecked([judged.document()], [board]) == {}
    limits.judge(judged, board)
    assert judged.verdict == "fail"


@pytest.mark.parametrize("verdict", ["fail", "hang", "skip"])
def test_a_cell_that_did_not_pass_keeps_its_verdict_and_reason(board, cell, verdict):
    judged = cell(heap=99_999)
    judged.verdict, judged.reason = verdict, "something else"
    limits.judge(judged, board)
    assert (judged.verdict, judged.reason) == (verdict, "something else")


# ---- the commit that last met a limit


@pytest.fixture
def archive(tmp_path, board, cell):
    """Earlier runs: heaps of 9,000, 9,500 and 11,000 bytes, the youngest last; one of a replay."""
    for hour, (heap, mode) in enumerate(
        [(9_000, "live"), (9_500, "live"), (11_000, "live"), (9_900, "replay")]
    ):
        run = Run(tmp_path, run_id=f"run{hour}")
        run.mode = mode
        run.add(cell(heap=heap), board, None)
        written = run.write(tmp_path / "reports" / run.id)
        written["run"].update(started_utc=f"2031-01-01T{hour:02}:00:00Z", dirty=False)
        written["run"]["git_commit"] = f"{hour}a" * 20
        (tmp_path / "reports" / run.id / "report.json").write_text(json.dumps(written))
    (tmp_path / "reports" / "broken.json").write_text("{")
    return limits.Archive([tmp_path / "reports", tmp_path / "gone"], lambda: "live")


def test_the_reason_names_the_last_commit_that_met_the_limit(board, cell, archive):
    judged = cell(heap=10_512)
    limits.judge(judged, board, archive.last_met)
    assert judged.reason.endswith("last met by 1a1a1a1a1a1a (9,500 in run run1)")


def test_a_limit_no_earlier_run_met_says_so(board, cell, archive):
    tight = replace(board, limits=Limits({}, {SCENARIO: {"heap_live_peak_bytes": 100}}))
    judged = cell()
    limits.judge(judged, tight, archive.last_met)
    assert judged.reason.endswith("no earlier report here met it")


# ---- scenarios


@pytest.fixture
def lab(tmp_path):
    """Write a target file with limits at its end and return it."""

    def _lab(text: str):
        whole = (paths.targets_dir() / "unix.toml").read_text().partition("[limits")[0] + text
        path = tmp_path / "unix.toml"
        path.write_text(whole)
        return path, 1 + whole[: whole.index("[limits.")].count("\n")

    return _lab


def test_a_scenario_that_nobody_declares_is_named_with_its_line(lab):
    path, line = lab("\n[limits.tls13-x509-p265]\nheap_live_peak_bytes = 5\n")
    (error,) = limits.unknown_scenarios([target.load(path)])
    assert (error.path, error.line, error.key) == (path, line, "limits.tls13-x509-p265")
    assert "no scenario is called 'tls13-x509-p265'; did you mean tls13-x509-p256" in str(error)
    assert readiness.offences([path])[0].line == line


def test_declared_scenarios_and_names_of_tests_are_taken(lab):
    path, _ = lab("\n[limits.tls13-psk]\nbytes_sent = 5\n[limits.test_x]\nbytes_sent = 5\n")
    assert list(limits.unknown_scenarios([target.load(path)])) == []
    assert list(limits.declared()) == list(scenario.load_all())


def test_every_figure_of_a_cell_can_have_a_limit():
    from hil import target_file

    named = {name for one in scenario.load_all().values() for name in one.measure}
    assert named <= set(target_file.LIMITS)


@pytest.mark.parametrize(
    "method",
    [
        "icount shift=7, compute segments",
        "replay of a recorded peer, icount shift=7, compute segments",
    ],
)
def test_instructions_are_held_to_their_limit_live_and_in_a_replay(board, cell, method):
    strict = replace(board, limits=Limits({}, {SCENARIO: {"handshake_instructions": 1_000}}))
    judged = cell()
    figure = Measurement("handshake_instructions", 1_001, "instructions", method)
    judged.measurements.append(figure)
    assert limits.unchecked([judged.document()], [strict]) == {}
    limits.judge(judged, strict)
    assert judged.verdict == "fail"


def test_a_run_for_correctness_alone_holds_nothing_to_a_limit(board, cell):
    judged = cell(heap=99_999, stack=99_999)
    limits.judge(judged, board.uncounted())
    assert (judged.verdict, limits.unchecked([judged.document()], [board.uncounted()])) == (
        "pass",
        {},
    )
