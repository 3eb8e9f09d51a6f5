"""GHASH (NIST SP 800-38D §6.3, §6.4) in viper, bit by bit: no table, the same steps for all data.

The sum and H are four machine words of 32 bits each, the block's first bit on top of the first.

RAM: 32 bytes for a key.
"""

import struct

import micropython

from tlscore.crypto import selftest


class Ghash:
    """A running GHASH; used as that of `tlscore.crypto.ghash` is.

    Args:
        h: the hash subkey H, 16 bytes.
    """

    def __init__(self, h: bytes) -> None:
        self._words = bytearray(16) + struct.pack("4I", *struct.unpack(">4I", h))

    def restart(self) -> None:
        """Begin a new message under the same H."""
        self._words[:16] = bytes(16)

    def update(self, buffer: bytes, start: int, end: int) -> None:
        """Take in `buffer[start:end]`, the last block filled up with zeros."""
        # The code below knows no sizes: nothing it is not told may be beyond the buffer.
        if not 0 <= start <= end <= len(buffer):
            raise ValueError("ghash.range")
        _absorb(self._words, buffer, start, end)

    def digest(self) -> bytes:
        """Return the 16 bytes of the sum so far."""
        return struct.pack(">4I", *struct.unpack("4I", self._words[:16]))


@micropython.viper
def _absorb(words: ptr32, buffer: ptr8, start: int, end: int):
    mask = uint(0xFFFF)
    mask = mask << 16 | mask
    zero = uint(0)
    folded = uint(0xE1) << 24
    while start < end:
        for i in range(4):
            word = 0
            for _ in range(4):
                word <<= 8
                if start < end:
                    word |= buffer[start]
                start += 1
            words[i] = words[i] ^ word
        z0 = zero
        z1 = zero
        z2 = zero
        z3 = zero
        v0 = uint(words[4]) & mask
        v1 = uint(words[5]) & mask
        v2 = uint(words[6]) & mask
        v3 = uint(words[7]) & mask
        for i in range(4):
            x = uint(words[i])
            for _ in range(32):
                taken = zero - (x >> 31 & 1)
                x <<= 1
                z0 ^= v0 & taken
                z1 ^= v1 & taken
                z2 ^= v2 & taken
                z3 ^= v3 & taken
                taken = zero - (v3 & 1)
                v3 = (v3 >> 1 | v2 << 31) & mask
                v2 = (v2 >> 1 | v1 << 31) & mask
                v1 = (v1 >> 1 | v0 << 31) & mask
                v0 = v0 >> 1 ^ folded & taken
        words[0] = int(z0)
        words[1] = int(z1)
        words[2] = int(z2)
        words[3] = int(z3)


def passes() -> bool:
    """Known-answer test."""
    return selftest.ghash_passes(Ghash)
