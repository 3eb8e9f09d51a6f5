"""The link, the calls and their answers as frames over the board's one console.

For boards with a single serial line: bytes under test, calls and answers travel in frames, what a
job prints goes between them as it is. `serve` takes the console over until the host ends it.

    0xFE kind seq ack length check payload... crc32 (little-endian)

0xFE never occurs in UTF-8 text. `kind` has bit 7 set where the board can take another DATA frame.
`check` guards the header, so that a damaged length is noticed before it is waited for. The CRC
starts from the session's number: what is left of an earlier session is no frame of this one.

Theory of operation. Each direction has at most one frame with a payload on its way, and `ack` is
the number of the next one that is expected. The host is the master: it alone has timers. It sends
no DATA before the board has emptied its one buffer, which is the flow control, and no more than
fits the receive buffer of a UART that nobody reads while a job computes. When it waits for long it
sends POLL. The board answers STATUS with the poll's number, and sends its own frame again if the
poll says that the host lacks it. Whoever finds a damaged frame says so at once (NAK, POLL).

Reading the console blocks. A frame that lost bytes on its way is completed by what the host sends
next, found damaged, and searched for the beginning of another; so the board never stays stuck, as
long as there is a host. Where there is none, a run of Ctrl-C longer than any frame ends the job and
the session, as one Ctrl-C does elsewhere.

What it does not do: protect what a job prints. Runs on MicroPython and CPython. The host's half is
hil/frames.py.
"""

import sys

import hil_agent

_SYNC = 0xFE
_DATA = 1
_TALK = 2
_POLL = 3
_STATUS = 4
_ACK = 5
_END = 6
_NAK = 7
_CAN_TAKE = 0x80

# CRC-32 of anything followed by its own CRC-32, little-endian.
_RESIDUE = 0x2144DF1C
_HEADER = 6
_TRAILER = 4
_CTRL_C = 3
# More Ctrl-C in a row than a frame can hold.
_INTERRUPT_RUN = 280
# How long a write waits for the host to acknowledge what was written before.
_WRITE_MS = 20
_FOREVER_MS = 3600000
# Clocks of boards run over at 2**30 or a multiple of it.
_TICKS_MASK = 0x3FFFFFFF


def serve(session: int, payload_bytes: int) -> None:
    """Answer calls that come in frames over the console, until the host ends the session.

    Args:
        session: number that no session shortly before this one had, 32 bits.
        payload_bytes: most that a frame carries, at most 255: with header and trailer it fits the
            receive buffer of the console's UART.
    """
    import select  # noqa: PLC0415 - these only boards have
    import time  # noqa: PLC0415

    import micropython  # noqa: PLC0415

    poller = select.poll()
    poller.register(sys.stdin, select.POLLIN)
    micropython.kbd_intr(-1)  # Ctrl-C is a byte like any other
    try:
        console = sys.stdin.buffer, sys.stdout.buffer, poller.ipoll, time.ticks_ms
        answer_calls(Line(console, session, payload_bytes))
    finally:
        micropython.kbd_intr(_CTRL_C)


def answer_calls(line: "Line") -> None:
    """Run one job after the other, as the host calls them.

    A call is a line with its token and the size of what follows, the text of the tuple of function
    and arguments.
    """
    answers = _text_stream(line)
    line.hello()
    while True:
        token, call = line.read_call()
        if token is None:
            return
        held = [call]
        call = None
        hil_agent.run(line, token, "hil_frames:evaluate", (held,), answers)
        line.flush()


def evaluate(link: "Line", held: list) -> object:
    """Run the job that a call's text names; the text is given up before the job begins.

    For a link it gets the line, or what has been put in its place (hil_wireless).
    """
    # Only the farm that has typed `serve` into this console can write here.
    function, arguments = eval(held.pop(), {})  # noqa: S307
    module_name, _, name = function.partition(":")
    if not name:
        raise ValueError("a job is named module:function, not " + repr(function))
    module = __import__(module_name, None, None, (name,))
    return getattr(module, name)(sys.modules.get("hil_frames.link", link), *arguments)


def _text_stream(line: "Line") -> object:
    """Return what answers are written to; print_exception wants a stream of the language's own."""
    import io  # noqa: PLC0415 - the class derives from one that cannot be had at build time

    class Answers(io.IOBase):
        def write(self, text: "str | bytes") -> int:
            return line.write_talk(text)

    return Answers()


