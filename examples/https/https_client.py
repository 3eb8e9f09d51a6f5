"""HTTP/1.1 over a stream (RFC 9110, RFC 9112): GET and PUT for a board with little memory.

    client = HttpClient(stream, "files.example")
    response = client.get("/big.bin")
    count = response.readinto(buffer)        # a piece of the body; 0 at its end
    response = client.put("/log.txt", reader, length)

Any number of requests go over one connection, one after the other; a response must have been read
to its end (or `discard`ed) before the next. Bodies have a Content-Length or come in chunks, in both
directions, and are never held: memory is one buffer, 1 KB by default, whatever their size. What
ends too early is an error and never a short body, with the stream's help: see tls_stream.py.

A reader of a body to send is any object with `readinto(buffer) -> int` that returns 0 at its end;
an open file is one. Runs on CPython and on MicroPython. Not here: redirects, cookies, compression,
proxies, trailers (they are skipped).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SKIPPED_HEADERS_MAX = 64
# Of a chunk that is sent: up to four hexadecimal digits, CR LF; behind the data CR LF.
_CHUNK_HEAD_BYTES = 6
_CHUNK_BYTES_MAX = 0xFFFF
_CHUNK_DIGITS_MAX = 8


class HttpError(Exception):
    """The server's answer, or what was asked for, is not as RFC 9112 has it.

    Attributes:
        reason: stable text, "http.<what>".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HttpClient:
    """Requests over one connection.

    Args:
        stream: object with readinto(buffer), 0 at an orderly end, and write(data), which sends all.
        host: for the Host header: name, with the port where it is not 443.
        keep: names of headers that responses keep, bytes in lower case.
        buffer_bytes: size of the one buffer; the longest header line.
    """

    def __init__(
        self,
        stream: "Any",
        host: str,
        keep: "tuple[bytes, ...]" = (b"content-type",),
        buffer_bytes: int = 1024,
    ) -> None:
        self._host = _checked(host)
        self._keep = keep
        self._input = _Input(stream, buffer_bytes)
        self._stream = stream
        self._response: "Response | None" = None
        self._in_request = False

    def get(self, path: str, headers: "tuple[tuple[str, str], ...]" = ()) -> "Response":
        """Ask for a resource and return the response, its body still to be read."""
        self._head("GET", path, headers)
        return self._answer()

    def put(
        self,
        path: str,
        body: "Any",
        length: "int | None" = None,
        headers: "tuple[tuple[str, str], ...]" = (),
    ) -> "Response":
        """Store a resource and return the response.

        Args:
            path: where.
            body: a reader.
            length: of the body, in bytes; None if nobody knows: then it is sent in chunks.
            headers: pairs of name and value.

        Raises:
            HttpError: `http.body_length`: the body is shorter than was said. The connection is of
                no use then.
        """
        if length is None:
            framing = ("Transfer-Encoding", "chunked")
        else:
            framing = ("Content-Length", str(length))
        self._head("PUT", path, headers + (framing,))
        if length is None:
            self._send_chunks(body)
        else:
            self._send_exactly(body, length)
        return self._answer()

    def _head(self, method: str, path: str, headers: "tuple[tuple[str, str], ...]") -> None:
        if self._in_request:  # the one before was never finished
            raise HttpError("http.connection_closed")
        if self._response is not None:
            if not self._response.ended:
                raise HttpError("http.body_not_read")
            if not self._response.keep_alive:
                raise HttpError("http.connection_closed")
        self._input.spare()
        head = "{} {} HTTP/1.1\r\nHost: {}\r\n".format(method, _checked(path), self._host)
        for name, value in headers:
            head += "{}: {}\r\n".format(_checked(name), _checked(value, " \t"))
        self._in_request = True
        self._stream.write((head + "\r\n").encode())

    def _answer(self) -> "Response":
        response = Response(self._input, self._keep)
        while response.status // 100 == 1:  # RFC 9110 §15.2: interim, the answer is still to come
            response = Response(self._input, self._keep)
        self._response = response
        self._in_request = False
        return response

    def _send_exactly(self, body: "Any", length: int) -> None:
        buffer = self._input.spare()
        while length:
            count = body.readinto(buffer[: min(length, len(buffer))])
            if not count:
                raise HttpError("http.body_length")
            self._stream.write(buffer[:count])
            length -= count

    def _send_chunks(self, body: "Any") -> None:
        buffer = self._input.spare()
        room = min(len(buffer) - _CHUNK_HEAD_BYTES - 2, _CHUNK_BYTES_MAX)
        data = buffer[_CHUNK_HEAD_BYTES : _CHUNK_HEAD_BYTES + room]
        count = body.readinto(data)
        while count:
            buffer[:_CHUNK_HEAD_BYTES] = b"%04x\r\n" % count
            end = _CHUNK_HEAD_BYTES + count
            buffer[end : end + 2] = b"\r\n"
            self._stream.write(buffer[: end + 2])
            count = body.readinto(data)
        self._stream.write(b"0\r\n\r\n")


