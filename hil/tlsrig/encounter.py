"""One meeting of a board and a peer: the connection itself, and what each end said of it.

Theory of operation. The peer listens on loopback, or connects to our own listener there when the
board is the server; the link's pump joins that socket with the board's link, through the
scenario's attack if it has one. A second thread waits for the board's job while this one talks to
the peer, so that neither end's death makes the other's wait long: when the job is over, however it
ended, the pump ends its direction, the peer sees end-of-stream and ends too; when the peer dies,
the board is closed, which ends the job.

Of an ordinary refusal both ends give an account, and that is no error here. Errors are a board
that hangs or dies, a peer that is killed or stuck, and a job that raises. What this file does not
do: judge (`hil.tlsrig.oracle`) or report (`hil.tlsrig.cell`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, cast

from hil.boot import Board
from hil.errors import BoardDied, BoardHang, JobFailed, PeerError
from hil.link import Chunk, Pump
from hil.link_profile import Account
from hil.peer import PeerEnded
from hil.tlsrig import names
from hil.tlsrig.cassette import Turn
from hil.tlsrig.cassette_recorder import Recorder
from hil.tlsrig.oracle import Echo
from hil.tlsrig.peers import TlsPeer
from hil.tlsrig.statement import Statement
from hil.tlsrig.stream_network import StreamNetwork
from hil.tlsrig.tamper import Attack

# What the board sends to a peer that has to close first when it is ready for that.
FAREWELL = b"\n"
# A peer answers within milliseconds: these only keep a stuck one from outlasting the board.
_PEER_GRACE_S = 15.0
_CONNECT_TIMEOUT_S = 10.0
# How long the news of a board's death may take once its peer was seen to end.
_BOARD_NEWS_S = 2.0


@dataclass
class Evidence:
    """What an encounter leaves behind; filled as it goes, so an error leaves what there was.

    Attributes:
        board, peer: what each end said, None when it said nothing.
        echoes: what became of each payload that was tried.
        result: of the board's job, as it came.
        transcript: what the link delivered.
        exchange: what both said, turn by turn, as the board heard it.
        tampered: the attack was carried out.
        weather: what became of the datagrams of each direction, where there are any.
        secrets_method: how it was seen that both have the same secrets, where not by exporters.
    """

    board: Statement | None = None
    peer: Statement | None = None
    echoes: list[Echo] = field(default_factory=list)
    result: Mapping[str, Any] = field(default_factory=dict)
    transcript: list[Chunk] = field(default_factory=list)
    exchange: list[Turn] = field(default_factory=list)
    tampered: bool = False
    secrets_method: str | None = None
    weather: Account | None = None


Testify = Callable[[Mapping[str, Any], Evidence], Statement]


def meet(
    board: Board,
    peer: TlsPeer,
    options: Mapping[str, object],
    attack: Attack | None,
    evidence: Evidence,
    *,
    listener: socket.socket | None = None,
    timeout_multiplier: float = 1.0,
    network: StreamNetwork | None = None,
    job_module: str = "tls_jobs",
    testify: Testify | None = None,
) -> None:
    """Let a board and a started peer meet, and fill in the evidence.

    Args:
        board: freshly booted; it is closed when the peer fails.
        peer: started; it is not closed.
        options: of the board's job.
        attack: what the link does to the bytes, None for an honest link.
        evidence: what came of it.
        listener: where a peer in the client's role connects to; None when the peer listens.
        timeout_multiplier: stretches the waits for the peer, as the board's own are.
        network: between the two; None for nothing but the board's link.
        job_module: where the board's jobs `client` and `server` are.
        testify: makes the board's statement of its job's result, where `statement` does not.

    Raises:
        BoardHang, BoardDied, JobFailed: the board's failure, which wins over the peer's.
        PeerError: the peer was killed or got stuck.
        LinkError: the attack could not be carried out.
    """
    job_s = board.target.timeouts.job_s + (0.0 if network is None else network.patience_s)
    recorder = Recorder(attack)
    with (
        _connection(peer, listener) as connected,
        Pump(board.link, connected, recorder, None if network is None else network.weather) as pump,
        ThreadPoolExecutor(1, thread_name_prefix="hil-job") as executor,
    ):
        role = "server" if listener is not None else "client"
        board.start(f"{job_module}:{role}", dict(options))
        job = executor.submit(board.wait, job_s)
        job.add_done_callback(lambda _: pump.board_is_done())
        patience_s = job_s * timeout_multiplier + _PEER_GRACE_S
        evidence.transcript, evidence.exchange = pump.transcript, recorder.turns
        try:
            sizes = cast("Sequence[int]", options["echo"])
            stands = peer.await_connected(patience_s)
            if network is not None and stands:
                network.note_connected(pump)
            reached = echo_all(peer, sizes, patience_s) if stands else []
            evidence.peer = peer.finish(patience_s)
            pump.join(0)  # raises what the attack raised
            evidence.result = cast("dict[str, Any]", job.result())
        except PeerError as error:
            raise whose_fault(job, error) from None
        finally:
            evidence.tampered = attack is not None and attack.applied
            evidence.weather = None if network is None else network.account()
            if not job.done():
                board.close()  # ends the job, which leaving this block waits for
    result = evidence.result
    evidence.board = statement(result) if testify is None else testify(result, evidence)
    evidence.echoes = echoes(reached, evidence.result["echo"])


def payload(size: int) -> bytes:
    """Return the payload of an echo: the board's bytes, no letters among them, a newline at last.

    Some peers take a leading letter for a command, some answer when a line is complete.
    """
    return bytes(0x80 | ((i * 37 + i // 127) & 0x7F) for i in range(size - 1)) + b"\n"


def statement(result: Mapping[str, Any]) -> Statement:
    """Turn the result of the board's job into the common form."""
    return Statement(
        witness="board",
        connected=result["connected"],
        version=names.name_of(names.VERSIONS, result.get("version")),
        suite=names.name_of(names.ALL_SUITES, result.get("suite")),
        group=names.name_of(names.GROUPS, result.get("group")),
        signature=names.name_of(names.SIGNATURES, result.get("signature")),
        exporter=result["exporter"],
        exporter_method="computed by tlscore" if result["exporter"] is not None else None,
        alert_sent=result["alert_sent"],
        alert_received=result["alert_received"],
        close_sent=result["close_sent"],
        close_received=result["close_received"],
        closed_first=bool(result.get("closed_first")),
        reason=result["reason"],
        alpn=_text(result.get("alpn")),
        signatures_verified=result.get("signatures_verified"),
        hello_retries=result.get("hello_retries"),
        psk_used=result.get("psk_identity") is not None,
        took_ticket=result["took_ticket"],
        resumed=result.get("resumed"),
        key_updates_sent=result.get("key_updates_sent"),
        key_updates_received=result.get("key_updates_received"),
    )


