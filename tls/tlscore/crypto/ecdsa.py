"""Verification of ECDSA signatures (FIPS 186-5 §6.4.2) in their DER form (RFC 3279 §2.2.3).

Everything here is public, nothing is constant-time. Signing is in `ecdsa_sign.py`.
"""

from tlscore.crypto import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash
    from tlscore.crypto.weierstrass import Curve

# Kinds of keys (signature.py) and the modules of their curves.
_CURVES = ((1, "p256"), (3, "p384"))


def curve_of(key: tuple) -> "Curve":
    """Return the curve of a key (kind, bytes), public or private.

    Raises:
        ValueError: "ecdsa.key_kind".
        ImportError: this image has no such curve.
    """
    for kind, module in _CURVES:
        if kind == key[0]:
            return load(module, "curve")()
    raise ValueError("ecdsa.key_kind")


def verify(_hash: "Hash", key: tuple, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` over `digest`, of any hash, is by the EC key (kind, point)."""
    curve = curve_of(key)  # first, for its known answer needs room
    integers = parse_signature(signature)
    if integers is None:
        return False
    return curve.verifies(key[1], digest, *integers)


def leftmost_bits(curve: "Curve", digest: bytes) -> int:
    """Return the leftmost bits of the digest, as many as n has (FIPS 186-5 §6.4.2 step 2).

    That is a multiple of 8 for all curves here.
    """
    return int.from_bytes(digest[: curve.size], "big")


def parse_signature(signature: bytes) -> "tuple | None":
    """Return the integers (r, s) of a DER `Ecdsa-Sig-Value`, or None.

    Strict: short-form lengths that fit exactly, non-negative integers in their shortest form,
    nothing after them. The short form does for curves up to 384 bits.
    """
    size = len(signature)
    if not (2 < size < 130 and signature[0] == 0x30 and signature[1] == size - 2):
        return None
    r, middle = _integer(signature, 2)
    s, end = _integer(signature, middle)
    return (r, s) if end == size else None


def _integer(data: bytes, start: int) -> tuple:
    """Return the value of the DER INTEGER at `start` and where it ends; (0, 0) if it is none."""
    first = start + 2
    if first >= len(data) or data[start] != 0x02:
        return 0, 0
    end = first + data[start + 1]
    if end == first or end > len(data) or data[first] > 127:
        return 0, 0  # empty, cut off or negative
    if data[first] == 0 and end > first + 1 and data[first + 1] < 128:
        return 0, 0  # not the shortest form
    return int.from_bytes(data[first:end], "big"), end
