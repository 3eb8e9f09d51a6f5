"""A board that is none: it says what a board says on its console, and does what is asked by name.

What it has of a board: the raw REPL with raw paste as MicroPython documents it, the board's half of
the frames (hil/ontarget/hil_frames.py has their form), and three jobs: where modules come from, how
large the heap is, and work that takes the time it is told. What it has not: an interpreter, so that
it knows the farm's statements by their words; a link; noise, losses and troubles, which
tests/simboard has. It stands for a board where the number of boards is the question.
"""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Callable

from hil import frames

MICROPYTHON = (1, 25, 0)
_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_WINDOW_BYTES = 256
_CTRL_A, _CTRL_B, _CTRL_D, _CTRL_E = 1, 2, 4, 5
_SERVE = re.compile(r"hil_frames\.serve\((\d+),(\d+)\)")
_CAN_TAKE = 0x80

# Runs a function after so many seconds.
Later = Callable[[float, Callable[[], None]], object]


class StubBoard:
    """One board; lasts as long as its port is served.

    Args:
        say: takes what the board writes to its console.
        later: runs something after so many seconds.
        note: told of "begin" and "end" of each piece of work.
    """

    def __init__(
        self, say: Callable[[bytes], None], later: Later, note: Callable[[str], None]
    ) -> None:
        self._say = say
        self._later = later
        self._note = note
        self._pasted: bytearray | None = None
        self._entering = b""
        self._session: Session | None = None

    def receive(self, data: bytes) -> None:
        """Take bytes from the host."""
        while data:
            if self._session is not None:
                data = self._session.receive(data)
                if self._session.ended:
                    self._session = None
                    self._say(b"\x04\x04>")
            elif self._pasted is not None:
                data = self._take_pasted(data)
            else:
                self._take_key(data[0])
                data = data[1:]

    def _take_key(self, key: int) -> None:
        entering, self._entering = self._entering + bytes((key,)), b""
        if key == _CTRL_E or entering == b"\x05A":
            self._entering = entering[-2:]
        elif entering == b"\x05A\x01":
            self._pasted = bytearray()
            self._say(b"R\x01" + _WINDOW_BYTES.to_bytes(2, "little"))
        elif key == _CTRL_A:
            self._say(_BANNER)
        elif key == _CTRL_B:
            self._say(b"\r\nMicroPython v1.25.0 of a stub; there is no interpreter here\r\n>>> ")
        elif key == _CTRL_D:
            self._say(b"OK\r\nMPY: soft reboot\r\n" + _BANNER)

    def _take_pasted(self, data: bytes) -> bytes:
        assert self._pasted is not None
        text, end, rest = data.partition(b"\x04")
        before = len(self._pasted)
        self._pasted += text
        windows = len(self._pasted) // _WINDOW_BYTES - before // _WINDOW_BYTES
        if not end:
            self._say(b"\x01" * windows)
            return rest
        source, self._pasted = self._pasted.decode(), None
        self._say(b"\x04")
        serve = _SERVE.match(source)
        if serve is None:
            self._say(_printed(source) + b"\x04\x04>")
        else:
            session, payload_bytes = map(int, serve.groups())
            self._session = Session(session, payload_bytes, self._say, self._run)
        return rest

    def _run(self, function: str, arguments: tuple, answer: Callable[[str, object], None]) -> None:
        """Do what is asked and hand the answer on, then or later."""
        if function == "stub:work":

            def done() -> None:
                self._note("end")
                answer("ok", arguments[1])

            self._note("begin")
            self._later(arguments[0] / 1000, done)
        elif function == "hil_agent:origins":
            answer("ok", dict.fromkeys(arguments[0], "frozen"))
        elif function == "hil_agent:heap_bytes":
            answer("ok", 65_536)
        else:
            answer("raised", ("ImportError", f"a stub has no {function}"))


