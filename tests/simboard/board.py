"""A simulated board behind an RFC 2217 port: silicon, circuit, line and the server of ports.

One loop moves bytes between the client's connection and whatever the chip runs at the moment, its
firmware or its ROM loader. A second client is told that the port is in use. Closing a connection
drops the control lines, as closing a device does.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from circuit import Circuit
from serial.rfc2217 import PortManager
from wire import Direction

_READ_BYTES = 4096
_PACE_S = 0.001
_IDLE_S = 0.2


class Loader(Protocol):
    """What answers on the line while the chip is in its ROM loader."""

    def greeting(self) -> bytes:
        """Return what it says when the chip starts into it."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host and return the answer."""


class Silicon(Protocol):
    """What runs the firmware; see `machine.Machine`."""

    console: socket.socket

    def hold(self) -> None:
        """Stop the CPU."""

    def reset(self) -> None:
        """Start anew."""


class MuteLoader:
    """A ROM loader that waits for firmware and says so; it takes none."""

    def greeting(self) -> bytes:
        """Return the ESP32's words."""
        return (
            b"ets Jul 29 2019 12:21:46\r\n\r\n"
            b"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\n"
            b"waiting for download\r\n"
        )

    def receive(self, data: bytes) -> bytes:
        """Say nothing."""
        return b""


@dataclass(frozen=True)
class Schedule:
    """What happens by itself.

    Attributes:
        restart_s: the board starts anew every so many seconds (brown-out); None: it does not.
        vanish_s: the port is gone after so many seconds; None: it stays.
        babble: what the board says all the time instead of running its firmware; None: nothing.
    """

    restart_s: float | None = None
    vanish_s: float | None = None
    babble: bytes | None = None


class Lines:
    """What PortManager wants of a serial port; only the control lines mean anything."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.cts = self.dsr = self.cd = True
        self.ri = False
        self.baudrate, self.bytesize, self.parity, self.stopbits = 115_200, 8, "N", 1
        self.xonxoff = self.rtscts = False
        self._changed = changed
        self._state = {"dtr": False, "rts": False, "break_condition": False}

    def __getattr__(self, name: str) -> bool:
        state: dict[str, bool] = self.__dict__["_state"]
        if name not in state:
            raise AttributeError(name)
        return state[name]

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__.get("_state", {}):
            self._state[name] = bool(value)
            self._changed()
        else:
            super().__setattr__(name, value)

    def reset_input_buffer(self) -> None:
        """Do nothing: what is on its way arrives."""

    def reset_output_buffer(self) -> None:
        """Do nothing."""


class Client:
    """One connection of a user of the port."""

    def __init__(self, connection: socket.socket, lines: Lines) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.connection = connection
        self.pending = bytearray()
        self.manager = PortManager(lines, self)

    def write(self, data: bytes) -> None:
        """Send something of the protocol's own; see PortManager."""
        self.pending += data

    def say(self, data: bytes) -> None:
        """Send what came over the line."""
        self.pending += b"".join(self.manager.escape(data))

    def flush(self) -> None:
        """Send what the socket takes."""
        with suppress(BlockingIOError):
            del self.pending[: self.connection.send(self.pending)]


class Board:
    """The whole; `run` serves the port until it vanishes or is told to stop."""

    def __init__(
        self,
        silicon: Silicon,
        kind: str,
        to_board: Direction,
        to_host: Direction,
        schedule: Schedule,
        *,
        boot_held: bool = False,
        loader: Loader | None = None,
    ) -> None:
        self._silicon = silicon
        self._to_board = to_board
        self._to_host = to_host
        self._schedule = schedule
        self._loader = loader or MuteLoader()
        self._in_loader = False
        self._circuit = Circuit(kind, silicon.hold, self._start, boot_held=boot_held)
        self._lines = Lines(self._lines_changed)
        self._client: Client | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()

    def run(self, stop: Callable[[], bool]) -> None:
        """Serve the port."""
        began = restarted = time.monotonic()
        self._circuit.power_on()
        schedule = self._schedule
        while not stop():
            self._move()
            now = time.monotonic()
            self._circuit.tick(now)
            if schedule.restart_s is not None and now - restarted >= schedule.restart_s:
                restarted = now
                self._silicon.reset()
            if schedule.vanish_s is not None and now - began >= schedule.vanish_s:
                break
        self._drop_client()
        self._server.close()

    def _move(self) -> None:
        """Move what can be moved; wait shortly if there is nothing."""
        client = self._client
        sources = [self._server]
        if not self._in_loader:
            sources.append(self._silicon.console)
        if client is not None:
            sources.append(client.connection)
        paced = self._to_board.waiting or self._to_host.waiting
        soon = paced or self._circuit.rises_at_s is not None
        outward = [client.connection] if client is not None and client.pending else []
        ready, _, _ = select.select(sources, outward, [], _PACE_S if soon else _IDLE_S)
        if self._server in ready:
            self._accept()
        if client is not None and client.connection in ready:
            self._hear_host(client)
        if self._silicon.console in ready:
            said = self._silicon.console.recv(_READ_BYTES)
            if self._schedule.babble is None:
                self._to_host.put(said)
        if self._schedule.babble is not None and not self._to_host.waiting and ready == []:
            self._to_host.put(self._schedule.babble)
        self._deliver()

    def _hear_host(self, client: Client) -> None:
        try:
            data = client.connection.recv(_READ_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            self._drop_client()
            return
        self._to_board.put(b"".join(client.manager.filter(data)))

    def _deliver(self) -> None:
        now = time.monotonic()
        heard = self._to_board.take(now)
        if heard and self._in_loader:
            self._to_host.put(self._loader.receive(heard))
        elif heard:
            self._silicon.console.sendall(heard)
        said = self._to_host.take(now)
        if self._client is not None:
            self._client.say(said)
            try:
                self._client.flush()
            except (BrokenPipeError, ConnectionResetError):
                self._drop_client()

    def _accept(self) -> None:
        connection, _ = self._server.accept()
        if self._client is not None:
            with connection:
                connection.sendall(b"port already in use\r\n")
            return
        self._client = Client(connection, self._lines)

    def _drop_client(self) -> None:
        if self._client is not None:
            self._client.connection.close()
            self._client = None
        self._lines.rts = False
        self._lines.dtr = False

    def _lines_changed(self) -> None:
        lines = self._lines
        self._circuit.set(
            time.monotonic(), dtr=lines.dtr, rts=lines.rts, in_break=lines.break_condition
        )

    def _start(self, into_loader: bool) -> None:
        self._to_board.clear()
        self._in_loader = into_loader
        if into_loader:
            self._to_host.put(self._loader.greeting())
        else:
            self._silicon.reset()
