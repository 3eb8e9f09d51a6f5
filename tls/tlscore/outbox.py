"""Everything a connection can send, made into records: messages, alerts, data, new keys.

`RecordSender` builds records in place one behind the other (RFC 8446 §5); nothing moves while
something is unsent unless room is needed. `Outbox` knows what is sent.

Application data never fills the send buffer so far that the record of a KeyUpdate and of an alert
do not fit behind it, so an alert can always be queued. A KeyUpdate that finds no room is owed and
made up for as soon as there is some.

Not here: when anything is sent (connection.py, client.py).
"""

from tlscore import messages
from tlscore.compat import const
from tlscore.errors import TlsError, UsageError
from tlscore.moving import best, wipe
from tlscore.record import RECORD_OVERHEAD_BYTES, RecordProtection
from tlscore.schedule import next_traffic_secret
from tlscore.wire import Writer

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_CONTENT_CHANGE_CIPHER_SPEC = const(20)
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_UPDATE_NOT_REQUESTED = const(0)
_ALERT_INTERNAL_ERROR = const(80)

_HEADER_BYTES = const(5)
_PLAINTEXT_LIMIT = const(16384)  # RFC 8446 §5.1: 2^14
_SECRET_BYTES = const(32)  # of most suites: a longer one takes more
_ALERT_RECORD_BYTES = const(24)
_KEY_UPDATE_RECORD_BYTES = const(27)
# What has a length and is no buffer.
_NO_BYTES = (list, tuple)


