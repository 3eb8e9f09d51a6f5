"""The algorithms certificates name: one row each, recognised by the exact bytes of the identifier.

The contents of an AlgorithmIdentifier in DER are one sequence of bytes for one algorithm with its
parameters, so comparing them whole is both the shortest and the strictest reading. A new algorithm
is a new row here, and one in tlscore.crypto.signature that verifies it; a row whose primitive the
image leaves out does not exist.

RSASSA-PSS has parameters of its own (RFC 4055 §3.1). Taken are those of RFC 8446 §4.2.3 only: MGF1
with the same hash, a salt as long as the digest, the default trailer field. Its hash identifiers
may carry NULL or nothing, as may the PKCS #1 v1.5 identifiers ("Implementations MUST accept the
parameters being absent as well as present", RFC 4055 §5, and likewise §2.1), so each has two rows.
"""

from tlscore.compat import const
from tlscore.crypto import installed, load, signature
from tlscore.x509.refusal import refuse

# Object identifiers of SHA-256, SHA-384 and SHA-512 end in 1, 2 and 3. Schemes are those of
# tlscore.crypto.signature, as numbers, because only those fold into a constant tuple.
_SIGNATURES = const(
    (
        # ecdsa-with-SHA256, -SHA384: "MUST omit the parameters field" (RFC 5758 §3.2); the curve
        # is the key's to say
        (b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 0x0403),
        (b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 0x0503),
        # sha256WithRSAEncryption, sha384, sha512 (RFC 4055 §5)
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", 0x0401),
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00", 0x0501),
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00", 0x0601),
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 0x0401),
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 0x0501),
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 0x0601),
        # id-Ed25519: "the parameters MUST be absent" (RFC 8410 §3)
        (b"\x06\x03\x2b\x65\x70", 0x0807),
        # id-RSASSA-PSS with SHA-256, SHA-384, SHA-512
        (
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34"
            b"\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
            b"\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
            b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
            b"\xa2\x03\x02\x01\x20",
            0x0804,
        ),
        (
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34"
            b"\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
            b"\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
            b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
            b"\xa2\x03\x02\x01\x30",
            0x0805,
        ),
        (
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34"
            b"\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00"
            b"\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
            b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00"
            b"\xa2\x03\x02\x01\x40",
            0x0806,
        ),
        # the same without the NULLs
        (
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30"
            b"\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"
            b"\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
            b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"
            b"\xa2\x03\x02\x01\x20",
            0x0804,
        ),
        (
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30"
            b"\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02"
            b"\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
            b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02"
            b"\xa2\x03\x02\x01\x30",
            0x0805,
        ),
        (
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30"
            b"\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03"
            b"\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
            b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03"
            b"\xa2\x03\x02\x01\x40",
            0x0806,
        ),
    )
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

# AlgorithmIdentifier contents of SubjectPublicKeyInfo; kind in tlscore.crypto.signature, bytes of
# the key (0: they vary), module of tlscore.crypto that reads it.
_KEYS = const(
    (
        # id-ecPublicKey with secp256r1 and secp384r1 (RFC 5480 §2.1.1); uncompressed (§2.2)
        (
            b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
            1,
            65,
            "p256",
        ),
        (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22", 3, 97, "p384"),
        # rsaEncryption: "The parameters field MUST have ASN.1 type NULL" (RFC 3279 §2.3.1)
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 2, 0, "rsa"),
        # id-Ed25519 (RFC 8410 §3)
        (b"\x06\x03\x2b\x65\x70", 4, 32, "ed25519"),
    )
)


def signature_scheme(identifier):
    """Return the scheme of a signature algorithm, or None if it is not supported."""
    for row in _SIGNATURES:
        if row[0] == identifier:
            return row[1] if row[1] in signature.schemes() else None
    return None


def is_weak_signature_algorithm(identifier) -> bool:
    """Tell whether a signature algorithm is one that RFC 8446 names as broken."""
    for prefix in _WEAK_SIGNATURES:
        if identifier.startswith(prefix):
            return True
    return False


def key_algorithm(identifier):
    """Return the row of a key algorithm, for `public_key`, or None if it is not supported."""
    for row in _KEYS:
        if row[0] == identifier:
            return row if installed(row[3]) else None
    return None


def public_key(row, public: bytes) -> tuple:
    """Return the key `(kind, public)` whose BIT STRING contained `public`.

    Raises:
        PeerMisbehaved: `certificate.key_format`; `certificate.key_size` for an RSA key outside
            the sizes that tlscore.crypto.rsa takes, or not of whole octets.
    """
    kind = row[1]
    if not row[2]:
        if load(row[3], "integers")(public, 2) is None:
            refuse("key_format")
        numbers = load(row[3], "public_numbers")(public)
        # "... the modulus size in bits is evenly divisible by 8" (CA/Browser Forum, Baseline
        # Requirements §6.1.5): nothing else is in use, and no signature format needs to care.
        if numbers is None or load(row[3], "bit_length")(numbers[0]) & 7:
            refuse("key_size")
    elif len(public) != row[2] or (kind != signature.KEY_ED25519 and public[0] != 0x04):
        refuse("key_format")
    return (kind, public)
