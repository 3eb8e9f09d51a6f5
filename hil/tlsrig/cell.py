"""Runs one cell, a scenario on a board against a peer, and returns it judged and measured.

A scenario is one connection, or two where the second resumes the first: then both are judged, the
second only made if the first was right, and the figures are the second's.

Whatever happens ends in a `Cell`. Both ends' statements and the oracle give `pass` or `fail`; a
board without an answer is a `hang`; a dead board, a dead peer or a mistake of the rig is an
`error`, which says nothing about the code under test. The artefacts are kept in every case: the
board's options (with its seed, so that the run can be repeated), the peer's logs and key log, the
capture, and every check of the oracle with its finding.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from pprint import pformat

from hil import cells
from hil.boot import Board
from hil.errors import BootError, HilError
from hil.report import Cell
from hil.tlsrig import briefing, capture, credentials, figures, oracle, peers
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.encounter import Evidence, meet
from hil.tlsrig.names import alert_text
from hil.tlsrig.peers import TlsPeer
from hil.tlsrig.scenario import Scenario
from hil.tlsrig.statement import Statement

# What the figures are about must come out of the firmware, not from a stray file on the board.
_MEASURED_MODULES = ("hil_marks", "tls_jobs", "tls_conversation", "tlscore")


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


def run(
    scenario: Scenario,
    peer_name: str,
    board: Board,
    *,
    seed: bytes,
    log_dir: Path,
    timeout_multiplier: float = 1.0,
) -> Cell:
    """Run one cell.

    Args:
        scenario: what to do and what must come of it.
        peer_name: a module of `hil.tlsrig.peers`.
        board: freshly booted, or its figures are not this cell's alone; it may be closed
            afterwards, when the cell ended in an error.
        seed: of the board's random generator, 32 bytes or more.
        log_dir: an empty folder for certificates, logs and captures.
        timeout_multiplier: stretches the waits for the peer.

    Returns:
        The cell with its verdict; also when board or peer failed.

    Raises:
        MissingTool: the peer is not installed.
    """
    module = peers.load(peer_name)
    cell = Cell(
        target=board.target.name,
        peer=peer_name,
        peer_version=module.program().version,
        scenario=scenario.name,
        role=scenario.role,
    )
    proofs = credentials.issue(scenario, credentials.moment_of(scenario, module), log_dir)
    made: list[Connection] = []
    with contextlib.ExitStack() as stack:
        listener = None
        if scenario.role == "server":
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        peer = stack.enter_context(
            closing(briefing.new_peer(scenario, module, proofs, log_dir, listener))
        )
        try:
            _require_frozen(board, scenario.role)
            converse(scenario, proofs, board, peer, listener, made, seed, timeout_multiplier)
            _judge(cell, board, made)
        except HilError as error:
            cell.verdict, cell.reason = cells.verdict_of(error), cells.reason_of(error)
    _keep(cell, {**proofs.artefacts, **peer.artefacts}, made, log_dir)
    return cell


def converse(
    scenario: Scenario,
    proofs: Credentials,
    board: Board,
    peer: TlsPeer,
    listener: socket.socket | None,
    made: list[Connection],
    seed: bytes,
    timeout_multiplier: float = 1.0,
) -> None:
    """Make a scenario's connections, one after the other, up to the first that goes wrong.

    Args:
        scenario: what is tried.
        proofs: what both ends have.
        board: booted.
        peer: not started yet.
        listener: where a peer in the client's role connects to.
        made: what they leave behind, in order; an error leaves what there was.
        seed: of the board's random generator.
        timeout_multiplier: stretches the waits.

    Raises:
        HilError: as `hil.tlsrig.encounter.meet` does.
    """
    peer.start()
    for tried in scenario.connections:
        job_s = board.target.timeouts.job_s * timeout_multiplier
        options = briefing.board_options(tried, proofs, seed, job_s, peer)
        if made:
            options["session"] = made[-1].evidence.result.get("session")
            peer.next_connection()
        made.append(Connection(tried, options))
        _hold(made[-1], board, peer, listener, timeout_multiplier)
        if not made[-1].passed:
            break


def _hold(
    connection: Connection,
    board: Board,
    peer: TlsPeer,
    listener: socket.socket | None,
    timeout_multiplier: float,
) -> None:
    """Let board and peer meet for one connection, and let the oracle rule on it."""
    scenario, evidence = connection.scenario, connection.evidence
    board.reset_link()
    meet(
        board,
        peer,
        connection.options,
        briefing.attack_of(scenario, peer),
        evidence,
        listener=listener,
        timeout_multiplier=timeout_multiplier,
    )
    assert evidence.board is not None
    assert evidence.peer is not None
    connection.ruling = oracle.judge(
        scenario,
        evidence.board,
        evidence.peer,
        echoes=evidence.echoes,
        tampered=evidence.tampered,
    )


def _require_frozen(board: Board, role: str) -> None:
    for module, origin in board.origins(*_MEASURED_MODULES, f"tlscore.{role}").items():
        if origin not in ("rom", "frozen"):
            raise BootError(
                f"module {module} on {board.target.name} comes from {origin}, not from the "
                "firmware, so no figure would be the firmware's: remove that file"
            )


def _judge(cell: Cell, board: Board, made: Sequence[Connection]) -> None:
    """Make the rulings on the connections the cell's verdict, and take the last one's figures."""
    last = made[-1]
    assert last.ruling is not None
    assert last.evidence.board is not None
    assert last.evidence.peer is not None
    cell.verdict = "pass" if last.ruling.passed else "fail"
    if last.ruling.reason is not None:
        which = "first connection: " if last.scenario.is_first else ""
        cell.reason = which + last.ruling.reason
    said = last.evidence.board
    cell.negotiated = dict(said.negotiated())
    cell.negotiated["signatures_verified"] = said.signatures_verified
    cell.negotiated["psk"] = said.psk_used
    cell.negotiated["resumed"] = said.resumed
    cell.negotiated["exporter_method"] = last.evidence.peer.exporter_method
    cell.negotiated["alert"] = _alert(said)
    if last.scenario.measure and said.connected:
        stack = board.stack_peak_bytes()
        if len(made) > 1:
            stack = replace(stack, method=f"{stack.method}, over both connections")
        found = figures.measurements(
            board.target,
            board.firmware,
            last.evidence.result["marks"],
            last.evidence.transcript,
            stack,
        )
        cell.measurements = [
            figure
            for figure in found
            if figure.name in last.scenario.measure or figure.name.startswith("phase.")
        ]


def _alert(board: Statement) -> str | None:
    """Say which alert ended the connection and whose it was, as the board saw it."""
    for code, whose in ((board.alert_sent, "board"), (board.alert_received, "peer")):
        if code is not None:
            return f"{alert_text(code)} from {whose}"
    return None


def _keep(cell: Cell, files: Mapping[str, Path], made: Sequence[Connection], log_dir: Path) -> None:
    """Note every file worth keeping in the cell; of `files` those that came to be."""
    for name, path in files.items():
        if path.is_file():
            cell.artefacts[name] = str(path)
    key_log = files.get("key_log")
    secrets = key_log.read_text("ascii") if key_log is not None and key_log.is_file() else ""
    for connection in made:
        texts = {
            "board_options": pformat(dict(connection.options)) + "\n",
            "board_result": pformat(dict(connection.evidence.result)) + "\n",
        }
        if connection.ruling is not None:
            checks = connection.ruling.checks
            texts["oracle"] = "".join(
                f"{_mark(check.passed)} {check.name}: {check.detail}\n" for check in checks
            )
        for name, text in texts.items():
            _artefact(cell, log_dir, connection.named(name), text)
        if connection.evidence.transcript:
            path = log_dir / f"{connection.named('capture')}.pcapng"
            capture.write(path, connection.evidence.transcript, secrets)
            cell.artefacts[connection.named("capture")] = str(path)


def _artefact(cell: Cell, log_dir: Path, name: str, text: str) -> None:
    path = log_dir / f"{name}.txt"
    path.write_text(text, "utf-8")
    cell.artefacts[name] = str(path)


def _mark(passed: bool) -> str:
    return "ok    " if passed else "FAILED"
