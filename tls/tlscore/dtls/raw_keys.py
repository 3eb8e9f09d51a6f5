"""Raw public keys in DTLS 1.2 (RFC 7250): a Certificate message that is one key and nothing else.

Unlike in TLS 1.3 there is no list around it (§3). Trust pins keys as it does there.
"""

from tlscore.dtls.outbox import ChainMessage
from tlscore.tls12 import certificates, client_authentication, messages
from tlscore.tls12.signature import signing_schemes
from tlscore.wire import PushParser
from tlscore.x509.raw_key import RawKeyVerifier


class RawKeyParser(PushParser):
    """Read a Certificate message with a raw public key as it streams by.

    Args:
        length: of the message body.
        verifier: x509.raw_key.RawKeyVerifier.
    """

    def __init__(self, length, verifier):
        PushParser.__init__(self, length, "certificate_message")
        self._verifier = verifier
        self.expect_integer(3)

    def on_integer(self, value):
        """Take the length of the key; without a key nothing follows."""
        if value:
            self._verifier.begin(value)
            self.expect_opaque(value)

    def on_piece(self, piece):
        """Hand on a piece of the key."""
        self._verifier.push(piece)

    def on_end(self):
        """Learn that the key is complete."""
        self._verifier.end()


class RawAuthentication(certificates.CertificateAuthentication):
    """As in ../tls12/certificates.py, where one side or both show a raw public key.

    Args:
        config: config.ClientConfig.
        is_raw: the server shows one.
        shows_raw: we do, if we are asked for something.
    """

    def __init__(self, config, is_raw, shows_raw):
        certificates.CertificateAuthentication.__init__(self, config)
        self._shows_raw = shows_raw
        self._is_raw = is_raw
        if is_raw:
            self._chain = RawKeyVerifier(config.trust)

    def parser(self, length):
        """Return the parser of the server's Certificate."""
        if self._is_raw:
            return RawKeyParser(length, self._chain)
        return certificates.CertificateAuthentication.parser(self, length)

    def take_request(self, body, *kept):
        """Read a CertificateRequest and choose what to sign with."""
        if not self._shows_raw:
            certificates.CertificateAuthentication.take_request(self, body, *kept)
            return
        _types, schemes = messages.parse_certificate_request(body)
        self.requested = True
        kind = self._config.private_key[0]
        for hash_ in kept:
            for scheme in () if hash_ is None else signing_schemes(kind, hash_.size):
                if scheme in schemes and self._scheme is None:
                    self._scheme = scheme

    def send_certificate(self, outbox, transcript):
        """Queue our raw public key, or what would be a chain."""
        if not self._shows_raw or self._scheme is None:
            certificates.CertificateAuthentication.send_certificate(self, outbox, transcript)
        else:
            outbox.queue_chain(ChainMessage((self._config.public_key_info,), True), transcript)


class RawClient(client_authentication.ClientAuthentication):
    """As in ../tls12/client_authentication.py, of a client that shows a raw public key."""

    def __init__(self, config, kept):
        client_authentication.ClientAuthentication.__init__(self, config, kept)
        self._chain = RawKeyVerifier(config.trust)

    def new_parser(self, length):
        """Return the parser of the client's Certificate."""
        return RawKeyParser(length, self._chain)
