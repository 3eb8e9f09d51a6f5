"""Certificates in TLS 1.2: a client judges the server's and shows its own (RFC 5246 §7.4.2 to 8).

The chain is judged as in TLS 1.3; what proves that the server has its key is the signature of the
ServerKeyExchange. Our own CertificateVerify signs the digest of the transcript, so it is made with
one of the hashes that is kept by: a server that takes no scheme with them gets no certificate.
"""

from tlscore import client_certificates
from tlscore.compat import const
from tlscore.crypto import signature
from tlscore.errors import PeerMisbehaved
from tlscore.messages import write_certificate_verify
from tlscore.tls12 import messages, suites
from tlscore.tls12.message_streams import CertificateParser
from tlscore.tls12.signature import check, sign, signing_schemes
from tlscore.x509.chain import ChainVerifier

_ALERT_UNSUPPORTED_CERTIFICATE = const(43)
_X509 = const(0)
# ClientCertificateType (RFC 5246 §7.4.4, RFC 8422 §5.5)
_RSA_SIGN = const(1)
_ECDSA_SIGN = const(64)


class CertificateAuthentication(client_certificates.CertificateAuthentication):
    """The server's certificates, and ours if it asks for them, in one handshake of TLS 1.2.

    Args:
        config: config.ClientConfig.

    Attributes: as in ../client_certificates.py.
    """

    def __init__(self, config):
        client_certificates.CertificateAuthentication.__init__(self, config)
        if self._type != _X509:
            self._type = _X509
            self._chain = ChainVerifier(config.trust, config.clock, config.server_name)

    def parser(self, length) -> CertificateParser:
        """Return the parser of the server's Certificate, a message body of `length` bytes."""
        return CertificateParser(length, self._chain)

    def check_key(self, suite):
        """Check that the server's key, which its chain has ended with, is one for the suite."""
        # RFC 5246 §7.4.2: the key "MUST be compatible with the selected key exchange algorithm".
        is_rsa = self._server_key[0] == signature.KEY_RSA
        if is_rsa != bool(suite.bits & suites.RSA):
            reason = "certificate_message.wrong_key"
            raise PeerMisbehaved(reason, _ALERT_UNSUPPORTED_CERTIFICATE)

    def verify_exchange(self, said, randoms) -> int:
        """Check the signature of a ServerKeyExchange and return its scheme.

        Args:
            said: messages.KeyExchange.
            randoms: the client's and the server's.
        """
        content = randoms + bytes(said.signed)

        def signed(hash_):
            return content if hash_ is None else hash_.new(content).digest()

        accepted = self._config.signature_schemes
        key = self._server_key
        check("server_key_exchange", said.scheme, accepted, key, signed, said.signature)
        self.signatures_verified += 1
        self._server_key = None
        return said.scheme

    def take_request(self, body, *kept):
        """Read a CertificateRequest and choose what to sign with.

        Args:
            kept: the hashes of the transcript (rows of crypto/hashes.py), preferred first, or None.
        """
        types, schemes = messages.parse_certificate_request(body)
        self.requested = True
        chain = self._config.certificates
        if not chain:
            return
        kind = self._config.private_key[0]
        if (_RSA_SIGN if kind == signature.KEY_RSA else _ECDSA_SIGN) not in types:
            return
        unwanted = [code for code in signature.schemes() if code not in schemes]
        if unwanted:
            # Imported here: most servers take all that we know.
            from tlscore import identity  # noqa: PLC0415

            if not identity.is_signed_with(chain, schemes):
                return
        for hash_ in kept:
            for scheme in () if hash_ is None else signing_schemes(kind, hash_.size):
                if scheme in schemes and self._scheme is None:
                    self._scheme = scheme

    def send_certificate(self, outbox, transcript):
        """Queue our Certificate, one without certificates if there is none that would do."""
        writer = outbox.writer()
        chain = () if self._scheme is None else self._config.certificates
        messages.write_certificate(writer, chain)
        outbox.queue_handshake(writer, transcript)

    @property
    def signs(self) -> bool:
        """Whether a CertificateVerify is to follow."""
        return self._scheme is not None

    def send_verify(self, outbox, transcript, digest):
        """Queue our CertificateVerify; `digest` is of what was said before it."""
        config = self._config
        signed = transcript.signed_digest(signature.hash_of(self._scheme), digest)
        signed = sign(self._scheme, config.private_key, signed, config.entropy)
        writer = outbox.writer()
        write_certificate_verify(writer, self._scheme, signed)
        outbox.queue_handshake(writer, transcript)
