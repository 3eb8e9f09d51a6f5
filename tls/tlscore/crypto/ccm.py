"""AES-CCM (RFC 3610, NIST SP 800-38C): key stream and tag, for tags of 4 to 16 bytes.

`Aead` in aead.py brings the two together. The tag is of the plaintext. The
names are those of RFC 3610; TLS has nonces of 12 bytes and so a length field of 3 (RFC 6655 §3).
"""

from tlscore.crypto import selftest
from tlscore.crypto.aead import Aead

_AES = (("block_cipher", "AES"), ("tlscore.crypto.aes", "AES"))


class AesCcm(Aead):
    """One key of AES-CCM.

    Args:
        key: 16 or 32 bytes.
        tag_size: an even number of bytes, 4 to 16; TLS uses 16 and 8.

    Raises:
        ValueError: "aes.key_size", "aead.tag_size"; its methods "aead.nonce_size" for a nonce that
            does not have 7 to 13 bytes.
    """

    tags_plaintext = True

    def __init__(self, key: bytes, tag_size: int) -> None:
        if tag_size not in (4, 6, 8, 10, 12, 14, 16):
            raise ValueError("aead.tag_size")
        self._aes = selftest.select(_AES, selftest.aes_passes)(key)
        self.tag_size = tag_size

    def mask(self, nonce: bytes, buffer: bytearray, start: int, end: int) -> None:
        """XOR the key stream into `buffer[start:end]`."""
        # Counter 0 is for the tag (§2.3), the text begins with 1.
        self._aes.xor_key_stream(_counter(nonce, 1), buffer, start, end)

    def tag(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bytes:
        """Return the tag of the plaintext in `buffer[start:end]` (§2.2).

        Raises:
            ValueError: "aead.range" if the nonce leaves no room for the length of the text, or
                `aad` is longer than the short form of its length allows (§2.2: 65,279 bytes).
        """
        mac = bytearray(_counter(nonce, end - start))
        if len(aad) >= 0xFF00:
            raise ValueError("aead.range")
        mac[0] |= (64 if aad else 0) | (self.tag_size - 2) << 2
        aes = self._aes
        # B_0 is the first block; the MAC of zeros before it is that of nothing.
        aes.cbc_mac(mac, bytes(16), 0, 16)
        if aad:
            header = len(aad).to_bytes(2, "big") + bytes(aad)
            aes.cbc_mac(mac, header, 0, len(header))
        aes.cbc_mac(mac, buffer, start, end)
        aes.xor_key_stream(_counter(nonce, 0), mac, 0, 16)
        return mac[: self.tag_size]


def _counter(nonce: bytes, number: int) -> bytes:
    """Return the block of flags, nonce and a number in the octets left (§2.3)."""
    length_bytes = 15 - len(nonce)
    if not 2 <= length_bytes <= 8:
        raise ValueError("aead.nonce_size")
    if number >> (8 * length_bytes):
        raise ValueError("aead.range")
    return bytes((length_bytes - 1,)) + bytes(nonce) + number.to_bytes(length_bytes, "big")
