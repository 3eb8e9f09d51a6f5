"""Figures carry their method, and what could not be measured says why."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hil import measure
from hil.measure import Measurement

_PAINT = bytes.fromhex("a5a5a5a5")


def test_a_missing_value_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="stack_peak_bytes: a measurement without a value"):
        Measurement("stack_peak_bytes", None, "bytes", "none")


def test_a_value_has_no_reason_to_be_missing() -> None:
    with pytest.raises(ValueError, match="needs no reason"):
        Measurement("stack_peak_bytes", 1, "bytes", "none", reason="lost")


def test_one_tick_of_a_25_mhz_timer_is_five_instructions_of_8_ns() -> None:
    assert measure.instructions_per_tick(25_000_000, 3) == 5


def test_a_tick_need_not_be_a_whole_number_of_instructions() -> None:
    assert measure.instructions_per_tick(200_000_000, 3) == Fraction(5, 8)


def test_ticks_become_instructions_exactly() -> None:
    figure = measure.instructions(
        "handshake_instructions", 123_456_789_012, per_tick=Fraction(5, 8), icount_shift=3
    )
    assert figure.value == round(123_456_789_012 * Fraction(5, 8))
    assert figure.method == "icount shift=3, compute segments"
    assert figure.unit == "instructions"


def test_a_board_without_instruction_count_says_why() -> None:
    figure = measure.instructions("n", 5, per_tick=None, icount_shift=None, reason="a host process")
    assert (figure.value, figure.reason) == (None, "a host process")


def test_a_board_whose_clock_stands_still_has_no_instructions() -> None:
    figure = measure.instructions("n", None, per_tick=Fraction(5), icount_shift=3)
    assert figure.value is None
    assert "stands still" in str(figure.reason)


def test_the_stack_peak_is_measured_from_the_top_to_the_deepest_touched_word() -> None:
    memory = _PAINT * 10 + b"used" + _PAINT * 3 + b"used" * 2
    assert measure.painted_stack_peak(memory, _PAINT, "m").value == 6 * 4


def test_one_changed_byte_in_a_word_counts_the_word() -> None:
    memory = _PAINT + b"\xa5\xa5\xa5\x00" + _PAINT
    assert measure.painted_stack_peak(memory, _PAINT, "m").value == 8


@pytest.mark.parametrize(
    ("memory", "reason"),
    [(b"used" + _PAINT * 4, "never painted, or used to its end"), (_PAINT * 4, "elsewhere")],
)
def test_a_stack_that_cannot_be_judged_has_a_reason_not_a_figure(
    memory: bytes, reason: str
) -> None:
    figure = measure.painted_stack_peak(memory, _PAINT, "m")
    assert figure.value is None
    assert reason in str(figure.reason)
