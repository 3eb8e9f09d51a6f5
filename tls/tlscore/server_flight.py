"""What a server says after its ServerHello: EncryptedExtensions to Finished (RFC 8446 §4.3, §4.4).

The flight may be longer than the send buffer. It is written as far as there is room and continued
whenever something has been sent; `_flight` is the row of `_steps` that is next. Until its end
nothing of the handshake is welcome.

With a pre-shared key there is nothing between EncryptedExtensions and Finished (§2.2), and what
signs and sends certificates is not loaded. Tickets follow the handshake in the same way.

Not here: what a server receives (server.py), the form of messages (server_hello.py, messages.py).
"""

from tlscore import messages, server_hello, server_states, states
from tlscore.codepoints import ALERT_INTERNAL_ERROR, CERTIFICATE_RAW_PUBLIC_KEY
from tlscore.compat import const
from tlscore.connection import Connection
from tlscore.errors import TlsError
from tlscore.schedule import finished_verify_data

# A record of a Certificate message is at least so long, but for the last one and with tiny send
# buffers: as soon as that much of the buffer is free it is filled again.
_CERTIFICATE_PIECE_BYTES_MIN = const(256)

# What follows the ServerHello, in order: methods that return whether they are done.
_FLIGHT = (
    "_queue_encrypted_extensions",
    "_queue_certificate_request",
    "_queue_certificate",
    "_queue_certificate_verify",
    "_queue_finished",
)


class ServerFlight(Connection):
    """The speaking half of server.ServerConnection, which chooses what is said here."""

    _steps = _FLIGHT
    # What has not happened yet takes no room in the object.
    _answers = None  # of EncryptedExtensions: (extension type, content) pairs
    _certificate_type = None  # ours
    _client_certificate_type = None  # to ask for, None not to ask
    _certificate = None  # CertificateSender
    _tickets = None  # ticket_sender.TicketSender
    _schedule = None
    _client_secret = None  # for application data, once the handshake is over
    _finished_digest = None  # up to the message before the client's Finished

    def __init__(self, config):
        Connection.__init__(self, config, server_states.SERVER, server_states.WAIT_CLIENT_HELLO)
        self._flight = len(self._steps)

    def sent(self, size):
        """Count `size` bytes of to_send() as sent, and write more of what waits for room."""
        Connection.sent(self, size)
        if self.state >= states.CLOSED:
            return
        try:
            if self._flight < len(self._steps):
                self._continue_flight()
            self._send_tickets()
        except TlsError as error:
            self._fail(error)
            raise

    def _send_tickets(self):
        """Queue tickets if there are any to give, as many as there is room for."""
        if self._tickets is None or self._write_closed:
            return
        self._tickets.send(self._outbox)
        if not self._tickets.left:
            self._tickets = None

    def row_of(self, message_type):
        """Return the row for a message in the present state; none while we still speak."""
        if self._flight < len(self._steps):
            raise self._unexpected("handshake.unexpected_message")
        return Connection.row_of(self, message_type)

    def _begin_flight(self):
        if self._certificate_type is not None:
            from tlscore.certificate_sender import CertificateSender  # noqa: PLC0415

            config = self._config
            raw = self._certificate_type == CERTIFICATE_RAW_PUBLIC_KEY
            # RFC 8446 §4.4.2: an entry is a certificate or, if that type was chosen, the
            # SubjectPublicKeyInfo, and then there is only one.
            self._certificate = CertificateSender(
                (config.public_key_info,) if raw else config.certificates
            )
        self._flight = 0
        self._continue_flight()

    def _continue_flight(self):
        """Queue as much of the flight as the send buffer has room for."""
        before = None
        while self._flight < len(self._steps):
            name = self._steps[self._flight]
            told = self.phase(name)
            before = before or told
            if not getattr(self, name)():
                break
            self._flight += 1
        self.phase(before)

    def _has_room(self, size):
        """Tell whether a message of `size` bytes fits the send buffer; it must at some time."""
        if self._outbox.takes(size):
            return True
        if not len(self._outbox.pending()):
            # Only a client's tiny record_size_limit can bring this about.
            raise TlsError("send_buffer.too_small", ALERT_INTERNAL_ERROR)
        return False

    def _queue_encrypted_extensions(self):
        if not self._has_room(server_hello.encrypted_extensions_bytes(self._answers)):
            return False
        writer = self._outbox.writer()
        server_hello.write_encrypted_extensions(writer, self._answers)
        self._answers = None
        self._outbox.queue_handshake(writer, self._transcript)
        self._checkpoint("encrypted_extensions")
        return True

    def _queue_certificate_request(self):
        if self._client_certificate_type is None:
            return True
        said = self._config.certificate_request()
        if not self._has_room(server_hello.certificate_request_bytes(*said)):
            return False
        writer = self._outbox.writer()
        server_hello.write_certificate_request(writer, *said)
        self._outbox.queue_handshake(writer, self._transcript)
        return True

    def _queue_certificate(self):
        certificate = self._certificate
        if certificate is None:
            return True
        while certificate.left:
            size = min(certificate.left, self._outbox.piece_room())
            short = size < min(certificate.left, _CERTIFICATE_PIECE_BYTES_MIN)
            if short and len(self._outbox.pending()):
                return False
            writer = self._outbox.writer()
            certificate.write(writer, size)
            self._outbox.queue_handshake(writer, self._transcript)
        self._certificate = None
        self._checkpoint("certificate")
        return True

    def _queue_certificate_verify(self):
        if self.signature_scheme is None:
            return True
        from tlscore import certificate_verify  # noqa: PLC0415

        config = self._config
        if not self._has_room(8 + certificate_verify.signature_bytes_max(config.private_key)):
            return False
        signed = certificate_verify.sign(
            self.signature_scheme,
            config.private_key,
            certificate_verify.BY_SERVER,
            self._transcript.digest(),
            config.entropy,
        )
        writer = self._outbox.writer()
        messages.write_certificate_verify(writer, self.signature_scheme, signed)
        self._outbox.queue_handshake(writer, self._transcript)
        self._checkpoint("certificate_verify")
        return True

    def _queue_finished(self):
        hash_ = self._suite.hash
        if not self._has_room(4 + hash_.size):
            return False
        verify_data = finished_verify_data(hash_, self._outbox.secret, self._transcript.digest())
        writer = self._outbox.writer()
        messages.write_finished(writer, verify_data)
        self._outbox.queue_handshake(writer, self._transcript)
        self.phase("key_schedule")
        self._derive_application_keys(self._transcript.digest())
        return True

    def _derive_application_keys(self, digest):
        schedule = self._schedule
        schedule.mix()
        self._finished_digest = digest
        self._client_secret, server_secret, self._exporter_secret = schedule.derive(
            digest, b"c ap traffic", b"s ap traffic", b"exp master"
        )
        self._log_secret("CLIENT_TRAFFIC_SECRET_0", self._client_secret)
        self._log_secret("SERVER_TRAFFIC_SECRET_0", server_secret)
        self._log_secret("EXPORTER_SECRET", self._exporter_secret)
        self._outbox.protect(self._suite, server_secret)

    def _end(self, state):
        Connection._end(self, state)
        self._forget("_tickets")

    def _forget_handshake(self):
        Connection._forget_handshake(self)
        self._flight = len(self._steps)
        self._forget("_answers", "_certificate", "_schedule", "_client_secret", "_finished_digest")
