"""Poly1305 (RFC 8439 §2.5) in viper: ten digits of 13 bits.

A product of two digits has 26 bits, and ten of them with the factor 5 for what is folded at 2^130
fit 32 bits if the sum is carried half-way: five times 5 * 8,191 * (2 * 8,191 + 2^7) < 2^32. Digits
of the sum stay below 2^13 + 2^7 from block to block.

RAM: 180 bytes and s for a message.
"""

import micropython

from tlscore.crypto import chacha20_poly1305

_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


class Poly1305:
    """A one-time authenticator; used as that of `tlscore.crypto.poly1305` is.

    Args:
        key: 32 bytes, r and s.

    Raises:
        ValueError: "poly1305.key_size".
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("poly1305.key_size")
        r = int.from_bytes(key[:16], "little") & _CLAMP
        # Words: the digits of r times 5, of r, of the sum, and of what is made of them.
        self._digits = digits = bytearray(160)
        for i in range(10):
            digit = r >> 13 * i & 0x1FFF
            digits[4 * i : 4 * i + 4] = (5 * digit).to_bytes(4, "little")
            digits[4 * i + 40 : 4 * i + 44] = digit.to_bytes(4, "little")
        self._block = bytearray(18)
        self._s = int.from_bytes(key[16:], "little")

    def update(self, buffer: bytes, start: int, end: int, fill: bool = False) -> None:
        """Take in `buffer[start:end]`; `fill` completes the last block with zeros."""
        # The code below knows no sizes: nothing it is not told may be beyond the buffer.
        if not 0 <= start <= end <= len(buffer):
            raise ValueError("poly1305.range")
        _absorb(self._digits, self._block, buffer, start, end, 1 if fill else 0)

    def digest(self) -> bytes:
        """Return the tag, 16 bytes."""
        total = self._s
        digits = self._digits
        number = 0
        for i in range(10):
            number += int.from_bytes(digits[80 + 4 * i : 84 + 4 * i], "little") << 13 * i
        total += number % _PRIME
        return (total & ((1 << 128) - 1)).to_bytes(16, "little")


@micropython.viper
def _absorb(digits: ptr32, block: ptr8, buffer: ptr8, start: int, end: int, fill: int):
    while start < end:
        for i in range(18):
            block[i] = 0
        i = 0
        while i < 16 and start < end:
            block[i] = buffer[start]
            start += 1
            i += 1
        if fill:
            i = 16
        block[i] = 1
        # The block's digits to the sum's: 13 bits from the bytes they lie in.
        for i in range(10):
            bit = 13 * i
            at = bit >> 3
            three = block[at]
            if at < 17:
                three |= block[at + 1] << 8
            if at < 16:
                three |= block[at + 2] << 16
            digits[20 + i] = digits[20 + i] + (three >> (bit & 7) & 0x1FFF)
        carry = uint(0)
        for i in range(10):
            at = 10 + i
            low = carry
            for j in range(5):
                low += uint(digits[20 + j] * digits[at - j])
            high = low >> 13
            low = low & 0x1FFF
            for j in range(5, 10):
                low += uint(digits[20 + j] * digits[at - j])
            digits[30 + i] = int(low & 0x1FFF)
            carry = high + (low >> 13)
        carry = carry * 5 + uint(digits[30])
        digits[30] = int(carry & 0x1FFF)
        digits[31] = digits[31] + int(carry >> 13)
        for i in range(10):
            digits[20 + i] = digits[30 + i]


def passes() -> bool:
    """Known-answer test."""
    return chacha20_poly1305.poly1305_passes(Poly1305)
