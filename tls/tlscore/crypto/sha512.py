"""SHA-512 and SHA-384 (FIPS 180-4 §6.4, §6.5) for interpreters whose `hashlib` has neither.

Theory of operation. The words are integers of 64 bits, big ones on a 32-bit board, where what
costs is the number of operations and not their width. So a rotation is a shift of the word written
twice in a row, three rotations share one doubling, sums are cut to 64 bits only in the end, and
the message schedule is worked out on two words at once, 128 bits apart: the gap leaves room for
the doubling. (A new word depends on words 2, 7, 15 and 16 places before it, so two are free at a
time.)

`digest` leaves the object as it was: these objects may go on, unlike MicroPython's SHA-256.
"""

from tlscore.compat import const
from tlscore.crypto.selftest import kernel

_WORD = const((1 << 64) - 1)
# Two words, 128 bits apart.
_TWO_WORDS = const((1 << 128 | 1) * ((1 << 64) - 1))
# Writes a word, or each of two, twice in a row.
_TWICE = const(1 << 64 | 1)
_BLOCK_BYTES = const(128)

# The first 64 bits of the fractional parts of the cube roots of the first 80 primes (§4.2.3).
_K = (
    0x428A2F98D728AE22, 0x7137449123EF65CD, 0xB5C0FBCFEC4D3B2F, 0xE9B5DBA58189DBBC,
    0x3956C25BF348B538, 0x59F111F1B605D019, 0x923F82A4AF194F9B, 0xAB1C5ED5DA6D8118,
    0xD807AA98A3030242, 0x12835B0145706FBE, 0x243185BE4EE4B28C, 0x550C7DC3D5FFB4E2,
    0x72BE5D74F27B896F, 0x80DEB1FE3B1696B1, 0x9BDC06A725C71235, 0xC19BF174CF692694,
    0xE49B69C19EF14AD2, 0xEFBE4786384F25E3, 0x0FC19DC68B8CD5B5, 0x240CA1CC77AC9C65,
    0x2DE92C6F592B0275, 0x4A7484AA6EA6E483, 0x5CB0A9DCBD41FBD4, 0x76F988DA831153B5,
    0x983E5152EE66DFAB, 0xA831C66D2DB43210, 0xB00327C898FB213F, 0xBF597FC7BEEF0EE4,
    0xC6E00BF33DA88FC2, 0xD5A79147930AA725, 0x06CA6351E003826F, 0x142929670A0E6E70,
    0x27B70A8546D22FFC, 0x2E1B21385C26C926, 0x4D2C6DFC5AC42AED, 0x53380D139D95B3DF,
    0x650A73548BAF63DE, 0x766A0ABB3C77B2A8, 0x81C2C92E47EDAEE6, 0x92722C851482353B,
    0xA2BFE8A14CF10364, 0xA81A664BBC423001, 0xC24B8B70D0F89791, 0xC76C51A30654BE30,
    0xD192E819D6EF5218, 0xD69906245565A910, 0xF40E35855771202A, 0x106AA07032BBD1B8,
    0x19A4C116B8D2D0C8, 0x1E376C085141AB53, 0x2748774CDF8EEB99, 0x34B0BCB5E19B48A8,
    0x391C0CB3C5C95A63, 0x4ED8AA4AE3418ACB, 0x5B9CCA4F7763E373, 0x682E6FF3D6B2B8A3,
    0x748F82EE5DEFB2FC, 0x78A5636F43172F60, 0x84C87814A1F0AB72, 0x8CC702081A6439EC,
    0x90BEFFFA23631E28, 0xA4506CEBDE82BDE9, 0xBEF9A3F7B2C67915, 0xC67178F2E372532B,
    0xCA273ECEEA26619C, 0xD186B8C721C0C207, 0xEADA7DD6CDE0EB1E, 0xF57D4F7FEE6ED178,
    0x06F067AA72176FBA, 0x0A637DC5A2C898A6, 0x113F9804BEF90DAE, 0x1B710B35131C471B,
    0x28DB77F523047D84, 0x32CAAB7B40C72493, 0x3C9EBE0A15C9BEBC, 0x431D67C49C100D4C,
    0x4CC5D4BECB3E42B6, 0x597F299CFC657E2A, 0x5FCB6FAB3AD6FAEC, 0x6C44198C4A475817,
)  # fmt: skip

# The same of the square roots of the 9th to the 16th prime (§5.3.4), and of the first 8 (§5.3.5).
_START_384 = (
    0xCBBB9D5DC1059ED8, 0x629A292A367CD507, 0x9159015A3070DD17, 0x152FECD8F70E5939,
    0x67332667FFC00B31, 0x8EB44A8768581511, 0xDB0C2E0D64F98FA7, 0x47B5481DBEFA4FA4,
)  # fmt: skip
_START_512 = (
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
)  # fmt: skip


