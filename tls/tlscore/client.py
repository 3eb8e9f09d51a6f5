"""The client's side of the TLS 1.3 handshake (RFC 8446 §2, §4, appendix A.1).

Every method `_on_<message>` takes one message in the order: read it, check it, derive keys, add it
to the transcript, name the next state. Which message may come when is the business of the table in
states.py; form is checked in messages.py; what is here is what depends on what was said before.

The ClientHello stays in the send buffer until the ServerHello has named the hash to feed it to:
nothing else is sent in between, and RecordSender moves nothing.
"""

from tlscore import certificate_verify, messages, patience, states, suites
from tlscore.client_hello import RANDOM_BYTES, ClientHello
from tlscore.compat import const
from tlscore.connection import EVENT_CONNECTED, EVENT_TICKET, Connection
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved
from tlscore.key_exchange import KeyShare
from tlscore.message_streams import CertificateParser
from tlscore.schedule import KeySchedule, finished_verify_data
from tlscore.transcript import Transcript, message_hash
from tlscore.x509.chain import ChainVerifier

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_0 = const(0x0301)
_TLS_1_2 = const(0x0303)
_TLS_1_3 = const(0x0304)
_ALERT_UNSUPPORTED_CERTIFICATE = const(43)
_ALERT_ILLEGAL_PARAMETER = const(47)
_ALERT_DECRYPT_ERROR = const(51)
_ALERT_INTERNAL_ERROR = const(80)
_ALERT_MISSING_EXTENSION = const(109)

# Digests of the transcript: up to ServerHello, Certificate, CertificateVerify and the server's
# Finished; if the server asks for a certificate, up to ours, and if we have one, up to our
# CertificateVerify.
_DIGESTS = const(5)
# CertificateType (RFC 7250)
_X509 = const(0)
_RAW_PUBLIC_KEY = const(2)


def _illegal(reason):
    return PeerMisbehaved(reason, _ALERT_ILLEGAL_PARAMETER)


