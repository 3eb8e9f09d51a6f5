"""`hil compare A B`: what changed per board between two reports, and whether that is a regression.

Exit status 0: within tolerance. 1: a regression. 2: they could not be compared, which is never
taken for agreement.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from hil import tables
from hil.compare import text
from hil.compare.gates import HELP, Gates
from hil.compare.judgement import Comparison, compare
from hil.document import read
from hil.errors import HilError

_EXIT_STATUS = """
exit status: 0 within tolerance, 1 regression, 2 could not be compared (a report that cannot be
read or has another schema, no cell in common, a replay against a live run, a gate that no figure
goes through)
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `compare` to the command line of `hil`."""
    parser = commands.add_parser(
        "compare",
        help="say what changed per board between two reports; exit status 1 for a regression",
        description="Compare two reports: heap, stack, static RAM, flash by module, instructions "
        "by phase, for each board, peer and scenario that both have.",
        epilog=HELP + _EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("before", type=Path, metavar="A", help="earlier report.json, or its folder")
    parser.add_argument("after", type=Path, metavar="B", help="later one, which is judged")
    parser.add_argument(
        "--format",
        choices=("table", "markdown", "json", "html"),
        default="table",
        help="default: table. json and html have every figure",
    )
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="WHAT[:TOLERANCE],...",
        help="what counts as a regression, see below; repeatable (default: any)",
    )
    parser.add_argument("--all", action="store_true", help="show what did not change too")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: the terminal")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, show, and return the exit status."""
    try:
        gates = Gates(options.fail_on)
        comparison = compare(read(options.before), read(options.after), gates)
        shown = _shown(comparison, options)
        if options.output is not None:
            _write(options.output, shown)
            shown = f"{options.output}: {text.summary(comparison)}\n"
        _say(shown)
    except HilError as error:
        sys.stderr.write(f"hil compare: {error}\n")
        return 2
    return 1 if comparison.failed else 0


def _shown(comparison: Comparison, options: argparse.Namespace) -> str:
    if options.format == "json":
        return text.data(comparison)
    if options.format == "html":
        from hil.compare import page  # noqa: PLC0415  (jinja2 is slow to import)

        return page.html(comparison)
    if options.format == "markdown":
        return text.markdown(comparison, every=options.all)
    color = options.output is None and sys.stdout.isatty()
    return text.terminal(comparison, tables.stdout_columns(), color=color, every=options.all)


def _say(shown: str) -> None:
    """Print; a reader who has seen enough, say `head`, does not change the exit status."""
    try:
        sys.stdout.write(shown)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise HilError(f"{path}: {error.strerror}") from None
