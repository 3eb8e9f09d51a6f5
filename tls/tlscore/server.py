"""The server's side of the TLS 1.3 handshake: what it receives (RFC 8446 §2, §4, appendix A.2).

As in client.py, every method `_on_<message>` takes one message in the order: read it, check it,
derive keys, add it to the transcript, name the next state. Which message may come when is the
business of server_states.py; the form of a ClientHello is checked in client_hello_parser.py, what
is chosen from it in server_choice.py and, of pre-shared keys, in server_psk.py. What the server
says after its ServerHello is in server_flight.py.

Application data is sent and taken only after the client's Finished. Early data is refused by not
answering the extension; what comes of it is dropped unread, up to a limit (§4.2.10).
"""

from tlscore import (
    client_hello_parser,
    key_exchange,
    messages,
    server_choice,
    server_hello,
    server_states,
    states,
    suites,
)
from tlscore.codepoints import (
    ALERT_DECRYPT_ERROR,
    TLS_1_3,
)
from tlscore.compat import const
from tlscore.connection import EVENT_CONNECTED, Connection
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.schedule import KeySchedule, finished_verify_data
from tlscore.server_flight import ServerFlight
from tlscore.transcript import Transcript, message_hash

_ALERT_HANDSHAKE_FAILURE = const(40)

# Digests of the transcript: up to ServerHello, Certificate, CertificateVerify, server Finished;
# with a CertificateRequest also up to the client's Certificate and CertificateVerify; with a
# pre-shared key up to its binder, ServerHello, EncryptedExtensions, server Finished. One more up to
# the client's Finished is for tickets.
_DIGESTS = const(4)
_DIGESTS_WITH_CLIENT_CERTIFICATE = const(6)
_NAME_BYTES_MAX = const(255)
# The year 9999: what an external key or a raw public key proves has no end.
_NEVER_UTC_SECONDS = 253402300799

# OpenSSL's default of SSL_CTX_set_recv_max_early_data, one full record; in ciphertext.
_EARLY_DATA_BYTES_MAX = const(16384 + 256)


