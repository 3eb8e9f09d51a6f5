"""ChaCha20-Poly1305 (RFC 8439 §2.8): key stream and tag.

`Aead` in aead.py brings the two together.
"""

from tlscore.crypto import selftest
from tlscore.crypto.aead import Aead

_CHACHA20 = (
    ("tlscore.crypto.thumb.stream_cipher", "ChaCha20"),
    ("tlscore.crypto.chacha20", "ChaCha20"),
)
_POLY1305 = (
    ("tlscore.crypto.thumb.one_time_mac", "Poly1305"),
    ("tlscore.crypto.poly1305", "Poly1305"),
)


class ChaCha20Poly1305(Aead):
    """One key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._chacha20 = selftest.select(_CHACHA20, selftest.chacha20_passes)(key)
        self._new_mac = selftest.select(_POLY1305, selftest.poly1305_passes)

    def mask(self, nonce: bytes, buffer: bytearray, start: int, end: int) -> None:
        """XOR the key stream into `buffer[start:end]`."""
        # Block 0 is for the authenticator's key (RFC 8439 §2.8), the text begins with 1.
        self._chacha20.xor_key_stream(1, nonce, buffer, start, end)

    def tag(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bytes:
        """Return the tag of the ciphertext in `buffer[start:end]`."""
        one_time_key = bytearray(32)
        self._chacha20.xor_key_stream(0, nonce, one_time_key, 0, 32)
        mac = self._new_mac(one_time_key)
        mac.update(aad, 0, len(aad), True)
        mac.update(buffer, start, end, True)
        lengths = (len(aad) | (end - start) << 64).to_bytes(16, "little")
        mac.update(lengths, 0, 16)
        return mac.digest()
