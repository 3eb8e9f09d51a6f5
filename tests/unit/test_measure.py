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


def test_an_instruction_of_128_ns_takes_16_ticks_in_5_of_a_25_mhz_timer() -> None:
    assert measure.instructions_per_tick(25_000_000, 7) == Fraction(5, 16)


class Counted:
    """A board with a 20 MHz timer and an instruction count."""

    ticks_cpu_hz = 20_000_000
    instructions_per_tick = measure.instructions_per_tick(20_000_000, 7)


class Uncounted:
    """A board whose emulator counts nothing."""

    ticks_cpu_hz = 20_000_000
    instructions_per_tick = None


def test_clock_facts_are_whole_numbers() -> None:
    assert measure.clock_facts(Counted()) == (25, 64, 20_000)
    assert measure.clock_facts(Uncounted()) is None


def test_a_live_count_is_of_the_kind_icount() -> None:
    figure = measure.instructions("handshake_instructions", 123_456_789_012, icount_shift=7)
    assert figure.value == 123_456_789_012
    assert figure.method == "icount shift=7, compute segments"
    assert figure.unit == "instructions"
    assert measure.kind_of(figure.method) == "icount"


def test_a_count_against_a_recording_is_of_the_kind_replay() -> None:
    figure = measure.instructions("n", 5, icount_shift=7, replayed=True)
    assert figure.method == "replay of a recorded peer, icount shift=7, compute segments"
    assert measure.kind_of(figure.method) == "replay"


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("silicon, median of 5", "silicon"),
        ("painted stack, QMP memsave", "exact"),
        ("linker's map", "exact"),
        ("replayed", "exact"),
    ],
)
def test_the_kind_of_a_method_is_its_first_word_or_exact(method: str, kind: str) -> None:
    assert measure.kind_of(method.replace(",", " ")) == kind


def test_a_board_without_instruction_count_says_why() -> None:
    figure = measure.instructions("n", None, icount_shift=None, reason="a host process")
    assert (figure.value, figure.reason) == (None, "a host process")


def test_the_stack_peak_is_measured_from_the_top_to_the_deepest_touched_word() -> None:
    memory = _PAINT * 10 + b"used" + _PAINT * 3 + b"used" * 2
    assert measure.painted_stack_peak(memory, _PAINT, "m").value == 6 * 4


def test_what_a_second_stack_took_from_the_bottom_is_used_as_well() -> None:
    memory = _PAINT + b"used" * 2 + _PAINT * 2 + b"used" + _PAINT * 9 + b"used" * 3
    assert measure.painted_stack_peak(memory, _PAINT, "m").value == 9 * 4


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
