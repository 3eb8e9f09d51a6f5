"""The cipher suites of TLS 1.3 as DTLS 1.3 uses them: other labels, a key for record numbers.

RFC 9147 §5.9: labels begin with "dtls13" instead of "tls13 ". Whatever derives a secret is given
the row of a hash, so these suites have rows of their own.
"""

from tlscore import suites
from tlscore.compat import const
from tlscore.crypto import chacha20_poly1305, selftest

SAMPLE_BYTES = 16

_CHACHA20_SUITE = const(0x1303)
_CCM_8_SUITE = const(0x1305)
# Forged records after which a key is given up, §4.5.3: AES-CCM may be tried 2^23.5 times, the
# others 2^36 times; "TLS_AES_128_CCM_8_SHA256 MUST NOT be used in DTLS without additional
# safeguards against forgery": this is one, for who asks for that suite (appendix B: with 2^7 the
# chance is 2^-57).
_FORGERIES_MAX = const(0x800000)
_FORGERIES_MAX_CCM_8 = const(128)
_AES = (("block_cipher", "AES"), ("tlscore.crypto.aes", "AES"))
_CHACHA20 = (
    ("stream_cipher", "ChaCha20"),
    ("tlscore.crypto.chacha20", "ChaCha20"),
)


class Hash:
    """A row of ../crypto/hashes.py with the labels of DTLS 1.3."""

    label_prefix = b"dtls13"

    def __init__(self, row):
        self._row = row

    def __getattr__(self, name):
        """Return what the row has of that name."""
        return getattr(self._row, name)


def find(code):
    """Return the suites.CipherSuite with that number for DTLS 1.3, None if there is none."""
    suite = suites.find(code)
    return None if suite is None else of_tls(suite)


def of_tls(suite):
    """Make a suites.CipherSuite one of DTLS 1.3, and return it."""
    suite.hash = Hash(suite.hash)
    return suite


def forgeries_max(suite) -> int:
    """Return after how many forged records a key of the suite is given up."""
    return _FORGERIES_MAX_CCM_8 if suite.code == _CCM_8_SUITE else _FORGERIES_MAX


class AesMask:
    """The mask of record numbers of the suites with AES (RFC 9147 §4.2.3)."""

    def __init__(self, key):
        self._cipher = selftest.select(_AES, selftest.aes_passes)(key)

    def of(self, sample):
        """Return the mask that goes with the first 16 octets of a ciphertext, bytes."""
        return self._cipher.encrypt(bytes(sample))


class ChaCha20Mask:
    """The mask of record numbers of the suite with ChaCha20."""

    def __init__(self, key):
        self._cipher = selftest.select(_CHACHA20, chacha20_poly1305.chacha20_passes)(key)

    def of(self, sample):
        """Return the mask that goes with the first 16 octets of a ciphertext, a bytearray."""
        mask = bytearray(4)
        counter = int.from_bytes(bytes(sample[:4]), "little")
        self._cipher.xor_key_stream(counter, bytes(sample[4:]), mask, 0, len(mask))
        return mask


def mask_of(suite, key):
    """Return the AesMask or ChaCha20Mask of a key."""
    return (ChaCha20Mask if suite.code == _CHACHA20_SUITE else AesMask)(key)
