"""The server's side of the TLS 1.3 handshake (RFC 8446 §2, §4, appendix A.2).

As in client.py, every method `_on_<message>` takes one message in the order: read it, check it,
derive keys, add it to the transcript, name the next state. Which message may come when is the
business of server_states.py; the form of a ClientHello is checked in client_hello_parser.py.

The flight that answers a ClientHello, EncryptedExtensions to Finished, may be longer than the send
buffer. It is written as far as there is room and continued whenever something has been sent;
`_flight` is the row of _FLIGHT that is next. Until its end nothing of the handshake is welcome.

Application data is sent and taken only after the client's Finished. Early data is refused by not
answering the extension; what comes of it is dropped unread, up to a limit (§4.2.10).
"""

from tlscore import (
    certificate_verify,
    client_hello_parser,
    key_exchange,
    messages,
    server_choice,
    server_hello,
    server_states,
    states,
    suites,
)
from tlscore.certificate_sender import CertificateSender
from tlscore.codepoints import (
    ALERT_DECRYPT_ERROR,
    ALERT_ILLEGAL_PARAMETER,
    ALERT_INTERNAL_ERROR,
    EXT_SIGNATURE_ALGORITHMS,
    TLS_1_3,
)
from tlscore.compat import const
from tlscore.connection import EVENT_CONNECTED, Connection
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved, TlsError
from tlscore.schedule import KeySchedule, finished_verify_data
from tlscore.transcript import Transcript, message_hash

_ALERT_CERTIFICATE_REQUIRED = const(116)

# Digests of the transcript: up to ServerHello, Certificate, CertificateVerify, server Finished;
# with a CertificateRequest also up to the client's Certificate and CertificateVerify.
_DIGESTS = const(4)
_DIGESTS_WITH_CLIENT_CERTIFICATE = const(6)

# OpenSSL's default of SSL_CTX_set_recv_max_early_data, one full record; in ciphertext.
_EARLY_DATA_BYTES_MAX = const(16384 + 256)

# RFC 8449 §4: 2^14 and the content type, for a receive buffer with room for every record.
_RECORD_SIZE_LIMIT_MAX = const(16385)

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


def _illegal(reason):
    return PeerMisbehaved(reason, ALERT_ILLEGAL_PARAMETER)


