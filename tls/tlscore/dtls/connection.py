"""What both roles have in common in DTLS 1.2, beside ../tls12/connection.py: datagrams in and out.

Theory of operation. Records are opened in the caller's buffer. Fragments that continue the message
awaited (`_next`, `_offset`) are given to ../handshake.py as if they were records of TLS; others are
kept for later (fragments.py). Handlers queue flights (outbox.py), and the timer sends them again
until the peer's answer has come whole. The last flight has no answer: it is kept until the peer
sends application data, and sent again whenever the peer repeats its own.

Nothing that is not authentic ends a connection: a record that cannot be opened, a message that is
not awaited, an alert in the clear is as good as lost (RFC 6347 §4.1.2.7). Such an alert is kept in
`heard_alert` and named when the handshake takes too long.

Not here: what time it is (`now_ms` of the configuration), sockets.
"""

from tlscore import states
from tlscore.compat import const
from tlscore.connection import (
    READ,
    RECEIVE,
    SEND,
    WRITE,
    _alert_received,
)
from tlscore.dtls import fragments
from tlscore.dtls.outbox import Outbox
from tlscore.dtls.reassembly import Reassembly
from tlscore.dtls.record import HEADER_BYTES, Receiver, RecordProtection
from tlscore.dtls.timers import RetransmissionTimer
from tlscore.dtls.transcript import Transcript
from tlscore.errors import PeerMisbehaved, TlsError, UsageError
from tlscore.tls12.connection import Tls12

# See codepoints.py: copies that cost nothing on a board.
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_CONTENT_CONNECTION_ID = const(25)
_WARNING = const(1)
_ALERT_CLOSE_NOTIFY = const(0)
_ALERT_RECORD_OVERFLOW = const(22)
# A flight is cut smaller after it was sent in vain so often, and again and again (RFC 6347
# §4.1.1.1: "If repeated retransmissions do not result in a response ... it should back off").
_SHRINK_AFTER = const(2)
# The smallest datagrams it comes to: a Finished fits in one, whatever the suite.
DATAGRAM_BYTES_MIN = 128


