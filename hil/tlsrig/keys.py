"""Private keys made for one run: their kinds, how they sign certificates, what boards are told.

A kind is named as scenarios write it: `p256`, `p384`, `ed25519`, `rsa2048` and its larger
siblings. Keys are `cryptography`'s; a board gets them as the plain tuples that
tlscore.crypto.signature reads. Out of scope: keeping a key longer than a run.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from hil.errors import HilError
from tlscore.crypto import signature

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicTuple = tuple[int, bytes]

# The curve of a kind, and the hash that fits its size (RFC 5480 §4).
_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "p256": (ec.SECP256R1(), hashes.SHA256()),
    "p384": (ec.SECP384R1(), hashes.SHA384()),
}
KINDS = ("p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096")


def make(kind: str) -> PrivateKey:
    """Make a new private key of a kind.

    Raises:
        HilError: there is no such kind.
    """
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind][0])
    if kind in KINDS:
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))
    raise HilError(f"no keys are called {kind!r}; hil/tlsrig/keys.py knows {', '.join(KINDS)}")


def signing_options(key: PrivateKey, *, pss: bool = False) -> dict[str, Any]:
    """Return what `CertificateBuilder.sign` is told besides the key.

    Args:
        pss: RSA keys sign by RSASSA-PSS, with a salt as long as the hash (RFC 8446 §4.2.3),
            instead of PKCS #1 v1.5.
    """
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"algorithm": None}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"algorithm": _CURVES[f"p{key.key_size}"][1]}
    options: dict[str, Any] = {"algorithm": hashes.SHA256()}
    if pss:
        options["rsa_padding"] = padding.PSS(
            padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH
        )
    return options


def public_tuple(key: PrivateKey) -> PublicTuple:
    """Return the public key as boards read it: its kind in tlscore and its bytes."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return signature.KEY_ED25519, public.public_bytes_raw()
    if isinstance(public, rsa.RSAPublicKey):
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        return signature.KEY_RSA, der
    point = public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    kind = signature.KEY_EC_P256 if public.key_size == 256 else signature.KEY_EC_P384
    return kind, point


def public_info(key: PrivateKey) -> bytes:
    """Return the SubjectPublicKeyInfo, DER: what RFC 7250 sends instead of a certificate."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def private_tuple(key: PrivateKey) -> tuple[int, bytes]:
    """Return the private key as boards read it: its kind in tlscore and its bytes."""
    kind = public_tuple(key)[0]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return kind, key.private_bytes_raw()
    if isinstance(key, rsa.RSAPrivateKey):
        return kind, key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,  # the name of PKCS #1 here
            serialization.NoEncryption(),
        )
    size = key.key_size // 8
    return kind, key.private_numbers().private_value.to_bytes(size, "big")
