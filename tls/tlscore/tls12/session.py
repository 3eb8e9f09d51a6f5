"""What a client keeps of a TLS 1.2 connection to resume it later (RFC 5246 §7.3, RFC 5077).

The counterpart of ../session.py, with the same warnings: whoever has a session's bytes can pass for
the client. The server gives a ticket or remembers a session id; which of the two it was makes no
difference to the caller. Unlike in TLS 1.3 a session may be used more than once. Only sessions with
the extended master secret are kept (RFC 7627 §5.4), and none for longer than a day without word of
the server (RFC 5246 appendix F.1.4), nor longer than seven days at all.
"""

from tlscore import session as session13
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.wire import Reader, decode_error

# RFC 5246 appendix F.1.4: "An upper limit of 24 hours is suggested for session ID lifetimes".
_LIFETIME_S = const(86400)

# The first byte of a stored session; ../session.py has others.
_VERSION = const(2)
_MASTER_BYTES = const(48)


class Session:
    """What there is to know of a connection in order to resume it; a secret.

    Attributes:
        session_id, ticket: what the server knows it by; one of them is b"".
        secret: the master secret.
        suite: number of the cipher suite.
        lifetime_s, received_utc_seconds, expires_utc_seconds, server_name: as in ../session.py.
        psk_identity: of the pre-shared key it was begun with, b"" for none.
    """

    def __init__(
        self,
        session_id,
        ticket,
        secret,
        suite,
        lifetime_s,
        received_utc_seconds,
        expires_utc_seconds,
        server_name,
        psk_identity,
    ):
        self.session_id = session_id
        self.ticket = ticket
        self.secret = secret
        self.suite = suite
        self.lifetime_s = lifetime_s or _LIFETIME_S
        self.received_utc_seconds = received_utc_seconds
        self.expires_utc_seconds = expires_utc_seconds
        self.server_name = server_name
        self.psk_identity = psk_identity

    def is_usable(self, utc_seconds) -> bool:
        """Tell whether the session may be resumed at a time, as in ../session.py."""
        age_s = utc_seconds - self.received_utc_seconds
        return 0 <= age_s < self.lifetime_s and utc_seconds <= self.expires_utc_seconds

    def to_bytes(self) -> bytes:
        """Return everything as bytes, for `from_bytes`."""
        name = self.server_name.encode()
        return b"".join(
            (
                bytes((_VERSION, self.suite >> 8, self.suite & 0xFF)),
                self.secret,
                self.lifetime_s.to_bytes(4, "big"),
                self.received_utc_seconds.to_bytes(8, "big"),
                self.expires_utc_seconds.to_bytes(8, "big"),
                bytes((len(name),)),
                name,
                bytes((len(self.session_id),)),
                self.session_id,
                len(self.psk_identity).to_bytes(2, "big"),
                self.psk_identity,
                len(self.ticket).to_bytes(2, "big"),
                self.ticket,
            )
        )


def from_bytes(data):
    """Return the Session of either version that its `to_bytes` made bytes of.

    Raises:
        UsageError: as ../session.from_bytes.
    """
    if not len(data) or data[0] != _VERSION:
        return session13.from_bytes(data)
    try:
        return _parse(Reader(bytes(data), "session", 1))
    except PeerMisbehaved:
        raise UsageError("session.malformed")


def _parse(reader):
    suite = reader.u16()
    secret = reader.take(_MASTER_BYTES)
    numbers = [int.from_bytes(reader.take(size), "big") for size in (4, 8, 8)]
    name = reader.vector8(0, 253).rest()
    session_id = reader.vector8(0, 32).rest()
    psk_identity = reader.vector16().rest()
    ticket = reader.vector16().rest()
    reader.finish()
    good = 0 < numbers[0] <= session13.LIFETIME_LIMIT_S and bool(ticket) != bool(session_id)
    for octet in name:
        good = good and 0x20 < octet < 0x7F
    if not good:
        raise decode_error("session", "malformed")
    lifetime_s, received, expires = numbers
    return Session(
        session_id,
        ticket,
        secret,
        suite,
        lifetime_s,
        received,
        expires,
        name.decode(),
        psk_identity,
    )
