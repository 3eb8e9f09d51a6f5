"""Receiving records (RFC 8446 §5), and the key of a direction.

`RecordReceiver` collects one record at a time, whatever the sizes of the pieces it is fed, checks
its header as soon as the header is there, and decrypts it in place. What it holds then (`start`,
`end`) stays until `next_record`. `RecordProtection` is one key of one direction. Not here: records
to send (outbox.py), what the content means, when keys change (connection.py).
"""

from tlscore.compat import const
from tlscore.errors import PeerMisbehaved
from tlscore.moving import best, wipe
from tlscore.schedule import traffic_key

# See codepoints.py: copies that cost nothing on a board.
_CONTENT_CHANGE_CIPHER_SPEC = const(20)
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_ALERT_UNEXPECTED_MESSAGE = const(10)
_ALERT_BAD_RECORD_MAC = const(20)
_ALERT_RECORD_OVERFLOW = const(22)

_SOURCE_LIMIT = const(0x8000)  # moving.py
_HEADER_BYTES = const(5)
# What a protected record adds to its content at most: header, content type, tag.
RECORD_OVERHEAD_BYTES = 22
_PLAINTEXT_LIMIT = const(16384)  # RFC 8446 §5.1: 2^14
_CIPHERTEXT_LIMIT = const(16640)  # RFC 8446 §5.2: 2^14 + 256
# RFC 8446 §5.3: "Sequence numbers MUST NOT wrap" past 2^64-1. The peer owes us a KeyUpdate long
# before; a bound that stays a small integer on a 32-bit board serves as well.
_RECEIVE_LIMIT = const(0x3FFFFFFF)


class RecordProtection:
    """The keys of one direction, one after the other (RFC 8446 §5.2, §5.3, §7.3).

    A key has tables, and a client has its own key long before it sends its Finished: they are made
    for the first record, so that they are not there while certificates are verified. The next key
    has the room of the one before it.

    Args:
        suite: CipherSuite.
        secret: bytearray with the traffic secret; whoever changes it says so with `renew`.

    Attributes:
        suite: the same.
        cipher: None before the first record of a key, then what `aead` returns.
        tag_size: its, then.
        sequence: number of the next record.
        record_limit: records to protect at most.
    """

    # What most keys leave as it is takes no room in the object.
    cipher = None
    tag_size = 16
    _spare = None

    def __init__(self, suite, secret):
        self.suite = suite
        self._secret = secret
        self.renew()

    def renew(self):
        """Take the secret as it is now for that of another key."""
        if hasattr(self.cipher, "rekey"):
            self._spare = self.cipher
        self.cipher = None
        self.sequence = 0
        self.record_limit = self.suite.record_limit

    def take_room(self):
        """Take the room of tables now, for a key to come, where machine code has such room."""
        if self.suite.hash.machine is not None:
            self.cipher = self.suite.new_aead(bytes(self.suite.key_bytes))

    def give_room(self, other):
        """Let the other direction have the room of a key that has seen its last record.

        Args:
            other: RecordProtection of the same suite without tables so far.
        """
        if hasattr(self.cipher, "rekey"):
            other._spare = self.cipher
            self.cipher = self._spare = None

    @property
    def aead(self):
        """Return the AEAD of the key."""
        if self.cipher is None:
            suite = self.suite
            key, iv = traffic_key(suite.hash, self._secret, suite.key_bytes)
            self.cipher = aead = suite.new_aead(key, self._spare)
            aead.count_records(iv)
            if aead.tag_size != self.tag_size:
                self.tag_size = aead.tag_size
        return self.cipher


def _unexpected(reason):
    return PeerMisbehaved(reason, _ALERT_UNEXPECTED_MESSAGE)


def _check_inner(content_type, end):
    """Check the protected type of a record that is no application data, and that it has content."""
    # RFC 8446 §5: a protected change_cipher_spec is refused, like any unknown type.
    if content_type not in (_CONTENT_HANDSHAKE, _CONTENT_ALERT):
        raise _unexpected("record.unexpected_inner_type")
    if end == _HEADER_BYTES:
        raise _unexpected("record.empty")


