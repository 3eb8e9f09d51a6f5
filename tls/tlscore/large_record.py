"""One record that does not fit the receive buffer, received and opened in pieces.

LARGE_RECORDS.md is the policy. Loaded when the first such record comes.

Theory of operation. The record takes over some methods of its receiver until it ends, so that
receiving others costs nothing for it; it is a part of RecordReceiver, and of Connection, that few
need, and works with what is theirs. The buffer holds one piece at a time, behind the place of the
header; it is decrypted where it lies. What is certain to be content is shown as up to three
stretches, set in the receiver as an opened record's content would be: to who reads messages of the
handshake (staged_handshake.py), and to the application if it wants data before they are verified.
Certain is, in TLS 1.3, what a byte follows that is not zero: the last such byte so far may be the
content type (`_held`), and the zeros behind it padding (`_zeros`, a number). With the last piece
comes the tag; only then is anything acted upon.

Not here: what messages mean, the ciphers (crypto/pieces.py).
"""

from tlscore import staged_handshake
from tlscore.compat import const
from tlscore.crypto import pieces
from tlscore.errors import PeerMisbehaved

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_ALERT_UNEXPECTED_MESSAGE = const(10)
_ALERT_BAD_RECORD_MAC = const(20)
_ALERT_RECORD_OVERFLOW = const(22)
_CONNECTED = const(12)
_FRAGMENT_BYTES = (512, 1024, 2048, 4096)  # of max_fragment_length
# Those of connection.py.
_EVENT_VERIFIED = const(16)
_EVENT_WITHDRAWN = const(32)

_HEADER_BYTES = const(5)
_FIRST_BYTES = const(3)  # an alert has two
_RECEIVE_LIMIT = const(0x3FFFFFFF)  # record.py
_PIECE_BYTES = const(64)  # crypto/pieces.py
# The end of the buffer, where zeros are shown from.
_SPARE_BYTES = const(64)
# Header, a piece, a tag and the spare take 149.
_BUFFER_BYTES_MIN = const(160)


def begin(connection, receiver, reader, takes_data, buffer, length) -> int:
    """Let a record of which the header has come take over its receiver.

    Args:
        connection, receiver, reader: whose record it is; its HandshakeReader.
        takes_data: the application is content with data that are not verified.
        buffer: the receiver's, the header at its beginning.
        length: of the record behind the header.

    Returns:
        How many bytes the first piece has; 0 if it is a record to be refused.
    """
    if len(buffer) < _BUFFER_BYTES_MIN:
        return 0
    content_type = buffer[0]
    takes_data = takes_data and connection.state == _CONNECTED and not reader.partial()
    protection = receiver.protection
    is_13 = protection is not None and connection.version != _TLS_1_2
    if not is_13 and content_type != _CONTENT_HANDSHAKE:
        # The type is what the header says; of the others none but data can be so long.
        if content_type != _CONTENT_APPLICATION_DATA or not takes_data:
            return 0
    if protection is None:
        # RFC 8449 §4: "Unprotected messages are not subject to this limit". To that of RFC 6066 §4
        # they are.
        if receiver.plaintext_limit in _FRAGMENT_BYTES:
            return 0
        kind = ClearRecord
    else:
        kind = Record13 if is_13 else Record12
        if protection.sequence >= _RECEIVE_LIMIT:
            raise _unexpected("record.key_not_updated")
        beside = protection.aead.tag_size + (0 if is_13 else protection.explicit_bytes)
        if not 0 <= length - beside <= receiver.plaintext_limit:
            return 0
    if not is_13 and content_type == _CONTENT_APPLICATION_DATA:
        messages = None
    elif protection is None:
        messages = staged_handshake.ClearMessages(connection, reader)
    else:
        messages = staged_handshake.StagedMessages(connection, reader, takes_data)
    return kind(connection, receiver, messages, takes_data, buffer, length).take_over()


