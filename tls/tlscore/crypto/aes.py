"""The AES block cipher (FIPS 197), its counter mode (NIST SP 800-38A §6.5) and CBC-MAC with it.

Theory of operation. The state is sixteen local variables in the order of the block's bytes. One
round takes each output column from the four bytes that ShiftRows brings into it: with p, q, r, u
the substituted bytes and t their sum, MixColumns is p' = p + t + 2(p + q) and so on in rotation
(all in GF(2^8)), so a table of doubles is all it needs beside the S-box. Both tables are byte
constants of 256 bytes and stay in flash when the module is frozen; RAM holds the round keys,
176 bytes for AES-128. Whitening and the last round key are XORed as 128-bit integers.

Timing: table look-ups are indexed by secrets. Where memory answers in constant time (Cortex-M0 to
M4, tables in RAM or in flash that is not cached) that leaks nothing; a data cache can leak the key
to another program on the same machine.

Not here: decryption of blocks, which no mode of TLS 1.3 uses, and authentication
(`gcm.py`, `ccm.py`).
"""

from tlscore.compat import const

# One in each of the four words of a 128-bit integer.
_EACH_WORD = const(0x00000001000000010000000100000001)

SBOX = (
    b"\x63\x7c\x77\x7b\xf2\x6b\x6f\xc5\x30\x01\x67\x2b\xfe\xd7\xab\x76"
    b"\xca\x82\xc9\x7d\xfa\x59\x47\xf0\xad\xd4\xa2\xaf\x9c\xa4\x72\xc0"
    b"\xb7\xfd\x93\x26\x36\x3f\xf7\xcc\x34\xa5\xe5\xf1\x71\xd8\x31\x15"
    b"\x04\xc7\x23\xc3\x18\x96\x05\x9a\x07\x12\x80\xe2\xeb\x27\xb2\x75"
    b"\x09\x83\x2c\x1a\x1b\x6e\x5a\xa0\x52\x3b\xd6\xb3\x29\xe3\x2f\x84"
    b"\x53\xd1\x00\xed\x20\xfc\xb1\x5b\x6a\xcb\xbe\x39\x4a\x4c\x58\xcf"
    b"\xd0\xef\xaa\xfb\x43\x4d\x33\x85\x45\xf9\x02\x7f\x50\x3c\x9f\xa8"
    b"\x51\xa3\x40\x8f\x92\x9d\x38\xf5\xbc\xb6\xda\x21\x10\xff\xf3\xd2"
    b"\xcd\x0c\x13\xec\x5f\x97\x44\x17\xc4\xa7\x7e\x3d\x64\x5d\x19\x73"
    b"\x60\x81\x4f\xdc\x22\x2a\x90\x88\x46\xee\xb8\x14\xde\x5e\x0b\xdb"
    b"\xe0\x32\x3a\x0a\x49\x06\x24\x5c\xc2\xd3\xac\x62\x91\x95\xe4\x79"
    b"\xe7\xc8\x37\x6d\x8d\xd5\x4e\xa9\x6c\x56\xf4\xea\x65\x7a\xae\x08"
    b"\xba\x78\x25\x2e\x1c\xa6\xb4\xc6\xe8\xdd\x74\x1f\x4b\xbd\x8b\x8a"
    b"\x70\x3e\xb5\x66\x48\x03\xf6\x0e\x61\x35\x57\xb9\x86\xc1\x1d\x9e"
    b"\xe1\xf8\x98\x11\x69\xd9\x8e\x94\x9b\x1e\x87\xe9\xce\x55\x28\xdf"
    b"\x8c\xa1\x89\x0d\xbf\xe6\x42\x68\x41\x99\x2d\x0f\xb0\x54\xbb\x16"
)

