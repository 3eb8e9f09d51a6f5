"""Simulates a board on a cable: `python tests/simboard KIND [options] [-- COMMAND...]`.

What is simulated is the silicon and the line; above the serial line everything is real. The port is
an RFC 2217 server on loopback; its URL is printed when it is ready. With a command, the command is
run with that URL in its environment as SIMBOARD_<KIND>, and the board ends with it. Nothing is left
behind, however this program ends.

`python tests/simboard power DOOR off|on|repair` switches the power of a board that was given a door
(`--door=PATH`), as the switch of a lab does, or repairs whatever is wrong with it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import door
from board import CURES, Ailment, Board, Schedule
from circuit import KINDS
from machine import Machine
from wire import Direction, Trouble

from hil import build

# Kind of board -> its image and what its control lines are wired to.
_BOARDS = {
    "esp32": ("simboard", "esp"),
    "mbed": ("simboard-modules", "break"),
    "wireless": ("simboard-modules", "none"),
}


def main() -> int:
    """Run the board until the command ends, or until it is told to stop."""
    if sys.argv[1:2] == ["power"]:
        return door.main(sys.argv[2:])
    own, marked, command = _split(sys.argv[1:])
    options = _parser().parse_args(own)
    image, circuit = _BOARDS[options.kind]
    firmware = build.ensure(options.image or image, _say)
    machine = Machine(
        firmware.path,
        heap_address=firmware.symbols.get("hil_heap_bytes_config"),
        heap_bytes=options.heap,
    )
    with closing(machine):
        board = Board(
            machine,
            options.circuit or circuit,
            Direction(Trouble(), options.seed, options.baud),
            Direction(Trouble(), options.seed + 1, options.baud),
            _ailment(options),
            door=options.door,
        )
        url = f"rfc2217://{board.address[0]}:{board.address[1]}"
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        if marked:
            return _run_beside(board, command, f"SIMBOARD_{options.kind.upper()}", url)
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        board.run(stopping.is_set)
    return 0


def _ailment(options: argparse.Namespace) -> Ailment:
    babble = options.babble.encode() + b"\r\n" if options.babble else None
    return Ailment(
        Trouble(options.noise, options.lost, options.silent),
        Schedule(options.restart, options.vanish, babble),
        options.boot_held,
        options.begins_at,
        options.cure,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _split(arguments: list[str]) -> tuple[list[str], bool, list[str]]:
    """Divide the command line at its first `--`, which a command may have of its own too."""
    if "--" not in arguments:
        return arguments, False, []
    at = arguments.index("--")
    return arguments[:at], True, arguments[at + 1 :]


def _run_beside(board: Board, command: list[str], variable: str, url: str) -> int:
    """Run a command with the board beside it and return its exit status."""
    done = threading.Event()
    server = threading.Thread(target=board.run, args=(done.is_set,), daemon=True)
    server.start()
    try:
        return subprocess.run(command, env={**os.environ, variable: url}, check=False).returncode
    finally:
        done.set()
        server.join()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simboard", description=__doc__)
    parser.add_argument("kind", choices=sorted(_BOARDS), help="what kind of board")
    parser.add_argument("--image", help="firmware image of `hil build` (default: the kind's own)")
    parser.add_argument("--circuit", choices=KINDS, help="what the control lines do")
    parser.add_argument(
        "--heap",
        type=int,
        default=524_288,
        metavar="BYTES",
        help="size of MicroPython's heap (default: 524288)",
    )
    parser.add_argument("--baud", type=int, help="speed of the line (default: as fast as it goes)")
    parser.add_argument("--door", type=Path, metavar="PATH", help="socket for `simboard power`")
    parser.add_argument("--seed", type=int, default=1, help="of noise and losses")
    trouble = parser.add_argument_group("trouble")
    trouble.add_argument("--noise", type=float, default=0.0, metavar="SHARE", help="bytes changed")
    trouble.add_argument("--lost", type=float, default=0.0, metavar="SHARE", help="bytes lost")
    trouble.add_argument("--silent", action="store_true", help="nothing of the board arrives")
    trouble.add_argument("--babble", metavar="TEXT", help="says this, and runs no MicroPython")
    trouble.add_argument("--restart", type=float, metavar="SECONDS", help="brown-out: restarts")
    trouble.add_argument("--vanish", type=float, metavar="SECONDS", help="the port goes away")
    trouble.add_argument("--boot-held", action="store_true", help="stays in its ROM loader")
    trouble.add_argument(
        "--begins-at",
        type=bytes.fromhex,
        metavar="HEX",
        help="all this begins when these bytes have passed to the board (default: at once)",
    )
    trouble.add_argument(
        "--cure", choices=CURES, default="repair", help="what ends it (default: repair)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
