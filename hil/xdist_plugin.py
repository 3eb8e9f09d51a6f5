"""The part of the plugin for runs on several cores: boards side by side, one table, no holes.

pytest-xdist runs tests in worker processes and hands their reports to a controller, which shows
and writes everything. Registered by `hil.plugin` in both when a run is spread over workers.

Theory of operation. Each worker leaves a *plan* in a folder shared with the controller: the board
of every test that uses one, and the cell it will fill. When the tests are known, the controller
builds the firmware of these boards: once, with its progress shown, while nothing else runs. With
`--dist loadgroup` it then keeps all tests of a board on one worker, so that no two processes start
the same board. From the plan it also knows what a worker that died was running, what an interrupted
run was doing, and which tests never ran.

Finished cells do not pass here: they travel with the reports of their tests (`hil.plugin`).

A worker dies with its controller, so that a run that is killed leaves neither process nor lease.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

from hil.document import Document
from hil.errors import HilError
from hil.progress import Display
from hil.rig import Rig
from hil.target import Target

RUN_ID = "hil_run_id"
_PLAN_FOLDER = "hil_plan_folder"
_CONTROLLER = "hil_controller_pid"
_PLAN_FILE = "plan.json"
_SHOWN_NAMES = 3
_ATTACHED_PER_CORE = 16
# Linux, prctl(2): the number of the option, stable by its ABI.
_PR_SET_PDEATHSIG = 1


def workers_worth_having(selected: Sequence[Target]) -> int:
    """Return how many workers to start for `-n auto`: 0 where one process does as well.

    An emulated board keeps one core busy. A board on a cable keeps its worker waiting for it, so
    every one gets a worker, up to a number of them that a core can serve. What runs as a process of
    the host is done sooner than a worker of its own would be up, and a board in quarantine has
    nothing to run.
    """
    cores = len(os.sched_getaffinity(0))
    klasses = [target.klass for target in selected if target.quarantine is None]
    attached = min(klasses.count("attached"), cores * _ATTACHED_PER_CORE)
    workers = attached + min(klasses.count("emulated"), cores)
    return workers if workers > 1 else 0


@dataclass(frozen=True)
class Planned:
    """A test that uses a board.

    Attributes:
        position: of the test among all tests, which is that of its cell in the report.
        board: name of its target.
        boots: it uses the board, and not only the target's facts.
        cell: the cell it will fill, as far as it is known before it runs; None if it fills none.
    """

    position: int
    board: str
    boots: bool
    cell: Document | None


class BoardScheduling(LoadGroupScheduling):  # type: ignore[misc]
    """xdist's scheduling by groups, where a board's tests are a group.

    xdist writes a test's group into the test's id, which does not work with pytest 9.2; the plan
    does. And a test that killed its worker is not run again: xdist hands the group of a worker that
    died on with that very test at its head.
    """

    boards: Mapping[str, str] = MappingProxyType({})

    def remove_node(self, node: Any) -> str | None:
        """Take what a worker had left to do, and return the test it died of, if any."""
        for group in self.assigned_work.get(node, {}).values():
            for nodeid, is_done in group.items():
                if not is_done:
                    group[nodeid] = True
                    super().remove_node(node)
                    return str(nodeid)
        super().remove_node(node)
        return None

    def _split_scope(self, nodeid: str) -> str:
        return self.boards.get(nodeid) or str(super()._split_scope(nodeid))


class Worker:
    """A worker's side: writes the plan.

    Args:
        worker_input: what the controller gave the worker.
        plan_of: returns the plan of the tests that are about to run, by the tests' ids.
    """

    def __init__(
        self,
        worker_input: Mapping[str, Any],
        plan_of: Callable[[Sequence[pytest.Item]], Mapping[str, Planned]],
    ) -> None:
        self._folder = Path(worker_input[_PLAN_FOLDER])
        self._name = worker_input["workerid"]
        self._plan_of = plan_of
        if worker_input.get(_CONTROLLER) is not None:
            _die_with(worker_input[_CONTROLLER])

    # First: the controller reads the plan as soon as xdist's own hook has told it the tests.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Leave the plan; all workers write the same, so the last one may win."""
        plan = self._plan_of(session.items)
        rows = {nodeid: astuple(test) for nodeid, test in plan.items()}
        new = self._folder / f"{self._name}.new"
        new.write_text(json.dumps(rows), encoding="utf-8")
        new.replace(self._folder / _PLAN_FILE)


