"""X25519 by the kernel `ladder`, which says how it works and what it costs.

RAM: 64 bytes for the call, 332 bytes of stack.
"""

from tlscore.compat import const
from tlscore.crypto.thumb.ladder import TABLE, ladder

_TOP_BIT = const(254)
_BASE = const(512 + 31)
_ORDER = const((1 << 252) + 27742317777372353535851937790883648493)  # of the base point
# Two steps of the ladder: numerator times denominator of 3 times a point with words of ones.
_KNOWN_OPERANDS = b"\x03" + bytes(31) + b"\xff\xff\xff\xff\x00\x00\x00\x01" * 4
_TWO_STEPS = const(257)
# One column of digits of a multiple of the base point, undivided as well.
_KNOWN_DIGITS = b"U" * 32 + bytes(32)
_ONE_COLUMN = const(512 + 256)
_KNOWN_MULTIPLE = (
    b"\x0d\xba\x5a\xb0\x86\x71\x29\xee\x40\x58\xdb\x5e\xce\x39\xed\x6d"
    b"\xa8\xb5\x53\x08\x44\xa3\xba\xa2\xd9\xda\x61\xdd\x97\xae\xaf\x64"
)
_KNOWN_ANSWER = (
    b"\x0c\x5e\xaf\x0a\x88\x18\xc0\x11\x1a\xf7\x1d\x18\x5c\x3a\x21\xd5"
    b"\x27\x6c\xa8\x09\x41\x72\xf8\x23\x9a\xab\x8f\x22\x5a\xdc\x37\x28"
)


def multiply(scalar: bytearray, u: bytes) -> bytes:
    """Return the u-coordinate of the product, 32 bytes.

    Args:
        scalar: 32 bytes, clamped.
        u: 32 bytes; the top bit is ignored.
    """
    buffer = bytearray(64)
    buffer[:32] = scalar
    buffer[32:] = u
    ladder(buffer, _TOP_BIT, TABLE)
    return bytes(buffer[:32])


def multiply_base(scalar: bytearray) -> bytes:
    """Return the u-coordinate of the base point times a clamped scalar."""
    k = int.from_bytes(scalar, "little") >> 3
    k += (_ORDER, 0)[k & 1]  # digits of +1 and -1 make odd numbers only
    buffer = bytearray(64)
    buffer[:32] = (k >> 1).to_bytes(32, "little")
    buffer[31] |= 128
    ladder(buffer, _BASE, TABLE)
    return bytes(buffer[:32])


def passes() -> bool:
    """Known-answer test: every field operation, with operands that carry, and both walks."""
    buffer = bytearray(_KNOWN_OPERANDS)
    ladder(buffer, _TWO_STEPS, TABLE)
    if buffer[:32] != _KNOWN_ANSWER:
        return False
    buffer = bytearray(_KNOWN_DIGITS)
    ladder(buffer, _ONE_COLUMN, TABLE)
    return buffer[:32] == _KNOWN_MULTIPLE
