"""One end of DTLS 1.2 after its handshake: what an application keeps for as long as a peer lives.

`connection.hand_over()` makes one; a listener does it by itself. To the application it is the
connection: datagrams in and out, data, exporters, close. Of the handshake it has the keys, the
numbers of records, and the last flight until the peer has shown that it came. A server sends that
again whenever the client repeats its own, and a few times unasked: a client whose time-outs have
grown long may not ask again in time.

Memory: between two datagrams nothing is needed but that. `rest()` gives up the ciphers, which are
made again of their keys for the next record (a listener lets all sessions rest but the one that
was used last).

Not here: handshakes. One that asks for a new one is told no (RFC 5746 has no place here), and
begins anew from the same address (listener.py).
"""

from tlscore import patience
from tlscore.compat import const
from tlscore.dtls.datagrams import Datagrams
from tlscore.dtls.outbox import Outbox, alert_record, data_room, write_data
from tlscore.dtls.record import RecordProtection
from tlscore.errors import AlertReceived, PeerMisbehaved, UsageError
from tlscore.record import wipe
from tlscore.tls12 import schedule, suites
from tlscore.tls12.connection import Tls12

_CONNECTED = const(12)
_CLOSED = const(13)
_FAILED = const(14)
_TLS_1_2 = const(0x0303)
_WARNING = const(1)
_FATAL = const(2)
_ALERT_CLOSE_NOTIFY = const(0)
_ALERT_INTERNAL_ERROR = const(80)
_ALERT_NO_RENEGOTIATION = const(100)
_MASTER_BYTES = const(48)
# How often the last flight is sent again unasked, and to how many first time-outs the time between
# doubles: after 1, 3, 7 and 11 s by default. OpenSSL gives up who repeats a Finished twelve times.
_REPETITIONS = const(4)
_LONGEST_WAIT = const(4)
# What is known of the connection; what is as usual takes no room.
_FACTS = (
    "alpn",
    "client_key",
    "dropped",
    "extended_master_secret",
    "group",
    "heard_alert",
    "peer_closed",
    "psk_identity",
    "resumed",
    "resumed_by",
    "retransmissions",
    "server_name",
    "signature_scheme",
    "signatures_verified",
    "_answers_from",
    "_data",
    "_datagram",
    "_events",
    "_position",
    "_receive_id",
    "_send_id",
)


