"""Session tickets of a server: sealed, so that the client keeps what we need to know (§4.6.1).

All that is kept here is the key tickets are sealed with, and the one before it. A key seals for
`rotation_s` and opens for as long as its tickets live; then it is forgotten, and with it everything
that could decrypt them: that bounds what a stolen key is good for. Nothing is stored per client, so
a ticket can be used more than once until it is over; early data, which must not be (§8), is not
accepted at all.

A ticket says what the connection rested on: its key, when it was made, until when it counts, whom
the client asked for, over which protocol, and who the client was (the public key of its certificate
or the identity of its external key), so that authentication survives resumption and nothing else
does. The form: name of the key (8 bytes), nonce (12), the fields of `_write`, sealed by the AEAD of
the preferred cipher suite with the name as additional data.

Not here: whether a ticket fits a connection (server_psk.py), when they are sent (server_flight.py).
"""

from tlscore import suites
from tlscore.clock import REQUIRE
from tlscore.compat import const
from tlscore.errors import UsageError
from tlscore.wire import Reader, Writer

# See codepoints.py: copies that cost nothing on a board.
_NEW_SESSION_TICKET = const(4)

# RFC 8446 §4.6.1: "Servers MUST NOT use any value greater than 604800 seconds (7 days)."
LIFETIME_LIMIT_S = 604800

# As many as our own clients take in a row (patience.py).
_COUNT_MAX = const(32)

_NAME_BYTES = const(8)
_NONCE_BYTES = const(12)
_TAG_BYTES = const(16)
# Two times, the kind of a key, and the lengths of five fields.
_FIXED_BYTES = const(8 + 8 + 1 + 1 + 2 + 1 + 1 + 2)


class Ticket:
    """What a ticket says.

    Attributes:
        secret: the pre-shared key; its size is that of the digests of its hash.
        created_utc_seconds: when it was made.
        until_utc_seconds: end of what all of it rests on, whatever has been resumed in between.
        server_name: that the client asked for, b"" for none.
        alpn: protocol of the connection, b"" for none.
        client_key: (kind, bytes) of the client's certificate, or None.
        psk_identity: of the client's external key, or None.
    """

    def __init__(
        self, secret, created, until, server_name=b"", alpn=b"", client_key=None, psk_identity=None
    ):
        self.secret = secret
        self.created_utc_seconds = created
        self.until_utc_seconds = until
        self.server_name = server_name
        self.alpn = alpn
        self.client_key = client_key
        self.psk_identity = psk_identity


class _Key:
    """One sealing key: its name, its AEAD, and when it was made."""

    def __init__(self, entropy, utc_seconds):
        suite = suites.find(suites.codes(by_default=True)[0])
        self.name = random_bytes(entropy, _NAME_BYTES)
        self.aead = suite.new_aead(random_bytes(entropy, suite.key_bytes))
        self.made_utc_seconds = utc_seconds


