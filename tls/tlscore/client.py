"""The client's side of the TLS 1.3 handshake (RFC 8446 §2, §4, appendix A.1).

Every method `_on_<message>` reads a message, checks it, derives keys, adds it to the transcript and
names the next state. Which may come when is in states.py, what form they have in messages.py.

Where the server takes a pre-shared key, EncryptedExtensions are followed by Finished; everything
about certificates is in client_certificates.py, about the offer of keys in psk_offer.py, and each
is loaded by who needs it.

The ClientHello stays in the send buffer until the ServerHello has named the hash to feed it to:
nothing else is sent in between, and RecordSender moves nothing.
"""

from tlscore import messages, patience, states, suites
from tlscore.client_hello import RANDOM_BYTES, ClientHello
from tlscore.compat import const
from tlscore.connection import EVENT_CONNECTED, EVENT_TICKET, Connection
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.key_exchange import KeyShare
from tlscore.schedule import KeySchedule, finished_verify_data
from tlscore.transcript import Transcript, digests_of_client, message_hash

# See codepoints.py: copies that cost nothing on a board.
_SERVER_HELLO = const(2)
_TLS_1_0 = const(0x0301)
_TLS_1_2 = const(0x0303)
_TLS_1_3 = const(0x0304)
_ALERT_DECRYPT_ERROR = const(51)
_ALERT_INTERNAL_ERROR = const(80)
_ALERT_MISSING_EXTENSION = const(109)

# The year 9999: what an external key proves has no end.
_NEVER_UTC_SECONDS = 253402300799


