"""From fragments to messages (RFC 9147 §5.2, §5.5), and which records are acknowledged (§7).

`Reassembly` is the half of connection.Dtls13 that takes the handshake's messages. Fragments that
continue the message awaited (`_next`, `_offset`) are given to ../handshake.py as if they were
records of TLS, so that the transcript has the messages of TLS 1.3, as §5.2 wants it. What comes
before its turn is held; what is not awaited, or not in its epoch, is dropped and not acknowledged.
"""

from tlscore import server_states, states
from tlscore.compat import const
from tlscore.dtls import fragments
from tlscore.dtls13.connection_ids import ROWS
from tlscore.dtls13.record import EPOCH_DATA, EPOCH_HANDSHAKE
from tlscore.handshake import HandshakeReader

# States in which messages come in the clear.
_IN_THE_CLEAR = (
    states.WAIT_SERVER_HELLO,
    states.WAIT_SECOND_SERVER_HELLO,
    server_states.WAIT_CLIENT_HELLO,
    server_states.WAIT_SECOND_CLIENT_HELLO,
)
# A KeyUpdate, or a NewConnectionId of some ids.
_LATE_MESSAGE_BYTES = const(64)
# Part of the time-out of a flight after which an incomplete one is acknowledged (§7.1).
_ACK_PART = const(4)


class Reassembly:
    """The part of a DTLS 1.3 connection between records and handlers."""

    _next = 0  # number of the message awaited
    _offset = 0  # how much of it has come
    _awaited = None  # its first four bytes, once it has begun
    _has_gap = False  # something came before its turn, or again
    _ack_ms = None  # when to send an ACK

    def _take_fragments(self, view, at, end, epoch, record):
        """Take the content of a handshake record; see to it that it is acknowledged if it may be.

        Args:
            record: its number.
        """
        kept, answered = end > at, self._answers_from
        while at < end:
            after = at + fragments.HEADER_BYTES
            if after <= end:
                after += fragments.size_at(view, at)
            piece = view[at:after]
            if after > end or not _is_sound(piece):
                self.dropped += 1
                return
            self._adopt(piece, record)
            kept = self._take_fragment(piece, epoch) and kept
            at = after
        # What our next flight answers needs no other acknowledgement.
        if kept and self.state < states.CLOSED and self._answers_from <= answered:
            self._received.add(epoch, record)
            self._plan_ack()

    def _plan_ack(self):
        """Decide when what has come is acknowledged; the next flight does it as well (§7.1)."""
        if self._outbox.protection is None:
            return
        now_ms = self._config.now_ms()
        if self.state == states.CONNECTED or self._has_gap:
            self._ack_ms = now_ms
        elif self._ack_ms is None:
            self._ack_ms = now_ms + self._config.retransmission_ms // _ACK_PART
        self._has_gap = False

    def _take_fragment(self, piece, epoch) -> bool:
        """Take or hold a fragment; tell whether the peer need not send it again."""
        if self.state >= states.CLOSED:
            return False
        number = fragments.number_of(piece)
        if number < self._next:
            if number < self._answers_from and self._outbox.awaits():
                self._repeats = True
                return False
            self._has_gap = True
            return epoch >= EPOCH_HANDSHAKE
        if not self._is_epoch(epoch):
            self.dropped += 1
            return False
        taken = self._go_on(piece, epoch)
        if taken is None:
            self._has_gap = True
            return self._held.hold(piece, min(epoch, EPOCH_DATA), self._next)
        if taken:
            self._go_on_with_held()
        return taken

    def _is_epoch(self, epoch):
        """Tell whether the messages that are awaited come in an epoch (§6.1)."""
        if self.state == states.CONNECTED:
            return epoch >= EPOCH_DATA
        return epoch == (0 if self.state in _IN_THE_CLEAR else EPOCH_HANDSHAKE)

    def _go_on_with_held(self):
        held = self._held
        while self.state < states.CLOSED:
            held.drop(self._next)
            mark = held.find(self._next, self._offset)
            if mark < 0:
                return
            piece, epoch = held.at(mark)
            if not self._is_epoch(epoch) or not self._go_on(piece, epoch):
                held.forget(mark)

    def _go_on(self, piece, epoch):
        """Go on with the message awaited.

        Returns:
            None if the fragment does not begin where the message stands, False if it is refused.
        """
        offset, reached = fragments.offset_of(piece), self._offset
        if fragments.number_of(piece) != self._next or offset > reached:
            return None
        length = fragments.length_of(piece)
        end = offset + len(piece) - fragments.HEADER_BYTES
        if reached:
            if bytes(piece[:4]) != self._awaited:
                return False
            if end <= reached:
                return True
            payload = piece[fragments.HEADER_BYTES + reached - offset :]
        else:
            if (end == 0 and length) or not self._is_welcome(piece[0], length, end, epoch):
                return False
            self._awaited = bytes(piece[:4])
            # The header of TLS takes the place of the end of that of DTLS for a moment: a fragment
            # that is held may be looked at again.
            payload = piece[fragments.HEADER_BYTES - 4 :]
            kept = bytes(payload[:4])
            payload[:4] = self._awaited
        self._offset = end
        if end == length:
            self._offset = 0
            self._next += 1
            if self.state < states.CONNECTED:
                self._outbox.answer()
        self._handshake.push(self, payload)
        if not reached:
            payload[:4] = kept
        self._look_after_flight()
        return True

    def _is_welcome(self, kind, length, end, epoch):
        """Tell whether a message may begin; in the clear only what is awaited is believed."""
        if epoch:
            return True  # ../handshake.py refuses it: this is the peer
        if states.find(self._table, self.state, kind) is None:
            return False
        # What does not fit would end the connection later: it need not be the peer's.
        fits = length + 4 <= self._config.handshake_buffer_bytes
        return fits or end == length

    def _look_after_flight(self):
        """Begin the time-outs of a flight that was queued; end those of the handshake with it."""
        outbox = self._outbox
        if outbox.began:
            outbox.began = False
            outbox.datagram_bytes = self._config.datagram_bytes
            if self.state < states.CONNECTED or (self._is_new and not self._is_server):
                self._answers_from = self._next
                self._received.clear()
                self._ack_ms = None
            else:
                self._answers_from = 0  # nothing: it is not awaited
            self._begin_timer()
        if self.state == states.CONNECTED and self._is_new:
            self._is_new = False
            self._held.release()
            self._handshake.release()
            self._handshake = HandshakeReader(_LATE_MESSAGE_BYTES)
            self._table = self._table + ROWS
            if not outbox.awaits():
                self._timer.answered()
                outbox.settle()

    def _adopt(self, piece, record):
        """Learn where the peer's numbers begin (server.py)."""


def _is_sound(piece):
    """Tell whether a fragment lies within its message."""
    size = len(piece) - fragments.HEADER_BYTES
    return fragments.offset_of(piece) + size <= fragments.length_of(piece)
