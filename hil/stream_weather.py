"""What TCP makes of a link profile: nothing is lost, it comes late, and what is behind it waits.

`StreamWeather` is one direction of a connection over a network of `hil.link_profile`. What is sent
is cut into segments of 536 octets of data (the default of RFC 9293 §3.7.1) or fewer, each of which
meets the network's `Weather` with its headers. One that is lost is sent again when the
retransmission time-out of RFC 6298 is over, which doubles each time. A segment is not sent before
the network has carried the one before it, which is what the congestion window comes to.

Time is the caller's, in milliseconds since the link began. Where the cuts are depends on how the
bytes come, so unlike datagrams two runs with one seed need not be the same to the millisecond.

What it leaves out: connecting and fast retransmission (RFC 5681), so a real connection loses less
time after a lost segment in the middle of much data; a handshake has no such middle.
"""

from __future__ import annotations

from hil.link_profile import LinkProfile, Tally, Weather

_DATA_BYTES_MAX = 536
_HEADERS = bytes(40)  # of IPv4 and TCP
_TIMEOUT_LEAST_MS = 1000.0  # RFC 6298 §2.4
_TIMEOUT_MOST_MS = 60_000.0  # RFC 6298 §2.5


class StreamWeather:
    """A profile in one direction of a stream."""

    def __init__(self, profile: LinkProfile, seed: int, direction: str) -> None:
        """Begin at time 0.

        Args:
            profile: the network.
            seed: of the link; each direction has chances of its own.
            direction: its name.
        """
        self._weather = Weather(profile, seed, direction)
        self._data_bytes_max = min(_DATA_BYTES_MAX, profile.datagram_bytes_max - len(_HEADERS))
        self._delay_ms = profile.delay_ms[0]
        # RFC 6298 §2.2 after the first measurement R: R + 4 * R / 2.
        self._timeout_ms = max(_TIMEOUT_LEAST_MS, 3.0 * 2 * profile.delay_ms[1])
        self._arrived_ms = 0.0

    @property
    def tally(self) -> Tally:
        """What became of the segments so far."""
        return self._weather.tally

    def be_calm(self) -> None:
        """Lose nothing any more that is sent from now on."""
        self._weather.calm = True

    def carry(self, now_ms: float, data: bytes) -> list[tuple[float, bytes]]:
        """Return [(time in ms, octets)] of how bytes arrive that are sent now, in their order."""
        step = self._data_bytes_max
        return [
            (self._arrival_ms(now_ms, data[start : start + step]), data[start : start + step])
            for start in range(0, len(data), step)
        ]

    def _arrival_ms(self, now_ms: float, segment: bytes) -> float:
        sent_ms = max(now_ms, self._arrived_ms - self._delay_ms)
        timeout_ms = self._timeout_ms
        while not (arrivals := self._weather.carry(sent_ms, _HEADERS + segment)):
            sent_ms += timeout_ms
            timeout_ms = min(2 * timeout_ms, _TIMEOUT_MOST_MS)
        self.tally.delivered += 1
        self._arrived_ms = min(at_ms for at_ms, _ in arrivals)
        return self._arrived_ms
