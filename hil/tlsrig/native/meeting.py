"""A board whose firmware's TLS is tried and a peer meet once, and the oracle rules on it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from hil.boot import Board
from hil.errors import BootError, JobFailed
from hil.report import Cell
from hil.tlsrig import briefing, oracle
from hil.tlsrig.encounter import Evidence, meet
from hil.tlsrig.native import abilities, figures, job, judgement, witness
from hil.tlsrig.outcome import Connection
from hil.tlsrig.peers import TlsPeer
from hil.tlsrig.scenario import Scenario
from hil.tlsrig.statement import Statement

_ASK_TIMEOUT_S = 20


def lacking(scenario: Scenario, board: Board) -> str | None:
    """Say what a scenario needs that a booted board's stack was built without; None if nothing.

    Raises:
        BootError: its firmware has no TLS of its own.
    """
    name = board.target.name
    try:
        said = board.call(f"{job.MODULE}:abilities", timeout_s=_ASK_TIMEOUT_S)
    except JobFailed as error:
        if error.kind != "ImportError":
            raise
        raise BootError(
            f"{name}: its firmware has the farm's modules, but not {job.MODULE}: make it from an "
            "image with native_tls = true, or use firmware without them, to be installed"
        ) from error
    if said is None:
        raise BootError(
            f"{name}: its firmware has no `ssl` (nor `tls`), so there is no native stack to try: "
            "run it without --stack=native, or with firmware that has one"
        )
    assert isinstance(said, dict)
    return abilities.lacking_suites(scenario, said)


def complete(cell: Cell, last: Connection, *, full: bool) -> None:
    """Note what a cell's report says beside tlscore's.

    Args:
        cell: ruled on and measured.
        last: its last connection.
        full: the smallest heap was asked for.
    """
    cell.negotiated["stack"] = last.evidence.result["library"] or "does not tell its version"
    if full and cell.verdict == "pass" and figures.HEAP_MIN in last.scenario.measure:
        cell.measurements.append(figures.no_smallest_heap())


def hold(
    connection: Connection,
    board: Board,
    peer: TlsPeer,
    listener: socket.socket | None,
    circumstances: Mapping[str, object],
    timeout_multiplier: float,
) -> None:
    """Let board and peer meet for one connection, and let the oracle rule on it.

    Raises:
        HilError: as `hil.tlsrig.encounter.meet` does.
    """
    scenario, evidence = connection.scenario, connection.evidence
    shown: list[witness.Account] = []

    def testify(result: Mapping[str, Any], so_far: Evidence) -> Statement:
        log = peer.artefacts.get("key_log")
        secrets = log.read_text("ascii") if log is not None and log.is_file() else ""
        is_client = scenario.role == "client"
        shown.append(witness.account(so_far.transcript, secrets, board_is_client=is_client))
        return judgement.statement(result, shown[0])

    board.reset_link()
    meet(
        board,
        peer,
        {**connection.options, **circumstances},
        briefing.attack_of(scenario, peer),
        evidence,
        listener=listener,
        timeout_multiplier=timeout_multiplier,
        job_module=job.MODULE,
        testify=testify,
    )
    assert evidence.board is not None
    assert evidence.peer is not None
    made = oracle.judge(
        judgement.expected(scenario),
        evidence.board,
        evidence.peer,
        echoes=evidence.echoes,
        tampered=evidence.tampered,
    )
    evidence.secrets_method = shown[0].how
    connection.ruling = judgement.ruling(
        made, evidence.peer, shown[0], closes_first=peer.closes_first
    )
