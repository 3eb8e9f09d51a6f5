"""The cipher suites of TLS 1.2 that are spoken here: one row each (compare ../suites.py).

RFC 5289 and RFC 7905 for ECDHE, RFC 7251 for CCM, RFC 5487, RFC 6655, RFC 7905 and RFC 8442 for
pre-shared keys. A suite whose modules an image leaves out is not offered.
"""

from tlscore import suites
from tlscore.compat import const
from tlscore.crypto import hashes, installed

# How keys are agreed upon and who proves what, as bits.
EXCHANGE = 1  # an ephemeral key exchange: forward secrecy
KEY = 2  # a pre-shared key instead of certificates
RSA = 4  # the server's key is an RSA key; without this and KEY it is one of a curve

# Code; bits; bytes of a digest of its hash; constructor in crypto/aead.py; bytes of its key; bytes
# of the part of the nonce that is a secret (RFC 5288 §3: 4 and 8 more in every record; RFC 7905 §2:
# 12, none in the record); records protected with one key; module of crypto/; offered by default.
#
# Preferred first. The limits are those of ../suites.py; there is no key update, so a connection
# that reaches them has to end.
_SUITES = (
    (0xC02B, 1, 32, "aes_128_gcm", 16, 4, 0x1000000, "gcm", True),
    (0xC02F, 5, 32, "aes_128_gcm", 16, 4, 0x1000000, "gcm", True),
    (0xCCA9, 1, 32, "chacha20_poly1305", 32, 12, 0x1000000, "chacha20_poly1305", True),
    (0xCCA8, 5, 32, "chacha20_poly1305", 32, 12, 0x1000000, "chacha20_poly1305", True),
    (0xC02C, 1, 48, "aes_256_gcm", 32, 4, 0x1000000, "gcm", True),
    (0xC030, 5, 48, "aes_256_gcm", 32, 4, 0x1000000, "gcm", True),
    (0xC0AC, 1, 32, "aes_128_ccm", 16, 4, 0x800000, "ccm", True),
    (0xC0AE, 1, 32, "aes_128_ccm_8", 16, 4, 0x800000, "ccm", False),
    (0xD001, 3, 32, "aes_128_gcm", 16, 4, 0x1000000, "gcm", True),
    (0xCCAC, 3, 32, "chacha20_poly1305", 32, 12, 0x1000000, "chacha20_poly1305", True),
    (0xD005, 3, 32, "aes_128_ccm", 16, 4, 0x800000, "ccm", True),
    (0xD003, 3, 32, "aes_128_ccm_8", 16, 4, 0x800000, "ccm", False),
    (0x00A8, 2, 32, "aes_128_gcm", 16, 4, 0x1000000, "gcm", True),
    (0xCCAB, 2, 32, "chacha20_poly1305", 32, 12, 0x1000000, "chacha20_poly1305", True),
    (0xC0A4, 2, 32, "aes_128_ccm", 16, 4, 0x800000, "ccm", True),
    (0xC0A8, 2, 32, "aes_128_ccm_8", 16, 4, 0x800000, "ccm", False),
)
_CODE = const(0)
_BITS = const(1)
_DIGEST_BYTES = const(2)
_AEAD = const(3)
_KEY_BYTES = const(4)
_SALT_BYTES = const(5)
_RECORD_LIMIT = const(6)
_MODULE = const(7)
_BY_DEFAULT = const(8)


class CipherSuite(suites.CipherSuite):
    """What a cipher suite brings along.

    Attributes:
        code: the suite's number.
        bits: EXCHANGE, KEY and RSA, or-ed.
        hash: row of crypto/hashes.py, of the PRF; a connection takes its fastest.
        key_bytes, salt_bytes: what the key block has for each direction.
        record_limit: records to protect with one key at most.
    """

    def __init__(self, row):
        self.code = row[_CODE]
        self.bits = row[_BITS]
        self.hash = hashes.of_size(row[_DIGEST_BYTES])
        self._aead = row[_AEAD]
        self.key_bytes = row[_KEY_BYTES]
        self.salt_bytes = row[_SALT_BYTES]
        self.record_limit = row[_RECORD_LIMIT]


def find(code) -> "CipherSuite":
    """Return the suite with that number, or None if it is unknown or the image lacks it."""
    for row in _SUITES:
        if row[_CODE] == code and _available(row):
            return CipherSuite(row)
    return None


def codes(kinds) -> tuple:
    """Return the numbers of the suites of some kinds that are offered by default.

    Args:
        kinds: the wanted combinations of EXCHANGE and KEY; the preferred suite comes first.
    """
    return tuple(
        [
            row[_CODE]
            for row in _SUITES
            if row[_BY_DEFAULT] and row[_BITS] & (EXCHANGE | KEY) in kinds and _available(row)
        ]
    )


def _available(row):
    return installed(row[_MODULE]) and (row[_DIGEST_BYTES] == 32 or hashes.has_sha512())