class RecordReceiver:
    """Collect, check and decrypt one record at a time.

    Args:
        buffer_bytes: size of the one buffer: the largest record that can be received, header
            included. Or a bytearray to be the buffer: it is wiped and its owner's again when this
            is released.

    Attributes:
        protection: RecordProtection, or None while records come in the clear.
        complete: a whole record is in the buffer and has not been opened.
        plain_alerts: until a protected record has come, take alerts in the clear in spite of keys:
            the peer may have failed before it had any.
        early_data_left: bytes of protected records to drop, until one can be opened, because
            they may be early data (RFC 8446 §4.2.10).
        plaintext_limit: bytes of content and content type a record may have, padding included.
        start, end: where the content of the opened record lies in the buffer.
        quick: headers of protected records have nothing to be checked but their size.
        connection: who takes a record in pieces that does not fit; None: it is refused.
    """

    # What has not happened yet takes no room in the object.
    quick = True
    connection = None
    protection = None
    plain_alerts = False
    early_data_left = 0
    plaintext_limit = _PLAINTEXT_LIMIT + 1  # RFC 8446 §5.4
    _discard = 0  # bytes of a record to drop that were not even held

    def __init__(self, buffer_bytes):
        self._buffer = bytearray(buffer_bytes) if isinstance(buffer_bytes, int) else buffer_bytes
        self._view = memoryview(self._buffer)
        self._copy = best(len(self._buffer))
        # Their places are taken now: a larger table of attributes would leave a hole later.
        self.protection = None
        self.plaintext_limit = self.plaintext_limit
        self._filled = 0
        self._wanted = _HEADER_BYTES
        self.complete = False
        self.start = 0
        self.end = 0

    def feed(self, data, start=0) -> int:
        """Take bytes of the current record out of `data`, from `start` on; return how many.

        Raises:
            PeerMisbehaved: the header cannot be accepted.
        """
        limit = len(data)
        if limit > _SOURCE_LIMIT:
            limit = min(limit - start, _SOURCE_LIMIT)
            data = memoryview(data)[start : start + limit]
            start = 0
        position = start
        fresh = limit - position > _HEADER_BYTES and not self._filled and self.quick
        if fresh and data[position] == _CONTENT_APPLICATION_DATA and self.protection is not None:
            # The header of a record that has room is copied with what follows it.
            size = data[position + 3] << 8 | data[position + 4]
            if size <= len(self._buffer) - _HEADER_BYTES and size <= _CIPHERTEXT_LIMIT:
                self._wanted = _HEADER_BYTES + size
        while position < limit and not self.complete:
            if self._discard:
                size = min(self._discard, limit - position)
                self._discard -= size
                position += size
                continue
            filled = self._filled
            size = self._wanted - filled
            size = min(size, limit - position)
            self._copy(self._buffer, data, filled << 15 | position, size)
            position += size
            filled += size
            self._filled = filled
            if filled == _HEADER_BYTES:
                self._wanted = _HEADER_BYTES + self._body_bytes()
                filled = self._filled  # none of a record that is dropped
            if filled == self._wanted and filled >= _HEADER_BYTES:
                self.complete = True
        return position - start

    def _body_bytes(self):
        content_type = self._buffer[0]
        length = self._buffer[3] << 8 | self._buffer[4]
        # legacy_record_version "MUST be ignored for all purposes" (RFC 8446 §5.1).
        if content_type < _CONTENT_CHANGE_CIPHER_SPEC or content_type > _CONTENT_APPLICATION_DATA:
            raise _unexpected("record.unknown_type")
        protected = content_type == _CONTENT_APPLICATION_DATA
        if protected and self._drops(length):
            return 0
        if self.protection is None:
            if protected:
                raise _unexpected("record.protected_before_keys")
            limit = _PLAINTEXT_LIMIT
        else:
            # Once there are keys, only change_cipher_spec comes in the clear (RFC 8446 §5).
            if not protected and content_type != _CONTENT_CHANGE_CIPHER_SPEC:
                if content_type != _CONTENT_ALERT or not self.plain_alerts:
                    raise _unexpected("record.unprotected")
            limit = _CIPHERTEXT_LIMIT
        if length > limit:
            raise PeerMisbehaved("record.overflow", _ALERT_RECORD_OVERFLOW)
        if _HEADER_BYTES + length > len(self._buffer):
            return self._begin_large(length)
        return length

    def _begin_large(self, length):
        """Have a record that does not fit received in pieces; return the bytes of the first."""
        if self.connection is not None:
            # Loaded here: most peers send none, and some images leave it out.
            try:
                from tlscore.large_record import begin  # noqa: PLC0415

                return begin(self.connection, self, length)
            except ImportError:
                pass
        raise PeerMisbehaved("record.exceeds_buffer", _ALERT_RECORD_OVERFLOW)

    def _drops(self, length):
        """Decide whether a record is early data that cannot be opened; drop it unheld if so."""
        if self.protection is not None and _HEADER_BYTES + length <= len(self._buffer):
            return False
        if not self._spend_early_data(length):
            return False
        self.next_record()
        self._discard = length
        return True

    def _spend_early_data(self, length):
        if not self.early_data_left or length > self.early_data_left:
            return False
        self.early_data_left -= length
        return True

    def open(self):
        """Decrypt the complete record in place and return its content type.

        None stands for a record that was dropped as early data, or comes in pieces.

        Raises:
            PeerMisbehaved: it does not authenticate or its plaintext breaks RFC 8446 §5.
        """
        self.complete = False
        self.start = _HEADER_BYTES
        self.end = end = self._filled
        content_type = self._buffer[0]
        if content_type != _CONTENT_APPLICATION_DATA:
            # RFC 8446 §5.1: "Implementations MUST NOT send zero-length fragments of Handshake
            # types" and one alert per alert record; §5.4 names the alert for both.
            if end == _HEADER_BYTES:
                raise _unexpected("record.empty")
            return content_type
        protection = self.protection
        if protection.sequence >= _RECEIVE_LIMIT:
            raise _unexpected("record.key_not_updated")  # RFC 8446 §5.5
        cipher = protection.cipher or protection.aead
        if not cipher.open_record(self._buffer, _HEADER_BYTES, end):
            cipher.recount(protection.sequence)
            # §4.2.10: "discarding records which fail deprotection (up to the configured
            # max_early_data_size)".
            if self._spend_early_data(end - _HEADER_BYTES):
                return None
            # RFC 8446 §5.2: "If the decryption fails, the receiver MUST terminate the connection
            # with a "bad_record_mac" alert."
            raise PeerMisbehaved("record.bad_record_mac", _ALERT_BAD_RECORD_MAC)
        protection.sequence += 1
        if self.early_data_left or self.plain_alerts:
            self.expect_genuine()
        end -= protection.tag_size
        # RFC 8449 §4: "a record larger than its advertised limit MUST generate a fatal
        # "record_overflow" alert".
        if end - _HEADER_BYTES > self.plaintext_limit:
            raise PeerMisbehaved("record.plaintext_overflow", _ALERT_RECORD_OVERFLOW)
        # RFC 8446 §5.4: zeros are padding, the last other octet is the content type; without one
        # the connection ends with unexpected_message.
        end -= 1
        while end >= _HEADER_BYTES and self._buffer[end] == 0:
            end -= 1
        if end < _HEADER_BYTES:
            raise _unexpected("record.no_content_type")
        self.end = end
        content_type = self._buffer[end]
        if content_type != _CONTENT_APPLICATION_DATA:
            _check_inner(content_type, end)
        return content_type

    def expect_genuine(self):
        """Drop nothing and take nothing in the clear any more: a record has been opened."""
        self.early_data_left = 0
        self.plain_alerts = False

    def content(self):
        """Return the content of the opened record, or what `skip` left of it: a memoryview."""
        return self._view[self.start : self.end]

    def read_into(self, buffer) -> int:
        """Move content into `buffer`; return how many bytes. Behind the last comes a record."""
        start = self.start
        size = self.end - start
        room = len(buffer)
        size = min(size, room)
        if size:
            buffer[0] = 0  # raises TypeError if it is not there to be written
            self._copy(buffer, self._buffer, start, size)
            self.start = start = start + size
            if start == self.end:
                self._filled = self.start = self.end = 0
                self._wanted = _HEADER_BYTES
        return size

    def skip(self, size):
        """Count the first `size` bytes of the content as taken."""
        self.start += size
        if size and self.start == self.end:
            self._filled = 0
            self._wanted = _HEADER_BYTES
            self.start = self.end = 0

    def next_record(self):
        """Give up the content and be ready for the next header."""
        self._filled = 0
        self._wanted = _HEADER_BYTES
        self.start = 0
        self.end = 0

    def take_room(self, suite, secret):
        """Take the room of the key to come while the heap has it in one piece.

        Args:
            suite: its suite.
            secret: bytearray that will hold its secret.
        """
        self.protection = RecordProtection(suite, secret)
        self.protection.take_room()

    def give_room(self, sending):
        """Let a sending key have the room of ours, which has seen its last record."""
        self.protection.give_room(sending)

    def release(self):
        """Wipe and give up the buffer; what `content` handed out is gone too."""
        wipe(self._buffer)
        self.next_record()
        self._buffer = self._view = b""
        self.protection = None
        self.complete = False
