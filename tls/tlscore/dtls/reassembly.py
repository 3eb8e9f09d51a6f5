"""From fragments to handshake messages, and what a complete one does to flights (RFC 6347 §4.2).

`Reassembly` is the half of connection.Dtls that takes the handshake's messages. Fragments that
continue the message awaited (`_next`, `_offset`) are given to ../handshake.py as if they were
records of TLS; what comes before its turn is held (fragments.py). What is not awaited is dropped.
"""

from tlscore import states
from tlscore.compat import const
from tlscore.dtls import fragments
from tlscore.dtls.datagrams import Datagrams
from tlscore.tls12 import states as states12

# See codepoints.py: copies that cost nothing on a board.
_HELLO_VERIFY_REQUEST = const(3)
_FINISHED = const(20)
# A Finished under the longest connection id that is in use, with all that a suite adds.
_EARLY_BYTES_MAX = const(96)


class Reassembly(Datagrams):
    """The part of a DTLS connection between records and handlers."""

    _next = 0  # number of the message awaited
    _offset = 0  # how much of it has come
    _awaited = None  # its first four bytes, once it has begun
    _message = 0  # number of the message that is being delivered
    _early = None  # a record that came before the keys to open it

    def _take_protected(self, view, at, number, end):
        """Open a record, or keep the last one that came before its keys: a Finished, mostly.

        RFC 6347 §4.2.2 lets it be kept or dropped. Who waits for what makes the keys may have to
        wait for long until the Finished comes once more.
        """
        if self._receiver.protection is None and end - at <= _EARLY_BYTES_MAX:
            self.dropped += self._early is not None
            self._early = bytearray(view[at:end])
        else:
            Datagrams._take_protected(self, view, at, number, end)

    def _early_record(self):
        """Return the record that came too early, once it can be opened; None if there is none."""
        if self._early is None or self._receiver.protection is None:
            return None
        early, self._early = self._early, None
        return memoryview(early)

    def _take_fragment(self, piece, epoch):
        if self.state == states.CONNECTED:
            self._take_late(piece)
            return
        if self.state > states.CONNECTED:
            return
        number = fragments.number_of(piece)
        if piece[0] == _HELLO_VERIFY_REQUEST:
            self._on_hello_verify_request(piece)
            return
        self._adopt(piece)
        if number < self._next:
            self._repeats = self._repeats or number < self._answers_from
        elif not self._go_on(piece, epoch):
            self._held.hold(piece, epoch, self._next, True)
        else:
            self._go_on_with_held()

    def _go_on_with_held(self):
        held = self._held
        while self.state < states.CONNECTED:
            held.drop(self._next, self._offset)
            mark = held.find(self._next, self._offset)
            if mark < 0:
                return
            stood_at = (self._next, self._offset)
            piece, epoch = held.at(mark)
            self._go_on(piece, epoch)
            if (self._next, self._offset) == stood_at and self.state < states.CONNECTED:
                held.forget(mark)  # it is not of this message, or of none that is awaited

    def _go_on(self, piece, epoch) -> bool:
        """Go on with the message awaited; False if the fragment does not begin where it stands."""
        offset, reached = fragments.offset_of(piece), self._offset
        number = fragments.number_of(piece)
        if number != self._next or offset > reached:
            return False
        length = fragments.length_of(piece)
        end = offset + len(piece) - fragments.HEADER_BYTES
        if reached:
            if end <= reached or bytes(piece[:4]) != self._awaited:
                return True
            payload = piece[fragments.HEADER_BYTES + reached - offset :]
        else:
            if (end == 0 and length) or not self._is_welcome(piece[0], length, end, epoch):
                return True
            self._awaited = bytes(piece[:4])
            # The header of TLS takes the place of the end of that of DTLS for a moment: a fragment
            # that is held may be looked at again.
            payload = piece[fragments.HEADER_BYTES - 4 :]
            kept = bytes(payload[:4])
            payload[:4] = self._awaited
        self._message = number
        if self._transcript is not None:
            self._transcript.sequence = number
        self._offset = end
        if end == length:
            self._offset = 0
            self._next = number + 1
            self._outbox.answered = True
        self._handshake.push(self, payload)
        if not reached:
            payload[:4] = kept
        self._look_after_flight()
        return True

    def _is_welcome(self, kind, length, end, epoch):
        """Tell whether a message may begin; nothing is believed that is not awaited."""
        if self.state == states12.WAIT_CHANGE_CIPHER_SPEC:
            # RFC 6347 §4.1: what is of the next epoch tells as much as the change_cipher_spec.
            if epoch != 1 or kind != _FINISHED:
                return False
            self.state = states.WAIT_FINISHED
            return True
        row = states.find(self._table, self.state, kind)
        if epoch or row is None:
            return False
        # What does not fit would end the connection later: it need not be the peer's.
        fits = length + 4 <= self._config.handshake_buffer_bytes
        return fits or end == length or row[states.OPENER] is not None

    def _look_after_flight(self):
        """Begin the time-outs of a flight that was queued; end them with the handshake."""
        outbox = self._outbox
        if outbox.began:
            outbox.began = False
            outbox.datagram_bytes = self._config.datagram_bytes
            self._answers_from = self._next
            self._timer.begin()
        if self.state == states.CONNECTED:
            self._timer.answered()
            self._answers_from = self._next
            outbox.datagram_bytes = self._config.datagram_bytes
            outbox.settle()
            self._held.release()
            self._handshake.release()

    def _adopt(self, piece):
        """Learn where the peer's numbers begin (server.py)."""

    def _on_hello_verify_request(self, piece):
        """Take a HelloVerifyRequest; only clients get one (client.py)."""
