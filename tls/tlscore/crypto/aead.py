"""The authenticated ciphers of TLS 1.3 (RFC 8446 §B.4), all with one interface.

They work in place on a range of the caller's buffer:

- `tag_size`: bytes of the tag, 16 or 8;
- `seal(nonce, aad, buffer, start, end)` encrypts `buffer[start:end]` and writes the tag behind
  it, at `buffer[end:end + tag_size]`;
- `open(nonce, aad, buffer, start, end)` takes ciphertext and tag in `buffer[start:end]`, verifies
  the tag in constant time, and leaves the text in `buffer[start:end - tag_size]`; False, with the
  buffer as it was, if the tag is wrong.

A record layer has a key for many records. It says once `count_records(iv)`: then nonces are those
of TLS 1.3 (RFC 8446 §5.3), one after the other, and the five bytes before `start` are the header of
the record and its additional data (§5.2), which is written when it is sealed. `recount(number)`
goes back. Or it says `set_aad_size(size)` once and writes nonce and additional data (16 bytes at
most) into `context`, at `nonce_at` and `aad_at`, for each record. Then

- `seal_record(buffer, start, end)` and `open_record(buffer, start, end)` are `seal` and `open` with
  these;

Of the machine code's ciphers (`crypto/thumb`) none of these allocates anything.

A nonce of another size than 12 bytes raises ValueError("aead.nonce_size"), a tag or plaintext that
does not fit the buffer ValueError("aead.range"). That no nonce comes twice is the caller's duty,
and so are the limits on the use of a key (RFC 8446 §5.5).

Each constructor loads the module of its cipher; the module chooses among the block functions there
are, by a known-answer test, unless it is told the class that was chosen for another key. An image
that leaves a module out (`gcm`, `ccm`, `chacha20_poly1305`; see `tlscore.crypto.installed`) raises
ImportError here.
"""

from tlscore.compat import const
from tlscore.crypto import load
from tlscore.crypto.hmac import equal

_HEADER_BYTES = const(5)


def aes_128_gcm(key: bytes, cipher: "type | None" = None) -> "Aead":
    """Return the cipher of TLS_AES_128_GCM_SHA256 for a key of 16 bytes.

    Raises:
        ValueError: "aead.key_size".
    """
    return (cipher or load("gcm", "best")())(_sized(key, 16))


def aes_256_gcm(key: bytes, cipher: "type | None" = None) -> "Aead":
    """Return the cipher of TLS_AES_256_GCM_SHA384 for a key of 32 bytes.

    Raises:
        ValueError: "aead.key_size".
    """
    return (cipher or load("gcm", "best")())(_sized(key, 32))


def chacha20_poly1305(key: bytes, cipher: "type | None" = None) -> "Aead":
    """Return the cipher of TLS_CHACHA20_POLY1305_SHA256 for a key of 32 bytes.

    Raises:
        ValueError: "aead.key_size".
    """
    return (cipher or load("chacha20_poly1305", "best")())(_sized(key, 32))


def aes_128_ccm(key: bytes, cipher: "type | None" = None) -> "Aead":
    """Return the cipher of TLS_AES_128_CCM_SHA256 for a key of 16 bytes.

    Raises:
        ValueError: "aead.key_size".
    """
    return (cipher or load("ccm", "AesCcm"))(_sized(key, 16), 16)


def aes_128_ccm_8(key: bytes, cipher: "type | None" = None) -> "Aead":
    """Return the cipher of TLS_AES_128_CCM_8_SHA256 for a key of 16 bytes; its tags have 8.

    Raises:
        ValueError: "aead.key_size".
    """
    return (cipher or load("ccm", "AesCcm"))(_sized(key, 16), 8)


def _sized(key: bytes, size: int) -> bytes:
    if len(key) != size:
        raise ValueError("aead.key_size")
    return key


class Aead:
    """What all ciphers do alike; each one's module adds its key and two methods.

    `mask(nonce, buffer, start, end)` XORs the key stream into the range, `tag(nonce, aad, buffer,
    start, end)` returns the tag of what is there.

    Attributes:
        tag_size: bytes of the tag.
        nonce_size: bytes of a nonce; TLS has no other than 12.
        tags_plaintext: whether the tag is of the plaintext or of the ciphertext.
    """

    tag_size = 16
    nonce_size = 12
    tags_plaintext = False
    nonce_at = 0
    aad_at = 16

    def count_records(self, iv: bytes) -> None:
        """Make the nonces of records of this IV, and write and read their headers."""
        self.set_aad_size(_HEADER_BYTES)
        self._iv = int.from_bytes(iv, "big")

    def recount(self, number: int) -> None:
        """Let the next record be that of the number."""
        self._number = number

    def set_aad_size(self, size: int) -> None:
        """Learn how much additional data each record has; make the context."""
        self.context = bytearray(self.aad_at + size)
        self._aad = memoryview(self.context)[self.aad_at :]
        self._iv = None
        self._number = 0

    def seal_record(self, buffer: bytearray, start: int, end: int) -> None:
        """Encrypt `buffer[start:end]` in place and write the tag behind it."""
        if self._iv is not None:
            size = end - start + self.tag_size
            buffer[start - _HEADER_BYTES : start] = bytes((23, 3, 3, size >> 8, size & 0xFF))
        self.seal(self._next(buffer, start), self._aad, buffer, start, end)

    def open_record(self, buffer: bytearray, start: int, end: int) -> bool:
        """Verify ciphertext and tag in `buffer[start:end]` and decrypt in place."""
        return self.open(self._next(buffer, start), self._aad, buffer, start, end)

    def _next(self, buffer, start):
        """Return the nonce of the next record, and use its header, if records are counted."""
        if self._iv is None:
            return self.context[: self.nonce_size]
        self._aad[:] = buffer[start - _HEADER_BYTES : start]
        number = self._number
        self._number = number + 1
        return (self._iv ^ number).to_bytes(self.nonce_size, "big")

    def seal(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> None:
        """Encrypt `buffer[start:end]` in place and write the tag behind it."""
        self._check(nonce, buffer, start, end, end + self.tag_size)
        if self.tags_plaintext:
            tag = self.tag(nonce, aad, buffer, start, end)
            self.mask(nonce, buffer, start, end)
        else:
            self.mask(nonce, buffer, start, end)
            tag = self.tag(nonce, aad, buffer, start, end)
        buffer[end : end + self.tag_size] = tag

    def open(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bool:
        """Verify ciphertext and tag in `buffer[start:end]` and decrypt in place.

        Where the tag is of the ciphertext nothing is decrypted before it is found right. Where it
        is of the plaintext, text that turns out wrong is encrypted again.

        Returns:
            False, and the buffer as it was, if the tag is wrong or missing.
        """
        self._check(nonce, buffer, start, end, end)
        end -= self.tag_size
        if end < start:
            return False
        if self.tags_plaintext:
            self.mask(nonce, buffer, start, end)
        expected = self.tag(nonce, aad, buffer, start, end)
        good = equal(expected, buffer[end : end + self.tag_size])
        if good != self.tags_plaintext:
            self.mask(nonce, buffer, start, end)
        return good

    def _check(self, nonce: bytes, buffer: bytearray, start: int, end: int, limit: int) -> None:
        if len(nonce) != self.nonce_size:
            raise ValueError("aead.nonce_size")
        if not 0 <= start <= end <= limit <= len(buffer):
            raise ValueError("aead.range")
