"""From a cell's connections to its entries in the report: verdict, facts, figures, artefacts.

A cell is made live (`hil.tlsrig.cell`) or against a recording (`hil.tlsrig.replay_cell`); what is
said of it is made here, so that both say it alike. What this file does not do: run anything or
judge a connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from pprint import pformat
from types import MappingProxyType
from typing import Protocol

from hil.boot import Board
from hil.errors import BootError
from hil.measure import Measurement
from hil.report import Cell
from hil.tlsrig import (
    back_ends,
    capture,
    cassette_recorder,
    datagram_story,
    figures,
    oracle,
    scenario_file,
)
from hil.tlsrig.cassette import Cassette
from hil.tlsrig.encounter import Evidence
from hil.tlsrig.explain import story as explanation
from hil.tlsrig.names import alert_text
from hil.tlsrig.native import figures as native_figures
from hil.tlsrig.native import job as native_job
from hil.tlsrig.scenario import Scenario
from hil.tlsrig.statement import Statement

# What the figures are about must come out of the firmware, not from a stray file on the board.
_MEASURED_MODULES = ("hil_marks", "tls_jobs", "tls_conversation", "tlscore")

_OF_DATAGRAMS = ("dtls_jobs", "dtls_conversation", "tlscore.dtls.connection")
_OF_DTLS13 = ("dtls13_jobs", "tlscore.dtls13.connection")

HEAP_MIN = "heap_min_bytes"
# The artefact that tells how it was found.
HEAP_SEARCH = "heap_search"


class SmallestHeap(Protocol):
    """Finds the smallest heap in which a conversation completes (`hil.tlsrig.heap`)."""

    def __call__(
        self, cassette: Cassette, board: Board, figures: Iterable[Measurement]
    ) -> Measurement:
        """Return the figure; `board` is the one it completed on, `figures` those of its cell."""


@dataclass
class Connection:
    """One of a cell's connections: what is tried, what the board is told, what came of it."""

    scenario: Scenario
    options: Mapping[str, object]
    evidence: Evidence = field(default_factory=Evidence)
    ruling: oracle.Ruling | None = None

    @property
    def passed(self) -> bool:
        """The oracle ruled that all was right."""
        return self.ruling is not None and self.ruling.passed

    def named(self, what: str) -> str:
        """Return the name of something of this connection's among those of its cell."""
        return f"first_{what}" if self.scenario.is_first else what


def require_frozen(board: Board, scenario: Scenario) -> None:
    """Check that what is measured comes out of the board's firmware.

    Raises:
        BootError: names the module that does not.
    """
    if board.target.stack == "native":
        modules: tuple[str, ...] = native_job.MODULES
    elif scenario.over_datagrams:
        modules = (*_MEASURED_MODULES, *_OF_DATAGRAMS)
        modules += _OF_DTLS13 if scenario.is_of_dtls13 else ()
    else:
        modules = (*_MEASURED_MODULES, f"tlscore.{scenario.role}")
    for module, origin in board.origins(*modules).items():
        if origin not in ("rom", "frozen", "mpy"):  # "mpy": installed and verified by the farm
            raise BootError(
                f"module {module} on {board.target.name} comes from {origin}, not from the "
                "firmware, so no figure would be the firmware's: remove that file"
            )


def settle(cell: Cell, made: Sequence[Connection], exporter_method: str | None) -> None:
    """Make the rulings on a cell's connections its verdict, and note what the board negotiated.

    Args:
        cell: takes it.
        made: its connections, all of them ruled on.
        exporter_method: how the other end's keying material was obtained.
    """
    last = made[-1]
    assert last.ruling is not None
    assert last.evidence.board is not None
    cell.verdict = "pass" if last.ruling.passed else "fail"
    if last.ruling.reason is not None:
        which = "first connection: " if last.scenario.is_first else ""
        cell.reason = which + last.ruling.reason
    said = last.evidence.board
    cell.negotiated = dict(said.negotiated())
    cell.negotiated["signatures_verified"] = said.signatures_verified
    cell.negotiated["psk"] = said.psk_used
    cell.negotiated["resumed"] = said.resumed
    cell.negotiated["exporter_method"] = exporter_method
    cell.negotiated["alert"] = _alert(said)


def measured(
    board: Board, made: Sequence[Connection], *, replayed: bool = False
) -> list[Measurement]:
    """Return the figures of a cell's last connection, none if it has none to give.

    Args:
        board: on which it was made.
        made: all of the cell's connections.
        replayed: against a recording, with the seed of the recording.
    """
    last = made[-1]
    if not last.scenario.measure or last.evidence.board is None:
        return []
    if not last.evidence.board.connected:
        return []
    stack = board.stack_peak_bytes()
    if len(made) > 1 and stack.value is not None:
        stack = replace(stack, method=f"{stack.method}, over both connections")
    found = figures.measurements(
        board.target,
        board.firmware,
        last.evidence.result["marks"],
        last.evidence.transcript,
        stack,
        account=last.evidence.weather,
        datagrams=last.scenario.over_datagrams,
        echoed_bytes=sum(size for size, whole in last.evidence.result["echo"] if whole),
        replayed=replayed,
    )
    if board.target.stack == "native":
        found = [native_figures.of_stack(figure, last.evidence.result) for figure in found]
    return [
        _with_origin(figure, board.modules_note)
        for figure in found
        if figure.name in last.scenario.measure or figure.name.startswith("phase.")
    ]


