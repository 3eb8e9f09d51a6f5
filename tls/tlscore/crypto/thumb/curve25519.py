"""X25519 by the kernel `ladder`, which says how it works and what it costs.

RAM: 64 bytes for the call, 324 bytes of stack.
"""

from tlscore.compat import const
from tlscore.crypto.thumb.ladder import ladder

_TOP_BIT = const(254)
# 3 times the point 2^255 - 1: two steps of the ladder, the whole inversion.
_KNOWN_SCALAR = b"\x03" + bytes(31)
_KNOWN_POINT = b"\xff" * 32
_KNOWN_ANSWER = (
    b"\xf4\xd9\x01\x01\x8b\x5f\xbd\x4f\x48\xa9\x9a\xba\x36\x14\x8d\x90"
    b"\x43\x25\x0a\xe6\xc5\x35\x7c\x36\x00\xec\xe7\x3b\x14\x21\x5b\x0d"
)


def multiply(scalar: bytearray, u: bytes, top_bit: int = _TOP_BIT) -> bytes:
    """Return the u-coordinate of the product, 32 bytes.

    Args:
        scalar: 32 bytes, clamped.
        u: 32 bytes; the top bit is ignored.
    """
    buffer = bytearray(64)
    buffer[:32] = scalar
    buffer[32:] = u
    ladder(buffer, top_bit)
    return bytes(buffer[:32])


def passes(backend=multiply) -> bool:
    """Known-answer test: all of the kernel, with operands that carry, in a tenth of its time."""
    return backend(_KNOWN_SCALAR, _KNOWN_POINT, 1) == _KNOWN_ANSWER
