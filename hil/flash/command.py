"""`hil flash TARGET`: puts firmware on an attached board and says which step failed if one did.

The board is leased meanwhile, as in a run of tests: neither disturbs the other.

Exit status 0: done. 1: a step failed, or a tool is missing. 2: what was asked for cannot be done;
nothing has been touched.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hil import build, paths, target
from hil.errors import BootError, HilError
from hil.flash import (
    Done,
    FlashUsageError,
    Request,
    Step,
    esp,
    mass_storage,
    mbed_drive,
    pyocd,
    version,
)
from hil.lab import inventory, lease
from hil.lab.holding import with_port
from hil.lab.holdings import Holdings
from hil.serial_port import port_of
from hil.target import Target

METHODS: Mapping[str, Callable[[Request, Done], None]] = {
    "esptool": esp.flash,
    "mass_storage": mass_storage.flash,
    "mbed_drive": mbed_drive.flash,
    "uf2": mass_storage.flash_uf2,
    "pyocd": pyocd.flash,
}

# The image that stands for firmware which is not built here.
_PUBLISHED = "stock"

_EXIT_STATUS = """
exit status: 0 done, 1 a step failed (connect, erase, write, verify, restart, version) or a tool is
missing, 2 wrong use, nothing has been touched
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `flash` to the command line of `hil`."""
    parser = commands.add_parser(
        "flash",
        help="put firmware on an attached board",
        description="Put firmware on an attached board, in the way its target file says, and read "
        "its version back.",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="TARGET", help="which board; `hil targets` lists them")
    parser.add_argument("--firmware", type=Path, metavar="FILE", help="what to put on it")
    parser.add_argument("--port", metavar="URL", help="its serial port (default: boot.port)")
    parser.add_argument("--drive", type=Path, metavar="DIR", help="where its drive is mounted")
    parser.add_argument("--baud", type=int, help="speed of the transfer (default: the method's)")
    parser.add_argument(
        "--no-stub", action="store_true", help="speak to the loader in ROM only (slow; esptool)"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for a drive to come back, or the board to answer (default: 60)",
    )
    parser.add_argument(
        "--wait-for-board",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for somebody else who has the board (default: 0)",
    )
    inventory.add_target_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Flash, and return the exit status."""
    holdings = None
    try:
        board, holdings = _board(options)
        method = METHODS[str(board.flash["method"])]
        firmware = _firmware(board, options.firmware)
        board, port = _held(board, options.port, holdings)
        request = Request(
            board,
            firmware,
            port=port,
            drive=options.drive,
            baud=options.baud,
            stub=not options.no_stub,
            patience_s=options.wait,
        )
        _flash(method, request)
    except (FlashUsageError, target.TargetSelectionError) as error:
        sys.stderr.write(f"hil flash: {error}\n")
        return 2
    except HilError as error:
        sys.stderr.write(f"hil flash: {error}\n")
        return 1
    finally:
        if holdings is not None:
            holdings.release_all(_say)
    return 0


def _flash(method: Callable[[Request, Done], None], request: Request) -> None:
    began_s = time.monotonic()

    def done(step: Step, note: str) -> None:
        _say(f"  {step:<8} {time.monotonic() - began_s:6.1f} s  {note}".rstrip())

    board = request.target
    _say(f"{board.name}: {request.firmware} by {board.flash['method']}")
    method(request, done)
    if request.port is None:
        _say("  version  not read back: no port is known (--port)")
    else:
        version.check(request, done)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _board(options: argparse.Namespace) -> tuple[Target, Holdings]:
    """Return the board that is meant, and what holds the boards of its lab."""
    kinds = target.load_all(paths.targets_dir(), *options.target_dir)
    file = inventory.find(options.lab, Path.cwd())
    lab = inventory.load(file, kinds) if file is not None else None
    found = lab.among(kinds) if lab is not None else kinds
    chosen = target.select([options.target], found)
    if len(chosen) != 1:
        names = ", ".join(board.name for board in chosen)
        raise FlashUsageError(f"one board at a time: {options.target} is {names}")
    board = chosen[0]
    if not board.flash:
        raise FlashUsageError(f"{board.name}: {board.path} has no [flash], which says how")
    folder = lease.folder(lab.leases if lab is not None else None)
    return board, Holdings(folder, f"hil flash {board.name}", options.wait_for_board)


def _firmware(board: Target, given: Path | None) -> Path:
    if given is None and board.place is not None:
        given = board.place.firmware
    if given is None and board.flash["method"] == "mbed_drive" and board.image != _PUBLISHED:
        given = build.ensure(board.image, _say).path
    if given is None:
        where = board.flash.get("firmware")
        hint = f": MicroPython's for {where} (micropython.org/download/{where})" if where else ""
        raise FlashUsageError(f"{board.name}: give --firmware=FILE{hint}")
    if not given.is_file():
        raise FlashUsageError(f"{given}: no such file")
    if given.stat().st_size == 0:
        raise FlashUsageError(f"{given}: is empty")
    return given


def _held(board: Target, given: str | None, holdings: Holdings) -> tuple[Target, str | None]:
    """Make the board this command's own, if there is a port to know it by; return both."""
    if given is not None:
        board = with_port(board, given)
    elif board.place is None or board.place.far is None:
        try:
            port_of(board.boot.arguments, board.identify)
        except BootError:
            return board, None  # it is not there, or nobody says which it is; not all need a port
    here = holdings.hold(board, _say).target
    port = here.boot.arguments.get("port")
    return here, port if isinstance(port, str) else None