class TicketKeys:
    """The keys that the tickets of a server are sealed with; for any number of connections.

    Args:
        entropy: object with fill(buffer), see entropy.py.
        clock: object with utc_seconds() that knows the time, see clock.py.
        lifetime_s: how long a ticket can be used.
        rotation_s: how long a key seals; at least lifetime_s, which is the default.
        count: how many tickets a client gets after a handshake.

    Raises:
        UsageError: "tickets.no_entropy", "tickets.no_clock", "tickets.clock_policy",
            "tickets.lifetime_s", "tickets.rotation_s", "tickets.count".
    """

    def __init__(self, entropy, clock, lifetime_s=7200, rotation_s=None, count=1):
        if rotation_s is None:
            rotation_s = lifetime_s
        _require(entropy is not None, "tickets.no_entropy")
        _require(clock is not None, "tickets.no_clock")
        # One that stands still, or shows nothing, would let tickets and keys live for ever.
        _require(getattr(clock, "policy", REQUIRE) == REQUIRE, "tickets.clock_policy")
        _require(0 < lifetime_s <= LIFETIME_LIMIT_S, "tickets.lifetime_s")
        # So that two keys are enough: when a key has sealed for so long, the one before it has
        # no ticket left to open.
        _require(rotation_s >= lifetime_s, "tickets.rotation_s")
        _require(0 < count <= _COUNT_MAX, "tickets.count")
        self._entropy = entropy
        self._clock = clock
        self._rotation_s = rotation_s
        self._keys = ()  # the newest first
        self.lifetime_s = lifetime_s
        self.count = count

    def now(self) -> int:
        """Return the time by the clock of the tickets."""
        return self._clock.utc_seconds()

    def random(self, size) -> bytes:
        """Return so many random bytes."""
        return random_bytes(self._entropy, size)

    def lifetime_of(self, ticket) -> int:
        """Return how many seconds a new ticket will be good for, 0 if it is none any more."""
        left = ticket.until_utc_seconds - ticket.created_utc_seconds
        return max(0, min(self.lifetime_s, left))

    def seal(self, ticket) -> bytes:
        """Return a Ticket as the client gets it."""
        key = self._sealing_key(self.now())
        start = _NAME_BYTES + _NONCE_BYTES
        buffer = bytearray(sealed_bytes(ticket))
        nonce = self.random(_NONCE_BYTES)
        buffer[:_NAME_BYTES] = key.name
        buffer[_NAME_BYTES:start] = nonce
        end = len(buffer) - _TAG_BYTES
        _write(Writer(buffer, start, end), ticket)
        key.aead.seal(nonce, key.name, buffer, start, end)
        return bytes(buffer)

    def open(self, sealed):
        """Return the Ticket of what a client sent, None if it is not ours or over.

        Args:
            sealed: bytes-like; it stays as it is.
        """
        now = self.now()
        start = _NAME_BYTES + _NONCE_BYTES
        key = self._opening_key(bytes(sealed[:_NAME_BYTES]), now)
        if key is None or len(sealed) < start + _TAG_BYTES:
            return None
        buffer = bytearray(sealed)
        nonce = bytes(buffer[_NAME_BYTES:start])
        if not key.aead.open(nonce, key.name, buffer, start, len(buffer)):
            return None
        ticket = _read(buffer, start, len(buffer) - _TAG_BYTES)
        age_s = now - ticket.created_utc_seconds
        # A clock that shows less than when the ticket was made is not to be believed.
        if not 0 <= age_s < self.lifetime_s or now > ticket.until_utc_seconds:
            return None
        return ticket

    def _sealing_key(self, now):
        newest = self._keys[:1]
        if not newest or not 0 <= now - newest[0].made_utc_seconds < self._rotation_s:
            self._keys = (_Key(self._entropy, now),) + newest
        return self._keys[0]

    def _opening_key(self, name, now):
        limit = self._rotation_s + self.lifetime_s
        self._keys = tuple([key for key in self._keys if now - key.made_utc_seconds < limit])
        for key in self._keys:
            if key.name == name:
                return key
        return None


def random_bytes(entropy, size) -> bytes:
    """Return so many bytes of a source of randomness."""
    buffer = bytearray(size)
    entropy.fill(buffer)
    return bytes(buffer)


def write_new_session_ticket(writer, lifetime_s, age_add, nonce, sealed):
    """Write a NewSessionTicket without extensions (RFC 8446 §4.6.1).

    Args:
        age_add: ticket_age_add, four bytes.
        nonce: ticket_nonce, unlike that of any other ticket of the connection.
    """
    writer.u8(_NEW_SESSION_TICKET)
    message = writer.open(3)
    writer.raw(lifetime_s.to_bytes(4, "big"))
    writer.raw(age_add)
    writer.vector8(nonce)
    writer.vector16(sealed)
    writer.u16(0)  # without early_data: none is accepted
    writer.close(message, 3)


def new_session_ticket_bytes(nonce, size) -> int:
    """Return the size of what `write_new_session_ticket` writes of a ticket of `size` bytes."""
    return 4 + 4 + 4 + 1 + len(nonce) + 2 + size + 2


def sealed_bytes(ticket) -> int:
    """Return the size of a Ticket when sealed."""
    size = _FIXED_BYTES + len(ticket.secret) + len(ticket.server_name) + len(ticket.alpn)
    if ticket.client_key is not None:
        size += len(ticket.client_key[1])
    size += len(ticket.psk_identity or b"")
    return _NAME_BYTES + _NONCE_BYTES + size + _TAG_BYTES


def _require(condition, reason):
    if not condition:
        raise UsageError(reason)


def _write(writer, ticket):
    kind, public_key = ticket.client_key or (0, b"")
    writer.vector8(ticket.secret)
    writer.raw(ticket.created_utc_seconds.to_bytes(8, "big"))
    writer.raw(ticket.until_utc_seconds.to_bytes(8, "big"))
    writer.u8(kind)
    writer.vector16(public_key)
    writer.vector8(ticket.server_name)
    writer.vector8(ticket.alpn)
    writer.vector16(ticket.psk_identity or b"")  # no identity is empty


def _read(buffer, start, end):
    """Return the Ticket in a part of a buffer; it was found to be sealed by us."""
    reader = Reader(buffer, "ticket", start, end)
    secret = bytes(reader.vector8().rest())
    created = int.from_bytes(reader.take(8), "big")
    until = int.from_bytes(reader.take(8), "big")
    kind = reader.u8()
    public_key = bytes(reader.vector16().rest())
    server_name = bytes(reader.vector8().rest())
    alpn = bytes(reader.vector8().rest())
    identity = bytes(reader.vector16().rest()) or None
    return Ticket(
        secret, created, until, server_name, alpn, (kind, public_key) if kind else None, identity
    )