# 2 * x for every byte x, in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
DOUBLE = (
    b"\x00\x02\x04\x06\x08\x0a\x0c\x0e\x10\x12\x14\x16\x18\x1a\x1c\x1e"
    b"\x20\x22\x24\x26\x28\x2a\x2c\x2e\x30\x32\x34\x36\x38\x3a\x3c\x3e"
    b"\x40\x42\x44\x46\x48\x4a\x4c\x4e\x50\x52\x54\x56\x58\x5a\x5c\x5e"
    b"\x60\x62\x64\x66\x68\x6a\x6c\x6e\x70\x72\x74\x76\x78\x7a\x7c\x7e"
    b"\x80\x82\x84\x86\x88\x8a\x8c\x8e\x90\x92\x94\x96\x98\x9a\x9c\x9e"
    b"\xa0\xa2\xa4\xa6\xa8\xaa\xac\xae\xb0\xb2\xb4\xb6\xb8\xba\xbc\xbe"
    b"\xc0\xc2\xc4\xc6\xc8\xca\xcc\xce\xd0\xd2\xd4\xd6\xd8\xda\xdc\xde"
    b"\xe0\xe2\xe4\xe6\xe8\xea\xec\xee\xf0\xf2\xf4\xf6\xf8\xfa\xfc\xfe"
    b"\x1b\x19\x1f\x1d\x13\x11\x17\x15\x0b\x09\x0f\x0d\x03\x01\x07\x05"
    b"\x3b\x39\x3f\x3d\x33\x31\x37\x35\x2b\x29\x2f\x2d\x23\x21\x27\x25"
    b"\x5b\x59\x5f\x5d\x53\x51\x57\x55\x4b\x49\x4f\x4d\x43\x41\x47\x45"
    b"\x7b\x79\x7f\x7d\x73\x71\x77\x75\x6b\x69\x6f\x6d\x63\x61\x67\x65"
    b"\x9b\x99\x9f\x9d\x93\x91\x97\x95\x8b\x89\x8f\x8d\x83\x81\x87\x85"
    b"\xbb\xb9\xbf\xbd\xb3\xb1\xb7\xb5\xab\xa9\xaf\xad\xa3\xa1\xa7\xa5"
    b"\xdb\xd9\xdf\xdd\xd3\xd1\xd7\xd5\xcb\xc9\xcf\xcd\xc3\xc1\xc7\xc5"
    b"\xfb\xf9\xff\xfd\xf3\xf1\xf7\xf5\xeb\xe9\xef\xed\xe3\xe1\xe7\xe5"
)


