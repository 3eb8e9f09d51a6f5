"""The silicon of a simulated board with a radio: a Malta board in QEMU, on a restricted network.

The air is QEMU's user network with `restrict=on`: of everything outside the guest reaches one
address and port, and there a relay that passes the bytes on to one port of loopback, on which the
farm listens when it wants to. What the firmware's `network.WLAN` is, the image says.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from hil import process
from hil.boot.qmp import Monitor

_QMP_TIMEOUT_S = 20.0
# What the board connects to, and where the farm is to listen.
HOST = "10.0.2.100"
LISTEN = "127.0.0.1"
SSID, PASSWORD = "simulated net", "not 'quite' a secret"


class RadioMachine:
    """A running emulator; see `machine.Machine`."""

    image = "simboard-wireless"

    def __init__(self, firmware: Path, heap_address: int, heap_bytes: int, port: int) -> None:
        """Start the emulator with its CPU running.

        Args:
            port: of loopback and of the address that the board sees, the same one.
        """
        self.console, board_console = socket.socketpair()
        qmp, board_qmp = socket.socketpair()
        relay = f"{shlex.quote(sys.executable)} {shlex.quote(__file__)} {port}".replace(",", ",,")
        argv = ["qemu-system-mips", "-machine", "malta", "-cpu", "4Kc", "-nodefaults"]
        argv += ["-nic", "none", "-vga", "none", "-display", "none", "-S", "-kernel", str(firmware)]
        argv += ["-chardev", f"socket,id=qmp,fd={board_qmp.fileno()}"]
        argv += ["-mon", "chardev=qmp,mode=control"]
        argv += ["-chardev", f"socket,id=console,fd={board_console.fileno()}"]
        argv += ["-serial", "chardev:console"]
        argv += [
            *("-netdev", f"user,id=air,restrict=on,guestfwd=tcp:{HOST}:{port}-cmd:{relay}"),
            *("-device", "ne2k_isa,iobase=0x300,irq=5,netdev=air"),
        ]
        data = int.from_bytes(heap_bytes.to_bytes(4, "big"), "little")
        argv += ["-device", f"loader,addr={heap_address:#x},data={data},data-len=4"]
        with board_console, board_qmp:
            self._process = process.supervised(
                argv,
                stderr=subprocess.DEVNULL,
                pass_fds=[board_console.fileno(), board_qmp.fileno()],
            )
        self._monitor = Monitor(qmp, timeout_s=_QMP_TIMEOUT_S)
        self._monitor.execute("cont")
        self.console.setblocking(False)

    def hold(self) -> None:
        """Stop the CPU, as without power."""
        self._monitor.execute("stop")

    def reset(self) -> None:
        """Start anew, also when held."""
        self._monitor.execute("system_reset")
        self._monitor.execute("cont")

    def close(self) -> None:
        """End the emulator."""
        process.stop(self._process, grace_s=0)
        self._monitor.close()
        self.console.close()


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
