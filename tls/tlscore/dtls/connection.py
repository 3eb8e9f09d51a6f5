"""What both roles have in common in DTLS 1.2, beside ../tls12/connection.py: datagrams in and out.

Theory of operation. Records are opened in the caller's buffer. Fragments that continue the message
awaited (`_next`, `_offset`) are given to ../handshake.py as if they were records of TLS; others are
kept for later (fragments.py). Handlers queue flights (outbox.py), and the timer sends them again
until the peer's answer has come whole. The last flight has no answer: it is kept until the peer
sends application data, and sent again whenever the peer repeats its own.

Nothing that is not authentic ends a connection: a record that cannot be opened, a message that is
not awaited, an alert in the clear is as good as lost (RFC 6347 §4.1.2.7). Such an alert is kept in
`heard_alert` and named when the handshake takes too long, or believed if the configuration says so.

Not here: what time it is (`now_ms` of the configuration), sockets.
"""

from tlscore import states
from tlscore.compat import const
from tlscore.connection import _alert_received
from tlscore.dtls import fragments
from tlscore.dtls.outbox import Outbox
from tlscore.dtls.reassembly import Reassembly
from tlscore.dtls.record import Receiver, RecordProtection
from tlscore.dtls.timers import RetransmissionTimer
from tlscore.dtls.transcript import Transcript
from tlscore.tls12.connection import Tls12

# See codepoints.py: copies that cost nothing on a board.
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_FATAL = const(2)
# A flight is cut smaller after it was sent in vain so often, and again and again (RFC 6347
# §4.1.1.1: "If repeated retransmissions do not result in a response ... it should back off").
_SHRINK_AFTER = const(2)
# The smallest it comes to: what IPv4's least of 256 bytes leaves, as in other implementations. With
# yet smaller ones more of a flight is lost.
_SHRUNK_BYTES_MIN = const(228)
# The smallest that there may be: a Finished fits in one, whatever the suite.
DATAGRAM_BYTES_MIN = 128


class Dtls(Reassembly):
    """The part of a connection of DTLS 1.2 that does not depend on its role.

    Attributes:
        heard_alert: code of the last alert that came in the clear, or None; nobody vouches for it.
        retransmissions: how often a flight was sent again.
        keys: key and salt of the client and of the server, until they are handed over.
    """

    _receiver_class = Receiver
    _outbox_class = Outbox
    _is_server = False
    is_established = False
    keys = None
    heard_alert = None
    retransmissions = 0

    def _begin_datagrams(self, config):
        self._held = fragments.HeldFragments(config.held_bytes)
        self._timer = RetransmissionTimer(config)

    # --- the caller's side

    def _has_to_send(self):
        return not self._outbox.is_sent() or len(self._outbox.pending()) > 0

    def _repeat_flight(self):
        outbox = self._outbox
        if outbox.has_flight() and outbox.is_sent() and self._timer.may_repeat():
            self.retransmissions += 1
            outbox.rewind()

    def _forget_flight(self):
        self._outbox.forget_flight()

    def _opening(self):
        return self._receiver.protection

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
            self._give_up()
        if timer.is_due():
            self.retransmissions += 1
            outbox.rewind()
            if timer.expired % _SHRINK_AFTER == 0 and outbox.datagram_bytes > _SHRUNK_BYTES_MIN:
                outbox.datagram_bytes = max(outbox.datagram_bytes // 2, _SHRUNK_BYTES_MIN)

    def hand_over(self):
        """Return what goes on in place of the connection, with a fraction of its memory.

        The connection is of no use any more. What a client wants of it that an established end
        does not have (`take_session`) is taken before.

        Raises:
            UsageError: not connected.
        """
        self._require_connected()
        from tlscore.dtls.established import Established  # noqa: PLC0415

        end = Established(self)
        self.state = states.FAILED
        return end

    # --- records

    def _take_plain(self, content_type, view, at, end):
        if content_type == _CONTENT_HANDSHAKE:
            self._take_fragments(view, at, end, 0)
        elif content_type == _CONTENT_ALERT and end - at == 2:
            self.heard_alert = view[at + 1]
            if view[at] == _FATAL and self._config.plain_alerts:
                raise _alert_received(view[at + 1])
        # A change_cipher_spec says nothing that the epoch of what follows does not say.

    def _on_alert(self, content):
        Tls12._on_alert(self, content)
        self._answer_close()

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
        self.keys = self._protections
        # Records of the next epoch may come before the state that awaits them.
        self._receiver.protect_with(self._protection(not self._is_server))

    def _protection(self, of_server):
        key, salt = self._protections[of_server]
        said = self._send_id if of_server == self._is_server else self._receive_id
        return RecordProtection(self._suite, key, salt, said)

    def _end_datagrams(self):
        """Give up what the connection has beside its base."""
        self._held.release()
        self._early = None
        self._timer.answered()
        self.keys = None