class LargeRecord:
    """What records of all kinds have in common: pieces, and stretches of content.

    Args: as `begin` has them, and
        messages: of staged_handshake.py, or None for a record that can have none.
    """

    _METHODS = ("open", "read_into", "skip", "next_record", "release")

    def __init__(self, connection, receiver, messages, takes_data, buffer, length):
        self._connection = connection
        self._receiver = receiver
        self._messages = messages
        self._takes_data = takes_data
        self._buffer = buffer
        self._left = length  # bytes of text that have not been asked for
        self._tag_size = 0
        self._has_shown = False
        self._first = b""
        self._count = 0  # bytes of content so far
        self._wanted = 0  # bytes of the piece that comes, its tag included
        self._is_last = False
        # What is to be shown: a byte before the piece, zeros, some of the piece.
        self._has_byte = False
        self._gap = 0
        self._at = 0
        self._end = 0

    def take_over(self) -> int:
        """Take over the receiver; return how many bytes are wanted first."""
        for name in self._METHODS:
            setattr(self._receiver, name, getattr(self, name))
        self._begin()
        return self._wanted

    def leave(self):
        """Give the receiver back, ready for another record."""
        receiver = self._receiver
        for name in self._METHODS:
            delattr(receiver, name)
        receiver.next_record()

    # --- in the place of the receiver's methods

    def open(self):
        """Open the piece that has come.

        Returns:
            The content type, if data wait to be read or the record has come to its end; None as
            long as it goes on and where nothing else is to be done.
        """
        self._receiver.complete = False
        end = _HEADER_BYTES + self._wanted
        if self._is_last:
            end -= self._tag_size
        self._open_piece(end)
        if self._is_last:
            self._left = self._wanted = 0
            return self._finish()
        self._await_piece()
        if not self._is_shown():
            return None
        if not self._has_shown:
            self._has_shown = self._connection.unverified = True
        return _CONTENT_APPLICATION_DATA

    def read_into(self, buffer) -> int:
        """Move content into `buffer`; return how many bytes."""
        receiver = self._receiver
        size = type(receiver).read_into(receiver, buffer)
        if size:
            self._after_reading()
        return size

    def skip(self, size):
        """Count the first `size` bytes of what is shown as taken."""
        receiver = self._receiver
        type(receiver).skip(receiver, size)
        if size:
            self._after_reading()

    def next_record(self):
        """Be ready for the next piece, behind the place of the header."""
        receiver = self._receiver
        receiver.start = receiver.end = 0
        receiver._filled = _HEADER_BYTES
        receiver._wanted = _HEADER_BYTES + self._wanted

    def release(self):
        """Wipe and give up the buffer: the connection has ended."""
        self.leave()
        self._receiver.release()

    def _after_reading(self):
        if self._is_shown() or self._show_next():
            return
        if self._wanted:
            self.next_record()
        else:
            self.leave()

    # --- pieces

    def _begin(self):
        self._await_piece()

    def _await_piece(self):
        """Decide how much the next piece has: the rest with its tag, or what the buffer holds."""
        room = len(self._buffer) - _HEADER_BYTES - _SPARE_BYTES
        size = self._left
        self._is_last = size + self._tag_size <= room
        if self._is_last:
            self._wanted = size + self._tag_size
            return
        size = min(size, room)
        self._wanted = size - size % _PIECE_BYTES
        self._left -= self._wanted

    def _show(self, byte, zeros, end):
        """Show what is certain to be content.

        Args:
            byte: what comes before the piece that has been opened, or None.
            zeros: how many come after it.
            end: of the content in the piece.
        """
        if byte is not None:
            self._buffer[_HEADER_BYTES - 1] = byte
        self._set(byte is not None, zeros, end)
        while self._show_next():
            content = self._receiver.content()
            if self._count < _FIRST_BYTES:
                self._first += bytes(content[: _FIRST_BYTES - self._count])
            self._count += len(content)
            if self._messages is not None:
                self._messages.push(content, self._is_last)
        if self._takes_data:
            self._set(byte is not None, zeros, end)
            self._show_next()

    def _set(self, has_byte, zeros, end):
        """Say what is to be shown."""
        self._has_byte = has_byte and zeros > 0
        self._gap = zeros
        self._at = _HEADER_BYTES - (1 if has_byte and not zeros else 0)
        self._end = end

    def _show_next(self) -> bool:
        """Let the receiver's content be the next stretch, and tell whether there was one."""
        receiver = self._receiver
        if self._has_byte:
            self._has_byte = False
            receiver.start = _HEADER_BYTES - 1
            receiver.end = _HEADER_BYTES
        elif self._gap:
            size = min(self._gap, _SPARE_BYTES)
            self._gap -= size
            receiver.end = end = len(self._buffer)
            receiver.start = end - size
            self._buffer[end - size : end] = bytes(size)
        elif self._at < self._end:
            receiver.start = self._at
            receiver.end = self._at = self._end
        else:
            receiver.start = receiver.end = 0
            return False
        return True

    def _is_shown(self):
        return self._receiver.start < self._receiver.end

    # --- the end

    def _finish_messages(self):
        """Act upon the messages: the record is the peer's."""
        if not self._count:
            raise _unexpected("record.empty")
        self._withdraw()
        self.leave()
        self._messages.commit()

    def _finish_data(self):
        """Let the rest of the data be read: all of them are the peer's."""
        self._connection.unverified = False
        if self._has_shown:
            self._connection._events |= _EVENT_VERIFIED
        if self._is_shown():
            return _CONTENT_APPLICATION_DATA
        self.leave()
        return None

    def _withdraw(self):
        """Take back what was shown to the application."""
        self._set(False, 0, 0)
        if self._has_shown:
            self._connection.unverified = False
            self._connection._events |= _EVENT_WITHDRAWN


