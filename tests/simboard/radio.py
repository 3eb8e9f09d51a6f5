"""The silicon of a simulated board with a radio: a Malta board in QEMU, on a restricted network.

The air is QEMU's user network with `restrict=on`: of everything outside the guest reaches one
address and port, and there a relay that passes the bytes on to one port of loopback, on which the
farm listens when it wants to. What the firmware's `network.WLAN` is, the image says.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path
from typing import ClassVar, Literal

from machine import Machine

# What the board connects to, and where the farm is to listen.
HOST = "10.0.2.100"
LISTEN = "127.0.0.1"
SSID, PASSWORD = "simulated net", "not 'quite' a secret"


class RadioMachine(Machine):
    """A running emulator whose network reaches the farm, and nothing else."""

    image: ClassVar = "simboard-wireless"
    board: ClassVar = ("qemu-system-mips", "-machine", "malta", "-cpu", "4Kc", "-vga", "none")
    endian: ClassVar[Literal["little", "big"]] = "big"

    def __init__(self, firmware: Path, heap_address: int, heap_bytes: int, port: int) -> None:
        """Start the emulator with its CPU running.

        Args:
            firmware: what it runs.
            heap_address: see `Machine`.
            heap_bytes: see `Machine`.
            port: of loopback and of the address that the board sees, the same one.
        """
        relay = f"{shlex.quote(sys.executable)} {shlex.quote(__file__)} {port}".replace(",", ",,")
        air = f"user,id=air,restrict=on,guestfwd=tcp:{HOST}:{port}-cmd:{relay}"
        more = ["-netdev", air, "-device", "ne2k_isa,iobase=0x300,irq=5,netdev=air"]
        super().__init__(firmware, heap_address=heap_address, heap_bytes=heap_bytes, more=more)


def relay(port: int) -> None:
    """Pass bytes between standard input, which is a socket of QEMU's, and a port of loopback."""
    with socket.socket(fileno=os.dup(0)) as board, socket.create_connection((LISTEN, port)) as host:
        if os.fork():
            _pass(board, host)
            os.wait()
        else:
            _pass(host, board)
            os._exit(0)


def _pass(source: socket.socket, destination: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            destination.sendall(data)
        destination.shutdown(socket.SHUT_WR)
    except OSError:
        destination.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    relay(int(sys.argv[1]))
