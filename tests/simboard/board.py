"""A simulated board behind an RFC 2217 port: silicon, circuit, line and the server of ports.

One loop moves bytes between the client's connection and whatever the chip runs at the moment, its
firmware or its ROM loader. A second client is told that the port is in use. Closing a connection
drops the control lines, as closing a device does.

What is wrong with the board (`Ailment`) begins at once or in the middle of something, and ends with
a reset, with a power cycle, when somebody repairs it, or never. Its power is switched through its
door (`door`).
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from circuit import Circuit
from door import Door
from serial.rfc2217 import PortManager
from wire import Direction, Trouble

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


# What ends an ailment: its own first restart, a reset by the control lines, a power cycle, or only
# a repair.
CURES = ("restart", "reset", "power", "repair")


@dataclass(frozen=True)
class Ailment:
    """What is wrong with a board.

    Attributes:
        trouble: of its line.
        schedule: what happens by itself.
        boot_held: its boot button is stuck.
        begins_at: it begins when these bytes have passed to the board; None: at once.
        cure: one of CURES, what ends it; a repair ends everything.
    """

    trouble: Trouble = field(default_factory=Trouble)
    schedule: Schedule = Schedule()
    boot_held: bool = False
    begins_at: bytes | None = None
    cure: str = "repair"


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
        ailment: Ailment,
        *,
        loader: Loader | None = None,
        door: Path | None = None,
    ) -> None:
        self._silicon = silicon
        self._to_board = to_board
        self._to_host = to_host
        self._ailment = ailment
        self._schedule = Schedule()
        self._restarted_s = self._began_s = time.monotonic()
        self._heard = b""
        self._loader = loader or MuteLoader()
        self._in_loader = False
        self._is_on = True
        self._door = None if door is None else Door(door, self._obey)
        self._circuit = Circuit(kind, silicon.hold, self._start)
        self._lines = Lines(self._lines_changed)
        self._client: Client | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()

    def run(self, stop: Callable[[], bool]) -> None:
        """Serve the port."""
        if self._ailment.begins_at is None:
            self._fall_ill()
        self._circuit.power_on()
        while not stop():
            self._move()
            now = time.monotonic()
            schedule = self._schedule
            if self._is_on:
                self._circuit.tick(now)
            restart_s = schedule.restart_s if self._is_on else None
            if restart_s is not None and now - self._restarted_s >= restart_s:
                self._restarted_s = now
                self._silicon.reset()
                self._recover("restart")
            if schedule.vanish_s is not None and now - self._began_s >= schedule.vanish_s:
                break
        self._drop_client()
        self._server.close()
        if self._door is not None:
            self._door.close()

    def _fall_ill(self) -> None:
        ailment = self._ailment
        self._restarted_s = self._began_s = time.monotonic()
        self._to_board.trouble = self._to_host.trouble = ailment.trouble
        self._schedule = ailment.schedule
        self._circuit.boot_held = ailment.boot_held

    def _recover(self, by: str) -> None:
        """End what is wrong, if it is ended so, and if it has begun."""
        begun = self._ailment.begins_at is None
        if by == "repair" or (begun and by == self._ailment.cure):
            self._ailment = Ailment()
            self._fall_ill()

    def _obey(self, word: str) -> None:
        """Do what is asked for at the door."""
        if word == "off":
            self._is_on = False
            self._silicon.hold()
        elif word == "on" and not self._is_on:
            self._is_on = True
            self._recover("power")
            self._to_board.clear()
            self._to_host.clear()
            self._circuit.power_on()
            if not self._circuit.boot_held:
                self._start(False)
        elif word == "repair":
            self._recover("repair")
            if self._is_on:
                self._start(False)
        elif word != "on":
            raise ValueError(f"{word!r} is none of off, on, repair")

    def _move(self) -> None:
        """Move what can be moved; wait shortly if there is nothing."""
        client = self._client
        sources: list[socket.socket | Door] = [self._server]
        if self._door is not None:
            sources.append(self._door)
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
            if self._schedule.babble is None and self._is_on:
                self._to_host.put(said)
        babbles = self._schedule.babble is not None and self._is_on
        if babbles and not self._to_host.waiting and ready == []:
            self._to_host.put(self._schedule.babble or b"")
        self._deliver()
        if self._door is not None and self._door in ready:
            self._door.answer()

    def _hear_host(self, client: Client) -> None:
        try:
            data = client.connection.recv(_READ_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            self._drop_client()
            return
        passed = b"".join(client.manager.filter(data))
        awaited = self._ailment.begins_at
        if awaited is not None:
            self._heard = self._heard[-len(awaited) :] + passed
            if awaited in self._heard:
                self._ailment = replace(self._ailment, begins_at=None)
                self._fall_ill()
        if self._is_on:
            self._to_board.put(passed)

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
        if not self._is_on:
            return
        self._circuit.set(
            time.monotonic(), dtr=lines.dtr, rts=lines.rts, in_break=lines.break_condition
        )

    def _start(self, into_loader: bool) -> None:
        self._recover("reset")
        self._to_board.clear()
        self._in_loader = into_loader
        if into_loader:
            self._to_host.put(self._loader.greeting())
        else:
            self._silicon.reset()
