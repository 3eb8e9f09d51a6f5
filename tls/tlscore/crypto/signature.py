"""Signature schemes of TLS: which key and hash each one takes, who verifies it and who signs.

A row per scheme; a new algorithm is a new row. The codes are those of RFC 8446 §4.2.3. A row whose
modules the image leaves out is not offered, and no module is loaded before it is used.

Keys are plain tuples (kind, bytes):

| kind        | public key                          | private key                           |
|-------------|-------------------------------------|---------------------------------------|
| KEY_EC_P256 | uncompressed point, 65 bytes        | scalar, 32 bytes                      |
| KEY_EC_P384 | uncompressed point, 97 bytes        | scalar, 48 bytes                      |
| KEY_ED25519 | 32 bytes (RFC 8032 §5.1.5)          | seed, 32 bytes                        |
| KEY_RSA     | DER RSAPublicKey (RFC 8017 A.1.1)   | DER RSAPrivateKey (RFC 8017 A.1.2)    |

The public ones are what the BIT STRING of a SubjectPublicKeyInfo holds.

What is signed comes as the digest `hash_of(scheme)` makes of it. Ed25519 has no such hash: it reads
its message twice, first together with the key and the signature, so `hash_of` returns None and the
message itself is passed. For a CertificateVerify that is 130 bytes at most; of a certificate signed
with Ed25519 the whole TBSCertificate has to be kept until its issuer's key is there, so whoever
parses certificates sets a limit to it.
"""

from tlscore.compat import const
from tlscore.crypto import hashes, installed, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash

KEY_EC_P256 = const(1)
KEY_RSA = const(2)
KEY_EC_P384 = const(3)
KEY_ED25519 = const(4)

# The columns: code; kind of key in a CertificateVerify, 0 if not for that; kinds of key that may
# sign certificates so; size of the hash's digest, 0 for none; verifier; signer. Verifier and signer
# are module and function as `load` takes them. The preferred scheme comes first.
#
# A certificate's signature algorithm names no curve, and hashes and curves combine at will there
# (RFC 5758 §3.2): its ecdsa-with-SHA256 is the row 0x0403 whatever the curve of the issuer's key.
# RSASSA-PKCS1-v1_5 is for certificates only, "not defined for use in signed TLS handshake
# messages" (RFC 8446 §4.2.3).
_SCHEMES = (
    # ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, ed25519
    (0x0403, KEY_EC_P256, (1, 3), 32, ("ecdsa", "verify"), ("ecdsa_sign", "sign")),
    (0x0804, KEY_RSA, (2,), 32, ("rsa", "verify_pss"), ("rsa_sign", "sign_pss")),
    (0x0807, KEY_ED25519, (4,), 0, ("ed25519", "verify"), ("ed25519", "sign")),
    # ecdsa_secp384r1_sha384, rsa_pss_rsae_sha384, rsa_pss_rsae_sha512
    (0x0503, KEY_EC_P384, (1, 3), 48, ("ecdsa", "verify"), ("ecdsa_sign", "sign")),
    (0x0805, KEY_RSA, (2,), 48, ("rsa", "verify_pss"), ("rsa_sign", "sign_pss")),
    (0x0806, KEY_RSA, (2,), 64, ("rsa", "verify_pss"), ("rsa_sign", "sign_pss")),
    # rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512
    (0x0401, 0, (2,), 32, ("rsa", "verify_pkcs1"), None),
    (0x0501, 0, (2,), 48, ("rsa", "verify_pkcs1"), None),
    (0x0601, 0, (2,), 64, ("rsa", "verify_pkcs1"), None),
)
_CODE = const(0)
_HANDSHAKE_KIND = const(1)
_CERTIFICATE_KINDS = const(2)
_DIGEST_BYTES = const(3)
_VERIFIER = const(4)
_SIGNER = const(5)


def schemes() -> tuple:
    """Return the codes of all schemes that can be verified, the preferred one first.

    This is what signature_algorithms offers. Where the extension signature_algorithms_cert is not
    sent it stands for certificates too (RFC 8446 §4.2.3), so those for certificates only are there.
    """
    return tuple([row[_CODE] for row in _SCHEMES if _has(row, _VERIFIER)])


