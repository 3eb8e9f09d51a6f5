"""What a CertificateVerify signs, and with which scheme (RFC 8446 §4.4.3); for both roles.

Not here: the form of the message (messages.py), the algorithms (crypto/signature.py).
"""

from tlscore.compat import const
from tlscore.crypto import signature
from tlscore.errors import PeerMisbehaved, UsageError, illegal

_ALERT_DECRYPT_ERROR = const(51)

# The context strings, each with the separating zero byte.
BY_SERVER = b"TLS 1.3, server CertificateVerify\x00"
BY_CLIENT = b"TLS 1.3, client CertificateVerify\x00"


def check(scheme, accepted, key, by, transcript_hash, signature_bytes):
    """Check the signature of a peer.

    Args:
        scheme: what the message says.
        accepted: the schemes of our signature_algorithms, and maybe more that are not for this.
        key: the peer's public key, as signature.py describes keys.
        by: BY_SERVER or BY_CLIENT.
        transcript_hash: of the messages up to Certificate.
        signature_bytes: as received, copied to bytes.

    Raises:
        PeerMisbehaved: the scheme was not offered or is not for the key, or the signature is
            wrong.
    """
    # "the signature algorithm MUST be one offered"; and of those offered RSASSA-PKCS1-v1_5 stands
    # for certificates only: the others "MUST" be used here.
    if scheme not in accepted or not signature.is_for_handshake(scheme):
        raise illegal("certificate_verify.unoffered_scheme")
    # "the signature algorithm MUST be compatible with the key in the sender's end-entity
    # certificate": a field "inconsistent with other fields" (§6.2) is an illegal_parameter.
    if not signature.fits(scheme, key):
        raise illegal("certificate_verify.wrong_key")
    if not signature.verify(scheme, key, _signed(scheme, by, transcript_hash), signature_bytes):
        # "If the verification fails, the receiver MUST terminate the handshake with a
        # "decrypt_error" alert."
        raise PeerMisbehaved("certificate_verify.bad_signature", _ALERT_DECRYPT_ERROR)


def sign(scheme, private_key, by, transcript_hash, entropy) -> bytes:
    """Return our own signature; arguments as for `check` and signature.sign.

    Raises:
        UsageError: the private key is none.
    """
    try:
        return signature.sign(scheme, private_key, _signed(scheme, by, transcript_hash), entropy)
    except ValueError:  # found out only by using it
        raise UsageError("credential.bad_private_key")


def choose(private_key, accepted):
    """Return the scheme to sign with, the one most wanted by the peer, or None if there is none.

    Args:
        accepted: the schemes of the peer's signature_algorithms, most wanted first.
    """
    possible = signature.signing_schemes(private_key[0])
    for scheme in accepted:
        if scheme in possible:
            return scheme
    return None


def signature_bytes_max(private_key) -> int:
    """Return how long a signature by a private key can get.

    EC: two integers of the scalar's size and eight bytes of DER around them. Ed25519: 64 bytes.
    RSA: as long as the modulus, and an RSAPrivateKey is more than four times that (RFC 8017
    A.1.2: modulus, exponent as long as it, and five numbers of half its size).
    """
    kind, key = private_key
    if kind == signature.KEY_RSA:
        return len(key) // 4
    return 2 * len(key) + 8


def _signed(scheme, by, transcript_hash):
    """Return what signature.py wants: a digest, or the message where the scheme has no hash."""
    content = b" " * 64 + by + transcript_hash
    hash_ = signature.hash_of(scheme)
    return content if hash_ is None else hash_.new(content).digest()
