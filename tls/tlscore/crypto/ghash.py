"""GHASH, the universal hash of GCM (NIST SP 800-38D §6.4), by integer multiplication.

Theory of operation. Elements of GF(2^128) are integers with the block's first bit on top, so the
coefficient of x^0 is bit 127. A carry-less product comes out of ordinary multiplication when both
factors are thinned out to every fifth bit: at most 26 bits meet in a place, fewer than the 32 that
would carry into the next bit kept, and a mask removes the rest. Five thinned parts of the block
times five of H make 25 products; those whose places agree are XORed before one mask. H is doubled
beforehand, because the product of two reversed elements comes out one bit too low.

The product then has its terms of degree 128 and above in the low half; with
x^128 = x^7 + x^2 + x + 1 they are folded into the high half twice over.

Why not a table of multiples: the customary 16 entries take 800 bytes of RAM for each direction of
a connection and are looked up by secrets; this takes 260 bytes, runs the same operations whatever
the data, and costs a board about the same.
"""

from tlscore.compat import const

_LOW_HALF = const((1 << 128) - 1)
# Every fifth bit of 260, starting at bit 0.
_EVERY_FIFTH = const(((1 << 260) - 1) // 31)


class Ghash:
    """A running GHASH.

    Args:
        h: the hash subkey H, 16 bytes.
    """

    def __init__(self, h: bytes) -> None:
        doubled = int.from_bytes(h, "big") << 1
        self._h0 = doubled & _EVERY_FIFTH
        self._h1 = doubled & (_EVERY_FIFTH << 1)
        self._h2 = doubled & (_EVERY_FIFTH << 2)
        self._h3 = doubled & (_EVERY_FIFTH << 3)
        self._h4 = doubled & (_EVERY_FIFTH << 4)
        self._sum = 0

    def restart(self) -> None:
        """Begin a new message under the same H."""
        self._sum = 0

    def update(self, buffer: bytes, start: int, end: int) -> None:
        """Take in `buffer[start:end]`, the last block filled up with zeros."""
        while start < end:
            stop = start + 16
            if stop > end:
                block = int.from_bytes(buffer[start:end], "big") << (8 * (stop - end))
            else:
                block = int.from_bytes(buffer[start:stop], "big")
            self._sum = self._multiply(self._sum ^ block)
            start = stop

    def digest(self) -> bytes:
        """Return the 16 bytes of the sum so far."""
        return self._sum.to_bytes(16, "big")

    def _multiply(self, x: int) -> int:
        """Return x times H."""
        h0, h1, h2, h3, h4 = self._h0, self._h1, self._h2, self._h3, self._h4
        m0 = _EVERY_FIFTH
        m1 = m0 << 1
        m2 = m0 << 2
        m3 = m0 << 3
        m4 = m0 << 4
        x0, x1, x2, x3, x4 = x & m0, x & m1, x & m2, x & m3, x & m4
        product = (x0 * h0 ^ x1 * h4 ^ x2 * h3 ^ x3 * h2 ^ x4 * h1) & m0
        product |= (x0 * h1 ^ x1 * h0 ^ x2 * h4 ^ x3 * h3 ^ x4 * h2) & m1
        product |= (x0 * h2 ^ x1 * h1 ^ x2 * h0 ^ x3 * h4 ^ x4 * h3) & m2
        product |= (x0 * h3 ^ x1 * h2 ^ x2 * h1 ^ x3 * h0 ^ x4 * h4) & m3
        product |= (x0 * h4 ^ x1 * h3 ^ x2 * h2 ^ x3 * h1 ^ x4 * h0) & m4
        # The terms of degree 128 to 255; what they spill over 255 when folded comes back first.
        high = product & _LOW_HALF
        high ^= ((high << 127) ^ (high << 126) ^ (high << 121)) & _LOW_HALF
        return (product >> 128) ^ high ^ (high >> 1) ^ (high >> 2) ^ (high >> 7)
