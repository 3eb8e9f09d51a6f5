"""What both roles have in common in DTLS 1.3, beside ../connection.py: datagrams in and out.

Theory of operation. Records are opened in the caller's buffer; fragments become messages in
reassembly.py, flights are kept in outbox.py. The timer sends a flight again, as far as the peer
has not acknowledged it, until the peer's next flight or its ACK has come. So the client's last
flight, tickets and KeyUpdates are sent until there is an ACK (RFC 9147 §5.8.1, §7.1); the key of a
KeyUpdate changes then.

Nothing that is not authentic ends a connection: a record that cannot be opened, a message that is
not awaited, an alert or an ACK in the clear is as good as lost (§4.5.2). Such an alert is kept in
`heard_alert` and named when the handshake takes too long.

Not here: what time it is (`now_ms` of the configuration), sockets.
"""

from tlscore import states
from tlscore.compat import const
from tlscore.connection import Connection
from tlscore.dtls import fragments
from tlscore.dtls.datagrams import Datagrams
from tlscore.dtls.timers import RetransmissionTimer
from tlscore.dtls13 import acks
from tlscore.dtls13.connection_ids import ConnectionIds
from tlscore.dtls13.outbox import Outbox
from tlscore.dtls13.reassembly import Reassembly
from tlscore.dtls13.record import (
    EPOCH_DATA,
    EPOCH_HANDSHAKE,
    PLAIN_HEADER_BYTES,
    Header,
    Receiver,
    RecordProtection,
    is_protected,
)
from tlscore.errors import PeerMisbehaved

# See codepoints.py: copies that cost nothing on a board.
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_CONTENT_ACK = const(26)
_ALERT_RECORD_OVERFLOW = const(22)
# A flight is cut smaller after it was sent in vain so often, and again and again (§4.4).
_SHRINK_AFTER = const(2)
_DATAGRAM_BYTES_MIN = const(128)


