"""Simulates a chip of Espressif's with its loader: `python tests/simboard/esp_chip.py FLASH ...`.

Its flash is a file. After a reset without the loader asked for, the chip starts what is in its
flash: MicroPython (real, in QEMU: what the flash names, see firmware.py, or else the image that the
command line names) if there is an image, otherwise it complains as the chip's ROM does, and is
started anew by its watchdog. The port's URL is printed when it is ready.

Its control lines go to the chip's pins without transistors between them, as on the plainest boards:
RFC 2217 acknowledges each change of a line, so the moment in which both are low, which the circuit
with transistors takes for none, lasts too long over a network (esptool's documentation therefore
has a server of its own for such boards).
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import firmware
from board import Ailment, Board
from circuit import Circuit
from esp_rom import CHIPS, EspRom, Faults
from machine import Machine
from wire import Direction, Trouble

from hil import build

_FLASH_BYTES = 4 << 20
_EN_RISES_S = 0.02
_READ_BYTES = 4096
# As often as its watchdog starts a chip without an image, until somebody looks.
_WATCHDOG_RESETS = 4
_COMPLAINT = (
    b"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\ninvalid header: 0xffffffff\r\n"
)


class Chip:
    """The silicon: starts what is in its flash."""

    def __init__(self, flash: Path, address: int, machine: Machine | None) -> None:
        self._flash = flash
        self._address = address
        self._machine = machine
        self._runs: firmware.Content | None = None
        self._bare, self._inside = socket.socketpair()
        self._bare.setblocking(False)

    @property
    def console(self) -> socket.socket:
        """The chip's side of the line, while it is not in its loader."""
        return self._bare if self._machine is None else self._machine.console

    def hold(self) -> None:
        """Stop it."""
        if self._machine is not None:
            self._machine.hold()

    def reset(self) -> None:
        """Start it."""
        with self._flash.open("rb") as file:
            file.seek(self._address)
            flash = file.read(firmware.BYTES)
        content = firmware.read(flash)
        if content is not None and content != self._runs:
            self.close()
            self._machine, self._runs = firmware.machine(content), content
        if flash[0] != firmware.MAGIC and self._runs is not None:
            self.close()
        if self._machine is not None and flash[0] == firmware.MAGIC:
            self._machine.reset()
        elif self._machine is None:
            said = _COMPLAINT if flash[0] != firmware.MAGIC else _COMPLAINT.splitlines(True)[0]
            self._inside.sendall(_WATCHDOG_RESETS * said)

    def close(self) -> None:
        """End what runs."""
        if self._machine is not None:
            self._machine.close()
        self._machine, self._runs = None, None


class Wires(Circuit):
    """RTS is EN, DTR is IO0."""

    def __init__(self, hold: Callable[[], None], start: Callable[[bool], None]) -> None:
        super().__init__("none", hold, start)
        self._hold_chip, self._start_chip = hold, start
        self._io0_is_low = self._en_is_low = False

    def set(self, now_s: float, *, dtr: bool, rts: bool, in_break: bool) -> None:
        """Take the lines as the host sets them; True is asserted, which is low."""
        if rts and not self._en_is_low:
            self._hold_chip()
        if self._en_is_low and not rts:
            self.rises_at_s = now_s + _EN_RISES_S
        self._io0_is_low, self._en_is_low = dtr, rts

    def tick(self, now_s: float) -> None:
        """Let EN rise when its time has come."""
        if self.rises_at_s is not None and now_s >= self.rises_at_s:
            self.rises_at_s = None
            self._start_chip(self._io0_is_low)


class EspBoard(Board):
    """A board whose control lines are `Wires`."""

    def __init__(
        self, chip: Chip, loader: EspRom, trouble: Trouble, door: Path | None = None
    ) -> None:
        to_board, to_host = Direction(Trouble(), 1, None), Direction(Trouble(), 2, None)
        super().__init__(
            chip, "none", to_board, to_host, Ailment(trouble), loader=loader, door=door
        )
        self._circuit = Wires(chip.hold, self._start)


