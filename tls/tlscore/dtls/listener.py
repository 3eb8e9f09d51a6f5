"""A server's sessions on one socket: who a datagram belongs to, in a fixed number of slots.

    listener.receive(peer, buffer, size)    a datagram; returns the Session it brought data for
    listener.datagram_into(buffer)          (size, peer) of the next datagram to send, (0, None)
    listener.next_timeout()                 milliseconds until datagram_into wants a call
    session.connection.read(), write_into()

A client that has not shown a cookie takes nothing: neither a slot nor memory (cookie.py). One that
begins anew from the address of a session keeps that until its new handshake is over (RFC 6347
§4.2.8), so nobody can end somebody else's session by knowing its address. With connection ids
(RFC 9146) a session follows its client to another address, once a newer record came from there
that is genuine.

Not here: sockets; what an application does with a session.
"""

from tlscore import states
from tlscore.compat import const
from tlscore.connection import READ
from tlscore.dtls import cookie
from tlscore.dtls.address import canonical
from tlscore.dtls.record import HEADER_BYTES
from tlscore.dtls.server import ServerConnection
from tlscore.errors import TlsError

_CONTENT_CONNECTION_ID = const(25)
# An alert fits as well, with the longest connection id that is sensible.
_REPLY_BYTES = const(128)


class Session:
    """One client.

    Attributes:
        peer: its socket address, as `receive` was given it.
        address: the canonical bytes of it.
        connection: server.ServerConnection, and once it is connected and has said so
            established.Established in its place: whoever keeps something keeps the Session.
        successor: a connection that the client begins anew, or None.
        used_ms: when something genuine came last, or the session began.
    """

    def __init__(self, peer, address, connection, used_ms):
        self.peer = peer
        self.address = address
        self.connection = connection
        self.random = None  # of the ClientHello of the handshake
        self.successor = None
        self.used_ms = used_ms