class ServerConnection(Connection):
    """A TLS 1.3 server; constructing it allocates the buffers, then it waits for a ClientHello.

    Args:
        config: server_config.ServerConfig.

    Attributes:
        server_name: what the client asked for by SNI (bytes), or None.
        client_key: public key (kind, bytes) of the client's certificate, None if it showed none.
        signatures_verified: signatures found good in the client's chain and CertificateVerify.
        retried: a HelloRetryRequest was sent.
    """

    def __init__(self, config):
        Connection.__init__(self, config, server_states.SERVER, server_states.WAIT_CLIENT_HELLO)
        self._flight = len(_FLIGHT)
        self._certificate = None  # CertificateSender
        self._fingerprint = None
        self._record_size_limit = None  # the client's
        self._schedule = None
        self._chain = None
        self._client_secret = None  # for application data, once the handshake is over
        self._finished_digest = None  # up to the message before the client's Finished
        self._change_cipher_spec_owed = False
        self.server_name = None
        self.client_key = None
        self.signatures_verified = 0
        self.retried = False

    def sent(self, size):
        """Count `size` bytes of to_send() as sent, and write more of the flight if it waits."""
        Connection.sent(self, size)
        if self._flight < len(_FLIGHT) and self.state < states.CLOSED:
            try:
                self._continue_flight()
            except TlsError as error:
                self._fail(error)
                raise

    def row_of(self, message_type):
        """Return the row for a message in the present state; none while we still speak."""
        if self._flight < len(_FLIGHT):
            raise self._unexpected("handshake.unexpected_message")
        return Connection.row_of(self, message_type)

    # --- ClientHello

    def _on_client_hello(self, message):
        body = message[messages.HEADER_BYTES :]
        hello = client_hello_parser.parse(body)
        # RFC 8446 §4.2.2: "Clients MUST NOT use cookies in their initial ClientHello in
        # subsequent connections." We never gave one.
        if hello.cookie is not None:
            raise _illegal("client_hello.unsolicited_cookie")
        self._client_random = bytes(hello.random)
        self._checkpoint("client_hello")
        self._choose(hello)
        # §D.4: an answer to a client that sent a session id is followed by change_cipher_spec.
        self._change_cipher_spec_owed = len(hello.session_id) > 0
        self._transcript = self._new_transcript()
        if hello.early_data:
            self._receiver.early_data_left = _EARLY_DATA_BYTES_MAX
        share = client_hello_parser.share_of(hello.shares, self.group)
        if share is None:
            return self._retry(hello, message)
        self._transcript.update(message)
        return self._answer(hello, share)

    def _on_second_client_hello(self, message):
        body = message[messages.HEADER_BYTES :]
        hello = client_hello_parser.parse(body)
        # §4.2.10: early_data "MUST NOT" be in the second ClientHello; nothing of it follows.
        if hello.early_data:
            raise _illegal("client_hello.early_data_after_retry")
        self._receiver.early_data_left = 0
        # §4.1.2: the client "MUST send the same ClientHello without modification" but for a few
        # extensions.
        if hello.cookie is not None:
            raise _illegal("client_hello.unsolicited_cookie")
        if client_hello_parser.fingerprint(body) != self._fingerprint:
            raise _illegal("client_hello.changed_after_retry")
        self._fingerprint = None
        # §4.1.2: the list of shares is replaced "with a list containing a single KeyShareEntry
        # from the indicated group".
        share = client_hello_parser.share_of(hello.shares, self.group)
        if share is None or hello.shares.remaining() != 4 + len(share):
            raise _illegal("client_hello.wrong_share_after_retry")
        self._transcript.update(message)
        return self._answer(hello, share)

    def _choose(self, hello):
        """Choose suite, group, signature scheme and protocol, or refuse what cannot be met."""
        config = self._config
        self._suite = suites.find(server_choice.suite(config, hello))
        self.group = server_choice.group(config, hello)
        self.signature_scheme = server_choice.signature_scheme(config, hello)
        self.server_name = server_choice.server_name(config, hello)
        self.alpn = server_choice.protocol(config, hello)
        self._record_size_limit = hello.record_size_limit

    def _new_transcript(self):
        asks = self._config.trust is not None
        digests = _DIGESTS_WITH_CLIENT_CERTIFICATE if asks else _DIGESTS
        return Transcript(self._suite.hash, digests)

    def _retry(self, hello, message):
        """Ask for a share of our group (RFC 8446 §4.1.4)."""
        self.retried = True
        self._fingerprint = client_hello_parser.fingerprint(message[messages.HEADER_BYTES :])
        self._transcript.update(message_hash(self._suite.hash, message))
        writer = self._outbox.writer()
        server_hello.write_server_hello(
            writer, None, hello.session_id, self._suite.code, self.group, None
        )
        self._outbox.queue_handshake(writer, self._transcript)
        self._send_change_cipher_spec()
        self._checkpoint("hello_retry_request")
        return server_states.WAIT_SECOND_CLIENT_HELLO

    def _answer(self, hello, share):
        """Queue the ServerHello and begin the flight."""
        random = bytearray(32)
        self._config.entropy.fill(random)
        ours = key_exchange.KeyShare(self.group, self._config.entropy)
        shared_secret = ours.shared_secret(bytes(share))
        writer = self._outbox.writer()
        server_hello.write_server_hello(
            writer, random, hello.session_id, self._suite.code, self.group, ours.public_key()
        )
        ours.forget()
        self._outbox.queue_handshake(writer, self._transcript)
        self._send_change_cipher_spec()
        self.version = TLS_1_3
        self._checkpoint("server_hello")
        self._derive_handshake_keys(shared_secret)
        self._checkpoint("key_schedule")
        self._flight = 0
        self._certificate = CertificateSender(self._config.certificates)
        self._continue_flight()
        if self._config.trust is not None:
            return states.WAIT_CERTIFICATE
        return states.WAIT_FINISHED

    def _send_change_cipher_spec(self):
        """Queue the one change_cipher_spec behind our first message (RFC 8446 §D.4)."""
        if self._change_cipher_spec_owed:
            self._outbox.queue_change_cipher_spec()
            self._change_cipher_spec_owed = False

    def _on_change_cipher_spec(self, content):
        # RFC 8446 §5: one "received before the first ClientHello message or after the peer's
        # Finished message ... MUST be treated as an unexpected record type".
        if self.state == server_states.WAIT_CLIENT_HELLO:
            raise self._unexpected("change_cipher_spec.unexpected")
        Connection._on_change_cipher_spec(self, content)

    def _derive_handshake_keys(self, shared_secret):
        schedule = KeySchedule(self._suite.hash)
        schedule.mix(shared_secret)
        digest = self._transcript.digest()
        client_secret = schedule.derive(b"c hs traffic", digest)
        server_secret = schedule.derive(b"s hs traffic", digest)
        self._log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client_secret)
        self._log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", server_secret)
        self._schedule = schedule
        self._receiver.plain_alerts = True
        self._receive_with(client_secret)
        self._outbox.protect(self._suite, server_secret)
        if self._record_size_limit is not None:  # RFC 8449 §4: the content type is counted
            limit = self._record_size_limit - 1
            self._outbox.content_limit = min(limit, self._outbox.content_limit)
            if self._config.record_size_limit is not None:
                self._receiver.plaintext_limit = self._config.record_size_limit

    # --- the flight

    def _continue_flight(self):
        """Queue as much of the flight as the send buffer has room for."""
        while self._flight < len(_FLIGHT) and getattr(self, _FLIGHT[self._flight])():
            self._flight += 1

    def _has_room(self, size):
        """Tell whether a message of `size` bytes fits the send buffer; it must at some time."""
        if self._outbox.takes(size):
            return True
        if not len(self._outbox.pending()):
            # Only a client's tiny record_size_limit can bring this about.
            raise TlsError("send_buffer.too_small", ALERT_INTERNAL_ERROR)
        return False

    def _queue_encrypted_extensions(self):
        config = self._config
        size = 16 + (0 if self.alpn is None else 7 + len(self.alpn))
        if not self._has_room(size):
            return False
        writer = self._outbox.writer()
        named = self.server_name is not None and len(config.server_names) > 0
        limit = None
        if self._record_size_limit is not None:
            limit = config.record_size_limit or _RECORD_SIZE_LIMIT_MAX
        server_hello.write_encrypted_extensions(writer, self.alpn, named, limit)
        self._outbox.queue_handshake(writer, self._transcript)
        self._checkpoint("encrypted_extensions")
        return True

    def _queue_certificate_request(self):
        if self._config.trust is None:
            return True
        schemes = self._config.signature_schemes
        if not self._has_room(13 + 2 * len(schemes)):
            return False
        writer = self._outbox.writer()
        server_hello.write_certificate_request(writer, schemes)
        self._outbox.queue_handshake(writer, self._transcript)
        return True

    def _queue_certificate(self):
        certificate = self._certificate
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
        self._derive_application_keys(self._transcript.digest())
        return True

    def _derive_application_keys(self, digest):
        schedule = self._schedule
        schedule.mix()
        self._finished_digest = digest
        self._client_secret = schedule.derive(b"c ap traffic", digest)
        server_secret = schedule.derive(b"s ap traffic", digest)
        self._exporter_secret = schedule.derive(b"exp master", digest)
        self._log_secret("CLIENT_TRAFFIC_SECRET_0", self._client_secret)
        self._log_secret("SERVER_TRAFFIC_SECRET_0", server_secret)
        self._log_secret("EXPORTER_SECRET", self._exporter_secret)
        self._outbox.protect(self._suite, server_secret)

    # --- the client's certificate

    def _open_certificate(self, length):
        # Loaded here: a server that asks for no certificates needs no X.509.
        from tlscore.message_streams import CertificateParser  # noqa: PLC0415
        from tlscore.x509.chain import ChainVerifier  # noqa: PLC0415
        from tlscore.x509.extensions import CLIENT_AUTH  # noqa: PLC0415

        config = self._config
        self._chain = ChainVerifier(config.trust, config.clock, None, CLIENT_AUTH)
        # RFC 8446 §4.4.2: extensions of an entry "MUST correspond to ones from the ...
        # CertificateRequest message".
        offered = (EXT_SIGNATURE_ALGORITHMS,)
        return CertificateParser(length, self._chain, offered, may_be_empty=True)

    def _on_certificate(self, _parser):
        chain = self._chain
        self._chain = None
        if chain.certificates == 0:
            # §4.4.2.4: the server "MAY at its discretion either continue the handshake without
            # client authentication or abort the handshake with a "certificate_required" alert".
            if self._config.certificate_required:
                raise PeerMisbehaved("certificate_message.required", _ALERT_CERTIFICATE_REQUIRED)
            self._transcript.drop()
            self._finished_digest = self._transcript.digest()
            return states.WAIT_FINISHED
        self.client_key = chain.finish()
        self.signatures_verified = chain.signatures_verified
        self._checkpoint("client_certificate")
        return states.WAIT_CERTIFICATE_VERIFY

    def _on_certificate_verify(self, message):
        scheme, signed = messages.parse_certificate_verify(message[messages.HEADER_BYTES :])
        certificate_verify.check(
            scheme,
            self._config.signature_schemes,
            self.client_key,
            certificate_verify.BY_CLIENT,
            self._transcript.digest(),
            bytes(signed),
        )
        self.signatures_verified += 1
        self._transcript.update(message)
        self._finished_digest = self._transcript.digest()
        self._checkpoint("client_certificate_verify")
        return states.WAIT_FINISHED

    # --- Finished

    def _on_finished(self, message):
        hash_ = self._suite.hash
        verify_data = messages.parse_finished(message[messages.HEADER_BYTES :], hash_.size)
        expected = finished_verify_data(hash_, self._receive_secret, self._finished_digest)
        # RFC 8446 §4.4.4: recipients "MUST verify that the contents are correct and if incorrect
        # MUST terminate the connection with a "decrypt_error" alert."
        if not equal(expected, verify_data):
            raise PeerMisbehaved("finished.bad_verify_data", ALERT_DECRYPT_ERROR)
        self._receive_with(self._client_secret)
        self._forget_handshake()
        self._events |= EVENT_CONNECTED
        self._checkpoint("finished")
        return states.CONNECTED

    def _forget_handshake(self):
        Connection._forget_handshake(self)
        self._flight = len(_FLIGHT)
        self._certificate = self._chain = self._schedule = None
        self._client_secret = self._finished_digest = self._fingerprint = None
