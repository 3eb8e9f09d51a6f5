"""A client judges the server's certificates and shows its own (RFC 8446 §4.3.2, §4.4.2, §4.4.3).

The part of a client's handshake that a pre-shared key makes unnecessary. client.py loads it when
the server is to prove itself by a certificate, and everything about certificates with it; a client
that has nothing but keys never does. The order of the messages is client.py's business.
"""

from tlscore import certificate_verify, messages
from tlscore.compat import const
from tlscore.crypto import signature
from tlscore.errors import PeerMisbehaved
from tlscore.message_streams import CertificateParser

# See codepoints.py: copies that cost nothing on a board.
_ALERT_UNSUPPORTED_CERTIFICATE = const(43)
# CertificateType (RFC 7250)
_X509 = const(0)
_RAW_PUBLIC_KEY = const(2)


class CertificateAuthentication:
    """The server's certificates, and ours if it asks for them, in one handshake.

    Args:
        config: config.ClientConfig.

    Attributes:
        requested: the server asked for a certificate of ours.
        signatures_verified: signatures found good, in the chain and in CertificateVerify.
    """

    # What has not happened yet takes no room in the object.
    _server_key = None
    _own = ()  # what we show: a chain or a raw public key
    _scheme = None  # what our own key signs with
    requested = False
    signatures_verified = 0

    def __init__(self, config):
        self._config = config
        self._type = config.certificate_types[0]
        self._chain = self._new_verifier()
        if config.certificates:
            self._own = config.certificates

    def _new_verifier(self):
        config = self._config
        # Imported here: most clients need one of the two.
        if self._type == _RAW_PUBLIC_KEY:
            from tlscore.x509.raw_key import RawKeyVerifier  # noqa: PLC0415

            return RawKeyVerifier(config.trust)
        from tlscore.x509.chain import ChainVerifier  # noqa: PLC0415

        return ChainVerifier(config.trust, config.clock, config.server_name)

    def expect(self, certificate_type, own_type):
        """Learn what EncryptedExtensions say of the type of the server's certificate and of ours.

        None where they say nothing: then it is X.509 (RFC 8446 §4.4.2).
        """
        if certificate_type is None:
            certificate_type = _X509
        if certificate_type not in self._config.certificate_types:
            # RFC 7250 §4.2: without a type in common "the connection is terminated with a fatal
            # alert of type "unsupported_certificate"".
            alert = _ALERT_UNSUPPORTED_CERTIFICATE
            raise PeerMisbehaved("encrypted_extensions.unoffered_certificate_type", alert)
        if certificate_type != self._type:
            self._type = certificate_type
            self._chain = self._new_verifier()

        config = self._config
        if own_type == _RAW_PUBLIC_KEY:
            self._own = (config.public_key_info,)
        elif own_type is not None and (own_type != _X509 or not config.certificates):
            # RFC 7250 §4.2: the value "MUST be selected from one of the values provided".
            alert = _ALERT_UNSUPPORTED_CERTIFICATE
            raise PeerMisbehaved("encrypted_extensions.unoffered_own_certificate_type", alert)

    def take_request(self, body):
        """Read a CertificateRequest and choose what to sign with."""
        schemes, certificate_schemes = messages.parse_certificate_request(body)
        self.requested = True
        if self._own and self._is_signed_with(certificate_schemes):
            self._scheme = certificate_verify.choose(self._config.private_key, schemes)

    def _is_signed_with(self, schemes):
        """Tell whether what we show is signed as the server accepts it.

        RFC 8446 §4.4.2.3: "The certificates MUST be signed using an acceptable signature
        algorithm".
        """
        chain = self._config.certificates
        unwanted = [code for code in signature.schemes() if code not in schemes]
        if self._own is not chain or not unwanted:
            return True
        # Imported here: most servers take all that we know.
        from tlscore import identity  # noqa: PLC0415

        return identity.is_signed_with(chain, schemes)

    def new_parser(self, length, offered, transcript) -> CertificateParser:
        """Return the parser of the server's Certificate.

        Args:
            length: of the message body.
            offered: extension types of the ClientHello.
            transcript: gives up what only a certificate of ours would have needed digests for.
        """
        if not self.requested:
            transcript.drop()
        if self._config.has_identity and self._scheme is None:
            transcript.drop()
        return CertificateParser(length, self._chain, offered)

    def finish_chain(self) -> int:
        """Take the server's key out of its chain, which has come to its end.

        Returns:
            The end of the validity of what was verified, Unix time.
        """
        self._server_key = self._chain.finish()
        self.signatures_verified = self._chain.signatures_verified
        not_after = self._chain.not_after
        self._chain = None
        return not_after

    def verify(self, body, transcript_hash) -> int:
        """Check the server's CertificateVerify and return its signature scheme.

        Args:
            transcript_hash: of the messages up to its Certificate.
        """
        scheme, signed = messages.parse_certificate_verify(body)
        certificate_verify.check(
            scheme,
            self._config.signature_schemes,
            self._server_key,
            certificate_verify.BY_SERVER,
            transcript_hash,
            bytes(signed),
        )
        self.signatures_verified += 1
        self._server_key = None
        return scheme

    def send(self, outbox, transcript) -> bytes:
        """Queue Certificate and what proves it ours; return the digest for Finished."""
        # RFC 8446 §4.4.2: a client without a suitable certificate "MUST send a Certificate message
        # containing no certificates", and no CertificateVerify.
        config = self._config
        scheme = self._scheme
        writer = outbox.writer()
        messages.write_certificate(writer, () if scheme is None else self._own)
        outbox.queue_handshake(writer, transcript)
        digest = transcript.digest()
        if scheme is None:
            return digest
        signature = certificate_verify.sign(
            scheme, config.private_key, certificate_verify.BY_CLIENT, digest, config.entropy
        )
        writer = outbox.writer()
        messages.write_certificate_verify(writer, scheme, signature)
        outbox.queue_handshake(writer, transcript)
        return transcript.digest()
