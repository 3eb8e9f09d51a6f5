"""A peer that is a program: what it says of each connection, and when that is over."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hil.errors import PeerError
from hil.peer import Program
from hil.tlsrig.peer_program import ProgramPeer

TIMEOUT_S = 10
# Serves connections one after the other: says hello to each, and goodbye when it was told to.
SERVER = """
import socket, sys
listening = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
while True:
    connected, _ = listening.accept()
    print("hello", flush=True)
    connected.recv(1)
    print("goodbye", flush=True)
    connected.close()
"""


class Greeter(ProgramPeer):
    name = "greeter"
    command = "greet"

    def start(self) -> None:
        self._launch(["-c", SERVER]).expect(b"ready\n", "it to listen", TIMEOUT_S)

    def greeting(self) -> None:
        self._talk().expect(b"hello\n", "a greeting", TIMEOUT_S)

    def said_of_connection(self) -> bytes:
        self._await_closed(TIMEOUT_S)
        self._talk().absorb()
        log = self._talk().output_log
        said = self._said(log)
        self._end_connection(log)
        return said

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._listening_port()), TIMEOUT_S)

    def wait_shortly(self) -> None:
        self._await_closed(0.2)


@pytest.fixture
def greeter(tmp_path: Path) -> Iterator[Greeter]:
    with closing(Greeter(Program(sys.executable, "1"), tmp_path, 2)) as peer:
        peer.start()
        yield peer


def test_what_is_said_belongs_to_the_connection_it_was_said_of(greeter: Greeter) -> None:
    said = []
    for _ in range(2):
        with greeter.connect() as connected:
            greeter.greeting()
            connected.send(b"x")
            said.append(greeter.said_of_connection())
    assert said == [b"ready\nhello\ngoodbye\n", b"hello\ngoodbye\n"]


def test_a_connection_that_is_kept_open_is_an_error_after_its_time(greeter: Greeter) -> None:
    with greeter.connect():
        greeter.greeting()
        with pytest.raises(PeerError, match=r"greet kept its connection open for 0\.2 s"):
            greeter.wait_shortly()


def test_a_server_that_died_has_not_just_closed_its_connection(greeter: Greeter) -> None:
    greeter.close()
    with pytest.raises(PeerError, match="greet was killed by SIGKILL"):
        greeter.said_of_connection()
    with pytest.raises(PeerError, match="the kernel has no socket"):
        greeter.connect()


def test_one_that_was_not_started_says_so(tmp_path: Path) -> None:
    peer = Greeter(Program(sys.executable, "1"), tmp_path, 1)
    with pytest.raises(PeerError, match="greeter greet was not started"):
        peer.end_input()
    with pytest.raises(PeerError, match="greeter greet does not close first"):
        peer.end_after(b"\n", TIMEOUT_S)
    assert list(peer.artefacts) == ["key_log"]
