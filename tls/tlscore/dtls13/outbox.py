"""What is sent: flights of messages until the peer has them, ACKs, alerts (RFC 9147 §5.8, §7).

A flight is kept as messages. Each time it is sent, what the peer has not acknowledged of it is cut
into fragments, each in a record of its own that is noted, so that an ACK of the record says which
part of which message has come. A message is sent with the keys that were current when it was
queued. A chain of certificates is not copied: it is read from where the caller keeps it.

A KeyUpdate changes the key once it is acknowledged (§8), and there is one at a time.

Not here: when a flight is sent again (connection.py).
"""

from tlscore import messages
from tlscore.compat import const
from tlscore.dtls import fragments
from tlscore.dtls.record import put_header
from tlscore.dtls13.acks import SentRecords
from tlscore.dtls13.flight import Queued
from tlscore.dtls13.hello import finish_server_hello, is_retry
from tlscore.dtls13.record import EPOCH_HANDSHAKE, PLAIN_HEADER_BYTES, RecordProtection
from tlscore.errors import UsageError
from tlscore.record import wipe
from tlscore.schedule import next_traffic_secret
from tlscore.wire import Writer

_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_CONTENT_ACK = const(26)
_SERVER_HELLO = const(2)
_KEY_UPDATE = const(24)
_UPDATE_NOT_REQUESTED = const(0)
_PLAINTEXT_LIMIT = const(16384)
# A message is not begun for less of it, if the next datagram has more room.
_FRAGMENT_BYTES_MIN = const(32)
_RECORD_NUMBER_BYTES = const(16)
# The last records of a key are for a KeyUpdate, as often as it may get lost, and close_notify.
_RECORDS_KEPT = const(16)
# What is left of the buffer when the handshake is over: room for a KeyUpdate and a NewConnectionId.
_SETTLED_BYTES = const(64)


