"""Opening a record in pieces, by the portable ciphers; those of machine code do it themselves.

`begin(cipher, buffer, start, size)` returns an object with

- `open_piece(buffer, start, end)`, which decrypts the next piece in place: all but the last are a
  multiple of 64 bytes;
- `open_last(buffer, start, end)`, which decrypts the last one, maybe of no bytes, and tells
  whether the tag behind it, at `buffer[end:end + tag_size]`, is right. Whatever was decrypted must
  not be used before.

It belongs to the next record of the cipher, as `Aead.open_record` does: where records are counted
the header lies before `start`, otherwise the context has nonce and additional data.

Not here: where the pieces come from and what may be done with them (../large_record.py).
"""

from tlscore.compat import const
from tlscore.crypto.hmac import equal

# Bytes of a piece are a multiple of this: a block of ChaCha20, four of AES.
PIECE_BYTES = const(64)


def begin(cipher, buffer: bytearray, start: int, size: int):
    """Begin to open the next record.

    Args:
        cipher: an Aead of aead.py, or one of machine code.
        buffer, start: where the first piece will begin.
        size: bytes of the whole text, without the tag.
    """
    begin_pieces = getattr(cipher, "begin_pieces", None)
    if begin_pieces is not None:
        return begin_pieces(buffer, start)
    new = _Ccm if cipher.tags_plaintext else _Gcm if hasattr(cipher, "_ghash") else _ChaCha
    # The ciphers' own parts are what this works with: it is part of them, apart because few need
    # it.
    return new(cipher, bytes(cipher._next(buffer, start)), cipher._aad, size)


class _Pieces:
    """A record that is being opened.

    Args:
        cipher: the portable cipher.
        nonce: 12 bytes.
        aad: additional data.
        size: bytes of the whole text.
    """

    def __init__(self, cipher, nonce: bytes, aad: bytes, size: int) -> None:
        self._cipher = cipher
        self._nonce = nonce
        self._aad = aad
        self._size = size
        self._counter = self._begin()

    def open_last(self, buffer: bytearray, start: int, end: int) -> bool:
        """Decrypt the last piece; tell whether the tag behind it is right."""
        if start < end:
            self.open_piece(buffer, start, end)
        return equal(self._tag(), buffer[end : end + self._cipher.tag_size])


class _Gcm(_Pieces):
    """NIST SP 800-38D §7.2."""

    def _begin(self) -> int:
        ghash = self._cipher._ghash
        ghash.restart()
        ghash.update(self._aad, 0, len(self._aad))
        return 2

    def open_piece(self, buffer: bytearray, start: int, end: int) -> None:
        """Add the ciphertext to the sum and decrypt it."""
        self._cipher._ghash.update(buffer, start, end)
        block = self._nonce + self._counter.to_bytes(4, "big")
        self._cipher._aes.xor_key_stream(block, buffer, start, end)
        self._counter += (end - start) >> 4

    def _tag(self) -> bytes:
        ghash = self._cipher._ghash
        lengths = (len(self._aad) << 67 | self._size << 3).to_bytes(16, "big")
        ghash.update(lengths, 0, 16)
        tag = bytearray(ghash.digest())
        self._cipher._aes.xor_key_stream(self._nonce + b"\x00\x00\x00\x01", tag, 0, 16)
        return tag


class _ChaCha(_Pieces):
    """RFC 8439 §2.8."""

    def _begin(self) -> int:
        one_time_key = bytearray(32)
        self._cipher._chacha20.xor_key_stream(0, self._nonce, one_time_key, 0, 32)
        self._mac = mac = self._cipher._new_mac(one_time_key)
        mac.update(self._aad, 0, len(self._aad), True)
        return 1

    def open_piece(self, buffer: bytearray, start: int, end: int) -> None:
        """Add the ciphertext to the sum and decrypt it."""
        self._mac.update(buffer, start, end, True)
        self._cipher._chacha20.xor_key_stream(self._counter, self._nonce, buffer, start, end)
        self._counter += (end - start) >> 6

    def _tag(self) -> bytes:
        lengths = (len(self._aad) | self._size << 64).to_bytes(16, "little")
        self._mac.update(lengths, 0, 16)
        return self._mac.digest()


class _Ccm(_Pieces):
    """RFC 3610 §2: the tag is of the plaintext."""

    def _begin(self) -> int:
        cipher, aad = self._cipher, self._aad
        flags = 2 | (64 if len(aad) else 0) | (cipher.tag_size - 2) << 2
        self._mac = mac = bytearray(bytes((flags,)) + self._nonce + self._size.to_bytes(3, "big"))
        # The MAC of zeros before the first block is that of nothing.
        cipher._aes.cbc_mac(mac, bytes(16), 0, 16)
        if len(aad):
            header = len(aad).to_bytes(2, "big") + bytes(aad)
            cipher._aes.cbc_mac(mac, header, 0, len(header))
        return 1

    def open_piece(self, buffer: bytearray, start: int, end: int) -> None:
        """Decrypt and add the plaintext to the sum."""
        aes = self._cipher._aes
        aes.xor_key_stream(self._block(self._counter), buffer, start, end)
        aes.cbc_mac(self._mac, buffer, start, end)
        self._counter += (end - start) >> 4

    def _block(self, number: int) -> bytes:
        return b"\x02" + self._nonce + number.to_bytes(3, "big")

    def _tag(self) -> bytes:
        self._cipher._aes.xor_key_stream(self._block(0), self._mac, 0, 16)
        return self._mac[: self._cipher.tag_size]