class Controller:
    """The controller's side: builds firmware first, and accounts for every planned cell.

    Args:
        shared: where cells are collected.
        display: returns what shows the steps of a build, once the session has begun.
    """

    def __init__(self, shared: Rig, display: Callable[[], Display]) -> None:
        self._rig = shared
        self._display = display
        self._folder: Path | None = None
        self._plan: dict[str, Planned] | None = None
        self._running: set[str] = set()
        self._seen: set[str] = set()
        self._scheduling: BoardScheduling | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker the id of the run, so that artefacts meet, and a place for the plan."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="hil-plan-"))
        node.workerinput[RUN_ID] = self._rig.run.id
        spec = node.gateway.spec
        is_child = spec.popen and not spec.via and not spec.python
        node.workerinput[_CONTROLLER] = os.getpid() if is_child else None
        node.workerinput[_PLAN_FOLDER] = str(self._folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object | None:
        """Group by board where the user groups at all."""
        if config.getoption("dist") == "loadgroup":
            self._scheduling = BoardScheduling(config, log)
        return self._scheduling

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Read the plan, and build what its boards run before any of them is started."""
        if self._plan is not None:  # once for all workers, and for those that replace one
            return
        self._plan = _read_plan(Path(node.workerinput[_PLAN_FOLDER]))
        if self._scheduling is not None:
            board_of = {target.name: target.board for target in self._rig.selected}
            self._scheduling.boards = {
                name: board_of.get(test.board, test.board) for name, test in self._plan.items()
            }
        booted = {test.board for test in self._plan.values() if test.boots}
        with self._display() as progress:
            for target in self._rig.selected:
                if target.name in booted:
                    self._build(target, progress)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note what runs."""
        self._running.add(nodeid)
        self._seen.add(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note what has ended."""
        self._running.discard(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Give the cell of a test whose worker died the verdict `error`."""
        if report.when in ("setup", "call", "teardown"):
            return
        worker = getattr(getattr(report, "node", None), "gateway", None)
        name = getattr(worker, "id", "of pytest-xdist")
        self._running.discard(report.nodeid)
        self._seen.add(report.nodeid)
        self._close(report.nodeid, f"the worker process {name} died while it ran this")

    # Last but for the collector's: the workers have gone, and what runs now never will end.
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Account for the cells of tests that were cut short or never begun."""
        for nodeid in self._running:
            self._close(nodeid, "the run was interrupted")
        plan = (self._plan or {}).items()
        never_ran = [name for name, test in plan if test.cell and name not in self._seen]
        stopped = session.shouldstop or session.shouldfail
        ended = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if ended and not stopped and never_ran:
            names = ", ".join(never_ran[:_SHOWN_NAMES])
            more = len(never_ran) - _SHOWN_NAMES
            names += f" and {more} more" if more > 0 else ""
            self._rig.problems.append(f"tests that fill cells were never run: {names}")

    def pytest_unconfigure(self) -> None:
        """Remove the folder of the plan."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _build(self, target: Target, progress: Display) -> None:
        try:
            self._rig.firmware(target.image, progress)
        except HilError:
            return  # the tests of the board will say so, each for its own cell

    def _close(self, nodeid: str, reason: str) -> None:
        test = (self._plan or {}).get(nodeid)
        if test is not None and test.cell is not None:
            document = {**test.cell, "verdict": "error", "reason": reason}
            self._rig.collect_planned(test.position, document)


def _die_with(controller_pid: int) -> None:
    """Let the kernel end this worker when its controller dies, however it dies.

    What holds a board then ends with it at once. By itself a worker notices only that nobody talks
    to it any more, and first finishes what it is doing, with the board in its hands.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != controller_pid:  # it died before that
        os._exit(1)


def _read_plan(folder: Path) -> dict[str, Planned]:
    rows = json.loads((folder / _PLAN_FILE).read_text(encoding="utf-8"))
    return {nodeid: Planned(*row) for nodeid, row in rows.items()}
