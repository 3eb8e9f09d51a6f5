"""A TLS 1.3 connection without I/O: what both roles have in common.

The caller moves bytes and nothing blocks:

    connection.receive(data)     bytes from the peer; returns how many it took
    connection.to_send(), sent() bytes for the peer
    connection.read_into(), read(), write(), close(), update_keys()
    connection.wants             what makes sense now: RECEIVE, SEND, READ, WRITE
    connection.next_event()      what happened since

One record is received at a time. Application data stays in the receive buffer until it has been
read, and `receive` takes nothing meanwhile: that is the flow control.

A peer's offence raises PeerMisbehaved out of `receive` when the alert is queued: the caller sends
what `to_send` has and closes the transport; nothing else works then, and buffers are wiped.

Not here: the handshake's messages (client.py), the transport, time-outs.
"""

from tlscore import messages, patience, states
from tlscore.compat import const
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError, UsageError
from tlscore.handshake import HandshakeReader
from tlscore.outbox import Outbox
from tlscore.record import RecordProtection, RecordReceiver
from tlscore.schedule import exported_keying_material, next_traffic_secret

# See codepoints.py: copies that cost nothing on a board.
_CONNECTED = const(12)
_CLOSED = const(13)
_FAILED = const(14)
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_UPDATE_NOT_REQUESTED = const(0)
_UPDATE_REQUESTED = const(1)
_ALERT_CLOSE_NOTIFY = const(0)
_ALERT_UNEXPECTED_MESSAGE = const(10)
_ALERT_DECODE_ERROR = const(50)
_ALERT_INTERNAL_ERROR = const(80)
_ALERT_USER_CANCELED = const(90)

# What a connection wants, as bits.
RECEIVE = 1  # receive() can take bytes
SEND = 2  # to_send() has bytes
READ = 4  # application data waits for read()
WRITE = 8  # write() can take application data

# Events, in the order in which they are reported; each is reported once however often it happened.
EVENT_CONNECTED = 1
EVENT_TICKET = 2
EVENT_KEY_UPDATE = 4
# 8 and 16 are those of large_record.py.
EVENT_CLOSED = 32  # the peer sent close_notify: it will send no more

_SECRET_BYTES = const(32)  # of most suites: a longer one takes more
_WARNING = const(1)
_FATAL = const(2)


def _alert_received(code):
    # Imported here: names are wanted only when it is over.
    from tlscore.codepoints import alert_name  # noqa: PLC0415

    return AlertReceived("alert_received." + alert_name(code), code)