class Outbox:
    """The sending half of a connection.

    Args:
        buffer_bytes: size of the buffer that a flight has to fit.

    Attributes:
        secret: traffic secret of the present key, or None.
        protection: RecordProtection of the newest epoch, or None.
        connection_id: what our records say.
        offered_id: what a ServerHello says, or None.
        datagram_bytes: largest datagram to send.
        content_limit: bytes of content a record may have.
        sequence: number of the next record in the clear.
        next_message: number of the next message.
        began: a new flight was begun; whoever looks sets it back.
        short_numbers: records of data have numbers of eight bits.
        padding_bytes: records of data are padded to a multiple of this, as far as there is room.
    """

    phase = None
    padding_bytes = 0

    def __init__(self, buffer_bytes):
        self._buffer = bytearray(buffer_bytes)
        self._view = memoryview(self._buffer)
        self._end = 0
        self._messages = []
        self._sent = SentRecords()
        self._index = self._offset = 0  # of the message that is next to be sent
        self._alert = b""  # a sealed record
        self._numbers = None  # records to acknowledge
        self._answered = True  # the next message begins a flight
        self._suite = None
        self._update = None  # the number of a KeyUpdate that is not acknowledged
        self._update_owed = None
        self.secret = None
        self.protection = None
        self.connection_id = b""
        self.offered_id = None
        self.datagram_bytes = _PLAINTEXT_LIMIT
        self.content_limit = _PLAINTEXT_LIMIT
        self.sequence = 0
        self.next_message = 0
        self.began = False
        self.short_numbers = False

    # --- keys

    def protect(self, suite, secret):
        """Send with the key of a traffic secret from now on, in the next epoch."""
        before = self.protection
        epoch = EPOCH_HANDSHAKE if before is None else before.epoch + 1
        self._suite = suite
        self.secret = secret
        self.protection = RecordProtection(suite, secret, epoch, self.connection_id)

    def change_id(self, connection_id):
        """Have all records say another connection id from now on."""
        self.connection_id = self.protection.connection_id = connection_id

    def queue_key_update(self, request):
        """Queue a KeyUpdate, or owe it until the one before it is acknowledged (§8)."""
        if self._update is not None:
            owed = self._update_owed
            self._update_owed = request if owed is None else max(request, owed)
            return
        self._update = self.next_message
        writer = self.writer()
        messages.write_key_update(writer, request)
        self.queue_handshake(writer, None)

    def _change_key(self):
        self._update = None
        self.protect(self._suite, next_traffic_secret(self._suite.hash, self.secret))
        owed, self._update_owed = self._update_owed, None
        if owed is not None:
            self.queue_key_update(owed)

    # --- a flight is written

    def answer(self):
        """Learn that the peer's answer to the flight has begun: it has all of it."""
        self._answered = True

    def _begin(self):
        """Begin a message, and a flight if need be."""
        if self._answered:
            self._answered = False
            self._drop_flight()
            self.began = True

    def _drop_flight(self):
        self._end = self._index = self._offset = 0
        self._messages = []
        self._sent.clear()

    def writer(self) -> Writer:
        """Begin a message: return a Writer placed where it goes."""
        self._begin()
        return Writer(self._buffer, self._end, len(self._buffer))

    def content(self, writer):
        """Return what `writer` has written so far; valid until the next flight is begun."""
        return self._view[self._end : writer.position]

    def queue_handshake(self, writer, transcript, _version=None):
        """End a message: add it to the transcript, if there is one yet, and queue it."""
        start = self._end
        if self._buffer[start] == _SERVER_HELLO:
            retries = is_retry(self._view[start:], messages.RETRY_RANDOM)
            finish_server_hello(writer, start, None if retries else self.offered_id)
        message = self.content(writer)
        if transcript is not None:
            transcript.update(message)
        self._queue(bytes(message[:4]), message[4:], len(message) - 4)
        self._end = writer.position

    def queue_chain(self, chain, transcript):
        """Queue the Certificate message of a certificates.ChainMessage."""
        self._begin()
        chain.hash_into(transcript)
        self._queue(chain.header, chain, chain.size)

    def _queue(self, header, body, size):
        queued = Queued(self.next_message, self.protection, header, body, size)
        self._messages.append(queued)
        self.next_message += 1

    def takes(self, size) -> bool:
        """Tell whether a message fits; a flight is kept whole."""
        return (0 if self._answered else self._end) + size <= len(self._buffer)

    def queue_change_cipher_spec(self):
        """Do nothing: there is none in DTLS 1.3 (§5)."""

    def queue_ack(self, numbers):
        """Have an ACK sent of [(epoch, record number)] before anything else."""
        self._numbers = numbers

    def queue_alert(self, level, code):
        """Queue an alert; it takes the place of one that has not been sent."""
        protection = self.protection
        if protection is None:
            record = bytearray(PLAIN_HEADER_BYTES + 2)
            record[PLAIN_HEADER_BYTES] = level
            record[PLAIN_HEADER_BYTES + 1] = code
            self._put_plain_header(record, 0, _CONTENT_ALERT, 2)
        else:
            record = bytearray(protection.overhead_bytes() + 16)
            at = protection.header_bytes()
            record[at] = level
            record[at + 1] = code
            record = record[: protection.seal(record, 0, _CONTENT_ALERT, 2)]
        self._alert = record

    def _put_plain_header(self, buffer, at, content_type, size):
        put_header(buffer, at, content_type, 0, self.sequence, size)
        self.sequence += 1

    # --- what the peer says of it

    def acknowledge(self, numbers) -> bool:
        """Take an ACK of [(epoch, record number)]; tell whether it said anything new."""
        news = False
        for epoch, number in numbers:
            found = self._sent.take(epoch, number)
            if found is None:
                continue
            for message in self._messages:
                if message.number == found[0]:
                    message.acknowledge(found[1], found[2])
                    news = True
        done = [message for message in self._messages if message.is_done()]
        if len(done) == len(self._messages):
            self._answered = True
            self._drop_flight()
        for message in done:
            if message.number == self._update:
                self._change_key()
        return news

    def awaits(self) -> bool:
        """Tell whether there is a flight that the peer has not acknowledged."""
        return not self._answered and len(self._messages) > 0

    def rewind(self):
        """Send again what the peer lacks of the flight."""
        self._index = self._offset = 0

    # --- and sent

    def is_sent(self) -> bool:
        """Tell whether all of the flight has been handed out."""
        return self._next_part() is None

    def _next_part(self):
        """Return (message, start, end) of what is next to be sent, or None."""
        if self._answered:
            return None
        while self._index < len(self._messages):
            message = self._messages[self._index]
            part = message.missing(self._offset)
            if part is not None and (part[1] > part[0] or not self._offset):
                return message, part[0], part[1]
            self._index += 1
            self._offset = 0
        return None

    def pending(self):
        """Return the alert that waits, b"" if there is none."""
        return self._alert

    def has_more(self) -> bool:
        """Tell whether there is anything to send."""
        return self._numbers is not None or len(self._alert) > 0 or not self.is_sent()

    def datagram_into(self, buffer) -> int:
        """Write the next datagram into a buffer; return its size, 0 if nothing is to be sent.

        Raises:
            UsageError: the buffer is too small for any.
        """
        if not self.has_more():
            return 0
        limit = min(len(buffer), self.datagram_bytes)
        filled = 0
        if self._numbers is not None:
            filled = self._put_ack(buffer, limit)
        while (part := self._next_part()) is not None:
            size = self._put_fragment(buffer, filled, limit, *part)
            if not size:
                break
            filled += size
        if self._alert and (not filled or part is None) and filled + len(self._alert) <= limit:
            end = filled + len(self._alert)
            memoryview(buffer)[filled:end] = self._alert
            self._alert = b""
            filled = end
        if not filled:
            raise UsageError("datagram_into.buffer_too_small")
        return filled

    def _put_ack(self, buffer, limit):
        """Write an ACK (§7) of as many records as there is room for, the newest ones."""
        protection = self.protection
        room = limit - protection.overhead_bytes() - 2
        numbers = self._numbers[-max(room // _RECORD_NUMBER_BYTES, 1) :]
        self._numbers = None
        size = len(numbers) * _RECORD_NUMBER_BYTES
        if size > room:
            return 0
        at = protection.header_bytes()
        buffer[at] = size >> 8
        buffer[at + 1] = size & 0xFF
        end = at + 2
        for epoch, number in numbers:
            buffer[end : end + 8] = epoch.to_bytes(8, "big")
            buffer[end + 8 : end + 16] = number.to_bytes(8, "big")
            end += _RECORD_NUMBER_BYTES
        return protection.seal(buffer, 0, _CONTENT_ACK, 2 + size)

    def _put_fragment(self, buffer, start, limit, message, offset, end):
        """Write the next record of the flight; return its size, 0 if it does not fit."""
        protection = message.protection
        overhead = PLAIN_HEADER_BYTES if protection is None else protection.overhead_bytes()
        room = min(limit - start - overhead, self.content_limit) - fragments.HEADER_BYTES
        left = end - offset
        size = min(left, room)
        if room < 0 or (size < left and size < (_FRAGMENT_BYTES_MIN if start else 1)):
            return 0
        at = start + (PLAIN_HEADER_BYTES if protection is None else protection.header_bytes())
        message.put_header(buffer, at, offset, size)
        body = at + fragments.HEADER_BYTES
        message.read_into(memoryview(buffer)[body : body + size], offset)
        content = fragments.HEADER_BYTES + size
        if protection is None:
            epoch, number = 0, self.sequence
            self._put_plain_header(buffer, start, _CONTENT_HANDSHAKE, content)
            after = at + content
        else:
            epoch, number = protection.epoch, protection.sequence
            after = protection.seal(buffer, start, _CONTENT_HANDSHAKE, content)
        self._sent.add(epoch, number, message.number, offset, offset + size)
        self._offset = offset + size
        if self._offset == message.size:
            self._index += 1
            self._offset = 0
        return after - start

    def write_into(self, data, buffer) -> int:
        """Write a datagram with application data into a buffer; return its size.

        Raises:
            UsageError: it is too long for a datagram, or the key has protected all it may.
        """
        protection = self.protection
        left = protection.record_limit - protection.sequence
        if left < protection.record_limit >> 2 and self._update is None:
            self.queue_key_update(_UPDATE_NOT_REQUESTED)
        if left < _RECORDS_KEPT:
            raise UsageError("connection.key_exhausted")
        size = len(data)
        if size > self.data_room(len(buffer)):
            raise UsageError("connection.datagram_too_long")
        at = protection.header_bytes(False, self.short_numbers)
        memoryview(buffer)[at : at + size] = data
        padding = 0
        if self.padding_bytes:
            padding = min(-size % self.padding_bytes, self.data_room(len(buffer)) - size)
        return protection.seal(
            buffer, 0, _CONTENT_APPLICATION_DATA, size, False, self.short_numbers, padding
        )

    def data_room(self, buffer_bytes=_PLAINTEXT_LIMIT) -> int:
        """Return how many bytes of application data one datagram takes."""
        overhead = self.protection.overhead_bytes(False, self.short_numbers)
        return max(0, min(min(buffer_bytes, self.datagram_bytes) - overhead, self.content_limit))

    # --- the end

    def settle(self):
        """Give up the buffer of the handshake: the peer has all of its flights."""
        wipe(self._buffer)
        self._buffer = bytearray(_SETTLED_BYTES)
        self._view = memoryview(self._buffer)

    def forget_keys(self):
        """Drop keys and flight; an alert that was queued can still be sent."""
        self.protection = self.secret = self._numbers = None
        self._answered = True
        self._drop_flight()
        wipe(self._buffer)
        self._buffer = self._view = b""

    def release(self):
        """Give up everything."""
        self.forget_keys()
        self._alert = b""