class RecordSender:
    """Build records one behind the other and hand them out.

    Args:
        buffer_bytes: size of the one buffer, or a bytearray as for RecordReceiver.

    Attributes:
        protection: RecordProtection, or None while records go in the clear.
        content_limit: bytes of content a protected record may have.
        phase: None, or a function as config.py has it, told when a record is protected.
        overhead_bytes: what a record adds to its content at most.
    """

    # What has not happened yet takes no room in the object.
    phase = None
    protection = None
    content_limit = _PLAINTEXT_LIMIT
    overhead_bytes = RECORD_OVERHEAD_BYTES

    def __init__(self, buffer_bytes):
        self._buffer = bytearray(buffer_bytes) if isinstance(buffer_bytes, int) else buffer_bytes
        self._view = memoryview(self._buffer)
        # Their places are taken now: a larger table of attributes would leave a hole later.
        self.protection = None
        self.content_limit = self.content_limit
        self._start = 0
        self._end = 0
        # What was handed out last: mostly the next records are as long and begin at the same place.
        self._shown = self._view[:0]
        self._shown_start = 0
        self._shown_end = 0

    def pending(self):
        """Return the bytes to send, a memoryview valid until the next call of any method."""
        if self._start != self._shown_start or self._end != self._shown_end:
            self._shown_start = self._start
            self._shown_end = self._end
            self._shown = self._view[self._start : self._end]
        return self._shown

    def sent(self, size):
        """Count the first `size` pending bytes as sent."""
        if not 0 <= size <= self._end - self._start:
            raise UsageError("sent.more_than_pending")
        self._start += size
        if self._start == self._end:
            self._start = self._end = 0

    def room(self) -> int:
        """Return how many bytes of content one more record can hold."""
        return min(self._free(), self.content_limit)

    def _free(self):
        return max(0, len(self._buffer) - (self._end - self._start) - self.overhead_bytes)

    def writer(self) -> Writer:
        """Begin a record: return a Writer placed where its content goes."""
        size = len(self._buffer)
        if self._start and self._end + self.overhead_bytes + self._free() > size:
            self._move_up()
        position = self._end + _HEADER_BYTES
        limit = size - self.overhead_bytes + _HEADER_BYTES
        # By the view: a bytearray moves all that is behind what is put into it.
        return Writer(self._view, position, max(position, limit))

    def _move_up(self):
        pending = self._end - self._start
        self._view[:pending] = self._view[self._start : self._end]
        self._start = 0
        self._end = pending

    def content(self, writer):
        """Return what `writer` has written so far, a memoryview.

        It is valid until the next record is begun, and readable only until `commit` encrypts it.
        """
        return self._view[self._end + _HEADER_BYTES : writer.position]

    def commit(self, content_type, writer, version=_TLS_1_2, padding=0):
        """End the record begun with `writer`: protect it if there is a key, and queue it.

        A change_cipher_spec is never protected (RFC 8446 §5). Protected content that is longer
        than `content_limit` becomes several records.

        Args:
            version: legacy_record_version of a record in the clear, which only middleboxes read
                (RFC 8446 §5.1); that of others is 0x0303.
            padding: zeros behind the content type (§5.4) of protected content that fits a record;
                there must be room.
        """
        start = self._end + _HEADER_BYTES
        end = writer.position
        protection = self.protection
        if protection is None or content_type == _CONTENT_CHANGE_CIPHER_SPEC:
            self._put_header(content_type, version, end - start)
            self._end = end
            return
        overhead = _HEADER_BYTES + 1 + protection.aead.tag_size
        if end - start > self.content_limit:
            end = self._spread(start, end, overhead)
        while True:
            size = min(end - start, self.content_limit)
            self._protect(content_type, start, size, padding)
            start += size + overhead
            if start >= end:
                return

    def _spread(self, start, end, overhead):
        """Move the pieces of too long a content apart, each to its own record; return the end."""
        limit = self.content_limit
        pieces = (end - start + limit - 1) // limit
        growth = (pieces - 1) * overhead
        if end + growth + overhead - _HEADER_BYTES > len(self._buffer):
            raise TlsError("send_buffer.too_small", _ALERT_INTERNAL_ERROR)
        for piece in range(pieces - 1, 0, -1):
            at = start + piece * limit
            size = min(limit, end - at)
            to = at + piece * overhead
            self._view[to : to + size] = self._view[at : at + size]
        return end + growth

    def _protect(self, content_type, start, size, padding=0):
        """Seal `size` bytes of content, in their place behind the room for a header."""
        phase = self.phase
        before = None if phase is None else phase("record")
        end = start + size
        self._buffer[end] = content_type
        end += 1
        if padding:
            self._buffer[end : end + padding] = bytes(padding)
            end += padding
        protection = self.protection
        cipher = protection.cipher or protection.aead
        protection.sequence += 1
        cipher.seal_record(self._buffer, start, end)
        self._end = end + protection.tag_size
        if phase is not None:
            phase(before)

    def _put_header(self, content_type, version, length):
        at = self._end
        self._buffer[at] = content_type
        self._buffer[at + 1] = version >> 8
        self._buffer[at + 2] = version & 0xFF
        self._buffer[at + 3] = length >> 8
        self._buffer[at + 4] = length & 0xFF

    def release(self):
        """Wipe and give up the buffer."""
        wipe(self._buffer)
        self._buffer = self._view = self._shown = b""
        self._start = self._end = self._shown_start = self._shown_end = 0
        self.protection = None


class Outbox(RecordSender):
    """A RecordSender that knows what to send.

    Args:
        buffer_bytes: size of the one buffer, or a bytearray as for RecordReceiver.

    Attributes:
        secret: traffic secret of the present key, changed in its place: a bytearray.
        padding_bytes: pad records of application data to a multiple of this, as far as
            content_limit lets; 0 for none (RFC 8446 §5.4: "Selecting a padding policy ... is beyond
            the scope of this specification").
    """

    secret = None
    padding_bytes = 0
    _key_update_owed = None  # the KeyUpdateRequest to send when there is room
    _beside_data = RECORD_OVERHEAD_BYTES + _ALERT_RECORD_BYTES + _KEY_UPDATE_RECORD_BYTES
    _gap = _HEADER_BYTES  # what stands before the content of a protected record

    def __init__(self, buffer_bytes):
        RecordSender.__init__(self, buffer_bytes)
        self._copy = best(len(self._buffer))
        self.secret = bytearray(_SECRET_BYTES)

    def protect(self, suite, secret):
        """Send with the key of a traffic secret from now on."""
        self.secret[:] = secret
        if self.protection is None:
            self.protection = RecordProtection(suite, self.secret)
        else:
            self.protection.renew()

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
        suite = self.protection.suite
        self.protect(suite, next_traffic_secret(suite.hash, self.secret))

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
