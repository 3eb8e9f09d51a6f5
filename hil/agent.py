"""Calls to the agent on a board: one job at a time, its answer told apart from everything else.

`Caller` is the host's half of `hil/ontarget/hil_agent.py`, whatever carries the bytes: it needs a
`Channel` (the raw REPL of `hil.rawrepl`, the socket of `hil.boot.unix_port`). `AnswerReader` finds
the frame in the stream of the board's output; see the agent for the frame's form.

While a job runs, a thread of the call's own listens: an emulated board stands still when a few
hundred bytes of its console are unread, and whoever started the job may be busy with the peer.

A call that hung or whose board died leaves the board in an unknown state: every later call is
refused with the reason of the first.

What it does not do: start or end boards; measure; know any job.
"""

from __future__ import annotations

import ast
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Protocol

from hil.errors import BoardDied, BoardHang, HilError, JobFailed

_STX = b"\x02"
_ETX = b"\x03"
# An answer longer than this is a fault of the job: boards have less memory.
_ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
# How long one look at the channel may take; bounds how long a listener that was told to stop stays.
_LOOK_S = 0.2


class ChannelClosed(HilError):
    """The board's end of the channel is gone."""


class ChannelTimeout(HilError):
    """The board's end of the channel did not take or give what it should have in time."""


class UnreadableAnswer(HilError):
    """What should be an answer is none; the stream can no longer be trusted."""


class Refused(HilError):
    """The board could not even begin the call; the message is what it said."""


class Channel(Protocol):
    """Carries calls to an agent and its output back."""

    def submit(self, token: str, function: str, arguments: tuple[object, ...]) -> None:
        """Send one call.

        Raises:
            ChannelClosed, ChannelTimeout: the board's end does not take it.
        """

    def receive(self, timeout_s: float) -> bytes:
        """Return what the board said, b"" when nothing came within `timeout_s`.

        Raises:
            ChannelClosed: its end is gone.
            Refused: it did not begin the call.
        """

    def settle(self) -> None:
        """After an answer: make sure that the next call can be sent.

        Raises:
            ChannelClosed, ChannelTimeout: it cannot.
        """


@dataclass(frozen=True)
class Answer:
    """One frame: the result of a job, or what it raised."""

    ok: bool
    literal: str
    board_traceback: str


class AnswerReader:
    """Finds the answer to one call in a stream; keeps no more than it must."""

    def __init__(self, token: str) -> None:
        self._begin = _STX + token.encode() + b" "
        self._end = _ETX + token.encode()
        self._kept = bytearray()
        self._inside = False

    def feed(self, data: bytes) -> Answer | None:
        """Take the next bytes of the stream; return the answer once it is complete.

        Raises:
            UnreadableAnswer: it is too long to be one, or has not the form of one.
        """
        # How much of what was kept may be the first part of a mark that `data` completes.
        start = max(0, len(self._kept) - len(self._begin))
        self._kept += data
        begin = self._kept.rfind(self._begin, start)
        if begin >= 0:
            # A second beginning means that the first answer was given up.
            self._inside = True
            del self._kept[: begin + len(self._begin)]
            start = 0
        if not self._inside:
            del self._kept[: -len(self._begin)]
            return None
        end = self._kept.find(self._end, start)
        if end >= 0:
            return _parse(bytes(self._kept[:end]))
        if len(self._kept) > _ANSWER_LIMIT_BYTES:
            raise UnreadableAnswer(f"it has more than {_ANSWER_LIMIT_BYTES} bytes")
        return None