def _printed(source: str) -> bytes:
    """Return what the farm's statements print, known by their words."""
    if "sys.implementation" in source:
        return repr(("micropython", MICROPYTHON, "stub of a board", 0)).encode() + b"\r\n"
    if "import hil_frames" in source and "print(1)" in source:
        return b"1\r\n"  # it has our modules in its firmware
    return b""


class Session:
    """The board's half of a session of frames over a line that loses nothing."""

    def __init__(
        self,
        session: int,
        payload_bytes: int,
        say: Callable[[bytes], None],
        run: Callable[[str, tuple, Callable[[str, object], None]], None],
    ) -> None:
        self._session = session
        self._payload_bytes = payload_bytes
        self._say = say
        self._run = run
        self._incoming = bytearray()
        self._call = bytearray()
        self._answer = bytearray()
        self._on_its_way: bytes | None = None
        self._seq = self._expected = 0
        self.ended = False
        self._send(frames.STATUS, 0)

    def receive(self, data: bytes) -> bytes:
        """Take bytes; return those after the end of the session."""
        self._incoming += data
        while not self.ended and self._take():
            pass
        return bytes(self._incoming) if self.ended else b""

    def _take(self) -> bool:
        incoming = self._incoming
        start = incoming.find(frames.SYNC)
        del incoming[: start if start >= 0 else len(incoming)]
        if len(incoming) < frames.HEADER_BYTES:
            return False
        kind, seq, ack, length, _ = incoming[1 : frames.HEADER_BYTES]
        size = length + frames.OVERHEAD_BYTES
        if len(incoming) < size:
            return False
        crc = int.from_bytes(incoming[size - 4 : size], "little")
        if zlib.crc32(incoming[1 : size - 4], self._session) != crc:
            del incoming[0]
            return True
        payload = bytes(incoming[frames.HEADER_BYTES : size - 4])
        del incoming[:size]
        self._obey(kind, seq, ack, payload)
        return True

    def _obey(self, kind: int, seq: int, ack: int, payload: bytes) -> None:
        if self._on_its_way is not None and ack == (self._seq + 1) & 0xFF:
            self._on_its_way, self._seq = None, ack
        if kind == frames.POLL:
            self._send(frames.STATUS, seq)
            if self._on_its_way is not None:
                self._send(frames.TALK, self._seq, self._on_its_way)
        elif kind == frames.TALK:
            is_new = seq == self._expected
            self._expected = (seq + 1) & 0xFF if is_new else self._expected
            self._send(frames.STATUS, 0)
            if is_new:
                self._take_call(payload)
        elif kind == frames.END:
            self._send(frames.END, 0)
            self.ended = True
        self._send_answer()

    def _take_call(self, payload: bytes) -> None:
        self._call += payload
        line, _, text = bytes(self._call).partition(b"\n")
        token, size = line.decode().split(" ")
        if len(text) < int(size):
            return
        self._call.clear()
        function, arguments = ast.literal_eval(text.decode())

        def answer(verdict: str, value: object) -> None:
            said = f"\x02{token}\n\x02{token} {verdict} {value!r}"
            said += "\nTraceback: none, it is a stub" if verdict == "raised" else ""
            self._answer += f"{said}\x03{token}\n".encode()
            self._send_answer()

        self._run(function, arguments, answer)

    def _send_answer(self) -> None:
        if self._on_its_way is None and self._answer and not self.ended:
            self._on_its_way = bytes(self._answer[: self._payload_bytes])
            del self._answer[: self._payload_bytes]
            self._send(frames.TALK, self._seq, self._on_its_way)

    def _send(self, kind: int, seq: int, payload: bytes = b"") -> None:
        kind |= _CAN_TAKE
        length = len(payload)
        check = (kind + 3 * seq + 5 * self._expected + 7 * length + 0x55) & 0xFF
        covered = bytes((kind, seq, self._expected, length, check)) + payload
        crc = zlib.crc32(covered, self._session)
        self._say(bytes((frames.SYNC,)) + covered + crc.to_bytes(4, "little"))
