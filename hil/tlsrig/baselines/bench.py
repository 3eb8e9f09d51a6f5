"""Runs our own board's cell and those of the baselines, one after the other, for `hil bench`."""

from __future__ import annotations

from pathlib import Path

from hil import boot, build, progress
from hil.boot import Board
from hil.image import Firmware
from hil.report import Cell
from hil.target import Target
from hil.tlsrig import baselines, cell, heap, outcome, scenario
from hil.tlsrig.baselines.table import Entry


class Bench:
    """Runs the cells.

    Args:
        board: our own, on whose target file all others run too.
        peer_name: a module of `hil.tlsrig.peers`.
        scratch: an empty folder for logs.
        display: told what is done.
        smallest_heap: look for the smallest heaps as well.

    Attributes:
        targets: of the cells that have run.
    """

    def __init__(
        self,
        board: Target,
        peer_name: str,
        scratch: Path,
        display: progress.Display,
        *,
        smallest_heap: bool,
    ) -> None:
        self._board = board
        self._peer_name = peer_name
        self._scratch = scratch
        self._display = display
        self._smallest_heap = smallest_heap
        self.targets: list[Target] = []

    def ours(self) -> Entry:
        """Run our own board's cell."""
        firmware = build.ensure(self._board.image, self._display)
        chosen = scenario.load_all()[baselines.SCENARIO]
        log_dir = self._folder("ours")

        def fresh(heap_bytes: int | None) -> Board:
            return boot.boot(self._board, firmware, log_dir=log_dir, heap_bytes=heap_bytes)

        search = None
        if self._smallest_heap:
            log = log_dir / f"{outcome.HEAP_SEARCH}.txt"
            search = heap.Search(chosen, fresh, log, self._display)
        self._display(f"{self._board.name}: {chosen.name} with {self._peer_name}")
        with fresh(None) as booted:
            found = cell.run(
                chosen,
                self._peer_name,
                booted,
                seed=baselines.SEED,
                log_dir=log_dir,
                smallest_heap=search,
            )
        return self._entry("ours", found, self._board, firmware, "tlscore")

    def other(self, baseline: baselines.Baseline) -> Entry:
        """Run a library's cell."""
        firmware = build.ensure(baseline.image, self._display)
        found = baselines.run(
            baseline,
            self._peer_name,
            self._board,
            firmware,
            log_dir=self._folder(baseline.name),
            progress=self._display,
            smallest_heap=self._smallest_heap,
        )
        own = baseline.target_of(self._board)
        return self._entry(baseline.library, found, own, firmware, baseline.name)

    def _entry(
        self, title: str, found: Cell, own: Target, firmware: Firmware, library: str
    ) -> Entry:
        self.targets.append(own)
        return Entry(title, found, firmware, library)

    def _folder(self, name: str) -> Path:
        folder = self._scratch / name
        folder.mkdir()
        return folder
