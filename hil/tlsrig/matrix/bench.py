"""Runs the cells of a matrix: boards that cost nothing side by side, one on a cable by itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from hil import build, image, report
from hil import cells as farm_cells
from hil.document import Document
from hil.errors import HilError
from hil.report import Cell
from hil.rig import BoardFactory, Rig
from hil.target import Target
from hil.tlsrig import cell, peers
from hil.tlsrig.matrix import derive, product, room
from hil.tlsrig.matrix.derive import Derived
from hil.tlsrig.matrix.product import Place

_SEED_BYTES = 48
# Log of a board that did not come up, beside the cell's own artefacts.
_BOOT_LOGS = "boot"


@dataclass(frozen=True)
class Task:
    """One cell to run; `derived` is None where it cannot be, and `why_not` says why."""

    target: Target
    peer: str
    role: str
    place: Place
    derived: Derived | None
    why_not: str | None = None

    def document(self) -> Document:
        """Return what the report says of the cell's place in the matrix."""
        row = self.place.row
        works = self.derived is not None and self.derived.works
        reason = self.derived.reason if self.derived is not None else self.why_not
        return {
            "version": row.version,
            "suite": row.suite,
            "certificate": row.certificate,
            "buffer_bytes": self.place.buffer_bytes,
            "expected": "pass" if works else "refused",
            "reason": reason,
        }


def modules_of(target: Target) -> set[str]:
    """Return the modules of a board's image; of stock firmware all, which its driver installs."""
    modules = set(build.modules_of(image.load(target.image)))
    if target.klass == "attached" and not modules:
        return set(build.modules_of(image.load("unix")))
    return modules


def tasks(
    target: Target,
    peer_names: Iterable[str],
    roles: Iterable[str],
    places: Iterable[Place],
) -> Iterator[Task]:
    """Yield the cells of a target, peer by peer.

    Raises:
        HilError: the board has no room for any buffer.
    """
    most, modules, places = room.largest(target), modules_of(target), list(places)
    for name in peer_names:
        declared = peers.load(name).ABILITIES
        for role in roles:
            board, peer = derive.board_of(role, modules), derive.peer_of(name, role, declared)
            if board is None or not peer.able & set(product.VERSIONS):
                continue
            for place in places:
                if most is not None and place.buffer_bytes > most:
                    why = f"Not run: the board's RAM has room for a buffer of {most:,} bytes."
                    yield Task(target, name, role, place, None, why)
                elif (why_not := derive.why_not(place, role, board, peer)) is not None:
                    yield Task(target, name, role, place, None, why_not)
                else:
                    yield Task(target, name, role, place, derive.derive(place, role, board, peer))


class Bench:
    """Runs cells and puts them into a report.

    Args:
        rig: the run, with its report.
        scratch: an empty folder for logs.
        jobs: how many cells run at once on boards that are no hardware.
        keep_all: the artefacts of cells that passed are kept as well.
    """

    def __init__(self, rig: Rig, scratch: Path, jobs: int, *, keep_all: bool) -> None:
        self._rig = rig
        self._scratch = scratch
        self._jobs = jobs
        self._keep_all = keep_all
        self._made = 0

    def run(self, wanted: list[Task], progress: Callable[[int, Task, Cell], object]) -> None:
        """Run cells, all of one target.

        Args:
            wanted: the cells; the report has them in this order.
            progress: told of every cell when it is over, with how many are.
        """
        target = wanted[0].target
        firmware = self._rig.firmware(target.image, None)
        facts = report.describe_target(target, firmware)
        jobs = 1 if target.klass == "attached" else self._jobs
        done = 0
        executor = ThreadPoolExecutor(jobs, thread_name_prefix="hil-matrix")
        try:
            started = {}
            for task in wanted:
                self._made += 1
                folder = self._scratch / str(self._made)
                started[executor.submit(self._one, task, folder)] = self._made, task
            for future in as_completed(started):
                position, task = started[future]
                found = future.result()
                done += 1
                document = {**found.document(), "matrix": task.document()}
                self._rig.run.add_documents(document, facts, position)
                progress(done, task, found)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            self._rig.close_boards()  # ends the cells that are running
            raise
        finally:
            executor.shutdown()

    def _one(self, task: Task, folder: Path) -> Cell:
        """Run a cell on a board of its own; whatever happens is in the cell."""
        found = Cell(
            task.target.name,
            task.peer,
            peers.load(task.peer).program().version,
            derive.name_of(task.place, task.role),
            task.role,
        )
        if task.derived is None:
            found.verdict, found.reason = "skip", task.why_not
            return found
        folder.mkdir()
        boot_logs = folder / _BOOT_LOGS
        boot_logs.mkdir()
        boards = BoardFactory(self._rig, task.target.for_correctness(), lambda _: boot_logs, None)
        try:
            found = cell.run(
                task.derived.scenario,
                task.peer,
                boards(),
                seed=secrets.token_bytes(_SEED_BYTES),
                log_dir=folder,
                timeout_multiplier=self._rig.timeout_multiplier,
            )
        except HilError as error:
            found.verdict = farm_cells.verdict_of(error)
            found.reason = farm_cells.reason_of(error)
        finally:
            boards.close()
        self._keep(found, task, boot_logs)
        return found

    def _keep(self, found: Cell, task: Task, boot_logs: Path) -> None:
        """Keep the artefacts that say why a cell did not work, or all of them."""
        plain = found.verdict == "pass" and task.derived is not None and task.derived.works
        if plain and not self._keep_all:
            found.artefacts = {}
            return
        logs = [(file.stem, file) for file in sorted(boot_logs.iterdir()) if file.is_file()]
        found.artefacts = dict(report.keep_artefacts(found, logs, self._rig.directory))
