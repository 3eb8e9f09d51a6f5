"""`hil report merge DIR... -o DIR`: one report of the shards of a run, or of several sites.

Exit status 0: merged. 1: with `--check`, and something in it did not pass. 2: not merged.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hil import footprint, report_merge
from hil.document import Document
from hil.errors import HilError

_DESCRIPTION = """
Merge reports into one: report.json, .md, .html, junit.xml, and the artefacts of all. The order in
which they are given does not matter. A cell that two runs filled is refused; a report that is given
twice, or is part of a merged one too, counts once. Runs are kept as they were in run.merged_from,
with host and versions, and each cell names its run.
"""
_EXIT_STATUS = """
exit status: 0 merged, 1 with --check: a cell or a run in it did not pass, 2 not merged (a report
that cannot be read or has another schema, a cell of two runs, a board of which two runs say
different things, replays among live runs)
"""
_BAD = frozenset({"fail", "hang", "error"})


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `report` to the command line of `hil`."""
    about = commands.add_parser("report", help="merge the reports of shards and sites into one")
    actions = about.add_subparsers(title="actions", metavar="ACTION", required=True)
    parser = actions.add_parser(
        "merge",
        help="make one report of several",
        description=_DESCRIPTION,
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "reports", nargs="+", type=Path, metavar="DIR", help="a report.json, or its folder"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="DIR",
        help="for the merged report: new, empty, or with an earlier merged report, which goes",
    )
    parser.add_argument(
        "--check", action="store_true", help="exit status 1 unless everything in it passed"
    )
    parser.set_defaults(run=merge)


def merge(options: argparse.Namespace) -> int:
    """Merge, say what came of it, and return the exit status."""
    try:
        merged = report_merge.merge(options.reports, options.output, _warn)
    except HilError as error:
        sys.stderr.write(f"hil report merge: {error}\n")
        return 2
    runs = len(merged["run"]["merged_from"])
    cells = footprint.summary(merged["cells"])
    sys.stdout.write(f"{options.output}: {runs} runs, {cells}\n")
    sys.stdout.flush()
    return 1 if options.check and _did_not_pass(merged) else 0


def _did_not_pass(merged: Document) -> bool:
    run = merged["run"]
    said = [part.get("passed") for part in run["merged_from"]]
    bad = any(cell["verdict"] in _BAD for cell in merged["cells"])
    return bad or run["interrupted"] or False in said


def _warn(problem: str) -> None:
    sys.stderr.write(f"hil report merge: {problem}\n")
