"""ChaCha20 by the kernel `chacha20_poly1305_machine`, which says how it works and what it costs.

RAM: 164 bytes for a key.
"""

from tlscore.compat import const
from tlscore.crypto import chacha20_poly1305
from tlscore.crypto.thumb.chacha20_poly1305_machine import protect

# RFC 8439 §2.3.
_CONSTANTS = b"expand 32-byte k"
_KEY = const(16)
_COUNTER = const(48)
_NONCE = const(52)
_AAD = const(64)
_TASK = const(148)
_CONTEXT_BYTES = const(164)
_STREAM = const(2)


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
        self._context = context = bytearray(_CONTEXT_BYTES)
        context[:_KEY] = _CONSTANTS
        context[_KEY:_COUNTER] = key
        context[_TASK] = _STREAM

    def xor_key_stream(
        self, counter: int, nonce: bytes, buffer: bytearray, start: int, end: int
    ) -> None:
        """XOR `buffer[start:end]` in place with the key stream that begins at block `counter`."""
        # The kernel knows no sizes: nothing it is not told may be beyond the buffer.
        if len(nonce) != 12 or not 0 <= start <= end <= len(buffer):
            raise ValueError("chacha20.range")
        context = self._context
        context[_COUNTER:_NONCE] = counter.to_bytes(4, "little")
        context[_NONCE:_AAD] = nonce
        protect(context, buffer, start, end)


def passes() -> bool:
    """Known-answer test."""
    return chacha20_poly1305.chacha20_passes(ChaCha20)
