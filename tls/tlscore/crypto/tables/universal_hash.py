"""GHASH (NIST SP 800-38D §6.4) several blocks at a time, by windows of four bits of H.

Theory of operation. Elements are integers as in `tlscore.crypto.ghash`, bit 127 is the coefficient
of x^0; in a long text several lie side by side in one integer, each in 256 bits. All of them are
multiplied with the same power of H: sixteen multiples of the lot by four bits, a table on the heap,
are shifted and XORed as the power's digits say, most significant digit first. Then all are folded
at once. So the text is n interleaved sums whose step is H^n; at its end they are added up by
Horner's rule in steps of H. Single blocks go the way of `tlscore.crypto.ghash`.

Cost: a product is about 96 operations of integers of n times 256 bits, and half of what such an
operation takes on a small machine is not its digits. A block of a text of 1 KB takes 69,000
instructions of a MIPS-I core with n = 2 and 58,000 with n = 4, instead of 86,000; the table takes
1.3 and 2.4 KB of heap, which decided for 2. CPython is nine times as fast with n = 8.

Timing: the table is looked up by H, the same way for all texts.
"""

import sys

from tlscore.compat import const
from tlscore.crypto import ghash

_BLOCK = const((1 << 128) - 1)
# How many blocks side by side: the longer the integers the more heap, which small machines lack.
_WIDTH = 8 if sys.maxsize > 0x7FFFFFFF else 2
# The low half of every 256 bits.
_LOW_HALVES = _BLOCK * (((1 << 256 * _WIDTH) - 1) // ((1 << 256) - 1))


class Ghash(ghash.Ghash):
    """A running GHASH; used as that of `tlscore.crypto.ghash` is.

    Args:
        h: the hash subkey H, 16 bytes.
    """

    _step = None  # the digits of H^_WIDTH, made when they are first needed

    def update(self, buffer: bytes, start: int, end: int) -> None:
        """Take in `buffer[start:end]`, the last block filled up with zeros."""
        blocks = (end - start + 15) >> 4
        if blocks < 4 * _WIDTH:
            super().update(buffer, start, end)
            return
        # What does not fill the width comes first.
        stop = start + 16 * (blocks % _WIDTH)
        super().update(buffer, start, stop)
        step = self._step = self._step or self._power()
        sums = 0
        earlier = self._sum << 256 * (_WIDTH - 1)
        while stop < end:
            sums = _product(sums, step) ^ earlier ^ _blocks(buffer, stop, end)
            earlier = 0
            stop += 16 * _WIDTH
        total = 0
        for i in range(_WIDTH - 1, -1, -1):
            total = self._multiply(total ^ sums >> 256 * i & _BLOCK)
        self._sum = total

    def _power(self) -> bytes:
        """Return the digits of H^_WIDTH."""
        power = 1 << 127
        for _ in range(_WIDTH):
            power = self._multiply(power)
        return _digits(power)


def _digits(number: int) -> bytes:
    """Return the digits of four bits of an element, most significant first."""
    digits = bytearray(32)
    for i in range(31, -1, -1):
        digits[i] = number & 15
        number >>= 4
    return bytes(digits)


def _blocks(buffer: bytes, start: int, end: int) -> int:
    """Return the next blocks side by side, the first on top."""
    blocks = 0
    stop = start + 16 * _WIDTH
    while start < stop:
        block = int.from_bytes(buffer[start : min(start + 16, end)], "big")
        if start + 16 > end:
            block <<= 8 * (start + 16 - end)
        blocks = blocks << 256 | block
        start += 16
    return blocks


def _product(blocks: int, digits: bytes) -> int:
    """Return each of the blocks times the number of the digits."""
    double = blocks << 1
    table = [0, blocks, double, double ^ blocks]
    for i in range(2, 8):
        double = table[i] << 1
        table.append(double)
        table.append(double ^ blocks)
    product = 0
    for digit in digits:
        product = product << 4 ^ table[digit]
    table = double = None  # their room is needed
    # The product of two reversed elements comes out one bit too low. Then its terms of degree 128
    # to 255 are in the low half; what they spill over 255 when folded comes back first.
    product <<= 1
    high = product & _LOW_HALVES
    high ^= (high << 127 ^ high << 126 ^ high << 121) & _LOW_HALVES
    return (product >> 128 ^ high ^ high >> 1 ^ high >> 2 ^ high >> 7) & _LOW_HALVES
