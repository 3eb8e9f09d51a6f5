"""One DTLS connection on the board, moved along: datagrams over the link, echoes, close, result.

What tls_conversation.py is for TLS, in either role. Only the calls into tlscore are compute
segments. Time is the board's: tlscore is asked how long it may wait. When the handshake is over the
host is told; data is sent when the host says that the peer's is over, too, for the link is calm
from then on (hil/datagram_pump.py). Runs on MicroPython and CPython.

With `reads` in the options the other end is a recording. Time stands still then: what was recorded
lost nothing, so nothing is ever due, and what the board does follows from what it is told alone.
"""

import gc

import tls_conversation
from hil_datagrams import BEGIN, CONNECTED, CONTROL, BrokenFrame, DatagramLink
from hil_marks import Marks, NoMarks
from tls_conversation import FAREWELL, GaveUpError, payload_byte

from tlscore.connection import EVENT_CONNECTED
from tlscore.crypto.hashes import SHA256, fastest
from tlscore.dtls.timers import Ticks

# See tls_conversation.py; there is less that lives long, so this will do.
_GARBAGE_BYTES = 1024
_BUFFER_BYTES = 1500
_SMALL_BUFFER_BYTES = 550
# Ten in a handshake; beside them "start", "connected" and "closed".
_CHECKPOINTS = 10
_OWN_CHECKPOINTS = 3
_PHASES = 18
_DTLS_1_2 = 0xFEFD
_EXPORTER_LABEL = b"EXPORTER-hil"
_EXPORTER_BYTES = 32


def _standstill():
    return 0