class PlainPort:
    """A bare TCP port, without control lines: what those do is done by hand.

    The chip is in its loader at first; when a user leaves, somebody presses the reset button.
    """

    def __init__(self, loader: EspRom, chip: Chip) -> None:
        self._loader = loader
        self._chip = chip
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = "socket://{}:{}".format(*self._server.getsockname())

    def run(self) -> None:
        """Serve one user after another, until this program is ended."""
        in_loader = True
        while True:
            connection, _ = self._server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, suppress(ConnectionResetError, BrokenPipeError):
                if in_loader:
                    self._serve_loader(connection)
                else:
                    self._serve_firmware(connection)
            if in_loader:
                in_loader = False
                self._chip.reset()

    def _serve_loader(self, connection: socket.socket) -> None:
        while data := connection.recv(_READ_BYTES):
            connection.sendall(self._loader.receive(data))

    def _serve_firmware(self, connection: socket.socket) -> None:
        console = self._chip.console
        while True:
            ready, _, _ = select.select([connection, console], [], [])
            if connection in ready:
                heard = connection.recv(_READ_BYTES)
                if not heard:
                    return
                console.sendall(heard)
            if console in ready:
                connection.sendall(console.recv(_READ_BYTES))


def main() -> int:
    """Run the board until it is told to stop."""
    options = _parser().parse_args()
    content = bytearray(b"\xff" * _FLASH_BYTES)
    if options.firmware is not None:
        image = options.firmware.read_bytes()
        content[options.address : options.address + len(image)] = image
    options.flash.write_bytes(content)
    faults = Faults(options.dies_at_block, options.corrupts_block, options.refuses_erase)
    if options.unplug:
        faults.died = _unplug
    loader = EspRom(CHIPS[options.chip], options.flash, faults)
    machine = _machine(options.image) if options.image is not None else None
    chip = Chip(options.flash, options.address, machine)
    try:
        if options.plain:
            port = PlainPort(loader, chip)
            _announce(port.url)
            port.run()
        board = EspBoard(chip, loader, Trouble(silent=options.silent), options.door)
        if options.firmware is not None:
            chip.reset()
        _announce(f"rfc2217://{board.address[0]}:{board.address[1]}")
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        board.run(stopping.is_set)
    finally:
        chip.close()
    return 0


def _machine(image: str) -> Machine:
    """Return the machine that runs an image, stopped."""
    firmware = build.ensure(image)
    address = firmware.symbols.get("hil_heap_bytes_config")
    machine = Machine(firmware.path, heap_address=address, heap_bytes=65_536)
    machine.hold()
    return machine


def _announce(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def _unplug() -> None:
    """End at once: the cable is out, the port's server is gone."""
    os.kill(os.getpid(), signal.SIGKILL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="esp_chip", description=__doc__)
    parser.add_argument("flash", type=Path, metavar="FILE", help="the flash; made anew")
    parser.add_argument("--chip", choices=sorted(CHIPS), default="esp32")
    parser.add_argument("--address", type=int, default=0x1000, help="where the ROM looks for code")
    parser.add_argument("--image", help="firmware image of `hil build` that it runs")
    parser.add_argument("--firmware", type=Path, metavar="FILE", help="what is in its flash")
    parser.add_argument("--door", type=Path, metavar="PATH", help="socket for `simboard power`")
    parser.add_argument("--plain", action="store_true", help="a bare TCP port, no control lines")
    trouble = parser.add_argument_group("trouble")
    trouble.add_argument("--silent", action="store_true", help="nothing arrives either way")
    trouble.add_argument("--dies-at-block", type=int, metavar="N")
    trouble.add_argument("--unplug", action="store_true", help="when it dies, the port goes too")
    trouble.add_argument("--corrupts-block", type=int, metavar="N")
    trouble.add_argument("--refuses-erase", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
