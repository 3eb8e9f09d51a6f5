"""Sessions over datagrams: moves them between a DTLS connection, or a listener, and a transport.

What is received is decrypted where it lies, in a buffer that all sessions of a stack share, and
application data goes from there into the mailbox of its slot at once. A mailbox that is full loses
what comes: they are datagrams.
"""

from tlscore.compat import const
from tlscore.dtls.address import canonical
from tlscore.errors import AlertReceived, TlsError, UsageError
from tlscore.sockets.waiting import sooner, wait_for

_CONNECTED = const(12)
_CLOSED = const(13)
_FAILED = const(14)
_TLS_1_3 = const(0x0304)
_TURN = const(16)  # so many datagrams are looked at before the caller's turn comes


class Mailbox:
    """Application data of one session until it is read, datagram by datagram.

    Args:
        size: bytes, with two more for each datagram.

    Attributes:
        lost: how many datagrams found no room.
    """

    def __init__(self, size):
        self._bytes = memoryview(bytearray(size))
        self._end = 0
        self._read = 0  # of the first datagram
        self.lost = 0

    def put(self, data):
        """Keep a datagram if there is room."""
        start, size = self._end + 2, len(data)
        if start + size > len(self._bytes):
            self.lost += 1
            return
        self._bytes[start - 2] = size >> 8
        self._bytes[start - 1] = size & 0xFF
        self._bytes[start : start + size] = data
        self._end = start + size

    def pending(self) -> int:
        """Return how much there is of the first datagram, 0 if there is none."""
        if not self._end:
            return 0
        return (self._bytes[0] << 8 | self._bytes[1]) - self._read

    def read_into(self, buffer) -> int:
        """Move the first datagram, or as much as fits, into a buffer; return how much that was."""
        size = self.pending()
        count = min(size, len(buffer))
        start = 2 + self._read
        memoryview(buffer)[:count] = self._bytes[start : start + count]
        self._read += count
        if count == size and self._end:
            left = self._end - start - count
            self._bytes[:left] = bytes(self._bytes[start + count : self._end])
            self._end, self._read = left, 0
        return count

    def clear(self):
        """Forget everything."""
        for at in range(self._end):
            self._bytes[at] = 0
        self._end = self._read = 0


class _Session:
    """What sessions of both roles have in common."""

    ended = False

    def __init__(self, connection, mailbox):
        self._connection = connection
        self._mailbox = mailbox

    @property
    def connected(self) -> bool:
        """Whether the handshake is over and the peer is who it should be."""
        return self._connection.state == _CONNECTED or self.ended

    def pending(self) -> int:
        """Return how many bytes the next read has."""
        return self._mailbox.pending()

    def read_into(self, buffer) -> int:
        """Move a datagram's data into a buffer; return how much, 0 for none."""
        return self._mailbox.read_into(buffer)

    def unsent(self) -> bool:
        """Tell that nothing waits for the transport: what it does not take is lost."""
        return False

    def facts(self) -> dict:
        """Return what was negotiated; version 0x0303 is DTLS 1.2, 0x0304 is DTLS 1.3."""
        connection = self._connection
        return {
            "version": connection.version,
            "suite": connection.suite,
            "resumed": connection.resumed,
            "psk_identity": connection.psk_identity,
            "alpn": connection.alpn,
        }


