"""Clocks: the time they tell, and that none of them guesses."""

import time
import types

import pytest

from tlscore import clock
from tlscore.clock import EARLIEST_UTC_SECONDS, FixedClock, SystemClock
from tlscore.errors import UsageError


def platform(**functions):
    """Return a stand-in for a board's `time` module."""
    return types.SimpleNamespace(**functions)


def test_a_fixed_clock_stands_still_beyond_2038_and_2106():
    for moment in (0, 1 << 31, 1 << 32, 253402300799):
        assert FixedClock(moment).utc_seconds() == moment


def test_a_time_before_1970_is_refused():
    with pytest.raises(UsageError) as refused:
        FixedClock(-1)
    assert refused.value.reason == "clock.negative"


def test_the_system_clock_tells_unix_time():
    before = int(time.time())
    assert before <= SystemClock().utc_seconds() <= time.time()


def test_a_board_that_counts_from_2000_is_converted(monkeypatch):
    board = platform(time=lambda: 821_793_600, gmtime=lambda _seconds: (2000, 1, 1, 0, 0, 0, 5, 1))
    monkeypatch.setattr(clock, "time", board)
    assert SystemClock().utc_seconds() == 1_768_478_400


def test_a_board_whose_clock_was_never_set_is_refused(monkeypatch):
    board = platform(time=lambda: 17, gmtime=lambda _seconds: (2000, 1, 1, 0, 0, 0, 5, 1))
    monkeypatch.setattr(clock, "time", board)
    with pytest.raises(UsageError) as refused:
        SystemClock().utc_seconds()
    assert refused.value.reason == "clock.not_set"


def test_the_earliest_time_a_clock_may_show_is_accepted(monkeypatch):
    board = platform(time=lambda: EARLIEST_UTC_SECONDS, gmtime=time.gmtime)
    monkeypatch.setattr(clock, "time", board)
    assert SystemClock().utc_seconds() == EARLIEST_UTC_SECONDS
    board.time = lambda: EARLIEST_UTC_SECONDS - 1
    with pytest.raises(UsageError):
        SystemClock().utc_seconds()


def test_a_board_without_a_clock_of_day_is_refused(monkeypatch):
    monkeypatch.setattr(clock, "time", platform(ticks_us=lambda: 0))
    with pytest.raises(UsageError) as refused:
        SystemClock().utc_seconds()
    assert refused.value.reason == "clock.absent"
