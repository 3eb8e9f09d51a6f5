"""Clocks for boards that cannot know the time: at least so late, or not judged at all.

A board without an RTC wakes up not knowing the year, but some times have certainly passed: that
of its firmware's build, and every one it learned from somebody it had verified. `FloorClock` is
the latest of them. Certificates that ended before it are refused; one that has not begun yet
cannot be told from one that has, and one that ended since then is not noticed. That is the price
of having no clock, and less than that of having no check.

The floor only ever rises, and only by what the caller vouches for: a time read over a connection
that has verified its peer (an HTTP `Date`, a reply of a time service), or the time at which a
session ticket was issued to this board. Never by a time the network says unasked: a floor in the
far future makes every certificate look expired, until somebody resets what is stored.

It survives power cuts through two functions of the caller's. What is kept is one integer; as
bytes, eight of them (`to_bytes(8, "big")`) are good for any port and any year.
"""

from tlscore.clock import EARLIEST_UTC_SECONDS, FLOOR, OFF
from tlscore.errors import UsageError

# The end of 9999: no certificate speaks of later times (RFC 5280 §4.1.2.5), so no floor is there.
_LATEST_UTC_SECONDS = 253402300799

# Flash wears out: a floor that is higher by less is not worth writing. NOR flash takes 100,000
# erasures, which at one an hour is more than ten years.
STORE_INTERVAL_S = 3600


class FloorClock:
    """A time that has certainly passed.

    Args:
        build_utc_seconds: when the firmware was built, Unix time.
        load: function that returns the stored floor, or None if nothing is stored yet.
        store: function that is given each new floor to keep; errors it raises are the caller's.

    Raises:
        UsageError: `clock.build_date` for a build before this code existed, `clock.stored` when
            what was stored is no time.
    """

    policy = FLOOR

    def __init__(self, build_utc_seconds: int, load=None, store=None):
        if not EARLIEST_UTC_SECONDS <= build_utc_seconds <= _LATEST_UTC_SECONDS:
            raise UsageError("clock.build_date")
        self._store = store
        self._floor = build_utc_seconds
        self._stored = 0
        stored = load() if load is not None else None
        if stored is not None:
            if not isinstance(stored, int) or not 0 <= stored <= _LATEST_UTC_SECONDS:
                raise UsageError("clock.stored")
            self._stored = stored
            if stored > build_utc_seconds:
                self._floor = stored

    def utc_seconds(self) -> int:
        """Return the floor, Unix time."""
        return self._floor

    def learn(self, utc_seconds: int) -> None:
        """Raise the floor to a time that a verified peer stated; an earlier one changes nothing.

        It is stored when it is an hour or more above what is stored.

        Raises:
            UsageError: `clock.learned` when it is no time that could be.
        """
        if not 0 <= utc_seconds <= _LATEST_UTC_SECONDS:
            raise UsageError("clock.learned")
        if utc_seconds <= self._floor:
            return
        self._floor = utc_seconds
        if self._store is not None and utc_seconds >= self._stored + STORE_INTERVAL_S:
            self._store(utc_seconds)
            self._stored = utc_seconds


class UncheckedClock:
    """No clock: whoever makes one of these wants expired certificates to be accepted."""

    policy = OFF

    def utc_seconds(self) -> int:
        """Refuse: there is no time to be had here.

        Raises:
            UsageError: `clock.off`, always.
        """
        raise UsageError("clock.off")
