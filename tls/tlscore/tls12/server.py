"""The server's side of the TLS 1.2 handshake, in a server that may speak TLS 1.3 as well.

RFC 5246 §7.3, §7.4; the counterpart of client.py. The ClientHello decides: one that offers TLS 1.3
to a server that has it is handed to ../server.py, which the rest of the connection then is.

A client with a pre-shared key names it before anything is proved. One whose identity is not known
is given a random key instead and goes on; its Finished is then as unreadable as with a wrong key,
and either gets the decrypt_error of RFC 4279 §2, so that identities cannot be found out by trying.
"""

from tlscore import server_states, states
from tlscore.client_hello_parser import contains
from tlscore.codepoints import ALERT_DECRYPT_ERROR, TLS_1_2, TLS_1_3
from tlscore.compat import const
from tlscore.connection import EVENT_CONNECTED
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved
from tlscore.messages import HEADER_BYTES
from tlscore.server import ServerConnection as Server13
from tlscore.server_choice import protocol, server_name
from tlscore.tls12 import client_hello_parser, messages, server_choice, suites
from tlscore.tls12 import states as states12
from tlscore.tls12.schedule import premaster_of_key
from tlscore.tls12.server_flight import ServerFlight12
from tlscore.tls12.transcript import other_hash
from tlscore.wire import Reader

_VERIFY_DATA_BYTES = const(12)
_NAME_BYTES_MAX = const(255)
# As many bytes as keys have that stand for those of unknown identities.
_KEY_BYTES = const(32)
# Digests of the transcript: up to ClientKeyExchange and the client's Finished; with a certificate
# of the client also up to CertificateVerify.
_DIGESTS = const(2)
# RFC 8446 §4.1.3: how the random of a server ends that could have had TLS 1.3.
_DOWNGRADE = b"DOWNGRD\x01"


