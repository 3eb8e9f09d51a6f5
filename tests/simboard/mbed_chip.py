"""Simulates an mbed LPC1768: `python tests/simboard/mbed_chip.py [options] [-- COMMAND...]`.

Its chip is Unicorn's Cortex-M3 with the chip's registers (`chip`, `lpc1768`), and runs the
firmware of the image `lpc1768` as it would be flashed. Its interface chip is the port (a serial
break resets the chip) and, with --drive, the drive: the newest .bin file on it is written to flash
at a reset, as on the mbed, where files stay. The port's URL is printed when it is ready; a command
is run with it in its environment as SIMBOARD_LPC1768, and the board ends with the command.
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

from board import Ailment, Board
from chip import Chip
from lpc1768 import Wrong
from wire import Direction, Trouble

from hil import build
from hil.flash import flat


class Interface:
    """What the interface chip does at a reset; to the port it is the chip itself."""

    def __init__(self, chip: Chip, drive: Path | None) -> None:
        self._chip = chip
        self._drive = drive
        self.console = chip.console

    def hold(self) -> None:
        """Hold the chip in reset."""
        self._chip.hold()

    def reset(self) -> None:
        """Write what is newest on the drive to flash, then let the chip start."""
        found = self._drive.iterdir() if self._drive is not None else ()
        files = sorted((path for path in found if path.suffix.lower() == ".bin"), key=_changed)
        try:
            if files:
                self._chip.flash(files[-1].read_bytes())
        except Wrong as error:
            sys.stderr.write(f"{files[-1]}: {error}\n")
            return  # the loader in ROM stays where it is
        self._chip.reset()


def main() -> int:
    """Run the board until the command ends, or until it is told to stop."""
    arguments = sys.argv[1:]
    marked = "--" in arguments
    at = arguments.index("--") if marked else len(arguments)
    options = _parser().parse_args(arguments[:at])
    firmware = build.ensure("lpc1768", _say)
    try:
        chip = Chip(flat.read(firmware.path), stuck=options.stuck)
    except Wrong as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with closing(chip):
        board = mbed(chip, options.drive, options.baud)
        url = f"rfc2217://{board.address[0]}:{board.address[1]}"
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        stopping = threading.Event()
        if marked:
            server = threading.Thread(target=board.run, args=(stopping.is_set,), daemon=True)
            server.start()
            environment = {**os.environ, "SIMBOARD_LPC1768": url}
            status = subprocess.run(arguments[at + 1 :], env=environment, check=False).returncode
            stopping.set()
            server.join()
            return status
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        board.run(stopping.is_set)
    return 0


def mbed(chip: Chip, drive: Path | None = None, baud: int | None = None) -> Board:
    """Return the mbed around a chip.

    Args:
        chip: powered.
        drive: a folder that is its drive; None: it has none.
        baud: speed of the line; None: as fast as it goes.
    """
    if drive is not None:
        (drive / "MBED.HTM").write_text("<html></html>\n")
    to_board, to_host = (Direction(Trouble(), seed, baud) for seed in (1, 2))
    return Board(Interface(chip, drive), "break", to_board, to_host, Ailment())


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mbed_chip", description=__doc__)
    parser.add_argument("--drive", type=Path, metavar="DIR", help="a folder that is its drive")
    parser.add_argument("--stuck", action="store_true", help="its converter has no noise")
    parser.add_argument("--baud", type=int, help="speed of the line (default: as fast as it goes)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