class Response:
    """Status and headers of an answer, and its body as a stream.

    Attributes:
        status: three digits as a number.
        headers: name in lower case -> value, bytes, of those that were to be kept.
        length: bytes of body still to come; None if the server has not said so.
        keep_alive: another request may follow on the connection.
        ended: the whole body has been read.
    """

    def __init__(self, source: "_Input", keep: "tuple[bytes, ...]") -> None:
        self._source = source
        self.headers: "dict[bytes, bytes]" = {}
        self.length: "int | None" = None
        self.ended = False
        self._chunked = False
        line = source.line("http.connection_closed")
        # RFC 9112 §4: HTTP-version SP status-code SP [ reason-phrase ]
        if line[:7] != b"HTTP/1." or line[8:9] != b" " or not line[9:12].isdigit():
            raise HttpError("http.status_line")
        self.status = int(line[9:12])
        self.keep_alive = line[7:8] != b"0"
        for _ in range(_SKIPPED_HEADERS_MAX):
            line = source.line()
            if not line:
                break
            self._on_header(line, keep)
        else:
            raise HttpError("http.too_many_headers")
        self._decide_framing()

    def readinto(self, buffer: "Any") -> int:
        """Wait for more of the body; return how many bytes came into `buffer`, 0 at its end."""
        if self.ended or not len(buffer):
            return 0
        if self._chunked and not self.length:
            self._next_chunk()
            if self.ended:
                return 0
        if self.length is None:  # up to the end of the connection, which the stream vouches for
            count = self._source.readinto(buffer)
            self.ended = not count
            return count
        count = self._source.readinto(memoryview(buffer)[: min(len(buffer), self.length)])
        if not count:
            raise HttpError("http.body_truncated")
        self.length -= count
        if not self.length:
            if self._chunked:
                self._expect_blank_line()
            else:
                self.ended = True
        return count

    def discard(self) -> None:
        """Read what is left of the body and forget it."""
        buffer = bytearray(256)
        while self.readinto(buffer):
            pass

    def _on_header(self, line: bytes, keep: "tuple[bytes, ...]") -> None:
        colon = line.find(b":")
        # RFC 9112 §5.1: no space before the colon; §5.2: no line folding
        if colon < 1 or line[:1] in b" \t" or line[colon - 1 : colon] in b" \t":
            raise HttpError("http.header")
        name, value = line[:colon].lower(), line[colon + 1 :].strip()
        if name == b"content-length":
            length = int(value) if value.isdigit() else -1
            # RFC 9112 §6.3: what is no number, or two of them, is "an unrecoverable error"
            if length < 0 or self.length not in (None, length):
                raise HttpError("http.content_length")
            self.length = length
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked" or self._chunked:
                raise HttpError("http.transfer_encoding")
            self._chunked = True
        elif name == b"connection":
            options = [option.strip() for option in value.lower().split(b",")]
            self.keep_alive = b"close" not in options and (
                self.keep_alive or b"keep-alive" in options
            )
        if name in keep:
            self.headers[name] = value

    def _decide_framing(self) -> None:
        """Settle where the body ends (RFC 9112 §6.3)."""
        if self.status // 100 == 1 or self.status in (204, 304):
            self._chunked, self.length = False, 0
        elif self._chunked:
            # "such a message might indicate an attempt to perform request smuggling"
            if self.length is not None:
                raise HttpError("http.two_lengths")
            self.length = 0
        elif self.length is None:
            self.keep_alive = False
        self.ended = self.length == 0 and not self._chunked

    def _next_chunk(self) -> None:
        digits = self._source.line().split(b";")[0].strip().lower()
        if not 0 < len(digits) <= _CHUNK_DIGITS_MAX:
            raise HttpError("http.chunk_size")
        for digit in digits:
            if digit not in b"0123456789abcdef":
                raise HttpError("http.chunk_size")
        size = int(digits, 16)
        self.length = size
        if not size:
            for _ in range(_SKIPPED_HEADERS_MAX):
                if not self._source.line():
                    self.ended = True
                    return
            raise HttpError("http.too_many_headers")

    def _expect_blank_line(self) -> None:
        if self._source.line():
            raise HttpError("http.chunk_end")


class _Input:
    """What comes from the stream: lines, and the bytes behind them."""

    def __init__(self, stream: "Any", size: int) -> None:
        self._stream = stream
        self._buffer = memoryview(bytearray(size))
        self._start = 0
        self._end = 0

    def spare(self) -> "memoryview":
        """Return the buffer for other use until the next line is read.

        Raises:
            HttpError: `http.surplus`: the server has said more than was asked for.
        """
        if self._start < self._end:
            raise HttpError("http.surplus")
        self._start = self._end = 0
        return self._buffer

    def line(self, nothing: str = "http.head_truncated") -> bytes:
        """Return the next line without its end; `nothing` is the reason if none begins."""
        buffer = self._buffer
        position = self._start
        while True:
            while position < self._end:
                if buffer[position] == 0x0A:
                    line = bytes(buffer[self._start : position])
                    self._start = position + 1
                    return line[:-1] if line[-1:] == b"\r" else line
                position += 1
            position -= self._make_room()
            count = self._stream.readinto(buffer[self._end :])
            if not count:
                raise HttpError("http.head_truncated" if self._end else nothing)
            self._end += count

    def readinto(self, buffer: "Any") -> int:
        """Return bytes that came behind a line, or those that come now; 0 at the end."""
        count = min(len(buffer), self._end - self._start)
        if not count:
            return int(self._stream.readinto(buffer))
        memoryview(buffer)[:count] = self._buffer[self._start : self._start + count]
        self._start += count
        return count

    def _make_room(self) -> int:
        """Move what is left to the buffer's begin; return by how much."""
        moved = self._start
        left = self._end - moved
        if left == len(self._buffer):
            raise HttpError("http.line_too_long")
        self._buffer[:left] = bytes(self._buffer[moved : self._end])
        self._start, self._end = 0, left
        return moved


def _checked(text: str, allowed: str = "") -> str:
    """Return a part of a request head, which must not be able to end its line."""
    for character in text:
        if not 0x20 < ord(character) < 0x7F and character not in allowed:
            raise HttpError("http.forbidden_character")
    return text
