"""Signatures in TLS 1.2 handshakes: ServerKeyExchange and CertificateVerify (RFC 5246 §7.4.1.4.1).

The codes are those of ../crypto/signature.py. Unlike in TLS 1.3 ECDSA goes with any curve whatever
its hash (RFC 8446 §4.2.3 says so of TLS 1.2), and RSASSA-PKCS1-v1_5 signs handshakes too: devices
and servers that know no PSS are still many. SHA-1 is neither offered nor accepted.
"""

from tlscore.compat import const
from tlscore.crypto import hashes, load, signature
from tlscore.errors import PeerMisbehaved, UsageError, illegal

_ALERT_DECRYPT_ERROR = const(51)
_RSA_PKCS1 = (0x0401, 0x0501, 0x0601)
_ECDSA = (0x0403, 0x0503)


def signing_schemes(kind, digest_bytes=None) -> tuple:
    """Return the codes of the schemes a private key of that kind can sign with, preferred first.

    Args:
        digest_bytes: only those whose hash has digests of this size.
    """
    found = signature.signing_schemes(kind)
    if not found:
        return ()
    if kind in (signature.KEY_EC_P256, signature.KEY_EC_P384):
        found = _ECDSA if hashes.has_sha512() else _ECDSA[:1]
    elif kind == signature.KEY_RSA:
        found += tuple([code for code in _RSA_PKCS1 if code == 0x0401 or hashes.has_sha512()])
    if digest_bytes is None:
        return found
    return tuple([code for code in found if _digest_bytes(code) == digest_bytes])


def schemes_with(kept, accepted) -> list:
    """Return those of the schemes whose hash is one of those kept (None among them is none)."""
    sizes = [hash_.size for hash_ in kept if hash_ is not None]
    return [code for code in accepted if _digest_bytes(code) in sizes]


def _digest_bytes(scheme):
    hash_ = signature.hash_of(scheme)
    return 0 if hash_ is None else hash_.size


def sign(scheme, private_key, signed, entropy) -> bytes:
    """Return a signature.

    Args:
        scheme: one of `signing_schemes(private_key[0])`.
        signed: the digest by the scheme's hash, or the message where it has none.

    Raises:
        UsageError: the private key is none.
    """
    try:
        if scheme in _RSA_PKCS1:
            sign_pkcs1 = load_pkcs1()
            return sign_pkcs1(signature.hash_of(scheme), private_key, signed, entropy)
        if scheme in _ECDSA:
            ecdsa = load("ecdsa_sign", "sign")
            return ecdsa(signature.hash_of(scheme), private_key, signed, entropy)
        return signature.sign(scheme, private_key, signed, entropy)
    except ValueError:  # found out only by using it
        raise UsageError("credential.bad_private_key")


def load_pkcs1():
    """Return the signer of RSASSA-PKCS1-v1_5."""
    from tlscore.tls12.rsa_pkcs1 import sign_pkcs1  # noqa: PLC0415 -- few need it

    return sign_pkcs1


def check(subject, scheme, accepted, key, signed, signature_bytes):
    """Check the signature of a peer.

    Args:
        subject: name of the message, the first part of the reason.
        scheme: what the message says.
        accepted: the schemes we offered or asked for.
        key: the peer's public key.
        signed: function from a hash (row of crypto/hashes.py, or None) to what was signed.
        signature_bytes: as received.

    Raises:
        PeerMisbehaved: the scheme was not offered, or the signature is not by the key.
    """
    # RFC 5246 §7.4.3: "the hash and signature algorithms ... MUST be a pair that is present in
    # that extension".
    if scheme not in accepted:
        raise illegal(subject + ".unoffered_scheme")
    digest = signed(signature.hash_of(scheme))
    if not signature.verify_certificate(scheme, key, digest, bytes(signature_bytes)):
        # §7.2.2: decrypt_error, "unable to correctly verify a signature".
        raise PeerMisbehaved(subject + ".bad_signature", _ALERT_DECRYPT_ERROR)
