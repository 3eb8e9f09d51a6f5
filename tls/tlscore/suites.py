"""The cipher suites of TLS 1.3 (RFC 8446 §B.4): one row each.

A further suite is a further row. The limits on the use of a key stand here as well, because they
belong to the AEAD.
"""

from tlscore.codepoints import TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256
from tlscore.crypto import aead
from tlscore.crypto.hashes import SHA256

# Records protected with one key before the key is updated (RFC 8446 §5.5). For AES-GCM the RFC
# allows 2^24.5 full-size records; ChaCha20-Poly1305 needs no limit before the sequence number
# wraps. 2^24 serves both: at one record a millisecond it is reached every five hours.
_RECORD_LIMIT = 1 << 24


class CipherSuite:
    """What a cipher suite brings along.

    Attributes:
        code: the suite's number.
        hash: row of crypto/hashes.py.
        new_aead: function from a key to the AEAD of crypto/aead.py.
        key_bytes: size of that key.
        record_limit: records to protect with one key at most.
    """

    def __init__(self, code, hash_, new_aead, key_bytes, record_limit):
        self.code = code
        self.hash = hash_
        self.new_aead = new_aead
        self.key_bytes = key_bytes
        self.record_limit = record_limit


SUITES = (
    CipherSuite(TLS_AES_128_GCM_SHA256, SHA256, aead.aes_128_gcm, 16, _RECORD_LIMIT),
    CipherSuite(TLS_CHACHA20_POLY1305_SHA256, SHA256, aead.chacha20_poly1305, 32, _RECORD_LIMIT),
)


def find(code) -> "CipherSuite":
    """Return the suite with that number, or None."""
    for suite in SUITES:
        if suite.code == code:
            return suite
    return None
