"""What is not a MicroPython raw REPL is told apart from one, in time and in words.

The other end is a script; conversations with the real thing are in `tests/system/boards`.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from hil.agent import ChannelClosed, ChannelTimeout, Refused
from hil.rawrepl import RawRepl

_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_STEP_S = 0.3

# What the board expects to read, and what it says then.
Script = list[tuple[bytes, bytes]]


def _play(board: socket.socket, script: Script) -> None:
    board.settimeout(10)
    for expected, said in script:
        received = b""
        while not received.endswith(expected):
            piece = board.recv(1)
            if not piece:
                return
            received += piece
        board.sendall(said)


@pytest.fixture
def talk() -> Iterator[Callable[[Script], RawRepl]]:
    with ExitStack() as cleanup:

        def start(script: Script) -> RawRepl:
            ours, board = socket.socketpair()
            repl = RawRepl(f"unix://fd/{ours.detach()}", step_timeout_s=_STEP_S)
            player = threading.Thread(target=_play, args=(board, script))
            player.start()
            cleanup.callback(board.close)
            cleanup.callback(player.join)
            cleanup.callback(repl.close)
            return repl

        yield start


_ENTERS: Script = [(b"\x01", _BANNER)]
# A window of 32 bytes is larger than what these tests send.
_PASTES: Script = [(b"\x05A\x01", b"R\x01\x20\x00"), (b"\x04", b"\x04")]

# What a call says comes in a program of its own, before the one that runs the job.
_TAKES_CALL: Script = [_PASTES[0], (b"call=['0','j',()]\x04", b"\x04\x04\x04>")]


def test_statements_run_and_their_output_comes_back(talk: Callable[[Script], RawRepl]) -> None:
    repl = talk([*_ENTERS, _PASTES[0], (b"print(1)\x04", b"\x04" + b"1\r\n\x04\x04>")])
    repl.enter(1)
    assert repl.execute("print(1)", 1) == b"1\r\n"


def test_statements_that_raise_are_refused_with_the_traceback(
    talk: Callable[[Script], RawRepl],
) -> None:
    said = b"\x04" + b"\x04Traceback\r\nNameError: x\r\n\x04>"
    repl = talk([*_ENTERS, _PASTES[0], (b"\x04", said)])
    repl.enter(1)
    with pytest.raises(Refused, match="NameError: x"):
        repl.execute("x", 1)


def test_a_call_that_cannot_begin_is_refused(talk: Callable[[Script], RawRepl]) -> None:
    said = b"\x04" + b"\x04Traceback\r\nMemoryError: \r\n\x04>"
    repl = talk([*_ENTERS, _PASTES[0], (b"\x04", said)])
    repl.enter(1)
    repl.submit("0", "j", ())
    with pytest.raises(Refused, match="MemoryError"):
        repl.receive(1)


def test_a_job_that_cannot_begin_is_refused(talk: Callable[[Script], RawRepl]) -> None:
    said = b"\x04" + b"\x04Traceback\r\nMemoryError: \r\n\x04>"
    repl = talk([*_ENTERS, *_TAKES_CALL, _PASTES[0], (b"\x04", said)])
    repl.enter(1)
    repl.submit("0", "j", ())
    with pytest.raises(Refused, match="MemoryError"):
        deque(iter(lambda: repl.receive(1), None))  # until it raises


def test_an_eot_that_a_job_prints_is_no_refusal(talk: Callable[[Script], RawRepl]) -> None:
    said = b"\x04" + b"\x02" + b"00\r\n\x04trace\x04>"
    repl = talk([*_ENTERS, *_TAKES_CALL, _PASTES[0], (b"\x04", said)])
    repl.enter(1)
    repl.submit("0", "j", ())
    received = b""
    while not received.endswith(b">"):
        received += repl.receive(1)
    assert received == said[1:]


def test_a_board_that_says_nothing_is_a_timeout(talk: Callable[[Script], RawRepl]) -> None:
    repl = talk([])
    with pytest.raises(ChannelTimeout, match="does not answer"):
        repl.enter(0.1)


def test_a_board_without_raw_paste_is_told_what_it_lacks(
    talk: Callable[[Script], RawRepl],
) -> None:
    repl = talk([*_ENTERS, (b"\x05A\x01", b"R\x00")])
    repl.enter(1)
    with pytest.raises(ChannelTimeout, match=r"it needs MicroPython 1\.14"):
        repl.execute("1", 1)


def test_a_board_that_stops_taking_source_is_a_timeout(talk: Callable[[Script], RawRepl]) -> None:
    repl = talk([*_ENTERS, (b"\x05A\x01", b"R\x01\x04\x00")])
    repl.enter(1)
    with pytest.raises(ChannelTimeout, match="does not answer"):
        repl.execute("longer than the window", 1)


def test_statements_without_end_are_a_timeout(talk: Callable[[Script], RawRepl]) -> None:
    repl = talk([*_ENTERS, *_PASTES])
    repl.enter(1)
    with pytest.raises(ChannelTimeout, match=r"did not end within 0\.1 s"):
        repl.execute("loop()", 0.1)


def test_a_prompt_that_does_not_come_back_is_a_timeout(talk: Callable[[Script], RawRepl]) -> None:
    repl = talk([*_ENTERS, *_TAKES_CALL, *_PASTES])
    repl.enter(1)
    repl.submit("0", "j", ())
    with pytest.raises(ChannelTimeout, match="no prompt"):
        repl.settle()


def test_a_port_that_does_not_exist_is_named() -> None:
    with pytest.raises(ChannelClosed, match="unix:///no/such/port"):
        RawRepl("unix:///no/such/port")
