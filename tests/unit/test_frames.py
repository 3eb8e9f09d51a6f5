"""Frames over one console: whatever a line loses, doubles or damages, no wrong byte passes.

Both halves are the real ones, the board's run by CPython. The line between them and the time are
simulated, so that a test takes no time and every found fault can be repeated: the board's reads
move the world on.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import random
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil import paths
from hil.agent import AnswerReader
from hil.frames import OVERHEAD_BYTES, Exchange, LineFailed

SESSION = 0x5EED0001
PAYLOAD_BYTES = 192
STEP_S = 0.002
# Long enough to ask for every frame of these tests ten times.
LIMIT_S = 120.0


class TimeIsOverError(BaseException):
    """The end of a simulation, whatever the board is doing; no job may catch it."""


def on_board(name: str) -> ModuleType:
    path = paths.package_dir() / "ontarget" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def frames() -> Iterator[ModuleType]:
    before = {name: sys.modules.get(name) for name in ("hil_agent", "hil_frames")}
    on_board("hil_agent")
    yield on_board("hil_frames")
    for name, module in before.items():
        if module is None:
            del sys.modules[name]
        else:
            sys.modules[name] = module


class Trouble:
    """Does something to some bytes, up to a number of times."""

    def __init__(self, seed: int, rate: float, kinds: str, times: int) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self._kinds = kinds
        self.left = times

    def __call__(self, data: bytes) -> bytes:
        passed = bytearray()
        if "r" in self._kinds and self.left and self._random.random() < 0.2:
            self.left -= 1
            data += data  # whole frames come twice
        for byte in data:
            if self.left and self._random.random() < self._rate:
                self.left -= 1
                passed += self._instead_of(byte)
            else:
                passed.append(byte)
        return bytes(passed)

    def _instead_of(self, byte: int) -> bytes:
        kind = self._random.choice(self._kinds)
        if kind == "l":  # lost
            return b""
        if kind in "dr":  # doubled
            return bytes((byte, byte))
        if kind == "n":  # noise before it
            return self._random.randbytes(self._random.randint(1, 12)) + bytes((byte,))
        return bytes((byte ^ self._random.randint(1, 255),))  # damaged


class Line:
    """The line, the host's half and the clock; the board sees it as its console."""

    def __init__(self, trouble: Trouble, *, uart_bytes: int = 256) -> None:
        self._trouble = trouble
        self._uart_bytes = uart_bytes
        self.exchange = Exchange(SESSION, PAYLOAD_BYTES, 0.0)
        self.now_s = 0.0
        self.most_unread = 0
        self._to_board = bytearray()
        self._to_host = bytearray()
        self.answers = bytearray()
        self.data = bytearray()
        self.text = bytearray()
        self.on_step: Callable[[], None] = lambda: None

    def console(self) -> tuple[Any, Any, Any, Any]:
        return self, self, self.poll, lambda: int(self.now_s * 1000)

    def step(self, until_s: float = LIMIT_S) -> None:
        """Let time pass, at most so far: what has been sent arrives, or else something is due."""
        is_quiet = not (self._to_host or self.exchange.outgoing)
        due_s = max(self.exchange.deadline_s, self.now_s) if is_quiet else self.now_s
        self.now_s = min(due_s + STEP_S, until_s)
        if self.now_s >= LIMIT_S:
            raise TimeIsOverError
        arriving, self._to_host = self._trouble(bytes(self._to_host)), bytearray()
        arrived = self.exchange.receive(arriving, self.now_s)
        self.data += arrived.data
        self.answers += arrived.talk
        self.text += arrived.text
        self.exchange.tick(self.now_s)
        self.on_step()
        self._to_board += self._trouble(bytes(self.exchange.outgoing))
        self.exchange.outgoing.clear()
        self.most_unread = max(self.most_unread, len(self._to_board))
        del self._to_board[self._uart_bytes :]  # what a full receive buffer does

    def readinto(self, buffer: memoryview) -> int:
        for i in range(len(buffer)):
            while not self._to_board:
                self.step()
            buffer[i] = self._to_board.pop(0)
        return len(buffer)

    def write(self, data: bytes) -> int:
        self._to_host += bytes(data)
        return len(data)

    def poll(self, timeout_ms: int) -> list[int]:
        end_s = self.now_s + timeout_ms / 1000
        while not self._to_board and self.now_s < end_s:
            self.step(min(end_s, LIMIT_S))
        return [1] if self._to_board else []


