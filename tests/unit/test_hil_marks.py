"""Instructions are counted exactly and by phase, and live heap is noted where it was asked for."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hil import paths


@pytest.fixture
def marks_module() -> ModuleType:
    path = paths.package_dir() / "ontarget" / "hil_marks.py"
    spec = importlib.util.spec_from_file_location("hil_marks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Instructions in so many ticks, that number of ticks, ticks in a millisecond: 3.2, 2.56 and 4 ticks
# an instruction, of timers with 25, 20 and 125 MHz.
CLOCKS = [(5, 16, 25_000), (25, 64, 20_000), (1, 4, 125_000)]


class Machine:
    """Executes instructions; its timer has begun at any part of a tick, and comes round."""

    def __init__(self, clock: tuple[int, int, int], ticks: Fraction) -> None:
        self.ticks = ticks
        self._in_one = Fraction(clock[1], clock[0])
        self._in_ms = clock[2]

    def execute(self, instructions: int) -> None:
        self.ticks += instructions * self._in_one

    def wait(self, ticks: Fraction) -> None:
        self.ticks += ticks

    def ticks_cpu(self) -> int:
        return int(self.ticks) % 2**30

    def ticks_ms(self) -> int:
        return int(self.ticks / self._in_ms)


Install = Callable[..., tuple[Machine, Any]]


@pytest.fixture
def install(marks_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a machine and the marks that look at its clock."""

    def make(
        clock: tuple[int, int, int] = CLOCKS[0], ticks: Fraction = Fraction(1000), **more: object
    ) -> tuple[Machine, Any]:
        machine = Machine(clock, ticks)
        monkeypatch.setattr(marks_module, "ticks_cpu", machine.ticks_cpu)
        monkeypatch.setattr(marks_module, "ticks_ms", machine.ticks_ms)
        return machine, marks_module.Marks(clock=clock, **more)

    return make


def test_only_what_is_executed_inside_is_counted(install: Install) -> None:
    machine, marks = install()
    for inside, outside in ((5, 100), (7, 1000)):
        marks.enter()
        machine.execute(inside)
        marks.leave()
        machine.execute(outside)
    report = marks.report()
    assert (report["instructions"], report["segments"]) == (12, 2)


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_count_is_exact_wherever_in_a_tick_a_stretch_begins(
    install: Install, clock: tuple[int, int, int]
) -> None:
    chance = random.Random(5)
    machine, marks = install(clock)
    counted = 0
    for _ in range(3000):
        machine.wait(Fraction(chance.randrange(10**9), 997))
        instructions = chance.choice([1, 2, 3, 1000, chance.randrange(10**6)])
        marks.enter()
        machine.execute(instructions)
        marks.leave()
        counted += instructions
        assert marks.report()["instructions"] == counted


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("instructions", [2**28 - 1, 2**29, 10**9, 7 * 10**9 + 1])
def test_a_stretch_longer_than_the_timer_takes_to_come_round_is_exact_too(
    install: Install, clock: tuple[int, int, int], instructions: int
) -> None:
    machine, marks = install(clock, Fraction(2**30 - 5, 3))
    for _ in range(3):
        marks.enter()
        machine.execute(instructions)
        marks.leave()
    assert marks.report()["instructions"] == 3 * instructions


def test_phases_exclude_each_other_and_add_up_to_the_whole(install: Install) -> None:
    machine, marks = install(phase="first")
    marks.enter()
    machine.execute(10)
    assert marks.phase("second") == "first"
    machine.execute(200)
    assert marks.phase("third") == "second"
    machine.execute(3000)
    assert marks.phase("second") == "third"
    marks.leave()
    machine.execute(9)
    marks.enter()
    machine.execute(40_000)
    marks.leave()
    report = marks.report()
    assert report["phases"] == {"first": 10, "second": 40_200, "third": 3000}
    assert sum(report["phases"].values()) == report["instructions"]


def test_a_phase_may_change_between_stretches(install: Install) -> None:
    machine, marks = install()
    marks.phase("later")
    machine.execute(50)
    marks.enter()
    machine.execute(3)
    marks.leave()
    assert marks.report()["phases"] == {"all": 0, "later": 3}


def test_more_phases_than_there_is_room_for_are_refused(install: Install) -> None:
    _, marks = install(phases=2)
    marks.phase("two")
    with pytest.raises(ValueError, match="more phases than the 2"):
        marks.phase("three")


def test_what_measuring_takes_is_not_counted(
    install: Install, marks_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, _ = install()

    def slow_ticks_cpu() -> int:
        machine.execute(20)
        now = machine.ticks_cpu()
        machine.execute(30)
        return now

    monkeypatch.setattr(marks_module, "ticks_cpu", slow_ticks_cpu)
    marks = marks_module.Marks(clock=CLOCKS[0])
    for _ in range(4):
        marks.enter()
        machine.execute(1000)
        marks.phase("other")
        machine.execute(100)
        marks.leave()
        marks.phase("all")
    assert marks.report()["phases"] == {"all": 4000, "other": 400}


def test_a_checkpoint_notes_the_instructions_so_far_and_does_not_count_itself(
    install: Install, marks_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, marks = install()

    def slow_collect() -> None:
        machine.execute(10_000)

    monkeypatch.setattr(marks_module, "gc", SimpleNamespace(collect=slow_collect))
    monkeypatch.setattr(marks_module, "_live_heap_bytes", lambda: 4321)
    marks.enter()
    machine.execute(5)
    marks.checkpoint("client_hello")
    machine.execute(6)
    marks.leave()
    marks.checkpoint("finished")
    report = marks.report()
    assert report["instructions"] == 11
    assert report["checkpoints"] == [("client_hello", 5, 4321), ("finished", 11, 4321)]


def test_without_a_clock_nothing_is_counted(marks_module: ModuleType) -> None:
    marks = marks_module.Marks()
    marks.enter()
    marks.phase("other")
    marks.checkpoint("middle")
    marks.leave()
    report = marks.report()
    assert (report["instructions"], report["phases"], report["segments"]) == (None, None, 1)
    assert report["checkpoints"] == [("middle", None, None)]


def test_more_checkpoints_than_there_is_room_for_are_refused(marks_module: ModuleType) -> None:
    marks = marks_module.Marks(checkpoints=1)
    marks.checkpoint("one")
    with pytest.raises(ValueError, match="more checkpoints than the 1"):
        marks.checkpoint("two")


def test_wall_time_goes_on_outside_segments(marks_module: ModuleType) -> None:
    marks = marks_module.Marks()
    first = marks.report()["wall_us"]
    assert 0 <= first <= marks.report()["wall_us"]