class DatagramSession(_Session):
    """A client's session.

    Args:
        connection: dtls.client.ClientConnection that has not begun.
        transport, peer: where its datagrams go; peer None: the transport knows.
        mailbox: Mailbox of the slot.
        scratch: bytearray for any one datagram.
    """

    def __init__(self, connection, transport, peer, mailbox, scratch):
        _Session.__init__(self, connection, mailbox)
        self._transport = transport
        self._peer = peer
        self._address = None if peer is None else canonical(peer)
        self._scratch = scratch
        self._resume = None
        self._facts = {}
        mailbox.clear()

    def work(self) -> bool:
        """Send what is due, take what has come; see stream_session.StreamSession.work."""
        moved = self._speak()
        for _ in range(_TURN):
            if self._connection.state >= _CLOSED:
                break
            came = self._transport.recvfrom_into(self._scratch)
            if came is None:
                break
            moved = True
            size, sender = came
            if self._address is None or canonical(sender) == self._address:
                self._receive(size)
        return moved

    def _receive(self, size):
        connection = self._connection
        try:
            connection.receive_datagram(self._scratch, size)
            data = connection.read()
            while data is not None:
                self._mailbox.put(data)
                data = connection.read()
        except TlsError as error:
            if not isinstance(error, AlertReceived):
                self._speak()
            raise
        if connection.peer_closed:
            self.ended = True
        self._speak()
        if connection.state == _CONNECTED and not connection.is_established:
            # What goes on in DTLS 1.2 takes a fraction of the memory, and knows no session; in
            # DTLS 1.3 it is the connection itself, to which tickets come later.
            self._resume = connection.take_session() or self._resume
            self._facts = self._facts or _Session.facts(self)
            self._connection = connection.hand_over()

    def facts(self) -> dict:
        """Return what was negotiated; see _Session.facts."""
        return self._facts or _Session.facts(self)

    def _speak(self):
        moved = False
        while True:
            size = self._connection.datagram_into(self._scratch)
            if not size:
                return moved
            self._transport.sendto(memoryview(self._scratch)[:size], self._peer)
            moved = True

    def write(self, data) -> int:
        """Send a datagram with data; 0 if there is no session yet.

        Raises:
            UsageError: "datagram.too_long"; or closed.
        """
        if self._connection.state < _CONNECTED:
            return 0
        size = _seal(self._connection, data, self._scratch)
        self._transport.sendto(memoryview(self._scratch)[:size], self._peer)
        return len(data)

    def rekey(self) -> bool:
        """Have both ends use fresh keys (RFC 9147 §8); False: DTLS 1.2 has no KeyUpdate."""
        if not _update_keys(self._connection):
            return False
        self._speak()
        return True

    def next_timeout(self):
        """Return the milliseconds until `work` has to be called even if nothing comes, or None."""
        return self._connection.next_timeout()

    def wait(self, timeout_ms):
        """Wait until there is something to do, at most so long (None: for ever)."""
        wait_for(self._transport, sooner(timeout_ms, self.next_timeout()), False)

    def take_session(self):
        """Return what the session can be resumed with, or None."""
        session, self._resume = self._resume, None
        return session

    def close(self):
        """Say that it is over; that may get lost."""
        try:
            self._connection.close()
            self._speak()
        except (OSError, TlsError):
            pass  # it has failed before, or nobody is left to be told
        self._mailbox.clear()


class DatagramListener:
    """A server's sessions over one transport.

    Args:
        listener: dtls.listener.Listener.
        transport: of datagrams.
        mailboxes: one for each of its slots.
        scratch: bytearray for any one datagram.

    Attributes:
        handshakes: for each slot how many clients it has had. A client that begins anew from the
            same address counts as another: it has proved anew who it is, or is somebody else.
    """

    def __init__(self, listener, transport, mailboxes, scratch):
        self.listener = listener
        self.transport = transport
        self.mailboxes = mailboxes
        self.scratch = scratch
        count = len(mailboxes)
        self.handshakes = [0] * count
        self._accepted = [0] * count
        # As they were seen last: a listener may put another object in the place of a connection
        # whose handshake is over, and that is still the same client.
        self._sessions = [None] * count
        self._connections = [None] * count
        self._successors = [None] * count

    def work(self) -> bool:
        """Send what is due, take what has come."""
        moved = self._speak()
        for _ in range(_TURN):
            came = self.transport.recvfrom_into(self.scratch)
            if came is None:
                break
            moved = True
            size, peer = came
            session = self.listener.receive(peer, self.scratch, size)
            self._look()
            if session is not None:
                self._keep(session)
            self._speak()
        return moved

    def _keep(self, session):
        mailbox = self.mailboxes[self.listener.sessions.index(session)]
        data = session.connection.read()
        while data is not None:
            mailbox.put(data)
            data = session.connection.read()

    def _look(self):
        """See which slots have got another client."""
        sessions = self.listener.sessions
        for index in range(len(sessions)):
            session = sessions[index]
            if session is None:
                self._sessions[index] = self._connections[index] = self._successors[index] = None
                continue
            connection = session.connection
            if connection is not self._connections[index]:
                succeeds = connection is self._successors[index]
                if session is not self._sessions[index] or succeeds:
                    self.handshakes[index] += 1
                    self.mailboxes[index].clear()
                self._sessions[index], self._connections[index] = session, connection
            self._successors[index] = session.successor

    def _speak(self):
        moved = False
        while True:
            size, peer = self.listener.datagram_into(self.scratch)
            self._look()
            if not size:
                return moved
            self.transport.sendto(memoryview(self.scratch)[:size], peer)
            moved = True

    def accept(self):
        """Return the ServedSession of a client whose handshake is over, or None."""
        sessions = self.listener.sessions
        for index in range(len(sessions)):
            session = sessions[index]
            if session is None or session.connection.state != _CONNECTED:
                continue
            if self._accepted[index] != self.handshakes[index]:
                self._accepted[index] = self.handshakes[index]
                return ServedSession(self, session, index)
        return None

    def wait(self, timeout_ms):
        """Wait until there is something to do, at most so long (None: for ever)."""
        due = sooner(timeout_ms, self.listener.next_timeout())
        wait_for(self.transport, due, False)