class ClientConnection(Connection):
    """A TLS 1.3 client; constructing it allocates everything and queues the ClientHello.

    Args:
        config: config.ClientConfig.

    Attributes:
        signatures_verified: signatures found good, in the chain and in CertificateVerify.
    """

    def __init__(self, config):
        Connection.__init__(self, config, states.CLIENT, states.WAIT_SERVER_HELLO)
        self._certificate_type = config.certificate_types[0]
        self._chain = self._new_verifier()
        self._schedule = None
        self._server_key = None
        self._certificate_requested = False
        self._signing_scheme = None  # what our own certificate's key signs with
        self._offered = ()
        self._middlebox_compatibility = config.middlebox_compatibility
        self.signatures_verified = 0
        self._client_random = self._random(RANDOM_BYTES)
        session_id = self._random(32) if config.middlebox_compatibility else b""
        shares = [KeyShare(group, config.entropy) for group in config.key_share_groups]
        self._hello = ClientHello(config, self._client_random, session_id, shares)
        # RFC 8446 §5.1: the first ClientHello "MAY also be 0x0301 for compatibility purposes".
        self._hello_message = self._send_hello(_TLS_1_0)
        self._checkpoint("client_hello")

    def _random(self, size):
        buffer = bytearray(size)
        self._config.entropy.fill(buffer)
        return bytes(buffer)

    def _send_hello(self, version):
        writer = self._outbox.writer()
        self._hello.write(writer)
        message = self._outbox.content(writer)
        self._outbox.queue_handshake(writer, self._transcript, version)
        return message

    def _new_verifier(self):
        config = self._config
        if self._certificate_type == _RAW_PUBLIC_KEY:
            # Imported here: few clients need it.
            from tlscore.x509.raw_key import RawKeyVerifier  # noqa: PLC0415

            return RawKeyVerifier(config.trust)
        return ChainVerifier(config.trust, config.clock, config.server_name)

    # --- ServerHello, HelloRetryRequest

    def _on_server_hello(self, message):
        hello = messages.parse_server_hello(message[messages.HEADER_BYTES :], self._hello.offered)
        self._check_answer(hello)
        if self._transcript is None:
            self._start_transcript(hello.is_retry)
        self._transcript.update(message)
        if hello.is_retry:
            return self._on_hello_retry_request(hello)
        # RFC 8446 §9.2: without pre_shared_key the key_share is mandatory.
        if hello.group is None:
            raise PeerMisbehaved("server_hello.no_key_share", _ALERT_MISSING_EXTENSION)
        # §4.2.8: the group "MUST be one of those" a share was sent for; after a HelloRetryRequest
        # that is only the group it selected.
        share = self._hello.share_of(hello.group)
        if share is None:
            raise _illegal("server_hello.unoffered_group")
        self.version = _TLS_1_3
        self.group = hello.group
        self._checkpoint("server_hello")
        self._derive_handshake_keys(share.shared_secret(bytes(hello.share)))
        self._forget_hello()
        self._checkpoint("key_schedule")
        return states.WAIT_ENCRYPTED_EXTENSIONS

    def _check_answer(self, hello):
        # RFC 8446 §4.1.3: "A client which receives a legacy_session_id_echo field that does not
        # match what it sent in the ClientHello MUST abort ... with an "illegal_parameter" alert."
        if bytes(hello.session_id) != self._hello.session_id:
            raise _illegal("server_hello.session_id")
        # "A client which receives a cipher suite that was not offered MUST abort".
        if hello.suite not in self._config.suites:
            raise _illegal("server_hello.unoffered_suite")
        if self._suite is not None:
            # §4.1.4: the ServerHello must repeat the HelloRetryRequest's suite; "If a client
            # receives a second HelloRetryRequest in the same connection ... it MUST abort the
            # handshake with an "unexpected_message" alert."
            if hello.is_retry:
                raise self._unexpected("server_hello.second_retry")
            if hello.suite != self._suite.code:
                raise _illegal("server_hello.suite_changed")
        self._suite = suites.find(hello.suite)

    def _start_transcript(self, is_retry):
        digests = _DIGESTS if not self._config.certificates else _DIGESTS + 1
        self._transcript = Transcript(self._suite.hash, digests)
        first = self._hello_message
        self._transcript.update(message_hash(self._suite.hash, first) if is_retry else first)
        self._hello_message = None

    def _on_hello_retry_request(self, hello):
        # RFC 8446 §4.1.4: "Clients MUST abort the handshake with an "illegal_parameter" alert if
        # the HelloRetryRequest would not result in any change in the ClientHello."
        if hello.group is None and hello.cookie is None:
            raise _illegal("hello_retry_request.no_change")
        if hello.group is not None:
            # §4.2.8: selected_group must be one of supported_groups and have had no share.
            if hello.group not in self._config.groups:
                raise _illegal("hello_retry_request.unoffered_group")
            if self._hello.share_of(hello.group) is not None:
                raise _illegal("hello_retry_request.group_already_shared")
            self._forget_shares()
            self._hello.shares = [KeyShare(hello.group, self._config.entropy)]
        if hello.cookie is not None:
            # Our limit, not the RFC's: the cookie has to fit the send buffer.
            if len(hello.cookie) > self._config.cookie_bytes_max:
                raise PeerMisbehaved("hello_retry_request.cookie_too_long", _ALERT_INTERNAL_ERROR)
            self._hello.cookie = hello.cookie
        self._send_change_cipher_spec()
        self._send_hello(_TLS_1_2)
        self._hello.cookie = None
        return states.WAIT_SECOND_SERVER_HELLO

    def _derive_handshake_keys(self, shared_secret):
        schedule = KeySchedule(self._suite.hash)
        schedule.mix(shared_secret)
        digest = self._transcript.digest()
        client_secret = schedule.derive(b"c hs traffic", digest)
        server_secret = schedule.derive(b"s hs traffic", digest)
        self._log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client_secret)
        self._log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", server_secret)
        self._schedule = schedule
        self._receive_with(server_secret)
        self._outbox.protect(self._suite, client_secret)

    # --- EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify

    def _on_encrypted_extensions(self, message):
        body = message[messages.HEADER_BYTES :]
        alpn, limit, certificate_type = messages.parse_encrypted_extensions(body, self._offered)
        # RFC 7301 §3.1: the server selects one of the client's protocols.
        if alpn is not None and alpn not in self._config.alpn:
            raise _illegal("encrypted_extensions.unoffered_protocol")
        self.alpn = alpn
        if limit is not None:
            # RFC 8449 §4: from here on, each for what it receives; content type and padding count.
            self._receiver.plaintext_limit = self._config.record_size_limit
            self._outbox.content_limit = min(limit - 1, self._outbox.content_limit)
        self._expect_certificate_type(_X509 if certificate_type is None else certificate_type)
        self._transcript.update(message)
        self._checkpoint("encrypted_extensions")
        return states.WAIT_CERTIFICATE_OR_REQUEST

    def _expect_certificate_type(self, certificate_type):
        if certificate_type not in self._config.certificate_types:
            # RFC 7250 §4.2: without a type in common "the connection is terminated with a fatal
            # alert of type "unsupported_certificate"".
            alert = _ALERT_UNSUPPORTED_CERTIFICATE
            raise PeerMisbehaved("encrypted_extensions.unoffered_certificate_type", alert)
        if certificate_type != self._certificate_type:
            self._certificate_type = certificate_type
            self._chain = self._new_verifier()

    def _on_certificate_request(self, message):
        accepted = messages.parse_certificate_request(message[messages.HEADER_BYTES :])
        self._certificate_requested = True
        if self._config.certificates:
            self._signing_scheme = certificate_verify.choose(self._config.private_key, accepted)
        self._transcript.update(message)
        return states.WAIT_CERTIFICATE

    def _open_certificate(self, length):
        # What only a certificate of ours would have needed digests for.
        if not self._certificate_requested:
            self._transcript.drop()
        if self._config.certificates and self._signing_scheme is None:
            self._transcript.drop()
        return CertificateParser(length, self._chain, self._offered)

    def _on_certificate(self, _parser):
        self._server_key = self._chain.finish()
        self.signatures_verified = self._chain.signatures_verified
        self._chain = None
        self._checkpoint("certificate")
        return states.WAIT_CERTIFICATE_VERIFY

    def _on_certificate_verify(self, message):
        scheme, signed = messages.parse_certificate_verify(message[messages.HEADER_BYTES :])
        certificate_verify.check(
            scheme,
            self._config.signature_schemes,
            self._server_key,
            certificate_verify.BY_SERVER,
            self._transcript.digest(),
            bytes(signed),
        )
        self.signature_scheme = scheme
        self.signatures_verified += 1
        self._server_key = None
        self._transcript.update(message)
        self._checkpoint("certificate_verify")
        return states.WAIT_FINISHED

    # --- Finished

    def _on_finished(self, message):
        hash_ = self._suite.hash
        verify_data = messages.parse_finished(message[messages.HEADER_BYTES :], hash_.size)
        expected = finished_verify_data(hash_, self._receive_secret, self._transcript.digest())
        # RFC 8446 §4.4.4: recipients "MUST verify that the contents are correct and if incorrect
        # MUST terminate the connection with a "decrypt_error" alert."
        if not equal(expected, verify_data):
            raise PeerMisbehaved("finished.bad_verify_data", _ALERT_DECRYPT_ERROR)
        self._transcript.update(message)
        digest = self._transcript.digest()
        self._send_second_flight(digest)
        self._derive_application_keys(digest)
        self._forget_handshake()
        self._events |= EVENT_CONNECTED
        self._checkpoint("finished")
        return states.CONNECTED

    def _send_second_flight(self, digest):
        """Queue change_cipher_spec, Certificate if one was asked for, and Finished."""
        self._send_change_cipher_spec()
        if self._certificate_requested:
            digest = self._send_certificate()
        verify_data = finished_verify_data(self._suite.hash, self._outbox.secret, digest)
        writer = self._outbox.writer()
        messages.write_finished(writer, verify_data)
        self._outbox.queue_handshake(writer, self._transcript)

    def _send_certificate(self):
        """Queue Certificate and what proves it ours; return the digest for Finished."""
        # RFC 8446 §4.4.2: a client without a suitable certificate "MUST send a Certificate message
        # containing no certificates", and no CertificateVerify.
        config = self._config
        scheme = self._signing_scheme
        writer = self._outbox.writer()
        messages.write_certificate(writer, () if scheme is None else config.certificates)
        self._outbox.queue_handshake(writer, self._transcript)
        digest = self._transcript.digest()
        if scheme is None:
            return digest
        signature = certificate_verify.sign(
            scheme, config.private_key, certificate_verify.BY_CLIENT, digest, config.entropy
        )
        writer = self._outbox.writer()
        messages.write_certificate_verify(writer, scheme, signature)
        self._outbox.queue_handshake(writer, self._transcript)
        return self._transcript.digest()

    def _send_change_cipher_spec(self):
        """Queue the one change_cipher_spec before the second flight (RFC 8446 §D.4)."""
        if self._middlebox_compatibility:
            self._outbox.queue_change_cipher_spec()
            self._middlebox_compatibility = False

    def _derive_application_keys(self, digest):
        schedule = self._schedule
        schedule.mix()
        client_secret = schedule.derive(b"c ap traffic", digest)
        server_secret = schedule.derive(b"s ap traffic", digest)
        self._exporter_secret = schedule.derive(b"exp master", digest)
        self._log_secret("CLIENT_TRAFFIC_SECRET_0", client_secret)
        self._log_secret("SERVER_TRAFFIC_SECRET_0", server_secret)
        self._log_secret("EXPORTER_SECRET", self._exporter_secret)
        self._receive_with(server_secret)
        self._outbox.protect(self._suite, client_secret)

    # --- after the handshake

    def _open_new_session_ticket(self, length):
        # Imported here: the handshake has the memory to itself.
        from tlscore.ticket_stream import NewSessionTicketParser  # noqa: PLC0415

        self._patience.spend(patience.TICKET)
        return NewSessionTicketParser(length)

    def _on_new_session_ticket(self, _parser):
        self._events |= EVENT_TICKET  # resumption is not implemented: the ticket is gone
        return states.CONNECTED

    def _forget_hello(self):
        self._forget_shares()
        self._offered = self._hello.offered
        self._hello = None

    def _forget_shares(self):
        for share in self._hello.shares:
            share.forget()

    def _forget_handshake(self):
        Connection._forget_handshake(self)
        if self._hello is not None:
            self._forget_shares()
        self._hello = self._hello_message = None
        self._chain = self._schedule = self._server_key = None