class Connection:
    """The common part of the roles; see client.ClientConnection for how to make one.

    Attributes:
        state: one of states.py.
        version, suite, group, signature_scheme: negotiated code points, None until known.
        alpn: negotiated protocol as bytes, or None.
        peer_closed: the peer's close_notify has come.
        unverified: what waits to be read, and what has been read since this became True, may be
            anybody's; only with config.staged_data.
    """

    unverified = False
    _table = states.CLIENT
    _receiver_class = RecordReceiver
    _outbox_class = Outbox
    # What has not happened yet takes no room in the object.
    _transcript = None
    _receive_secret = None
    _exporter_secret = None
    _client_random = None
    _events = 0
    _write_closed = False
    version = None
    group = None
    signature_scheme = None
    alpn = None
    peer_closed = False

    def __init__(self, config, table, state):
        self._config = config
        # Their places are taken now: a larger table of attributes would leave a hole later.
        self._transcript = self._suite = None
        if table is not self._table:
            self._table = table
        self._receiver = self._receiver_class(config.record_buffer_bytes)
        self._receiver.connection = self
        self._outbox = self._outbox_class(config.send_buffer_bytes)
        if config.padding_bytes:
            self._outbox.padding_bytes = config.padding_bytes
        if config.phase is not None:
            self._outbox.phase = config.phase
        self._handshake = HandshakeReader(config.handshake_buffer_bytes)
        # Changed in its place, where it lies among what lives as long.
        self._receive_secret = bytearray(_SECRET_BYTES)
        self._busy = False  # inside receive(); stays so after an unforeseen exception
        self._patience = patience.Patience()
        self.state = state

    # --- the caller's side

    @property
    def suite(self):
        """Return the number of the negotiated cipher suite, or None."""
        return self._suite.code if self._suite is not None else None

    @property
    def wants(self) -> int:
        """Return what makes sense now: RECEIVE, SEND, READ and WRITE, or-ed."""
        flags = SEND if len(self._outbox.pending()) else 0
        if self.state >= states.CLOSED:
            return flags
        if self._unread():
            flags |= READ
        elif not self.peer_closed:
            flags |= RECEIVE
        if self.state == states.CONNECTED and not self._write_closed:
            flags |= WRITE if self._outbox.data_room() else 0
        return flags

    def receive(self, data) -> int:
        """Take bytes that came from the peer.

        Args:
            data: bytes-like; only looked at during the call.

        Returns:
            How many bytes were taken. Fewer than all only if application data waits to be read;
            offer the rest again after reading. What comes after close_notify is ignored.

        Raises:
            PeerMisbehaved: the peer broke the protocol; the alert is queued.
            AlertReceived: the peer ended the connection with an error alert.
            UsageError: the connection has failed before, or the configuration's clock, trust or
                entropy refused.
        """
        if self._busy or self.state == _FAILED:
            self._require_usable()
        receiver = self._receiver
        size = len(data)
        taken = 0
        self._busy = True
        watch = self._config.phase
        if watch is not None:
            watch("record")
        try:
            while taken < size and receiver.start == receiver.end:
                if self.peer_closed or self.state == _CLOSED:
                    taken = size  # RFC 8446 §6.1: data after a closure alert is ignored
                    break
                taken += receiver.feed(data, taken)
                if receiver.complete:
                    content_type = receiver.open()
                    if (
                        content_type == _CONTENT_APPLICATION_DATA
                        and self.state == _CONNECTED
                        and receiver.end > receiver.start
                        and not self._handshake.filled
                        and self._handshake.stream is None
                    ):
                        if self._patience.tried:
                            self._patience.renew()
                        break
                    self._on_record(content_type)
        except TlsError as error:
            self._fail(error)
            raise
        self._busy = False
        return taken

    def receive_eof(self):
        """Learn that the transport will bring no more bytes.

        Raises:
            PeerMisbehaved: without close_notify before it the data may have been cut short
                (RFC 8446 §6.1); there is nobody left to send an alert to.
        """
        if self.peer_closed or self.state >= states.CLOSED:
            return
        error = PeerMisbehaved("connection.truncated")
        self._end(states.FAILED)
        raise error

    def to_send(self):
        """Return the bytes for the peer, a memoryview valid until the next call of a method."""
        return self._outbox.pending()

    def sent(self, size):
        """Count `size` bytes of to_send() as sent."""
        self._outbox.sent(size)
        if self.state >= _CLOSED and not len(self._outbox.pending()):
            self._outbox.release()

    def read_into(self, buffer) -> int:
        """Move application data into `buffer` and return how many bytes; 0 if none waits."""
        return self._receiver.read_into(buffer)

    def read(self) -> bytes:
        """Return the application data that waits, b"" if there is none."""
        data = bytes(self._receiver.content())
        self._receiver.skip(len(data))
        return data

    def write(self, data) -> int:
        """Queue application data, one record at most.

        Returns:
            How many bytes were taken, 0 if the send buffer has no room.

        Raises:
            UsageError: not connected, or already closed by us.
        """
        if self._busy or self._write_closed or self.state != _CONNECTED:
            self._require_connected()
        return self._outbox.queue_data(data)

    def close(self):
        """Say that we will send no more: queue close_notify (RFC 8446 §6.1).

        After the handshake the peer may go on sending; before its end everything is over.
        """
        if self._write_closed or self.state >= states.CLOSED:
            return
        self._require_usable()
        self._write_closed = True
        if self.state == states.CONNECTED:
            self._outbox.queue_alert(_WARNING, _ALERT_CLOSE_NOTIFY)
            if self.peer_closed:
                self._end(states.CLOSED)
        else:
            # §6.1: user_canceled "SHOULD be followed by a "close_notify"".
            self._outbox.queue_alert(_WARNING, _ALERT_USER_CANCELED)
            self._outbox.queue_alert(_WARNING, _ALERT_CLOSE_NOTIFY)
            self._end(states.CLOSED)

    def update_keys(self, request_peer=False):
        """Change our sending key (RFC 8446 §4.6.3), and ask the peer to change its own if wanted.

        Raises:
            UsageError: not connected, or already closed by us.
        """
        self._require_connected()
        self._outbox.queue_key_update(_UPDATE_REQUESTED if request_peer else _UPDATE_NOT_REQUESTED)

    def next_event(self):
        """Return the next event as a tuple (EVENT_...,), or None."""
        events = self._events
        if not events:
            return None
        event = events & -events
        self._events = events ^ event
        return (event,)

    def export(self, label, context, length) -> bytes:
        """Return keying material for use outside TLS (RFC 8446 §7.5).

        Args:
            label: bytes, as registered, e.g. b"EXPORTER-Channel-Binding".
            context: bytes; without one None or b"" (RFC 8446 makes no difference).
            length: bytes wanted.

        Raises:
            UsageError: not connected, or a label, context or length out of range.
        """
        if self._exporter_secret is None:
            raise UsageError("connection.not_connected")
        return exported_keying_material(
            self._suite.hash, self._exporter_secret, label, context or b"", length
        )

    def _unread(self):
        return self._receiver.end > self._receiver.start

    def _require_usable(self):
        if self._busy or self.state == states.FAILED:
            raise UsageError("connection.failed")

    def _require_connected(self):
        self._require_usable()
        if self._write_closed:
            raise UsageError("connection.closed")
        if self.state != states.CONNECTED:
            raise UsageError("connection.not_connected")

    # --- what came from the peer

    def _on_record(self, content_type):
        receiver = self._receiver
        if content_type is None:  # early data that a server does not want, or a piece
            receiver.next_record()
            return
        # RFC 8446 §5.1: "if a handshake message is split over two or more records, there MUST NOT
        # be any other records between them".
        if content_type != _CONTENT_HANDSHAKE and self._handshake.partial():
            raise self._unexpected("record.inside_handshake_message")
        if content_type == _CONTENT_APPLICATION_DATA:
            self._on_application_data()
        elif content_type == _CONTENT_HANDSHAKE:
            self._handshake.push(self, receiver.content())
        elif content_type == _CONTENT_ALERT:
            self._on_alert(receiver.content())
        else:
            self._on_change_cipher_spec(receiver.content())
        if content_type != _CONTENT_APPLICATION_DATA:
            receiver.next_record()

    def _on_application_data(self):
        if self.state != states.CONNECTED:
            # RFC 8446 §2: "Application Data MUST NOT be sent prior to sending the Finished"
            raise self._unexpected("record.early_application_data")
        self._patience.spend(patience.EMPTY_RECORD)
        self._receiver.next_record()

    def _on_change_cipher_spec(self, content):
        # RFC 8446 §5: a single byte 0x01, before the peer's Finished, "MUST simply drop it";
        # anything else "MUST abort the handshake with an "unexpected_message" alert".
        if len(content) != 1 or content[0] != 1 or self.state == states.CONNECTED:
            raise self._unexpected("change_cipher_spec.unexpected")
        self._patience.spend(patience.CHANGE_CIPHER_SPEC)

    def _on_alert(self, content):
        # RFC 8446 §5.1: "a record with an Alert type MUST contain exactly one message".
        if len(content) != 2:
            raise PeerMisbehaved("alert.bad_length", _ALERT_DECODE_ERROR)
        code = content[1]  # §6: the severity is implicit; the level is ignored
        if code == _ALERT_USER_CANCELED:
            self._patience.spend(patience.WARNING)  # a close_notify is to follow
        elif code != _ALERT_CLOSE_NOTIFY or self.state != states.CONNECTED:
            raise _alert_received(code)
        else:
            self.peer_closed = True
            self._events |= EVENT_CLOSED
            if self._write_closed:
                self._end(states.CLOSED)

    def row_of(self, message_type):
        """Return the row of states.py for a message in the present state."""
        row = states.find(self._table, self.state, message_type)
        if row is None:
            raise self._unexpected("handshake.unexpected_message")
        return row

    def hash_piece(self, data):
        """Add a piece of a streamed handshake message to the transcript, if there still is one."""
        if self._transcript is not None:
            self._transcript.update(data)

    def check_misaligned(self, message):
        """Raise what is worse about a message than that it does not end its record, if anything.

        Returns:
            True if the message need not end its record after all (tls12/client.py).
        """

    def deliver(self, row, message):
        """Let the handler of `row` take a complete handshake message and step to its state."""
        before = self.phase(row[states.HANDLER])
        state = getattr(self, row[states.HANDLER])(message)
        self.phase(before)
        if state not in row[states.NEXT_STATES]:
            raise TlsError("states.undeclared_step", _ALERT_INTERNAL_ERROR)
        self.state = state

    def _on_key_update(self, message):
        requested = messages.parse_key_update(message[messages.HEADER_BYTES :])
        self._patience.spend(patience.KEY_UPDATE)
        self._receive_with(next_traffic_secret(self._suite.hash, self._receive_secret))
        # RFC 8446 §4.6.3: the answer is sent "prior to sending its next Application Data record";
        # one answer serves any number of requests. After our close_notify nothing is sent.
        if requested and not self._write_closed:
            self._outbox.queue_key_update(_UPDATE_NOT_REQUESTED)
        self._events |= EVENT_KEY_UPDATE
        return states.CONNECTED

    def _unexpected(self, reason):
        return PeerMisbehaved(reason, _ALERT_UNEXPECTED_MESSAGE)

    def _receive_with(self, secret):
        kept = self._receive_secret
        kept[:] = secret
        receiver = self._receiver
        if receiver.protection is None:
            receiver.protection = RecordProtection(self._suite, kept)
        else:
            receiver.protection.renew()

    # --- the end

    def _fail(self, error):
        """Queue the alert that an error calls for and end the connection."""
        if isinstance(error, PeerMisbehaved):
            self._outbox.queue_alert(_FATAL, error.alert)
        elif isinstance(error, AlertReceived):
            self._outbox.release()  # RFC 8446 §6.2: both sides close at once
        else:
            self._outbox.queue_alert(_FATAL, _ALERT_INTERNAL_ERROR)
        self._end(states.FAILED)

    def _end(self, state):
        """Give up every secret and every buffer but what still has to be sent."""
        self.state = state
        self._busy = False
        self._forget_handshake()
        self._receiver.release()
        self._handshake.release()
        self._outbox.forget_keys()
        self._forget("_receive_secret", "_exporter_secret")
        if not len(self._outbox.pending()):
            self._outbox.release()

    def _forget_handshake(self):
        """Drop what only the handshake needs; the roles drop more."""
        self._forget("_transcript")

    def _forget(self, *names):
        """Drop what those attributes hold, and their place in the object: each is None again."""
        for name in names:
            if getattr(self, name) is not None:
                setattr(self, name, None)  # MicroPython keeps what stood in a place given up
                delattr(self, name)

    def phase(self, name):
        """Tell who watches what is worked at from here on (config.py); return what it was."""
        watch = self._config.phase
        return None if watch is None else watch(name)

    def _checkpoint(self, name):
        if self._config.checkpoint is not None:
            self._config.checkpoint(name)

    def _log_secret(self, label, secret):
        if self._config.keylog is not None:
            self._config.keylog(label, self._client_random, secret)