class Session:
    """A host that calls jobs one after the other, and feeds the link."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.results: list[object] = []
        self._calls: list[tuple[str, tuple[object, ...]]] = []
        self._reader: AnswerReader | None = None
        line.on_step = self._look

    def run(self, frames: ModuleType, *calls: tuple[str, tuple[object, ...]]) -> None:
        """Run the board's half until it has answered all calls and was told to end."""
        self._calls = list(calls)
        frames.answer_calls(frames.Line(self.line.console(), SESSION, PAYLOAD_BYTES))

    def _look(self) -> None:
        exchange = self.line.exchange
        if self._reader is not None:
            answer = self._reader.feed(bytes(self.line.answers))
            self.line.answers.clear()
            if answer is None:
                return
            self.results.append((answer.ok, ast.literal_eval(answer.literal)))
            self._reader = None
        if not exchange.begun or exchange.ended:
            return
        if self._calls:
            function, arguments = self._calls.pop(0)
            token = f"{len(self._calls):08x}"
            self._reader = AnswerReader(token)
            exchange.call(token, repr((function, arguments)).encode())
        elif exchange.deadline_s - self.line.now_s < STEP_S or exchange.is_idle:
            exchange.end()


def echo(
    frames: ModuleType, trouble: Trouble, payload: bytes, piece: int = 100, uart_bytes: int = 256
) -> Line:
    """Send a payload to the board's echo and return the line when the session is over."""
    line = Line(trouble, uart_bytes=uart_bytes)
    line.exchange.send(payload)
    Session(line).run(frames, ("hil_agent:echo", (len(payload), piece)))
    return line


QUIET = Trouble(0, 0.0, "l", 0)


def test_a_quiet_line_carries_every_byte_value_both_ways(frames: ModuleType) -> None:
    payload = bytes(range(256)) * 40
    line = echo(frames, QUIET, payload)
    assert bytes(line.data) == payload
    assert line.exchange.damaged == line.exchange.repeated == 0
    assert line.most_unread <= PAYLOAD_BYTES + 6 * OVERHEAD_BYTES


@pytest.mark.parametrize("seed", range(4))
def test_frames_that_come_twice_count_once(frames: ModuleType, seed: int) -> None:
    payload = random.Random(seed).randbytes(3000)
    line = echo(frames, Trouble(seed, 0.0, "r", sys.maxsize), payload, 500, uart_bytes=1024)
    assert bytes(line.data) == payload


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rate=st.sampled_from([0.001, 0.01, 0.03, 0.2]),
    kinds=st.sampled_from(["l", "d", "n", "x", "r", "ldnxr"]),
    times=st.integers(1, 40),
    payload=st.binary(min_size=1, max_size=1500),
    piece=st.sampled_from([1, 64, 192, 500]),
)
def test_after_trouble_all_bytes_are_right(
    frames: ModuleType,
    seed: int,
    rate: float,
    kinds: str,
    times: int,
    payload: bytes,
    piece: int,
) -> None:
    line = echo(frames, Trouble(seed, rate, kinds, times), payload, piece)
    assert bytes(line.data) == payload


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rate=st.sampled_from([0.02, 0.1, 0.5]),
    kinds=st.sampled_from(["l", "d", "n", "x", "r", "ldnxr"]),
)
def test_trouble_without_end_passes_no_wrong_byte_and_ends(
    frames: ModuleType, seed: int, rate: float, kinds: str
) -> None:
    line = Line(Trouble(seed, rate, kinds, sys.maxsize))
    payload = random.Random(seed).randbytes(2000)
    line.exchange.send(payload)
    session = Session(line)
    with contextlib.suppress(LineFailed, TimeIsOverError):
        session.run(frames, ("hil_agent:echo", (len(payload),)))
    assert payload.startswith(bytes(line.data))
    assert session.results in ([], [(True, len(payload))])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.sampled_from(["l", "d", "x", "r", "ldnxr"]),
    argument=st.binary(max_size=900) | st.text(max_size=400),
)
def test_calls_and_answers_pass_through_trouble(
    frames: ModuleType, seed: int, kinds: str, argument: object
) -> None:
    line = Line(Trouble(seed, 0.01, kinds, 30))
    session = Session(line)
    with pytest.MonkeyPatch.context() as patch:
        jobs = ModuleType("jobs")
        jobs.back = lambda _link, value: value  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "jobs", jobs)
        session.run(frames, ("jobs:back", (argument,)), ("jobs:back", (1,)))
    assert session.results == [(True, argument), (True, 1)]


