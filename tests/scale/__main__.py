"""Simulates a large lab on this machine and prints figures: `python tests/scale [options]`.

Three questions. What does a run over many boards cost beyond the boards' own work? Is a board ever
had by two runs, or kept by one that was killed? How long does it take to list, select and collect?
The boards are stubs (stub.py says what of a board they have), each behind an RFC 2217 port; pytest,
xdist, leases, ports, the raw REPL and the frames are real. Exit status 1: a board was had twice, or
something was left of a run that was killed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import contention
import listing
from schedule import Cost, cost
from shelf import shelf


def main() -> int:
    """Ask what was asked for and return the exit status."""
    options = _parser().parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    now = datetime.now(timezone.utc)
    _say(f"{now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, load average {load}")
    asked = options.only or ["schedule", "contention", "listing"]
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        status = 0
        if "schedule" in asked:
            _schedule(folder, options)
        if "contention" in asked:
            status = _contention(folder, options)
        if "listing" in asked:
            _listing(folder)
    return status


def _schedule(folder: Path, options: argparse.Namespace) -> None:
    work_s = options.work_ms / 1000
    _say(f"\n{options.boards} boards with {work_s:g} s of work each ({options.scheme})")
    for workers in options.workers:
        own = folder / f"schedule-{workers}"
        own.mkdir()
        with shelf(own, options.boards, work_ms=options.work_ms, scheme=options.scheme) as boards:
            _say(_told(cost(boards, workers, own / "report")))


def _told(found: Cost) -> str:
    return (
        f"  {found.workers:3} workers: {found.whole_s:6.1f} s in all, of which {found.begin_s:.1f} "
        f"s before the first board and {found.end_s:.1f} s after the last; {found.passed} passed; "
        f"beyond its work per board {found.overhead_s:.2f} s of a worker "
        f"({found.taking_over_s:.2f} s with its port open, {found.between_s:.2f} s between "
        f"boards), {found.cpu_per_board_s:.2f} s of processor"
    )


def _contention(folder: Path, options: argparse.Namespace) -> int:
    own = folder / "takers"
    own.mkdir()
    _say(f"\nprocesses that take leases of {options.boards} boards, killed with SIGKILL")
    taken = contention.takers(
        own, at_once=8, boards=options.boards, kills=options.kills * 5, seed=options.seed
    )
    _say(_judged(taken))
    own = folder / "runs"
    own.mkdir()
    _say(f"runs over {options.boards} boards, 4 at a time with 4 workers each, killed with SIGKILL")
    with shelf(own, options.boards, work_ms=300) as boards:
        found = contention.runs(
            boards, at_once=4, workers=4, kills=options.kills, most=20, seed=options.seed
        )
        _say(_judged(found))
        after = cost(boards, 8, own / "report")
        _say(f"  the next run: {after.passed} of {after.boards} passed in {after.whole_s:.1f} s")
    return 1 if taken.twice or taken.left or found.twice or found.left else 0


def _judged(found: contention.Outcome) -> str:
    killed = ", ".join(f"{count} times a {what}" for what, count in sorted(found.killed.items()))
    wrong = "".join(f"\n  WRONG: {line}" for line in (*found.twice, *found.left))
    return (
        f"  {found.seconds:.0f} s: {found.takes} leases taken, killed {killed}; "
        f"{found.held_at_kill} leases were held when their holder was killed; "
        f"{len(found.twice)} boards had twice, {len(found.left)} leases or processes left{wrong}"
    )


def _listing(folder: Path) -> None:
    for boards in (20, 200, 1000):
        _say(f"\na lab of {boards} boards")
        for asked in listing.costs(folder, boards):
            _say(
                f"  {asked.what:36} {asked.whole_s:6.1f} s, {asked.cpu_s:5.1f} s of processor, "
                f"{asked.lines} lines"
            )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[8, 16, 32], metavar="COUNT")
    parser.add_argument("--work-ms", type=int, default=2000, help="of each board (default: 2000)")
    parser.add_argument("--scheme", choices=("rfc2217", "socket"), default="rfc2217")
    parser.add_argument("--kills", type=int, default=40, help="of runs (default: 40)")
    parser.add_argument("--seed", type=int, default=1, help="of what chance decides")
    asked = ("schedule", "contention", "listing")
    parser.add_argument("--only", nargs="+", choices=asked, help="ask only this")
    return parser


if __name__ == "__main__":
    sys.exit(main())
