"""Simulates a board on a port that can be pulled out: `python tests/simboard/pty_board.py`.

A real MicroPython in QEMU behind a pseudo-terminal, which has no control lines: what resets the
board is Ctrl-D, or its plug. The link to the device is printed when it is there. A line `unplug`,
`plug` or `hold` (the CPU stands) on standard input does so; each is answered with a line. Standard
input at its end ends the board, so it cannot outlive who started it.
"""

from __future__ import annotations

import argparse
import select
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

from board import Silicon
from machine import Machine
from pty_port import PtyPort
from radio import RadioMachine

from hil import build

_READ_BYTES = 4096
_IDLE_S = 0.2


class PtyBoard:
    """Silicon, port, and the hand that pulls the plug.

    Args:
        own_supply: the board goes on running while it is unplugged.
        unplug_when: what the host has to say for the plug to be pulled, once.
        away_s: how long it stays out then; None is for good.
    """

    def __init__(
        self,
        silicon: Silicon,
        port: PtyPort,
        *,
        own_supply: bool,
        unplug_when: bytes | None,
        away_s: float | None,
    ) -> None:
        self._silicon = silicon
        self._port = port
        self._own_supply = own_supply
        self._unplug_when = unplug_when
        self._away_s = away_s
        self._heard = b""
        self._returns_at_s: float | None = None

    def run(self) -> None:
        """Serve until standard input ends."""
        self._port.plug()
        _say(str(self._port.link))
        while self._move():
            if self._returns_at_s is not None and time.monotonic() >= self._returns_at_s:
                self.plug()

    def plug(self) -> str:
        """Plug the board in; return the name of its device."""
        self._returns_at_s = None
        device = self._port.plug()
        if not self._own_supply:
            self._silicon.reset()
        return device

    def unplug(self) -> str:
        """Pull the plug."""
        self._port.unplug()
        if not self._own_supply:
            self._silicon.hold()
        return "gone"

    def hold(self) -> str:
        """Let the board die where it stands."""
        self._silicon.hold()
        return "held"

    def _move(self) -> bool:
        """Move what can be moved; return False when standard input has ended."""
        sources = [sys.stdin, self._silicon.console]
        sources += [self._port] if self._port.is_plugged else []
        outward = [self._port] if self._port.has_unread else []
        ready, writable, _ = select.select(sources, outward, [], _IDLE_S)
        if self._port in ready:
            self._hear_host()
        if self._silicon.console in ready:
            self._port.write(self._silicon.console.recv(_READ_BYTES))
        elif writable:
            self._port.write(b"")
        return sys.stdin not in ready or self._obey(sys.stdin.readline())

    def _hear_host(self) -> None:
        data = self._port.read()
        self._silicon.console.setblocking(True)  # a UART takes what comes
        self._silicon.console.sendall(data)
        self._silicon.console.setblocking(False)
        wanted = self._unplug_when
        if wanted is None:
            return
        heard = self._heard + data
        self._heard = heard[-len(wanted) :]
        if wanted in heard:
            self._unplug_when = None
            self.unplug()
            if self._away_s is not None:
                self._returns_at_s = time.monotonic() + self._away_s

    def _obey(self, line: str) -> bool:
        if line.strip():
            does = {"plug": self.plug, "unplug": self.unplug, "hold": self.hold}
            _say(does[line.strip()]())
        return bool(line)


def main() -> int:
    """Run the board."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # and take the link along
    firmware = build.ensure(options.image, lambda line: sys.stderr.write(f"{line}\n"))
    address = firmware.symbols["hil_heap_bytes_config"]
    machine: Machine
    if firmware.image == RadioMachine.image:
        machine = RadioMachine(firmware.path, address, options.heap, options.radio_port)
    else:
        machine = Machine(firmware.path, heap_address=address, heap_bytes=options.heap)
    with closing(machine), closing(PtyPort(options.devices, options.place)) as port:
        PtyBoard(
            machine,
            port,
            own_supply=options.own_supply,
            unplug_when=options.unplug_when.encode() if options.unplug_when else None,
            away_s=options.away,
        ).run()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pty_board", description=__doc__)
    parser.add_argument("devices", type=Path, help="folder in place of /dev, for HIL_DEV")
    parser.add_argument("place", help="where it is plugged in: name of its link in by-path")
    parser.add_argument("--image", default="simboard-modules", help="firmware of `hil build`")
    parser.add_argument("--radio-port", type=int, metavar="PORT", help="where the farm listens")
    parser.add_argument("--heap", type=int, default=524_288, metavar="BYTES")
    parser.add_argument("--own-supply", action="store_true", help="runs while it is unplugged")
    parser.add_argument("--unplug-when", metavar="TEXT", help="the host has said this")
    parser.add_argument("--away", type=float, metavar="SECONDS", help="and comes back after these")
    return parser


if __name__ == "__main__":
    sys.exit(main())