class ClientConnection(Connection):
    """A TLS 1.3 client; constructing it allocates everything and queues the ClientHello.

    Args:
        config: config.ClientConfig.

    Attributes:
        signatures_verified: signatures found good, in the chain and in CertificateVerify.
        psk_identity: of the external key the server took (bytes), or None.
        resumed: the server took the session.
    """

    # What has not happened yet takes no room in the object.
    _certificates = None
    _schedule = None
    _keeper = None
    _resumed_session = None
    _not_after = _NEVER_UTC_SECONDS  # of what the server proves itself with
    _offered = None
    _hello = None
    _hello_message = None
    _middlebox_compatibility = False
    signatures_verified = 0
    psk_identity = None
    resumed = False

    def __init__(self, config):
        Connection.__init__(self, config, states.CLIENT, states.WAIT_SERVER_HELLO)
        # What lives longest comes first, before there is garbage to lie between.
        self.version = self.group = None
        if config.ticket_bytes_max:
            self._keeper = self._new_keeper()
        if config.middlebox_compatibility:
            self._middlebox_compatibility = True
        keys = self._offer_keys()
        self._client_random = self._random(RANDOM_BYTES)
        self._hello = self._new_hello(
            self._random(32) if config.middlebox_compatibility else b"", ClientHello
        )
        self._hello.psks = keys
        # RFC 8446 §5.1: the first ClientHello "MAY also be 0x0301 for compatibility purposes".
        self._hello_message = self._send_hello(_TLS_1_0)
        self._checkpoint("client_hello")

    def _new_hello(self, session_id, hello_class):
        config = self._config
        before = self.phase("key_share")
        shares = [KeyShare(group, config.entropy) for group in config.key_share_groups]
        self.phase(before)
        return hello_class(config, self._client_random, session_id, shares)

    def _random(self, size):
        buffer = bytearray(size)
        self._config.entropy.fill(buffer)
        return bytes(buffer)

    def _send_hello(self, version):
        before = self.phase("client_hello")
        writer = self._outbox.writer()
        self._hello.write(writer)
        message = self._outbox.content(writer)
        transcript = self._transcript
        if self._hello.psks is not None:
            self.phase("key_schedule")
            self._hello.psks.bind(message, transcript)
            self.phase("client_hello")
            transcript = None  # it has had the message
        self._outbox.queue_handshake(writer, transcript, version)
        self.phase(before)
        return message

    def _offer_keys(self):
        """Return the keys to offer; None: the server has to prove itself by certificate."""
        if self._config.has_keys:
            keys = self._new_offer()
            if len(keys):
                return keys
        self._expect_certificates()
        return None

    def _new_offer(self):
        from tlscore.psk_offer import PskOffer  # noqa: PLC0415

        return PskOffer(self._config)

    def _expect_certificates(self):
        from tlscore.client_certificates import CertificateAuthentication  # noqa: PLC0415

        self._certificates = CertificateAuthentication(self._config)

    def _new_keeper(self):
        from tlscore.session import SessionKeeper  # noqa: PLC0415

        return SessionKeeper(self._config)

    def take_session(self):
        """Return the session.Session of the newest ticket that is kept, or None; it is then gone.

        A connection that fails gives up its sessions.
        """
        keeper = self._keeper
        if keeper is None:
            return None
        session = keeper.session
        keeper.session = None
        return session

    # --- ServerHello, HelloRetryRequest

    def check_misaligned(self, message):
        """Refuse a server of an older version, whose flight may be one record, by its version."""
        if message[0] == _SERVER_HELLO:
            self._read_hello(message)

    def _read_hello(self, message):
        return messages.parse_server_hello(message[messages.HEADER_BYTES :], self._hello.offered)

    def _on_server_hello(self, message):
        hello = self._read_hello(message)
        self._check_answer(hello)
        if hello.is_retry:
            return self._on_hello_retry_request(hello, message)
        schedule = self._accepted_key(hello)
        share = self._own_share(hello, schedule is not None)
        digests = digests_of_client(self._config, schedule is None)
        self.version = _TLS_1_3
        self.group = hello.group
        before = self.phase("key_share")
        secret = None if share is None else share.shared_secret(bytes(hello.share))
        self.phase(before)
        # What both hellos were made of gives its room to what lives longer.
        hello = share = None
        self._forget_hello()
        self._checkpoint("server_hello")
        self._receiver.take_room(self._suite, self._receive_secret)
        if self._transcript is None:
            self._start_transcript(self._hello_message, digests)
        else:
            self._transcript.keep(digests)
        self._transcript.update(message)
        self.phase("key_schedule")
        self._derive_handshake_keys(schedule or KeySchedule(self._suite.hash), secret)
        self.phase(before)
        self._checkpoint("key_schedule")
        return states.WAIT_ENCRYPTED_EXTENSIONS

    def _accepted_key(self, hello):
        """Return the KeySchedule of the key the server took; None: it proves itself otherwise."""
        if hello.psk_index is None:
            if self._config.trust is None:
                # It is what the server would have had to send to be accepted (RFC 8446 §6.2).
                raise PeerMisbehaved("server_hello.no_pre_shared_key", _ALERT_MISSING_EXTENSION)
            if self._certificates is None:
                self._expect_certificates()
            return None
        schedule, self.psk_identity, session = self._hello.psks.accept(
            hello.psk_index, self._suite.hash, hello.group is not None
        )
        self._forget("_certificates")
        if session is not None:
            self.resumed = True
            self._resumed_session = session
        return schedule

    def _own_share(self, hello, has_key):
        """Return our KeyShare for the server's key_share, None where a key makes do without."""
        if hello.group is None:
            # RFC 8446 §9.2: without pre_shared_key the key_share is mandatory.
            if not has_key:
                raise PeerMisbehaved("server_hello.no_key_share", _ALERT_MISSING_EXTENSION)
            return None
        # §4.2.8: the group "MUST be one of those" a share was sent for; after a HelloRetryRequest
        # that is only the group it selected.
        share = self._hello.share_of(hello.group)
        if share is None:
            raise illegal("server_hello.unoffered_group")
        return share

    def _check_answer(self, hello):
        # RFC 8446 §4.1.3: "A client which receives a legacy_session_id_echo field that does not
        # match what it sent in the ClientHello MUST abort ... with an "illegal_parameter" alert."
        if bytes(hello.session_id) != self._hello.session_id:
            raise illegal("server_hello.session_id")
        # "A client which receives a cipher suite that was not offered MUST abort".
        if hello.suite not in self._config.suites:
            raise illegal("server_hello.unoffered_suite")
        if self._suite is not None:
            # §4.1.4: the ServerHello must repeat the HelloRetryRequest's suite; "If a client
            # receives a second HelloRetryRequest in the same connection ... it MUST abort the
            # handshake with an "unexpected_message" alert."
            if hello.is_retry:
                raise self._unexpected("server_hello.second_retry")
            if hello.suite != self._suite.code:
                raise illegal("server_hello.suite_changed")
        self._suite = suites.find(hello.suite)

    def _start_transcript(self, first, digests):
        self._transcript = Transcript(self._suite.hash, digests)
        self._transcript.update(first)
        self._forget("_hello_message")

    def _on_hello_retry_request(self, hello, message):
        # RFC 8446 §4.1.4: "Clients MUST abort the handshake with an "illegal_parameter" alert if
        # the HelloRetryRequest would not result in any change in the ClientHello."
        if hello.group is None and hello.cookie is None:
            raise illegal("hello_retry_request.no_change")
        if hello.group is not None:
            # §4.2.8: selected_group must be one of supported_groups and have had no share.
            if hello.group not in self._config.groups:
                raise illegal("hello_retry_request.unoffered_group")
            if self._hello.share_of(hello.group) is not None:
                raise illegal("hello_retry_request.group_already_shared")
            self._forget_shares()
            self._hello.shares = [KeyShare(hello.group, self._config.entropy)]
        if hello.cookie is not None:
            # Our limit, not the RFC's: the cookie has to fit the send buffer.
            if len(hello.cookie) > self._config.cookie_bytes_max:
                raise PeerMisbehaved("hello_retry_request.cookie_too_long", _ALERT_INTERNAL_ERROR)
            self._hello.cookie = hello.cookie
        # Whether the server will take a key is not known yet; one digest more is for binders, up to
        # the HelloRetryRequest.
        digests = digests_of_client(self._config, self._config.trust is not None)
        if self._hello.psks is not None:
            self._keep_fitting_keys()
            digests += 1
        first = message_hash(self._suite.hash, self._hello_message)
        self._start_transcript(first, digests)
        self._transcript.update(message)
        self._send_change_cipher_spec()
        self._send_hello(_TLS_1_2)
        self._hello.cookie = None
        return states.WAIT_SECOND_SERVER_HELLO

    def _keep_fitting_keys(self):
        self._hello.psks.keep(self._suite.hash)
        if not len(self._hello.psks):
            self._hello.psks = None
        if self._hello.psks is None and self._config.trust is None:
            # With this suite the server cannot take any of our keys (§4.2.11).
            raise illegal("hello_retry_request.no_psk_left")

    def _derive_handshake_keys(self, schedule, shared_secret):
        schedule.mix(shared_secret)
        digest = self._transcript.digest()
        client_secret, server_secret = schedule.derive(digest, b"c hs traffic", b"s hs traffic")
        self._log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client_secret)
        self._log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", server_secret)
        self._schedule = schedule
        self._receive_with(server_secret)
        self._outbox.protect(self._suite, client_secret)

    # --- EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify

    def _on_encrypted_extensions(self, message):
        body = message[messages.HEADER_BYTES :]
        said = messages.parse_encrypted_extensions(body, self._offered)
        # RFC 7301 §3.1: the server selects one of the client's protocols.
        if said.protocol is not None and said.protocol not in self._config.alpn:
            raise illegal("encrypted_extensions.unoffered_protocol")
        if said.protocol is not None:
            self.alpn = said.protocol
        self._limit_records(said)
        if self._certificates is not None:
            self._certificates.expect(said.certificate_type, said.client_certificate_type)
        self._transcript.update(message)
        self._checkpoint("encrypted_extensions")
        # RFC 8446 §2.2: "As the server is authenticating via a PSK, it does not send a Certificate
        # or a CertificateVerify message"; nor does it ask for one (§4.3.2).
        if self._certificates is None:
            self._forget("_offered")
            return states.WAIT_FINISHED
        return states.WAIT_CERTIFICATE_OR_REQUEST

    def _limit_records(self, said):
        """Keep to the negotiated sizes from here on; content type and padding count."""
        config = self._config
        if said.record_size_limit is not None:  # RFC 8449 §4: each for what it receives
            limit = said.record_size_limit - 1
            self._receiver.plaintext_limit = config.record_size_limit
        elif said.max_fragment_length is not None:
            limit = 256 << said.max_fragment_length
            # RFC 6066 §4: a client that gets a "response that differs from the length it requested
            # ... MUST also abort the handshake with an "illegal_parameter" alert."
            if limit != config.max_fragment_bytes:
                raise illegal("encrypted_extensions.other_fragment_length")
            self._receiver.plaintext_limit = limit + 1
        else:
            return
        self._outbox.content_limit = min(limit, self._outbox.content_limit)

    def _on_certificate_request(self, message):
        self._certificates.take_request(message[messages.HEADER_BYTES :])
        self._transcript.update(message)
        return states.WAIT_CERTIFICATE

    def _open_certificate(self, length):
        return self._certificates.new_parser(length, self._offered, self._transcript)

    def _on_certificate(self, _parser):
        not_after = self._certificates.finish_chain()
        self._forget("_offered")
        if self._config.ticket_bytes_max:
            self._not_after = not_after
        self.signatures_verified = self._certificates.signatures_verified
        self._checkpoint("certificate")
        return states.WAIT_CERTIFICATE_VERIFY

    def _on_certificate_verify(self, message):
        body = message[messages.HEADER_BYTES :]
        self.signature_scheme = self._certificates.verify(body, self._transcript.digest())
        self.signatures_verified = self._certificates.signatures_verified
        self._transcript.update(message)
        self._checkpoint("certificate_verify")
        return states.WAIT_FINISHED

    # --- Finished

    def _on_finished(self, message):
        hash_ = self._suite.hash
        verify_data = messages.parse_finished(message[messages.HEADER_BYTES :], hash_.size)
        digest = self._transcript.digest()
        # RFC 8446 §4.4.4: recipients "MUST verify that the contents are correct and if incorrect
        # MUST terminate the connection with a "decrypt_error" alert."
        if not equal(finished_verify_data(hash_, self._receive_secret, digest), verify_data):
            raise PeerMisbehaved("finished.bad_verify_data", _ALERT_DECRYPT_ERROR)
        self._transcript.update(message)
        digest = self._transcript.digest()
        # The server's Finished is the last under its key: no two tables while there is a handshake.
        self._receiver.give_room(self._outbox.protection)
        self._send_second_flight(digest)
        # What no message needs any more gives its room to the keys.
        self._handshake.shrink()
        if self._keeper is None:
            self._forget("_transcript")
        before = self.phase("key_schedule")
        self._derive_application_keys(digest)
        if self._keeper is not None:
            (secret,) = self._schedule.derive(self._transcript.digest(), b"res master")
            self._keeper.begin(self._suite.hash, secret, self._resumed_session, self._not_after)
        self.phase(before)
        self._forget_handshake()
        self._events |= EVENT_CONNECTED
        self._checkpoint("finished")
        return states.CONNECTED

    def _send_second_flight(self, digest):
        """Queue change_cipher_spec, Certificate if one was asked for, and Finished."""
        self._send_change_cipher_spec()
        if self._certificates is not None and self._certificates.requested:
            before = self.phase("certificate_verify")  # the signature, most of all
            digest = self._certificates.send(self._outbox, self._transcript)
            self.phase(before)
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
        client_secret, server_secret, self._exporter_secret = schedule.derive(
            digest, b"c ap traffic", b"s ap traffic", b"exp master"
        )
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
        return NewSessionTicketParser(length, self._config.ticket_bytes_max)

    def _on_new_session_ticket(self, parser):
        if self._keeper is not None:
            self._keeper.take(parser, self.alpn)
        self._events |= EVENT_TICKET
        return states.CONNECTED

    def _end(self, state):
        Connection._end(self, state)
        if self._keeper is not None:
            self._keeper.end(state == states.FAILED)

    def _forget_hello(self):
        self._forget_shares()
        offered = self._hello.offered
        self._forget("_hello")
        if self._config.keylog is None:
            self._forget("_client_random")  # nobody else wants it from here on
        self._offered = tuple(offered)

    def _forget_shares(self):
        for share in self._hello.shares:
            share.forget()

    def _forget_handshake(self):
        Connection._forget_handshake(self)
        if self._hello is not None:
            self._forget_shares()
        self._forget("_hello", "_hello_message", "_certificates", "_schedule", "_resumed_session")