class ServerConnection(ServerFlight):
    """A TLS 1.3 server; constructing it allocates the buffers, then it waits for a ClientHello.

    Args:
        config: server_config.ServerConfig.

    Attributes:
        server_name: what the client asked for by SNI (bytes), or None.
        client_key: public key (kind, bytes) of the client's certificate or its raw public key,
            None if it showed none; after a resumption what it was in the first connection.
        psk_identity: of the client's external pre-shared key (bytes), after a resumption as well;
            None if it used none.
        resumed: the client had a ticket of ours.
        signatures_verified: signatures found good in the client's chain and CertificateVerify.
        retried: a HelloRetryRequest was sent.
    """

    # What has not happened yet takes no room in the object.
    _fingerprint = None
    _cookie = None  # what a second ClientHello has to return
    _record_limits = (None, None)  # of our records, of the client's
    _key = None  # server_psk.AcceptedKey
    _gives_tickets = False
    _until_utc_seconds = None  # end of what a session that was resumed rests on
    _client_not_after = _NEVER_UTC_SECONDS
    _client = None  # client_authentication.ClientAuthentication
    _change_cipher_spec_owed = False
    server_name = None
    client_key = None
    psk_identity = None
    resumed = False
    signatures_verified = 0
    retried = False

    # --- ClientHello

    def _on_client_hello(self, message):
        body = message[messages.HEADER_BYTES :]
        hello = self._read_hello(body)
        # RFC 8446 §4.2.2: "Clients MUST NOT use cookies in their initial ClientHello in
        # subsequent connections." We never gave one.
        if hello.cookie is not None:
            raise illegal("client_hello.unsolicited_cookie")
        self._client_random = bytes(hello.random)
        self._checkpoint("client_hello")
        self._choose(hello, body)
        # §D.4: an answer to a client that sent a session id is followed by change_cipher_spec.
        self._change_cipher_spec_owed = len(hello.session_id) > 0
        if hello.early_data:
            self._receiver.early_data_left = _EARLY_DATA_BYTES_MAX
        share = None
        if self.group is not None:
            share = client_hello_parser.share_of(hello.shares, self.group)
            if share is None:
                return self._retry(hello, message)
        asks = self._client_certificate_type is not None
        self._transcript = Transcript(self._suite.hash, self._digests(asks))
        self._hash_hello(hello, message)
        return self._answer(hello, share)

    def _on_second_client_hello(self, message):
        body = message[messages.HEADER_BYTES :]
        hello = self._read_hello(body)
        # §4.2.10: early_data "MUST NOT" be in the second ClientHello; nothing of it follows.
        if hello.early_data:
            raise illegal("client_hello.early_data_after_retry")
        self._receiver.early_data_left = 0
        self._check_cookie(hello.cookie)
        # §4.1.2: the client "MUST send the same ClientHello without modification" but for a few
        # extensions.
        if self._fingerprint_of(body) != self._fingerprint:
            raise illegal("client_hello.changed_after_retry")
        self._fingerprint = None
        share = self._share_after_retry(hello)
        # §4.1.2: binders are new, and keys that do not fit the suite may be gone.
        self._choose_proof(hello, body)
        self._transcript.keep(self._digests(self._client_certificate_type is not None))
        self._hash_hello(hello, message)
        return self._answer(hello, share)

    def _read_hello(self, body):
        return client_hello_parser.parse(body)

    def _fingerprint_of(self, body):
        return client_hello_parser.fingerprint(body)

    def _share_after_retry(self, hello):
        # §4.1.2: the list of shares is replaced "with a list containing a single KeyShareEntry
        # from the indicated group".
        share = client_hello_parser.share_of(hello.shares, self.group)
        if share is None or hello.shares.remaining() != 4 + len(share):
            raise illegal("client_hello.wrong_share_after_retry")
        return share

    def _hash_hello(self, hello, message):
        """Add the ClientHello to the transcript, and check the binder of the key chosen."""
        key = self._key
        if key is None:
            self._transcript.update(message)
            return
        from tlscore.server_psk import check_binder  # noqa: PLC0415

        # §4.2.11.2: binders are made of the ClientHello up to their list.
        end = messages.HEADER_BYTES + hello.binders_at
        self._transcript.update(message[:end])
        before = self.phase("key_schedule")
        check_binder(key, hello, self._suite.hash, self._transcript.digest())
        self.phase(before)
        self._transcript.update(message[end:])
        self.psk_identity = key.identity
        if key.ticket is not None:
            self.resumed = True
            self.client_key = key.ticket.client_key
            self._until_utc_seconds = key.ticket.until_utc_seconds

    def _check_cookie(self, cookie):
        # §4.2.2: "the client MUST copy the contents of the extension received in the
        # HelloRetryRequest into a "cookie" extension in the new ClientHello."
        if self._cookie is None:
            if cookie is not None:
                raise illegal("client_hello.unsolicited_cookie")
        elif cookie is None or not equal(self._cookie, cookie):
            raise illegal("client_hello.wrong_cookie")
        self._cookie = None

    def _choose(self, hello, body):
        """Choose everything there is to choose, or refuse what cannot be met."""
        config = self._config
        self._choose_proof(hello, body)
        self.server_name = server_choice.server_name(config, hello)
        self.alpn = server_choice.protocol(config, hello)
        self._record_limits = server_choice.record_limits(config, hello)
        # §4.2.9: tickets are only for clients that can use them with us.
        if config.tickets is not None and hello.psk_modes is not None:
            self._gives_tickets = any(mode in config.psk_modes for mode in hello.psk_modes)
        # RFC 1035 §2.3.4: names have 255 octets or less; a longer one is nobody's.
        if len(self.server_name or b"") > _NAME_BYTES_MAX:
            self._gives_tickets = False

    def _choose_proof(self, hello, body):
        """Choose a pre-shared key or what goes with a certificate; the suite and group for it.

        After a HelloRetryRequest those two are as it said.
        """
        config = self._config
        chosen = None if self._suite is None else self._suite.code
        self._key = key = self._acceptable_key(hello, body, chosen)
        if key is not None:
            self._suite = suites.find(key.suite)
            self.group = key.group
            self._forget("signature_scheme", "_certificate_type", "_client_certificate_type")
            return
        if chosen is None:
            self._suite = suites.find(server_choice.suite(config, hello))
        self.signature_scheme = server_choice.signature_scheme(config, hello)
        if chosen is None:
            self.group = server_choice.group(config, hello)
        self._certificate_type = server_choice.certificate_type(config, hello)
        self._client_certificate_type = server_choice.client_certificate_type(config, hello)

    def _acceptable_key(self, hello, body, suite):
        """Return the AcceptedKey; None for a handshake with certificates, if that is possible."""
        config = self._config
        if hello.identities is None or not config.takes_keys:
            if not config.has_certificate:
                raise PeerMisbehaved("client_hello.psk_required", _ALERT_HANDSHAKE_FAILURE)
            return None
        # Loaded here: few servers have keys, and few clients.
        from tlscore import server_psk  # noqa: PLC0415

        key = server_psk.choose(config, hello, suite, self.group)
        # §4.2.11: without an acceptable one "the server SHOULD perform a non-PSK handshake if
        # possible".
        if key is None and (hello.schemes is None or not config.has_certificate):
            server_psk.refuse_unknown(hello, body)
        return key

    def _digests(self, asks):
        """Return how many digests are taken of the transcript, from this ClientHello on.

        Args:
            asks: the client is asked for a certificate.
        """
        digests = _DIGESTS_WITH_CLIENT_CERTIFICATE if asks else _DIGESTS
        return digests + (1 if self._gives_tickets else 0)

    def _retry(self, hello, message):
        """Ask for a share of our group (RFC 8446 §4.1.4)."""
        self.retried = True
        self._fingerprint = self._fingerprint_of(message[messages.HEADER_BYTES :])
        hashed = message_hash(self._suite.hash, message)
        # Which keys the client will still offer is not known yet: enough for either way.
        self._transcript = Transcript(
            self._suite.hash, self._digests(self._config.trust is not None)
        )
        self._transcript.update(hashed)
        if self._config.cookie_key is not None:
            self._cookie = self._new_cookie(hashed[messages.HEADER_BYTES :])
        writer = self._outbox.writer()
        server_hello.write_server_hello(
            writer, None, hello.session_id, self._suite.code, self.group, None, self._cookie
        )
        self._outbox.queue_handshake(writer, self._transcript)
        self._send_change_cipher_spec()
        self._checkpoint("hello_retry_request")
        return server_states.WAIT_SECOND_CLIENT_HELLO

    def _new_cookie(self, client_hello_hash):
        # Loaded here: only for who wants cookies.
        from tlscore import retry_cookie  # noqa: PLC0415

        return retry_cookie.make(
            self._config.cookie_key, self._suite.code, self.group, client_hello_hash
        )

    def _answer(self, hello, share):
        """Queue the ServerHello and begin the flight."""
        random = bytearray(32)
        self._config.entropy.fill(random)
        before = self.phase("key_share")
        our_share, shared_secret = self._exchange(share)
        self.phase("server_hello")
        writer = self._outbox.writer()
        server_hello.write_server_hello(
            writer,
            random,
            hello.session_id,
            self._suite.code,
            self.group,
            our_share,
            psk_index=None if self._key is None else self._key.index,
        )
        self._outbox.queue_handshake(writer, self._transcript)
        self._send_change_cipher_spec()
        self.version = TLS_1_3
        self._checkpoint("server_hello")
        self.phase("key_schedule")
        self._derive_handshake_keys(shared_secret)
        self._checkpoint("key_schedule")
        self.phase(before)
        asked = self._client_certificate_type is not None
        self._answers = server_choice.answers(
            self._config,
            hello,
            self.group,
            self.alpn,
            self._certificate_type,
            self._client_certificate_type,
        )
        self._begin_flight()
        return states.WAIT_CERTIFICATE if asked else states.WAIT_FINISHED

    def _exchange(self, share):
        """Return our share and the secret shared with the client, None twice if there is none."""
        if self.group is None:
            return None, None
        ours = key_exchange.KeyShare(self.group, self._config.entropy)
        secret = ours.shared_secret(bytes(share))
        public_key = ours.public_key()
        ours.forget()
        return public_key, secret

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
        schedule = KeySchedule(self._suite.hash) if self._key is None else self._key.schedule
        self._key = None
        schedule.mix(shared_secret)
        digest = self._transcript.digest()
        client_secret, server_secret = schedule.derive(digest, b"c hs traffic", b"s hs traffic")
        self._log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client_secret)
        self._log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", server_secret)
        self._schedule = schedule
        self._receiver.plain_alerts = True
        self._receive_with(client_secret)
        self._outbox.protect(self._suite, server_secret)
        content_limit, plaintext_limit = self._record_limits
        if content_limit is not None:
            self._outbox.content_limit = min(content_limit, self._outbox.content_limit)
        if plaintext_limit is not None:
            self._receiver.plaintext_limit = plaintext_limit

    # --- the client's certificate

    def _open_certificate(self, length):
        # Loaded here: a server that asks for no certificates needs no X.509.
        from tlscore.client_authentication import ClientAuthentication  # noqa: PLC0415

        self._client = ClientAuthentication(self._config, self._client_certificate_type)
        return self._client.new_parser(length)

    def _on_certificate(self, _parser):
        client = self._client
        client.finish_chain()
        if client.key is None:
            self._transcript.drop()
            self._finished_digest = self._transcript.digest()
            return states.WAIT_FINISHED
        self.client_key = client.key
        self.signatures_verified = client.signatures_verified
        self._client_not_after = client.not_after
        self._checkpoint("client_certificate")
        return states.WAIT_CERTIFICATE_VERIFY

    def _on_certificate_verify(self, message):
        self._client.verify(message[messages.HEADER_BYTES :], self._transcript.digest())
        self.signatures_verified = self._client.signatures_verified
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
        tickets = self._new_tickets(message) if self._gives_tickets else None
        self._forget_handshake()
        self._events |= EVENT_CONNECTED
        self._checkpoint("finished")
        self._tickets = tickets
        self._send_tickets()
        return states.CONNECTED

    def _new_tickets(self, finished):
        """Return the TicketSender for what this connection has proved."""
        from tlscore.ticket_sender import TicketSender  # noqa: PLC0415
        from tlscore.tickets import LIFETIME_LIMIT_S, Ticket  # noqa: PLC0415

        keys = self._config.tickets
        self._transcript.update(finished)
        (secret,) = self._schedule.derive(self._transcript.digest(), b"res master")
        until = self._until_utc_seconds
        if until is None:
            # What is resumed again and again rests on this handshake, for seven days at most
            # (§4.6.1: "It is RECOMMENDED that implementations place limits").
            until = min(keys.now() + LIFETIME_LIMIT_S, self._client_not_after)
        name, alpn = self.server_name or b"", self.alpn or b""
        ticket = Ticket(None, 0, until, name, alpn, self.client_key, self.psk_identity)
        return TicketSender(keys, self._suite.hash, secret, ticket)

    def _forget_handshake(self):
        ServerFlight._forget_handshake(self)
        self._forget("_key", "_client", "_fingerprint", "_cookie")
