"""The server of DTLS 1.3: that of ../server.py over datagrams of one client.

Cookies are asked for before there is a connection (listener.py). Then what is received here begins
with the second ClientHello; its cookie says what the HelloRetryRequest was (cookie.py), and so the
transcript begins with what would have been remembered (RFC 8446 §4.4.1).
"""

from tlscore import client_hello_parser, messages
from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY
from tlscore.compat import const
from tlscore.dtls import fragments
from tlscore.dtls13 import cookie, hello, suites
from tlscore.dtls13.certificates import ChainMessage
from tlscore.dtls13.connection import Dtls13
from tlscore.dtls13.record import VERSION
from tlscore.errors import illegal
from tlscore.server import ServerConnection as Server13
from tlscore.server_states import WAIT_CLIENT_HELLO
from tlscore.transcript import Transcript

_CLIENT_HELLO = const(1)
_FINGERPRINT_BITS = const(256)


class Choices(Server13):
    """What a server of DTLS 1.3 reads out of a ClientHello, and how it chooses a suite."""

    def _read_hello(self, body):
        said = client_hello_parser.parse(body, VERSION)
        # RFC 9147 §5.3: "DTLS servers MUST NOT echo the "legacy_session_id" value".
        said.session_id = b""
        return said

    def _fingerprint_of(self, body):
        return client_hello_parser.fingerprint(body, True) & ((1 << _FINGERPRINT_BITS) - 1)

    def _choose_proof(self, said, body):
        Server13._choose_proof(self, said, body)
        if not isinstance(self._suite.hash, suites.Hash):
            self._suite = suites.of_tls(self._suite)


class ServerConnection(Dtls13, Choices):
    """A DTLS server for one client; constructing it allocates what it needs.

    Args:
        config: server_config.ServerConfig of this package.
        address: canonical bytes of the client's, which its cookie was made for.

    Attributes: as in ../server.py, where `version` is that of TLS; those of Dtls13, and
        own_connection_id: what the client's records are to say; None: no connection ids.
    """

    _is_server = True
    _has_begun = False
    _named_group = True  # by the HelloRetryRequest

    def __init__(self, config, address=b""):
        self._begin_datagrams(config)
        self._address = address
        self.own_connection_id = config.connection_id
        Choices.__init__(self, config)
        self._outbox.short_numbers = config.short_numbers

    def _adopt(self, piece, record):
        """Go on with the numbers of a handshake whose beginning nobody remembers."""
        if self._has_begun or self.state != WAIT_CLIENT_HELLO or piece[0] != _CLIENT_HELLO:
            return
        number = fragments.number_of(piece)
        if number == 0 or (number == 1 and self._config.cookie_key is not None):
            self._has_begun = True
            self._next = self._outbox.next_message = number
            self._outbox.sequence = record

    def _read_hello(self, body):
        said = Choices._read_hello(self, body)
        own = self.own_connection_id
        if own is not None:
            theirs = hello.connection_id_of(hello.client_extensions(body))
            if theirs is not None:
                self._use_ids(theirs, own)
                self._outbox.offered_id = own
        return said

    def _on_client_hello(self, message):
        said = self._read_hello(message[messages.HEADER_BYTES :])
        if said.cookie is None or self._config.cookie_key is None:
            return Choices._on_client_hello(self, message)
        self._remember(said, message)
        return self._on_second_client_hello(message)

    def _remember(self, said, message):
        """Go on where the HelloRetryRequest left off that the cookie was in."""
        config = self._config
        told = cookie.read(config.cookie_key, self._address, said.cookie, config.now_ms())
        if told is None or told.suite not in config.suites:
            raise illegal("client_hello.wrong_cookie")
        self.retried = True
        self._client_random = bytes(said.random)
        self._suite = suites.find(told.suite)
        self.group = told.group
        self._named_group = told.names_group
        self._fingerprint = told.fingerprint
        self._cookie = bytes(said.cookie)
        self._checkpoint("client_hello")
        self._choose(said, message[messages.HEADER_BYTES :])
        hash_ = self._suite.hash
        self._transcript = Transcript(hash_, self._digests(config.trust is not None))
        self._transcript.update(told.message_hash())
        self._transcript.update(cookie.retry_request(told, self._cookie))

    def _share_after_retry(self, said):
        if self._named_group:
            return Choices._share_after_retry(self, said)
        # The HelloRetryRequest had nothing but a cookie: the shares stay as they were.
        if self.group is None:
            return None
        share = client_hello_parser.share_of(said.shares, self.group)
        if share is None:
            raise illegal("client_hello.wrong_share_after_retry")
        return share

    def _queue_certificate(self):
        if self._certificate is None:
            return True
        self._certificate = None
        config = self._config
        raw = self._certificate_type == CERTIFICATE_RAW_PUBLIC_KEY
        chain = (config.public_key_info,) if raw else config.certificates
        self._outbox.queue_chain(ChainMessage(chain), self._transcript)
        self._checkpoint("certificate")
        return True

    def _end(self, state):
        Choices._end(self, state)
        self._end_datagrams()
