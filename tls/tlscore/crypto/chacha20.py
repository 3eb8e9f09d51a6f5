"""The ChaCha20 stream cipher (RFC 8439 §2.4), several blocks at once in big integers.

Theory of operation. Each of the four rows of the state is one integer. A word occupies the low
half of a 64-bit lane; the four words of a row lie side by side, and the rows of consecutive blocks
follow each other every 256 bits. One addition, XOR or shift of such an integer then serves all
columns of all blocks. Carries and shifted-out bits collect in the upper halves of the lanes,
where they reach no other lane before the next mask clears them: a row that only ever receives
sums gains a bit every second time, less than 40 bits in 20 rounds.

Words in two small integers of 16 bits each would serve a 32-bit board as well (better for single
blocks, worse for long texts) with three times the code, and be ten times slower on a wide machine.
The sequence of operations is fixed; only the length of an integer whose top words happen to be
zero varies.
"""

import struct
import sys

from tlscore.compat import const

# The words of a row: the low half of every lane.
_WORDS = const(0x00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF)
# The same words after the first step of closing the gaps: two by two.
_PAIRS = const(0x0000000000000000FFFFFFFFFFFFFFFF0000000000000000FFFFFFFFFFFFFFFF)
# How many blocks to work on at once. Eight integers of 32 bytes per block are alive together: a
# machine of 32 bits is taken to have little room.
_BATCH_BLOCKS = 16 if sys.maxsize > 0x7FFFFFFF else 4


class ChaCha20:
    """One ChaCha20 key.

    Args:
        key: 32 bytes.

    Raises:
        ValueError: "chacha20.key_size".
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("chacha20.key_size")
        self._key = bytes(key)

    def xor_key_stream(
        self, counter: int, nonce: bytes, buffer: bytearray, start: int, end: int
    ) -> None:
        """XOR `buffer[start:end]` in place with the key stream that begins at block `counter`.

        Args:
            nonce: 12 bytes.
        """
        while start < end:
            count = min(_BATCH_BLOCKS, (end - start + 63) >> 6)
            key_stream = _blocks(self._key, counter, nonce, count)
            stop = start + 64 * count
            if stop > end:
                key_stream = key_stream[: end - start]
                stop = end
            mixed = int.from_bytes(key_stream, "little")
            mixed ^= int.from_bytes(buffer[start:stop], "little")
            buffer[start:stop] = mixed.to_bytes(stop - start, "little")
            start = stop
            counter += count


def _row(data: bytes) -> int:
    """Spread four little-endian words over four lanes."""
    w0, w1, w2, w3 = struct.unpack("<4I", data)
    return w0 | w1 << 64 | w2 << 128 | w3 << 192


def _blocks(key: bytes, counter: int, nonce: bytes, count: int) -> bytearray:
    """Return `count` consecutive blocks of key stream."""
    each_block = 0
    numbers = 0
    for i in range(count):
        each_block |= 1 << (256 * i)
        numbers |= ((counter + i) & 0xFFFFFFFF) << (256 * i)
    rows = (
        _row(b"expand 32-byte k") * each_block,
        _row(key[:16]) * each_block,
        _row(key[16:]) * each_block,
        _row(bytes(4) + bytes(nonce)) * each_block | numbers,
    )
    a, b, c, d = _rounds(rows, each_block)
    upper = _pack(a, each_block) | _pack(b, each_block) << 128
    lower = _pack(c, each_block) | _pack(d, each_block) << 128
    upper_bytes = upper.to_bytes(32 * count, "little")
    lower_bytes = lower.to_bytes(32 * count, "little")
    key_stream = bytearray(64 * count)
    for i in range(0, 32 * count, 32):
        key_stream[2 * i : 2 * i + 32] = upper_bytes[i : i + 32]
        key_stream[2 * i + 32 : 2 * i + 64] = lower_bytes[i : i + 32]
    return key_stream


def _rounds(rows: tuple, each_block: int) -> tuple:
    """Return the rows after 20 rounds and the final addition, upper halves of lanes undefined."""
    words = each_block * _WORDS
    lane0 = each_block * 0xFFFFFFFF
    lanes01 = each_block * (_WORDS >> 128)
    lanes012 = each_block * (_WORDS >> 64)
    lanes123 = lanes012 << 64
    a, b, c, d = rows
    for i in range(20):
        a += b
        d = (d ^ a) & words
        d <<= 16
        d = (d | d >> 32) & words
        c += d
        b = (b ^ c) & words
        b <<= 12
        b = (b | b >> 32) & words
        a += b
        d = (d ^ a) & words
        d <<= 8
        d = (d | d >> 32) & words
        c += d
        b = (b ^ c) & words
        b <<= 7
        b = (b | b >> 32) & words
        # Even rounds work on columns, odd ones on diagonals: turn the rows there and back.
        c = c >> 128 & lanes01 | (c & lanes01) << 128
        left = b if i & 1 else d
        right = d if i & 1 else b
        left = left << 64 & lanes123 | left >> 192 & lane0
        right = right >> 64 & lanes012 | (right & lane0) << 192
        b = left if i & 1 else right
        d = right if i & 1 else left
    return a + rows[0], b + rows[1], c + rows[2], d + rows[3]


def _pack(row: int, each_block: int) -> int:
    """Close the gaps between the four words of every block: 128 bits at the foot of each 256."""
    row &= each_block * _WORDS
    row = (row | row >> 32) & (each_block * _PAIRS)
    return (row | row >> 64) & (each_block * 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF)
