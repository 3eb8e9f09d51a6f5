"""What the engines in Python share: options, sockets, logs, and the course of a connection.

The protocol is that of `hil.tlsrig.engines`; `native/channel.c` is the same for engines in C.
Blocking throughout: an engine is a process of its own, and its host ends it when it hangs.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

_ANY_BYTES = 16384
# How long the other end may take to leave a connection that is over.
_DRAIN_S = 5.0


class EndedError(Exception):
    """The connection is over; the account says why."""


@dataclass
class Account:
    """What became of a connection, as the library has it; -1 is no alert."""

    alert_sent: int = -1
    alert_received: int = -1
    close_sent: bool = False
    close_received: bool = False
    reason: str = ""


class Library(Protocol):
    """One connection of a TLS library."""

    account: Account

    def shake_hands(self) -> Mapping[str, str]:
        """Complete the handshake and return its facts, or raise `EndedError`."""

    def pending(self) -> bool:
        """Whether `read` has something without another byte from the socket."""

    def read(self) -> bytes:
        """Return what came, b"" for what was no data; `EndedError` at the end."""

    def write(self, data: bytes) -> None:
        """Send all of it, in no record larger than the options allow."""

    def say_goodbye(self) -> None:
        """Send close_notify, if that was not done yet."""


class Channel:
    """The engine's sockets, logs and options.

    Attributes:
        options: the arguments, by name.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        """Listen, as a server, and say where."""
        self.options = options
        self._made = 0
        self._connection: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._lines = b""
        if self.is_server:
            self._listener = socket.create_server(("127.0.0.1", 0))
            say("listening", port=str(self._listener.getsockname()[1]))

    @property
    def is_server(self) -> bool:
        return self.options["role"] == "server"

    def text(self, name: str) -> str | None:
        """Return an option, None when it was not given."""
        return self.options.get(name)

    def number(self, name: str) -> int | None:
        """Return a decimal option, None when it was not given."""
        value = self.options.get(name)
        return None if value is None else int(value)

    def codes(self, name: str) -> list[int]:
        """Return a comma list of hexadecimal code points, empty when it was not given."""
        return [int(code, 16) for code in self.options.get(name, "").split(",") if code]

    def texts(self, name: str) -> list[str]:
        """Return a comma list of texts, empty when it was not given."""
        return [text for text in self.options.get(name, "").split(",") if text]

    def connect(self) -> bool:
        """Get the next connection; False when the last one is over."""
        if self._made == int(self.options["connections"]):
            return False
        if self._listener is not None:
            self._connection = self._listener.accept()[0]
        else:
            while self._made and (told := self._told()) != "next":
                if told is None:
                    return False
            place = ("127.0.0.1", int(self.options["port"]))
            self._connection = socket.create_connection(place)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._made += 1
        return True

    def send(self, data: bytes) -> None:
        """Send all of the bytes; one that has gone takes none, which its end will tell."""
        self._log(">", data)
        with contextlib.suppress(ConnectionError):
            self._socket().sendall(data)

    def receive(self, room: int = _ANY_BYTES) -> bytes:
        """Return some bytes; none at the end of the stream, or when it broke."""
        try:
            data = self._socket().recv(room)
        except ConnectionError:
            return b""
        if data:
            self._log("<", data)
        return data

    def wait(self) -> bool:
        """Wait until bytes can be read: True; False when the host wants the connection closed."""
        awaited = [self._socket().fileno(), sys.stdin.fileno()]
        while True:
            ready = select.select(awaited, [], [])[0]
            if awaited[0] in ready:
                return True
            told = self._told()
            if told is None:
                del awaited[1]  # it says no more
            elif told == "bye":
                return False

    def close(self) -> None:
        """Let what was sent arrive, then close the socket."""
        connection = self._socket()
        connection.settimeout(_DRAIN_S)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(_ANY_BYTES):
                pass
        connection.close()

    def log_secret(self, line: str) -> None:
        """Write a line of the key log."""
        with open(self.options["key_log"], "a", encoding="ascii") as file:
            file.write(line + "\n")

    def _log(self, direction: str, data: bytes) -> None:
        with open(self.options["wire_log"], "a", encoding="ascii") as file:
            file.write(f"{direction} {data.hex()}\n")

    def _told(self) -> str | None:
        """Return the next line of the host's; None when there will be none."""
        while b"\n" not in self._lines:
            more = os.read(sys.stdin.fileno(), 64)
            if not more:
                return None
            self._lines += more
        line, self._lines = self._lines.split(b"\n", 1)
        return line.decode("ascii")

    def _socket(self) -> socket.socket:
        assert self._connection is not None
        return self._connection


def say(event: str, **facts: str) -> None:
    """Tell the host one line, at once."""
    words = [event, *(f"{name}={value.replace(' ', '_')}" for name, value in facts.items())]
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def run(begin: Callable[[Channel], Callable[[], Library]]) -> None:
    """Be an engine: take the options, then every connection to its end.

    Args:
        begin: sets the library up and returns what makes its next connection.
    """
    options = {name: value for name, _, value in (text.partition("=") for text in sys.argv[1:])}
    channel = Channel(options)
    connection = begin(channel)
    while channel.connect():
        _converse(channel, connection())


def _converse(channel: Channel, library: Library) -> None:
    """Take one connection to its end: send back what comes until one side says goodbye."""
    try:
        say("connected", **library.shake_hands())
        leaving = False
        gathered, wanted = b"", channel.number("answer_bytes") or 0
        while True:
            if not leaving and not library.pending() and not channel.wait():
                library.say_goodbye()
                leaving = True
            data = library.read()
            if data:
                say("data", bytes=data.hex())
                gathered += data
                if len(gathered) >= wanted:
                    library.write(gathered)
                    gathered = b""
    except EndedError:
        if library.account.close_received:
            library.say_goodbye()
    channel.close()
    account = library.account
    say(
        "ended",
        alert_sent=str(account.alert_sent),
        alert_received=str(account.alert_received),
        close_sent=str(int(account.close_sent)),
        close_received=str(int(account.close_received)),
        reason=account.reason,
    )
