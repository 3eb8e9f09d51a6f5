"""What is measured of a board: the same work gives the same figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hil import measure
from hil.boot.agent_board import AgentBoard
from hil.errors import BoardHang

Boot = Callable[..., Any]

# What only one kind of board can do.
emulated = pytest.mark.parametrize("board_name", ["qemu-cortexm"])
process = pytest.mark.parametrize("board_name", ["unix"])


def marked(board: AgentBoard, rounds: int) -> dict[str, Any]:
    found = board.call("jobs:marked", rounds, measure.clock_facts(board.target), timeout_s=60)
    assert isinstance(found, dict)
    return found


def test_marks_measure_the_job_on_the_board(board: AgentBoard) -> None:
    few, many = (marked(board, rounds) for rounds in (500, 1000))
    assert few["wall_us"] >= 50_000
    ((name, _, live_heap_bytes),) = few["checkpoints"]
    assert name == "summed"
    assert 0 < live_heap_bytes < board.heap_bytes
    if board.target.instructions_per_tick is None:
        assert few["instructions"] is None
    else:
        # An addition, a product and a loop in bytecode on a Cortex-M3.
        assert 300 < (many["instructions"] - few["instructions"]) / 500 < 3000


@emulated
def test_the_same_job_takes_exactly_the_same_instructions_in_two_boots(boot_board: Boot) -> None:
    instructions = []
    for _ in range(2):
        with boot_board() as board:
            instructions.append(marked(board, 2000)["instructions"])
    assert instructions[0] == instructions[1] > 0


@emulated
def test_a_board_beside_a_busy_one_takes_the_instructions_it_takes_alone(boot_board: Boot) -> None:
    instructions = []
    with boot_board() as board:
        instructions.append(marked(board, 2000)["instructions"])
    with boot_board() as busy, boot_board() as board:
        busy.start("jobs:for_ever")
        instructions.append(marked(board, 2000)["instructions"])
    assert instructions[0] == instructions[1] > 0


@emulated
def test_the_stack_peak_grows_with_the_depth_of_calls(board: AgentBoard) -> None:
    board.install("deep", "def deep(link, n):\n    return n and deep(link, n - 1)")
    peaks = []
    for depth in (1, 20):
        board.call("deep:deep", depth, timeout_s=10)
        peaks.append(board.stack_peak_bytes().value)
    assert peaks[0] is not None
    assert peaks[1] is not None
    assert 500 < peaks[0] < peaks[1] < 16_384


@emulated
def test_the_stack_is_read_while_a_job_runs_and_after_a_hang(board: AgentBoard) -> None:
    with pytest.raises(BoardHang):
        board.call("jobs:for_ever", timeout_s=0.3)
    assert isinstance(board.stack_peak_bytes().value, int)


@process
def test_its_stack_has_a_reason_instead_of_a_figure(board: AgentBoard) -> None:
    figure = board.stack_peak_bytes()
    assert figure.value is None
    assert "cannot be read from outside" in str(figure.reason)
