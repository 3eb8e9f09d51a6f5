"""Everything a connection can send, made into records: messages, alerts, data, new keys.

Application data never fills the send buffer so far that the record of a KeyUpdate and of an alert
do not fit behind it, so an alert can always be queued. A KeyUpdate that finds no room is owed and
made up for as soon as there is some.

Not here: when anything is sent (connection.py, client.py).
"""

from tlscore import messages
from tlscore.compat import const
from tlscore.moving import best
from tlscore.record import RecordProtection, RecordSender
from tlscore.schedule import next_traffic_secret

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_CONTENT_CHANGE_CIPHER_SPEC = const(20)
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_UPDATE_NOT_REQUESTED = const(0)

_HEADER_BYTES = const(5)
_ALERT_RECORD_BYTES = const(24)
_KEY_UPDATE_RECORD_BYTES = const(27)
# What has a length and is no buffer.
_NO_BYTES = (list, tuple)


class Outbox(RecordSender):
    """A RecordSender that knows what to send.

    Args:
        buffer_bytes: size of the one buffer, or a bytearray as for RecordReceiver.

    Attributes:
        secret: traffic secret of the present key, or None.
        padding_bytes: pad records of application data to a multiple of this, as far as
            content_limit lets; 0 for none (RFC 8446 §5.4: "Selecting a padding policy ... is beyond
            the scope of this specification").
    """

    secret = None
    padding_bytes = 0
    _suite = None
    _key_update_owed = None  # the KeyUpdateRequest to send when there is room

    def __init__(self, buffer_bytes):
        RecordSender.__init__(self, buffer_bytes)
        self._copy = best(len(self._buffer))
        self._beside_data = self.overhead_bytes + _ALERT_RECORD_BYTES + _KEY_UPDATE_RECORD_BYTES
        self._gap = _HEADER_BYTES  # what stands before the content of a protected record

    def protect(self, suite, secret):
        """Send with the key of a traffic secret from now on."""
        self.secret = secret
        self._suite = suite
        self.protection = RecordProtection(suite, secret)

    def queue_handshake(self, writer, transcript, version=_TLS_1_2):
        """End a handshake message: add it to the transcript, if there is one yet, and queue it."""
        if transcript is not None:
            transcript.update(self.content(writer))
        self.commit(_CONTENT_HANDSHAKE, writer, version)

    def takes(self, size) -> bool:
        """Tell whether a handshake message fits, in as many records as need be, and an alert."""
        spread = (size - 1) // self.content_limit * self.overhead_bytes
        return self._free() >= size + spread + _ALERT_RECORD_BYTES

    def piece_room(self) -> int:
        """Return how many bytes of a handshake message fit in one record, and an alert behind."""
        return min(max(0, self._free() - _ALERT_RECORD_BYTES), self.content_limit)

    def queue_change_cipher_spec(self):
        """Queue the record that makes middleboxes believe in TLS 1.2 (RFC 8446 §D.4)."""
        writer = self.writer()
        writer.u8(1)
        self.commit(_CONTENT_CHANGE_CIPHER_SPEC, writer)

    def queue_alert(self, level, code):
        """Queue an alert (RFC 8446 §6); dropped if a flight of the handshake leaves no room."""
        if self.room() < 2:
            return
        writer = self.writer()
        writer.u8(level)
        writer.u8(code)
        self.commit(_CONTENT_ALERT, writer)

    def queue_key_update(self, request):
        """Queue a KeyUpdate and change the key (RFC 8446 §4.6.3), or owe it for want of room."""
        # One KeyUpdate pays every debt, but asking the peer for its own must not be forgotten.
        if self._key_update_owed is not None:
            request = max(request, self._key_update_owed)
        self._key_update_owed = request
        if self.room() < 5 + _ALERT_RECORD_BYTES:
            return
        self._key_update_owed = None
        writer = self.writer()
        messages.write_key_update(writer, request)
        self.commit(_CONTENT_HANDSHAKE, writer)
        self.protect(self._suite, next_traffic_secret(self._suite.hash, self.secret))

    def sent(self, size):
        """Count the first `size` pending bytes as sent; pay what is owed."""
        RecordSender.sent(self, size)
        if self._key_update_owed is not None:
            self.queue_key_update(self._key_update_owed)

    def data_room(self) -> int:
        """Return how many bytes of application data `queue_data` would take."""
        if self._key_update_owed is not None:
            return 0
        room = len(self._buffer) - self._end + self._start - self._beside_data
        if room >= self.content_limit:
            return self.content_limit
        if room <= 0:
            return 0
        if self.padding_bytes:
            room -= room % self.padding_bytes  # so that what is taken can be padded
        return room

    def queue_data(self, data) -> int:
        """Queue application data, one record at most; return how many bytes were taken."""
        # RFC 8446 §5.5: "Implementations SHOULD do a key update ... prior to reaching these
        # limits"; the last record of a key is the KeyUpdate itself.
        if self.protection.sequence >= self.protection.record_limit - 1:
            self.queue_key_update(_UPDATE_NOT_REQUESTED)
        size = len(data)
        free = len(self._buffer) - self._end - self._beside_data
        if size > free or size > self.content_limit or self._key_update_owed is not None:
            size = min(size, self.data_room())
            if size > free:
                self._move_up()
        if size:
            # Machine code takes a list for what it holds, too; Python's slices do not.
            if isinstance(data, _NO_BYTES):
                raise TypeError("bytes-like")
            self._copy(self._buffer, data, self._end + self._gap << 15, size)
            self._put_data(size)
        return size

    def _put_data(self, size):
        """Make a record of `size` bytes of application data that are in their place."""
        padding = self._padding_of(size) if self.padding_bytes else 0
        self._protect(_CONTENT_APPLICATION_DATA, self._end + _HEADER_BYTES, size, padding)

    def _padding_of(self, size):
        """Return how many zeros are to follow `size` bytes of data."""
        return min(-size % self.padding_bytes, self.content_limit - size)

    def forget_keys(self):
        """Drop key and secret; what is queued can still be sent."""
        self.protection = None
        self.secret = None
        self._key_update_owed = None
