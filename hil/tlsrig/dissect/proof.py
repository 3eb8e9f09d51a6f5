"""A proof as it is shown: what was recomputed, how it came out, and every step on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from hil.tlsrig import names
from hil.tlsrig.dissect.exchange import Message

# What `cryptography` raises over a certificate that is broken or of an unknown kind, as soon as it
# is loaded or not before a part of it is looked at.
UNREADABLE = (
    *(ValueError, UnsupportedAlgorithm, x509.InvalidVersion),
    *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


@dataclass(frozen=True)
class Step:
    """One line of a proof: what it is, its bytes, how it comes about."""

    name: str
    data: bytes | None = None
    how: str = ""


@dataclass(frozen=True)
class Proof:
    """One recomputation.

    Attributes:
        title: what is proved.
        right: it came out as on the wire; None when it could not be done.
        outcome: the same in words.
        steps: how.
    """

    title: str
    right: bool | None
    outcome: str
    steps: tuple[Step, ...] = ()


def listed(messages: Iterable[Message]) -> str:
    """Return messages' names in order, for people."""
    return ", ".join(message.name for message in messages)


def who(message: Message) -> str:
    """Return which end sent a message."""
    return "client" if message.from_client else "server"


def of_signature(message: Message, key: object, signed: bytes, steps: tuple[Step, ...]) -> Proof:
    """Verify the signature in a message.

    Args:
        message: with the fields `algorithm` and `signature_bytes`.
        key: public key of its sender's certificate, None where there is none.
        signed: what it is a signature of.
        steps: how that was put together.
    """
    title = f"The {who(message)}'s signature, verified"
    scheme = message.field.first("algorithm")
    signature = message.field.first("signature_bytes")
    if key is None or scheme is None or signature is None or scheme.code is None:
        return Proof(title, None, "cannot be checked: there is no key to check it with", steps)
    right = verifies(key, scheme.code, signature.data, signed)
    if right is None:
        return Proof(title, None, f"cannot be checked: {scheme.value} is not known here", steps)
    outcome = (
        f"verified with the key of the certificate, as {scheme.value}"
        if right
        else "WRONG: it is not a signature of this content with the certificate's key"
    )
    return Proof(title, right, outcome, steps)


def verifies(key: object, scheme: int, signature: bytes, signed: bytes) -> bool | None:
    """Check a signature by its scheme (RFC 8446 §4.2.3); None for one that is not known here."""
    name = names.SIGNATURES.get(scheme, "")
    bits = name[-3:]
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and name.startswith("ecdsa_secp"):
            key.verify(signature, signed, ec.ECDSA(_HASHES[bits]))
        elif isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
            key.verify(signature, signed)
        elif isinstance(key, rsa.RSAPublicKey) and name.startswith("rsa_pss"):
            chosen = _HASHES[bits]
            pss = padding.PSS(padding.MGF1(chosen), salt_length=chosen.digest_size)
            key.verify(signature, signed, pss, chosen)
        elif isinstance(key, rsa.RSAPublicKey) and name.startswith("rsa_pkcs1") and bits in _HASHES:
            key.verify(signature, signed, padding.PKCS1v15(), _HASHES[bits])
        else:
            return None
    except InvalidSignature:
        return False
    return True