class ClearRecord(LargeRecord):
    """A record in the clear; it has messages of the handshake."""

    def _open_piece(self, end):
        self._show(None, 0, end)

    def _finish(self):
        self._finish_messages()


class Record12(LargeRecord):
    """A record of TLS 1.2 under a key."""

    def _begin(self):
        protection = self._receiver.protection
        self._tag_size = protection.aead.tag_size
        self._left -= self._tag_size + protection.explicit_bytes
        self._pieces = None
        self._wanted = protection.explicit_bytes
        if not self._wanted:
            self._begin_text()

    def _begin_text(self):
        protection = self._receiver.protection
        size = self._left
        at = _HEADER_BYTES + protection.explicit_bytes
        protection.begin_to_open(self._buffer, at + size + self._tag_size)
        self._pieces = pieces.begin(protection.aead, self._buffer, at, size)
        self._await_piece()

    def open(self):
        """Open the piece that has come, or take the nonce that comes before it."""
        if self._pieces is not None:
            return LargeRecord.open(self)
        self._receiver.complete = False
        self._begin_text()
        return None

    def _open_piece(self, end):
        if not self._is_last:
            self._pieces.open_piece(self._buffer, _HEADER_BYTES, end)
        elif not self._pieces.open_last(self._buffer, _HEADER_BYTES, end):
            raise PeerMisbehaved("record.bad_record_mac", self._receiver.forged_alert)
        self._show(None, 0, end)

    def _finish(self):
        if self._messages is None:
            return self._finish_data()
        self._finish_messages()
        return None


class Record13(LargeRecord):
    """A record of TLS 1.3 under a key: the content type comes last (RFC 8446 §5.2, §5.4)."""

    def _begin(self):
        aead = self._receiver.protection.aead
        self._tag_size = aead.tag_size
        self._left -= self._tag_size
        self._held = None
        self._zeros = 0
        self._pieces = pieces.begin(aead, self._buffer, _HEADER_BYTES, self._left)
        self._await_piece()

    def _open_piece(self, end):
        if not self._is_last:
            self._pieces.open_piece(self._buffer, _HEADER_BYTES, end)
        elif not self._pieces.open_last(self._buffer, _HEADER_BYTES, end):
            # RFC 8446 §5.2: "If the decryption fails, the receiver MUST terminate the connection
            # with a "bad_record_mac" alert."
            raise PeerMisbehaved("record.bad_record_mac", _ALERT_BAD_RECORD_MAC)
        buffer = self._buffer
        last = end - 1
        while last >= _HEADER_BYTES and not buffer[last]:
            last -= 1
        if last < _HEADER_BYTES:
            self._zeros += end - _HEADER_BYTES
            return
        held, zeros = self._held, self._zeros
        self._held = buffer[last]
        self._zeros = end - last - 1
        self._show(held, zeros, last)

    def _finish(self):
        receiver = self._receiver
        receiver.protection.sequence += 1
        receiver.early_data_left = 0
        receiver.plain_alerts = False
        content_type = self._held
        if content_type is None:
            raise _unexpected("record.no_content_type")
        if content_type == _CONTENT_HANDSHAKE:
            self._finish_messages()
            return None
        self._messages.forget()
        if content_type == _CONTENT_APPLICATION_DATA:
            if self._takes_data and self._count:
                return self._finish_data()
            if self._count and self._connection.state == _CONNECTED:
                raise PeerMisbehaved("record.exceeds_buffer", _ALERT_RECORD_OVERFLOW)
        elif content_type != _CONTENT_ALERT:
            raise _unexpected("record.unexpected_inner_type")
        elif not self._count:
            raise _unexpected("record.empty")
        self._withdraw()
        self.leave()
        # What there is of it is enough to tell a good alert from a bad one.
        receiver.start = _HEADER_BYTES
        receiver.end = _HEADER_BYTES + len(self._first)
        self._buffer[receiver.start : receiver.end] = self._first
        return content_type


def _unexpected(reason):
    return PeerMisbehaved(reason, _ALERT_UNEXPECTED_MESSAGE)
