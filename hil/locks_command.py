"""`hil locks`: who has which board on a cable right now."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from hil import tables
from hil.lab import inventory, lease
from hil.target_file import parse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `locks` to the command line of `hil`."""
    parser = commands.add_parser(
        "locks",
        help="list who has which board on a cable right now",
        description="List who has which board on a cable right now. A lease ends with the process "
        "that holds it, however that ends; there is nothing to clean up.",
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
    found = lease.holders(options.leases or lease.folder(of_lab))
    if options.format == "json":
        sys.stdout.write(json.dumps([asdict(holder) for holder in found], indent=2) + "\n")
    elif not found:
        sys.stdout.write("no board is locked\n")
    else:
        sys.stdout.write(_table(found))
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