class Listener:
    """The sessions of a server.

    Args:
        config: server_config.ServerConfig; with `connection_id`, every session gets one of that
            length, at least 1, whose first byte is its slot.
        slots: how many sessions there may be.
        evicts: a new client takes the slot of the session that was used least recently, if none is
            free; otherwise it has to wait.

    Attributes:
        sessions: list of Session, None for a free slot.
        failed: how many handshakes and sessions came to a bad end.
    """

    def __init__(self, config, slots, evicts=True):
        self._config = config
        self._evicts = evicts
        self._reply = bytearray(_REPLY_BYTES)
        self._reply_bytes = 0
        self._reply_peer = None
        self._awake = None  # the Session whose ciphers are kept
        self.sessions = [None] * slots
        self.failed = 0

    def receive(self, peer, buffer, size=None):
        """Take a datagram.

        Args:
            peer: the socket address it came from, as address.canonical takes it.
            buffer, size: as for a connection; it is decrypted in place.

        Returns:
            The Session whose connection has application data to read, or None.
        """
        size = len(buffer) if size is None else size
        datagram = memoryview(buffer)[:size]
        address = canonical(peer)
        if size >= HEADER_BYTES and datagram[0] == _CONTENT_CONNECTION_ID:
            slot = datagram[11] if size > 11 else 0
            return self._receive_by_id(peer, address, datagram, slot)
        session = self._session_of(address)
        hello = cookie.first_fragment(datagram)
        if hello is not None:
            session = self._on_hello(peer, address, session, hello, datagram)
        return self._receive_of(session, datagram, hello is not None)

    def _receive_of(self, session, datagram, begins):
        """Give a datagram to a session, or None; `begins`: it may be a handshake's first."""
        if session is None:
            return None
        successor = session.successor
        if successor is not None:
            before = successor.dropped
            self._give(session, successor, datagram)
            if successor.dropped == before:
                return self._with_data(session)
        if successor is None or not begins:
            self._give(session, session.connection, datagram)
        return self._with_data(session)

    def _session_of(self, address):
        for session in self.sessions:
            if session is not None and session.address == address:
                return session
        return None

    def _with_data(self, session):
        return session if session.connection.wants & READ else None

    def _receive_by_id(self, peer, address, datagram, slot):
        """Take a datagram that says whose it is, wherever it comes from."""
        session = self.sessions[slot] if slot < len(self.sessions) else None
        if session is None:
            return None
        connection = session.successor or session.connection
        window = connection.newest
        self._give(session, connection, datagram)
        # RFC 9146 §6 and RFC 9147 §9: the address follows if the record "is newer than the newest
        # one received".
        if connection.newest > window and session.address != address:
            session.peer, session.address = peer, address
        return self._with_data(session)

    def _on_hello(self, peer, address, session, hello, datagram):
        """Ask for a cookie, or return the session that the ClientHello belongs to."""
        config = self._config
        now_ms = config.now_ms()
        key = config.cookie_key
        if key is not None and not cookie.is_good(key, address, hello, now_ms):
            made = cookie.make(key, address, hello.said, now_ms)
            self._reply_bytes = cookie.write_request(self._reply, datagram, made)
            self._reply_peer = peer
            return None
        if session is not None and session.random == hello.random:
            return session
        return self._begin(peer, address, session, now_ms, hello.random)

    def _begin(self, peer, address, session, now_ms, random):
        """Return a Session, or that one, with a new connection; None if there is no slot."""
        if session is None:
            slot = self._free_slot()
            if slot is None:
                return None
            session = Session(peer, address, self._new_connection(slot, address), now_ms)
            self.sessions[slot] = session
        else:
            connection = self._new_connection(self.sessions.index(session), address)
            if session.connection.state == states.CONNECTED:
                session.successor = connection
            else:
                session.connection = connection
        session.random = random
        return session

    def _server(self, _address):
        """Return a connection for a client at an address."""
        return ServerConnection(self._config)

    def _new_connection(self, slot, address):
        config = self._config
        connection = self._server(address)
        if config.connection_id:
            own = bytearray(len(config.connection_id))
            config.entropy.fill(own)
            own[0] = slot
            connection.own_connection_id = bytes(own)
        return connection

    def _free_slot(self):
        """Return the number of a slot for a new session, None if there is none."""
        oldest = None
        for slot in range(len(self.sessions)):
            session = self.sessions[slot]
            if session is None:
                return slot
            if oldest is None or session.used_ms < self.sessions[oldest].used_ms:
                oldest = slot
        if oldest is None or not self._evicts:
            return None
        session = self.sessions[oldest]
        session.connection.close()
        if not self._reply_bytes:
            self._reply_bytes = session.connection.datagram_into(self._reply)
            self._reply_peer = session.peer
        self._drop(oldest)
        return oldest

    def _drop(self, slot):
        if self._awake is self.sessions[slot]:
            self._awake = None
        self.sessions[slot] = None

    def _give(self, session, connection, datagram):
        if connection.state >= states.CLOSED:
            return
        self.wake(session)
        newest = connection.newest
        try:
            connection.receive_datagram(datagram)
        except TlsError:
            self.failed += 1
            return
        if connection.newest != newest:
            session.used_ms = self._config.now_ms()
        if connection is session.successor and connection.state == states.CONNECTED:
            session.connection, session.successor = connection, None

    def wake(self, session):
        """Let all other sessions rest, so that the ciphers of one at most take memory.

        `receive` does it; who writes to a session that has said nothing may do it before.
        """
        awake = self._awake
        if awake is not session:
            if awake is not None and awake.connection.is_established:
                awake.connection.rest()
            self._awake = session

    def datagram_into(self, buffer) -> tuple:
        """Write the next datagram of any session into a buffer.

        Returns:
            (its size, the peer it is for); (0, None) if there is none.
        """
        size = self._reply_bytes
        if size:
            self._reply_bytes = 0
            memoryview(buffer)[:size] = memoryview(self._reply)[:size]
            return size, self._reply_peer
        for slot in range(len(self.sessions)):
            session = self.sessions[slot]
            if session is None:
                continue
            for connection in (session.connection, session.successor):
                size = 0 if connection is None else self._say(connection, buffer)
                if size:
                    return size, session.peer
            self._tidy(slot, session)
        return 0, None

    def _say(self, connection, buffer):
        try:
            return connection.datagram_into(buffer)
        except TlsError:  # it has taken too long
            self.failed += 1
            return 0

    def _tidy(self, slot, session):
        """Give up what is over and has nothing left to send; keep little of what is connected."""
        successor = session.successor
        if successor is not None and successor.state >= states.CLOSED:
            session.successor = successor = None
        if session.connection.state >= states.CLOSED:
            if successor is None:
                self._drop(slot)
            else:
                session.connection, session.successor = successor, None
        elif session.connection.state == states.CONNECTED:
            session.connection = session.connection.hand_over()

    def next_timeout(self):
        """Return the milliseconds until `datagram_into` should be called, or None for never."""
        soonest = None
        for session in self.sessions:
            if session is None:
                continue
            for connection in (session.connection, session.successor):
                due = None if connection is None else connection.next_timeout()
                if due is not None and (soonest is None or due < soonest):
                    soonest = due
        return soonest
