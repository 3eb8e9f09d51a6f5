"""One session of secure_sock: what an application holds; made by secure_sock.SecureSocks.create.

Whatever has to be waited for is waited for in `_until`: the session is worked at until there is
what was asked for. An error that ends the session gives back its slot before it is raised.
"""

from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.errors import TlsError, UsageError

_EAGAIN = const(11)
_ETIMEDOUT = const(110)
# Errors of sockets that say no more than "not now": EINTR, EAGAIN, its other number, EINPROGRESS,
# ETIMEDOUT and its other number.
_PASSING = (4, 11, 35, 60, 110, 115)

_IDLE = const(0)
_OPEN = const(1)
_LISTENS = const(2)
_OVER = const(3)


def error_is_fatal(error) -> bool:
    """Tell whether an error that a sock raised means that its session is over."""
    if isinstance(error, UsageError):
        if error.reason in ("sock.evicted", "sock.over"):
            return True
        # The others say that something was asked for that cannot be; or the core can go no further.
        return error.reason.split(".")[0] not in ("sock", "config", "credentials", "datagram")
    if isinstance(error, TlsError):
        return True
    return not (isinstance(error, OSError) and error.args and error.args[0] in _PASSING)


class SecureSock:
    """One session, or one that listens for them; made by SecureSocks.create.

    Attributes:
        on_connect, on_receive, on_sent, on_disconnect: None or functions of the sock (on_connect of
            one that listens: of the new sock), called by SecureSocks.poll: connected; there is
            something to read; all that was sent has gone to the transport; the peer has ended the
            session, or somebody else got its slot.
        on_error: None, or a function of the sock and the error that ended its session.
        peer: address of a peer of datagrams, or None.
    """

    on_connect = on_receive = on_sent = on_disconnect = on_error = None
    peer = None
    _session = _slot = _transport = _name = _resume = _listener = None
    _is_server = _told_connected = _told_ended = _owes_sent = False
    _evicted = False

    def __init__(self, socks, tag, options):
        self._socks = socks
        self._tag = tag
        self._options = options
        self._state = _IDLE

    # --- beginning

    def connect(self, transport, name=None, timeout_ms=None, address=None):
        """Begin a session as a client, and wait until it is there.

        If the time is over before, the handshake goes on: by `send`, `recv` or SecureSocks.poll.

        Args:
            transport: see docs/sockets.md; `stop` closes it.
            name: server name the certificate must be for, str; None where a key alone will do.
            timeout_ms: how long to wait; None: for ever; 0: not at all.
            address: of the peer, for transports of datagrams that want one.

        Raises:
            OSError: EAGAIN or ETIMEDOUT: not in time.
            TlsError: no session came of it; `reason` says why.
            UsageError: "sock.in_use", "sock.no_slot", "sock.no_credentials", or "config.<what>".
        """
        require(self._state == _IDLE, "sock.in_use")
        self._transport, self._name, self.peer = transport, name, address
        self._begin()
        self._until(self._is_connected, timeout_ms)

    def _begin(self):
        socks = self._socks
        if self._slot is None:
            self._slot = socks.slots.take(self)
        try:
            self._session = socks.stack.connect(
                self._slot.room,
                self._transport,
                socks.credentials,
                self._tag,
                self._name,
                self.peer,
                self._resume,
                self._options,
            )
        finally:
            if self._session is None:
                self._give_back()
        self._resume = None
        self._told_connected = self._told_ended = False
        self._state = _OPEN

    def listen(self, transport, sessions=None):
        """Listen for clients; `accept` returns them.

        Args:
            transport: of a stack over streams an acceptor, otherwise a transport of datagrams.
            sessions: how many slots clients may have together; None: all that are free, for
                datagrams; for streams slots are taken one by one.

        Raises:
            UsageError: "sock.in_use", "sock.no_slot", "sock.no_credentials", "config.<what>".
        """
        require(self._state == _IDLE, "sock.in_use")
        stack = self._socks.stack
        self._transport = transport
        if stack.is_datagram:
            slots = self._socks.slots.reserve(sessions)
            try:
                rooms = [slot.room for slot in slots]
                self._listener = stack.listen(
                    rooms, transport, self._socks.credentials, self._tag, self._options
                )
            finally:
                if self._listener is None:
                    self._socks.slots.unreserve(slots)
            self._slot = slots
        self._state = _LISTENS
        self._socks.listens(self, True)

    def accept(self, timeout_ms=None):
        """Wait for a client and return its SecureSock.

        Over streams its handshake has just begun: `recv` and `send` go on with it. Over datagrams
        it is over.

        Raises:
            OSError: EAGAIN or ETIMEDOUT: none in time; or the transport failed.
            UsageError: "sock.not_listening", "sock.no_slot".
        """
        require(self._state == _LISTENS, "sock.not_listening")
        found = []

        def is_there():
            sock = self._accepted()
            if sock is not None:
                found.append(sock)
            return bool(found)

        self._until(is_there, timeout_ms)
        return found[0]

    def _accepted(self):
        """Return the sock of a client that is there, or None."""
        of_datagrams = self._listener is not None
        came = self._listener.accept() if of_datagrams else self._transport.accept()
        if came is None:
            return None
        sock = SecureSock(self._socks, self._tag, self._options)
        sock._is_server = True
        if of_datagrams:
            sock._session, sock.peer = came, came.peer
            sock._slot = slot = self._slot[came.index]
            if slot.owner is not None:
                slot.owner.evict()
            slot.owner = sock
        else:
            sock._serve(came)
        sock._state = _OPEN
        sock.on_receive, sock.on_sent = self.on_receive, self.on_sent
        sock.on_disconnect, sock.on_error = self.on_disconnect, self.on_error
        return sock

    def _serve(self, transport):
        """Begin a session as a server over a stream that a client has opened."""
        socks = self._socks
        self._transport = transport
        try:
            self._slot = socks.slots.take(self)
            self._session = socks.stack.serve(
                self._slot.room, transport, socks.credentials, self._tag, self._options
            )
        finally:
            if self._session is None:
                self._finish()

    # --- data

    def send(self, data, timeout_ms=None) -> int:
        """Send data; return how many bytes of it have been taken, all unless time ran out.

        Data over datagrams goes as one datagram or not at all.

        Raises:
            OSError: EAGAIN or ETIMEDOUT: not a byte was taken in time; or the transport failed.
            TlsError, UsageError: the session is over.
        """
        self._require_open()
        done = [0]
        view = memoryview(data)

        def is_taken():
            session = self._session
            if not session.connected or session.unsent():
                return False
            if done[0] < len(view):
                done[0] += session.write(view[done[0] :])
            return done[0] == len(view) and not session.unsent()

        try:
            self._until(is_taken, timeout_ms)
        except OSError as error:
            if error_is_fatal(error) or not done[0]:
                raise
        self._owes_sent = True
        return done[0]

    def recv(self, buffer, timeout_ms=None) -> int:
        """Wait for data and return how many bytes came into `buffer`; 0 when the peer has ended.

        What of a datagram does not fit is for the next call.

        Raises: as `send`.
        """
        self._require_open()
        self._until(self._has_news, timeout_ms)
        return self._session.read_into(buffer)

    def _has_news(self):
        session = self._session
        return session.pending() > 0 or session.ended

    def check_pending(self) -> int:
        """Return how many bytes `recv` would return at once, without waiting.

        Raises:
            TlsError, OSError, UsageError: the session is over.
        """
        self._require_open()
        self._work()
        return self._session.pending()

    @property
    def connected(self) -> bool:
        """Whether the handshake is over and the session is not."""
        return self._state == _OPEN and self._session.connected

    def facts(self) -> dict:
        """Return what was negotiated, see the stack's sessions."""
        self._require_open()
        return self._session.facts()

    # --- renewing and ending

    def renew(self, transport=None, timeout_ms=None):
        """Go on with fresh keys.

        Args:
            transport: None: a KeyUpdate in both directions where there is such a thing (TLS 1.3);
                over datagrams, a new handshake over the same transport. Otherwise the session ends
                and another begins over this one; it resumes the old if the server lets it.
            timeout_ms: how long to wait for the new session.

        Raises:
            UsageError: "sock.cannot_renew": a server without KeyUpdate, or this version has none
                and there is no transport.
            OSError, TlsError: as `connect`.
        """
        self._require_open()
        session = self._session
        if transport is None and session.connected and session.rekey():
            return
        anew = transport is not None or self._socks.stack.is_datagram
        require(anew and not self._is_server, "sock.cannot_renew")
        self._keep_resumption()
        session.close()
        if transport is not None:
            self._transport.close()
            self._transport = transport
        self._session = None
        self._state = _IDLE  # should there be none
        self._begin()
        self._until(self._is_connected, timeout_ms)

    def _keep_resumption(self):
        try:
            self._work()  # a ticket may wait behind what has been read
        except (OSError, TlsError):
            pass  # then it is without
        else:
            self._resume = self._session.take_session()

    def stop(self):
        """End the session or stop listening: close the transport, give back the slot; once."""
        if self._state == _LISTENS:
            self._socks.listens(self, False)
            if self._listener is not None:
                for slot in self._slot:
                    if slot.owner is not None:
                        slot.owner.stop()
                self._socks.slots.unreserve(self._slot)
                self._slot = self._listener = None
            self._transport.close()
        elif self._state == _OPEN:
            self._session.close()
            self._finish()
        self._state = _OVER

    def evict(self):
        """Give up the slot to another; for Slots."""
        self._session.close()
        self._finish()
        self._evicted = True
        if not self._told_ended:
            self._call(self.on_disconnect, self)

    def _finish(self):
        """Let go of everything; nothing more is said."""
        self._state = _OVER
        self._session = None
        self._give_back()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _give_back(self):
        if self._slot is not None:
            if self._slot.owner is self:
                self._slot.owner = None
            self._slot = None

    # --- working

    def wait(self, timeout_ms):
        """Wait for the transport, no longer than any timer lets (None: for ever)."""
        if self._listener is not None or self._session is not None:
            (self._listener or self._session).wait(timeout_ms)
        elif self._transport is not None:
            self._transport.wait(-1 if timeout_ms is None else timeout_ms)

    def _is_connected(self):
        return self._session.connected

    def _require_open(self):
        if self._evicted:
            raise UsageError("sock.evicted")
        require(self._state == _OPEN, "sock.over" if self._state == _OVER else "sock.not_connected")

    def _until(self, ready, timeout_ms):
        """Work until `ready()`; raise OSError if that takes longer than so long."""
        now_ms = self._socks.now_ms
        end = None if timeout_ms is None else now_ms() + timeout_ms
        while True:
            moved = self._work()
            if ready():
                return
            left = None if end is None else end - now_ms()
            if left is not None and left <= 0 and not (moved and timeout_ms == 0):
                raise OSError(_ETIMEDOUT if timeout_ms else _EAGAIN)
            if not moved:
                self.wait(left)

    def _work(self) -> bool:
        """Move bytes; an error that ends the session gives back its slot first."""
        if self._listener is not None:
            return self._listener.work()
        if self._session is None:
            return False
        try:
            moved = self._session.work()
        except (OSError, TlsError) as error:
            if error_is_fatal(error):
                self._evicted = error.args[0] == "sock.evicted"
                self._finish()
            raise
        if moved and self._slot is not None:
            self._socks.slots.touch(self._slot)
        return moved

    def poll(self) -> bool:
        """Work, and make the callbacks that are due; for SecureSocks."""
        try:
            if self._state == _LISTENS:
                self._work()
                sock = self._accepted()
                if sock is not None:
                    self._call(self.on_connect, sock)
                return sock is not None
            if self._state != _OPEN:
                return False  # somebody else's callback, or another client, has ended it
            moved = self._work()
        except (OSError, TlsError) as error:
            if self.on_error is not None:
                self.on_error(self, error)
            return True
        return self._tell() or moved

    def _tell(self):
        session, called = self._session, False
        if session.connected and not self._told_connected:
            self._told_connected = True
            if not self._is_server:
                self._call(self.on_connect, self)
            called = True
        if self._state == _OPEN and session.pending():
            self._call(self.on_receive, self)
            called = True
        if self._state == _OPEN and self._owes_sent and not session.unsent():
            self._owes_sent = False
            self._call(self.on_sent, self)
            called = True
        if self._state == _OPEN and session.ended and not self._told_ended:
            self._told_ended = True
            self._call(self.on_disconnect, self)
            called = True
        return called

    def _call(self, callback, sock):
        if callback is not None:
            callback(sock)