class Dtls13(Reassembly, ConnectionIds, Datagrams):
    """The part of a connection of DTLS 1.3 that does not depend on its role.

    Attributes:
        heard_alert: code of the last alert that came in the clear, or None; nobody vouches for it.
        retransmissions: how often a flight, or what was missing of one, was sent again.
    """

    _receiver_class = Receiver
    _outbox_class = Outbox
    _is_server = False
    _is_new = True  # until the handshake is over
    is_established = False
    heard_alert = None
    retransmissions = 0

    def _begin_datagrams(self, config):
        self._config = config
        self._held = fragments.HeldFragments(config.held_bytes)
        self._received = acks.ReceivedRecords()
        self._timer = RetransmissionTimer(config)

    def _begin_timer(self):
        """Begin the time-outs of a flight; what is said later has a time of its own."""
        if not self._is_new:
            self._timer = RetransmissionTimer(self._config)
        self._timer.begin()

    # --- the caller's side

    @property
    def newest(self) -> int:
        """Return a number that grows with the newest genuine record, -1 before the first."""
        return self._receiver.newest()

    def _has_to_send(self):
        return self._outbox.has_more()

    def _repeat_flight(self):
        if self._outbox.is_sent() and self._timer.may_repeat():
            self._timer.repeated()
            self._send_again()

    def _send_again(self):
        self.retransmissions += 1
        self._outbox.rewind()

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
        if self.state >= states.CLOSED and not outbox.has_more():
            outbox.release()
        return size

    def write_into(self, data, buffer) -> int:
        """Write a datagram with application data into a buffer; return its size.

        Raises:
            UsageError: not connected, closed, too long, or the key is exhausted.
        """
        size = Datagrams.write_into(self, data, buffer)
        self._look_after_flight()  # a KeyUpdate may be due
        return size

    def update_keys(self, request_peer=False):
        """Change our sending key once the peer has acknowledged that, as ../connection.py does."""
        Connection.update_keys(self, request_peer)
        self._look_after_flight()

    def next_timeout(self):
        """Return the milliseconds until `handle_timeout` should be called, or None for never.

        `datagram_into` calls it as well: who asks that for datagrams now and then need not.
        """
        if self.state >= states.CLOSED:
            return None
        due_ms = self._timer.next_ms()
        if self._ack_ms is not None:
            left_ms = max(0, self._ack_ms - self._config.now_ms())
            due_ms = left_ms if due_ms is None else min(due_ms, left_ms)
        return due_ms

    def handle_timeout(self):
        """Do what the time demands: acknowledge, send a flight again, or give it up.

        Raises:
            AlertReceived: the handshake took too long, and there was an alert in the clear.
            TlsError: "connection.timed_out": it took too long, or what was said later was not
                acknowledged in time.
        """
        if self.state >= states.CLOSED:
            return
        if self._ack_ms is not None and self._config.now_ms() >= self._ack_ms:
            self._acknowledge()
        timer, outbox = self._timer, self._outbox
        if timer.is_over():
            self._give_up()
        if timer.is_due():
            self._send_again()
            # A server that keeps nothing before it has seen a cookie wants ClientHellos whole.
            if timer.expired % _SHRINK_AFTER == 0 and outbox.protection is not None:
                smaller = outbox.datagram_bytes // 2
                outbox.datagram_bytes = max(smaller, _DATAGRAM_BYTES_MIN)

    def _acknowledge(self):
        self._ack_ms = None
        if len(self._received):
            self._outbox.queue_ack(self._received.numbers)
            if self.state == states.CONNECTED:
                self._received.clear()

    def hand_over(self):
        """Return the connection: there is nothing smaller yet that could go on in its place."""
        return self

    # --- records

    def _take_record(self):
        """Take the next record of the datagram; False if there is none."""
        view, at = self._datagram, self._position
        if at >= len(view):
            return False
        if is_protected(view[at]):
            return self._take_protected(view, at)
        return self._take_plain(view, at)

    def _take_plain(self, view, at):
        content = at + PLAIN_HEADER_BYTES
        end = content
        if content <= len(view):
            end += view[content - 2] << 8 | view[content - 1]
        # Of epoch 0, in the form of DTLS 1.2 (§4: "This value MUST be ignored for all purposes").
        if end > len(view) or content > len(view) or view[at + 3] or view[at + 4]:
            self.dropped += 1
            return False
        self._position = end
        if self.state >= states.CONNECTED:
            return True
        if view[at] == _CONTENT_HANDSHAKE:
            number = int.from_bytes(bytes(view[at + 5 : at + 11]), "big")
            self._take_fragments(view, content, end, 0, number)
        elif view[at] == _CONTENT_ALERT and end - content == 2:
            self.heard_alert = view[content + 1]
        else:
            self.dropped += 1
        return True

    def _take_protected(self, view, at):
        try:
            header = Header(view, at, len(self._receive_id))
        except IndexError:
            self.dropped += 1
            return False
        self._position = header.end
        protection = self._receiver.of_bits(header.epoch_bits)
        number = -1
        if protection is not None and self._is_ours(header.connection_id):
            number = protection.open(view, header)
        if number < 0:
            self.dropped += 1
            return True
        # RFC 8449 §4: "a record larger than its advertised limit MUST generate a fatal
        # "record_overflow" alert".
        if protection.plaintext_bytes > self._receiver.plaintext_limit:
            raise PeerMisbehaved("record.plaintext_overflow", _ALERT_RECORD_OVERFLOW)
        self._take_content(view, header.content, protection, number)
        return True

    def _take_content(self, view, start, protection, number):
        content_type, end, epoch = (
            protection.content_type,
            protection.content_end,
            protection.epoch,
        )
        if content_type == _CONTENT_HANDSHAKE:
            self._take_fragments(view, start, end, epoch, number)
        elif content_type == _CONTENT_ACK:
            self._on_ack(view[start:end])
        elif content_type == _CONTENT_ALERT:
            self._on_alert(view[start:end])
        elif content_type != _CONTENT_APPLICATION_DATA:
            raise self._unexpected("record.unexpected_inner_type")
        elif epoch < EPOCH_DATA:
            # RFC 8446 §2: "Application Data MUST NOT be sent prior to sending the Finished"
            raise self._unexpected("record.early_application_data")
        else:
            if self._patience.tried:
                self._patience.renew()
            self._data = view[start:end]

    def _on_ack(self, content):
        """Note what of our flight has come, and send the rest again (§7.2)."""
        outbox = self._outbox
        awaited = outbox.awaits()
        news = outbox.acknowledge(acks.parse(content))
        self._look_after_flight()
        if not awaited or not news:
            return
        if not outbox.awaits():
            outbox.datagram_bytes = self._config.datagram_bytes
            if self.state == states.CONNECTED:
                self._timer.answered()
                outbox.settle()
            else:
                self._timer.begin()
        elif outbox.is_sent():
            self._timer.begin()
            self._send_again()

    def _on_alert(self, content):
        Connection._on_alert(self, content)
        self._answer_close()

    def _receive_with(self, secret):
        self._receive_secret = secret
        receiver = self._receiver
        epoch = receiver.epoch + 1 if receiver.epoch else EPOCH_HANDSHAKE
        receiver.add(RecordProtection(self._suite, secret, epoch, self._receive_id))

    def _end_datagrams(self):
        """Give up what the connection has beside its base."""
        self._held.release()
        self._received.clear()
        self._timer.answered()
        self._ack_ms = None
