"""A session over a stream: moves bytes between a connection of tlscore and a transport.

`work` moves what can be moved now and never waits; whoever uses a session waits (waiting.py).
What is sent first goes out before anything is read, an alert before its error is raised.
"""

from tlscore.compat import const
from tlscore.connection import EVENT_CLOSED, EVENT_CONNECTED, READ, SEND, WRITE
from tlscore.errors import TlsError
from tlscore.sockets.waiting import wait_for

_CONNECTED = const(12)
_CLOSED = const(13)
_TLS_1_3 = const(0x0304)


class StreamSession:
    """One connection of TLS and its transport.

    Args:
        connection: tlscore connection, of either role, that has not begun.
        transport: see docs/sockets.md; it stays the caller's to close.
        piece: writable memoryview for what comes from the transport; the caller's.

    Attributes:
        connected: the handshake is over and the peer is who it should be.
        ended: the peer has said that it is over; all that came before can be read.
    """

    def __init__(self, connection, transport, piece):
        self._connection = connection
        self._transport = transport
        self._piece = piece
        self._start = self._end = 0
        self.connected = False
        self.ended = False

    def work(self) -> bool:
        """Move bytes both ways, as far as nothing has to be waited for.

        Returns:
            Whether anything moved.

        Raises:
            TlsError: the session is over; the peer has been told if that was possible.
            OSError: the transport failed.
        """
        moved = self._send()
        connection = self._connection
        while not connection.wants & READ and not self.ended and connection.state < _CLOSED:
            if self._start == self._end:
                count = self._transport.readinto(self._piece)
                if count is None:
                    break
                self._start, self._end = 0, count
                if not count:
                    connection.receive_eof()
            moved = True
            self._receive()
            self._note_events()
            self._send()
        return moved

    def _receive(self):
        try:
            self._start += self._connection.receive(self._piece[self._start : self._end])
        except TlsError:
            self._start = self._end = 0
            self._send()  # the alert
            raise

    def _note_events(self):
        event = self._connection.next_event()
        while event is not None:
            if event[0] == EVENT_CONNECTED:
                self.connected = True
            elif event[0] == EVENT_CLOSED:
                self.ended = True
            event = self._connection.next_event()

    def _send(self):
        """Hand the transport what it takes; tell whether that was anything."""
        connection, moved = self._connection, False
        while connection.wants & SEND:
            count = self._transport.write(connection.to_send())
            if not count:
                break
            connection.sent(count)
            moved = True
        return moved

    def read_into(self, buffer) -> int:
        """Move application data that has come into a buffer; return how much, 0 for none."""
        return self._connection.read_into(buffer)

    def write(self, data) -> int:
        """Take application data to be sent; return how much there was room for.

        Raises:
            UsageError: not connected, or closed by us.
        """
        if not self._connection.wants & WRITE:
            if self._connection.state >= _CLOSED:
                self._connection.write(b"")  # it says why
            return 0
        count = self._connection.write(data)
        self._send()
        return count

    def pending(self) -> int:
        """Return how many bytes of application data can be read at once."""
        receiver = self._connection._receiver
        return receiver.end - receiver.start

    def unsent(self) -> bool:
        """Tell whether something waits until the transport takes it."""
        return bool(self._connection.wants & SEND)

    def next_timeout(self):
        """Return None: a stream has no timers."""

    def wait(self, timeout_ms):
        """Wait until there is something to do, at most so long (None: for ever)."""
        wait_for(self._transport, timeout_ms, self.unsent())

    def rekey(self) -> bool:
        """Have both ends use fresh keys from now on (RFC 8446 §4.6.3); False if that cannot be.

        The peer changes its own when it has read the request. Older versions have no such thing.
        """
        if self._connection.version != _TLS_1_3:
            return False
        self._connection.update_keys(True)
        self._send()
        return True

    def take_session(self):
        """Return what a client can resume the session with, or None."""
        take = getattr(self._connection, "take_session", None)
        return take() if take is not None else None

    def close(self):
        """Say that it is over, if that is still possible, as far as the transport takes it now."""
        try:
            self._connection.close()
            self._send()
            self._connection.receive_eof()  # nothing is received any more: buffers are wiped
        except (OSError, TlsError):
            pass  # it has failed before, or the peer is gone: nobody is left to be told

    def facts(self) -> dict:
        """Return what was negotiated: code points of version and suite, and so on."""
        connection = self._connection
        return {
            "version": connection.version,
            "suite": connection.suite,
            "resumed": connection.resumed,
            "psk_identity": connection.psk_identity,
            "alpn": connection.alpn,
        }
