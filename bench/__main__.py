"""`python -m bench`: measure, print the tables, and write docs/performance.md if asked.

Exit status 0: measured, whatever the goals. 1: a board, a library or a handshake failed. 2: wrong
use, or something is missing; the message says what to do.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from uuid import uuid4

from bench import (
    boards,
    desk,
    desk_tlslite,
    handshakes,
    kernels,
    libraries,
    page,
    programs,
    records,
)
from bench.figures import BenchError, Figures
from hil import peer, progress, provenance, readiness, tables, target
from hil.errors import HilError, MissingTool
from hil.target import Target

PARTS = ("operations", "handshakes", "libraries", "desk", "kernels")

_DESCRIPTION = """
Measure the TLS core on every emulated board and on CPython, beside TLS libraries in C on the same
core and tlslite-ng, and hold it to its goals. A run keeps all its figures in figures.json.
"""
_TURNS, _QUICK_TURNS = 15, 3
_QUICK_RECORDS = 4
# Of Debian's three packages of QEMU, which have one version.
_EMULATOR = "qemu-system-arm"
_PAGE = Path("docs") / "performance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (BenchError, HilError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=_DESCRIPTION)
    parser.add_argument(
        "--target",
        action="append",
        metavar="NAME",
        help="board: name, glob or comma list, repeatable (default: unix and every emulated board)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two handshakes, no smallest heaps, fewer turns: a minute or two",
    )
    parser.add_argument(
        "--part",
        action="append",
        choices=PARTS,
        help="only that part, repeatable (default: all)",
    )
    parser.add_argument("--write", action="store_true", help=f"write {_PAGE}; only a whole run can")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="default: reports/bench-<time>"
    )
    parser.add_argument(
        "-n", "--jobs", default="auto", metavar="N", help="boards at once in handshakes"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    return parser


def _run(options: argparse.Namespace) -> int:
    began, start = datetime.now(timezone.utc), time.monotonic()
    root = programs.checkout()
    parts = tuple(options.part or PARTS)
    if options.write and (options.quick or options.target or set(parts) != set(PARTS)):
        raise BenchError(
            f"--write: {_PAGE} is of a whole run: leave out --quick, --target and --part"
        )
    targets = _targets(options.target)
    if "desk" in parts:
        desk_tlslite.version()  # said now, not after a quarter of an hour
    directory: Path = options.output or root / "reports" / _name(began)
    directory = directory.resolve()
    _make(directory)
    figures = Figures()
    with progress.on_stderr(-int(options.quiet)) as say:
        complaints = _measure(parts, targets, figures, directory, options, say)
    commit, dirty = provenance.git_state(root)
    facts = page.Facts(
        command="python -m bench --write" if options.write else _shown(options),
        began=began,
        took_s=time.monotonic() - start,
        commit=commit,
        dirty=dirty,
        versions={**_versions(), **figures.versions},
        complaints=complaints,
    )
    names = [chosen.name for chosen in targets]
    shown = page.all_tables(figures, names, desk.rows())
    _keep(directory / "figures.json", json.dumps(_document(facts, figures), indent=2) + "\n")
    _keep(directory / "performance.md", page.markdown(facts, shown))
    sys.stdout.write(page.terminal(facts, shown, tables.stdout_columns()))
    if options.write and complaints:
        sys.stdout.write(f"{_PAGE} is left as it was: something went wrong\n")
    elif options.write:
        _keep(root / _PAGE, page.markdown(facts, shown))
    sys.stdout.write(f"figures: {directory}\n")
    sys.stdout.flush()
    return 1 if complaints else 0


def _measure(
    parts: Sequence[str],
    targets: Sequence[Target],
    figures: Figures,
    directory: Path,
    options: argparse.Namespace,
    say: Callable[[str], None],
) -> list[str]:
    """Measure all that was asked for; return what went wrong without ending the run."""
    quick: bool = options.quick
    count = _QUICK_RECORDS if quick else records.COUNT

    def on_board(chosen: Target) -> list[str]:
        figures.add(boards.run(chosen, directory / "logs" / chosen.name, say, count))
        return []

    def operations() -> list[str]:
        return [said for chosen in targets for said in _guarded(partial(on_board, chosen))]

    def at_a_desk() -> list[str]:
        figures.versions[desk_tlslite.NAME] = desk_tlslite.version()
        figures.add(desk.run(_QUICK_TURNS if quick else _TURNS, say))
        return []

    def in_machine_code() -> list[str]:
        figures.add(kernels.run())
        return []

    work: dict[str, Callable[[], list[str]]] = {
        "operations": operations,
        "handshakes": lambda: handshakes.run(
            targets, figures, directory / "handshakes", quick=quick, jobs=options.jobs
        ),
        "libraries": lambda: libraries.run(figures, directory / "libraries", quick=quick),
        "desk": at_a_desk,
        "kernels": in_machine_code,
    }
    complaints = []
    for part in PARTS:
        if part in parts:
            say(part)
            complaints += _guarded(work[part])
    return complaints


def _guarded(work: Callable[[], list[str]]) -> list[str]:
    """Do a part of a run; should it fail, that is told, and what the others found is not lost."""
    try:
        return work()
    except (BenchError, HilError) as error:
        return [" ".join(str(error).split())]


def _targets(patterns: Sequence[str] | None) -> list[Target]:
    """Return the boards to measure.

    Raises:
        BenchError: one is no board of this machine's, or cannot be run here.
        HilError: a pattern matches none.
    """
    known = target.load_all()
    if patterns is None:
        usual = [one for one in known.values() if one.klass == "emulated" or one.name == "unix"]
        found = [one for one in usual if one.stack == "tlscore"]
    else:
        found = target.select(patterns, known)
    for chosen in found:
        if chosen.klass == "attached" or chosen.stack != "tlscore":
            raise BenchError(
                f"{chosen.name}: the bench is about the core on emulated boards and unix; boards "
                "on a cable are measured by pytest tests/system/test_handshake.py"
            )
    lacking = [f"{one.name}: {what}" for one in found for what in readiness.missing(one)]
    if lacking:
        raise BenchError("; ".join(lacking))
    return found


def _versions() -> dict[str, str]:
    """Return the versions of what all boards have in common."""
    found = provenance.versions()
    found.pop("pytest", None)
    with suppress(MissingTool):  # no emulated board is measured then
        found["QEMU"] = peer.find_program(_EMULATOR, ["--version"], r"version ([\d.]+)", "").version
    return found


def _name(began: datetime) -> str:
    return f"bench-{began:%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"


def _shown(options: argparse.Namespace) -> str:
    words = ["python", "-m", "bench"]
    words += [f"--target={name}" for name in options.target or ()]
    words += ["--quick"] * options.quick
    words += [f"--part={name}" for name in options.part or ()]
    return shlex.join(words)


def _document(facts: page.Facts, figures: Figures) -> dict[str, object]:
    said = {
        "command": facts.command,
        "began_utc": f"{facts.began:%Y-%m-%dT%H:%M:%SZ}",
        "took_s": round(facts.took_s, 1),
        "git_commit": facts.commit,
        "dirty": facts.dirty,
        "versions": facts.versions,
        "complaints": list(facts.complaints),
    }
    return {"run": said, **figures.document()}


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True)
    except FileExistsError as error:
        raise BenchError(f"{directory} exists already: -o names a new folder") from error
    except OSError as error:
        raise BenchError(f"{directory} cannot be made: {error}") from error


def _keep(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{path} cannot be written: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
