"""AES in viper: the rounds of `tlscore.crypto.aes`, a byte a machine word, with its two tables.

RAM: 208 bytes for a key of 16 bytes, 272 for one of 32.
"""

import micropython

from tlscore.crypto import aes, selftest


class AES:
    """One AES key, expanded; used as that of `tlscore.crypto.aes` is.

    Args:
        key: 16 bytes for AES-128 or 32 for AES-256.

    Raises:
        ValueError: "aes.key_size".
    """

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 32):
            raise ValueError("aes.key_size")
        self._keys = aes.expand(key)
        self._block = bytearray(16)
        self._output = bytearray(16)

    def encrypt(self, block: bytes) -> bytes:
        """Return the encrypted 16-byte block."""
        mac = bytearray(16)
        self.cbc_mac(mac, block, 0, 16)
        return bytes(mac)

    def xor_key_stream(self, counter: bytes, buffer: bytearray, start: int, end: int) -> None:
        """XOR `buffer[start:end]` in place with the key stream that begins at block `counter`."""
        # The code below knows no sizes: nothing it is not told may be beyond the buffer.
        if len(counter) != 16 or not 0 <= start <= end <= len(buffer):
            raise ValueError("aes.range")
        block, output, keys = self._block, self._output, self._keys
        block[:] = counter
        while start < end:
            _encrypt(keys, len(keys) - 16, block, output)
            _count(block)
            start = _mix(buffer, start, end, output)

    def cbc_mac(self, mac: bytearray, buffer: bytes, start: int, end: int) -> None:
        """Take `buffer[start:end]` into a CBC-MAC, its last block filled up with zeros."""
        if len(mac) != 16 or not 0 <= start <= end <= len(buffer):
            raise ValueError("aes.range")
        block, output, keys = self._block, self._output, self._keys
        output[:] = mac
        while start < end:
            block[:] = output
            start = _take(block, buffer, start, end)
            _encrypt(keys, len(keys) - 16, block, output)
        mac[:] = output


@micropython.viper
def _count(block: ptr8):
    """Add one to the last four bytes."""
    i = 15
    carry = 1
    while i > 11:
        carry += block[i]
        block[i] = carry
        carry >>= 8
        i -= 1


@micropython.viper
def _mix(buffer: ptr8, start: int, end: int, stream: ptr8) -> int:
    """XOR up to 16 bytes into a buffer; return where the next begin."""
    i = 0
    while i < 16 and start < end:
        buffer[start] = buffer[start] ^ stream[i]
        start += 1
        i += 1
    return start


@micropython.viper
def _take(block: ptr8, buffer: ptr8, start: int, end: int) -> int:
    """XOR up to 16 bytes of a buffer into a block; return where the next begin."""
    i = 0
    while i < 16 and start < end:
        block[i] = block[i] ^ buffer[start]
        start += 1
        i += 1
    return start


@micropython.viper
def _encrypt(keys: ptr8, last: int, block: ptr8, output: ptr8):
    """Encrypt a block; the last round key begins at `last`."""
    s = ptr8(aes.SBOX)
    d = ptr8(aes.DOUBLE)
    at = 16
    b0 = block[0] ^ keys[0]
    b1 = block[1] ^ keys[1]
    b2 = block[2] ^ keys[2]
    b3 = block[3] ^ keys[3]
    b4 = block[4] ^ keys[4]
    b5 = block[5] ^ keys[5]
    b6 = block[6] ^ keys[6]
    b7 = block[7] ^ keys[7]
    b8 = block[8] ^ keys[8]
    b9 = block[9] ^ keys[9]
    b10 = block[10] ^ keys[10]
    b11 = block[11] ^ keys[11]
    b12 = block[12] ^ keys[12]
    b13 = block[13] ^ keys[13]
    b14 = block[14] ^ keys[14]
    b15 = block[15] ^ keys[15]
    while at < last:
        p = s[b0]
        q = s[b5]
        r = s[b10]
        u = s[b15]
        t = p ^ q ^ r ^ u
        k0 = keys[at + 0] ^ p ^ t ^ d[p ^ q]
        k1 = keys[at + 1] ^ q ^ t ^ d[q ^ r]
        k2 = keys[at + 2] ^ r ^ t ^ d[r ^ u]
        k3 = keys[at + 3] ^ u ^ t ^ d[u ^ p]
        p = s[b4]
        q = s[b9]
        r = s[b14]
        u = s[b3]
        t = p ^ q ^ r ^ u
        k4 = keys[at + 4] ^ p ^ t ^ d[p ^ q]
        k5 = keys[at + 5] ^ q ^ t ^ d[q ^ r]
        k6 = keys[at + 6] ^ r ^ t ^ d[r ^ u]
        k7 = keys[at + 7] ^ u ^ t ^ d[u ^ p]
        p = s[b8]
        q = s[b13]
        r = s[b2]
        u = s[b7]
        t = p ^ q ^ r ^ u
        k8 = keys[at + 8] ^ p ^ t ^ d[p ^ q]
        k9 = keys[at + 9] ^ q ^ t ^ d[q ^ r]
        k10 = keys[at + 10] ^ r ^ t ^ d[r ^ u]
        k11 = keys[at + 11] ^ u ^ t ^ d[u ^ p]
        p = s[b12]
        q = s[b1]
        r = s[b6]
        u = s[b11]
        t = p ^ q ^ r ^ u
        k12 = keys[at + 12] ^ p ^ t ^ d[p ^ q]
        k13 = keys[at + 13] ^ q ^ t ^ d[q ^ r]
        k14 = keys[at + 14] ^ r ^ t ^ d[r ^ u]
        k15 = keys[at + 15] ^ u ^ t ^ d[u ^ p]
        b0 = k0
        b1 = k1
        b2 = k2
        b3 = k3
        b4 = k4
        b5 = k5
        b6 = k6
        b7 = k7
        b8 = k8
        b9 = k9
        b10 = k10
        b11 = k11
        b12 = k12
        b13 = k13
        b14 = k14
        b15 = k15
        at += 16
    output[0] = s[b0] ^ keys[at + 0]
    output[1] = s[b5] ^ keys[at + 1]
    output[2] = s[b10] ^ keys[at + 2]
    output[3] = s[b15] ^ keys[at + 3]
    output[4] = s[b4] ^ keys[at + 4]
    output[5] = s[b9] ^ keys[at + 5]
    output[6] = s[b14] ^ keys[at + 6]
    output[7] = s[b3] ^ keys[at + 7]
    output[8] = s[b8] ^ keys[at + 8]
    output[9] = s[b13] ^ keys[at + 9]
    output[10] = s[b2] ^ keys[at + 10]
    output[11] = s[b7] ^ keys[at + 11]
    output[12] = s[b12] ^ keys[at + 12]
    output[13] = s[b1] ^ keys[at + 13]
    output[14] = s[b6] ^ keys[at + 14]
    output[15] = s[b11] ^ keys[at + 15]


def passes() -> bool:
    """Known-answer test."""
    return selftest.aes_passes(AES)