def is_for_handshake(scheme: int) -> bool:
    """Whether a CertificateVerify may use the scheme; the others are for certificates only."""
    return _row(scheme)[_HANDSHAKE_KIND] != 0


def fits(scheme: int, key: tuple) -> bool:
    """Whether a key, public or private, is of the kind that signs a handshake by the scheme."""
    return _row(scheme)[_HANDSHAKE_KIND] == key[0]


def signing_schemes(kind: int) -> tuple:
    """Return the codes of the schemes a private key of that kind can sign a handshake with.

    Empty for a kind that is unknown or whose signer the image leaves out.
    """
    return tuple(
        [row[_CODE] for row in _SCHEMES if row[_HANDSHAKE_KIND] == kind and _has(row, _SIGNER)]
    )


def hash_of(scheme: int) -> "Hash | None":
    """Return the hash a scheme signs, or None if it signs the message itself (Ed25519).

    Raises:
        ValueError: "signature.unknown_scheme".
    """
    return hashes.of_size(_row(scheme)[_DIGEST_BYTES])


def verify(scheme: int, key: tuple, signed: bytes, signature: bytes) -> bool:
    """Whether `signature` of a CertificateVerify is by `key`.

    Args:
        key: public; one of another kind than the scheme's verifies nothing.
        signed: digest of `hash_of(scheme)` over the signed data, or the data where that is None.

    Raises:
        ValueError: "signature.unknown_scheme": ask only for what `schemes` lists.
    """
    row = _row(scheme)
    return fits(scheme, key) and _verifier(row)(_hash(row), key, signed, signature)


def verify_certificate(scheme: int, key: tuple, signed: bytes, signature: bytes) -> bool:
    """Whether `signature` of a certificate is by its issuer's `key`; like `verify` otherwise.

    RSASSA-PKCS1-v1_5 is allowed here, and ECDSA with any curve under any hash.
    """
    row = _row(scheme)
    fitting = key[0] in row[_CERTIFICATE_KINDS]
    return fitting and _verifier(row)(_hash(row), key, signed, signature)


def sign(scheme: int, private_key: tuple, signed: bytes, entropy) -> bytes:
    """Return the signature for a CertificateVerify, in the encoding TLS sends.

    Args:
        scheme: one of `signing_schemes(private_key[0])`.
        private_key: (kind, bytes) as the table above says.
        signed: digest of `hash_of(scheme)` over the signed data, or the data where that is None.
        entropy: source of random octets with `fill(buffer)`, see entropy.py. RSA draws its salt
            and blinding from it; ECDSA hedges its nonce with it, Ed25519 does not need it.

    Raises:
        ValueError: "signature.unknown_scheme", "signature.wrong_key" if the scheme is for another
            kind of key, or a dotted reason of the algorithm for a key that is none.
    """
    row = _row(scheme)
    if not private_key[0] or private_key[0] != row[_HANDSHAKE_KIND]:
        raise ValueError("signature.wrong_key")
    module, name = row[_SIGNER]
    return load(module, name)(hash_of(scheme), private_key, signed, entropy)


def public_of(private_key: tuple) -> tuple:
    """Return the public key (kind, bytes) of a private one.

    Raises:
        ValueError: "signature.wrong_key" for an unknown kind; a dotted reason for a bad key.
    """
    for row in _SCHEMES:
        if private_key[0] and row[_HANDSHAKE_KIND] == private_key[0]:
            return private_key[0], load(row[_SIGNER][0], "public_of")(private_key)
    raise ValueError("signature.wrong_key")


def _verifier(row: tuple):
    """Return what verifies; it is called by whoever asked, for it needs the most stack of all."""
    module, name = row[_VERIFIER]
    return load(module, name)


def _hash(row: tuple) -> "Hash | None":
    return hashes.of_size(row[_DIGEST_BYTES])


def _has(row: tuple, column: int) -> bool:
    """Whether the image has all that the verifier or signer of a row needs."""
    return (
        row[column] is not None
        and installed(row[column][0])
        and (row[_DIGEST_BYTES] == 32 or hashes.has_sha512())
        and (row[_HANDSHAKE_KIND] != KEY_EC_P384 or installed("p384"))
    )


def _row(scheme: int) -> tuple:
    for row in _SCHEMES:
        if row[_CODE] == scheme:
            return row
    raise ValueError("signature.unknown_scheme")
