"""What is sent: flights of handshake messages, kept until they are answered, and alerts.

A flight is kept as messages, not as records: every time it is sent it is cut into fragments for
the datagrams of that moment, and its records get new numbers (RFC 6347 §4.2.4). Each message in the
buffer follows a byte that says what it is; what is behind a change_cipher_spec is of epoch 1. A
chain of certificates is not copied there: it is read from where the caller keeps it.

Not here: when a flight is sent again (timers.py, connection.py).
"""

from tlscore.codepoints import ALERT_INTERNAL_ERROR, CERTIFICATE
from tlscore.compat import const
from tlscore.dtls import fragments
from tlscore.dtls.record import HEADER_BYTES, put_header
from tlscore.errors import TlsError, UsageError
from tlscore.record import wipe
from tlscore.wire import Writer

_CONTENT_CHANGE_CIPHER_SPEC = const(20)
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_CHAIN = const(1)  # stands for the Certificate message
_CLIENT_HELLO = const(1)
_SERVER_HELLO = const(2)
_PLAINTEXT_LIMIT = const(16384)
# A message is not begun for less of it, if the next datagram has more room.
_FRAGMENT_BYTES_MIN = const(32)


def _u24(value):
    return bytes((value >> 16, value >> 8 & 0xFF, value & 0xFF))


class ChainMessage:
    """The Certificate message of a chain, any part of it at any time.

    Args:
        chain: sequence of DER certificates (bytes-like), the leaf first; or the one
            SubjectPublicKeyInfo of a raw public key, which is not in a list (RFC 7250 §3).

    Attributes:
        size: bytes of the message without its header.
        header: of TLS.
    """

    def __init__(self, chain, is_raw=False):
        size = sum([3 + len(certificate) for certificate in chain])
        parts = []
        if not is_raw:
            parts.append(_u24(size))
            size += 3
        for certificate in chain:
            parts += [_u24(len(certificate)), certificate]
        self._parts = parts
        self.size = size
        self.header = bytes((CERTIFICATE,)) + _u24(size)

    def read_into(self, target, offset):
        """Fill a memoryview with what begins at an offset."""
        filled, wanted = 0, len(target)
        for part in self._parts:
            size = len(part)
            if offset < size and filled < wanted:
                taken = min(size - offset, wanted - filled)
                piece = memoryview(part)[offset : offset + taken]
                target[filled : filled + taken] = piece
                filled += taken
                offset = 0
            elif offset:
                offset -= size

    def hash_into(self, transcript):
        """Add the message to a transcript, in pieces."""
        transcript.update(self.header)
        for part in self._parts:
            transcript.update(part)


