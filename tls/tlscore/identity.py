"""What our own certificates say: whose key is in them, how they are signed.

`check` tells whether a private key belongs to what is shown with it, for both roles. It costs a
multiplication on the curve and loads the parser of certificates, so a configuration asks for it
only if told to (`check_private_key`); whoever puts an identity on a board can ask here once, on a
PC. `is_signed_with` is for clients.
"""

from tlscore.crypto.signature import public_of
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.x509.anchor import AnchorParser
from tlscore.x509.grammar import CERTIFICATE, PUBLIC_KEY_INFO


def check(private_key, certificate=None, public_key_info=None):
    """Check that a private key is that of a certificate and of a raw public key.

    Args:
        private_key: (kind, bytes) as crypto/signature.py describes them.
        certificate: the leaf in DER, or None.
        public_key_info: a SubjectPublicKeyInfo in DER, or None.

    Raises:
        UsageError: `identity.private_key`, it is none; `identity.certificate` or
            `identity.public_key_info`, that cannot be read; `identity.other_key`, the two do not
            belong together.
    """
    try:
        ours = public_of(private_key)
    except ValueError:
        raise UsageError("identity.private_key")
    if certificate is not None and _key_of(certificate, CERTIFICATE) != ours:
        raise UsageError("identity.other_key")
    if public_key_info is not None and _key_of(public_key_info, PUBLIC_KEY_INFO) != ours:
        raise UsageError("identity.other_key")


def is_signed_with(chain, schemes) -> bool:
    """Tell whether every signature in a chain (DER, the leaf first) is by one of the schemes.

    Self-issued certificates are left out, "since they begin a certification path" (RFC 8446
    §4.2.3), and so are those that we cannot read: they are for the peer to judge.
    """
    for certificate in chain:
        try:
            parser = _parsed(certificate, CERTIFICATE)
        except PeerMisbehaved:
            continue
        if not parser.self_issued and parser.scheme not in schemes:
            return False
    return True


def _key_of(der, rule):
    """Return the public key in a certificate or public_key_info, None if it is of no known kind."""
    try:
        return _parsed(der, rule).key
    except PeerMisbehaved:
        raise UsageError(
            "identity.certificate" if rule is CERTIFICATE else "identity.public_key_info"
        )


def _parsed(der, rule):
    # The parser of anchors judges the least.
    parser = AnchorParser()
    parser.begin(len(der), rule=rule)
    parser.push(der)
    parser.end()
    return parser
