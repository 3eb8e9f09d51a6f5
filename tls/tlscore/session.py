"""What a client keeps of a connection to resume it later (RFC 8446 §2.2, §4.6.1, appendix C.4).

A Session is made of a NewSessionTicket and the resumption secret, given to the caller, and offered
in a later connection by its configuration. Whoever has its bytes can pass for the client: keep
them like a private key. Use it once: a ticket that is sent again lets an observer link the two
connections (appendix C.4), and servers issue new ones.

A session is good for the server name it was made for, no longer than the server says and never
longer than seven days, nor past the end of the certificates (or their seven days) that all of it
rests on: what a resumed connection gets is a new ticket, but no longer a proof. Ages are taken by
the configuration's clock; one that only knows a floor (clock_floor.py) shows them too short, and
leaves expiry to the server.
"""

from tlscore.clock import OFF, REQUIRE
from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.schedule import expand_label
from tlscore.wire import Reader, decode_error

# RFC 8446 §4.6.1: "Clients MUST NOT cache tickets for longer than 7 days, regardless of the
# ticket_lifetime". The RFC asks for limits on what is resumed over and over as well: the same.
LIFETIME_LIMIT_S = 604800

# The first byte of a stored session; another form gets another one.
_VERSION = const(1)


class Session:
    """What there is to know of a connection in order to resume it; a secret.

    Attributes:
        ticket: what the server gave us and gets back.
        secret: the pre-shared key.
        digest_bytes: size of the digests of the suite's hash, which goes with the key.
        lifetime_s: how long the server wants the ticket to be used.
        age_add: what ages are obfuscated with.
        received_utc_seconds: when the ticket came, by the clock of its configuration.
        expires_utc_seconds: when what the server proved itself with is no longer good for it.
        server_name: whom the certificate was for, str; "" where there was no name.
        alpn: protocol of the connection, bytes or None.
    """

    def __init__(
        self,
        ticket,
        secret,
        lifetime_s,
        age_add,
        received_utc_seconds,
        expires_utc_seconds,
        server_name,
        alpn,
    ):
        self.ticket = ticket
        self.secret = secret
        self.digest_bytes = len(secret)
        self.lifetime_s = lifetime_s
        self.age_add = age_add
        self.received_utc_seconds = received_utc_seconds
        self.expires_utc_seconds = expires_utc_seconds
        self.server_name = server_name
        self.alpn = alpn

    def is_usable(self, utc_seconds) -> bool:
        """Tell whether the session may be resumed at a time.

        A clock that shows less than when the ticket came is not to be believed.
        """
        age_s = utc_seconds - self.received_utc_seconds
        return 0 <= age_s < self.lifetime_s and utc_seconds <= self.expires_utc_seconds

    def obfuscated_age(self, utc_seconds) -> int:
        """Return the obfuscated_ticket_age (RFC 8446 §4.2.11): milliseconds, modulo 2^32."""
        age_ms = 1000 * (utc_seconds - self.received_utc_seconds)
        return (age_ms + self.age_add) & 0xFFFFFFFF

    def to_bytes(self) -> bytes:
        """Return everything as bytes, for `from_bytes`."""
        name = self.server_name.encode()
        alpn = b"" if self.alpn is None else self.alpn  # no protocol has an empty name
        return b"".join(
            (
                bytes((_VERSION, self.digest_bytes)),
                self.secret,
                self.lifetime_s.to_bytes(4, "big"),
                self.age_add.to_bytes(4, "big"),
                self.received_utc_seconds.to_bytes(8, "big"),
                self.expires_utc_seconds.to_bytes(8, "big"),
                bytes((len(name),)),
                name,
                bytes((len(alpn),)),
                alpn,
                len(self.ticket).to_bytes(2, "big"),
                self.ticket,
            )
        )


def from_bytes(data) -> Session:
    """Return the Session that `to_bytes` made bytes of.

    Raises:
        UsageError: "session.version" if another version of this module wrote it,
            "session.malformed" if none did.
    """
    try:
        return _parse(Reader(bytes(data), "session"))
    except PeerMisbehaved:
        raise UsageError("session.malformed")


def _parse(reader):
    if reader.u8() != _VERSION:
        raise UsageError("session.version")
    digest_bytes = reader.u8()
    _accept(digest_bytes in (32, 48))
    secret = reader.take(digest_bytes)
    lifetime_s, age_add = _integer(reader, 4), _integer(reader, 4)
    received, expires = _integer(reader, 8), _integer(reader, 8)
    name = reader.vector8(0, 253).rest()
    alpn = reader.vector8().rest()
    ticket = reader.vector16(1).rest()
    reader.finish()
    _accept(0 < lifetime_s <= LIFETIME_LIMIT_S)
    for octet in name:
        _accept(0x20 < octet < 0x7F)
    return Session(
        ticket, secret, lifetime_s, age_add, received, expires, name.decode(), alpn or None
    )


def _integer(reader, size):
    return int.from_bytes(reader.take(size), "big")


def _accept(condition):
    if not condition:
        raise decode_error("session", "malformed")


class SessionKeeper:
    """Makes sessions of the tickets of one connection.

    Args:
        config: config.ClientConfig of the connection.

    Attributes:
        session: of the newest ticket, or None; whoever takes it may put None there.
    """

    def __init__(self, config):
        self._config = config
        self._hash = None
        self._secret = None
        self._expires_utc_seconds = 0
        self.session = None

    def begin(self, hash_, secret, resumed, not_after):
        """Learn what the sessions of the connection rest on, at the end of its handshake.

        Args:
            hash_: row of crypto/hashes.py, of the suite.
            secret: resumption_master_secret.
            resumed: the Session that was resumed, or None.
            not_after: end of what the server proved itself with, where none was.
        """
        self._hash = hash_
        self._secret = secret
        if resumed is None:
            ends = self._config.clock.utc_seconds() + LIFETIME_LIMIT_S
            self._expires_utc_seconds = min(ends, not_after)
        else:
            self._expires_utc_seconds = resumed.expires_utc_seconds

    def take(self, message, alpn):
        """Make a session of a NewSessionTicket, unless it was not kept.

        Args:
            message: ticket_stream.NewSessionTicketParser that has seen it all.
            alpn: protocol of the connection, bytes or None.
        """
        # §4.6.1: "The value of zero indicates that the ticket should be discarded immediately."
        if message.ticket is None or message.lifetime_s == 0:
            return
        hash_ = self._hash
        nonce = bytes(message.nonce)
        self.session = Session(
            bytes(message.ticket),
            expand_label(hash_, self._secret, b"resumption", nonce, hash_.size),
            message.lifetime_s,
            message.age_add,
            self._config.clock.utc_seconds(),
            self._expires_utc_seconds,
            self._config.server_name or "",
            alpn,
        )

    def end(self, failed):
        """Forget the secret at the end of the connection, and the session if it failed.

        RFC 8446 §6.2: the keys of tickets of failed connections "SHOULD be discarded if possible".
        """
        self._secret = None
        if failed:
            self.session = None


def check(config):
    """Check what a ClientConfig with a session, or one that keeps tickets, says.

    Raises:
        UsageError: "config.no_clock", "config.clock_policy" for a clock that shows no time,
            "config.session_server_name" for a session with another server,
            "config.ticket_bytes_max".
    """
    require(config.clock is not None, "config.no_clock")
    require(getattr(config.clock, "policy", REQUIRE) != OFF, "config.clock_policy")
    require(0 <= config.ticket_bytes_max <= 0xFFFF, "config.ticket_bytes_max")
    session = config.session
    if session is not None:
        require(session.server_name == (config.server_name or ""), "config.session_server_name")
