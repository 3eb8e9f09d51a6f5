"""The smallest heap in which a cell's own conversation still completes, found by bisection.

The live heap at checkpoints says what a handshake keeps; what it needs is more, because garbage is
only collected when the heap is full, and a full heap is in pieces. So the conversation that was
recorded in the cell is replayed, echo and close included, in freshly booted boards with smaller and
smaller heaps. Its job does not measure itself then: what the notes take is no part of what the
conversation needs. How large a heap is, is chosen at boot where the board's driver can do that.
Where it cannot, the board's agent holds a block of ballast, so that only the rest is free.

"Does not complete" means out of memory, in whatever form it is told: a job that raises
`MemoryError`, or a board that has not the memory to come up or to take the call. A hang, a crash
with registers, or other bytes than the recorded ones end the search: it is no answer to the
question. What is reported has been seen: the heap completes, the next smaller one does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from hil.boot import Board
from hil.errors import BootError, HilError, JobFailed
from hil.measure import Measurement
from hil.tlsrig.cassette import Cassette
from hil.tlsrig.outcome import HEAP_MIN, Connection
from hil.tlsrig.replay import rewind
from hil.tlsrig.scenario import Scenario

# What MicroPython's collector manages has a header and blocks of 16 or 32 bytes; a step of several
# blocks is still far below what a change of the code makes.
STEP_BYTES = 256

# How a board that cannot come up says that its heap is too small for that (images/common/main.c).
_TOO_SMALL = ("MemoryError", "HIL-BOOT a heap of")

# Boots the board under test: with a heap of so many bytes, or as its target file says (None).
Boot = Callable[[int | None], Board]


class SearchError(HilError):
    """The search for the smallest heap met something else than a heap that is too small."""


class Search:
    """Finds the smallest heap for the conversations of one scenario on one board.

    Args:
        scenario: what is tried.
        boot: boots a fresh board; the board is closed here.
        log: gets a line for each trial, with what ended it.
        progress: told what is tried, None where nobody would see it.
        timeout_multiplier: stretches the waits.
    """

    def __init__(
        self,
        scenario: Scenario,
        boot: Boot,
        log: Path,
        progress: Callable[[str], None] | None = None,
        timeout_multiplier: float = 1.0,
    ) -> None:
        self._scenario = scenario
        self._boot = boot
        self._log = log
        self._progress = progress or (lambda _: None)
        self._timeout_multiplier = timeout_multiplier

    def __call__(
        self, cassette: Cassette, board: Board, figures: Iterable[Measurement]
    ) -> Measurement:
        """Return the figure.

        Args:
            cassette: the conversation.
            board: on which it has completed, with the heap it has; it may be closed.
            figures: of the cell: a heap smaller than its live heap needs no trial.

        Raises:
            SearchError: a board hung, crashed or said other bytes.
        """
        live = [figure.value for figure in figures if figure.name == "heap_live_peak_bytes"]
        floor = int(next((value for value in live if value is not None), 0))
        by_ballast = not board.chooses_heap
        if by_ballast:
            board.close()  # a board on a desk is there once only
        smallest = smallest_heap_bytes(
            lambda size: self._completes(cassette, size, by_ballast=by_ballast),
            known_good_bytes=board.heap_bytes,
            floor_bytes=floor,
        )
        how = "ballast in the heap" if by_ballast else "heap chosen at boot"
        method = f"bisection by replaying the conversation, {how}, steps of {STEP_BYTES} bytes"
        return Measurement(HEAP_MIN, smallest, "bytes", method)

    def _completes(self, cassette: Cassette, size: int, *, by_ballast: bool) -> bool:
        self._progress(f"{cassette.scenario}: looking for the smallest heap, trying {size} bytes")
        try:
            with closing(self._boot(None if by_ballast else size)) as board:
                if by_ballast:
                    load(board, board.heap_bytes - size)
                made: list[Connection] = []
                rewind(
                    *(self._scenario, cassette, board, made, self._timeout_multiplier),
                    measured=False,
                )
        except HilError as error:
            if is_out_of_memory(error):
                told = error.board_traceback if isinstance(error, JobFailed) else error
                self._note(f"{size} bytes: too small\n{told}")
                return False
            raise SearchError(f"{HEAP_MIN}: with a heap of {size} bytes: {error}") from error
        if not made[-1].passed:
            reason = made[-1].ruling and made[-1].ruling.reason
            raise SearchError(f"{HEAP_MIN}: with a heap of {size} bytes: {reason}")
        self._note(f"{size} bytes: completes")
        return True

    def _note(self, text: str) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n\n")


def smallest_heap_bytes(
    completes: Callable[[int], bool], *, known_good_bytes: int, floor_bytes: int
) -> int:
    """Return the smallest multiple of the step that completes where the one below does not.

    Args:
        completes: tries a heap of so many bytes.
        known_good_bytes: completes, as has been seen.
        floor_bytes: most probably does not.
    """
    good = known_good_bytes
    bad = floor_bytes // STEP_BYTES * STEP_BYTES
    seen_bad = False
    while True:
        steps = (good - bad + STEP_BYTES - 1) // STEP_BYTES
        if steps > 1:
            size = bad + steps // 2 * STEP_BYTES
            if completes(size):
                good = size
            else:
                bad, seen_bad = size, True
        elif seen_bad or bad == 0:
            return good
        elif completes(bad):
            good, bad = bad, 0  # no heap at all is not enough without a trial
        else:
            seen_bad = True


def load(board: Board, less_bytes: int) -> None:
    """Leave a board a heap like one that was chosen `less_bytes` smaller at boot.

    A share of every heap is the collector's own table, which ballast does not make smaller; so it
    takes correspondingly less of it.
    """
    usable = board.call("hil_agent:heap_bytes", timeout_s=board.target.timeouts.boot_s)
    assert isinstance(usable, int)
    ballast = less_bytes * usable // board.heap_bytes
    board.call("hil_agent:ballast", ballast, timeout_s=board.target.timeouts.boot_s)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tell whether an error, or what caused it, is a heap that was too small."""
    while error is not None:
        if isinstance(error, JobFailed):
            return error.is_out_of_memory
        if isinstance(error, BootError) and any(word in str(error) for word in _TOO_SMALL):
            return True
        error = error.__cause__
    return False