def test_what_a_job_prints_and_raises_comes_through(frames: ModuleType) -> None:
    line = Line(QUIET)
    session = Session(line)

    def prints(link: Any) -> None:
        line.write("grüße\r\n".encode())
        link.write(b"data")
        line.write(b"more\r\n")
        raise ValueError("with an answer of several frames: " + "x" * 600)

    jobs = ModuleType("jobs")
    jobs.prints = prints  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "jobs", jobs)
        session.run(frames, ("jobs:prints", ()), ("nowhere:job", ()), ("hil_agent:heap", ()))
    assert line.text.decode() == "grüße\r\nmore\r\n"
    assert bytes(line.data) == b"data"
    assert [ok for ok, _ in session.results] == [False, False, False]  # type: ignore[misc]
    kinds = [result[0] for _, result in session.results]  # type: ignore[misc]
    assert kinds == ["ValueError", "ModuleNotFoundError", "AttributeError"]


def test_a_job_that_computes_finds_no_more_than_its_uart_holds(frames: ModuleType) -> None:
    line = Line(QUIET)
    session = Session(line)
    payload = bytes(range(256)) * 8

    def computes(link: Any) -> bytes:
        end_s = line.now_s + 8
        while line.now_s < end_s:  # in which nothing is read
            line.step(end_s)
        got = bytearray()
        piece = bytearray(64)
        while len(got) < len(payload):
            count = link.readinto(piece)
            if count:
                got += piece[:count]
            else:
                link.wait(100)
        return bytes(got)

    jobs = ModuleType("jobs")
    jobs.computes = computes  # type: ignore[attr-defined]
    line.exchange.send(payload)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "jobs", jobs)
        session.run(frames, ("jobs:computes", ()))
    assert session.results == [(True, payload)]
    assert line.most_unread <= 256 + OVERHEAD_BYTES
    assert line.exchange.repeated == 0


def test_link_bytes_nobody_reads_do_not_hold_up_the_next_call(frames: ModuleType) -> None:
    line = Line(QUIET)
    session = Session(line)
    line.exchange.send(b"left over" * 200 + b"MARK")
    session.run(
        frames,
        ("hil_agent:echo", (3,)),
        ("hil_agent:echo", (0,)),
        ("hil_agent:synchronise", (b"MARK",)),
    )
    assert session.results == [(True, 3), (True, 0), (True, None)]
    assert bytes(line.data) == b"lefMARK"


def test_frames_of_an_earlier_session_are_none_of_this_one(frames: ModuleType) -> None:
    line = Line(QUIET)
    old = Exchange(SESSION - 1, PAYLOAD_BYTES, 0.0)
    old.call("deadbeef", b"('hil_agent:echo', (5,))")
    line._to_board += old.outgoing
    session = Session(line)
    session.run(frames, ("hil_agent:echo", (0,)))
    assert session.results == [(True, 0)]


def test_a_long_run_of_control_c_ends_job_and_session(frames: ModuleType) -> None:
    line = Line(QUIET, uart_bytes=1 << 20)
    began: list[float] = []

    def interrupt() -> None:
        if line.exchange.begun and not began:
            began.append(line.now_s)
            line._to_board += b"\x03" * 2000

    line.on_step = interrupt
    with pytest.raises(KeyboardInterrupt):
        frames.answer_calls(frames.Line(line.console(), SESSION, PAYLOAD_BYTES))
    assert line.now_s < began[0] + 1


def test_a_line_that_damages_every_frame_is_given_up_by_name() -> None:
    exchange = Exchange(SESSION, PAYLOAD_BYTES, 0.0)
    other = Exchange(SESSION + 1, PAYLOAD_BYTES, 0.0)
    for _ in range(100):
        other._send(4, 0)  # STATUS, with a CRC that is not this session's
    with pytest.raises(LineFailed, match=r"came damaged: look at cable and baud"):
        exchange.receive(bytes(other.outgoing), 0.0)
