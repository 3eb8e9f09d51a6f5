"""Waiting on a console ends: with what was awaited, or with an error that names it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from hil import console, urlhandler
from hil.console import Console, ConsoleClosed, ConsoleTimeout

assert urlhandler  # registers `unix://`


@pytest.fixture
def pair() -> Iterator[tuple[Console, socket.socket]]:
    ours, theirs = socket.socketpair()
    port = serial.serial_for_url(f"unix://fd/{ours.detach()}")
    with theirs:
        yield Console(port), theirs
        port.close()


def test_expect_returns_the_match(pair) -> None:
    board_console, board = pair
    board.sendall(b"noise\r\nMicroPython v1.25.0 on 2025\r\n>>> ")
    match = board_console.expect(rb"MicroPython v([0-9.]{1,10})", "banner", 1)
    assert match.group(1) == b"1.25.0"
    board_console.expect(rb">>> ", "prompt", 1)


def test_expect_finds_what_is_spread_over_many_reads_after_much_noise(pair) -> None:
    board_console, board = pair
    board.sendall(b"x" * 100_000)
    for byte in b"prompt":
        board.sendall(bytes([byte]))
    assert board_console.expect(b"prompt", "prompt", 2).group(0) == b"prompt"


def test_silence_is_a_timeout_that_names_what_was_awaited(pair) -> None:
    board_console, _ = pair
    with pytest.raises(ConsoleTimeout, match=r"no banner within 0.1 s"):
        board_console.expect(b"MicroPython", "banner", 0.1)


def test_endless_other_output_is_a_timeout_too(pair) -> None:
    board_console, board = pair
    board.sendall(b"tick\r\n" * 5000)
    with pytest.raises(ConsoleTimeout):
        board_console.expect(b"MicroPython", "banner", 0.2)


def test_a_console_that_closes_is_told_from_one_that_is_silent(pair) -> None:
    board_console, board = pair
    board.sendall(b"last words")
    board.close()
    with pytest.raises(ConsoleClosed, match="closed before banner"):
        board_console.expect(b"MicroPython", "banner", 5)


def test_send_reaches_the_board(pair) -> None:
    board_console, board = pair
    board_console.send(b"\x03")
    assert board.recv(10) == b"\x03"


def test_the_tail_is_the_last_lines_and_printable(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"first\r\n" + b"line\r\n" * 5000 + b"bad \x04\xff byte\r\nlast")
    assert console.tail(log, 2) == "bad \\x04\\xff byte\nlast"
    assert console.tail(log, 50).splitlines()[0] == "line"


def test_a_log_that_says_nothing_is_said_to_say_nothing(tmp_path: Path) -> None:
    assert console.tail(tmp_path / "none") == ""
    assert "the console said nothing" in console.quoted_tail(tmp_path / "none")


def test_no_log_is_ever_overwritten(tmp_path: Path) -> None:
    directory = tmp_path / "made"
    paths = [console.fresh_log(directory, "console") for _ in range(3)]
    assert [path.name for path in paths] == ["console.log", "console-2.log", "console-3.log"]
