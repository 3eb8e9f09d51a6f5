"""GHASH by the kernel `aes_gcm_machine`, which says how it works and what it costs.

RAM: 104 bytes for a key.
"""

from tlscore.compat import const
from tlscore.crypto import selftest
from tlscore.crypto.thumb.aes_gcm_machine import protect

# Where the kernel has what.
_TASK = const(36)
_SUM = const(40)
_H = const(56)
_CONTEXT_BYTES = const(104)
_ABSORB = const(4)


class Ghash:
    """A running GHASH; used as that of `tlscore.crypto.ghash` is.

    Args:
        h: the hash subkey H, 16 bytes.
    """

    def __init__(self, h: bytes) -> None:
        self._context = context = bytearray(_CONTEXT_BYTES)
        context[_TASK] = _ABSORB
        for i in range(16):
            context[_H + 15 - i] = h[i]

    def restart(self) -> None:
        """Begin a new message under the same H."""
        self._context[_SUM:_H] = bytes(16)

    def update(self, buffer: bytes, start: int, end: int) -> None:
        """Take in `buffer[start:end]`, the last block filled up with zeros."""
        # The kernel knows no sizes: nothing it is not told may be beyond the buffer.
        if not 0 <= start <= end <= len(buffer):
            raise ValueError("ghash.range")
        protect(self._context, buffer, start, end)

    def digest(self) -> bytes:
        """Return the 16 bytes of the sum so far."""
        return int.from_bytes(self._context[_SUM:_H], "little").to_bytes(16, "big")


def passes() -> bool:
    """Known-answer test."""
    return selftest.ghash_passes(Ghash)
