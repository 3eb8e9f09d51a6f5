"""X25519 by the kernel `ladder`, which says how it works and what it costs.

RAM: 64 bytes for the call, 324 bytes of stack.
"""

from tlscore.compat import const
from tlscore.crypto.thumb.ladder import ladder

_TOP_BIT = const(254)
# Two steps of the ladder: numerator times denominator of 3 times a point with words of ones.
_KNOWN_SCALAR = b"\x03" + bytes(31)
_KNOWN_POINT = b"\xff\xff\xff\xff\x00\x00\x00\x01" * 4
_TWO_STEPS = const(257)
_KNOWN_ANSWER = (
    b"\x0c\x5e\xaf\x0a\x88\x18\xc0\x11\x1a\xf7\x1d\x18\x5c\x3a\x21\xd5"
    b"\x27\x6c\xa8\x09\x41\x72\xf8\x23\x9a\xab\x8f\x22\x5a\xdc\x37\x28"
)


def multiply(scalar: bytearray, u: bytes, top_bit: int = _TOP_BIT) -> bytes:
    """Return the u-coordinate of the product, 32 bytes.

    Args:
        scalar: 32 bytes, clamped.
        u: 32 bytes; the top bit is ignored.
        top_bit: of the scalar to begin with; see the kernel.
    """
    buffer = bytearray(64)
    buffer[:32] = scalar
    buffer[32:] = u
    ladder(buffer, top_bit)
    return bytes(buffer[:32])


def passes(backend=multiply) -> bool:
    """Known-answer test: every field operation, with operands that carry."""
    return backend(_KNOWN_SCALAR, _KNOWN_POINT, _TWO_STEPS) == _KNOWN_ANSWER
