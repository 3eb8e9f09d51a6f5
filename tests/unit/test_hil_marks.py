"""Compute time counts compute segments only, and live heap is noted where it was asked for."""

from __future__ import annotations

import importlib.util
from types import ModuleType, SimpleNamespace

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


@pytest.fixture
def clock(marks_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that the test moves, in place of the processor's."""
    now = SimpleNamespace(ticks=1000)

    def ticks_cpu() -> int:
        return now.ticks

    monkeypatch.setattr(marks_module, "_ticking", lambda: True)
    monkeypatch.setattr(marks_module, "ticks_cpu", ticks_cpu)
    return now


def test_only_time_inside_segments_is_counted(
    marks_module: ModuleType, clock: SimpleNamespace
) -> None:
    marks = marks_module.Marks()
    for inside, outside in ((5, 100), (7, 1000)):
        marks.enter()
        clock.ticks += inside
        marks.leave()
        clock.ticks += outside
    report = marks.report()
    assert (report["ticks"], report["segments"]) == (12, 2)


def test_a_checkpoint_notes_the_ticks_so_far_and_does_not_count_itself(
    marks_module: ModuleType, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_collect() -> None:
        clock.ticks += 10_000

    monkeypatch.setattr(marks_module, "gc", SimpleNamespace(collect=slow_collect))
    monkeypatch.setattr(marks_module, "_live_heap_bytes", lambda: 4321)
    marks = marks_module.Marks()
    marks.enter()
    clock.ticks += 5
    marks.checkpoint("client_hello")
    clock.ticks += 6
    marks.leave()
    marks.checkpoint("finished")
    report = marks.report()
    assert report["ticks"] == 11
    assert report["checkpoints"] == [("client_hello", 5, 4321), ("finished", 11, 4321)]


def test_a_clock_that_stands_still_gives_no_ticks(
    marks_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks_module, "ticks_cpu", lambda: 0)
    marks = marks_module.Marks()
    marks.enter()
    marks.checkpoint("middle")
    marks.leave()
    assert marks.report()["ticks"] is None
    assert marks.report()["checkpoints"] == [("middle", None, None)]


def test_more_checkpoints_than_there_is_room_for_are_refused(marks_module: ModuleType) -> None:
    marks = marks_module.Marks(checkpoints=1)
    marks.checkpoint("one")
    with pytest.raises(ValueError, match="more checkpoints than the 1"):
        marks.checkpoint("two")


def test_wall_time_goes_on_outside_segments(marks_module: ModuleType) -> None:
    marks = marks_module.Marks()
    first = marks.report()["wall_us"]
    assert 0 <= first <= marks.report()["wall_us"]
