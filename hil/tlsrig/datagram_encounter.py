"""One meeting of a board and a peer over datagrams: what `hil.tlsrig.encounter` is for streams.

Theory of operation. A UDP port has no end: who is gone is only silent. So the peer is supervised
and the board has a time to give up, and the rig tells each end what the other's silence means.
When both say that they are connected, the weather of the link ends and the board is told to begin
with its data (`hil.datagram_pump`). When the board's job is over before that, the peer is ended,
and its account is that it never connected. When the peer fails, the board is closed.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from hil.boot import Board
from hil.datagram_pump import DatagramPump
from hil.errors import PeerError
from hil.link_profile import profile_of
from hil.tlsrig import briefing, encounter, mishaps
from hil.tlsrig.cassette_recorder import Recorder
from hil.tlsrig.datagram_secrets import completed
from hil.tlsrig.encounter import Evidence
from hil.tlsrig.peers import TlsPeer
from hil.tlsrig.scenario import Scenario
from hil.tlsrig.statement import Statement

_PEER_GRACE_S = 15.0
_LAST_WORDS_S = 3.0


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Return a bound UDP socket on loopback: where a peer in the client's role sends to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


def meet(
    board: Board,
    peer: TlsPeer,
    options: Mapping[str, object],
    scenario: Scenario,
    evidence: Evidence,
    *,
    transport: socket.socket,
    timeout_multiplier: float = 1.0,
) -> None:
    """Let a board and a started peer meet over datagrams, and fill in the evidence.

    Args:
        board: its link is empty; it is closed when the peer fails.
        peer: started; it is not closed.
        options: of the board's job.
        scenario: whose link profile, seed and mishap there are.
        evidence: what came of it.
        transport: a bound UDP socket.
        timeout_multiplier: stretches the waits.

    Raises:
        BoardHang, BoardDied, JobFailed: the board's failure, which wins over the peer's.
        PeerError: the peer was killed or got stuck.
    """
    profile = profile_of(scenario.link_profile or "")
    job_s = scenario.patience_s + board.target.timeouts.job_s
    server = peer.address if scenario.role == "client" else None
    mishap = None if scenario.mishap is None else mishaps.MISHAPS[scenario.mishap]()
    seed = scenario.link_seed
    recorder = Recorder()
    evidence.exchange = recorder.turns
    with (
        DatagramPump(
            board.link,
            transport,
            profile,
            seed,
            server=server,
            mishap=mishap,
            tape=recorder.on_bytes,
        ) as pump,
        ThreadPoolExecutor(1, thread_name_prefix="hil-job") as executor,
    ):
        board.start(briefing.job_of(scenario), dict(options))
        job = executor.submit(board.wait, job_s)
        evidence.transcript = pump.transcript
        patience_s = job_s * timeout_multiplier + _PEER_GRACE_S
        ender = _Ender(peer)
        job.add_done_callback(ender.job_is_over)
        try:
            reached = _talk(peer, pump, options, patience_s, job, evidence)
            evidence.result = cast("dict[str, Any]", job.result())
        except PeerError as error:
            raise encounter.whose_fault(job, error) from None
        finally:
            ender.cancel()
            evidence.weather = pump.account()
            evidence.tampered = mishap is not None and mishap.applied
            if not job.done():
                board.close()
    evidence.board = encounter.statement(evidence.result)
    assert evidence.peer is not None
    said = replace(evidence.peer, closed_first=peer.closes_first)
    evidence.peer = completed(said, peer.artefacts.get("key_log"), evidence.transcript)
    evidence.echoes = encounter.echoes(reached, evidence.result["echo"])


def _talk(
    peer: TlsPeer,
    pump: DatagramPump,
    options: Mapping[str, object],
    patience_s: float,
    job: Future[object],
    evidence: Evidence,
) -> list[tuple[int, bool]]:
    """Follow the peer to the end of its connection; return which payloads have reached it."""
    reached: list[tuple[int, bool]] = []
    sizes = cast("Sequence[int]", options["echo"])
    try:
        if peer.await_connected(patience_s):
            pump.peer_is_connected()
            reached = encounter.echo_all(peer, sizes, patience_s)
        evidence.peer = peer.finish(patience_s)
    except PeerError:
        if not _was_in_vain(job):
            raise
        reason = "ended by the farm when the board had given up"
        evidence.peer = Statement(peer.name, connected=False, reason=reason)
    return reached


def _was_in_vain(job: Future[object]) -> bool:
    """Whether the board's job is over and came to no orderly end."""
    if not job.done() or job.exception() is not None:
        return False
    return cast("dict[str, Any]", job.result())["reason"] is not None


class _Ender:
    """Ends a peer that nobody talks to any more: over datagrams it would wait for ever."""

    def __init__(self, peer: TlsPeer) -> None:
        # Of an alert it learns at once, and has its say then.
        self._timer = threading.Timer(_LAST_WORDS_S, peer.abandon)
        self._timer.daemon = True

    def job_is_over(self, job: Future[object]) -> None:
        """Let the peer be ended soon, if the board's job came to no orderly end."""
        if job.exception() is not None or _was_in_vain(job):
            self._timer.start()

    def cancel(self) -> None:
        """Leave the peer to its supervisor."""
        self._timer.cancel()
