"""The algorithms certificates name: one row each, recognised by the exact bytes of the identifier.

The contents of an AlgorithmIdentifier in DER are one sequence of bytes for one algorithm with its
parameters, so comparing them whole is both the shortest and the strictest reading. A new algorithm
is a new row here, and one in tlscore.crypto.signature that verifies it.
"""

from tlscore.codepoints import ECDSA_SECP256R1_SHA256
from tlscore.compat import const
from tlscore.crypto.hashes import SHA256
from tlscore.crypto.signature import KEY_EC_P256

# AlgorithmIdentifier contents, scheme of tlscore.crypto.signature, hash of the TBSCertificate.
_SIGNATURES = (
    # ecdsa-with-SHA256, "MUST omit the parameters field" (RFC 5758 §3.2)
    (b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", ECDSA_SECP256R1_SHA256, SHA256),
)

# Signature object identifiers on MD5 and SHA-1: "MUST abort the handshake with a
# "bad_certificate" alert" and "RECOMMENDED" to do the same (RFC 8446 §4.4.2.4).
_WEAK_SIGNATURES = const(
    (
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04",  # md5WithRSAEncryption
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",  # sha1WithRSAEncryption
        b"\x06\x07\x2a\x86\x48\xce\x3d\x04\x01",  # ecdsa-with-SHA1
    )
)

# AlgorithmIdentifier contents of SubjectPublicKeyInfo, kind, bytes of the key, its first byte.
_KEYS = (
    # id-ecPublicKey with secp256r1 (RFC 5480 §2.1.1); uncompressed point (§2.2)
    (
        b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        KEY_EC_P256,
        65,
        0x04,
    ),
)


def signature_algorithm(identifier):
    """Return the row `(identifier, scheme, hash)` of a signature algorithm, or None."""
    return _find(_SIGNATURES, identifier)


def is_weak_signature_algorithm(identifier) -> bool:
    """Tell whether a signature algorithm is one that RFC 8446 names as broken."""
    for prefix in _WEAK_SIGNATURES:
        if identifier.startswith(prefix):
            return True
    return False


def key_algorithm(identifier):
    """Return the row `(identifier, kind, key bytes, first byte)` of a key algorithm, or None."""
    return _find(_KEYS, identifier)


def _find(rows, identifier):
    for row in rows:
        if row[0] == identifier:
            return row
    return None
