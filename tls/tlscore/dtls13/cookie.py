"""The cookie of a HelloRetryRequest for which a server keeps nothing (RFC 9147 §5.1).

It says what would have to be remembered of the first ClientHello and of the answer to it, and an
HMAC with the client's address and the minute binds it: who returns it receives at that address. Its
key changes every minute, without a trace: cookies of the minute before are still good.

The form: cipher suite (2 bytes), group (2), whether the HelloRetryRequest names it (1), fingerprint
of what the second ClientHello must repeat (32), hash of the first one (32 or 48), HMAC-SHA256 (32).
"""

from tlscore import server_hello
from tlscore.compat import const
from tlscore.crypto.hashes import SHA256
from tlscore.crypto.hmac import equal, hmac
from tlscore.dtls import fragments
from tlscore.dtls.record import put_header
from tlscore.dtls13.hello import finish_server_hello
from tlscore.dtls13.record import PLAIN_HEADER_BYTES
from tlscore.errors import PeerMisbehaved
from tlscore.wire import Reader, Writer

# A HelloRetryRequest in its datagram, with the longest cookie.
REQUEST_BYTES_MAX = 256

_PURPOSE = b"tlscore DTLS 1.3 HelloRetryRequest cookie"
_LIFETIME_MS = const(60000)
_MAC_BYTES = const(32)
_FINGERPRINT_BYTES = const(32)
_START_BYTES = const(2 + 2 + 1 + 32)
_EXT_COOKIE = const(44)
_HANDSHAKE = const(22)
_ALERT = const(21)
_FATAL = const(2)
_CLIENT_HELLO = const(1)
_MESSAGE_HASH = const(254)


class Told:
    """What a cookie says.

    Attributes:
        suite: number of the cipher suite.
        group: of the key exchange, or None.
        names_group: the HelloRetryRequest asks for a share of it.
        fingerprint: of the ClientHello, below 2^256 (client_hello_parser.fingerprint).
        digest: of the first ClientHello.
    """

    def __init__(self, suite, group, names_group, fingerprint, digest):
        self.suite = suite
        self.group = group
        self.names_group = names_group
        self.fingerprint = fingerprint
        self.digest = digest

    def to_bytes(self) -> bytes:
        """Return all that as bytes."""
        group = self.group or 0
        start = (
            self.suite >> 8,
            self.suite & 0xFF,
            group >> 8,
            group & 0xFF,
            int(self.names_group),
        )
        return bytes(start) + self.fingerprint.to_bytes(_FINGERPRINT_BYTES, "big") + self.digest

    def message_hash(self) -> bytes:
        """Return the message that stands for the first ClientHello (RFC 8446 §4.4.1)."""
        return bytes((_MESSAGE_HASH, 0, 0, len(self.digest))) + self.digest


def make(key, address, told, now_ms) -> bytes:
    """Return the cookie for a client.

    Args:
        key: of the configuration, known to nobody else.
        address: canonical bytes (../dtls/address.py).
        told: Told.
        now_ms: by the clock of the configuration.
    """
    said = told.to_bytes()
    return said + _mac(key, address, said, now_ms // _LIFETIME_MS)


def _mac(key, address, said, period):
    length = bytes((len(address) >> 8, len(address) & 0xFF))
    of_now = hmac(SHA256, key, _PURPOSE, (period & 0xFFFFFFFF).to_bytes(4, "big"))
    return hmac(SHA256, of_now, length, address, said)


def read(key, address, cookie, now_ms):
    """Return the Told of a cookie, None if it was not made for that address, or too long ago."""
    digest_bytes = len(cookie) - _START_BYTES - _MAC_BYTES
    if digest_bytes not in (32, 48):
        return None
    said, mac = bytes(cookie[:-_MAC_BYTES]), cookie[-_MAC_BYTES:]
    period = now_ms // _LIFETIME_MS
    if not equal(_mac(key, address, said, period), mac):
        if not equal(_mac(key, address, said, period - 1), mac):
            return None
    group = said[2] << 8 | said[3]
    fingerprint = int.from_bytes(said[5:_START_BYTES], "big")
    digest = said[_START_BYTES:]
    return Told(said[0] << 8 | said[1], group or None, bool(said[4]), fingerprint, digest)


def retry_request(told, cookie) -> bytes:
    """Return the HelloRetryRequest with a cookie, with its header of TLS."""
    buffer = bytearray(REQUEST_BYTES_MAX)
    writer = Writer(buffer, 0, len(buffer))
    group = told.group if told.names_group else None
    server_hello.write_server_hello(writer, None, b"", told.suite, group, None, cookie)
    finish_server_hello(writer, 0, None)
    return bytes(buffer[: writer.position])


class FirstFragment:
    """The first fragment of a ClientHello.

    Attributes:
        record: number of its record.
        number: of the message.
        message: memoryview of the message as far as it goes, with its header of TLS.
        is_whole: that is all of it.
        random: 32 bytes.
    """

    def __init__(self, record, number, message, is_whole):
        self.record = record
        self.number = number
        self.message = message
        self.is_whole = is_whole
        self.random = bytes(message[6:38])

    def cookie(self):
        """Return the cookie (memoryview), None if there is none, or none so far."""
        try:
            return _cookie_of(self.message[4:])
        except PeerMisbehaved:
            return None


def _cookie_of(body):
    reader = Reader(body, "client_hello", 34)
    reader.vector8()
    reader.vector8()
    reader.vector16()
    reader.vector8()
    reader.u16()
    while reader.remaining():
        extension = reader.u16()
        content = reader.vector16()
        if extension == _EXT_COOKIE:
            return content.vector16().rest()
    return None


def first_fragment(datagram):
    """Return the FirstFragment that a datagram begins with, None if it begins with another thing.

    Args:
        datagram: memoryview.
    """
    at = PLAIN_HEADER_BYTES + fragments.HEADER_BYTES
    if len(datagram) < at + 34:
        return None
    # Of epoch 0 and at the start of a ClientHello.
    if datagram[0] != _HANDSHAKE or datagram[1] != 0xFE or datagram[3] or datagram[4]:
        return None
    piece = datagram[PLAIN_HEADER_BYTES:]
    if piece[0] != _CLIENT_HELLO or fragments.offset_of(piece):
        return None
    size = fragments.size_at(piece, 0)
    if size < 34 or at + size > len(datagram):
        return None
    record = int.from_bytes(bytes(datagram[5:11]), "big")
    message = memoryview(bytes(piece[:4]) + bytes(datagram[at : at + size]))
    return FirstFragment(
        record, fragments.number_of(piece), message, size == fragments.length_of(piece)
    )


def write_request(buffer, first, message) -> int:
    """Write the datagram of a HelloRetryRequest; return its size.

    Its record has the number of the client's, so nothing is counted.
    """
    size = fragments.HEADER_BYTES + len(message) - 4
    put_header(buffer, 0, _HANDSHAKE, 0, first.record, size)
    at = PLAIN_HEADER_BYTES
    length = bytes(message[1:4])
    buffer[at : at + 12] = bytes(message[:4]) + bytes(5) + length
    buffer[at + 12 : at + size] = message[4:]
    return at + size


def write_alert(buffer, first, code) -> int:
    """Write the datagram of an alert, as `write_request` does."""
    put_header(buffer, 0, _ALERT, 0, first.record, 2)
    at = PLAIN_HEADER_BYTES
    buffer[at] = _FATAL
    buffer[at + 1] = code
    return at + 2
