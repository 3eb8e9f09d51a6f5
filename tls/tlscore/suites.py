"""The cipher suites of TLS 1.3 (RFC 8446 §B.4): one row each.

A further suite is a further row. The limits on the use of a key stand here as well, because they
belong to the AEAD. Rows name their code by strings: nothing is loaded for a suite that is not used,
and a suite whose modules an image leaves out is not offered.
"""

from tlscore.compat import const
from tlscore.crypto import aead, hashes, installed

# Code; bytes of a digest of its hash; constructor in crypto/aead.py; bytes of its key; records
# protected with one key before it is updated; module of crypto/ it needs; offered by default.
#
# Records: for AES-GCM RFC 8446 §5.5 allows 2^24.5 of full size, for AES-CCM RFC 9147 §4.5.3 allows
# 2^23; ChaCha20-Poly1305 needs no limit before the sequence number wraps, 2^24 will do: at one
# record a millisecond it is reached every five hours.
#
# Preferred first. SHA-384 is plain Python on boards, hence its place. The short tags of CCM_8 are
# for who asks for them.
_SUITES = (
    (0x1301, 32, "aes_128_gcm", 16, 0x1000000, "gcm", True),
    (0x1303, 32, "chacha20_poly1305", 32, 0x1000000, "chacha20_poly1305", True),
    (0x1302, 48, "aes_256_gcm", 32, 0x1000000, "gcm", True),
    (0x1304, 32, "aes_128_ccm", 16, 0x800000, "ccm", True),
    (0x1305, 32, "aes_128_ccm_8", 16, 0x800000, "ccm", False),
)
_CODE = const(0)
_DIGEST_BYTES = const(1)
_AEAD = const(2)
_KEY_BYTES = const(3)
_RECORD_LIMIT = const(4)
_MODULE = const(5)
_BY_DEFAULT = const(6)


class CipherSuite:
    """What a cipher suite brings along.

    Attributes:
        code: the suite's number.
        hash: row of crypto/hashes.py.
        key_bytes: size of that key.
        record_limit: records to protect with one key at most.
    """

    _cipher = None

    def __init__(self, row):
        self.code = row[_CODE]
        self.hash = hashes.fastest(hashes.of_size(row[_DIGEST_BYTES]))
        self._aead = row[_AEAD]
        self.key_bytes = row[_KEY_BYTES]
        self.record_limit = row[_RECORD_LIMIT]

    def new_aead(self, key, spare=None):
        """Return the AEAD of crypto/aead.py for a key; its back end is chosen for the first.

        Args:
            key: its bytes.
            spare: an AEAD of this suite that can take another key, and gets it: so nothing more of
                the heap is taken; or None.
        """
        if spare is not None:
            spare.rekey(key)
            return spare
        made = getattr(aead, self._aead)(key, self._cipher)
        maker = getattr(made, "maker", None)
        self._cipher = maker() if maker else type(made)
        return made


def find(code) -> "CipherSuite":
    """Return the suite with that number, or None if it is unknown or the image lacks it."""
    row = _row(code)
    return None if row is None else CipherSuite(row)


def digest_bytes(code):
    """Return the size of a digest of the suite's hash, or None where `find` does."""
    row = _row(code)
    return None if row is None else row[_DIGEST_BYTES]


def _row(code):
    for row in _SUITES:
        if row[_CODE] == code and _available(row):
            return row
    return None


def codes(by_default=False) -> tuple:
    """Return the numbers of the suites this image has, the preferred first.

    Args:
        by_default: leave out those that are only for who asks for them.
    """
    return tuple(
        [row[_CODE] for row in _SUITES if (row[_BY_DEFAULT] or not by_default) and _available(row)]
    )


def _available(row):
    return installed(row[_MODULE]) and (row[_DIGEST_BYTES] == 32 or hashes.has_sha512())
