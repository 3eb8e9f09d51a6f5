"""What time it is: the interface of a clock, and the two simplest ones.

A clock is any object with `utc_seconds()`: the UTC time as Unix time, an integer that counts
seconds since 1970-01-01 and is safe past 2038 on every port (MicroPython's integers grow where
the C library's `time_t` does not). Certificate validity is judged against it, so a clock that
does not know the time refuses; it never guesses.

A clock's `policy` says how much it knows, and so what of a validity period is judged:

    REQUIRE   the time: both ends of the period; also the policy of a clock that states none
    FLOOR     a time that has certainly passed: only that the period is not over by then
    OFF       nothing: neither end. Only a clock that was chosen for it has this policy
              (`clock_floor.UncheckedClock`); there is no way to it by default or by failure.

Clocks for boards without an RTC are in clock_floor.py. Out of scope: fetching the time from a
network, and setting a board's own clock.
"""

import time

from tlscore.errors import UsageError

REQUIRE = "require"
FLOOR = "floor"
OFF = "off"

# A clock that shows less was never set: this code did not exist yet (2025-01-01T00:00:00Z).
EARLIEST_UTC_SECONDS = 1735689600

# Seconds from 1970 to 2000, where many MicroPython ports begin to count.
_EPOCH_2000 = 946684800


class FixedClock:
    """A clock that stands at one moment, given by who knows it: a test, or a farm to its boards."""

    def __init__(self, utc_seconds: int):
        if utc_seconds < 0:
            raise UsageError("clock.negative")
        self._utc_seconds = utc_seconds

    def utc_seconds(self) -> int:
        """Return the moment the clock stands at, in Unix time."""
        return self._utc_seconds


class SystemClock:
    """The platform's own clock: right on a PC, and on a board whose RTC has been set."""

    def utc_seconds(self) -> int:
        """Return the platform's time as Unix time.

        Raises:
            UsageError: `clock.absent` where the platform has no clock of day, `clock.not_set`
                where it shows a time before this code was written.
        """
        if not hasattr(time, "time") or not hasattr(time, "gmtime"):
            raise UsageError("clock.absent")
        now = int(time.time())
        if time.gmtime(0)[0] == 2000:
            now += _EPOCH_2000
        if now < EARLIEST_UTC_SECONDS:
            raise UsageError("clock.not_set")
        return now