def _text(protocol: bytes | None) -> str | None:
    return None if protocol is None else protocol.decode("ascii", "backslashreplace")


def _connection(peer: TlsPeer, listener: socket.socket | None) -> socket.socket:
    """Return the connection with a started peer: ours to a server, a client's to our listener."""
    if listener is None:
        return socket.create_connection(peer.address, timeout=_CONNECT_TIMEOUT_S)
    listener.settimeout(_CONNECT_TIMEOUT_S)
    try:
        return listener.accept()[0]
    except TimeoutError:
        raise PeerError(
            f"peer {peer.name} did not connect within {_CONNECT_TIMEOUT_S:g} s; see its log"
        ) from None


def echo_all(peer: TlsPeer, sizes: Sequence[int], timeout_s: float) -> list[tuple[int, bool]]:
    """Echo through a connected peer while its connection stands; return (size, was right)."""
    reached: list[tuple[int, bool]] = []
    try:
        for size in sizes:
            reached.append((size, peer.echo(size, timeout_s) == payload(size)))
        if peer.closes_first and sizes:
            peer.end_after(FAREWELL, timeout_s)
    except PeerEnded:
        pass  # the connection is over: the echoes that are missing tell the oracle
    return reached


def echoes(reached: list[tuple[int, bool]], came_back: list[tuple[int, bool]]) -> list[Echo]:
    """Join what the peer saw of each payload with what the board got back of it."""
    found = []
    for index, (size, right) in enumerate(reached):
        whole = index < len(came_back) and came_back[index] == (size, True)
        found.append(Echo(size, reached_peer=right, came_back=whole))
    return found


def whose_fault(job: Future[object], error: PeerError) -> Exception:
    """Return the board's failure if that is what ended the peer, else the peer's."""
    wait([job], _BOARD_NEWS_S)
    failure = job.exception() if job.done() else None
    return failure if isinstance(failure, (BoardDied, BoardHang, JobFailed)) else error
