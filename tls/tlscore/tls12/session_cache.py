"""The sessions a server of TLS 1.2 remembers by their ids (RFC 5246 §7.3), and what a ticket says.

A session is kept as a tickets.Ticket, whose secret names the suite as well: `secret_of`. It has
another size than that of any session of TLS 1.3, so that neither version takes the other's tickets.

The cache has room for a fixed number of sessions; the oldest makes room. Memory is taken as
sessions come and never more than for that many.
"""

from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.errors import PeerMisbehaved
from tlscore.wire import Reader

_TLS_1_2 = b"\x03\x03"
_ID_BYTES = const(32)
_MASTER_BYTES = const(48)
_SECRET_BYTES = const(2 + 2 + 48)
# RFC 5246 appendix F.1.4: "An upper limit of 24 hours is suggested for session ID lifetimes".
_LIFETIME_LIMIT_S = const(86400)


def secret_of(suite, master) -> bytes:
    """Return what a Ticket of TLS 1.2 has as its secret: version, suite, master secret."""
    return _TLS_1_2 + bytes((suite >> 8, suite & 0xFF)) + master


def suite_and_master(ticket):
    """Return the suite's number and the master secret of a Ticket, None if it is not of TLS 1.2."""
    if len(ticket.secret) != _SECRET_BYTES:
        return None
    reader = Reader(ticket.secret, "ticket")
    try:
        if bytes(reader.take(2)) != _TLS_1_2:
            return None
        return reader.u16(), bytes(reader.take(_MASTER_BYTES))
    except PeerMisbehaved:
        return None


class SessionCache:
    """Sessions by id, for any number of connections.

    Args:
        entropy: object with fill(buffer), see entropy.py.
        clock: object with utc_seconds() that knows the time, see clock.py.
        sessions_max: how many are remembered; each takes about 250 bytes of RAM.
        lifetime_s: how long a session can be resumed.

    Raises:
        UsageError: "sessions.no_entropy", "sessions.no_clock", "sessions.sessions_max",
            "sessions.lifetime_s".
    """

    def __init__(self, entropy, clock, sessions_max=8, lifetime_s=7200):
        require(entropy is not None, "sessions.no_entropy")
        require(clock is not None, "sessions.no_clock")
        require(sessions_max > 0, "sessions.sessions_max")
        require(0 < lifetime_s <= _LIFETIME_LIMIT_S, "sessions.lifetime_s")
        self._entropy = entropy
        self._clock = clock
        self._sessions_max = sessions_max
        self._lifetime_s = lifetime_s
        self._sessions = []  # (id, Ticket), the oldest first

    def __len__(self):
        return len(self._sessions)

    def now(self) -> int:
        """Return the time by the clock of the sessions."""
        return self._clock.utc_seconds()

    def new_id(self) -> bytes:
        """Return an id for a session that is yet to be."""
        buffer = bytearray(_ID_BYTES)
        self._entropy.fill(buffer)
        return bytes(buffer)

    def put(self, session_id, ticket):
        """Remember a session."""
        if len(self._sessions) == self._sessions_max:
            self._sessions.pop(0)
        self._sessions.append((session_id, ticket))

    def find(self, session_id):
        """Return the Ticket of a session, None if there is none or it is over."""
        now = self.now()
        for known, ticket in self._sessions:
            if known == session_id:
                age_s = now - ticket.created_utc_seconds
                if 0 <= age_s < self._lifetime_s and now <= ticket.until_utc_seconds:
                    return ticket
        return None

    def forget(self, session_id):
        """Forget a session (RFC 5246 §7.2.2: one whose connection has failed)."""
        self._sessions = [row for row in self._sessions if row[0] != session_id]
