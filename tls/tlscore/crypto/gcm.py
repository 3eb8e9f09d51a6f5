"""AES-GCM (NIST SP 800-38D) with nonces of 96 bits and tags of 128: key stream and tag.

`Aead` in aead.py brings the two together. AES keys of either size.
"""

from tlscore.crypto import selftest
from tlscore.crypto.aead import Aead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_AES = (("block_cipher", "AES"), ("tlscore.crypto.aes", "AES"))
_GHASH = (
    ("universal_hash", "Ghash"),
    ("tlscore.crypto.ghash", "Ghash"),
)


class AesGcm(Aead):
    """One key of AES-GCM.

    Args:
        key: 16 or 32 bytes.
        parts: classes of AES and GHASH that were chosen for another key.
    """

    def __init__(self, key: bytes, parts: "tuple | None" = None) -> None:
        new_aes, new_ghash = parts or (
            selftest.select(_AES, selftest.aes_passes),
            selftest.select(_GHASH, selftest.ghash_passes),
        )
        self._aes = new_aes(key)
        self._ghash = new_ghash(self._aes.encrypt(bytes(16)))

    def maker(self) -> "Callable":
        """Return what makes the same of another key without choosing again."""
        parts = type(self._aes), type(self._ghash)
        return lambda key: AesGcm(key, parts)

    def mask(self, nonce: bytes, buffer: bytearray, start: int, end: int) -> None:
        """XOR the key stream into `buffer[start:end]`."""
        # Counter 1 is for the tag (SP 800-38D §7.1), the text begins with 2.
        self._aes.xor_key_stream(bytes(nonce) + b"\x00\x00\x00\x02", buffer, start, end)

    def tag(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bytes:
        """Return the tag of the ciphertext in `buffer[start:end]`."""
        ghash = self._ghash
        ghash.restart()
        ghash.update(aad, 0, len(aad))
        ghash.update(buffer, start, end)
        lengths = (len(aad) << 67 | (end - start) << 3).to_bytes(16, "big")
        ghash.update(lengths, 0, 16)
        tag = bytearray(ghash.digest())
        self._aes.xor_key_stream(bytes(nonce) + b"\x00\x00\x00\x01", tag, 0, 16)
        return tag


def best() -> "type":
    """Return the class of AES-GCM to use: all of it by machine code where there is."""
    machine = selftest.kernel("gcm_records")
    return machine.AesGcm if machine else AesGcm
