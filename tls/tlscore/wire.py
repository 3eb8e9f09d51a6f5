"""Reading and writing the presentation language of TLS (RFC 8446 §3) in place.

`Reader` takes fields off a message that lies whole in a buffer, `PushParser` takes them off a
message that streams by in pieces of any size, `Writer` puts fields into a buffer allocated long
before. None of them copies, and none knows what the fields mean.

Every field that is missing, too long or left over is a `decode_error`: "some field was out of the
specified range or the length of the message was incorrect" (RFC 8446 §6.2). The reason names the
message ("server_hello.truncated").
"""

from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, TlsError

# See codepoints.py: copies that cost nothing on a board.
_ALERT_DECODE_ERROR = const(50)
_ALERT_INTERNAL_ERROR = const(80)


def decode_error(subject, what):
    """Return the error for a message that cannot be decoded."""
    return PeerMisbehaved(subject + "." + what, _ALERT_DECODE_ERROR)


class Reader:
    """Take fields off `data[start:end]`, front to back.

    Args:
        data: memoryview (or bytes); it is not copied, slices of it are handed out.
        subject: what is being read, the first part of the reason of every error.
    """

    def __init__(self, data, subject, start=0, end=None):
        self.data = data
        self.subject = subject
        self.position = start
        self.end = len(data) if end is None else end

    def remaining(self) -> int:
        """Return the number of bytes not yet taken."""
        return self.end - self.position

    def _advance(self, size):
        start = self.position
        if size > self.end - start:
            raise decode_error(self.subject, "truncated")
        self.position = start + size
        return start

    # Most of what is read and written are short integers: they do without a call.

    def u8(self) -> int:
        """Take an unsigned integer of one byte."""
        at = self.position
        if at == self.end:
            raise decode_error(self.subject, "truncated")
        self.position = at + 1
        return self.data[at]

    def u16(self) -> int:
        """Take an unsigned integer of two bytes."""
        at = self.position
        if self.end - at < 2:
            raise decode_error(self.subject, "truncated")
        self.position = at + 2
        data = self.data
        return data[at] << 8 | data[at + 1]

    def u24(self) -> int:
        """Take an unsigned integer of three bytes."""
        at = self._advance(3)
        return self.data[at] << 16 | self.data[at + 1] << 8 | self.data[at + 2]

    def take(self, size):
        """Take `size` bytes as a slice of the data (a memoryview if the data is one)."""
        start = self._advance(size)
        return self.data[start : start + size]

    def _vector(self, size, low, high):
        if not low <= size <= high:
            raise decode_error(self.subject, "bad_length")
        start = self._advance(size)
        return Reader(self.data, self.subject, start, start + size)

    def vector8(self, low=0, high=0xFF) -> "Reader":
        """Take a vector<low..high> with a length of one byte, as a Reader over its content."""
        return self._vector(self.u8(), low, high)

    def vector16(self, low=0, high=0xFFFF) -> "Reader":
        """Take a vector<low..high> with a length of two bytes, as a Reader over its content."""
        return self._vector(self.u16(), low, high)

    def rest(self):
        """Take everything that is left, as a slice of the data."""
        return self.take(self.end - self.position)

    def finish(self):
        """Check that nothing is left over."""
        if self.position != self.end:
            raise decode_error(self.subject, "trailing_data")


class PushParser:
    """Base of parsers of messages that stream by in pieces and are never held.

    A message is a sequence of big-endian integers and of opaque stretches. A subclass asks for the
    next one by `expect_integer` or `expect_opaque` and is called back: `on_integer(value)`,
    `on_piece(piece)` for every piece of a stretch, `on_end()` when the stretch is complete.
    Every byte asked for is taken from the length announced in the message header: a field that
    reaches past the end is refused as soon as its length is known, and so is a byte that nobody
    asked for. When as many bytes as announced have been pushed, the fields have ended too.
    """

    def __init__(self, length, subject):
        self.subject = subject
        self.unclaimed = length
        self._integer_bytes = 0
        self._value = 0
        self._opaque_bytes = 0

    def expect_integer(self, size):
        """Ask for an unsigned integer of `size` bytes next."""
        self._claim(size)
        self._integer_bytes = size
        self._value = 0

    def expect_opaque(self, size):
        """Ask for `size` opaque bytes next; none at all end at once."""
        self._claim(size)
        self._opaque_bytes = size
        if size == 0:
            self.on_end()

    def _claim(self, size):
        if size > self.unclaimed:
            raise decode_error(self.subject, "truncated")
        self.unclaimed -= size

    def push(self, data):
        """Take the next bytes of the message, a memoryview of at most what was announced."""
        position = 0
        size = len(data)
        while position < size:
            if self._integer_bytes:
                self._value = self._value << 8 | data[position]
                position += 1
                self._integer_bytes -= 1
                if self._integer_bytes == 0:
                    self.on_integer(self._value)
            elif self._opaque_bytes:
                taken = min(self._opaque_bytes, size - position)
                self.on_piece(data[position : position + taken])
                position += taken
                self._opaque_bytes -= taken
                if self._opaque_bytes == 0:
                    self.on_end()
            else:
                raise decode_error(self.subject, "trailing_data")

    def on_integer(self, value):
        """Receive an integer asked for; subclasses ask for the next field here."""
        raise NotImplementedError

    def on_piece(self, piece):
        """Receive a piece of an opaque stretch; it is only valid during the call."""

    def on_end(self):
        """Learn that an opaque stretch is complete; subclasses ask for the next field here."""
        raise NotImplementedError


class Writer:
    """Put fields into `buffer[position:limit]`, a memoryview.

    Running out of room is not the peer's fault: the caller configured too small a send buffer.
    """

    def __init__(self, buffer, position, limit):
        self.buffer = buffer
        self.position = position
        self._limit = limit

    def _advance(self, size):
        start = self.position
        if size > self._limit - start:
            raise _no_room()
        self.position = start + size
        return start

    def u8(self, value):
        """Put an unsigned integer of one byte."""
        at = self.position
        if at >= self._limit:
            raise _no_room()
        self.position = at + 1
        self.buffer[at] = value

    def u16(self, value):
        """Put an unsigned integer of two bytes."""
        at = self.position
        if self._limit - at < 2:
            raise _no_room()
        self.position = at + 2
        buffer = self.buffer
        buffer[at] = value >> 8
        buffer[at + 1] = value & 0xFF

    def raw(self, data):
        """Put the bytes of `data` as they are."""
        start = self._advance(len(data))
        self.buffer[start : start + len(data)] = data

    def vector8(self, data):
        """Put `data` with a length of one byte before it."""
        self.u8(len(data))
        self.raw(data)

    def vector16(self, data):
        """Put `data` with a length of two bytes before it."""
        self.u16(len(data))
        self.raw(data)

    def open(self, size) -> int:
        """Leave room for a length of `size` bytes and return the mark that `close` needs."""
        self._advance(size)
        return self.position

    def close(self, mark, size):
        """Fill in the length, of 1 to 3 bytes, of what was written since `open` returned `mark`."""
        length = self.position - mark
        buffer = self.buffer
        buffer[mark - 1] = length & 0xFF
        if size > 1:
            buffer[mark - 2] = length >> 8 & 0xFF
        if size > 2:
            buffer[mark - 3] = length >> 16 & 0xFF


def _no_room():
    return TlsError("send_buffer.too_small", _ALERT_INTERNAL_ERROR)
