"""Every outcome of a call is a result or a precise error, whatever else the board says.

The other end is the real agent (`hil/ontarget/hil_agent.py`), run by CPython in a thread.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import paths
from hil.agent import AnswerReader, Caller, ChannelClosed, UnreadableAnswer, require_literal
from hil.boot.unix_port import SocketChannel
from hil.errors import BoardDied, BoardHang, JobFailed

_TOKEN = "0a1b2c3d"


def _agent() -> ModuleType:
    path = paths.package_dir() / "ontarget" / "hil_agent.py"
    spec = importlib.util.spec_from_file_location("hil_agent", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_AGENT = _agent()


class Desk:
    """The agent on CPython, a caller to it, and the sockets between them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.agent = _agent()
        # Jobs name the agent's module as they do on a board.
        monkeypatch.setitem(sys.modules, "hil_agent", self.agent)
        monkeypatch.setitem(sys.modules, "jobs", None)  # what is installed is gone afterwards
        ours, theirs = socket.socketpair()
        self.link, board_link = socket.socketpair()
        board_link.setblocking(False)
        self.channel = SocketChannel(ours)
        self.caller = Caller(
            "desk", self.channel, tail=lambda: "\nconsole: tail", obituary=lambda: "it is gone"
        )
        # The agent owns its descriptors, as those a board's process inherits.
        calls_fd = theirs.detach()
        descriptors = (calls_fd, os.dup(calls_fd), board_link.detach())
        self.thread = threading.Thread(target=self._serve, args=descriptors)
        self.thread.start()

    def _serve(self, *descriptors: int) -> None:
        # What ends a board's process when the host has gone ends this thread.
        with suppress(BrokenPipeError):
            self.agent.serve(*descriptors)

    def call(self, function: str, *arguments: object, timeout_s: float = 5) -> object:
        self.caller.start(function, arguments)
        return self.caller.wait(timeout_s)

    def install(self, source: str) -> None:
        self.call("hil_agent:install", "jobs", source)

    def close(self) -> None:
        self.caller.close()
        self.channel.close()
        self.link.close()
        self.thread.join(10)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(monkeypatch)
    yield made
    made.close()


_literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.binary(max_size=5), inner)
    ),
    max_leaves=12,
)


@given(value=_literals, cut=st.integers(1, 40), noise=st.binary(max_size=50))
def test_every_literal_comes_back_equal_whatever_surrounds_it_and_however_it_is_cut(
    value: object, cut: int, noise: bytes
) -> None:
    out = io.StringIO()
    with patch.dict(sys.modules, jobs=SimpleNamespace(job=lambda _link: value)):
        _AGENT.run(None, _TOKEN, "jobs:job", (), out)
    stream = noise + out.getvalue().encode() + noise
    reader = AnswerReader(_TOKEN)
    answers = [reader.feed(stream[at : at + cut]) for at in range(0, len(stream), cut)]
    (answer,) = [answer for answer in answers if answer is not None][:1]
    assert answer.ok
    assert ast.literal_eval(answer.literal) == value


def test_arguments_and_result_cross_unchanged(desk: Desk) -> None:
    value = {"bytes": bytes(range(256)) * 20, "text": "Zürich\n\x02\x03", "deep": [(1,), (), {}]}
    desk.install("def same(link, value): return value")
    assert desk.call("jobs:same", value) == value


def test_buffers_come_back_as_bytes(desk: Desk) -> None:
    desk.install("def buffers(link): return [bytearray(b'ab'), memoryview(b'cd')[1:]]")
    assert desk.call("jobs:buffers") == [b"ab", b"d"]


def test_a_job_that_raises_fails_with_kind_detail_and_the_boards_traceback(desk: Desk) -> None:
    desk.install("def bad(link):\n    raise ValueError('two\\nlines \\x03')")
    with pytest.raises(JobFailed) as caught:
        desk.call("jobs:bad")
    assert caught.value.kind == "ValueError"
    assert caught.value.detail == "two\nlines \x03"
    assert "in bad" in caught.value.board_traceback
    assert desk.call("hil_agent:origins", ["gc"]) == {"gc": "builtin"}


@pytest.mark.parametrize("ending", ["SystemExit(3)", "KeyboardInterrupt()"])
def test_a_job_cannot_end_the_agent(desk: Desk, ending: str) -> None:
    desk.install(f"def leave(link):\n    raise {ending}")
    with pytest.raises(JobFailed, match=ending.partition("(")[0]):
        desk.call("jobs:leave")
    assert desk.call("hil_agent:echo", 0) == 0


def test_a_result_that_is_no_literal_fails_even_after_its_first_half_was_sent(desk: Desk) -> None:
    desk.install("def half(link): return [b'x' * 500, object()]")
    with pytest.raises(JobFailed, match="NotALiteralError: a job's result cannot hold a object"):
        desk.call("jobs:half")


@pytest.mark.parametrize("function", ["nowhere:job", "jobs:missing", "no_colon", "hil_agent:nope"])
def test_a_job_that_does_not_exist_is_an_error_of_the_job(desk: Desk, function: str) -> None:
    desk.install("")
    with pytest.raises(JobFailed):
        desk.call(function)