class AES:
    """One AES key, expanded.

    Args:
        key: 16 bytes for AES-128 or 32 for AES-256.

    Raises:
        ValueError: "aes.key_size".
    """

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 32):
            raise ValueError("aes.key_size")
        keys = expand(key)
        self._first_key = int.from_bytes(keys[:16], "big")
        self._middle_keys = keys[16:-16]
        self._last_key = int.from_bytes(keys[-16:], "big")

    def encrypt(self, block: bytes) -> bytes:
        """Return the encrypted 16-byte block."""
        return self._encrypt(int.from_bytes(block, "big")).to_bytes(16, "big")

    def xor_key_stream(self, counter: bytes, buffer: bytearray, start: int, end: int) -> None:
        """XOR `buffer[start:end]` in place with the key stream that begins at block `counter`.

        The counter is the last four bytes, big-endian; the caller sees to it that it does not
        run over (a TLS record has at most 1,025 blocks).
        """
        block = int.from_bytes(counter, "big")
        while start < end:
            key_stream = self._encrypt(block)
            stop = start + 16
            if stop > end:
                key_stream >>= 8 * (stop - end)
                stop = end
            mixed = int.from_bytes(buffer[start:stop], "big") ^ key_stream
            buffer[start:stop] = mixed.to_bytes(stop - start, "big")
            start = stop
            block += 1

    def cbc_mac(self, mac: bytearray, buffer: bytes, start: int, end: int) -> None:
        """Take `buffer[start:end]` into a CBC-MAC, its last block filled up with zeros.

        Args:
            mac: 16 bytes, the MAC so far, changed in place; zeros to begin with.
        """
        state = int.from_bytes(mac, "big")
        while start < end:
            stop = start + 16
            if stop > end:
                block = int.from_bytes(buffer[start:end], "big") << (8 * (stop - end))
            else:
                block = int.from_bytes(buffer[start:stop], "big")
            state = self._encrypt(state ^ block)
            start = stop
        mac[:] = state.to_bytes(16, "big")

    def _encrypt(self, block: int) -> int:
        """Return the encrypted block; both blocks are big-endian integers."""
        s = SBOX
        d = DOUBLE
        keys = self._middle_keys
        state = (block ^ self._first_key).to_bytes(16, "big")
        b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15 = state
        for i in range(0, len(keys), 16):
            k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, k13, k14, k15 = keys[i : i + 16]
            p, q = s[b0], s[b5]
            r, u = s[b10], s[b15]
            t = p ^ q ^ r ^ u
            k0 ^= p ^ t ^ d[p ^ q]
            k1 ^= q ^ t ^ d[q ^ r]
            k2 ^= r ^ t ^ d[r ^ u]
            k3 ^= u ^ t ^ d[u ^ p]
            p, q = s[b4], s[b9]
            r, u = s[b14], s[b3]
            t = p ^ q ^ r ^ u
            k4 ^= p ^ t ^ d[p ^ q]
            k5 ^= q ^ t ^ d[q ^ r]
            k6 ^= r ^ t ^ d[r ^ u]
            k7 ^= u ^ t ^ d[u ^ p]
            p, q = s[b8], s[b13]
            r, u = s[b2], s[b7]
            t = p ^ q ^ r ^ u
            k8 ^= p ^ t ^ d[p ^ q]
            k9 ^= q ^ t ^ d[q ^ r]
            k10 ^= r ^ t ^ d[r ^ u]
            k11 ^= u ^ t ^ d[u ^ p]
            p, q = s[b12], s[b1]
            r, u = s[b6], s[b11]
            t = p ^ q ^ r ^ u
            k12 ^= p ^ t ^ d[p ^ q]
            k13 ^= q ^ t ^ d[q ^ r]
            k14 ^= r ^ t ^ d[r ^ u]
            k15 ^= u ^ t ^ d[u ^ p]
            b0, b1, b2 = k0, k1, k2
            b3, b4, b5 = k3, k4, k5
            b6, b7, b8 = k6, k7, k8
            b9, b10, b11 = k9, k10, k11
            b12, b13, b14 = k12, k13, k14
            b15 = k15
        last = bytes(
            (
                s[b0], s[b5], s[b10], s[b15], s[b4], s[b9], s[b14], s[b3],
                s[b8], s[b13], s[b2], s[b7], s[b12], s[b1], s[b6], s[b11],
            )
        )  # fmt: skip
        return self._last_key ^ int.from_bytes(last, "big")


def expand(key: bytes) -> bytes:
    """Return the round keys, FIPS 197 §5.2, four words at a time.

    The words of a round key are running sums of the words one key length back, each with the
    same function of the word before them added: on 128-bit integers that is four shifted copies
    and one multiplication.
    """
    size = len(key)
    rounds = 6 + size // 4
    keys = bytes(key)
    round_constant = 1
    for i in range(size, 16 * rounds + 16, 16):
        a, b, c, d = keys[i - 4 : i]
        if i % size == 0:
            a, b, c, d = SBOX[b] ^ round_constant, SBOX[c], SBOX[d], SBOX[a]
            round_constant = DOUBLE[round_constant]
        else:  # only AES-256 comes here, with every second round key
            a, b, c, d = SBOX[a], SBOX[b], SBOX[c], SBOX[d]
        words = int.from_bytes(keys[i - size : i - size + 16], "big")
        words ^= (words >> 32) ^ (words >> 64) ^ (words >> 96)
        words ^= int.from_bytes(bytes((a, b, c, d)), "big") * _EACH_WORD
        keys += words.to_bytes(16, "big")
    return keys