class Established(Datagrams):
    """What goes on in place of a connection.

    Args:
        connection: client.ClientConnection or server.ServerConnection, connected.

    Attributes: as of the connection; of the session nothing can be taken any more.
    """

    is_established = True
    alpn = client_key = group = heard_alert = psk_identity = resumed_by = None
    server_name = signature_scheme = None
    extended_master_secret = resumed = peer_closed = False
    retransmissions = signatures_verified = 0
    state = _CONNECTED
    version = _TLS_1_2
    _busy = _write_closed = False
    _secrets = b""  # master secret and randoms
    _events = 0
    _patience = None
    _alert = b""  # a sealed record
    _opener = _sealer = None  # RecordProtection of either direction, while they are used
    _content_limit = None
    _flight = b""  # the messages of the last flight, until the peer has them
    _first_message = 0
    _outbox = None  # while that flight is sent
    _sent_ms = 0
    _repetitions = 0  # how often it is still to be sent again unasked
    _wait_ms = 0  # how long after it was sent

    def __init__(self, connection):
        for name in _FACTS:
            usual = getattr(Established, name)
            value = getattr(connection, name, usual)
            if value != usual:
                setattr(self, name, value)
        self._config = connection._config
        self._is_server = connection._is_server
        self._receiver = receiver = connection._receiver
        receiver.protection = None
        receiver.connection = None  # of use only for large records, which no datagram has
        self._suite = connection.suite
        if self.extended_master_secret:  # without it there are no exporters
            self._secrets = connection._master + connection._randoms
        (client_key, client_salt), (server_key, server_salt) = connection.keys
        self._keys = bytearray(client_key + server_key + client_salt + server_salt)
        outbox = connection._outbox
        self._sequence = outbox.protection.sequence
        self._plain_sequence = outbox.sequence
        if outbox.content_limit < self._config.datagram_bytes:
            self._content_limit = outbox.content_limit
        if outbox.has_flight():
            self._flight, self._first_message = outbox.taken_flight()
            self._wait_ms = self._config.retransmission_ms
            if self._is_server:
                self._repetitions = _REPETITIONS
            if outbox.is_sent():
                self._sent_ms = self._config.now_ms()
            else:
                self._begin_flight()
        if len(outbox.pending()):
            self._alert = outbox.pending()

    # --- the caller's side

    @property
    def suite(self):
        """Return the number of the negotiated cipher suite."""
        return self._suite

    def _has_to_send(self):
        return self._outbox is not None or len(self._alert) > 0

    def next_event(self):
        """Return the next event as a tuple (EVENT_...,), or None."""
        # After the handshake there is nothing new but the end.
        events = self._events
        event = events & -events
        if not event:
            return None
        self._events = events ^ event
        return (event,)

    def datagram_into(self, buffer) -> int:
        """Write the next datagram for the peer into a buffer; return its size, 0 for none.

        Raises:
            UsageError: the buffer is too small for any.
        """
        self.handle_timeout()
        if self._outbox is not None:
            return self._flight_into(buffer)
        size = len(self._alert)
        if size > len(buffer):
            raise UsageError("datagram_into.buffer_too_small")
        memoryview(buffer)[:size] = self._alert
        self._alert = b""
        return size

    def _flight_into(self, buffer):
        outbox, rests = self._outbox, self._opener is None
        outbox.protection = self._sealing()
        size = outbox.datagram_into(buffer)
        self._sequence = self._sealer.sequence
        if outbox.is_sent():
            self._plain_sequence = outbox.sequence
            self._sent_ms = self._config.now_ms()
            self._outbox = None
            if rests:
                self.rest()
        return size

    def write_into(self, data, buffer) -> int:
        """Write a datagram with application data into a buffer; return its size.

        Raises:
            UsageError: closed, too long, or the key is exhausted.
        """
        self._require_connected()
        size = write_data(self._sealing(), data, buffer, self.write_room(len(buffer)))
        self._sequence += 1
        return size

    def write_room(self, buffer_bytes) -> int:
        """Return how many bytes `write_into` takes with a buffer of that size."""
        self._require_connected()
        datagram_bytes = min(buffer_bytes, self._config.datagram_bytes)
        return data_room(self._sealing(), datagram_bytes, self._content_limit)

    def next_timeout(self):
        """Return the milliseconds until the last flight is sent again unasked; None for never."""
        if not self._repetitions or self._outbox is not None:
            return None
        return max(0, self._sent_ms + self._wait_ms - self._config.now_ms())

    def handle_timeout(self):
        """Do what the time demands: send the last flight again."""
        if self._repetitions and self.next_timeout() == 0:
            self._repetitions -= 1
            self._send_flight_again()

    def export(self, label, context, length) -> bytes:
        """Return keying material for use outside DTLS, as ../tls12/connection.py does."""
        if self.state != _CONNECTED:
            raise UsageError("connection.not_connected")
        if not self.extended_master_secret:
            raise UsageError("connection.no_exporter")
        master, randoms = self._secrets[:_MASTER_BYTES], self._secrets[_MASTER_BYTES:]
        hash_ = suites.find(self._suite).hash
        return schedule.exported_keying_material(hash_, master, randoms, label, context, length)

    def hand_over(self):
        """Return the end itself: it is what a connection hands over."""
        return self

    def rest(self):
        """Give up the ciphers until they are needed again."""
        self._opener = self._sealer = None

    # --- ciphers

    def _opening(self):
        if self._opener is None and self.state == _CONNECTED:
            self._opener = self._protection(not self._is_server)
        return self._opener

    def _sealing(self):
        if self._sealer is None:
            self._sealer = sealer = self._protection(self._is_server)
            sealer.sequence = self._sequence
        return self._sealer

    def _protection(self, of_server):
        suite = suites.find(self._suite)
        size, salt_bytes, keys = suite.key_bytes, suite.salt_bytes, self._keys
        key = bytes(keys[size : 2 * size] if of_server else keys[:size])
        at = 2 * size + (salt_bytes if of_server else 0)
        said = self._send_id if of_server == self._is_server else self._receive_id
        return RecordProtection(suite, key, bytes(keys[at : at + salt_bytes]), said)

    # --- what came from the peer

    def _require_usable(self):
        if self._busy or self.state == _FAILED:
            raise UsageError("connection.failed")

    def _require_connected(self):
        self._require_usable()
        if self.state == _CLOSED:
            raise UsageError("connection.closed")

    def phase(self, name):
        """Tell who watches what is worked at from here on; return what it was."""
        watch = self._config.phase
        return None if watch is None else watch(name)

    def _repeat_flight(self):
        """Send the last flight again, but not to a peer whose datagrams are only doubled.

        Nor to one that takes what we repeat for a question, again and again: OpenSSL does.
        """
        waited_ms = self._config.now_ms() - self._sent_ms
        if self._flight and self._outbox is None and waited_ms >= self._wait_ms // 2:
            self._send_flight_again()

    def _send_flight_again(self):
        self._wait_ms = min(2 * self._wait_ms, _LONGEST_WAIT * self._config.retransmission_ms)
        self.retransmissions += 1
        self._begin_flight()

    def _begin_flight(self):
        self._outbox = outbox = Outbox(0)
        outbox.take_flight(self._flight, self._first_message)
        outbox.sequence = self._plain_sequence
        outbox.datagram_bytes = self._config.datagram_bytes

    def _forget_flight(self):
        if self._flight:
            self._flight = b""
            self._repetitions = 0
            self._outbox = None

    def _on_alert(self, content):
        self._patience = self._patience or patience.Patience()
        Tls12._on_alert(self, content)
        self._answer_close()

    def _on_renegotiation(self, _message):
        self._patience = self._patience or patience.Patience()
        self._patience.spend(patience.WARNING)
        self._queue_alert(_WARNING, _ALERT_NO_RENEGOTIATION)

    # --- the end

    def _queue_alert(self, level, code):
        self._alert = alert_record(self._sealing(), level, code)
        self._sequence += 1

    def _say_goodbye(self):
        self._queue_alert(_WARNING, _ALERT_CLOSE_NOTIFY)
        self._end(_CLOSED)

    def _fail(self, error):
        if isinstance(error, PeerMisbehaved):
            self._queue_alert(_FATAL, error.alert)
        elif not isinstance(error, AlertReceived):
            self._queue_alert(_FATAL, _ALERT_INTERNAL_ERROR)
        self._end(_FAILED)

    def _end(self, state):
        """Give up everything but an alert that has to be sent."""
        self.state = state
        self._busy = False
        wipe(self._keys)
        self._secrets = b""
        self._forget_flight()
        self.rest()