def note_backends(cell: Cell, board: Board) -> None:
    """Ask a board whose figures were taken what computes them, if the cell passed.

    Raises:
        HilError: it hangs or died.
    """
    if cell.verdict == "pass" and cell.measurements:
        cell.backends = back_ends.asked(board)


def _with_origin(figure: Measurement, modules_note: str | None) -> Measurement:
    """Return a figure of memory with the remark where the board's modules are, if there is one."""
    if modules_note is None:
        return figure
    if figure.name == "flash_tlscore_bytes":
        return replace(figure, value=None, reason=f"not in the firmware: {modules_note}")
    if figure.name.startswith(("heap_", "flash_", "ram_")):
        return replace(figure, method=f"{figure.method}, {modules_note}")
    return figure


def needs_no_time(scenario: Scenario) -> bool:
    """Tell whether a connection over datagrams comes to its end while time stands still.

    Every datagram arrives, as soon as it is sent, and nothing has to be acknowledged by the clock,
    as a KeyUpdate of the peer's is (RFC 9147 §7.1).
    """
    return (
        scenario.link_profile == "clean"
        and scenario.mishap is None
        and not scenario.board.key_updates
    )


def is_repeatable(made: Sequence[Connection]) -> bool:
    """Tell whether what was said can be played back: not if it depended on when things came.

    Time stands still for a board that hears a recording, and where it can for one that is recorded.
    Where it cannot, nothing may have been sent again, or acknowledged as DTLS 1.3 does.
    """
    scenario = made[-1].scenario
    if not scenario.over_datagrams:
        return scenario.link_profile is None
    sent_again = any(connection.evidence.result.get("retransmissions") for connection in made)
    return needs_no_time(scenario) or not (scenario.is_of_dtls13 or sent_again)


def cassette_of(cell: Cell, made: Sequence[Connection]) -> Cassette:
    """Return what the connections of a passed cell said, to be played back."""
    assert cell.peer is not None
    assert cell.peer_version is not None
    taped = tuple(
        cassette_recorder.taped(
            connection.options, connection.evidence.result, connection.evidence.exchange
        )
        for connection in made
    )
    return Cassette(cell.scenario, cell.peer, cell.peer_version, taped)


def add_smallest_heap(
    cell: Cell,
    made: Sequence[Connection],
    cassette: Cassette,
    board: Board,
    search: SmallestHeap | None,
) -> None:
    """Let the smallest heap be found that a passed cell needs, if its scenario is run for it.

    Raises:
        HilError: as the search does.
    """
    scenario = made[-1].scenario
    if search is not None and cell.verdict == "pass" and HEAP_MIN in scenario.measure:
        cell.measurements.append(search(cassette, board, cell.measurements))


def _alert(board: Statement) -> str | None:
    """Say which alert ended the connection and whose it was, as the board saw it."""
    for code, whose in ((board.alert_sent, "board"), (board.alert_received, "peer")):
        if code is not None:
            return f"{alert_text(code)} from {whose}"
    return None


def keep(
    cell: Cell,
    made: Sequence[Connection],
    log_dir: Path,
    files: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Note every file worth keeping in the cell; of `files` and our own those that came to be."""
    for name, path in {**files, HEAP_SEARCH: log_dir / f"{HEAP_SEARCH}.txt"}.items():
        if path.is_file():
            cell.artefacts[name] = str(path)
    key_log = files.get("key_log")
    secrets = key_log.read_text("ascii") if key_log is not None and key_log.is_file() else ""
    for connection in made:
        texts = {
            "board_options": pformat(dict(connection.options)) + "\n",
            "board_result": pformat(dict(connection.evidence.result)) + "\n",
        }
        if connection.evidence.weather is not None:
            texts["link"] = pformat(connection.evidence.weather) + "\n"
        if connection.ruling is not None:
            checks = connection.ruling.checks
            texts["oracle"] = "".join(
                f"{_mark(check.passed)} {check.name}: {check.detail}\n" for check in checks
            )
        for name, text in texts.items():
            _artefact(cell, log_dir, connection.named(name), text)
        if connection.evidence.transcript:
            path = log_dir / f"{connection.named('capture')}.pcapng"
            over_datagrams = connection.scenario.over_datagrams
            capture.write(path, connection.evidence.transcript, secrets, udp=over_datagrams)
            cell.artefacts[connection.named("capture")] = str(path)
    if made:
        if made[-1].scenario.over_datagrams:
            cell.explanation = datagram_story.of_cell(cell, made[-1].evidence)
        else:
            cell.explanation = explanation.of_cell(cell, made[-1], secrets, files)
        path = log_dir / "scenario.toml"
        path.write_text(scenario_file.document(made[-1].scenario, cell.peer or ""), "utf-8")
        cell.artefacts["scenario"] = str(path)


def _artefact(cell: Cell, log_dir: Path, name: str, text: str) -> None:
    path = log_dir / f"{name}.txt"
    path.write_text(text, "utf-8")
    cell.artefacts[name] = str(path)


def _mark(passed: bool) -> str:
    return "ok    " if passed else "FAILED"