class Line:
    """The console as frames; jobs get it for a link."""

    def __init__(self, console: tuple, session: int, payload_bytes: int) -> None:
        """Use an open console.

        Args:
            console: what it is read from, with readinto(buffer) that waits for every byte; what it
                is written to, with write(bytes) that writes all; a function of milliseconds that
                yields something if there is a byte to read; and the clock, a function that
                returns milliseconds modulo 2**30 or more.
            session: where the CRC starts.
            payload_bytes: most that a frame carries.
        """
        from binascii import crc32  # noqa: PLC0415

        source, sink, self._poll, self._ticks_ms = console
        self._crc32 = crc32
        self._read = source.readinto
        self._write = sink.write
        self._kind = 0
        self._session = session
        self._one = bytearray(1)
        self._head = bytearray(_HEADER - 1)
        self._body = memoryview(bytearray(payload_bytes + _TRAILER))
        self._again = b""  # what was read of a damaged frame, to be searched for another
        self._interrupts = 0
        self._staged = memoryview(bytearray(payload_bytes))
        self._staged_from = 0
        self._staged_to = 0
        self._expected = 0
        self._takes_calls = False
        self._short = bytearray(_HEADER + _TRAILER)
        self._frame = memoryview(bytearray(_HEADER + payload_bytes + _TRAILER))
        self._frame_kind = 0
        self._frame_bytes = 0  # of payload
        self._frame_seq = 0
        self._is_sent = False  # and not acknowledged

    # What jobs use.

    def readinto(self, buffer: bytearray) -> "int | None":
        """Read what is there, at most len(buffer) bytes; None when there is nothing yet."""
        if self._staged_from == self._staged_to:
            self._service(0)
        count = min(len(buffer), self._staged_to - self._staged_from)
        if not count:
            return None if len(buffer) else 0
        start = self._staged_from
        buffer[:count] = self._staged[start : start + count]
        self._staged_from = start + count
        if self._staged_from == self._staged_to:
            self._staged_from = self._staged_to = 0
            self._send_short(_STATUS, 0)  # there is room again
        return count

    def write(self, buffer: bytes) -> int:
        """Write what a frame takes and return how much; 0 while the last one is on its way."""
        if not self._is_free():
            return 0
        count = min(len(buffer), len(self._frame) - _HEADER - _TRAILER)
        if count:
            self._frame[_HEADER : _HEADER + count] = buffer[:count]
            self._frame_bytes = count
            self._send_frame(_DATA)
        return count

    def wait(self, timeout_ms: int) -> bool:
        """Wait until there is something to read; return False if not in time."""
        if self._staged_from != self._staged_to:
            return True
        begun = self._ticks_ms()
        left = timeout_ms
        while self._service(left):
            if self._staged_from != self._staged_to:
                return True
            left = timeout_ms - ((self._ticks_ms() - begun) & _TICKS_MASK)
            if left <= 0:
                return False
        return False

    # What `answer_calls` uses.

    def hello(self) -> None:
        """Tell the host that the session has begun."""
        self._send_short(_STATUS, 0)

    def read_call(self) -> tuple:
        """Wait for a call; return its token and text, or (None, None) when the session ends."""
        text = None
        token = ""
        filled = 0
        while True:
            self._takes_calls = True
            self._service(_FOREVER_MS)
            self._takes_calls = False
            kind = self._kind
            if kind == _END:
                self._send_short(_END, 0)
                return None, None
            if kind != _TALK:
                continue
            piece = self._body[: self._head[3]]
            if text is None:
                first, _, rest = bytes(piece).partition(b"\n")
                token, size = first.decode().split(" ")
                text = bytearray(int(size))
                piece = rest
            text[filled : filled + len(piece)] = piece
            filled += len(piece)
            if filled == len(text):
                return token, text

    def write_talk(self, text: "str | bytes") -> int:
        """Add to the answer; it leaves when a frame is full or by `flush`."""
        data = text.encode() if isinstance(text, str) else text
        room = len(self._frame) - _HEADER - _TRAILER
        done = 0
        while done < len(data):
            while self._is_sent:
                self._service(_FOREVER_MS)
            if not self._frame_bytes:
                self._frame_kind = _TALK
            start = self._frame_bytes
            count = min(len(data) - done, room - start)
            self._frame[_HEADER + start : _HEADER + start + count] = data[done : done + count]
            self._frame_bytes = start + count
            done += count
            if self._frame_bytes == room:
                self._send_frame(_TALK)
        return len(text)

    def flush(self) -> None:
        """Send what is left of the answer."""
        if self._frame_bytes and not self._is_sent:
            self._send_frame(_TALK)

    # Frames.

    def _is_free(self) -> bool:
        """Return True when the frame's buffer can be filled; wait shortly for that."""
        self.flush()
        if self._is_sent:
            self._service(_WRITE_MS)
        return not self._is_sent

    def _service(self, timeout_ms: int) -> bool:
        """Act on one frame, or what may be one; return False when nothing came in time."""
        if not self._again:
            ready = False
            for _ in self._poll(timeout_ms):
                ready = True
            if not ready:
                self._kind = 0
                return False
        self._kind = self._take()
        return True

    def _take(self) -> int:
        """Read a frame and return its kind, or 0 for anything that is to be ignored."""
        self._fill(self._one, 1)
        if self._one[0] != _SYNC:
            self._count_interrupts(self._one[0])
            return 0
        head = self._head
        self._fill(head, _HEADER - 1)
        length = head[3]
        whole = length + _TRAILER
        if head[4] != _check(head) or whole > len(self._body):
            self._search(bytes(head))
            return 0
        self._fill(self._body, whole)
        body = self._body[:whole]
        if self._crc32(body, self._crc32(head, self._session)) != _RESIDUE:
            self._search(bytes(head) + bytes(body))
            self._send_short(_NAK, 0)
            return 0
        self._interrupts = 0
        return self._obey(head[0], head[1], head[2], length)

    def _obey(self, kind: int, seq: int, ack: int, length: int) -> int:
        """Act on an intact frame; return its kind, 0 if there is nothing more to do about it."""
        if self._is_sent and ack == (self._frame_seq + 1) & 0xFF:
            self._is_sent = False
            self._frame_bytes = 0
            self._frame_seq = ack
        if kind == _POLL:
            self._send_short(_STATUS, seq)
            if self._is_sent:
                self._send_frame(self._frame_kind)
        elif kind in (_DATA, _TALK):
            if seq != self._expected:
                self._send_short(_STATUS, 0)  # it came before
                return 0
            if kind == _DATA:
                if self._staged_from != self._staged_to:
                    return 0
                self._staged[:length] = self._body[:length]
                self._staged_to = length
            elif not self._takes_calls:
                return 0
            self._expected = (seq + 1) & 0xFF
            if kind == _TALK:
                self._send_short(_STATUS, 0)
        return kind

    def _fill(self, buffer: "bytearray | memoryview", count: int) -> None:
        """Read exactly `count` bytes, waiting for them."""
        done = min(count, len(self._again))
        if done:
            buffer[:done] = self._again[:done]
            self._again = self._again[done:]
        if done < count:
            view = memoryview(buffer)
            while done < count:
                done += self._read(view[done:count]) or 0

    def _search(self, damaged: bytes) -> None:
        """Have bytes read again that may contain the beginning of a frame."""
        self._again = damaged + self._again

    def _count_interrupts(self, byte: int) -> None:
        self._interrupts = self._interrupts + 1 if byte == _CTRL_C else 0
        if self._interrupts >= _INTERRUPT_RUN:
            self._interrupts = 0
            raise KeyboardInterrupt

    def _send_frame(self, kind: int) -> None:
        self._frame_kind = kind
        self._is_sent = True
        self._send(self._frame, kind, self._frame_seq, self._frame_bytes)

    def _send_short(self, kind: int, seq: int) -> None:
        self._send(self._short, kind, seq, 0)

    def _send(self, buffer: "bytearray | memoryview", kind: int, seq: int, length: int) -> None:
        view = memoryview(buffer)
        if self._staged_from == self._staged_to:
            kind |= _CAN_TAKE
        view[0] = _SYNC
        view[1] = kind
        view[2] = seq
        view[3] = self._expected
        view[4] = length
        view[5] = _check(view[1:5])
        end = _HEADER + length
        crc = self._crc32(view[1:end], self._session)
        for i in range(_TRAILER):
            view[end + i] = crc >> (8 * i) & 0xFF
        self._write(view[: end + _TRAILER])


def _check(head: "bytearray | memoryview") -> int:
    return (head[0] + 3 * head[1] + 5 * head[2] + 7 * head[3] + 0x55) & 0xFF
