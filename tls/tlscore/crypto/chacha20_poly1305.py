"""ChaCha20-Poly1305 (RFC 8439 §2.8): key stream and tag.

`Aead` in aead.py brings the two together.
"""

from tlscore.crypto import selftest
from tlscore.crypto.aead import Aead
from tlscore.crypto.hmac import equal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CHACHA20 = (
    ("stream_cipher", "ChaCha20"),
    ("tlscore.crypto.chacha20", "ChaCha20"),
)
_POLY1305 = (
    ("one_time_mac", "Poly1305"),
    ("tlscore.crypto.poly1305", "Poly1305"),
)


class ChaCha20Poly1305(Aead):
    """One key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._chacha20 = selftest.select(_CHACHA20, chacha20_passes)(key)
        self._new_mac = selftest.select(_POLY1305, poly1305_passes)

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


def best() -> "type":
    """Return the class of ChaCha20-Poly1305 to use: all of it by machine code where there is."""
    machine = selftest.kernel("chacha_records")
    return machine.ChaCha20Poly1305 if machine else ChaCha20Poly1305


def chacha20_passes(backend: "Callable") -> bool:
    """RFC 8439 §2.3.2: the first bytes of the block with counter 1."""
    stream = bytearray(17)
    nonce = b"\x00\x00\x00\x09\x00\x00\x00\x4a\x00\x00\x00\x00"
    backend(bytes(range(32))).xor_key_stream(1, nonce, stream, 0, 16)
    return equal(
        stream,
        b"\x10\xf1\xe7\xe4\xd1\x3b\x59\x15\x50\x0f\xdd\x1f\xa3\x20\x71\xc4\x00",
    )


def poly1305_passes(backend: "Callable") -> bool:
    """RFC 8439 §2.5.2."""
    mac = backend(
        b"\x85\xd6\xbe\x78\x57\x55\x6d\x33\x7f\x44\x52\xfe\x42\xd5\x06\xa8"
        b"\x01\x03\x80\x8a\xfb\x0d\xb2\xfd\x4a\xbf\xf6\xaf\x41\x49\xf5\x1b"
    )
    mac.update(b"Cryptographic Forum Research Group", 0, 34)
    return equal(
        mac.digest(),
        b"\xa8\x06\x1d\xc1\x30\x51\x36\xc6\xc2\x2b\x8b\xaf\x0c\x01\x27\xa9",
    )
