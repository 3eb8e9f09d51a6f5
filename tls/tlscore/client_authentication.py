"""How a server judges the client's certificate (RFC 8446 §4.4.2, §4.4.3).

The counterpart of client_certificates.py. server.py loads it when a client shows what it was asked
for; a server that asks for nothing needs no X.509. The order of the messages is server.py's
business.
"""

from tlscore import certificate_verify, messages
from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY, EXT_SIGNATURE_ALGORITHMS
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved
from tlscore.message_streams import CertificateParser

_ALERT_CERTIFICATE_REQUIRED = const(116)


class ClientAuthentication:
    """The client's certificates in one handshake.

    Args:
        config: server_config.ServerConfig.
        certificate_type: the CertificateType that was asked for.

    Attributes:
        key: public key (kind, bytes) of the client, None if it showed none.
        not_after: end of the validity of what was verified, Unix time.
        signatures_verified: signatures found good, in the chain and in CertificateVerify.
    """

    def __init__(self, config, certificate_type):
        self._config = config
        self._chain = self._new_verifier(certificate_type)
        self.key = None
        self.not_after = 0
        self.signatures_verified = 0

    def _new_verifier(self, certificate_type):
        config = self._config
        if certificate_type == CERTIFICATE_RAW_PUBLIC_KEY:
            from tlscore.x509.raw_key import RawKeyVerifier  # noqa: PLC0415

            return RawKeyVerifier(config.trust)
        from tlscore.x509.chain import ChainVerifier  # noqa: PLC0415
        from tlscore.x509.extensions import CLIENT_AUTH  # noqa: PLC0415

        return ChainVerifier(config.trust, config.clock, None, CLIENT_AUTH)

    def new_parser(self, length) -> CertificateParser:
        """Return the parser of the client's Certificate, a message body of `length` bytes."""
        # RFC 8446 §4.4.2: extensions of an entry "MUST correspond to ones from the ...
        # CertificateRequest message"; of those in ours none may be in a Certificate.
        offered = (EXT_SIGNATURE_ALGORITHMS,)
        return CertificateParser(length, self._chain, offered, may_be_empty=True)

    def finish_chain(self):
        """Take the client's key out of its chain, which has come to its end; there may be none.

        Raises:
            PeerMisbehaved: it is not to be trusted, or there is none and there must be.
        """
        chain = self._chain
        self._chain = None
        if chain.certificates:
            self.key = chain.finish()
            self.not_after = chain.not_after
            self.signatures_verified = chain.signatures_verified
        elif self._config.certificate_required:
            # §4.4.2.4: the server "MAY at its discretion either continue the handshake without
            # client authentication or abort the handshake with a "certificate_required" alert".
            raise PeerMisbehaved("certificate_message.required", _ALERT_CERTIFICATE_REQUIRED)

    def verify(self, body, transcript_hash):
        """Check the client's CertificateVerify.

        Args:
            transcript_hash: of the messages up to its Certificate.
        """
        scheme, signed = messages.parse_certificate_verify(body)
        certificate_verify.check(
            scheme,
            self._config.signature_schemes,
            self.key,
            certificate_verify.BY_CLIENT,
            transcript_hash,
            bytes(signed),
        )
        self.signatures_verified += 1
