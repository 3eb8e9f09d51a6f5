"""`unix://` ports behave as pyserial ports do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from hil import urlhandler

assert urlhandler  # registers `unix://`


@pytest.fixture
def pair() -> Iterator[tuple[serial.SerialBase, socket.socket]]:
    ours, theirs = socket.socketpair()
    port = serial.serial_for_url(f"unix://fd/{ours.detach()}", timeout=0.05)
    with theirs:
        yield port, theirs
        port.close()


def test_read_returns_what_came_when_the_time_is_over(pair) -> None:
    port, other = pair
    other.sendall(b"abc")
    assert port.read(10) == b"abc"
    assert port.read(10) == b""


def test_in_waiting_counts_bytes(pair) -> None:
    port, other = pair
    assert port.in_waiting == 0
    other.sendall(b"12345")
    assert port.in_waiting == 5
    assert port.read(2) == b"12"
    assert port.in_waiting == 3


def test_write_delivers_everything_even_when_the_buffer_is_small(pair) -> None:
    port, other = pair
    assert port.write(b"x" * 1000) == 1000
    assert other.recv(2000) == b"x" * 1000


def test_write_gives_up_when_nobody_reads(pair) -> None:
    port, _ = pair
    port.write_timeout = 0.05
    with pytest.raises(serial.SerialTimeoutException, match="were not taken"):
        port.write(b"x" * 10_000_000)


def test_the_other_ends_close_is_an_error_not_silence(pair) -> None:
    port, other = pair
    other.sendall(b"last")
    other.close()
    assert port.read(4) == b"last"
    with pytest.raises(serial.SerialException, match="the other end has closed"):
        port.read(1)


def test_reset_input_buffer_empties_it(pair) -> None:
    port, other = pair
    other.sendall(b"old")
    port.reset_input_buffer()
    assert port.in_waiting == 0


def test_close_is_idempotent_and_a_closed_port_says_so(pair) -> None:
    port, _ = pair
    port.close()
    port.close()
    with pytest.raises(serial.PortNotOpenError):
        port.read(1)


def test_a_path_connects_to_its_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        path = tmp_path / "s"
        listening.bind(str(path))
        listening.listen()
        port = serial.serial_for_url(f"unix://{path}", timeout=1)
        accepted, _ = listening.accept()
        with accepted:
            accepted.sendall(b"hello")
            assert port.read(5) == b"hello"
        port.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("unix://", "must be unix:///PATH or unix://fd/NUMBER"),
        ("unix://host/path", "must be unix:///PATH or unix://fd/NUMBER"),
        ("unix://fd/x", "must be unix:///PATH or unix://fd/NUMBER"),
        ("unix:///no/such/socket", "No such file"),
        (f"unix:///{'x' * 120}", "at most 107 bytes"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url: str, message: str) -> None:
    with pytest.raises(serial.SerialException, match=message):
        serial.serial_for_url(url)
