"""ChaCha20-Poly1305 by the kernel `chacha20_poly1305_machine`: a record in one call.

RAM: 164 bytes for a key.
"""

from tlscore.compat import const
from tlscore.crypto.thumb.chacha20_poly1305_machine import protect
from tlscore.crypto.thumb.records import RecordCipher

# Where the kernel has what (RFC 8439 §2.3: the constants come first).
_CONSTANTS = b"expand 32-byte k"
_KEY = const(16)
_COUNTER = const(48)
_LENGTHS = const(80)
_SUM = const(96)
_TASK = const(148)
_FILL = const(152)
_IV = const(156)
_CONTEXT_BYTES = const(164)
_NO_STATE = bytes(164 - 48)

_KNOWN_RECORD = (
    b"\xd3\x1a\x8d\x34\x64\x8e\x60\xdb\x7b\x86\xaf\xbc\x53\xef\x7e\xc2"
    b"\xa4\xfc\x66\xd8\x83\x35\x07\xdd\xff\x48\x2e\xc1\x7d\xf6\x70\x79"
    b"\x6e\x00"
)


class ChaCha20Poly1305(RecordCipher):
    """One key.

    Args:
        key: 32 bytes.
        context: see `RecordCipher.rekey`.

    Raises:
        ValueError: "chacha20.key_size"; its methods "aead.nonce_size", "aead.range".
    """

    nonce_at = 52
    aad_at = 64

    def __init__(self, key: bytes, context: "bytearray | None" = None) -> None:
        if len(key) != 32:
            raise ValueError("chacha20.key_size")
        if context is None:
            context = bytearray(_CONTEXT_BYTES)
        self.context = context
        context[_COUNTER:] = _NO_STATE
        context[:_KEY] = _CONSTANTS
        context[_KEY:_COUNTER] = key
        context[_FILL] = 1
        self._protect = protect
        self._task_at = _TASK
        self._iv_at = _IV
        self._begin()

    def set_aad_size(self, size: int) -> None:
        """Learn how much additional data each record has."""
        self._aad_size = size
        self.context[_LENGTHS:_SUM] = size.to_bytes(16, "little")


def passes() -> bool:
    """Known-answer test: RFC 8439 §2.8.2, 17 bytes of its text."""
    cipher = ChaCha20Poly1305(bytes(range(0x80, 0xA0)))
    cipher.set_aad_size(12)
    context, nonce_at, aad_at = cipher.context, cipher.nonce_at, cipher.aad_at
    context[nonce_at : nonce_at + 12] = b"\x07\x00\x00\x00@ABCDEFG"
    context[aad_at : aad_at + 12] = b"PQRS\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"
    buffer = bytearray(b"Ladies and Gentle" + bytes(17))
    cipher.seal_record(buffer, 0, 17)
    sealed = bytes(buffer)
    forged = bytearray(sealed)
    forged[32] ^= 0x80
    # No secrets: what is compared is published.
    return (
        sealed == _KNOWN_RECORD
        and not cipher.open_record(forged, 0, 33)
        and cipher.open_record(buffer, 0, 33)
        and buffer[:17] == b"Ladies and Gentle"
    )