def test_an_argument_that_is_no_literal_is_refused_before_anything_is_sent(desk: Desk) -> None:
    with pytest.raises(ValueError, match="only plain literals reach a board, not object"):
        desk.call("hil_agent:echo", [{"a": object()}])
    assert desk.call("hil_agent:echo", 0) == 0


def test_floats_and_subclasses_are_no_literals() -> None:
    class Count(int):
        """Its repr could be anything."""

    for value in (1.5, Count(3), {1, 2}, bytearray(b"x")):
        with pytest.raises(ValueError, match="only plain literals"):
            require_literal(value)


def test_a_job_in_time_and_one_that_hangs_are_told_apart(desk: Desk) -> None:
    desk.install("def wait_for_byte(link):\n    link.wait(60000)\n    return 'woken'")
    desk.caller.start("jobs:wait_for_byte", ())
    with pytest.raises(BoardHang, match=r"(?s)desk hangs in jobs:wait_for_byte: .*0.1 s.*tail"):
        desk.caller.wait(0.1)
    with pytest.raises(BoardHang, match="failed in an earlier call"):
        desk.call("hil_agent:echo", 0)


def test_a_board_that_goes_away_died_and_did_not_hang(desk: Desk) -> None:
    desk.caller.start("hil_agent:echo", (1,))
    desk.channel._socket.shutdown(socket.SHUT_RD)
    with pytest.raises(BoardDied, match=r"(?s)desk died in hil_agent:echo: it is gone.*tail"):
        desk.caller.wait(30)
    with pytest.raises(BoardDied, match="failed in an earlier call"):
        desk.call("hil_agent:echo", 0)


def test_two_jobs_at_once_are_refused(desk: Desk) -> None:
    desk.caller.start("hil_agent:echo", (1,))
    with pytest.raises(ValueError, match="still runs hil_agent:echo"):
        desk.caller.start("hil_agent:echo", (1,))
    desk.link.send(b"x")
    assert desk.caller.wait(5) == 1
    with pytest.raises(ValueError, match="runs no job"):
        desk.caller.wait(1)


def test_the_link_is_emptied_up_to_the_marker(desk: Desk) -> None:
    desk.link.sendall(b"old bytes, and a false start: MAR")
    desk.caller.start("hil_agent:synchronise", (b"MARK",))
    desk.link.sendall(b"MMARK" + b"new")
    assert desk.caller.wait(5) is None
    assert desk.link.recv(4) == b"MARK"
    desk.caller.start("hil_agent:echo", (3,))
    assert desk.caller.wait(5) == 3
    assert desk.link.recv(3) == b"new"


def test_origins_tell_files_installed_and_built_in_modules_apart(desk: Desk) -> None:
    desk.install("")
    found = desk.call("hil_agent:origins", ["jobs", "sys", "json"])
    assert isinstance(found, dict)
    assert found["jobs"] == "installed"
    assert found["sys"] == "builtin"
    assert found["json"].endswith("json/__init__.py")


def test_an_answer_to_another_call_is_not_taken() -> None:
    reader = AnswerReader(_TOKEN)
    assert reader.feed(b"\x02ffffffff ok 1\x03ffffffff\r\n") is None
    answer = reader.feed(b"\x02" + _TOKEN.encode() + b" ok 2\x03" + _TOKEN.encode())
    assert answer is not None
    assert answer.literal == "2"


def test_megabytes_of_noise_are_not_kept() -> None:
    reader = AnswerReader(_TOKEN)
    for _ in range(100):
        assert reader.feed(b"noise \x02 \x03 \x04" * 1000) is None
    assert len(reader._kept) < 100


def test_an_answer_without_end_is_given_up() -> None:
    reader = AnswerReader(_TOKEN)
    assert reader.feed(b"\x02" + _TOKEN.encode() + b" ok '") is None
    for _ in range(63):
        assert reader.feed(b"x" * 65536) is None
    with pytest.raises(UnreadableAnswer, match="more than 4194304 bytes"):
        reader.feed(b"x" * 65536)


class Scripted:
    """A channel whose board says what the test wants, to show what a broken board does."""

    def __init__(self, says: bytes) -> None:
        self.says = says

    def submit(self, token: str, function: str, arguments: tuple[object, ...]) -> None:
        self.says = self.says.replace(b"TOKEN", token.encode())

    def receive(self, timeout_s: float) -> bytes:
        if not self.says:
            raise ChannelClosed("end of the script")
        said, self.says = self.says, b""
        return said

    def settle(self) -> None:
        """Nothing to do."""


@pytest.mark.parametrize("literal", [b"ok [1,", b"ok f()", b"what 1"])
def test_a_damaged_answer_is_an_error_that_shows_it(literal: bytes) -> None:
    caller = Caller(
        "desk", Scripted(b"\x02TOKEN " + literal + b"\x03TOKEN"), tail=str, obituary=str
    )
    caller.start("jobs:job", ())
    with pytest.raises(BoardHang, match="answered jobs:job unreadably"):
        caller.wait(5)
