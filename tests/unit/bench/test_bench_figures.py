"""The bench's figures, and how they are held against the goals."""

from __future__ import annotations

import pytest

from bench import desk, goals
from bench.figures import Figure, Figures

SCENARIO = "tls13-x509-p256"


def figure(subject, key, value, unit="instructions", reason=None):
    return Figure(subject, key, value, unit, "counted", reason)


@pytest.fixture
def figures():
    return Figures()


@pytest.mark.parametrize(("value", "reason"), [(None, None), (1, "left out")])
def test_a_figure_has_either_a_value_or_a_reason(value, reason):
    with pytest.raises(ValueError, match="either"):
        figure("unix", "x25519", value, reason=reason)


def test_nothing_is_measured_twice(figures):
    figures.add([figure("unix", "x25519", 5)])
    with pytest.raises(ValueError, match="unix x25519 was measured twice"):
        figures.add([figure("unix", "x25519", 5)])


def goal_of(key, subject=goals.CORTEX_M3, beside=None):
    (found,) = (
        goal
        for goal in goals.goals(desk.rows())
        if (goal.key, goal.subject, goal.beside) == (key, subject, beside)
    )
    return found


@pytest.mark.parametrize(("value", "met"), [(1_100_000, True), (1_100_001, False)])
def test_an_upper_bound_is_met_up_to_itself(figures, value, met):
    figures.add([figure(goals.CORTEX_M3, "x25519", value)])
    judged = goals.judge(goal_of("x25519"), figures)
    assert (judged.measured, judged.met, judged.reason) == (value, met, None)


def test_a_goal_without_its_figure_is_neither_met_nor_missed(figures):
    goal = goal_of("ecdsa_p256_sign")
    assert goals.judge(goal, figures).reason == "not measured in this run"
    figures.add([figure(goals.CORTEX_M3, goal.key, None, reason="the image leaves it out")])
    judged = goals.judge(goal, figures)
    assert (judged.met, judged.reason) == (None, "the image leaves it out")


def memory_of(subject, heap, stack, static, scenario=SCENARIO):
    sizes = zip(("heap_min", "stack_peak", "ram_static"), (heap, stack, static), strict=True)
    return [figure(subject, f"{scenario}.{name}_bytes", size, "bytes") for name, size in sizes]


@pytest.mark.parametrize(("heap", "met"), [(6_000, True), (6_001, False)])
def test_memory_is_heap_stack_and_static_together(figures, heap, met):
    figures.add(memory_of(goals.CORTEX_M3, heap, 8_384, 2_000))
    figures.add(memory_of(goals.CORTEX_M3, heap, 8_384, 2_000, f"{SCENARIO}-small"))
    figures.add(memory_of("BearSSL", 0, 4_384, 12_000))
    assert goals.judge(goal_of(goals.ALL_MEMORY_SMALL), figures).met is met
    beside = goals.judge(goal_of(goals.ALL_MEMORY, beside="BearSSL"), figures)
    assert (beside.met, beside.unit) == (met, "times")


def test_memory_of_which_a_part_is_missing_is_no_sum(figures):
    figures.add(memory_of(goals.CORTEX_M3, 6_000, 8_384, 2_000, f"{SCENARIO}-small")[:2])
    assert goals.judge(goal_of(goals.ALL_MEMORY_SMALL), figures).met is None


@pytest.mark.parametrize(("ours", "met"), [(51.0, True), (50.0, False), (49.0, False)])
def test_on_cpython_ahead_means_faster_than_tlslite(figures, ours, met):
    row = desk.rows()[0]
    figures.add([figure("CPython", row.key, ours, row.unit)])
    goal = goal_of(row.key, "CPython", "tlslite-ng")
    assert goals.judge(goal, figures).reason == "tlslite-ng was not measured"
    figures.add([figure("tlslite-ng", row.key, 50.0, row.unit)])
    assert goals.judge(goal, figures).met is met


def test_only_what_was_part_of_the_run_is_judged(figures):
    figures.add([figure("qemu-mips", "x25519", 5)])
    subjects = {judged.goal.subject for judged in goals.judgements(figures, desk.rows())}
    assert subjects == {"qemu-mips"}
