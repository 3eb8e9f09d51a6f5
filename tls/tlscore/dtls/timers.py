"""When a flight is sent again (RFC 6347 §4.2.4), and a clock of milliseconds to tell it by."""

import time

from tlscore.compat import const

_TICKS_PERIOD = const(1 << 30)  # MicroPython's ticks_ms begins again at 2^30


class Ticks:
    """Milliseconds that only grow: call the object. On boards at least once in six days."""

    def __init__(self):
        self._now = 0
        self._last = self._read()

    def _read(self):
        if hasattr(time, "ticks_ms"):
            return time.ticks_ms()
        return int(time.monotonic() * 1000)

    def __call__(self) -> int:
        """Return the milliseconds since the object was made."""
        read = self._read()
        self._now += (read - self._last) % _TICKS_PERIOD
        self._last = read
        return self._now


class RetransmissionTimer:
    """The timer of one connection's flights.

    Args:
        config: whose `now_ms` it is told the time by; `retransmission_ms` is the first time-out of
            a flight, which doubles up to `retransmission_ms_max`; `handshake_ms_max` is how long
            the handshake may take.

    Attributes:
        expired: how often in a row the present flight has been sent in vain.
    """

    def __init__(self, config):
        self._now_ms = config.now_ms
        self._first_ms = config.retransmission_ms
        self._limit_ms = config.retransmission_ms_max
        self._until = config.now_ms() + config.handshake_ms_max
        self._deadline = None
        self._sent = None
        self._timeout_ms = self._first_ms
        self.expired = 0

    def begin(self):
        """A new flight is to be sent: begin with the first time-out again.

        §4.2.4.1 lets the value be reset when a transmission got through; the peer's answer to the
        flight before this one shows that.
        """
        self._deadline = None
        self._sent = None
        self._timeout_ms = self._first_ms
        self.expired = 0

    def sent(self):
        """The flight has been handed out: its answer is awaited from now on."""
        self._sent = now = self._now_ms()
        if self._deadline is None:
            self._deadline = now + self._timeout_ms

    def repeated(self):
        """The flight is to be sent again before its time: its time-out begins anew with that."""
        self._deadline = None

    def answered(self):
        """Nothing is awaited any more: the handshake is over."""
        self._deadline = self._until = None

    def may_repeat(self) -> bool:
        """Tell whether a peer that repeats itself gets our flight again: not at once.

        Two ends that answer every repetition would never stop, were datagrams duplicated.
        """
        return self._sent is not None and self._now_ms() - self._sent >= self._first_ms // 2

    def next_ms(self):
        """Return the milliseconds until something is due, at least 0; None if nothing is."""
        due = self._until
        if self._deadline is not None and (due is None or self._deadline < due):
            due = self._deadline
        return None if due is None else max(0, due - self._now_ms())

    def is_over(self) -> bool:
        """Tell whether the handshake has taken too long."""
        return self._until is not None and self._now_ms() >= self._until

    def is_due(self) -> bool:
        """Tell whether the flight is to be sent again; the next time-out is then longer."""
        if self._deadline is None or self._now_ms() < self._deadline:
            return False
        self._deadline = None
        self.expired += 1
        self._timeout_ms = min(2 * self._timeout_ms, self._limit_ms)
        return True
