"""From the contents of records to whole handshake messages (RFC 8446 §4, §5.1).

A message that lies whole in a record is handed on where it lies. One that is split over records is
put together in a buffer of fixed size; a row of states.py with an opener streams through a
PushParser instead and is never held. Whether a message is welcome is decided as soon as its header
is there.

Theory of operation: at any time either nothing has begun, or a message is being put together
(`filled` > 0), or one streams by (`stream` is its parser). A record may begin and end anywhere.

Not here: the meaning of messages; which rows there are (states.py).
"""

from tlscore import states
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved
from tlscore.moving import wipe

# See codepoints.py: copies that cost nothing on a board.
_ALERT_UNEXPECTED_MESSAGE = const(10)
_ALERT_ILLEGAL_PARAMETER = const(47)
_ALERT_DECODE_ERROR = const(50)
_FINISHED = const(20)
_KEY_UPDATE = const(24)

_HEADER_BYTES = const(4)
_SHORT_BYTES = const(16)


class HandshakeReader:
    """Cut handshake messages out of records and deliver them to a connection.

    The connection is asked `row_of(message_type)`, told `hash_piece(data)` for the bytes of
    streamed messages (others are hashed by their handlers, which know when), told `phase(name)`
    when it works at one of those, and given every
    complete message by `deliver(row, message)`, `message` being a memoryview with the header or
    the parser that has seen it all. `check_misaligned(message)` may know a better reason to
    refuse a message that should have ended its record and did not, or that it need not.

    Args:
        buffer_bytes: largest message, header included, that may be split over records.

    Attributes:
        filled: bytes of a message that is being put together.
        stream: parser of a message that streams by, or None.
    """

    def __init__(self, buffer_bytes):
        self._buffer = bytearray(buffer_bytes)
        self._view = memoryview(self._buffer)
        self.filled = 0
        self._row = None
        self._size = 0  # header and body of the message being put together
        self.stream = None
        self._left = 0  # bytes of the streaming message to come

    def partial(self) -> bool:
        """Tell whether a message has begun and not ended."""
        return self.filled > 0 or self.stream is not None

    def push(self, connection, payload):
        """Take the content of one handshake record, a memoryview.

        Raises:
            PeerMisbehaved: a message is not welcome, malformed, too long, or should have ended
                the record and did not.
        """
        position = 0
        while position < len(payload):
            if self.stream is not None:
                position = self._push_stream(connection, payload, position)
            elif self.filled or len(payload) - position < _HEADER_BYTES:
                position = self._assemble(connection, payload, position)
            else:
                position = self._begin(connection, payload, position)

    def _read_header(self, connection, header, at):
        self._row = connection.row_of(header[at])
        length = header[at + 1] << 16 | header[at + 2] << 8 | header[at + 3]
        self._size = _HEADER_BYTES + length
        opener = self._row[states.OPENER]
        if opener is None:
            return
        self.stream = getattr(connection, opener)(length)
        self._left = length
        connection.hash_piece(header[at : at + _HEADER_BYTES])

    def _begin(self, connection, payload, position):
        self._read_header(connection, payload, position)
        if self.stream is not None:
            return position + _HEADER_BYTES
        end = position + self._size
        if end > len(payload):
            self._check_fits()
            return self._assemble(connection, payload, position)
        self._deliver(connection, payload[position:end], end == len(payload))
        return end

    def _assemble(self, connection, payload, position):
        """Copy what belongs to the message in the buffer; return the position behind it."""
        has_header = self._row is not None
        wanted = self._size if has_header else _HEADER_BYTES
        taken = min(wanted - self.filled, len(payload) - position)
        end = position + taken
        self._view[self.filled : self.filled + taken] = payload[position:end]
        self.filled += taken
        if not has_header and self.filled == _HEADER_BYTES:
            self._read_header(connection, self._view, 0)
            if self.stream is not None:
                self.filled = 0
                return end
            self._check_fits()
        if self._row is not None and self.filled == self._size:
            message = self._view[: self._size]
            self.filled = 0
            self._deliver(connection, message, end == len(payload))
        return end

    def _check_fits(self):
        if self._size > len(self._buffer):
            # Our limit; OpenSSL and BoringSSL send the same alert for theirs. A message that has
            # one size only is none of its kind: RFC 8446 §6.2, decode_error.
            alert = _ALERT_ILLEGAL_PARAMETER
            if self._row[states.MESSAGE] in (_FINISHED, _KEY_UPDATE):
                alert = _ALERT_DECODE_ERROR
            raise PeerMisbehaved("handshake.message_too_long", alert)

    def _deliver(self, connection, message, at_record_end):
        row = self._row
        self._row = None
        # RFC 8446 §5.1: "Implementations MUST verify that all messages immediately preceding a
        # key change align with a record boundary; if not, then they MUST terminate the connection
        # with an "unexpected_message" alert."
        if row[states.ALIGNED] and not (at_record_end or connection.check_misaligned(message)):
            raise PeerMisbehaved("handshake.not_at_record_end", _ALERT_UNEXPECTED_MESSAGE)
        connection.deliver(row, message)

    def _push_stream(self, connection, payload, position):
        end = min(position + self._left, len(payload))
        piece = payload[position:end]
        before = connection.phase(self._row[states.HANDLER])
        connection.hash_piece(piece)
        self.stream.push(piece)
        connection.phase(before)
        self._left -= end - position
        if self._left == 0:
            stream = self.stream
            self.stream = None
            self._deliver(connection, stream, end == len(payload))
        return end

    def shrink(self):
        """Give up the room that only messages of a handshake need; KeyUpdate has five bytes."""
        wipe(self._buffer)
        self._buffer = bytearray(_SHORT_BYTES)
        self._view = memoryview(self._buffer)

    def release(self):
        """Wipe and give up the buffer."""
        wipe(self._buffer)
        self._buffer = self._view = b""
        self.filled = 0
        self._row = self.stream = None
