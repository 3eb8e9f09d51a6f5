"""A raw public key instead of a certificate (RFC 7250): one SubjectPublicKeyInfo, pinned or not.

`RawKeyVerifier` has the interface of chain.ChainVerifier, so that the reader of a Certificate
message feeds either. There is no name, validity or issuer to judge: the key is one of those the
trust store pins, or it is refused.
"""

from tlscore.compat import const
from tlscore.errors import UsageError
from tlscore.x509.certificate import CertificateParser
from tlscore.x509.grammar import PUBLIC_KEY_INFO
from tlscore.x509.refusal import refuse

# The longest that is supported: RSA of 4096 bits, 550 bytes.
_KEY_INFO_BYTES_MAX = const(600)


class RawKeyVerifier:
    """Verifier of the one raw public key of a connection.

    Args:
        trust: a trust store with `pins` (tlscore.trust).

    Raises:
        UsageError: `trust.no_pins`.

    Attributes:
        signatures_verified: always 0; a chain would count its own.
        certificates: number of entries begun, for messages to people.
        not_after: the year 9999; a key has no end.
    """

    signatures_verified = 0
    not_after = 253402300799

    def __init__(self, trust):
        self._pins = getattr(trust, "pins", None)
        if not self._pins:
            raise UsageError("trust.no_pins")
        self._parser = CertificateParser(None, 0)
        self._parser.hashes_keys = True
        self.certificates = 0

    def begin(self, length: int) -> None:
        """Start the entry, `length` bytes of DER.

        "If the RawPublicKey certificate type was negotiated, then the certificate_list MUST
        contain no more than one CertificateEntry" (RFC 8446 §4.4.2).
        """
        if self.certificates:
            refuse("chain_too_long")
        if length > _KEY_INFO_BYTES_MAX:
            refuse("too_long")
        self.certificates = 1
        self._parser.begin(length, rule=PUBLIC_KEY_INFO)

    def push(self, data) -> None:
        """Take the next piece, bytes or memoryview of any length."""
        self._parser.push(data)

    def end(self) -> None:
        """Judge the key, now complete."""
        self._parser.end()
        if self._parser.key is None:
            refuse("unsupported_key")
        if self._parser.key_hash not in self._pins:
            refuse("not_pinned")

    def finish(self):
        """Return the key `(kind, public)`.

        Raises:
            PeerMisbehaved: none came.
        """
        if not self.certificates:
            refuse("empty_chain")
        key = self._parser.key
        self._parser = None  # the connection lives on
        return key
