"""How a server of TLS 1.2 judges the client's certificate (RFC 5246 §7.4.6, §7.4.8).

As ../client_authentication.py; what differs is the form of the messages and what is signed.
"""

from tlscore import client_authentication
from tlscore.codepoints import CERTIFICATE_X509
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved
from tlscore.messages import parse_certificate_verify
from tlscore.tls12.message_streams import CertificateParser
from tlscore.tls12.signature import check, schemes_with

_ALERT_HANDSHAKE_FAILURE = const(40)


class ClientAuthentication(client_authentication.ClientAuthentication):
    """The client's certificates in one handshake of TLS 1.2; attributes as in TLS 1.3.

    Args:
        config: server_config.ServerConfig.
        kept: the hashes of the transcript (rows of crypto/hashes.py), or None.
    """

    def __init__(self, config, kept):
        client_authentication.ClientAuthentication.__init__(self, config, CERTIFICATE_X509)
        self._kept = kept

    def new_parser(self, length) -> CertificateParser:
        """Return the parser of the client's Certificate, a message body of `length` bytes."""
        return CertificateParser(length, self._chain, may_be_empty=True)

    def finish_chain(self):
        """Take the client's key out of its chain; there may be none."""
        if not self._chain.certificates and self._config.certificate_required:
            # RFC 5246 §7.4.6: the server "MAY ... respond with a fatal handshake_failure alert".
            raise PeerMisbehaved("certificate_message.required", _ALERT_HANDSHAKE_FAILURE)
        client_authentication.ClientAuthentication.finish_chain(self)

    def verify(self, body, digest):
        """Check the client's CertificateVerify.

        Args:
            digest: function from a hash to the digest of what was said before it.
        """
        scheme, signed = parse_certificate_verify(body)
        accepted = schemes_with(self._kept, self._config.signature_schemes)
        check("certificate_verify", scheme, accepted, self.key, digest, signed)
        self.signatures_verified += 1
