"""Poly1305 (RFC 8439 §2.5) on integers.

The accumulator is multiplied by r and folded at 2^130 = 5 (mod 2^130 - 5), once per block and
without a final comparison, so it may exceed the modulus by a few bits until `digest`.
"""

from tlscore.compat import const

_PRIME = const((1 << 130) - 5)
_LOW_130 = const((1 << 130) - 1)
_CLAMP = const(0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF)
_BIT_128 = const(1 << 128)


class Poly1305:
    """A one-time authenticator: a second message under the same key reveals the key.

    Args:
        key: 32 bytes, r and s.

    Raises:
        ValueError: "poly1305.key_size".
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("poly1305.key_size")
        self._r = int.from_bytes(key[:16], "little") & _CLAMP
        self._s = int.from_bytes(key[16:], "little")
        self._sum = 0

    def update(self, buffer: bytes, start: int, end: int, fill: bool = False) -> None:
        """Take in `buffer[start:end]`.

        Args:
            fill: complete the last block with zeros as AEAD does (RFC 8439 §2.8). Otherwise a
                broken block ends the message and must be the last.
        """
        r = self._r
        total = self._sum
        while start < end:
            stop = start + 16
            if stop > end:
                block = int.from_bytes(buffer[start:end], "little")
                total += block + (_BIT_128 if fill else 1 << (8 * (end - start)))
            else:
                total += int.from_bytes(buffer[start:stop], "little") + _BIT_128
            total *= r
            total = (total & _LOW_130) + (total >> 130) * 5
            start = stop
        self._sum = total

    def digest(self) -> bytes:
        """Return the tag, 16 bytes."""
        total = self._sum % _PRIME + self._s
        return (total & (_BIT_128 - 1)).to_bytes(16, "little")
