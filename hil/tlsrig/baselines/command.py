"""`hil bench baselines`: our board beside C libraries on the same core, as a report and a table.

Builds the images that are not cached, runs each baseline's cell and our own board's, writes an
ordinary report (so `hil compare` and its page show it like any other) and prints the table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from hil import paths, progress, tables, target
from hil.errors import HilError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `bench` and what can be measured by it to the command line of `hil`."""
    bench = commands.add_parser("bench", help="measure what no test asks for")
    actions = bench.add_subparsers(title="commands", metavar="COMMAND", required=True)
    running = actions.add_parser(
        "baselines", help="our board beside TLS libraries in C on the same emulated core"
    )
    running.add_argument("--peer", default="openssl", metavar="NAME", help="default: openssl")
    running.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="the report (default: reports/<run>)"
    )
    running.add_argument(
        "--quick", action="store_true", help="no smallest heaps: a tenth of the time"
    )
    how_much = running.add_mutually_exclusive_group()
    how_much.add_argument("-q", "--quiet", action="store_true", help="no progress")
    how_much.add_argument("-v", "--verbose", action="store_true", help="keep a line of every step")
    running.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """`hil bench baselines`: status 1 when a cell that ran did not pass."""
    # Other commands need not wait for what drives boards.
    from hil import report  # noqa: PLC0415
    from hil.tlsrig import baselines, peers  # noqa: PLC0415
    from hil.tlsrig.baselines.bench import Bench  # noqa: PLC0415
    from hil.tlsrig.baselines.table import table  # noqa: PLC0415

    if options.peer not in peers.names():
        raise HilError(f"no peer is called {options.peer!r}; there are {', '.join(peers.names())}")
    board = target.load_all()[baselines.TARGET]
    here = paths.checkout() or Path.cwd()
    made = report.Run(here)
    directory: Path = (options.output or here / "reports" / made.id).resolve()
    if not options.output and directory.exists():
        raise HilError(f"{directory} exists already")
    with (
        progress.on_stderr(options.verbose - options.quiet) as display,
        tempfile.TemporaryDirectory(prefix="hil-bench-") as scratch,
    ):
        bench = Bench(board, options.peer, Path(scratch), display, smallest_heap=not options.quick)
        entries = [bench.ours(), *map(bench.other, baselines.all_baselines())]
        for entry, own in zip(entries, bench.targets, strict=True):
            entry.cell.artefacts = dict(report.keep_artefacts(entry.cell, [], directory))
            made.add(entry.cell, own, entry.firmware)
        made.write(directory)
    sys.stdout.write(table(entries, tables.stdout_columns()))
    sys.stdout.write(f"report: {directory}\n")
    sys.stdout.flush()
    return 0 if all(entry.cell.verdict in ("pass", "skip") for entry in entries) else 1
