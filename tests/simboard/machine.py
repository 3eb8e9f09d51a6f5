"""The silicon of a simulated board: a real MicroPython in QEMU, with its one serial port.

A reset is QEMU's `system_reset`: RAM keeps what it holds, so the disk of the stock image survives,
as flash does. The emulator cannot outlive this process (`hil.process`).
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from hil import process
from hil.boot.qmp import Monitor

_QMP_TIMEOUT_S = 20.0


class Machine:
    """A running emulator; `console` is the board's side of the serial line."""

    board: ClassVar = ("qemu-system-arm", "-machine", "mps2-an385", "-cpu", "cortex-m3")
    endian: ClassVar[Literal["little", "big"]] = "little"

    def __init__(
        self,
        firmware: Path,
        *,
        heap_address: int | None,
        heap_bytes: int | None,
        more: Sequence[str] = (),
    ) -> None:
        """Start the emulator with its CPU running.

        Args:
            firmware: what it runs.
            heap_address: of the word that tells the firmware the size of its heap.
            heap_bytes: that size; the firmware's own choice when it or the address is None.
            more: arguments of QEMU.
        """
        self.console, board_console = socket.socketpair()
        qmp, board_qmp = socket.socketpair()
        argv = [*self.board, "-nodefaults", "-nic", "none", "-display", "none", "-S"]
        argv += ["-kernel", str(firmware)]
        argv += ["-chardev", f"socket,id=qmp,fd={board_qmp.fileno()}"]
        argv += ["-mon", "chardev=qmp,mode=control"]
        argv += ["-chardev", f"socket,id=console,fd={board_console.fileno()}"]
        argv += ["-serial", "chardev:console", *more]
        if heap_address is not None and heap_bytes is not None:
            # QEMU writes the word in the host's order.
            data = int.from_bytes(heap_bytes.to_bytes(4, self.endian), sys.byteorder)
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
        """Stop the CPU, as a low reset line does."""
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
