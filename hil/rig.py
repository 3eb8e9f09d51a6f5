"""What one pytest process shares between tests: targets, open boards, and the run's records.

A `BoardFactory` belongs to one fixture and closes what it booted; the `Rig` knows all open
boards, so that a failure can show their consoles and a board that hangs can be ended for every
test that shares it. Logs of boards are written to temporary folders and kept as artefacts of the
cells their test filled.

Nothing in here knows pytest; `hil.plugin` does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cells import Ledger
from hil.document import Document
from hil.errors import HilError
from hil.image import Firmware
from hil.lab.holding import Held
from hil.lab.holdings import Holdings
from hil.report import Run, describe_target, keep_artefacts
from hil.target import Target

if TYPE_CHECKING:
    from hil.boot import Board
    from hil.heal.healer import Healer


# What was done to a board that did not boot; among the artefacts of the cell it was to fill.
_HEALING = "healing.log"


@dataclass
class _Boot:
    """One boot of a board: the board once it is up, and where its logs are."""

    target: Target
    log_dir: Path
    board: Board | None = None
    ended: bool = False


@dataclass
class _Begun:
    """The cells of a test that has begun, and where they belong in the report."""

    ledger: Ledger
    target: Target
    position: int


# What a process sends of a finished test: the position of its cells, each cell with its target as
# documents, and what went wrong keeping their artefacts.
Sent = tuple[int, list[tuple[Document, Document]], list[str]]


@dataclass
class Rig:
    """The state of one run in one process.

    Attributes:
        selected: the targets chosen on the command line.
        run: the records collected so far.
        directory: the report's folder; exists once something is in it.
        holdings: what this process holds of the boards on cables.
        timeout_multiplier: stretches every timeout of the target files.
        problems: why the run must fail although its tests passed.
    """

    selected: list[Target]
    run: Run
    directory: Path
    holdings: Holdings
    timeout_multiplier: float = 1.0
    problems: list[str] = field(default_factory=list)
    _firmware: dict[str, Firmware] = field(default_factory=dict)
    _unbuildable: dict[str, HilError] = field(default_factory=dict)
    _boots: list[_Boot] = field(default_factory=list)
    _begun: list[_Begun] = field(default_factory=list)
    _healer: Healer | None = None

    def firmware(self, image: str, progress: Callable[[str], None] | None) -> Firmware:
        """Return the firmware of an image, built or found in the cache once per process.

        Raises:
            HilError: it cannot be built; said again, not tried again, when asked again.
        """
        from hil import build  # noqa: PLC0415  (only runs with boards pay for it)

        if image in self._unbuildable:
            raise self._unbuildable[image].with_traceback(None)
        if image not in self._firmware:
            try:
                self._firmware[image] = build.ensure(image, progress)
            except HilError as error:
                self._unbuildable[image] = error
                raise
        return self._firmware[image]

    def hold(self, target: Target, progress: Callable[[str], None] | None) -> Held:
        """Make a board on a cable this run's own until `holdings` are released.

        Raises:
            BoardLocked: somebody else has it.
            BoardWedged: it is not there.
            HilError: it cannot be reached, through no fault of its own.
        """
        if target.klass != "attached":
            return self.holdings.hold(target, progress)
        return self._healing().hold(target, lambda: self.holdings.hold(target, progress), progress)

    def boot(
        self,
        held: Held,
        firmware: Firmware,
        log_dir: Path,
        heap_bytes: int | None,
        progress: Callable[[str], None] | None,
    ) -> Board:
        """Boot a board, healing one on a cable if need be; remember it until `ended` is told.

        Raises:
            BoardWedged: it does not boot, and nothing heals it.
            HilError: as `hil.boot.boot` does.
        """
        from hil import boot  # noqa: PLC0415  (only runs with boards pay for it)

        def attempt(target: Target) -> Board:
            return boot.boot(
                target,
                firmware,
                log_dir=log_dir,
                heap_bytes=heap_bytes,
                timeout_multiplier=self.timeout_multiplier,
            )

        def say(step: str) -> None:
            log_dir.mkdir(parents=True, exist_ok=True)
            with (log_dir / _HEALING).open("a", encoding="utf-8") as log:
                log.write(f"{step}\n")
            if progress is not None:
                progress(step)

        record = _Boot(held.target, log_dir)
        self._boots.append(record)
        record.board = self._healing().boot(held, firmware, attempt, say)
        return record.board

    def _healing(self) -> Healer:
        from hil.heal.healer import Healer  # noqa: PLC0415  (only runs with boards pay for it)

        if self._healer is None:
            self._healer = Healer(self.holdings.folder, self.timeout_multiplier)
        return self._healer

    def ended(self, log_dirs: list[Path]) -> None:
        """Note that the fixture which owns these boots is finished with them."""
        for record in self._boots:
            record.ended = record.ended or record.log_dir in log_dirs

    def console_tails(self) -> list[tuple[str, str]]:
        """Return the last lines of every open board's console, as (target, lines)."""
        return [
            (record.target.name, record.board.console_tail())
            for record in self._boots
            if record.board is not None and not record.ended
        ]

    def close_boards(self) -> None:
        """End every open board now; closing twice is harmless."""
        with ExitStack() as stack:
            for record in self._boots:
                if record.board is not None:
                    stack.callback(record.board.close)

    def begin(self, ledger: Ledger, target: Target, position: int) -> None:
        """Remember a test's cells until the test is finished.

        Args:
            position: of the test among all tests of the run.
        """
        # Logs of boots that ended before it are not its own.
        self._boots = [record for record in self._boots if not record.ended]
        self._begun.append(_Begun(ledger, target, position))

    def finish(self, ledger: Ledger) -> Sent:
        """Take a finished test's cells, with their artefacts kept."""
        (begun,) = (entry for entry in self._begun if entry.ledger is ledger)
        self._begun.remove(begun)
        firmware = self._firmware.get(begun.target.image)
        logs = [
            (file.stem, file)
            for record in self._boots
            for file in sorted(record.log_dir.iterdir())
            if file.is_file()
        ]
        self._boots = [record for record in self._boots if not record.ended]
        if any(cell.verdict is None for cell in ledger.cells()):  # as with --setup-only
            ledger.close("skip", "the test's body was not run")
        documents, problems = [], []
        for cell in ledger.cells():
            document = cell.document()
            try:
                document["artefacts"] = dict(keep_artefacts(cell, logs, self.directory))
            except HilError as error:
                document["artefacts"] = {}
                problems.append(str(error))
            documents.append((document, describe_target(begun.target, firmware, cell.backends)))
        return begun.position, documents, problems

    def finish_interrupted(self) -> None:
        """Close the cells of tests that were cut short by the end of the run."""
        for begun in list(self._begun):
            begun.ledger.close("error", "the run was interrupted")
            self.collect(self.finish(begun.ledger))

    def collect(self, sent: Sent) -> None:
        """Take the cells of a finished test, of this process or of another, into the run."""
        position, documents, problems = sent
        for cell, target in documents:
            self.run.add_documents(cell, target, position)
        self.problems.extend(problems)

    def collect_planned(self, position: int, cell: Document) -> None:
        """Take a cell into the run that the process which should have filled it could not send."""
        (target,) = (chosen for chosen in self.selected if chosen.name == cell["target"])
        facts = describe_target(target, self._firmware.get(target.image))
        self.collect((position, [(cell, facts)], []))


