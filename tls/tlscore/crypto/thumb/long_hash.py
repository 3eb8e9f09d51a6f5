"""SHA-512 and SHA-384 by the kernel `sha512_machine`, which says how it works and what it costs.

RAM: a state of 65 bytes and a block of 128 for each object.
"""

import struct

from tlscore.compat import const
from tlscore.crypto.hashes import Hash
from tlscore.crypto.sha512 import _START_384, _START_512
from tlscore.crypto.thumb.sha512_machine import compress

_BLOCK_BYTES = const(128)
# How many rounds there are, as the kernel finds it behind the state.
_ROUNDS = b"\x50"
_NO_START = (0, 0, 0, 0, 0, 0, 0, 0)
# The known-answer test: a state of ones and 32 rounds, enough for the schedule and both windows to
# be used twice; a block behind an odd byte; a and e afterwards.
_ASKED = b"\xff" * 64 + b"\x20"
_ASKED_BLOCK = bytes(range(129))
_KNOWN_A = b"\xb0\x3f\xdd\x09\x5f\xfb\xa2\xec"
_KNOWN_E = b"\xb3\x27\x5b\xf8\x52\xfc\x82\x87"


class Sha512:
    """A running hash; used as that of `tlscore.crypto.sha512` is.

    Args:
        start: the eight words it begins with.
        size: bytes of its digest.
        data: the first part of the message.
    """

    def __init__(self, start: tuple, size: int, data: bytes) -> None:
        self._state = bytearray(struct.pack(">8Q", *start) + _ROUNDS)
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
            compress(self._state, self._pending, 0, _BLOCK_BYTES)
        # The kernel knows no sizes: it is told of whole blocks only.
        end = size - (size - start) % _BLOCK_BYTES
        compress(self._state, data, start, end)
        if end < size:
            self._pending[: size - end] = data[end:]

    def digest(self) -> bytes:
        """Return the hash of the message so far; more of it may follow."""
        filled = self._count % _BLOCK_BYTES
        # FIPS 180-4 §5.1.2: a 1, zeros, and the length in bits as 128.
        padded = bytes(self._pending[:filled]) + b"\x80" + bytes((111 - filled) % _BLOCK_BYTES)
        padded += (8 * self._count).to_bytes(16, "big")
        state = bytearray(self._state)
        compress(state, padded, 0, len(padded))
        return bytes(state[: self._size])

    def copy(self) -> "Sha512":
        """Return a second object that goes on from here by itself."""
        other = Sha512(_NO_START, self._size, b"")
        other._state = bytearray(self._state)
        other._count = self._count
        other._pending[:] = self._pending
        return other


def _sha384(data: bytes = b"") -> Sha512:
    return Sha512(_START_384, 48, data)


def _sha512(data: bytes = b"") -> Sha512:
    return Sha512(_START_512, 64, data)


SHA384 = Hash("sha384", 48, _BLOCK_BYTES, _sha384, True)
SHA512 = Hash("sha512", 64, _BLOCK_BYTES, _sha512, True)


def passes() -> bool:
    """Known-answer test: 32 rounds over a block, from a state of ones and at an odd place."""
    state = bytearray(_ASKED)
    compress(state, _ASKED_BLOCK, 1, 129)
    return state[:8] == _KNOWN_A and state[32:40] == _KNOWN_E