class Conversation(tls_conversation.Conversation):
    """One connection as a client, or as the session of a listener, and the result so far.

    Args:
        link: the board's end of the link.
        options: as dtls_jobs.client has them.

    Attributes:
        those of tls_conversation.py, `options` being all of them throughout, and
        end: the tlscore connection or listener, once it is made.
        listener: the same, if it is one.
        is_of_tls12: it is DTLS 1.2.
        version: what it is called in the result.
        now_ms: the clock.
    """

    is_of_tls12 = True
    version = _DTLS_1_2
    end = None
    listener = None
    _connection = None
    _session = None
    _may_begin = False
    _heard = 0
    _whole = True

    def __init__(self, link, options):
        self.options = options
        exact = options.get("reads") is not None
        self._link = DatagramLink(link, exact)
        small = options.get("small_buffers")
        self._buffer = memoryview(bytearray(_SMALL_BUFFER_BYTES if small else _BUFFER_BYTES))
        self.now_ms = _standstill if exact or options.get("standstill") else Ticks()
        if hasattr(gc, "threshold"):  # MicroPython's
            often = small and fastest(SHA256).machine is not None
            gc.threshold(_GARBAGE_BYTES if often else -1)
        link.wait(0)  # whether the link was waited for before makes no difference from here on
        self._echoes = []
        self._expected = 0
        self._checkpoints_left = _CHECKPOINTS
        if options.get("unmeasured"):
            self._marks = NoMarks()
        else:
            room = _CHECKPOINTS + _OWN_CHECKPOINTS + len(options["echo"])
            self._marks = Marks(room, options.get("clock"), "client_hello", _PHASES)

    def run(self, make):
        """Go through handshake, echoes and close, and return the result."""
        try:
            return tls_conversation.Conversation.run(self, make)
        except BrokenFrame:
            self.reason = "link.ended"
            return self.finish()

    def handshake(self, make):
        """Make the connection or listener, and move datagrams until both ends are connected."""
        marks = self._marks
        marks.checkpoint("start")
        marks.enter()
        self.end = make(self, marks)
        marks.leave()
        if self.options.get("is_server"):
            self.listener = self.end
        else:
            self._connection = self.end
        # A little longer than the connection has itself: it knows better what went wrong. It is the
        # time for both ends: a peer that has gone leaves a server that thinks itself connected.
        until = self.now_ms() + self.options["handshake_ms"] + 1000
        self.await_until(self._is_connected, until - self.now_ms(), "link.silent")
        self._marks_at_handshake = marks.report()
        self.connected = True
        if not self.is_of_tls12 or self.connection.extended_master_secret:
            self.exporter = self.connection.export(_EXPORTER_LABEL, None, _EXPORTER_BYTES)
        self.send_pending()
        if self.listener is None:  # which does that by itself
            self.end = self._connection = self._connection.hand_over()
        marks.checkpoint("connected")
        self._link.send(CONTROL, CONNECTED)
        patience_ms = until - self.now_ms()
        self.await_until(lambda: self._may_begin, patience_ms, "peer.not_connected")

    @property
    def connection(self):
        """Return the connection, or what goes on in its place; None before there is one."""
        return self._connection if self._session is None else self._session.connection

    def _is_connected(self):
        """Tell whether the handshake is over; of a listener, that of its first session."""
        if self.listener is not None:
            for session in self.listener.sessions:
                if session is not None:
                    self._session = session
                    event = session.connection.next_event()
                    if event is not None and event[0] == EVENT_CONNECTED:
                        return True
            return False
        event = self.connection.next_event()
        return event is not None and event[0] == EVENT_CONNECTED

    def checkpoint(self, name):
        """Note a checkpoint of a handshake; of a server's many only as far as there is room."""
        if self._checkpoints_left:
            self._checkpoints_left -= 1
            self._marks.checkpoint(name)

    def echo(self, size):
        """Send a payload of `size` bytes in one datagram and take it back."""
        data = bytearray(size)
        for i in range(size):
            data[i] = payload_byte(i, size)
        self._heard, self._whole, self._expected = 0, True, size
        self.write(data)
        self.await_until(lambda: self._heard >= size, self.options["timeout_ms"], "link.silent")
        if self._heard > size:
            raise GaveUpError("echo.surplus")
        self._echoes.append((size, self._whole))
        self._expected = 0
        self._marks.checkpoint("echo")

    def write(self, data):
        """Send application data."""
        self._marks.enter()
        try:
            size = self.connection.write_into(data, self._buffer)
        finally:
            self._marks.leave()
        self._link.send(self._address(), self._buffer[:size])

    def _address(self):
        """Return the number of the peer's address."""
        if self.listener is None:
            return 0
        if self._session not in self.listener.sessions:
            raise GaveUpError("session.lost")
        return self._session.peer[0]

    def close(self):
        """Say close_notify, or wait for the peer's; who begins hears no answer any more."""
        if self.options.get("close_first"):
            self.connection.close()
            self.send_pending()
            self.close_sent = True
        else:
            if self.options["echo"]:
                self.write(FAREWELL)
            self.await_until(self._peer_has_closed, self.options["timeout_ms"], "link.silent")
            self.send_pending()
            self.close_received = self.close_sent = True
        self._marks.checkpoint("closed")

    def _peer_has_closed(self):
        return self.connection.peer_closed

    def await_until(self, done, patience_ms, reason):
        """Move datagrams until `done()`; give up for `reason` when that takes too long."""
        until = self.now_ms() + patience_ms
        while not done():
            left_ms = until - self.now_ms()
            if left_ms <= 0:
                raise GaveUpError(reason)
            self._step(left_ms)

    def _step(self, left_ms):
        """Send what is pending; wait for a datagram, or until it is time to send again."""
        self.send_pending()
        due_ms = self.end.next_timeout()
        wait_ms = left_ms if due_ms is None else min(left_ms, due_ms + 1)
        size = self._link.receive_into(self._buffer, wait_ms)
        if size is None:
            return
        if self._link.address == CONTROL:
            self._may_begin = self._may_begin or self._buffer[:size] == BEGIN
        else:
            self._receive(size)

    def _receive(self, size):
        """Give the connection a datagram, and take the data in it."""
        marks = self._marks
        marks.enter()
        try:
            if self.listener is None:
                self.connection.receive_datagram(self._buffer, size)
                self.take(self.connection)
            else:
                peer = bytes((self._link.address,))
                session = self.listener.receive(peer, self._buffer, size)
                if session is not None:
                    self.take(session.connection)
        finally:
            marks.leave()

    def take(self, connection):
        """Take the application data of a datagram: compare it with what was sent."""
        data = connection.read()
        while data is not None:
            at, expected = self._heard, self._expected
            for i in range(len(data)):
                if at + i >= expected or data[i] != payload_byte(at + i, expected):
                    self._whole = False
            self._heard = at + len(data)
            data = connection.read()

    def send_pending(self):
        """Hand every datagram that is due to the link."""
        while True:
            self._marks.enter()
            try:
                if self.listener is None:
                    size, peer = self.connection.datagram_into(self._buffer), b"\x00"
                else:
                    size, peer = self.listener.datagram_into(self._buffer)
            finally:
                self._marks.leave()
            if not size:
                return
            self._link.send(peer[0], self._buffer[:size])

    def finish(self):
        """Return the result, as tls_conversation.py does, with what only datagrams have."""
        if self.reason == "link.silent" and self._session is not None and not self.connected:
            self.reason = "connection.timed_out"  # a listener tells nobody of that
        result, connection = tls_conversation.Conversation.finish(self), self.connection
        result["closed_first"] = bool(self.options.get("close_first"))
        if connection is not None:
            result["version"] = self.version if connection.suite else None
            result["dropped"] = connection.dropped
            result["retransmissions"] = connection.retransmissions
            result["heard_alert"] = connection.heard_alert
        return result