class BoardFactory:
    """Boots boards of one target, or of others, and closes them all at the end.

    Args:
        rig: the run the boards belong to.
        target: the target meant when none is given.
        new_log_dir: makes an empty folder for the logs of one boot, given a name for it.
        progress: told what a firmware build is doing.
    """

    def __init__(
        self,
        rig: Rig,
        target: Target,
        new_log_dir: Callable[[str], Path],
        progress: Callable[[str], None] | None,
    ) -> None:
        self._rig = rig
        self._target = target
        self._new_log_dir = new_log_dir
        self._progress = progress
        self._boards = ExitStack()
        self._log_dirs: list[Path] = []

    def __call__(self, target: Target | None = None, *, heap_bytes: int | None = None) -> Board:
        """Boot a board: the target under test unless another is given.

        Args:
            target: which board.
            heap_bytes: size of its heap; the target file's when None.
        """
        chosen = target or self._target
        firmware = self.firmware(chosen)
        held = self._rig.hold(chosen, self._progress)
        log_dir = self._new_log_dir(chosen.name)
        self._log_dirs.append(log_dir)
        board = self._rig.boot(held, firmware, log_dir, heap_bytes, self._progress)
        self._boards.callback(board.close)
        return board

    def firmware(self, target: Target | None = None) -> Firmware:
        """Return the firmware of the target under test, or of another; built if need be."""
        return self._rig.firmware((target or self._target).image, self._progress)

    def close(self) -> None:
        """Close every board booted here, the last one first."""
        try:
            self._boards.close()
        finally:
            self._rig.ended(self._log_dirs)
