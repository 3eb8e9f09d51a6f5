"""Runs one cell, a scenario on a board against a peer, and returns it judged and measured.

Whatever happens ends in a `Cell`. Both ends' statements and the oracle give `pass` or `fail`; a
board without an answer is a `hang`; a dead board, a dead peer or a mistake of the rig is an
`error`, which says nothing about the code under test. The artefacts are kept in every case: the
board's options (with its seed, so that the run can be repeated), the peer's logs and key log, the
capture, and every check of the oracle with its finding.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from pprint import pformat

from hil import cells
from hil.boot import Board
from hil.errors import BootError, HilError
from hil.report import Cell
from hil.tlsrig import briefing, capture, credentials, figures, oracle, peers
from hil.tlsrig.encounter import Evidence, meet
from hil.tlsrig.scenario import Scenario

# What the figures are about must come out of the firmware, not from a stray file on the board.
_MEASURED_MODULES = ("hil_marks", "tls_jobs", "tlscore")


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
    evidence = Evidence()
    with contextlib.ExitStack() as stack:
        listener = None
        if scenario.role == "server":
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        peer = stack.enter_context(
            closing(briefing.new_peer(scenario, module, proofs, log_dir, listener))
        )
        job_s = board.target.timeouts.job_s * timeout_multiplier
        options = briefing.board_options(scenario, proofs, seed, job_s, peer)
        try:
            _require_frozen(board, scenario.role)
            attack = briefing.attack_of(scenario, peer)
            board.reset_link()
            peer.start()
            meet(
                board,
                peer,
                options,
                attack,
                evidence,
                listener=listener,
                timeout_multiplier=timeout_multiplier,
            )
            _judge(cell, scenario, board, evidence, log_dir)
        except HilError as error:
            cell.verdict, cell.reason = cells.verdict_of(error), cells.reason_of(error)
    _keep(cell, {**proofs.artefacts, **peer.artefacts}, evidence, options, log_dir)
    return cell


def _require_frozen(board: Board, role: str) -> None:
    for module, origin in board.origins(*_MEASURED_MODULES, f"tlscore.{role}").items():
        if origin != "frozen":
            raise BootError(
                f"module {module} on {board.target.name} comes from {origin}, not from the "
                "firmware, so no figure would be the firmware's: remove that file"
            )


def _judge(cell: Cell, scenario: Scenario, board: Board, evidence: Evidence, log_dir: Path) -> None:
    """Let the oracle rule on the evidence, take the figures, and fill the cell."""
    assert evidence.board is not None
    assert evidence.peer is not None
    ruling = oracle.judge(
        scenario,
        evidence.board,
        evidence.peer,
        echoes=evidence.echoes,
        tampered=evidence.tampered,
    )
    cell.verdict = "pass" if ruling.passed else "fail"
    cell.reason = ruling.reason
    cell.negotiated = dict(evidence.board.negotiated())
    cell.negotiated["signatures_verified"] = evidence.board.signatures_verified
    cell.negotiated["exporter_method"] = evidence.peer.exporter_method
    lines = [f"{_mark(check.passed)} {check.name}: {check.detail}" for check in ruling.checks]
    _artefact(cell, log_dir, "oracle", "\n".join(lines) + "\n")
    if scenario.measure and evidence.board.connected:
        stack = board.stack_peak_bytes()
        found = figures.measurements(
            board.target, board.firmware, evidence.result["marks"], evidence.transcript, stack
        )
        cell.measurements = [
            figure
            for figure in found
            if figure.name in scenario.measure or figure.name.startswith("phase.")
        ]


def _keep(
    cell: Cell,
    files: Mapping[str, Path],
    evidence: Evidence,
    options: Mapping[str, object],
    log_dir: Path,
) -> None:
    """Note every file worth keeping in the cell; of `files` those that came to be."""
    for name, path in files.items():
        if path.is_file():
            cell.artefacts[name] = str(path)
    _artefact(cell, log_dir, "board_options", pformat(dict(options)) + "\n")
    _artefact(cell, log_dir, "board_result", pformat(dict(evidence.result)) + "\n")
    if evidence.transcript:
        key_log = files.get("key_log")
        secrets = key_log.read_text("ascii") if key_log is not None and key_log.is_file() else ""
        path = log_dir / "capture.pcapng"
        capture.write(path, evidence.transcript, secrets)
        cell.artefacts["capture"] = str(path)


def _artefact(cell: Cell, log_dir: Path, name: str, text: str) -> None:
    path = log_dir / f"{name}.txt"
    path.write_text(text, "utf-8")
    cell.artefacts[name] = str(path)


def _mark(passed: bool) -> str:
    return "ok    " if passed else "FAILED"
