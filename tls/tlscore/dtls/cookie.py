"""The cookie of a HelloVerifyRequest (RFC 6347 §4.2.1): who returns it receives at its address.

A server keeps nothing of a client before that. The cookie is an HMAC of the canonical address, of
the random and of the session id of the ClientHello; the first fragment of a ClientHello has all of
that, so one in fragments needs no memory either. Its key changes every minute, without a trace:
it is made of the configuration's and of the time, and cookies of the minute before are still good.
"""

from tlscore.compat import const
from tlscore.crypto.hashes import SHA256
from tlscore.crypto.hmac import equal, hmac
from tlscore.dtls import fragments
from tlscore.dtls.record import HEADER_BYTES, put_header

COOKIE_BYTES = 32
REQUEST_BYTES = 13 + 12 + 3 + 32

_PURPOSE = b"tlscore HelloVerifyRequest cookie"
_LIFETIME_MS = const(60000)
_HANDSHAKE = const(22)
_CLIENT_HELLO = const(1)
_HELLO_VERIFY_REQUEST = const(3)
# §4.2.1: "DTLS 1.2 server implementations SHOULD use DTLS version 1.0" in it.
_DTLS_1_0 = const(0xFEFF)


class FirstFragment:
    """The first fragment of a ClientHello, with what a cookie is made of.

    Attributes:
        random: 32 bytes.
        said: random and session id, memoryview.
        cookie: memoryview.
    """

    def __init__(self, random, said, cookie):
        self.random = random
        self.said = said
        self.cookie = cookie


def first_fragment(datagram):
    """Return the FirstFragment that a datagram begins with, None if it begins with another thing.

    Args:
        datagram: memoryview.
    """
    at = HEADER_BYTES + fragments.HEADER_BYTES
    if len(datagram) < at + 2 + 32 + 2:
        return None
    # Of epoch 0 and at the start of a ClientHello.
    if datagram[0] != _HANDSHAKE or datagram[1] != 0xFE or datagram[3] or datagram[4]:
        return None
    piece = datagram[HEADER_BYTES:]
    if piece[0] != _CLIENT_HELLO or fragments.offset_of(piece):
        return None
    end = at + fragments.size_at(piece, 0)
    if end > len(datagram):
        return None
    random_at = at + 2
    cookie_at = random_at + 33 + datagram[random_at + 32]
    if cookie_at >= end or cookie_at + 1 + datagram[cookie_at] > end:
        return None
    cookie = datagram[cookie_at + 1 : cookie_at + 1 + datagram[cookie_at]]
    random = bytes(datagram[random_at : random_at + 32])
    return FirstFragment(random, datagram[random_at:cookie_at], cookie)


def make(key, address, said, now_ms, age=0) -> bytes:
    """Return the cookie for a client.

    Args:
        key: of the configuration, known to nobody else.
        address: canonical bytes (address.py).
        said: FirstFragment.said.
        age: 1 for the cookie as it was in the minute before.
    """
    period = now_ms // _LIFETIME_MS - age
    length = bytes((len(address) >> 8, len(address) & 0xFF))
    of_now = hmac(SHA256, key, _PURPOSE, (period & 0xFFFFFFFF).to_bytes(4, "big"))
    return hmac(SHA256, of_now, length, address, said)


def is_good(key, address, hello, now_ms) -> bool:
    """Tell whether a FirstFragment has the cookie that its client was given."""
    if len(hello.cookie) != COOKIE_BYTES:
        return False
    for age in (0, 1):
        if equal(make(key, address, hello.said, now_ms, age), hello.cookie):
            return True
    return False


def write_request(buffer, datagram, cookie) -> int:
    """Write a HelloVerifyRequest in answer to a datagram; return its size, REQUEST_BYTES.

    §4.2.1: its record has the number of the client's, and its message too, so nothing is counted.
    """
    body = 3 + len(cookie)
    size = fragments.HEADER_BYTES + body
    number = int.from_bytes(bytes(datagram[7:11]), "big")
    put_header(buffer, 0, _HANDSHAKE, 0, number, size, b"", _DTLS_1_0)
    at = HEADER_BYTES
    length = bytes((0, 0, body))
    message = bytes((_HELLO_VERIFY_REQUEST,)) + length + bytes(datagram[at + 4 : at + 6])
    message += bytes(3) + length + b"\xfe\xff" + bytes((len(cookie),)) + cookie
    buffer[at : at + len(message)] = message
    return at + len(message)