class ServedSession(_Session):
    """A session of a server; `index` is its slot, `peer` where it was when it was accepted."""

    _is_closed = False

    def __init__(self, parent, session, index):
        _Session.__init__(self, session.connection, parent.mailboxes[index])
        self._facts = _Session.facts(self)
        self._connection = None  # another object may come in its place
        self._parent = parent
        self._served = session
        self._handshake = parent.handshakes[index]
        self.index = index
        self.peer = session.peer

    def _is_current(self):
        return self._parent.handshakes[self.index] == self._handshake

    @property
    def connected(self) -> bool:
        """Return True: only such are accepted."""
        return True

    def facts(self) -> dict:
        """Return what was negotiated; see _Session.facts."""
        return self._facts

    def pending(self) -> int:
        """Return how many bytes the next read has."""
        return self._mailbox.pending() if self._is_current() else 0

    def read_into(self, buffer) -> int:
        """Move a datagram's data into a buffer; return how much, 0 for none."""
        return self._mailbox.read_into(buffer) if self._is_current() else 0

    def work(self) -> bool:
        """Work for all sessions of the transport.

        Raises:
            UsageError: "sock.evicted": another client has its slot; "connection.failed".
        """
        moved = self._parent.work()
        connection = self._served.connection
        if self._is_current() and connection.state == _CONNECTED:
            return moved
        if connection.peer_closed or connection.state == _CONNECTED:
            self.ended = True  # by a close_notify, or because the peer has begun anew
        elif connection.state == _FAILED:
            raise UsageError("connection.failed")
        elif not self._is_closed:
            raise UsageError("sock.evicted")
        return moved

    def write(self, data) -> int:
        """Send a datagram with data; see DatagramSession.write."""
        if not self._is_current():
            raise UsageError("connection.closed")
        parent, served = self._parent, self._served
        parent.listener.wake(served)
        size = _seal(served.connection, data, parent.scratch)
        parent.transport.sendto(memoryview(parent.scratch)[:size], served.peer)
        return len(data)

    def rekey(self) -> bool:
        """Have both ends use fresh keys; see DatagramSession.rekey."""
        if not _update_keys(self._served.connection):
            return False
        self._parent.work()
        return True

    def next_timeout(self):
        """Return when `work` has something to do: for any session of the transport."""
        return self._parent.listener.next_timeout()

    def wait(self, timeout_ms):
        """Wait until there is something to do, at most so long (None: for ever)."""
        self._parent.wait(timeout_ms)

    def take_session(self):
        """Return None: servers resume nothing by themselves."""

    def close(self):
        """Say that it is over; that may get lost."""
        if self._is_closed or not self._is_current():
            return
        self._is_closed = True
        self._mailbox.clear()
        try:
            self._served.connection.close()
            self._parent.work()
        except (OSError, TlsError):
            pass  # it has failed before, or nobody is left to be told


def _update_keys(connection):
    """Queue a KeyUpdate that asks for another; tell whether the version has such a thing."""
    if connection.version != _TLS_1_3:
        return False
    connection.update_keys(True)
    return True


def _seal(connection, data, scratch):
    if len(data) > connection.write_room(len(scratch)):
        raise UsageError("datagram.too_long")
    return connection.write_into(data, scratch)
