"""The two authenticated ciphers of TLS 1.3: AES-GCM (SP 800-38D) and ChaCha20-Poly1305 (RFC 8439).

Both work in place on a range of the caller's buffer and share one interface:

- `tag_size`: 16;
- `seal(nonce, aad, buffer, start, end)` encrypts `buffer[start:end]` and writes the tag behind
  it, at `buffer[end:end + 16]`;
- `open(nonce, aad, buffer, start, end)` takes ciphertext and tag in `buffer[start:end]`, verifies
  the tag *first*, in constant time, and only then decrypts `buffer[start:end - 16]`; False, with
  the buffer untouched, if the tag is wrong.

A nonce of another size than 12 bytes raises ValueError("aead.nonce_size"), a tag or plaintext that
does not fit the buffer ValueError("aead.range"). That no nonce comes twice is the caller's duty,
and so are the limits on the use of a key (RFC 8446 §5.5).

The block functions are chosen here, once, when the module is imported.
"""

from tlscore.crypto import selftest
from tlscore.crypto.hmac import equal

_AES = selftest.select((("tlscore.crypto.aes", "AES"),), selftest.aes_passes)
_Ghash = selftest.select((("tlscore.crypto.ghash", "Ghash"),), selftest.ghash_passes)
_ChaCha20 = selftest.select((("tlscore.crypto.chacha20", "ChaCha20"),), selftest.chacha20_passes)
_Poly1305 = selftest.select((("tlscore.crypto.poly1305", "Poly1305"),), selftest.poly1305_passes)

_TAG_SIZE = 16


def aes_128_gcm(key: bytes) -> "AesGcm":
    """Return the cipher of TLS_AES_128_GCM_SHA256 for a key of 16 bytes.

    Raises:
        ValueError: "aead.key_size".
    """
    if len(key) != 16:
        raise ValueError("aead.key_size")
    return AesGcm(key)


def chacha20_poly1305(key: bytes) -> "ChaCha20Poly1305":
    """Return the cipher of TLS_CHACHA20_POLY1305_SHA256 for a key of 32 bytes.

    Raises:
        ValueError: "aead.key_size".
    """
    if len(key) != 32:
        raise ValueError("aead.key_size")
    return ChaCha20Poly1305(key)


class _Aead:
    """What both ciphers do alike.

    They differ in `_mask(nonce, buffer, start, end)`, which XORs the key stream into the range,
    and `_tag(nonce, aad, buffer, start, end)`, which returns the tag of the ciphertext there.
    """

    tag_size = _TAG_SIZE

    def seal(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> None:
        """Encrypt `buffer[start:end]` in place and write the tag at `buffer[end:end + 16]`."""
        self._check(nonce, buffer, start, end, end + _TAG_SIZE)
        self._mask(nonce, buffer, start, end)
        buffer[end : end + _TAG_SIZE] = self._tag(nonce, aad, buffer, start, end)

    def open(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bool:
        """Verify ciphertext and tag in `buffer[start:end]`, then decrypt in place.

        Returns:
            False, and the buffer as it was, if the tag is wrong or missing.
        """
        self._check(nonce, buffer, start, end, end)
        end -= _TAG_SIZE
        if end < start:
            return False
        expected = self._tag(nonce, aad, buffer, start, end)
        if not equal(expected, buffer[end : end + _TAG_SIZE]):
            return False
        self._mask(nonce, buffer, start, end)
        return True

    def _check(self, nonce: bytes, buffer: bytearray, start: int, end: int, limit: int) -> None:
        if len(nonce) != 12:
            raise ValueError("aead.nonce_size")
        if not 0 <= start <= end <= limit <= len(buffer):
            raise ValueError("aead.range")


class AesGcm(_Aead):
    """AES-GCM with nonces of 96 bits and tags of 128, for AES keys of either size."""

    def __init__(self, key: bytes) -> None:
        self._aes = _AES(key)
        self._ghash = _Ghash(self._aes.encrypt(bytes(16)))

    def _mask(self, nonce: bytes, buffer: bytearray, start: int, end: int) -> None:
        # Counter 1 is for the tag (SP 800-38D §7.1), the text begins with 2.
        self._aes.xor_key_stream(bytes(nonce) + b"\x00\x00\x00\x02", buffer, start, end)

    def _tag(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bytes:
        ghash = self._ghash
        ghash.restart()
        ghash.update(aad, 0, len(aad))
        ghash.update(buffer, start, end)
        lengths = (len(aad) << 67 | (end - start) << 3).to_bytes(16, "big")
        ghash.update(lengths, 0, 16)
        tag = bytearray(ghash.digest())
        self._aes.xor_key_stream(bytes(nonce) + b"\x00\x00\x00\x01", tag, 0, 16)
        return tag


class ChaCha20Poly1305(_Aead):
    """ChaCha20-Poly1305."""

    def __init__(self, key: bytes) -> None:
        self._chacha20 = _ChaCha20(key)

    def _mask(self, nonce: bytes, buffer: bytearray, start: int, end: int) -> None:
        # Block 0 is for the authenticator's key (RFC 8439 §2.8), the text begins with 1.
        self._chacha20.xor_key_stream(1, nonce, buffer, start, end)

    def _tag(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bytes:
        one_time_key = bytearray(32)
        self._chacha20.xor_key_stream(0, nonce, one_time_key, 0, 32)
        mac = _Poly1305(one_time_key)
        mac.update(aad, 0, len(aad), True)
        mac.update(buffer, start, end, True)
        lengths = (len(aad) | (end - start) << 64).to_bytes(16, "little")
        mac.update(lengths, 0, 16)
        return mac.digest()