class Dtls(Reassembly):
    """The part of a connection of DTLS 1.2 that does not depend on its role.

    Attributes:
        heard_alert: code of the last alert that came in the clear, or None; nobody vouches for it.
        dropped: records that were dropped: forged, repeated, or nothing that makes sense.
        retransmissions: how often a flight was sent again.
    """

    _receiver_class = Receiver
    _outbox_class = Outbox
    _is_server = False
    _datagram = None  # what is left to be done is behind _position
    _position = 0
    _data = None
    _record_number = 0
    _send_id = b""
    _receive_id = b""
    heard_alert = None
    dropped = 0
    retransmissions = 0

    def _begin_datagrams(self, config):
        self._held = fragments.HeldFragments(config.held_bytes)
        self._timer = RetransmissionTimer(
            config.now_ms,
            config.retransmission_ms,
            config.retransmission_ms_max,
            config.handshake_ms_max,
        )

    # --- the caller's side

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

    def _has_to_send(self):
        return not self._outbox.is_sent() or len(self._outbox.pending()) > 0

    @property
    def newest(self) -> int:
        """Return the number of the newest genuine record that has come, -1 before the first."""
        window = self._receiver.window
        return -1 if window is None else window.newest

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

    def _process(self):
        """Work at the datagram until there is application data, or to its end."""
        self._busy = True
        self.phase("record")
        try:
            while self._data is None and self._datagram is not None:
                if self.state >= states.CLOSED or not self._take_record():
                    self._datagram = None
        except TlsError as error:
            self._datagram = None
            self._fail(error)
            raise
        self._busy = False
        if self._repeats:
            self._repeats = False
            outbox = self._outbox
            if outbox.has_flight() and outbox.is_sent() and self._timer.may_repeat():
                self.retransmissions += 1
                outbox.rewind()

    def datagram_into(self, buffer) -> int:
        """Write the next datagram for the peer into a buffer.

        Returns:
            Its size, 0 if there is nothing to send now.

        Raises:
            TlsError: as for `handle_timeout`.
            UsageError: the buffer is too small for any.
        """
        self.handle_timeout()
        outbox = self._outbox
        in_flight = not outbox.is_sent()
        size = outbox.datagram_into(buffer)
        if in_flight and outbox.is_sent():
            self._timer.sent()
            if self.state == states.CONNECTED:
                self._timer.answered()
        if self.state >= states.CLOSED and not self._has_to_send():
            outbox.release()
        return size

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

    def next_timeout(self):
        """Return the milliseconds until `handle_timeout` should be called, or None for never.

        `datagram_into` calls it as well: who asks that for datagrams now and then need not.
        """
        return None if self.state >= states.CONNECTED else self._timer.next_ms()

    def handle_timeout(self):
        """Do what the time demands: send the flight again, or give the handshake up.

        Raises:
            AlertReceived: the handshake took too long, and there was an alert in the clear.
            TlsError: "connection.timed_out": it took too long.
        """
        if self.state >= states.CONNECTED:
            return
        timer, outbox = self._timer, self._outbox
        if timer.is_over():
            self._end(states.FAILED)
            if self.heard_alert is not None:
                raise _alert_received(self.heard_alert)
            raise TlsError("connection.timed_out")
        if timer.is_due():
            self.retransmissions += 1
            outbox.rewind()
            if timer.expired % _SHRINK_AFTER == 0:
                smaller = outbox.datagram_bytes // 2
                outbox.datagram_bytes = max(smaller, DATAGRAM_BYTES_MIN)

    def close(self):
        """Say that it is over, with close_notify, which may get lost; nothing is received then."""
        if self.state >= states.CLOSED:
            return
        self._require_usable()
        self._say_goodbye()

    def _say_goodbye(self):
        self._write_closed = True
        self._outbox.queue_alert(_WARNING, _ALERT_CLOSE_NOTIFY)
        self._end(states.CLOSED)

    def _no_stream(self, *_):
        """Refuse what a connection over a stream has in place of datagrams."""
        raise UsageError("connection.datagrams")

    receive = receive_eof = to_send = sent = read_into = write = _no_stream

    # --- records

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
            self._take_protected(view, at, number, end)
        elif self.state < states.CONNECTED:
            self._record_number = number
            self._take_plain(content_type, view, at + header, end)
        return True

    def _take_plain(self, content_type, view, at, end):
        if content_type == _CONTENT_HANDSHAKE:
            self._take_fragments(view, at, end, 0)
        elif content_type == _CONTENT_ALERT and end - at == 2:
            self.heard_alert = view[at + 1]
        # A change_cipher_spec says nothing that the epoch of what follows does not say.

    def _take_protected(self, view, at, number, end):
        receiver = self._receiver
        protection = receiver.protection
        if protection is None or not self._is_ours(view, at) or not receiver.window.is_new(number):
            self.dropped += 1
            return
        start = protection.open(view, at, number, end)
        if start < 0:
            self.dropped += 1
            return
        receiver.window.add(number)
        end = protection.content_end
        if end - start > receiver.plaintext_limit:
            raise PeerMisbehaved("record.plaintext_overflow", _ALERT_RECORD_OVERFLOW)
        content_type = protection.content_type
        if content_type == _CONTENT_HANDSHAKE:
            self._take_fragments(view, start, end, 1)
        elif content_type == _CONTENT_ALERT:
            self._on_alert(view[start:end])
        elif content_type == _CONTENT_APPLICATION_DATA and self.state == states.CONNECTED:
            # Who sends data has our last flight.
            self._outbox.forget_flight()
            self._data = view[start:end]

    def _is_ours(self, view, at):
        """Tell whether a protected record has our connection id, or none as agreed."""
        ours = self._receive_id
        if not ours:
            return view[at] != _CONTENT_CONNECTION_ID
        return view[at] == _CONTENT_CONNECTION_ID and view[at + 11 : at + 11 + len(ours)] == ours

    def _on_alert(self, content):
        Tls12._on_alert(self, content)
        if self.peer_closed and self.state < states.CLOSED:
            self._say_goodbye()

    def _transcript_class(self, hash_, digests, other):
        """Return the transcript of a handshake of which a hello is the first message."""
        if self._is_server:
            return Transcript(hash_, digests, other, self._message, None)
        if self._config.public_key_info is not None:
            digests += 1  # for a CertificateVerify by the key
        sent = self._outbox.next_message - 1
        return Transcript(hash_, digests, other, sent, self._message)

    def _use_master(self, master):
        Tls12._use_master(self, master)
        # Records of the next epoch may come before the state that awaits them.
        self._receiver.protect_with(self._protection(not self._is_server))

    def _protection(self, of_server):
        key, salt = self._protections[of_server]
        said = self._send_id if of_server == self._is_server else self._receive_id
        return RecordProtection(self._suite, key, salt, said)

    def _end_datagrams(self):
        """Give up what the connection has beside its base."""
        self._held.release()
        self._timer.answered()
