"""Runs one cell against its cassette, and returns it judged and measured.

As `hil.tlsrig.cell` does against a peer: whatever happens ends in a `Cell`. Other bytes than the
recorded ones are an `error`, as are a cassette that cannot be used and a board that dies: they say
that something has changed, not what is right. The reason names the command that records anew.

Figures of a replay repeat to the last digit; what the host's timing decides is not among them.
"""

from __future__ import annotations

from pathlib import Path

from hil import cells
from hil.boot import Board
from hil.errors import HilError
from hil.report import Cell
from hil.tlsrig import outcome
from hil.tlsrig.cassette import Cassette
from hil.tlsrig.outcome import Connection, SmallestHeap
from hil.tlsrig.replay import Differs, rewind
from hil.tlsrig.scenario import Scenario


def run(
    scenario: Scenario,
    cassette: Cassette,
    board: Board,
    *,
    log_dir: Path,
    remedy: str,
    timeout_multiplier: float = 1.0,
    smallest_heap: SmallestHeap | None = None,
) -> Cell:
    """Run one cell.

    Args:
        scenario: what the cassette is of.
        cassette: what board and peer said.
        board: freshly booted, or its figures are not this cell's alone; it may be closed
            afterwards.
        log_dir: an empty folder for logs and captures.
        remedy: the command that records the cassette anew.
        timeout_multiplier: stretches the waits.
        smallest_heap: finds the smallest heap that the conversation needs, once it has passed.

    Returns:
        The cell with its verdict; also when the board failed.
    """
    cell = Cell(
        target=board.target.name,
        peer=cassette.peer,
        peer_version=cassette.peer_version,
        scenario=scenario.name,
        role=scenario.role,
    )
    made: list[Connection] = []
    try:
        outcome.require_frozen(board, scenario)
        rewind(scenario, cassette, board, made, timeout_multiplier)
        outcome.settle(cell, made, "compared with the recorded one")
        cell.measurements = outcome.measured(board, made, replayed=True)
        outcome.note_backends(cell, board)
        outcome.add_smallest_heap(cell, made, cassette, board, smallest_heap)
    except Differs as error:
        which = "first connection: " if made and made[-1].scenario.is_first else ""
        cell.verdict = "error"
        cell.reason = f"{which}{error}; if that is meant, record the cassette anew: {remedy}"
    except HilError as error:
        cell.verdict, cell.reason = cells.verdict_of(error), cells.reason_of(error)
    outcome.keep(cell, made, log_dir)
    return cell