class Caller:
    """Runs one job at a time on one board and turns every outcome into a result or an error."""

    def __init__(
        self, name: str, channel: Channel, *, tail: Callable[[], str], obituary: Callable[[], str]
    ) -> None:
        """Make a caller for a board that has just booted.

        Args:
            name: of the board, for messages.
            channel: what carries the calls.
            tail: returns the end of the console, ready to be the end of a message.
            obituary: says in words how the board stands, once it is gone.
        """
        self._name = name
        self._channel = channel
        self._tail = tail
        self._obituary = obituary
        self._calls = 0
        self._running: str | None = None
        self._listener: _Listener | None = None
        self._broken: HilError | None = None

    def start(self, function: str, arguments: tuple[object, ...]) -> None:
        """Begin a call; `wait` ends it.

        Raises:
            BoardDied, BoardHang: the board does not take the call, or failed in an earlier one.
            ValueError: an argument is not a plain literal, or a call is running.
        """
        if self._running is not None:
            raise ValueError(f"{self._name} still runs {self._running}: wait for it first")
        if self._broken is not None:
            raise type(self._broken)(f"{self._name} failed in an earlier call: {self._broken}")
        require_literal(arguments)
        self._calls += 1
        # Unlike a random word the token makes no two runs of the same calls differ. A word of up to
        # ten letters would be a name to MicroPython and stay in the board's memory for good.
        token = hashlib.sha256(b"hil call %d" % self._calls).hexdigest()[:12]
        self._running = function
        try:
            self._channel.submit(token, function, arguments)
            self._listener = _Listener(self._channel, token)
        except ChannelClosed:
            raise self._died() from None
        except ChannelTimeout as error:
            raise self._hung(str(error)) from None

    def wait(self, timeout_s: float) -> object:
        """Return the result of the call that `start` began.

        Raises:
            JobFailed: the job raised, or could not begin.
            BoardHang: there was no answer in time, or none that can be read.
            BoardDied: the board is gone.
            ValueError: no call is running.
        """
        if self._running is None or self._listener is None:
            raise ValueError(f"{self._name} runs no job: start one first")
        try:
            answer = self._listener.answer(timeout_s)
            outcome = _outcome(answer)
            self._channel.settle()
        except ChannelClosed:
            raise self._died() from None
        except ChannelTimeout as error:
            raise self._hung(str(error)) from None
        except Refused as error:
            self._running = None
            raise JobFailed("Refused", "the board could not begin the call", str(error)) from None
        except UnreadableAnswer as error:
            doing, self._running = self._running, None
            self._broken = BoardHang(f"{self._name} answered {doing} unreadably: {error}")
            raise self._broken from None
        self._running = None
        if answer.ok:
            return outcome
        kind, detail = outcome if isinstance(outcome, tuple) else ("unknown", str(outcome))
        tail = self._tail() if kind == "MemoryError" else ""
        raise JobFailed(str(kind), str(detail), answer.board_traceback, tail)

    def close(self) -> None:
        """Stop listening; idempotent. Quick when the board has ended."""
        if self._listener is not None:
            self._listener.close()

    def _hung(self, problem: str) -> BoardHang:
        error = BoardHang(f"{self._name} hangs in {self._running}: {problem}{self._tail()}")
        self._running, self._broken = None, error
        return error

    def _died(self) -> BoardDied:
        doing, self._running = self._running, None
        error = BoardDied(f"{self._name} died in {doing}: {self._obituary()}{self._tail()}")
        self._broken = error
        return error


class _Listener:
    """A thread that reads a channel until the answer to one call has come."""

    def __init__(self, channel: Channel, token: str) -> None:
        self._channel = channel
        self._reader = AnswerReader(token)
        self._answer: Future[Answer] = Future()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="hil-listener", daemon=True)
        self._thread.start()

    def answer(self, timeout_s: float) -> Answer:
        """Return the answer, or raise what reading the channel raised."""
        try:
            return self._answer.result(timeout_s)
        except FutureTimeout:
            self._stopping.set()
            raise ChannelTimeout(f"no answer within {timeout_s:g} s") from None

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _listen(self) -> None:
        try:
            while not self._stopping.is_set():
                answer = self._reader.feed(self._channel.receive(_LOOK_S))
                if answer is not None:
                    self._answer.set_result(answer)
                    return
        # Whatever goes wrong here belongs to the thread that waits for the answer.
        except Exception as error:  # noqa: BLE001
            self._answer.set_exception(error)


def require_literal(value: object) -> None:
    """Check that `value` is made of plain literals only, so that repr carries it.

    Raises:
        ValueError: it is not; the message names the offending type.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            require_literal(key)
            require_literal(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            require_literal(item)
    elif value is not None and type(value) not in (bool, int, str, bytes):
        raise ValueError(f"only plain literals reach a board, not {type(value).__name__}")


def _parse(frame: bytes) -> Answer:
    text = frame.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    verdict, _, rest = text.partition(" ")
    if verdict not in ("ok", "raised"):
        raise UnreadableAnswer(f"it begins with {verdict[:40]!r}")
    literal, _, board_traceback = rest.partition("\n")
    return Answer(verdict == "ok", literal, board_traceback)


def _outcome(answer: Answer) -> object:
    try:
        return ast.literal_eval(answer.literal)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise UnreadableAnswer(f"{error}: {answer.literal[:200]}") from None
