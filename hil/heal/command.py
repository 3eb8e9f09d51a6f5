"""`hil heal TARGET`: climbs the whole ladder with a board on a cable, marked as wedged or not.

A board that passes the health handshake loses its mark; one that nothing heals gets one.

Exit status 0: all boards named are well. 1: one is not, or what leads to it does not work. 2: wrong
use.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from hil import build, paths, progress, target
from hil.errors import HilError
from hil.heal import absence, health, ladder, marks
from hil.lab import inventory, lease
from hil.lab.holdings import Holdings
from hil.target import Target


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `heal` to the command line of `hil`."""
    parser = commands.add_parser(
        "heal",
        help="bring a board on a cable back to life",
        description="Bring boards on cables back to life: Ctrl-C, soft reset, hard reset, power "
        "cycle (where the lab names a switch), reflash (where the lab or --firmware allows it). A "
        "board that answers then is not marked as wedged any more; one that does not is.",
        epilog="exit status: 0 all are well, 1 one is not, or cannot be reached, 2 wrong use",
    )
    parser.add_argument(
        "targets", nargs="+", metavar="TARGET", help="which boards, as pytest's --target takes them"
    )
    parser.add_argument(
        "--firmware",
        type=Path,
        metavar="FILE",
        help="flash it with this if nothing else helps (default: as the lab says)",
    )
    parser.add_argument(
        "--wait-for-board",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for somebody else who has a board (default: 0)",
    )
    inventory.add_target_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Heal, and return the exit status."""
    try:
        boards, folder = _boards(options)
    except target.TargetSelectionError as error:
        sys.stderr.write(f"hil heal: {error}\n")
        return 2
    job = f"hil heal {' '.join(options.targets)}"
    holdings = Holdings(folder, job, options.wait_for_board)
    status = 0
    try:
        for board in boards:
            try:
                _heal(board, holdings, options.firmware)
            except HilError as error:
                sys.stderr.write(f"hil heal: {error}\n")
                status = 1
    finally:
        holdings.release_all()
    return status


def _heal(board: Target, holdings: Holdings, firmware_file: Path | None) -> None:
    with progress.on_stderr() as display:
        firmware = build.ensure(board.image, display)
    held = absence.hold(board, lambda: holdings.hold(board, _say), _say)
    if held.key is None:
        raise HilError(f"{board.name}: is no board on a cable; it starts anew in every run")
    ill = ladder.patient(held, holdings.folder, 1.0, _say)
    if firmware_file is not None:
        ill = replace(ill, firmware=firmware_file)
    mark = marks.read(holdings.folder, held.key)
    began_s = time.monotonic()
    try:
        said = health.shake_hands(held.target, firmware)
    except ladder.ILL as error:
        said = ladder.climb(ill, lambda found: health.shake_hands(found, firmware), error)
    marks.clear(holdings.folder, held.key)
    unmarked = "" if mark is None else f"; was marked as wedged since {mark.since_utc}"
    _say(f"{board.name} is well after {time.monotonic() - began_s:.1f} s: {said}{unmarked}")


def _boards(options: argparse.Namespace) -> tuple[list[Target], Path]:
    """Return the boards that are meant, and the folder of their leases."""
    kinds = target.load_all(paths.targets_dir(), *options.target_dir)
    file = inventory.find(options.lab, Path.cwd())
    lab = inventory.load(file, kinds) if file is not None else None
    found = lab.among(kinds) if lab is not None else kinds
    chosen = target.select(options.targets, found, to_run=True)
    return chosen, lease.folder(lab.leases if lab is not None else None)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
