"""What a connection and an established session of DTLS share, those of DTLS 1.3 too.

That is mainly how datagrams from the peer are taken: records are opened in the caller's buffer, one
after the other, until there is application data. What cannot be opened, was there before or makes
no sense is dropped (RFC 6347 §4.1.2.7).

`Datagrams` is mixed into connection.Dtls, established.Established and ../dtls13/connection.py,
which know what to do with handshake messages and alerts, and what waits to be sent.
"""

from tlscore import states
from tlscore.compat import const
from tlscore.connection import READ, RECEIVE, SEND, WRITE, _alert_received
from tlscore.dtls import fragments
from tlscore.dtls.record import HEADER_BYTES
from tlscore.errors import PeerMisbehaved, TlsError, UsageError

# See codepoints.py: copies that cost nothing on a board.
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_CONTENT_CONNECTION_ID = const(25)
_WARNING = const(1)
_ALERT_CLOSE_NOTIFY = const(0)
_HELLO_REQUEST = const(0)
_CLIENT_HELLO = const(1)
_ALERT_RECORD_OVERFLOW = const(22)


class Datagrams:
    """The half of an end that takes datagrams, and what ends say to the application.

    Attributes:
        dropped: records that were dropped: forged, repeated, or nothing that makes sense.
    """

    _datagram = None  # what is left to be done is behind _position
    _position = 0
    _data = None
    _record_number = 0
    _send_id = b""
    _receive_id = b""
    _answers_from = 0  # messages below this number came before the present flight
    _repeats = False  # the peer has sent some of those again
    dropped = 0

    @property
    def wants(self) -> int:
        """Return what makes sense now: RECEIVE, SEND, READ and WRITE, or-ed."""
        flags = SEND if self._has_to_send() else 0
        if self.state >= states.CLOSED:
            return flags
        flags |= RECEIVE if self._data is None else READ
        if self.state == states.CONNECTED:
            flags |= WRITE
        return flags

    @property
    def newest(self) -> int:
        """Return the number of the newest genuine record that has come, -1 before the first."""
        return self._receiver.newest

    def receive_datagram(self, buffer, size=None):
        """Take a datagram that came from the peer.

        Application data in it is for `read()`, which has to be called until it returns None
        before the buffer is used for anything else.

        Args:
            buffer: bytearray or writable memoryview; records are decrypted in place.
            size: how many bytes of it the datagram has; all by default.

        Raises:
            PeerMisbehaved: somebody who proved to be the peer, or who received our cookie, broke
                the protocol; the alert is queued.
            AlertReceived: the peer ended the connection with an error alert.
            UsageError: the connection has failed before.
        """
        self._require_usable()
        self._datagram = memoryview(buffer)[: len(buffer) if size is None else size]
        self._position = 0
        self._data = None
        self._process()

    def read(self):
        """Return application data of the datagram received last, a memoryview, or None."""
        if self._data is None and self._datagram is not None:
            self._require_usable()
            self._process()
        data, self._data = self._data, None
        return data

    def write_into(self, data, buffer) -> int:
        """Write a datagram with application data into a buffer; return its size.

        Raises:
            UsageError: not connected, closed, too long, or the key is exhausted.
        """
        self._require_connected()
        return self._outbox.write_into(data, buffer)

    def write_room(self, buffer_bytes) -> int:
        """Return how many bytes `write_into` takes with a buffer of that size."""
        self._require_connected()
        return self._outbox.data_room(buffer_bytes)

    def close(self):
        """Say that it is over, with close_notify, which may get lost; nothing is received then."""
        if self.state >= states.CLOSED:
            return
        self._require_usable()
        self._say_goodbye()

    # --- the end

    def _say_goodbye(self):
        self._write_closed = True
        self._outbox.queue_alert(_WARNING, _ALERT_CLOSE_NOTIFY)
        self._end(states.CLOSED)

    def _answer_close(self):
        """Say close_notify if that was what the peer has said."""
        if self.peer_closed and self.state < states.CLOSED:
            self._say_goodbye()

    def _give_up(self):
        """End a handshake that has taken too long; always raises."""
        self._end(states.FAILED)
        if self.heard_alert is not None:
            raise _alert_received(self.heard_alert)
        raise TlsError("connection.timed_out")

    # --- a datagram

    def _process(self):
        """Work at the datagram until there is application data, or to its end."""
        self._busy = True
        self.phase("record")
        try:
            while self._data is None and self._datagram is not None:
                if self.state >= states.CLOSED:
                    self._datagram = None
                elif not self._take_record():
                    self._datagram = self._early_record()
                    self._position = 0
        except TlsError as error:
            self._datagram = None
            self._fail(error)
            raise
        self._busy = False
        if self._repeats:
            self._repeats = False
            self._repeat_flight()

    def _no_stream(self, *_):
        """Refuse what a connection over a stream has in place of datagrams."""
        raise UsageError("connection.datagrams")

    receive = receive_eof = to_send = sent = read_into = write = _no_stream

    # --- records

    def _early_record(self):
        """Return a record that has waited for its keys and can be opened now; None: there is none.

        See reassembly.py.
        """

    def _take_record(self):
        """Take the next record of the datagram; False if there is none."""
        view, at = self._datagram, self._position
        header = HEADER_BYTES
        if len(view) - at < header:
            return False
        content_type = view[at]
        if content_type == _CONTENT_CONNECTION_ID:
            header += len(self._receive_id)
            if len(view) - at < header:
                return False
        end = at + header + (view[at + header - 2] << 8 | view[at + header - 1])
        if end > len(view):
            self.dropped += 1
            return False
        self._position = end
        epoch = view[at + 3] << 8 | view[at + 4]
        # Numbers of six bytes are never reached: neither side's key may be used so often.
        if view[at + 1] != 0xFE or view[at + 5] or view[at + 6] or view[at + 7] > 0x3F or epoch > 1:
            self.dropped += 1
            return True
        number = view[at + 7] << 24 | view[at + 8] << 16 | view[at + 9] << 8 | view[at + 10]
        if epoch:
            # The version is authenticated as what it has to be, not as what the record says.
            if view[at + 2] == 0xFD:
                self._take_protected(view, at, number, end)
            else:
                self.dropped += 1
        elif self.state < states.CONNECTED:
            self._record_number = number
            self._take_plain(content_type, view, at + header, end)
        return True

    def _take_protected(self, view, at, number, end):
        receiver = self._receiver
        if not self._is_ours(view, at) or not receiver.is_new(number):
            self.dropped += 1
            return
        protection = self._opening()
        start = -1 if protection is None else protection.open(view, at, number, end)
        if start < 0:
            self.dropped += 1
            return
        receiver.add(number)
        end = protection.content_end
        if end - start > receiver.plaintext_limit:
            raise PeerMisbehaved("record.plaintext_overflow", _ALERT_RECORD_OVERFLOW)
        content_type = protection.content_type
        if content_type == _CONTENT_HANDSHAKE:
            self._take_fragments(view, start, end, 1)
        elif content_type == _CONTENT_ALERT:
            self._on_alert(view[start:end])
        elif content_type == _CONTENT_APPLICATION_DATA and self.state == states.CONNECTED:
            self._forget_flight()  # who sends data has our last one
            self._data = view[start:end]

    def _is_ours(self, view, at):
        """Tell whether a protected record has our connection id, or none as agreed."""
        ours = self._receive_id
        if not ours:
            return view[at] != _CONTENT_CONNECTION_ID
        return view[at] == _CONTENT_CONNECTION_ID and view[at + 11 : at + 11 + len(ours)] == ours

    def _take_fragments(self, view, at, end, epoch):
        while end - at >= fragments.HEADER_BYTES:
            size = fragments.size_at(view, at)
            after = at + fragments.HEADER_BYTES + size
            piece = view[at:after]
            if after > end or fragments.offset_of(piece) + size > fragments.length_of(piece):
                self.dropped += 1
                return
            self._take_fragment(piece, epoch)
            at = after

    def _take_fragment(self, piece, _epoch):
        self._take_late(piece)

    def _take_late(self, piece):
        """Take a message after the handshake, from the peer itself: a repetition, or a wish."""
        if fragments.number_of(piece) < self._answers_from:
            self._repeats = True
        elif piece[0] in (_HELLO_REQUEST, _CLIENT_HELLO):
            self._on_renegotiation(None)
