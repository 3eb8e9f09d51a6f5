"""The client's side of the TLS 1.3 handshake (RFC 8446 §2, §4, appendix A.1).

Every method `_on_<message>` takes one message in the order: read it, check it, derive keys, add it
to the transcript, name the next state. Which message may come when is the business of the table in
states.py; form is checked in messages.py; what is here is what depends on what was said before.

The ClientHello stays in the send buffer until the ServerHello has named the hash to feed it to:
nothing else is sent in between, and RecordSender moves nothing.
"""

from tlscore import messages, patience, states, suites
from tlscore.client_hello import RANDOM_BYTES, ClientHello
from tlscore.codepoints import (
    ALERT_DECRYPT_ERROR,
    ALERT_ILLEGAL_PARAMETER,
    ALERT_INTERNAL_ERROR,
    ALERT_MISSING_EXTENSION,
    TLS_1_0,
    TLS_1_2,
    TLS_1_3,
)
from tlscore.compat import const
from tlscore.connection import EVENT_CONNECTED, EVENT_TICKET, Connection
from tlscore.crypto import signature
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved
from tlscore.key_exchange import KeyShare
from tlscore.message_streams import CertificateParser, NewSessionTicketParser
from tlscore.schedule import KeySchedule, finished_verify_data
from tlscore.transcript import Transcript, message_hash
from tlscore.x509.chain import ChainVerifier

# Digests of the transcript: up to ServerHello, Certificate, CertificateVerify, server Finished,
# and, only if the server asks for a certificate, the client's Certificate.
_DIGESTS = const(5)
# RFC 8446 §4.4.3: 64 spaces, the context string, a zero byte, then the transcript hash.
_SERVER_SIGNATURE_CONTEXT = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00"


def _illegal(reason):
    return PeerMisbehaved(reason, ALERT_ILLEGAL_PARAMETER)


class ClientConnection(Connection):
    """A TLS 1.3 client; constructing it allocates everything and queues the ClientHello.

    Args:
        config: config.ClientConfig.

    Attributes:
        signatures_verified: signatures found good, in the chain and in CertificateVerify.
    """

    def __init__(self, config):
        Connection.__init__(self, config, states.CLIENT, states.WAIT_SERVER_HELLO)
        self._chain = ChainVerifier(config.trust, config.clock, config.server_name)
        self._schedule = None
        self._server_key = None
        self._certificate_requested = False
        self._offered = ()
        self._middlebox_compatibility = config.middlebox_compatibility
        self.signatures_verified = 0
        self._client_random = self._random(RANDOM_BYTES)
        session_id = self._random(32) if config.middlebox_compatibility else b""
        shares = [KeyShare(group, config.entropy) for group in config.key_share_groups]
        self._hello = ClientHello(config, self._client_random, session_id, shares)
        # RFC 8446 §5.1: the first ClientHello "MAY also be 0x0301 for compatibility purposes".
        self._hello_message = self._send_hello(TLS_1_0)
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
            raise PeerMisbehaved("server_hello.no_key_share", ALERT_MISSING_EXTENSION)
        # §4.2.8: the group "MUST be one of those" a share was sent for; after a HelloRetryRequest
        # that is only the group it selected.
        share = self._hello.share_of(hello.group)
        if share is None:
            raise _illegal("server_hello.unoffered_group")
        self.version = TLS_1_3
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
        self._transcript = Transcript(self._suite.hash, _DIGESTS)
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
                raise PeerMisbehaved("hello_retry_request.cookie_too_long", ALERT_INTERNAL_ERROR)
            self._hello.cookie = hello.cookie
        self._send_change_cipher_spec()
        self._send_hello(TLS_1_2)
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
        alpn = messages.parse_encrypted_extensions(message[messages.HEADER_BYTES :], self._offered)
        # RFC 7301 §3.1: the server selects one of the client's protocols.
        if alpn is not None and alpn not in self._config.alpn:
            raise _illegal("encrypted_extensions.unoffered_protocol")
        self.alpn = alpn
        self._transcript.update(message)
        self._checkpoint("encrypted_extensions")
        return states.WAIT_CERTIFICATE_OR_REQUEST

    def _on_certificate_request(self, message):
        messages.parse_certificate_request(message[messages.HEADER_BYTES :])
        self._certificate_requested = True
        self._transcript.update(message)
        return states.WAIT_CERTIFICATE

    def _open_certificate(self, length):
        if not self._certificate_requested:
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
        # RFC 8446 §4.4.3: the algorithm "MUST be one offered in the client's
        # "signature_algorithms" extension".
        if scheme not in self._config.signature_schemes:
            raise _illegal("certificate_verify.unoffered_scheme")
        signed_hash = signature.hash_of(scheme).new(_SERVER_SIGNATURE_CONTEXT)
        signed_hash.update(self._transcript.digest())
        if not signature.verify(scheme, self._server_key, signed_hash.digest(), bytes(signed)):
            # "If the verification fails, the receiver MUST terminate the handshake with a
            # "decrypt_error" alert."
            raise PeerMisbehaved("certificate_verify.bad_signature", ALERT_DECRYPT_ERROR)
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
            raise PeerMisbehaved("finished.bad_verify_data", ALERT_DECRYPT_ERROR)
        self._transcript.update(message)
        digest = self._transcript.digest()
        self._send_second_flight(digest)
        self._derive_application_keys(digest)
        self._forget_handshake()
        self._events |= EVENT_CONNECTED
        self._checkpoint("finished")
        return states.CONNECTED

    def _send_second_flight(self, digest):
        """Queue change_cipher_spec, an empty Certificate if one was asked for, and Finished."""
        self._send_change_cipher_spec()
        if self._certificate_requested:
            # §4.4.2: a client without a certificate "MUST send a Certificate message containing
            # no certificates", and no CertificateVerify.
            writer = self._outbox.writer()
            messages.write_empty_certificate(writer)
            self._outbox.queue_handshake(writer, self._transcript)
            digest = self._transcript.digest()
        verify_data = finished_verify_data(self._suite.hash, self._outbox.secret, digest)
        writer = self._outbox.writer()
        messages.write_finished(writer, verify_data)
        self._outbox.queue_handshake(writer, self._transcript)

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
