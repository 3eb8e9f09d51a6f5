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
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from hil import cells
from hil.boot import Board
from hil.errors import HilError
from hil.report import Cell
from hil.tlsrig import (
    briefing,
    credentials,
    datagram_encounter,
    oracle,
    outcome,
    peers,
    releases,
    stream_network,
)
from hil.tlsrig.cassette import Cassette, CassetteError
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.encounter import meet
from hil.tlsrig.native import job as native_job
from hil.tlsrig.native import meeting
from hil.tlsrig.outcome import Connection, SmallestHeap
from hil.tlsrig.peers import TlsPeer
from hil.tlsrig.scenario import Scenario


def run(
    scenario: Scenario,
    peer_name: str,
    board: Board,
    *,
    seed: bytes,
    log_dir: Path,
    timeout_multiplier: float = 1.0,
    record: Callable[[Cassette], object] | None = None,
    smallest_heap: SmallestHeap | None = None,
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
        record: given what both ends said, once that has passed.
        smallest_heap: finds the smallest heap that the conversation needs, once it has passed.

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
    if scenario.link_profile is not None:
        cell.link = {"profile": scenario.link_profile, "seed": scenario.link_seed}
    is_native = board.target.stack == "native"
    moment = int(time.time()) if is_native else credentials.moment_of(scenario, module)
    proofs = credentials.issue(scenario, moment, log_dir)
    made: list[Connection] = []
    with contextlib.ExitStack() as stack:
        listener = None
        if scenario.role == "server":
            listener = stack.enter_context(_listening(scenario))
        peer = stack.enter_context(
            closing(briefing.new_peer(scenario, module, proofs, log_dir, listener))
        )
        try:
            outcome.require_frozen(board, scenario)
            repeatable = record is not None or smallest_heap is not None
            converse(
                scenario,
                proofs,
                board,
                peer,
                listener,
                made,
                seed,
                timeout_multiplier,
                repeatable=repeatable,
            )
            outcome.settle(cell, made, _exporter_method(made[-1]))
            cell.measurements = outcome.measured(board, made)
            outcome.note_backends(cell, board)
            if is_native:
                meeting.complete(cell, made[-1], full=smallest_heap is not None)
            elif cell.verdict == "pass" and outcome.is_repeatable(made):
                cassette = outcome.cassette_of(cell, made)
                if record is not None:
                    record(cassette)
                outcome.add_smallest_heap(cell, made, cassette, board, smallest_heap)
            elif cell.verdict == "pass" and record is not None:
                raise CassetteError(
                    f"{scenario.name} passed and is not recorded: what it says depends on when "
                    "things come, which no cassette holds; record it on the network `clean`"
                )
        except HilError as error:
            cell.verdict, cell.reason = cells.verdict_of(error), cells.reason_of(error)
    outcome.keep(cell, made, log_dir, {**proofs.artefacts, **peer.artefacts})
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
    *,
    repeatable: bool = False,
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
        repeatable: what the board says follows from the seed, whatever noise it has of its own.

    Raises:
        HilError: as `hil.tlsrig.encounter.meet` does.
    """
    peer.start()
    for tried in releases.as_with(scenario, peer.name, peer.version).connections:
        if board.target.stack == "native":
            options = native_job.options(tried, proofs, peer)
        else:
            options = briefing.board_options(tried, proofs, seed, peer)
        if made:
            options["session"] = made[-1].evidence.result.get("session")
            peer.next_connection()
        made.append(Connection(tried, options))
        told = briefing.circumstances(
            board.target,
            timeout_multiplier,
            repeatable=repeatable,
            standstill=repeatable and outcome.needs_no_time(tried),
            patience_s=0.0 if tried.over_datagrams else tried.patience_s,
        )
        _hold(made[-1], board, peer, listener, told, timeout_multiplier)
        if not made[-1].passed:
            break


def _hold(
    connection: Connection,
    board: Board,
    peer: TlsPeer,
    listener: socket.socket | None,
    circumstances: Mapping[str, object],
    timeout_multiplier: float,
) -> None:
    """Let board and peer meet for one connection, and let the oracle rule on it."""
    if board.target.stack == "native":
        meeting.hold(connection, board, peer, listener, circumstances, timeout_multiplier)
        return
    scenario, evidence = connection.scenario, connection.evidence
    board.reset_link()
    options = briefing.spoken({**connection.options, **circumstances})
    if scenario.over_datagrams:
        with contextlib.ExitStack() as stack:
            transport = listener or stack.enter_context(_listening(scenario))
            datagram_encounter.meet(
                board,
                peer,
                options,
                scenario,
                evidence,
                transport=transport,
                timeout_multiplier=timeout_multiplier,
            )
    else:
        meet(
            board,
            peer,
            options,
            briefing.attack_of(scenario, peer),
            evidence,
            listener=listener,
            timeout_multiplier=timeout_multiplier,
            network=stream_network.of_scenario(scenario),
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


def _listening(scenario: Scenario) -> contextlib.AbstractContextManager[socket.socket]:
    """Return the socket that a peer comes to, or over which datagrams go."""
    if scenario.over_datagrams:
        return datagram_encounter.listening()
    return socket.create_server(("127.0.0.1", 0))


def _exporter_method(connection: Connection) -> str | None:
    peer = connection.evidence.peer
    if connection.evidence.secrets_method is not None:
        return f"none; instead {connection.evidence.secrets_method}"
    return peer.exporter_method if peer is not None else None
