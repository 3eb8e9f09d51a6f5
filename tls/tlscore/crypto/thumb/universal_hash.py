"""GHASH by the kernel `ghash_machine`, which says how it works and what it costs.

RAM: 32 bytes for a key.
"""

from tlscore.compat import const
from tlscore.crypto import selftest
from tlscore.crypto.thumb.ghash_machine import absorb

_SUM_BYTES = const(16)


class Ghash:
    """A running GHASH; used as that of `tlscore.crypto.ghash` is.

    Args:
        h: the hash subkey H, 16 bytes.
    """

    def __init__(self, h: bytes) -> None:
        self._context = context = bytearray(2 * _SUM_BYTES)
        for i in range(_SUM_BYTES):
            context[31 - i] = h[i]

    def restart(self) -> None:
        """Begin a new message under the same H."""
        self._context[:_SUM_BYTES] = bytes(_SUM_BYTES)

    def update(self, buffer: bytes, start: int, end: int) -> None:
        """Take in `buffer[start:end]`, the last block filled up with zeros."""
        # The kernel knows no sizes: nothing it is not told may be beyond the buffer.
        if not 0 <= start <= end <= len(buffer):
            raise ValueError("ghash.range")
        absorb(self._context, buffer, start, end)

    def digest(self) -> bytes:
        """Return the 16 bytes of the sum so far."""
        return int.from_bytes(self._context[:_SUM_BYTES], "little").to_bytes(_SUM_BYTES, "big")


def passes() -> bool:
    """Known-answer test."""
    return selftest.ghash_passes(Ghash)
