"""Poly1305 by the kernel `chacha20_poly1305_machine`, which says how it works and what it costs.

RAM: 164 bytes and s for a message.
"""

from tlscore.compat import const
from tlscore.crypto import chacha20_poly1305
from tlscore.crypto.thumb.chacha20_poly1305_machine import protect

_PRIME = const((1 << 130) - 5)
_CLAMP = const(0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF)
_SUM = const(96)
_R = const(116)
_S = const(132)
_TASK = const(148)
_FILL = const(152)
_CONTEXT_BYTES = const(164)
_ABSORB = const(4)


class Poly1305:
    """A one-time authenticator; used as that of `tlscore.crypto.poly1305` is.

    Args:
        key: 32 bytes, r and s.

    Raises:
        ValueError: "poly1305.key_size".
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("poly1305.key_size")
        self._context = context = bytearray(_CONTEXT_BYTES)
        r = int.from_bytes(key[:16], "little") & _CLAMP
        context[_R:_S] = r.to_bytes(16, "little")
        context[_TASK] = _ABSORB
        self._s = int.from_bytes(key[16:], "little")

    def update(self, buffer: bytes, start: int, end: int, fill: bool = False) -> None:
        """Take in `buffer[start:end]`; `fill` completes the last block with zeros."""
        # The kernel knows no sizes: nothing it is not told may be beyond the buffer.
        if not 0 <= start <= end <= len(buffer):
            raise ValueError("poly1305.range")
        self._context[_FILL] = 1 if fill else 0
        protect(self._context, buffer, start, end)

    def digest(self) -> bytes:
        """Return the tag, 16 bytes."""
        total = int.from_bytes(self._context[_SUM:_R], "little") % _PRIME + self._s
        return (total & ((1 << 128) - 1)).to_bytes(16, "little")


def passes() -> bool:
    """Known-answer test."""
    return chacha20_poly1305.poly1305_passes(Poly1305)