class Outbox:
    """The sending half of a connection.

    Args:
        buffer_bytes: size of the buffer that a flight has to fit.

    Attributes:
        protection: RecordProtection of epoch 1, or None.
        datagram_bytes: largest datagram to send.
        content_limit: bytes of content a record may have.
        sequence: number of the next record of epoch 0.
        next_message: number of the next message.
        answered: the peer's answer to the flight has begun: what is queued next is a new flight.
        began: a new flight was begun; whoever looks sets it back.
    """

    phase = None

    def __init__(self, buffer_bytes):
        self._buffer = bytearray(buffer_bytes)
        self._view = memoryview(self._buffer)
        self._end = 0
        self._chain = None
        self._first_message = 0
        self._alert = b""  # a sealed record
        self.protection = None
        self.datagram_bytes = _PLAINTEXT_LIMIT
        self.content_limit = _PLAINTEXT_LIMIT
        self.padding_bytes = 0
        self.sequence = 0
        self.next_message = 0
        self.answered = True
        self.began = False
        self.rewind()

    # --- a flight is written

    def use_tls12(self):
        """Do nothing: there is no other version."""

    def protect_with(self, protection):
        """Have keys for what is behind a change_cipher_spec."""
        self.protection = protection

    def _item(self, kind):
        """Begin an item of the flight, and the flight if need be; return where its content is."""
        if self.answered:
            self.answered = False
            self.began = True
            self._end = 0
            self._chain = None
            self._first_message = self.next_message
            self.rewind()
        if self._end >= len(self._buffer):
            raise TlsError("send_buffer.too_small", ALERT_INTERNAL_ERROR)
        self._buffer[self._end] = kind
        return self._end + 1

    def writer(self) -> Writer:
        """Begin a message: return a Writer placed where it goes."""
        return Writer(self._buffer, self._item(_CONTENT_HANDSHAKE), len(self._buffer))

    def content(self, writer):
        """Return what `writer` has written so far; valid until the next flight is begun."""
        return self._view[self._end + 1 : writer.position]

    def queue_handshake(self, writer, transcript, _version=None):
        """End a message: add it to the transcript, if there is one yet, and queue it."""
        message = self.content(writer)
        if message[0] in (_CLIENT_HELLO, _SERVER_HELLO):
            message[4] = 0xFE
            message[5] = 0xFD
        if transcript is not None:
            transcript.sequence = self.next_message
            transcript.update(message)
        self.next_message += 1
        self._end = writer.position

    def queue_chain(self, chain, transcript):
        """Queue the Certificate message of a ChainMessage, one in a flight."""
        self._end = self._item(_CHAIN)
        self._chain = chain
        transcript.sequence = self.next_message
        chain.hash_into(transcript)
        self.next_message += 1

    def queue_change_cipher_spec(self):
        """Queue a change_cipher_spec: what follows is of epoch 1."""
        self._end = self._item(_CONTENT_CHANGE_CIPHER_SPEC)

    def takes(self, size) -> bool:
        """Tell that a message fits.

        Raises:
            TlsError: it does not, and never will: a flight is kept whole.
        """
        if (0 if self.answered else self._end) + 1 + size > len(self._buffer):
            raise TlsError("send_buffer.too_small", ALERT_INTERNAL_ERROR)
        return True

    def queue_alert(self, level, code):
        """Queue an alert; it takes the place of one that has not been sent."""
        if self.protection is not None:
            self._alert = alert_record(self.protection, level, code)
            return
        self._alert = record = bytearray(HEADER_BYTES + 2)
        put_header(record, 0, _CONTENT_ALERT, 0, self.sequence, 2)
        self.sequence += 1
        record[HEADER_BYTES] = level
        record[HEADER_BYTES + 1] = code

    # --- and sent

    def rewind(self):
        """Send the flight again, from its beginning."""
        self._at = 0
        self._message = self._first_message
        self._offset = 0
        self._epoch = 0

    def is_sent(self) -> bool:
        """Tell whether all of the flight has been handed out."""
        return self._at >= self._end

    def has_flight(self) -> bool:
        """Tell whether there is a flight to send again."""
        return self._end > 0

    def pending(self):
        """Return the alert that waits, b"" if there is none."""
        return self._alert

    def datagram_into(self, buffer) -> int:
        """Write the next datagram into a buffer; return its size, 0 if nothing is to be sent.

        Raises:
            UsageError: the buffer is too small for any.
        """
        limit = min(len(buffer), self.datagram_bytes)
        filled = 0
        while self._at < self._end:
            size = self._put_record(buffer, filled, limit)
            if not size:
                break
            filled += size
        if filled:
            return filled
        filled = len(self._alert)
        if filled:
            if filled > limit:
                raise UsageError("datagram_into.buffer_too_small")
            memoryview(buffer)[:filled] = self._alert
            self._alert = b""
        elif self._at < self._end:
            raise UsageError("datagram_into.buffer_too_small")
        return filled

    def _put_record(self, buffer, start, limit):
        """Write the next record of the flight; return its size, 0 if it does not fit."""
        if self._buffer[self._at] == _CONTENT_CHANGE_CIPHER_SPEC:
            if start + HEADER_BYTES + 1 > limit:
                return 0
            put_header(buffer, start, _CONTENT_CHANGE_CIPHER_SPEC, 0, self.sequence, 1)
            self.sequence += 1
            buffer[start + HEADER_BYTES] = 1
            self._at += 1
            self._epoch = 1
            return HEADER_BYTES + 1
        return self._put_fragment(buffer, start, limit)

    def _put_fragment(self, buffer, start, limit):
        chain = self._chain if self._buffer[self._at] == _CHAIN else None
        body = self._at + 1
        header = self._view[body : body + 4] if chain is None else memoryview(chain.header)
        length = fragments.length_of(header)
        protection = self.protection if self._epoch else None
        overhead = HEADER_BYTES if protection is None else protection.overhead_bytes
        room = min(limit - start - overhead, self.content_limit) - fragments.HEADER_BYTES
        left = length - self._offset
        size = min(left, room)
        if room < 0 or (size < left and size < (_FRAGMENT_BYTES_MIN if start else 1)):
            return 0
        at = start + HEADER_BYTES
        if protection is not None:
            at = start + protection.header_bytes + protection.explicit_bytes
        self._put_fragment_header(buffer, at, header, size)
        at += fragments.HEADER_BYTES
        target = memoryview(buffer)[at : at + size]
        if chain is not None:
            chain.read_into(target, self._offset)
        else:
            body += 4 + self._offset
            target[:] = self._view[body : body + size]
        size += fragments.HEADER_BYTES
        if protection is not None:
            end = protection.seal(buffer, start, _CONTENT_HANDSHAKE, size)
        else:
            put_header(buffer, start, _CONTENT_HANDSHAKE, 0, self.sequence, size)
            self.sequence += 1
            end = start + HEADER_BYTES + size
        self._step(size - fragments.HEADER_BYTES, length, chain is not None)
        return end - start

    def _put_fragment_header(self, buffer, at, header, size):
        buffer[at : at + 4] = header
        buffer[at + 4] = self._message >> 8
        buffer[at + 5] = self._message & 0xFF
        buffer[at + 6 : at + 9] = _u24(self._offset)
        buffer[at + 9 : at + 12] = _u24(size)

    def _step(self, size, length, is_chain):
        """Go on behind a fragment that was written."""
        self._offset += size
        if self._offset == length:
            self._offset = 0
            self._message += 1
            self._at += 1 if is_chain else 5 + length

    def write_into(self, data, buffer) -> int:
        """Write a datagram with application data into a buffer; return its size.

        Raises:
            UsageError: it is too long for a datagram, or the key has protected all it may.
        """
        return write_data(self.protection, data, buffer, self.data_room(len(buffer)))

    def data_room(self, buffer_bytes) -> int:
        """Return how many bytes of application data one datagram takes."""
        limit = min(buffer_bytes, self.datagram_bytes)
        return data_room(self.protection, limit, self.content_limit)

    # --- the end

    def settle(self):
        """The handshake is over: keep no more than the last flight, if nobody has answered it."""
        kept = b"" if self.answered else bytes(self._view[: self._end])
        wipe(self._buffer)
        self._buffer = bytearray(kept)
        self._view = memoryview(self._buffer)
        if not kept:
            self.forget_flight()

    def taken_flight(self) -> tuple:
        """Return the messages of the flight and the number of the first, for `take_flight`."""
        return bytes(self._view[: self._end]), self._first_message

    def take_flight(self, messages, first_message):
        """Have a flight to send that another outbox had; its chain of certificates is not in it."""
        self._buffer = messages
        self._view = memoryview(messages)
        self._end = len(messages)
        self._first_message = first_message
        self.answered = False
        self.rewind()

    def forget_flight(self):
        """Drop the flight: the peer has it."""
        self._end = self._at = 0
        self._chain = None
        self._buffer = self._view = b""

    def forget_keys(self):
        """Drop the key and the flight; an alert that was queued can still be sent."""
        self.protection = None
        wipe(self._buffer)
        self.forget_flight()

    def release(self):
        """Give up everything."""
        self.forget_keys()
        self._alert = b""


def alert_record(protection, level, code) -> bytearray:
    """Return the next record of a RecordProtection, with an alert."""
    record = bytearray(protection.overhead_bytes + 2)
    at = protection.header_bytes + protection.explicit_bytes
    record[at] = level
    record[at + 1] = code
    protection.seal(record, 0, _CONTENT_ALERT, 2)
    return record


def write_data(protection, data, buffer, room) -> int:
    """Write a record with application data into a buffer; return its size.

    Args:
        room: bytes of data there may be.

    Raises:
        UsageError: there are more, or the key has protected all it may.
    """
    # The last record is for close_notify.
    if protection.sequence >= protection.record_limit - 1:
        raise UsageError("connection.key_exhausted")
    size = len(data)
    if size > room:
        raise UsageError("connection.datagram_too_long")
    at = protection.header_bytes + protection.explicit_bytes
    memoryview(buffer)[at : at + size] = data
    return protection.seal(buffer, 0, _CONTENT_APPLICATION_DATA, size)


def data_room(protection, datagram_bytes, content_limit) -> int:
    """Return how many bytes of application data a datagram of that size takes."""
    room = datagram_bytes - protection.overhead_bytes
    return max(0, room if content_limit is None else min(room, content_limit))
