"""The client's side of the TLS 1.2 handshake, in a client that may speak TLS 1.3 as well.

RFC 5246 §7.3, §7.4; as in ../client.py, every method `_on_<message>` takes one message. The
ClientHello offers both versions (client_hello.py); the ServerHello decides: one of TLS 1.3 is
handed to ../client.py, which the rest of the connection then is. Names of methods that both
versions have a message for tell by the version which of the two is meant.

The order here: ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone;
ours: Certificate, ClientKeyExchange, CertificateVerify, change_cipher_spec, Finished; then
NewSessionTicket, change_cipher_spec and Finished of the server. In a resumed session the server's
Finished comes first.
"""

from tlscore import patience, states
from tlscore.client import ClientConnection as Client13
from tlscore.codepoints import TLS_1_2, TLS_1_3
from tlscore.compat import const
from tlscore.connection import EVENT_CONNECTED, EVENT_TICKET
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.key_exchange import KeyShare
from tlscore.messages import HEADER_BYTES, write_finished
from tlscore.tls12 import client_hello, messages, suites
from tlscore.tls12 import states as states12
from tlscore.tls12.connection import Tls12
from tlscore.tls12.message_streams import NewSessionTicketParser
from tlscore.tls12.schedule import premaster_of_key
from tlscore.tls12.transcript import other_hash
from tlscore.wire import Reader

# See codepoints.py: copies that cost nothing on a board.
_SERVER_HELLO = const(2)
_ALERT_HANDSHAKE_FAILURE = const(40)
_ALERT_DECRYPT_ERROR = const(51)
_ALERT_PROTOCOL_VERSION = const(70)
_VERIFY_DATA_BYTES = const(12)

# Digests of the transcript: up to ClientKeyExchange and up to our Finished; with a certificate of
# ours also up to CertificateVerify.
_DIGESTS = const(2)
# RFC 8446 §4.1.3: how the random of a server that knows TLS 1.3 ends when it negotiates less.
_DOWNGRADE = (b"DOWNGRD\x01", b"DOWNGRD\x00")


