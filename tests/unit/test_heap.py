"""The smallest heap: found in steps, both sides seen, and what is no answer is an error."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hil.errors import BoardDied, BoardHang, BootError, HilError, JobFailed
from hil.measure import Measurement
from hil.tlsrig import cassette, heap, outcome, scenario
from hil.tlsrig.scenario import Refusal

TRACEBACK = "Traceback (most recent call last):\nMemoryError: memory allocation failed"


def found(threshold: int, good: int, floor: int) -> tuple[int, list[int]]:
    tried: list[int] = []

    def completes(size: int) -> bool:
        tried.append(size)
        return size >= threshold

    smallest = heap.smallest_heap_bytes(completes, known_good_bytes=good, floor_bytes=floor)
    return smallest, tried


@pytest.mark.parametrize("good", [65_536, 53_248, 60_000])
@pytest.mark.parametrize("floor", [0, 12_512, 20_000, 40_000])
@pytest.mark.parametrize("threshold", [1, 12_000, 20_001, 20_224, 39_000, 53_000, 53_248])
def test_the_smallest_completes_and_the_next_smaller_was_seen_not_to(
    threshold: int, floor: int, good: int
) -> None:
    smallest, tried = found(threshold, good, floor)
    assert smallest >= threshold
    assert smallest == good or smallest in tried
    below = (smallest - 1) // heap.STEP_BYTES * heap.STEP_BYTES
    assert below < threshold
    assert below in tried or below == 0
    assert smallest == good or smallest % heap.STEP_BYTES == 0
    assert len(tried) == len(set(tried)) <= 24


def test_a_wrong_floor_costs_trials_and_nothing_else() -> None:
    assert found(9_000, 65_536, 50_000)[0] == found(9_000, 65_536, 0)[0] == 9_216


@pytest.mark.parametrize(
    "error",
    [
        JobFailed("MemoryError", "memory allocation failed, allocating 1000 bytes", TRACEBACK),
        JobFailed("Refused", "the board could not begin the call", TRACEBACK),
        BootError("qemu did not boot:\n  HIL-BOOT a heap of 512 bytes was asked for"),
        BootError("qemu did not boot: MemoryError: memory allocation failed"),
    ],
)
def test_out_of_memory_is_told_in_several_ways(error: HilError) -> None:
    assert heap.is_out_of_memory(error)


def test_a_board_whose_agent_had_no_memory_is_one_of_them() -> None:
    error = BootError("it started, but its agent fails")
    error.__cause__ = JobFailed("MemoryError", "memory allocation failed", TRACEBACK)
    assert heap.is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        BoardHang("hangs in tls_jobs:client: no answer within 120 s; MemoryError before that"),
        BoardDied("HIL-FAULT pc=00001234; MemoryError before that"),
        JobFailed("ValueError", "MemoryError", "Traceback\nValueError: MemoryError"),
        BootError("HIL-FAULT pc=00001234"),
    ],
)
def test_a_hang_a_crash_and_any_other_error_are_no_lack_of_memory(error: HilError) -> None:
    assert not heap.is_out_of_memory(error)


DECLARED = scenario.load_all()
TAPE = cassette.read(cassette.file_of(cassette.shipped(), "tls13-psk-ke", "openssl"))
LIVE = Measurement("heap_live_peak_bytes", 12_512, "bytes", "collected first")


def searched(error: HilError, log: Path) -> tuple[Measurement, list[int | None]]:
    """Search on a board that passed with 16 KB and fails with whatever it is given now."""
    sizes: list[int | None] = []

    def boot(size: int | None) -> Any:
        sizes.append(size)
        raise error

    search = heap.Search(DECLARED["tls13-psk-ke"], boot, log)
    board: Any = SimpleNamespace(heap_bytes=16_384, chooses_heap=True)
    return search(TAPE, board, [LIVE]), sizes


def test_only_what_lies_between_the_live_heap_and_the_one_it_had_is_tried(tmp_path: Path) -> None:
    error = BootError("MemoryError: memory allocation failed")
    figure, sizes = searched(error, tmp_path / "log")
    assert (figure.name, figure.value, figure.unit) == ("heap_min_bytes", 16_384, "bytes")
    assert all(size is not None and 12_512 - 256 <= size < 16_384 for size in sizes)
    assert sizes[-1] == 16_384 - heap.STEP_BYTES
    assert (tmp_path / "log").read_text().count("too small\nMemoryError") == len(sizes)


@pytest.mark.parametrize("error", [BoardDied("HIL-FAULT pc=00001234"), BoardHang("no answer")])
def test_a_crash_or_a_hang_ends_the_search_and_is_told_with_the_size(
    error: HilError, tmp_path: Path
) -> None:
    with pytest.raises(heap.SearchError) as caught:
        searched(error, tmp_path / "log")
    assert str(caught.value) == f"heap_min_bytes: with a heap of 14336 bytes: {error}"


@pytest.mark.parametrize("name", DECLARED)
def test_refusals_have_no_smallest_heap(name: str) -> None:
    if isinstance(DECLARED[name].expect, Refusal):
        assert outcome.HEAP_MIN not in DECLARED[name].measure
