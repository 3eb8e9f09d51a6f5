"""Runs that want the same boards and are killed at random: is a board ever had twice, or for ever?

Two ways to ask. `runs` has whole pytest runs with workers contend; each is killed with SIGKILL at a
moment that chance chooses: the whole process group, its controller alone, or one of its workers.
`takers` has bare processes take and give back leases as fast as they can, so that kills fall into
the moments in which a lease is written.

The proof is in what the processes note down (project/conftest.py): "in" once they have a lease,
"out" before they give it back. Two that are between "in" and "out" at once have the same board. One
that was killed counts as in until the moment before the kill was sent, no longer, so that what is
found is certain.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from shelf import HERE, Event, Shelf, events_of

from hil.lab import lease

_SETTLE_S = 30.0
# Share of runs that are killed before they have a board.
_KILLED_EARLY = 0.2
_LOOK_S = 0.05


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        takes: leases that were had.
        killed: how often what was killed.
        held_at_kill: leases that a killed process had.
        twice: boards that two had at once, told in words.
        left: leases and processes that were left when all had ended, in words.
    """

    seconds: float = 0.0
    takes: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    held_at_kill: int = 0
    twice: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class _Doom:
    """When a run is killed: a moment after it has had so many leases, or while it starts."""

    def __init__(self, chance: random.Random, name: str, most: int) -> None:
        self._name = name
        self._leases = 0 if chance.random() < _KILLED_EARLY else chance.randrange(1, most + 1)
        self._delay_s = chance.uniform(0, 2.0 if self._leases == 0 else 1.0)
        self._due_s = math.inf

    def is_due(self, leased: Mapping[str, int]) -> bool:
        """Say whether it is time, given how many leases each run has had."""
        if self._due_s == math.inf and leased.get(self._name, 0) >= self._leases:
            self._due_s = time.monotonic() + self._delay_s
        return time.monotonic() >= self._due_s


def runs(shelf: Shelf, *, at_once: int, workers: int, kills: int, most: int, seed: int) -> Outcome:
    """Let runs over all boards contend until so many were killed, and look what is left.

    Args:
        at_once: runs.
        workers: of each.
        most: leases that a run may have had when it is killed.
    """
    chance = random.Random(seed)
    outcome, begun_s = Outcome(), time.monotonic()
    ended: dict[str, float] = {}
    alive: dict[str, tuple[subprocess.Popen[bytes], _Doom]] = {}
    groups: list[int] = []
    started = 0
    while started < at_once or sum(outcome.killed.values()) < kills:
        while len(alive) < at_once:
            name = f"run-{started}"
            process = _start(shelf, name, workers, chance)
            alive[name] = process, _Doom(chance, name, most)
            groups.append(process.pid)
            started += 1
        time.sleep(_LOOK_S)
        takes = [event.run.partition(":")[0] for event in shelf.leased() if event.what == "in"]
        leased = Counter(takes)
        for name, (process, doom) in list(alive.items()):
            if process.poll() is None and doom.is_due(leased):
                what = _kill(process, chance, ended, name)
                outcome.killed[what] = outcome.killed.get(what, 0) + 1
                process.wait(_SETTLE_S)
            if process.poll() is not None:
                del alive[name]
    for name, (process, _) in alive.items():
        ended.setdefault(name, time.monotonic())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    outcome.left += _processes_left(groups)
    _judge(outcome, shelf.leased(), ended, shelf.leases)
    outcome.seconds = time.monotonic() - begun_s
    return outcome


def takers(
    folder: Path, *, at_once: int, boards: int, kills: int, seed: int, together: bool = True
) -> Outcome:
    """Let bare processes contend for leases until so many were killed.

    Args:
        together: they share a folder of leases; if not, that must be found out.
    """
    chance = random.Random(seed)
    outcome, begun_s = Outcome(), time.monotonic()
    events = folder / "takers.events"
    alive: dict[str, subprocess.Popen[bytes]] = {}
    ended: dict[str, float] = {}
    started = 0
    while outcome.killed.get("process", 0) < kills:
        while len(alive) < at_once:
            name = f"taker-{started}"
            leases = folder / "leases" / ("" if together else name)
            argv = [sys.executable, str(HERE / "taker.py"), str(leases), str(events)]
            alive[name] = subprocess.Popen([*argv, name, str(boards), str(started)])
            started += 1
        time.sleep(chance.uniform(0.0, 0.2))
        working = {event.run for event in events_of(events)}.intersection(alive)
        if len(working) < at_once / 2:
            continue
        name = chance.choice(sorted(alive))
        process = alive.pop(name)
        assert process.poll() is None, "a taker ended by itself: its error is above"
        ended[name] = time.monotonic()
        process.kill()
        process.wait()
        outcome.killed["process"] = outcome.killed.get("process", 0) + 1
    for name, process in alive.items():
        ended[name] = time.monotonic()
        process.kill()
        process.wait()
    _judge(outcome, events_of(events), ended, folder / "leases")
    outcome.seconds = time.monotonic() - begun_s
    return outcome


def _start(shelf: Shelf, name: str, workers: int, chance: random.Random) -> subprocess.Popen[bytes]:
    """Start a run over all boards, in an order of its own, in a process group of its own."""
    sites = list(shelf.sites)
    chance.shuffle(sites)
    options = ["-n", str(workers), "--dist", "loadgroup"] if workers else []
    return subprocess.Popen(
        shelf.command(
            *options,
            "--wait-for-board=60",
            f"--report={shelf.folder / 'reports' / name}",
            targets=",".join(f"label:{site}" for site in sites),
        ),
        cwd=shelf.folder,
        env=shelf.environment(name),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _kill(
    process: subprocess.Popen[bytes], chance: random.Random, ended: dict[str, float], name: str
) -> str:
    """Kill a run, or its controller, or one of its workers and then the run; say what."""
    children = [pid for pid in _group(process.pid) if pid != process.pid]
    what = chance.choice(["whole run", "controller", "worker"] if children else ["whole run"])
    if what == "worker":
        worker = chance.choice(children)
        ended[f"{name}:{worker}"] = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        time.sleep(chance.uniform(0, 1.0))  # the run goes on without it
    ended[name] = time.monotonic()
    if what == "controller":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    return what


def _judge(
    outcome: Outcome, events: Iterable[Event], ended: Mapping[str, float], leases: Path
) -> None:
    """Fill in who had a board twice, and which lease is left."""
    holding: dict[str, dict[str, float]] = {}  # board -> run and process -> since when
    for event in sorted(events, key=lambda event: event.at_s):
        now = holding.setdefault(event.board, {})
        if event.what == "out":
            now.pop(event.run, None)
            continue
        outcome.takes += 1
        for other in list(now):
            end_s = min(ended.get(name, math.inf) for name in (other, other.partition(":")[0]))
            if end_s > event.at_s:
                outcome.twice.append(f"{event.board}: {other} had it when {event.run} took it")
            else:
                del now[other]
                outcome.held_at_kill += 1
        now[event.run] = event.at_s
    outcome.held_at_kill += sum(map(len, holding.values()))
    outcome.left += [f"{holder.board} is held by {holder}" for holder in lease.holders(leases)]


def _processes_left(groups: Iterable[int]) -> list[str]:
    """Wait for the processes of these groups to end, and return those that do not."""
    deadline = time.monotonic() + _SETTLE_S
    left = {group: _group(group) for group in groups}
    while any(left.values()) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        left = {group: _group(group) for group in groups}
    return [f"process {pid} of run {group}" for group, pids in left.items() for pid in pids]


def _group(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, owner = stat.read_text().rpartition(")")[2].split()[:3]
            if int(owner) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found
