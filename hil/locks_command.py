"""`hil locks`: who has which board on a cable right now, and which boards are marked as wedged."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from hil import tables
from hil.heal import marks
from hil.lab import inventory, lease
from hil.target_file import parse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `locks` to the command line of `hil`."""
    parser = commands.add_parser(
        "locks",
        help="list who has which board on a cable right now, and which are wedged",
        description="List who has which board on a cable right now, and which boards are marked as "
        "wedged. A lease ends with the process that holds it, however that ends; a mark with the "
        "next health handshake that the board passes, in a run or by `hil heal`. There is nothing "
        "to clean up.",
    )
    parser.add_argument(
        "--leases",
        type=Path,
        metavar="DIR",
        help=f"folder of the leases (default: ${lease.FOLDER_VARIABLE}, that of the lab, or the "
        "user's own)",
    )
    inventory.add_option(parser)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look, show, and return the exit status."""
    lab = inventory.find(options.lab, Path.cwd())
    of_lab = None if lab is None else inventory.leases_folder(parse(lab))
    folder = options.leases or lease.folder(of_lab)
    found, wedged = lease.holders(folder), marks.listed(folder)
    if options.format == "json":
        shown = {
            "locked": [asdict(holder) for holder in found],
            "wedged": [asdict(mark) for mark in wedged],
        }
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    else:
        sys.stdout.write(_table(found) if found else "no board is locked\n")
        if wedged:
            sys.stdout.write(f"\nmarked as wedged:\n{_wedged(wedged)}")
    sys.stdout.flush()
    return 0


def _table(found: list[lease.Holder]) -> str:
    table = tables.empty_table()
    for title in ("board", "user", "host", "pid", "since (UTC)"):
        table.add_column(title, no_wrap=True)
    table.add_column("job", overflow="fold")
    for holder in found:
        shown = (holder.user, holder.host, str(holder.pid), holder.since_utc, holder.job)
        table.add_row(*(Text(text) for text in (holder.board, *shown)))
    return tables.render([table], tables.stdout_columns())


def _wedged(found: list[marks.Mark]) -> str:
    table = tables.empty_table()
    for title in ("board", "since (UTC)", "tried"):
        table.add_column(title, no_wrap=True)
    table.add_column("why", overflow="fold")
    for mark in found:
        why = mark.reason.partition("\n")[0]
        shown = (mark.board, mark.since_utc, ", ".join(mark.tried) or tables.MISSING, why)
        table.add_row(*(Text(text) for text in shown))
    return tables.render([table], tables.stdout_columns())
