"""`hil matrix`: which versions, suites, certificates and buffers a board and each peer share.

Runs the cells (`hil.tlsrig.matrix.bench`), for correctness alone, so that emulators need not count
instructions; writes an ordinary report, whose page shows the matrix as tables, and prints how it
went. Exit status 0: every cell works, or is refused as follows from what both ends declare; 1: a
cell is not so; 130: interrupted, with the report of what has run.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hil import paths, progress, tables, target
from hil.document import Document
from hil.errors import HilError, MissingTool
from hil.lab import inventory, lease
from hil.lab.holdings import Holdings
from hil.target import Target
from hil.tlsrig.matrix import product

if TYPE_CHECKING:
    from hil.report import Cell
    from hil.tlsrig.matrix.bench import Task

_ROLES = ("client", "server")
_INTERRUPTED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `matrix` to the command line of `hil`."""
    parser = commands.add_parser(
        "matrix",
        help="versions x suites x certificates x buffer sizes of a board against every peer",
    )
    _add_choices(parser)
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--quick",
        dest="level",
        action="store_const",
        const="quick",
        help="every version, suite, certificate and size at least once, not every pair",
    )
    level.add_argument(
        "--full",
        dest="level",
        action="store_const",
        const="full",
        help="every row with every size (default: every row once, every size with each version "
        "and certificate)",
    )
    parser.set_defaults(level="usual", run=run)
    add = parser.add_argument
    add("--list", action="store_true", help="say what would be run, and run nothing")
    add("-j", "--jobs", type=int, metavar="N", help="cells side by side (default: one a core)")
    add("--timeout-multiplier", type=float, default=1.0, metavar="FACTOR", help="default: 1")
    add("--wait-for-board", type=float, default=0.0, metavar="SECONDS", help="default: 0")
    add("--keep-all", action="store_true", help="keep artefacts of cells that work, too")
    add("-o", "--output", type=Path, metavar="DIR", help="the report (default: reports/<run>)")
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("-q", "--quiet", action="store_true", help="no progress")
    how_much.add_argument("-v", "--verbose", action="store_true", help="keep a line of every cell")


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose among boards, peers and dimensions; all take comma lists."""

    def add(flag: str, what: str, metavar: str = "NAME") -> None:
        parser.add_argument(flag, action="append", default=[], metavar=metavar, help=what)

    add("--target", "board: name, glob or comma list; repeatable (default: unix)")
    inventory.add_target_options(parser)
    add("--peer", "peer: name, glob or comma list; repeatable (default: all)")
    add("--role", "what the board is: client, server (default: both)")
    add("--version", "1.3, 1.2 (default: both)")
    add("--suite", "registered names or globs, as 'TLS_ECDHE_*' (default: all)")
    kinds = ", ".join(product.CERTIFICATES)
    add("--certificate", f"what the server proves itself with: {kinds} (default: all)")
    sizes = ",".join(map(str, product.BUFFERS))
    add(
        "--buffer",
        f"largest plaintext of a record the board has room for (default: {sizes})",
        "BYTES",
    )


def run(options: argparse.Namespace) -> int:
    """`hil matrix`: status 1 when a cell is neither as it must be nor rightly refused."""
    from hil.tlsrig.matrix import bench, room  # noqa: PLC0415  (other commands need not wait)

    boards = _targets(options)
    sizes = _sizes(options.buffer)
    for board in boards:
        if options.buffer:
            room.require(board, sizes)
    rows = product.chosen(
        _words(options.version), _words(options.suite), _words(options.certificate)
    )
    places = product.places(rows, sizes or product.BUFFERS, options.level)
    roles = _roles(options.role)
    installed, missing = _peers(options.peer)
    wanted = [list(bench.tasks(board, installed, roles, places)) for board in boards]
    if not any(wanted):
        raise HilError("nothing to run: no peer that was chosen is installed and has these roles")
    if missing:
        names = ", ".join(missing)
        sys.stderr.write(f"hil matrix: not installed, so left out: {names} (see hil peers)\n")
    if options.list:
        return _list([task for tasks in wanted for task in tasks])
    return _run([tasks for tasks in wanted if tasks], options, boards)


def _run(wanted: list[list[Task]], options: argparse.Namespace, boards: list[Target]) -> int:
    from hil.report import Run  # noqa: PLC0415
    from hil.rig import Rig  # noqa: PLC0415
    from hil.tlsrig.matrix.bench import Bench  # noqa: PLC0415

    here = paths.checkout() or Path.cwd()
    made = Run(here)
    made.mode = "correctness"
    directory: Path = (options.output or here / "reports" / made.id).resolve()
    if (directory / "report.json").exists():
        raise HilError(f"{directory} has a report already; choose another folder with -o")
    holdings = Holdings(
        lease.folder(None), f"hil matrix, pid {os.getpid()}", options.wait_for_board
    )
    rig = Rig(boards, made, directory, holdings, timeout_multiplier=options.timeout_multiplier)
    jobs = options.jobs or os.cpu_count() or 1
    with (
        progress.on_stderr(options.verbose - options.quiet) as display,
        tempfile.TemporaryDirectory(prefix="hil-matrix-") as scratch,
    ):
        try:
            bench = Bench(rig, Path(scratch), jobs, keep_all=options.keep_all)
            for tasks in wanted:
                image = tasks[0].target.image
                display(f"firmware {image}")
                rig.firmware(image, display)
                bench.run(tasks, _Steps(display, len(tasks)))
        except KeyboardInterrupt:
            made.interrupted = True
        finally:
            rig.close_boards()
            holdings.release_all()
            document = made.write(directory)
    return _tell(document, directory)


class _Steps:
    """Says how far it is, cell by cell."""

    def __init__(self, display: progress.Display, count: int) -> None:
        self._display = display
        self._count = count
        self._seen: dict[str, int] = {}

    def __call__(self, done: int, task: Task, cell: Cell) -> None:
        from hil.tlsrig.matrix import table  # noqa: PLC0415

        outcome = table.outcome_of(cell.verdict or "error", task.document()["expected"])
        self._seen[outcome] = self._seen.get(outcome, 0) + 1
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self._seen.items()))
        self._display(
            f"{task.target.name}: {done} of {self._count}: {counts}; {task.peer} {cell.scenario}"
        )


def _tell(document: Document, directory: Path) -> int:
    from hil.tlsrig.matrix import table  # noqa: PLC0415

    text, fine = table.summary(document, tables.stdout_columns())
    sys.stdout.write(f"{text}report: {directory}\n")
    sys.stdout.flush()
    if document["run"]["interrupted"]:
        return _INTERRUPTED
    return 0 if fine else 1


def _list(tasks: Sequence[Task]) -> int:
    for task in tasks:
        place = task.place
        outcome = "not run" if task.derived is None else task.document()["expected"]
        sys.stdout.write(
            f"{task.target.name}  {task.peer:10} {task.role:6} {place.row.version} "
            f"{place.row.suite} {place.row.certificate} {place.buffer_bytes}: {outcome}\n"
        )
    sys.stdout.write(f"{len(tasks)} cells\n")
    sys.stdout.flush()
    return 0


def _targets(options: argparse.Namespace) -> list[Target]:
    kinds = target.load_all(paths.targets_dir(), *options.target_dir)
    known = inventory.with_lab(options.lab, Path.cwd(), kinds)
    return target.select(options.target or ["unix"], known)


def _peers(patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the chosen peers that are installed, and those that are not.

    Raises:
        MissingTool: one that is not installed was named, not only matched.
    """
    from hil.tlsrig import peers, scenario  # noqa: PLC0415

    known = {
        name: peers.load(name).ABILITIES
        for name in peers.names()
        if any(peers.load(name).ABILITIES.of(role) & set(product.VERSIONS) for role in _ROLES)
    }
    chosen = scenario.select(peers.renamed(patterns or ["*"]), known, "peer")
    missing = []
    for name in chosen:
        try:
            peers.load(name).program()
        except MissingTool:
            if name in _words(patterns):  # not by a glob: it is wanted
                raise
            missing.append(name)
    return [name for name in chosen if name not in missing], missing


def _roles(given: Sequence[str]) -> list[str]:
    words = _words(given) or list(_ROLES)
    for word in words:
        if word not in _ROLES:
            raise HilError(f"--role: {word!r} is none of {', '.join(_ROLES)}")
    return list(dict.fromkeys(words))


def _sizes(given: Sequence[str]) -> list[int]:
    """Return the sizes of --buffer.

    Raises:
        HilError: one is no number, or none that TLS knows.
    """
    sizes = []
    for word in _words(given):
        least, most = product.BUFFER_BYTES_MIN, product.BUFFER_BYTES_MAX
        if not word.isdecimal() or not least <= int(word) <= most:
            raise HilError(f"--buffer: {word!r} is no number of bytes from {least} to {most}")
        sizes.append(int(word))
    return sorted(set(sizes))


def _words(given: Sequence[str]) -> list[str]:
    return [word.strip() for text in given for word in text.split(",") if word.strip()]
