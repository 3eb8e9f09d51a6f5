"""What a server of TLS 1.2 says after its ServerHello (RFC 5246 §7.3), as ../server_flight.py does.

Certificate to ServerHelloDone are written as far as there is room, and continued whenever something
has been sent. What follows the client's Finished is short and goes out at once.
"""

from tlscore import certificate_sender
from tlscore.codepoints import CERTIFICATE
from tlscore.key_exchange import KeyShare
from tlscore.messages import write_finished
from tlscore.tls12 import messages, suites
from tlscore.tls12.connection import Tls12

# What follows the ServerHello, in order: methods that return whether they are done.
FLIGHT = (
    "_queue_certificate",
    "_queue_server_key_exchange",
    "_queue_certificate_request12",
    "_queue_server_hello_done",
)


def _u24(value):
    return bytes((value >> 16, value >> 8 & 0xFF, value & 0xFF))


class CertificateSender(certificate_sender.CertificateSender):
    """Write a Certificate message of TLS 1.2 piece by piece; see ../certificate_sender.py."""

    def __init__(self, chain):
        certificate_sender.CertificateSender.__init__(self, ())
        size = sum([3 + len(certificate) for certificate in chain])
        self._chain = chain
        self._part = bytes((CERTIFICATE,)) + _u24(3 + size) + _u24(size)
        self.left = len(self._part) + size

    def _step(self):
        certificate = self._chain[self._next_part // 2]
        self._part = (_u24(len(certificate)), certificate)[self._next_part % 2]
        self._next_part += 1
        self._offset = 0


class ServerFlight12(Tls12):
    """The speaking half of server.ServerConnection in TLS 1.2."""

    _share = None  # our KeyShare until the client's has come
    _asks = False  # for a certificate

    def _begin_flight12(self):
        if not self._suite.bits & suites.KEY:
            self._certificate = CertificateSender(self._config.certificates)
        self._steps = FLIGHT
        self._flight = 0
        self._continue_flight()

    def _queue_server_key_exchange(self):
        bits = self._suite.bits
        if bits == suites.KEY:  # RFC 4279 §2: without a hint the message is left out
            return True
        config = self._config
        signature_bytes = 0
        if self.signature_scheme is not None:
            from tlscore.certificate_verify import signature_bytes_max  # noqa: PLC0415

            signature_bytes = signature_bytes_max(config.private_key)
        if not self._has_room(4 + 2 + 4 + 97 + 4 + signature_bytes):
            return False
        before = self.phase("key_share")
        self._share = KeyShare(self.group, config.entropy)
        parameters = messages.key_exchange_parameters(self.group, self._share.public_key())
        self.phase(before)
        signed = None
        if self.signature_scheme is not None:
            signed = self._signed(self._randoms + parameters)
        writer = self._outbox.writer()
        by_key = bool(bits & suites.KEY)
        messages.write_server_key_exchange(
            writer, by_key, parameters, self.signature_scheme, signed
        )
        self._outbox.queue_handshake(writer, self._transcript)
        self._checkpoint("server_key_exchange")
        return True

    def _signed(self, content):
        from tlscore.crypto.signature import hash_of  # noqa: PLC0415
        from tlscore.tls12.signature import sign  # noqa: PLC0415

        hash_ = hash_of(self.signature_scheme)
        if hash_ is not None:
            content = hash_.new(content).digest()
        config = self._config
        return sign(self.signature_scheme, config.private_key, content, config.entropy)

    def _queue_certificate_request12(self):
        if not self._asks:
            return True
        said = self._config.certificate_request12((self._suite.hash, self._transcript.other))
        if not self._has_room(messages.certificate_request_bytes(*said)):
            return False
        writer = self._outbox.writer()
        messages.write_certificate_request(writer, *said)
        self._outbox.queue_handshake(writer, self._transcript)
        return True

    def _queue_server_hello_done(self):
        if not self._has_room(4):
            return False
        writer = self._outbox.writer()
        messages.write_server_hello_done(writer)
        self._outbox.queue_handshake(writer, self._transcript)
        self._checkpoint("server_hello_done")
        return True

    def _send_ticket(self, ticket):
        """Queue the NewSessionTicket that was promised."""
        from tlscore.tickets import sealed_bytes  # noqa: PLC0415

        keys = self._config.tickets
        lifetime_s = keys.lifetime_of(ticket)
        size = sealed_bytes(ticket)
        # RFC 5077 §3.3: one of zero length where there is none after all.
        fits = size <= 0xFFFF and self._outbox.takes(messages.new_session_ticket_bytes(size))
        sealed = keys.seal(ticket) if lifetime_s and fits else b""
        writer = self._outbox.writer()
        messages.write_new_session_ticket(writer, lifetime_s if sealed else 0, sealed)
        self._outbox.queue_handshake(writer, self._transcript)

    def _send_finished(self, digest):
        """Queue change_cipher_spec and Finished."""
        self._outbox.queue_change_cipher_spec()
        self._outbox.protect_with(self._protection(True))
        writer = self._outbox.writer()
        write_finished(writer, self._verify_data(b"server finished", digest))
        self._outbox.queue_handshake(writer, self._transcript)