class Sha512:
    """A running hash.

    Args:
        start: the eight words it begins with.
        size: bytes of its digest.
        data: the first part of the message.
    """

    def __init__(self, start: tuple, size: int, data: bytes) -> None:
        self._state = start
        self._size = size
        self._count = 0  # bytes taken in so far
        self._pending = bytearray(_BLOCK_BYTES)
        self.update(data)

    def update(self, data: bytes) -> None:
        """Add bytes to the message."""
        size = len(data)
        filled = self._count % _BLOCK_BYTES
        self._count += size
        start = 0
        if filled:
            start = min(size, _BLOCK_BYTES - filled)
            self._pending[filled : filled + start] = data[:start]
            if filled + start < _BLOCK_BYTES:
                return
            self._state = _compress(self._state, self._pending)
        while size - start >= _BLOCK_BYTES:
            self._state = _compress(self._state, data[start : start + _BLOCK_BYTES])
            start += _BLOCK_BYTES
        if start < size:
            self._pending[: size - start] = data[start:]

    def digest(self) -> bytes:
        """Return the hash of the message so far; more of it may follow."""
        filled = self._count % _BLOCK_BYTES
        # §5.1.2: a 1, zeros, and the length in bits as 128.
        padded = bytes(self._pending[:filled]) + b"\x80" + bytes((111 - filled) % _BLOCK_BYTES)
        padded += (8 * self._count).to_bytes(16, "big")
        state = self._state
        for start in range(0, len(padded), _BLOCK_BYTES):
            state = _compress(state, padded[start : start + _BLOCK_BYTES])
        return b"".join([word.to_bytes(8, "big") for word in state])[: self._size]

    def copy(self) -> "Sha512":
        """Return a second object that goes on from here by itself."""
        other = Sha512(self._state, self._size, b"")
        other._count = self._count
        other._pending[:] = self._pending
        return other


def sha384(data: bytes = b"") -> Sha512:
    """Start SHA-384, 48 bytes."""
    return _fastest()(_START_384, 48, data)


def sha512(data: bytes = b"") -> Sha512:
    """Start SHA-512, 64 bytes."""
    return _fastest()(_START_512, 64, data)


def _fastest():
    """Return the fastest class there is: `Sha512` is the portable one."""
    machine = kernel("long_hash")
    return Sha512 if machine is None else machine.Sha512


def _compress(state: tuple, block: bytes) -> tuple:
    """Return the state after one block (§6.4.2)."""
    words = []
    for i in range(0, _BLOCK_BYTES, 16):
        # A pair: the earlier word in the low half.
        words.append(
            int.from_bytes(block[i : i + 8], "big")
            | int.from_bytes(block[i + 8 : i + 16], "big") << 128
        )
    a, b, c, d, e, f, g, h = state
    b_c = b ^ c
    for i in range(0, 80, 2):
        pair = words[0]
        if i < 64:
            words.append(_next_pair(words))
        words.pop(0)
        for scheduled in (_K[i] + (pair & _WORD), _K[i + 1] + (pair >> 128)):
            twice = e * _TWICE
            t = (((twice >> 23 ^ twice) >> 4 ^ twice) >> 14) + (g ^ e & (f ^ g))
            t += h + scheduled
            twice = a * _TWICE
            a_b = a ^ b
            h = g
            g = f
            f = e
            e = d + t & _WORD
            d = c
            c = b
            # The majority of a, b and c is b, unless both others differ from it.
            t += (((twice >> 5 ^ twice) >> 6 ^ twice) >> 28) + (b ^ a_b & b_c)
            b = a
            b_c = a_b
            a = t & _WORD
    return tuple([old + new & _WORD for old, new in zip(state, (a, b, c, d, e, f, g, h))])


def _next_pair(words: list) -> int:
    """Return the two words of the message schedule that follow on the sixteen in `words`."""
    first = words[0]
    # One place on from pairs 0 and 4: the second word of one and the first of the next.
    after_first = first >> 128 | (words[1] & _WORD) << 128
    after_fifth = words[4] >> 128 | (words[5] & _WORD) << 128
    last = words[7]
    # Bits that a shift carries out of a word land in the gap below it.
    twice = after_first * _TWICE
    small_0 = (twice >> 1 ^ twice >> 8 ^ after_first >> 7) & _TWO_WORDS
    twice = last * _TWICE
    small_1 = (twice >> 19 ^ twice >> 61 ^ last >> 6) & _TWO_WORDS
    return first + small_0 + after_fifth + small_1 & _TWO_WORDS
