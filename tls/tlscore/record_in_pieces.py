"""A record that comes in pieces: what all kinds of large_record.py have in common.

Theory of operation. The record takes over some methods of its receiver until it ends, so that
receiving others costs nothing for it; it is a part of RecordReceiver, and of Connection, that few
need, and works with what is theirs. The buffer holds one piece at a time, behind the place of the
header; it is decrypted where it lies. What is certain to be content is shown as up to three
stretches, as an opened record's content would be: to who reads messages of the handshake
(staged_handshake.py, in the place of the connection's reader), and to the application if it wants
data before they are verified. Nothing is acted upon before `_finish`, when the tag has been found
right.

Not here: the tag, and what is certain (large_record.py).
"""

from tlscore.compat import const
from tlscore.errors import PeerMisbehaved

# See codepoints.py: copies that cost nothing on a board.
_CONTENT_HANDSHAKE = const(22)
_ALERT_UNEXPECTED_MESSAGE = const(10)
# Those of large_record.py.
_EVENT_VERIFIED = const(8)
_EVENT_WITHDRAWN = const(16)

_HEADER_BYTES = const(5)
_FIRST_BYTES = const(3)  # an alert has two
_PIECE_BYTES = const(64)  # crypto/pieces.py
# The end of the buffer, where zeros are shown from. With header, a piece and a tag it is 149 bytes.
_SPARE_BYTES = const(64)


def unexpected(reason):
    """Return the error for a record that may not come."""
    return PeerMisbehaved(reason, _ALERT_UNEXPECTED_MESSAGE)


class RecordInPieces:
    """What records of all kinds have in common: pieces, and stretches of content.

    Subclasses have `_begin()`, `_open_piece(end)`, which decrypts what is in the buffer up to there
    and calls `_certain`, and `_finish()`, the end of `open`.

    Args:
        connection, receiver: whose record it is.
        messages: of staged_handshake.py, or None for a record that can have none.
        takes_data: the application is content with data that are not verified.
        buffer: the receiver's, the header at its beginning.
        length: of the record behind the header.
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
        self._wanted = 0  # bytes of the piece that comes, its tag included; 0: none does
        self._is_last = False
        self._has_messages = False  # as its type says, which comes last
        self._has_shown = False
        self._first = b""
        self._count = 0  # bytes of content so far
        # What of the piece is to be shown: a byte before it, zeros, some of it. All three, and
        # what is left of them.
        self._stretches = None
        self._has_byte = False
        self._gap = 0
        self._at = 0
        self._end = 0

    def take_over(self) -> int:
        """Take over the receiver; return how many bytes are wanted first."""
        for name in self._METHODS:
            setattr(self._receiver, name, getattr(self, name))
        if self._messages is not None:
            self._connection._handshake = self._messages
        self._begin()
        return self._wanted

    def leave(self):
        """Give the receiver back, ready for another record."""
        receiver = self._receiver
        for name in self._METHODS:
            delattr(receiver, name)
        if self._messages is not None:
            self._connection._handshake = self._messages.replaced
        receiver.next_record()

    # --- in the place of the receiver's methods

    def open(self):
        """Open the piece that has come.

        Returns:
            The content type if there is content for the connection, None otherwise; `next_record`
            comes after either.
        """
        self._receiver.complete = False
        end = _HEADER_BYTES + self._wanted
        if self._is_last:
            end -= self._tag_size
        self._open_piece(end)
        if self._is_last:
            self._wanted = 0
            return self._finish()
        self._await_piece()
        return self._show_messages()

    def next_record(self):
        """Go on where messages have been read: act upon them, or let data be read."""
        if self._has_messages:
            self.leave()
            self._messages.commit()
            return
        stretches, self._stretches = self._stretches, None
        if self._takes_data and stretches is not None:
            self._set(*stretches)
            if self._wanted and not self._has_shown:
                self._has_shown = self._connection.unverified = True
        self._go_on()

    def read_into(self, buffer) -> int:
        """Move content into `buffer`; return how many bytes."""
        receiver = self._receiver
        size = type(receiver).read_into(receiver, buffer)
        if size and receiver.start == receiver.end:
            self._go_on()
        return size

    def skip(self, size):
        """Count the first `size` bytes of what is shown as taken."""
        receiver = self._receiver
        type(receiver).skip(receiver, size)
        if size and receiver.start == receiver.end:
            self._go_on()

    def release(self):
        """Wipe and give up the buffer: the connection has ended."""
        self.leave()
        self._receiver.release()

    def _go_on(self):
        """Show the next stretch to the application; behind the last comes a piece, or the end."""
        receiver = self._receiver
        if self._show_next():
            return
        if self._wanted:
            receiver._filled = _HEADER_BYTES
            receiver._wanted = _HEADER_BYTES + self._wanted
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

    def _certain(self, byte, zeros, end):
        """Learn what is certain to be content.

        Args:
            byte: what comes before the piece that has been opened, or None.
            zeros: how many come after it.
            end: of the content in the piece.
        """
        if byte is not None:
            self._buffer[_HEADER_BYTES - 1] = byte
        self._stretches = (byte is not None, zeros, end)
        self._set(*self._stretches)
        count = (0 if byte is None else 1) + zeros + end - _HEADER_BYTES
        if self._count < _FIRST_BYTES:
            self._note_first()
        self._count += count

    def _note_first(self):
        """Keep the first bytes of the content: in an alert they are all."""
        while len(self._first) < _FIRST_BYTES and self._show_next():
            self._first += bytes(self._receiver.content()[: _FIRST_BYTES - len(self._first)])
        self._set(*self._stretches)

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

    def _show_messages(self):
        """Show what there is to who reads messages; the last stretch by way of the connection.

        That way no more is on the stack than when a record fits: certificates need what there is.
        """
        messages = self._messages
        if messages is None:
            return None
        messages.goes_on = not self._is_last
        while self._show_next():
            if self._at == self._end:
                return _CONTENT_HANDSHAKE
            messages.push(self._connection, self._receiver.content())
        return None

    # --- the end

    def _finish_messages(self):
        """Have the messages acted upon when the last have been read."""
        if not self._count:
            raise unexpected("record.empty")
        self._withdraw()
        self._has_messages = True
        return self._show_messages()

    def _finish_data(self):
        """Let the rest of the data be read: all of them are the peer's."""
        self._connection.unverified = False
        self._connection._patience.renew()
        if self._has_shown:
            self._connection._events |= _EVENT_VERIFIED

    def _withdraw(self):
        """Take back what was shown to the application."""
        if self._has_shown:
            self._connection.unverified = False
            self._connection._events |= _EVENT_WITHDRAWN
