"""Signature schemes of TLS: which key and hash each one takes, and who verifies it.

A row per scheme; a new algorithm is a new row. The scheme codes are those of RFC 8446 §4.2.3. A
key is a tuple (kind, material), the material as the verifier of that kind reads it.
"""

from tlscore.crypto.ecdsa import verify_p256
from tlscore.crypto.hashes import SHA256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash

# Kinds of public keys. KEY_EC_P256: the uncompressed point, 65 bytes.
KEY_EC_P256 = 1

# (scheme, kind of key, hash of the signed data, verifier(material, digest, signature) -> bool)
_SCHEMES = ((0x0403, KEY_EC_P256, SHA256, verify_p256),)  # ecdsa_secp256r1_sha256


def schemes() -> tuple:
    """Return the codes of all schemes, the preferred one first."""
    return tuple([row[0] for row in _SCHEMES])


def hash_of(scheme: int) -> "Hash":
    """Return the hash a scheme signs.

    Raises:
        ValueError: "signature.unknown_scheme".
    """
    return _row(scheme)[2]


def verify(scheme: int, key: tuple, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` over `digest` is by `key`; False too if the key is of another kind.

    Args:
        digest: of `hash_of(scheme)` over the signed data.

    Raises:
        ValueError: "signature.unknown_scheme": ask only for what `schemes` lists.
    """
    row = _row(scheme)
    kind, material = key
    return kind == row[1] and row[3](material, digest, signature)


def _row(scheme: int) -> tuple:
    for row in _SCHEMES:
        if row[0] == scheme:
            return row
    raise ValueError("signature.unknown_scheme")