class ClientConnection(Tls12, Client13):
    """A TLS client of the versions of its configuration; see ../client.py.

    Args:
        config: config.ClientConfig of this package.

    Attributes: as there, and those of connection.Tls12.
    """

    _session12 = None  # offered, or the one that goes on
    _exchange = None  # messages.KeyExchange without what points into the message
    _session_id = b""  # the server's
    _ticket = None  # message_streams.NewSessionTicketParser

    def __init__(self, config):
        Client13.__init__(self, config)
        self._table = states12.CLIENT

    def _new_hello(self, session_id, _hello_class):
        config = self._config
        session = config.session12
        if session is not None and not session.is_usable(config.clock.utc_seconds()):
            session = None
        if session is not None:
            if session.session_id:
                session_id = session.session_id
            elif not session_id:
                # RFC 5077 §3.4: by its echo a client tells that its ticket was taken.
                session_id = self._random(32)
        elif TLS_1_3 not in config.versions:
            session_id = b""
        hello = Client13._new_hello(self, session_id, client_hello.ClientHello)
        hello.session = self._session12 = session
        return hello

    def _expect_certificates(self):
        if TLS_1_3 in self._config.versions:
            Client13._expect_certificates(self)

    def _offer_keys(self):
        return Client13._offer_keys(self) if TLS_1_3 in self._config.versions else None

    # --- ServerHello

    def check_misaligned(self, message):
        """Let the flight of a server of TLS 1.2 be one record."""
        if message[0] == _SERVER_HELLO and self._is_tls12(message[HEADER_BYTES:]):
            return True
        return Client13.check_misaligned(self, message)

    def _is_tls12(self, body):
        return self.state == states.WAIT_SERVER_HELLO and messages.is_of_tls12(body)

    def _on_server_hello(self, message):
        body = message[HEADER_BYTES:]
        if self._is_tls12(body):
            return self._on_server_hello12(message, body)
        if TLS_1_3 not in self._config.versions:
            # RFC 5246 appendix E.1: a version that is not ours ends with protocol_version.
            raise PeerMisbehaved("server_hello.version_not_supported", _ALERT_PROTOCOL_VERSION)
        self._table = states.CLIENT
        # What TLS 1.2 alone knows must not be answered.
        self._hello.offered = [
            code for code in self._hello.offered if code not in client_hello.ONLY_TLS_1_2
        ]
        return Client13._on_server_hello(self, message)

    def _on_server_hello12(self, message, body):
        config = self._config
        offer = self._hello
        hello = messages.parse_server_hello(body, offer.offered)
        # RFC 8446 §4.1.3: clients of TLS 1.3 "MUST check that the last 8 bytes are not equal to
        # either of these values".
        if TLS_1_3 in config.versions and bytes(hello.random[24:]) in _DOWNGRADE:
            raise illegal("server_hello.downgrade")
        if hello.suite not in config.suites12:
            raise illegal("server_hello.unoffered_suite")
        if not hello.secure_renegotiation and config.secure_renegotiation_required:
            reason = "server_hello.no_secure_renegotiation"
            raise PeerMisbehaved(reason, _ALERT_HANDSHAKE_FAILURE)
        self._require_extended_master_secret(hello.extended_master_secret, "server_hello")
        # RFC 7301 §3.1: the server selects one of the client's protocols.
        if hello.protocol is not None and hello.protocol not in config.alpn:
            raise illegal("server_hello.unoffered_protocol")
        self._session_id = bytes(hello.session_id)
        self._check_session(hello)
        self._use_tls12(suites.find(hello.suite), bytes(hello.random))
        self.alpn = hello.protocol
        self._limit_records12(hello)
        signs = len(config.certificates) > 0 and not self.resumed
        hash_ = self._suite.hash
        other = other_hash(hash_, schemes_have_sha384=False) if signs else None
        self._transcript = self._transcript_class(hash_, _DIGESTS + (1 if signs else 0), other)
        self._transcript.update(self._hello_message)
        self._transcript.update(message)
        self._hello_message = None
        self._ticket_promised = hello.ticket
        self._checkpoint("server_hello")
        if self.resumed:
            self._forget_shares()
            self._hello = None
            self._use_master(self._session12.secret)
            return self._await_end()
        bits = self._suite.bits
        if not bits & suites.KEY:
            from tlscore.tls12.certificates import CertificateAuthentication  # noqa: PLC0415

            self._certificates = CertificateAuthentication(config)
            return states.WAIT_CERTIFICATE
        self._certificates = None
        if bits & suites.EXCHANGE:
            return states12.WAIT_SERVER_KEY_EXCHANGE
        return states12.WAIT_KEY_EXCHANGE_OR_DONE

    def _check_session(self, hello):
        """Tell by the session id whether the server goes on with our session."""
        session = self._session12
        ours = self._hello.session_id
        if not ours or self._session_id != ours:
            self._session12 = None
            return
        # RFC 8446 §4.1.2: a session id that stands for nothing is no session's.
        if session is None:
            raise illegal("server_hello.session_id")
        # RFC 5246 §7.4.1.3: it "MUST ... the same cipher suite it was originally negotiated with".
        if hello.suite != session.suite:
            raise illegal("server_hello.suite_changed")
        # RFC 7627 §5.3: a session with the extended master secret has it for good.
        if not hello.extended_master_secret:
            reason = "server_hello.no_extended_master_secret"
            raise PeerMisbehaved(reason, _ALERT_HANDSHAKE_FAILURE)
        self.resumed = True
        self.resumed_by = "session_id" if session.session_id else "ticket"
        self.psk_identity = session.psk_identity or None

    def _limit_records12(self, hello):
        """Keep to the negotiated sizes; without content type, unlike in TLS 1.3 (RFC 8449 §4)."""
        config = self._config
        if hello.record_size_limit is not None:
            limit = hello.record_size_limit
            self._receiver.plaintext_limit = config.record_size_limit
        elif hello.max_fragment_length is not None:
            limit = 256 << hello.max_fragment_length
            if limit != config.max_fragment_bytes:
                raise illegal("server_hello.other_fragment_length")
            self._receiver.plaintext_limit = limit
        else:
            return
        self._outbox.content_limit = min(limit, self._outbox.content_limit)

    def _await_end(self):
        """Return the state in which the end of the server's handshake begins."""
        if self._ticket_promised:
            return states12.WAIT_TICKET
        return states12.WAIT_CHANGE_CIPHER_SPEC

    # --- what the server proves itself with

    def _open_certificate(self, length):
        if self.version != TLS_1_2:
            return Client13._open_certificate(self, length)
        return self._certificates.parser(length)

    def _on_certificate(self, parser):
        state = Client13._on_certificate(self, parser)
        if self.version != TLS_1_2:
            return state
        self._certificates.check_key(self._suite)
        return states12.WAIT_SERVER_KEY_EXCHANGE

    def _on_server_key_exchange(self, message):
        bits = self._suite.bits
        exchanges = bool(bits & suites.EXCHANGE)
        said = messages.parse_server_key_exchange(
            message[HEADER_BYTES:], bool(bits & suites.KEY), exchanges
        )
        # RFC 8422 §5.4: of a curve that was not offered: illegal_parameter.
        if exchanges and said.group not in self._config.groups:
            raise illegal("server_key_exchange.unoffered_group")
        if self._certificates is not None:
            self.signature_scheme = self._certificates.verify_exchange(said, self._randoms)
            self.signatures_verified = self._certificates.signatures_verified
        if exchanges:
            self.group = said.group
            self._exchange = bytes(said.share)
        self._transcript.update(message)
        self._checkpoint("server_key_exchange")
        if self._certificates is None:
            return states12.WAIT_SERVER_HELLO_DONE
        return states12.WAIT_REQUEST_OR_DONE

    def _on_certificate_request(self, message):
        if self.version != TLS_1_2:
            return Client13._on_certificate_request(self, message)
        self._certificates.take_request(
            message[HEADER_BYTES:], self._suite.hash, self._transcript.other
        )
        self._transcript.update(message)
        return states12.WAIT_SERVER_HELLO_DONE

    # --- our answer

    def _on_server_hello_done(self, message):
        messages.check_empty(message[HEADER_BYTES:], "server_hello_done")
        transcript, outbox = self._transcript, self._outbox
        transcript.update(message)
        certificates = self._certificates
        asked = certificates is not None and certificates.requested
        if asked:
            certificates.send_certificate(outbox, transcript)
        premaster = self._send_key_exchange()
        digest = transcript.digest()
        before = self.phase("key_schedule")
        self._derive_master(premaster, digest)
        self.phase(before)
        if asked and certificates.signs:
            before = self.phase("certificate_verify")
            certificates.send_verify(outbox, transcript, digest)
            self.phase(before)
            digest = transcript.digest()
        self._certificates = None
        self._send_finished(digest)
        return self._await_end()

    def _send_key_exchange(self):
        """Queue ClientKeyExchange; return the premaster secret."""
        secret = share = identity = None
        if self._exchange is not None:
            before = self.phase("key_share")
            # A share that was offered for TLS 1.3 is as good as another.
            ours = self._hello.share_of(self.group)
            if ours is None:
                ours = KeyShare(self.group, self._config.entropy)
            secret = ours.shared_secret(self._exchange)
            share = ours.public_key()
            ours.forget()
            self.phase(before)
        if self._suite.bits & suites.KEY:
            # The one most wanted: the server's hint says nothing that we know (RFC 4279 §5.2).
            identity, key, _ = self._config.psks[0]
            secret = premaster_of_key(key, secret)
            self.psk_identity = identity
        self._forget_shares()
        self._hello = self._exchange = None
        writer = self._outbox.writer()
        messages.write_client_key_exchange(writer, identity, share)
        self._outbox.queue_handshake(writer, self._transcript)
        self._checkpoint("client_key_exchange")
        return secret

    def _send_finished(self, digest):
        """Queue change_cipher_spec and Finished."""
        self._outbox.queue_change_cipher_spec()
        self._outbox.protect_with(self._protection(False))
        writer = self._outbox.writer()
        write_finished(writer, self._verify_data(b"client finished", digest))
        self._outbox.queue_handshake(writer, self._transcript)

    # --- the end of the server's handshake

    def _open_new_session_ticket(self, length):
        if self.version != TLS_1_2:
            return Client13._open_new_session_ticket(self, length)
        self._patience.spend(patience.TICKET)
        return NewSessionTicketParser(length, self._config.ticket_bytes_max)

    def _on_new_session_ticket(self, parser):
        if self.version != TLS_1_2:
            return Client13._on_new_session_ticket(self, parser)
        self._ticket = parser
        self._events |= EVENT_TICKET
        return states12.WAIT_CHANGE_CIPHER_SPEC

    def _on_change_cipher_spec(self, content):
        if self.version != TLS_1_2:
            Client13._on_change_cipher_spec(self, content)
            return
        if len(content) != 1 or content[0] != 1 or self.state != states12.WAIT_CHANGE_CIPHER_SPEC:
            raise self._unexpected("change_cipher_spec.unexpected")
        self._receiver.protection = self._protection(True)
        self.state = states.WAIT_FINISHED

    def _on_finished(self, message):
        if self.version != TLS_1_2:
            return Client13._on_finished(self, message)
        reader = Reader(message, "finished", HEADER_BYTES)
        received = reader.take(_VERIFY_DATA_BYTES)
        reader.finish()
        expected = self._verify_data(b"server finished", self._transcript.digest())
        # RFC 5246 §7.4.9: recipients "MUST verify that the contents are correct"; decrypt_error.
        if not equal(expected, received):
            raise PeerMisbehaved("finished.bad_verify_data", _ALERT_DECRYPT_ERROR)
        self._transcript.update(message)
        if self.resumed:
            self._send_finished(self._transcript.digest())
        self._keep_session()
        self._protections = None
        self._forget_handshake()
        self._events |= EVENT_CONNECTED
        self._checkpoint("finished")
        return states.CONNECTED

    def _keep_session(self):
        """Make a session of what the server gave us to know it by."""
        config = self._config
        resumed, self._session12 = self._session12, None
        if not config.ticket_bytes_max or not self.extended_master_secret:
            return
        ticket = self._ticket
        has_ticket = ticket is not None and ticket.ticket is not None
        if resumed is not None and not has_ticket:
            self._session12 = resumed
            return
        if not has_ticket and not self._session_id:
            return
        from tlscore.session import LIFETIME_LIMIT_S  # noqa: PLC0415
        from tlscore.tls12.session import Session  # noqa: PLC0415

        now = config.clock.utc_seconds()
        expires = min(now + LIFETIME_LIMIT_S, self._not_after)
        self._session12 = Session(
            b"" if has_ticket else self._session_id,
            bytes(ticket.ticket) if has_ticket else b"",
            self._master,
            self.suite,
            min(ticket.lifetime_s, LIFETIME_LIMIT_S) if has_ticket else 0,
            now,
            expires if resumed is None else resumed.expires_utc_seconds,
            config.server_name or "",
            self.psk_identity or b"",
        )

    def take_session(self):
        """Return the session that can be resumed, of either version, or None; it is then gone."""
        if self.version != TLS_1_2:
            return Client13.take_session(self)
        if self.state < states.CONNECTED or self.state == states.FAILED:
            return None
        session, self._session12 = self._session12, None
        return session

    def _end(self, state):
        Client13._end(self, state)
        self._forget_keys()

    def _forget_handshake(self):
        Client13._forget_handshake(self)
        self._forget("_exchange", "_ticket")
