"""A server's sessions on one socket, as ../dtls/listener.py has them, for DTLS 1.3.

    listener.receive(peer, buffer, size)    a datagram; returns the Session it brought data for
    listener.datagram_into(buffer)          (size, peer) of the next datagram to send, (0, None)
    listener.next_timeout()                 milliseconds until datagram_into wants a call
    session.connection.read(), write_into()

A client that has not shown a cookie takes nothing: neither a slot nor memory. Its first
ClientHello has to be in one datagram for that (the cookie has its hash), of the second as much as
has the cookie.
"""

from tlscore import client_hello_parser, messages
from tlscore.compat import const
from tlscore.dtls import listener
from tlscore.dtls.address import canonical
from tlscore.dtls13 import cookie
from tlscore.dtls13.record import is_protected
from tlscore.dtls13.server import Choices, ServerConnection
from tlscore.errors import PeerMisbehaved, illegal

_HAS_ID = const(0x10)


class Chooser(Choices):
    """Chooses suite and group for a ClientHello as a connection would, and is nothing else."""

    def __init__(self, config):
        self._config = config
        self._suite = self._key = self.group = None

    def choose(self, message) -> cookie.Told:
        """Return what the cookie for a ClientHello says.

        Raises:
            PeerMisbehaved: there is nothing to choose, or it is malformed.
        """
        body = message[messages.HEADER_BYTES :]
        said = self._read_hello(body)
        if said.cookie is not None:
            raise illegal("client_hello.unsolicited_cookie")
        self._choose_proof(said, body)
        names_group = False
        if self.group is not None:
            names_group = client_hello_parser.share_of(said.shares, self.group) is None
        digest = self._suite.hash.new(message).digest()
        fingerprint = self._fingerprint_of(body)
        return cookie.Told(self._suite.code, self.group, names_group, fingerprint, digest)


class Listener(listener.Listener):
    """The sessions of a server.

    Args: as in ../dtls/listener.py, `config` being server_config.ServerConfig of this package.
    """

    def __init__(self, config, slots, evicts=True):
        listener.Listener.__init__(self, config, slots, evicts)
        self._reply = bytearray(cookie.REQUEST_BYTES_MAX)

    def receive(self, peer, buffer, size=None):
        """Take a datagram, as ../dtls/listener.py does."""
        size = len(buffer) if size is None else size
        datagram = memoryview(buffer)[:size]
        address = canonical(peer)
        if size > 1 and is_protected(datagram[0]) and datagram[0] & _HAS_ID:
            return self._receive_by_id(peer, address, datagram, datagram[1])
        session = self._session_of(address)
        first = cookie.first_fragment(datagram)
        if first is not None:
            session = self._on_first(peer, address, session, first)
        return self._receive_of(session, datagram, first is not None)

    def _on_first(self, peer, address, session, first):
        """Ask for a cookie, or return the session that the ClientHello belongs to."""
        config = self._config
        wants_cookie = config.cookie_key is not None
        if session is not None and session.random == first.random:
            # What a session began with may come again as long as it likes.
            if first.number or not wants_cookie:
                return session
        now_ms = config.now_ms()
        if wants_cookie:
            said = first.cookie()
            if said is None:
                self._ask(peer, address, first, now_ms)
                return None
            if cookie.read(config.cookie_key, address, said, now_ms) is None:
                return None
        return self._begin(peer, address, session, now_ms, first.random)

    def _ask(self, peer, address, first, now_ms):
        """Answer a first ClientHello with a HelloRetryRequest, or with an alert."""
        if not first.is_whole or first.number:
            return
        config = self._config
        try:
            told = Chooser(config).choose(first.message)
        except PeerMisbehaved as error:
            self._reply_bytes = cookie.write_alert(self._reply, first, error.alert)
        else:
            made = cookie.make(config.cookie_key, address, told, now_ms)
            request = cookie.retry_request(told, made)
            self._reply_bytes = cookie.write_request(self._reply, first, request)
        self._reply_peer = peer

    def _server(self, address):
        return ServerConnection(self._config, address)
