"""SHA-256 and HMAC with it by the kernel `sha256_machine`, which says how that works and costs.

What is hashed so far is bytes: 100 for a hash, 164 for a key. So a digest can be taken at any
moment and more be added, an object can be copied, and the pads of a key are hashed once.
"""

from tlscore.compat import const
from tlscore.crypto.hashes import Hash
from tlscore.crypto.thumb.sha256_machine import work

_HASH_BYTES = const(100)
_KEY_BYTES = const(164)
_SIZE = const(32)
_BLOCK_BYTES = const(64)
# What the kernel is told to do.
_START = const(1)
_KEY = const(2)
_INNER = const(4)
_TAKE = const(8)
_DIGEST = const(16)
_OUTER = const(32)
_START_AND_TAKE = const(1 + 8)
_WHOLE = const(1 + 8 + 16)
_HMAC = const(16 + 32)
# A built-in class is found here with fewer instructions than behind all names of this module.
_NOTHING = b""  # what is added to it is bytes, whatever it was
_bytearray = bytearray
# The known-answer test: the digest of 32 octets of ones.
_ASKED = b"\xff" * 32
_KNOWN = (
    b"\xaf\x96\x13\x76\x0f\x72\x63\x5f\xbd\xb4\x4a\x5a\x0a\x63\xc3\x9f"
    b"\x12\xaf\x30\xf9\x50\xa6\xee\x5c\x97\x1b\xe1\x88\xe8\x9c\x40\x51"
)


class Sha256:
    """A running hash.

    Args:
        data: the first part of the message.
    """

    def __init__(self, data: bytes = b"") -> None:
        self._context = _bytearray(_HASH_BYTES)
        work(self._context, data, len(data), _START_AND_TAKE)

    def update(self, data: bytes) -> None:
        """Add bytes to the message."""
        work(self._context, data, len(data), _TAKE)

    def digest(self) -> bytes:
        """Return the hash of the message so far; more of it may follow."""
        digest = _bytearray(_SIZE)
        work(self._context, digest, _SIZE, _DIGEST)
        return _NOTHING + digest

    def copy(self) -> "Sha256":
        """Return a second object that goes on from here by itself."""
        other = Sha256()
        other._context[:] = self._context
        return other


class Key:
    """A key for any number of messages; see `tlscore.crypto.hmac.keyed`."""

    def __init__(self, key: bytes) -> None:
        self._context = _context_of(key)

    def hmac(self, *parts: bytes) -> bytes:
        """Return the HMAC of the concatenated parts, 32 bytes."""
        return _hmac(self._context, parts)

    def forget(self) -> None:
        """Let go of the key: no message follows."""
        self._context = None


class Machine:
    """What `hmac.py` uses of this."""

    Key = Key

    @staticmethod
    def hmac(key: bytes, parts: tuple) -> bytes:
        """Return the HMAC of the concatenated parts under a key that is used once."""
        return _hmac(_context_of(key), parts)


SHA256 = Hash("sha256", _SIZE, _BLOCK_BYTES, Sha256, True, Machine)


def passes() -> bool:
    """Known-answer test: a message of 32 bytes, replaced by its digest."""
    message = _bytearray(_ASKED)
    work(_bytearray(_HASH_BYTES), message, _SIZE, _WHOLE)
    return message == _KNOWN


def _context_of(key: bytes) -> bytearray:
    size = len(key)
    if size > _BLOCK_BYTES:
        key = Sha256(key).digest()
        size = _SIZE
    context = _bytearray(_KEY_BYTES)
    work(context, key, size, _KEY)
    return context


def _joined(parts: tuple) -> bytes:
    try:
        return _NOTHING.join(parts)
    except TypeError:  # MicroPython joins no views
        message = _NOTHING
        for part in parts:
            message += part
        return message


def _hmac(context: bytearray, parts: tuple) -> bytes:
    # A call of the kernel takes more than a copy of what are a few dozen bytes.
    message = parts[0] if len(parts) == 1 else _joined(parts)
    work(context, message, len(message), _INNER + _TAKE)
    work(context, context, _SIZE, _HMAC)  # over the state, which is not needed any more
    return _NOTHING + context[:_SIZE]