class ServerConnection(ServerFlight12, Server13):
    """A TLS server of the versions of its configuration; see ../server.py.

    Args:
        config: server_config.ServerConfig of this package.

    Attributes: as there, and those of connection.Tls12.
    """

    def __init__(self, config):
        self._session_id = b""
        self._promises_ticket = False
        self._expected_digest = None  # of all before the client's Finished
        self._claimed_identity = None
        Server13.__init__(self, config)
        self._table = states12.SERVER

    # --- ClientHello

    def _on_client_hello(self, message):
        body = message[HEADER_BYTES:]
        if self._version_of(body) == TLS_1_3:
            self._table = server_states.SERVER
            return Server13._on_client_hello(self, message)
        config = self._config
        hello = self._parsed(body)
        self._client_random = bytes(hello.random)
        self._checkpoint("client_hello")
        self._require_extended_master_secret(hello.extended_master_secret, "client_hello")
        self.server_name = server_name(config, hello)
        self.alpn = protocol(config, hello)
        master = self._resume(hello)
        if master is None:
            suite, self.group, self.signature_scheme = server_choice.choose(config, hello)
        else:
            suite = self._suite
        random = bytearray(32)
        config.entropy.fill(random)
        if TLS_1_3 in config.versions:
            random[24:] = _DOWNGRADE
        self._use_tls12(suite, bytes(random))
        self._limit_records12(hello)
        self._asks = config.asks_in_tls12 and master is None and not suite.bits & suites.KEY
        digests, other = _DIGESTS, None
        if self._asks:
            digests, other = _DIGESTS + 1, other_hash(suite.hash, config.takes_sha384)
        self._transcript = self._transcript_class(suite.hash, digests, other)
        self._transcript.update(message)
        self._send_server_hello(hello, random)
        if master is not None:
            self._use_master(master)
            self._send_finished(self._transcript.digest())
            self._expected_digest = self._transcript.digest()
            return states12.WAIT_CHANGE_CIPHER_SPEC
        self._begin_flight12()
        return states.WAIT_CERTIFICATE if self._asks else states12.WAIT_CLIENT_KEY_EXCHANGE

    def _version_of(self, body):
        return client_hello_parser.version_of(body, self._config.versions)

    def _parsed(self, body):
        return client_hello_parser.parse(body)

    def _limit_records12(self, hello):
        content_limit, plaintext_limit = server_choice.record_limits(self._config, hello)
        if content_limit is not None:
            self._outbox.content_limit = min(content_limit, self._outbox.content_limit)
        if plaintext_limit is not None:
            self._receiver.plaintext_limit = plaintext_limit

    def _send_server_hello(self, hello, random):
        config = self._config
        bits = self._suite.bits
        keeps = self.extended_master_secret and len(self.server_name or b"") <= _NAME_BYTES_MAX
        if keeps and not self.resumed:
            self._promises_ticket = config.tickets is not None and hello.ticket is not None
            if config.sessions is not None and not self._promises_ticket:
                self._session_id = config.sessions.new_id()
        answers = server_choice.answers(
            config,
            hello,
            self.alpn,
            bool(bits & suites.EXCHANGE),
            self._promises_ticket,
            self.resumed,
        )
        answers += self._more_answers()
        writer = self._outbox.writer()
        messages.write_server_hello(writer, random, self._session_id, self._suite.code, answers)
        self._outbox.queue_handshake(writer, self._transcript)
        self._checkpoint("server_hello")

    def _more_answers(self):
        """Return what else the ServerHello says (dtls/server.py), as pairs."""
        return []

    def _resume(self, hello):
        """Return the master secret of the session a client wants to go on with, if it can."""
        config = self._config
        ticket = None
        if hello.ticket and config.tickets is not None:
            ticket = config.tickets.open(hello.ticket)
            self.resumed_by = "ticket"
        if ticket is None and len(hello.session_id) and config.sessions is not None:
            ticket = config.sessions.find(bytes(hello.session_id))
            self.resumed_by = "session_id"
        found = self._fitting(ticket, hello) if ticket is not None else None
        if found is None:
            self.resumed_by = None
            return None
        self._suite = suites.find(found[0])
        self._session_id = bytes(hello.session_id)
        self.resumed = True
        self.client_key = ticket.client_key
        self.psk_identity = ticket.psk_identity
        return found[1]

    def _fitting(self, ticket, hello):
        """Return suite and master secret of a session, None if it does not fit the connection."""
        from tlscore.server_psk import fits  # noqa: PLC0415
        from tlscore.tls12.session_cache import suite_and_master  # noqa: PLC0415

        found = suite_and_master(ticket)
        if found is None or found[0] not in self._config.suites12:
            return None
        # RFC 7627 §5.3: sessions here have the extended master secret; without it in this
        # ClientHello there is a full handshake.
        if not contains(hello.suites, found[0]) or not hello.extended_master_secret:
            return None
        return found if fits(ticket, self._config, hello) else None

    # --- the client's proof and key exchange

    def _open_certificate(self, length):
        if self.version != TLS_1_2:
            return Server13._open_certificate(self, length)
        from tlscore.tls12.client_authentication import ClientAuthentication  # noqa: PLC0415

        self._client = ClientAuthentication(
            self._config, (self._suite.hash, self._transcript.other)
        )
        return self._client.new_parser(length)

    def _on_certificate(self, parser):
        if self.version != TLS_1_2:
            return Server13._on_certificate(self, parser)
        self._client.finish_chain()
        if self._client.key is None:
            self._client = None
        else:
            self.signatures_verified = self._client.signatures_verified
            self._checkpoint("client_certificate")
        return states12.WAIT_CLIENT_KEY_EXCHANGE

    def _on_client_key_exchange(self, message):
        bits = self._suite.bits
        identity, share = messages.parse_client_key_exchange(
            message[HEADER_BYTES:], bool(bits & suites.KEY), bool(bits & suites.EXCHANGE)
        )
        secret = None
        if share is not None:
            before = self.phase("key_share")
            secret = self._share.shared_secret(bytes(share))
            self._forget_share()
            self.phase(before)
        if identity is not None:
            secret = premaster_of_key(self._key_of(bytes(identity)), secret)
        self._transcript.update(message)
        digest = self._transcript.digest()
        before = self.phase("key_schedule")
        self._derive_master(secret, digest)
        self.phase(before)
        self._expected_digest = digest
        self._checkpoint("client_key_exchange")
        if self._client is None:
            return states12.WAIT_CHANGE_CIPHER_SPEC
        return states.WAIT_CERTIFICATE_VERIFY

    def _key_of(self, identity):
        """Return the key of an identity, a random one if there is none."""
        from tlscore.psk import check_key  # noqa: PLC0415

        # Whatever is wrong shows in the first record that is protected.
        self._receiver.forged_alert = ALERT_DECRYPT_ERROR
        substitute = bytearray(_KEY_BYTES)
        self._config.entropy.fill(substitute)
        found = self._config.psk(identity)
        if found is None:
            return bytes(substitute)
        check_key(found[0], found[1])
        self._claimed_identity = identity
        return found[0]

    def _on_certificate_verify(self, message):
        if self.version != TLS_1_2:
            return Server13._on_certificate_verify(self, message)
        client = self._client
        client.verify(message[HEADER_BYTES:], self._signed_digest)
        self.client_key = client.key
        self.signatures_verified = client.signatures_verified
        self._client_not_after = client.not_after
        self._transcript.update(message)
        self._expected_digest = self._transcript.digest()
        self._checkpoint("client_certificate_verify")
        return states12.WAIT_CHANGE_CIPHER_SPEC

    def _signed_digest(self, hash_):
        return self._transcript.signed_digest(hash_, self._expected_digest)

    # --- Finished

    def _on_change_cipher_spec(self, content):
        if self.version != TLS_1_2:
            Server13._on_change_cipher_spec(self, content)
            return
        if len(content) != 1 or content[0] != 1 or self.state != states12.WAIT_CHANGE_CIPHER_SPEC:
            raise self._unexpected("change_cipher_spec.unexpected")
        self._receiver.protection = self._protection(False)
        self.state = states.WAIT_FINISHED

    def _on_finished(self, message):
        if self.version != TLS_1_2:
            return Server13._on_finished(self, message)
        self._receiver.forged_alert = type(self._receiver).forged_alert
        reader = Reader(message, "finished", HEADER_BYTES)
        received = reader.take(_VERIFY_DATA_BYTES)
        reader.finish()
        expected = self._verify_data(b"client finished", self._expected_digest)
        # RFC 5246 §7.4.9: recipients "MUST verify that the contents are correct"; decrypt_error.
        if not equal(expected, received):
            raise PeerMisbehaved("finished.bad_verify_data", ALERT_DECRYPT_ERROR)
        if not self.resumed:
            self.psk_identity = self._claimed_identity
            self._transcript.update(message)
            ticket = self._new_ticket()
            if self._promises_ticket:
                self._send_ticket(ticket)
            elif self._session_id:
                self._config.sessions.put(self._session_id, ticket)
            self._send_finished(self._transcript.digest())
        self._protections = None
        self._forget_handshake()
        self._events |= EVENT_CONNECTED
        self._checkpoint("finished")
        return states.CONNECTED

    def _new_ticket(self):
        """Return the tickets.Ticket of what this connection has proved, None if nobody wants it."""
        if not self._promises_ticket and not self._session_id:
            return None
        from tlscore.tickets import LIFETIME_LIMIT_S, Ticket  # noqa: PLC0415
        from tlscore.tls12.session_cache import secret_of  # noqa: PLC0415

        keeper = self._config.tickets if self._promises_ticket else self._config.sessions
        now = keeper.now()
        until = min(now + LIFETIME_LIMIT_S, self._client_not_after)
        name, alpn = self.server_name or b"", self.alpn or b""
        secret = secret_of(self._suite.code, self._master)
        return Ticket(secret, now, until, name, alpn, self.client_key, self.psk_identity)

    def _forget_share(self):
        if self._share is not None:
            self._share.forget()
            self._share = None

    def _end(self, state):
        # RFC 5246 §7.2.2: after a fatal alert the session "MUST NOT be resumed".
        sessions = getattr(self._config, "sessions", None)
        if state == states.FAILED and sessions is not None and self._session_id:
            sessions.forget(self._session_id)
        Server13._end(self, state)
        self._forget_keys()

    def _forget_handshake(self):
        Server13._forget_handshake(self)
        self._forget_share()
        self._expected_digest = None
