"""ChaCha20 (RFC 8439 §2.4) in viper, a block at a time in sixteen machine words.

RAM: 128 bytes for a key.
"""

import micropython

from tlscore.crypto import chacha20_poly1305

# RFC 8439 §2.3.
_CONSTANTS = b"expand 32-byte k"


class ChaCha20:
    """One ChaCha20 key; used as that of `tlscore.crypto.chacha20` is.

    Args:
        key: 32 bytes.

    Raises:
        ValueError: "chacha20.key_size".
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("chacha20.key_size")
        self._state = state = bytearray(64)
        state[:16] = _CONSTANTS
        state[16:48] = key
        self._block = bytearray(64)

    def xor_key_stream(
        self, counter: int, nonce: bytes, buffer: bytearray, start: int, end: int
    ) -> None:
        """XOR `buffer[start:end]` in place with the key stream that begins at block `counter`."""
        # The code below knows no sizes: nothing it is not told may be beyond the buffer.
        if len(nonce) != 12 or not 0 <= start <= end <= len(buffer):
            raise ValueError("chacha20.range")
        state, block = self._state, self._block
        state[48:52] = counter.to_bytes(4, "little")
        state[52:] = nonce
        _stream(state, block, block, buffer, start, end)


@micropython.viper
def _stream(state: ptr32, block: ptr32, octets: ptr8, buffer: ptr8, start: int, end: int):
    """XOR the key stream in; `octets` is `block` again, for its bytes."""
    mask = uint(0xFFFF)
    mask = mask << 16 | mask
    while start < end:
        for i in range(16):
            block[i] = state[i]
        for i in range(80):
            # Four times columns, four times diagonals, which begin one word further each row.
            column = i & 3
            turned = i >> 2 & 1
            at_a = column
            at_b = 4 + (column + turned & 3)
            at_c = 8 + (column + 2 * turned & 3)
            at_d = 12 + (column + 3 * turned & 3)
            a = uint(block[at_a]) & mask
            b = uint(block[at_b]) & mask
            c = uint(block[at_c]) & mask
            d = uint(block[at_d]) & mask
            a = a + b & mask
            d ^= a
            d = (d << 16 | d >> 16) & mask
            c = c + d & mask
            b ^= c
            b = (b << 12 | b >> 20) & mask
            a = a + b & mask
            d ^= a
            d = (d << 8 | d >> 24) & mask
            c = c + d & mask
            b ^= c
            b = (b << 7 | b >> 25) & mask
            block[at_a] = int(a)
            block[at_b] = int(b)
            block[at_c] = int(c)
            block[at_d] = int(d)
        for i in range(16):
            block[i] = block[i] + state[i]
        state[12] = state[12] + 1
        i = 0
        while i < 64 and start < end:
            buffer[start] = buffer[start] ^ octets[i]
            start += 1
            i += 1


def passes() -> bool:
    """Known-answer test."""
    return chacha20_poly1305.chacha20_passes(ChaCha20)
