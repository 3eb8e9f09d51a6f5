"""What a run over many boards costs beyond the boards' own work."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from shelf import Shelf


@dataclass(frozen=True)
class Cost:
    """Figures of one run, in seconds.

    Attributes:
        whole_s: of the command.
        begin_s: from its start until the first port was opened.
        end_s: from the last port's closing to its end: the report.
        worker_per_board_s: a worker's time per board, the board's own work included.
        work_s: the board's own work.
        taking_over_s: per board, from opening its port to closing it, without its own work.
        cpu_per_board_s: processor time of the run, of all its processes, by boards.
    """

    boards: int
    workers: int
    passed: int
    whole_s: float
    begin_s: float
    end_s: float
    worker_per_board_s: float
    work_s: float
    taking_over_s: float
    cpu_per_board_s: float

    @property
    def overhead_s(self) -> float:
        """Time per board beyond its own work, while boards are being tested."""
        return self.worker_per_board_s - self.work_s

    @property
    def between_s(self) -> float:
        """The part of it that no port was open: lease, pytest, the hand-over to the next board."""
        return self.overhead_s - self.taking_over_s


def cost(shelf: Shelf, workers: int, report: Path) -> Cost:
    """Run a job on every board of a shelf, and say what that cost.

    Raises:
        AssertionError: the run failed; with what it said.
    """
    options = ["-n", str(workers), "--dist", "loadgroup"] if workers else []
    argv = shelf.command(*options, f"--report={report}")
    before_s, begun_s = children_cpu_s(), time.monotonic()
    environment = shelf.environment("schedule")
    done = subprocess.run(
        argv, cwd=shelf.folder, env=environment, capture_output=True, text=True, check=False
    )
    ended_s, after_s = time.monotonic(), children_cpu_s()
    assert done.returncode == 0, done.stdout + done.stderr
    cells = json.loads((report / "report.json").read_text(encoding="utf-8"))["cells"]
    times: dict[str, dict[str, float]] = defaultdict(dict)
    for event in shelf.ports():
        if event.at_s >= begun_s:
            times[event.board][event.what] = event.at_s
    first_s = min(of["open"] for of in times.values())
    last_s = max(of["close"] for of in times.values())
    work_s = fmean(of["end"] - of["begin"] for of in times.values())
    return Cost(
        boards=shelf.boards,
        workers=max(1, workers),
        passed=sum(cell["verdict"] == "pass" for cell in cells),
        whole_s=ended_s - begun_s,
        begin_s=first_s - begun_s,
        end_s=ended_s - last_s,
        worker_per_board_s=(last_s - first_s) * max(1, workers) / shelf.boards,
        work_s=work_s,
        taking_over_s=fmean(of["close"] - of["open"] for of in times.values()) - work_s,
        cpu_per_board_s=(after_s - before_s) / shelf.boards,
    )


def children_cpu_s() -> float:
    """Return the processor time of processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
