"""Board and peer meet: the board's job on CPython, the peer a real program."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hil import link_profile, paths, target
from hil.errors import BoardDied, BoardHang, JobFailed, LinkError, PeerError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Direction, LinkEndpoint
from hil.tlsrig import (
    briefing,
    cell,
    credentials,
    datagram_encounter,
    encounter,
    mishaps,
    oracle,
    outcome,
    peers,
    scenario,
)
from hil.tlsrig.encounter import Evidence
from hil.tlsrig.scenario import Resumption, Scenario
from hil.tlsrig.tamper import FlipFinishedBit

SEED = bytes(range(48))
DECLARED = scenario.load_all()
GOOD = DECLARED["tls13-x509-p256"]


@pytest.fixture
def on_target(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The job's module, importable as on a board."""
    package = paths.package_dir()
    monkeypatch.syspath_prepend(package / "ontarget")
    monkeypatch.syspath_prepend(package / "tlsrig" / "ontarget")
    monkeypatch.syspath_prepend(package / "tlsrig" / "ontarget" / "datagrams")
    return importlib.import_module("tls_jobs")


class DeskBoard:
    """Runs jobs in a thread of this process, over a socket pair, as a board runs them."""

    def __init__(self, job: Callable[..., object] | None = None) -> None:
        agent = importlib.import_module("hil_agent")
        self.target = target.load(paths.targets_dir() / "unix.toml")
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.link = LinkEndpoint(ours, carries_end=False)
        self.closed = threading.Event()
        self._stream = theirs.makefile("rwb", buffering=0)
        self._link = agent.StreamLink(self._stream)
        self._theirs = theirs
        self._job = job
        self._executor = ThreadPoolExecutor(1)
        self._running: Future[object] | None = None

    def reset_link(self) -> None:
        with suppress(BlockingIOError):
            while self.link.recv(4096):
                pass

    def start(self, function: str, *arguments: object) -> None:
        module, _, name = function.partition(":")
        job = self._job or getattr(importlib.import_module(module), name)
        self._running = self._executor.submit(job, self._link, *arguments)

    def wait(self, timeout_s: float) -> object:
        assert self._running is not None
        deadline = time.monotonic() + timeout_s
        while not self._running.done() and time.monotonic() < deadline:
            if self.closed.wait(0.02):
                raise BoardDied("desk was closed")
        if not self._running.done():
            raise BoardHang(f"desk said nothing for {timeout_s:g} s")
        return self._running.result(0)

    def close(self) -> None:
        """End the board; a job that runs sees the end of its link."""
        if not self.closed.is_set():
            self.closed.set()
            self.link.close()
            self._executor.shutdown()
            self._stream.close()
            self._theirs.close()


Desk = Callable[..., DeskBoard]


@pytest.fixture
def desk(on_target: ModuleType) -> Iterator[Desk]:
    boards = []

    def make(job: Callable[..., object] | None = None) -> DeskBoard:
        boards.append(DeskBoard(job))
        return boards[-1]

    yield make
    for board in boards:
        board.close()


Setting = tuple[Any, dict[str, Any]]
Prepare = Callable[..., Setting]


@pytest.fixture
def prepare(tmp_path: Path) -> Iterator[Prepare]:
    """Start the scenario's peer, and say what the board is told."""
    started = []

    def start(
        tried: Scenario, name: str = "openssl", listener: socket.socket | None = None
    ) -> Setting:
        module = peers.load(name)
        moment = credentials.moment_of(tried, module)
        proofs = credentials.issue(tried, moment, tmp_path)
        peer = briefing.new_peer(tried, module, proofs, tmp_path, listener)
        started.append(peer)
        peer.start()
        told = briefing.circumstances(target.load(paths.targets_dir() / "unix.toml"))
        return peer, briefing.spoken({**briefing.board_options(tried, proofs, SEED, peer), **told})

    yield start
    for peer in started:
        peer.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


# One of every kind; all of them are run on boards.
TRIED = (
    "tls13-x509-p256",
    "tls13-hrr",
    "tls13-untrusted-ca",
    "tls13-tampered-record",
    "tls13-tampered-finished",
    "tls11-only-server",
    "tls13-key-update",
    "tls13-raw-public-key",
    "tls13-record-size-limit",
    "tls13-mutual",
    "tls13-mutual-no-certificate",
    "tls13-hrr-cookie",
    "tls13-mutual-raw-public-key",
    "tls13-server-hrr-cookie",
    "tls13-server-raw-public-key",
    "tls13-server-mutual-raw-public-key",
    "tls13-server-x509-p256",
    "tls13-server-record-size-limit",
    "tls13-server-hrr",
    "tls13-server-mutual",
    "tls13-server-untrusted-ca",
    "tls13-server-tampered-finished",
    "tls12-only-client",
    "tls13-psk",
    "tls13-psk-ke",
    "tls13-psk-hrr",
    "tls13-psk-wrong-identity",
    "tls13-psk-wrong-key",
    "tls13-resumption",
    "tls13-resumption-forged",
    "tls13-server-psk",
    "tls13-server-psk-ke",
    "tls13-server-psk-wrong-key",
    "tls13-server-resumption",
    "tls13-server-resumption-expired",
)


# All of it with two; the others show here that they can be driven, and the rest on a board.
WITH_THE_OTHERS = ("tls13-resumption", "tls13-server-resumption", "tls13-psk-wrong-key")


def able_peers() -> Iterator[Any]:
    # What is installed on request only is not there on every machine.
    for peer_name in (name for name in peers.names() if not peers.is_on_request(name)):
        for name in TRIED if peer_name in ("openssl", "gnutls") else WITH_THE_OTHERS:
            role = "server" if DECLARED[name].role == "client" else "client"
            if peers.lacking(peer_name, role, DECLARED[name].needs) is None:
                yield pytest.param(peer_name, DECLARED[name], id=f"{peer_name}-{name}")


@pytest.mark.parametrize(("peer_name", "tried"), list(able_peers()))
def test_scenarios_end_as_they_must_on_this_interpreter_too(
    peer_name: str, tried: Scenario, desk: Desk, listener: socket.socket, tmp_path: Path
) -> None:
    module = peers.load(peer_name)
    used = listener if tried.role == "server" else None
    proofs = credentials.issue(tried, credentials.moment_of(tried, module), tmp_path)
    made: list[outcome.Connection] = []
    with closing(briefing.new_peer(tried, module, proofs, tmp_path, used)) as peer:
        cell.converse(tried, proofs, desk(), peer, used, made, SEED)  # type: ignore[arg-type]
    assert [connection.ruling.reason for connection in made if connection.ruling] == [
        None for _ in tried.connections
    ]


def test_no_second_connection_follows_a_first_that_went_wrong(desk: Desk, tmp_path: Path) -> None:
    resumption = DECLARED["tls13-resumption"].resumption
    assert resumption is not None
    wrong = replace(resumption.first, signatures_verified=7)
    tried = replace(DECLARED["tls13-resumption"], resumption=Resumption(wrong))
    proofs = credentials.issue(tried, tried.utc_seconds, tmp_path)
    made: list[outcome.Connection] = []
    with closing(briefing.new_peer(tried, peers.load("openssl"), proofs, tmp_path)) as peer:
        cell.converse(tried, proofs, desk(), peer, None, made, SEED)  # type: ignore[arg-type]
    (only,) = made
    assert only.named("oracle") == "first_oracle"
    assert only.ruling is not None
    assert only.ruling.reason == "board signatures_verified: found 3, expected 7"


def test_a_peer_killed_in_mid_handshake_is_its_error_and_quickly_said(
    prepare: Prepare, desk: Desk
) -> None:
    server, options = prepare(GOOD)
    pid = server.pid

    def job(link: Any, options: dict[str, Any]) -> object:
        os.kill(pid, signal.SIGKILL)
        board.closed.wait(3600)  # a board on a UART does not notice
        return None

    board = desk(job)
    with pytest.raises(PeerError, match="openssl was killed by SIGKILL"):
        encounter.meet(board, server, options, None, Evidence())  # type: ignore[arg-type]
    assert board.closed.is_set()


def test_a_dead_board_is_its_error_though_the_peer_saw_it_first(
    prepare: Prepare, desk: Desk
) -> None:
    server, options = prepare(GOOD)

    def job(link: Any, options: dict[str, Any]) -> object:
        raise BoardDied("desk died in client: was killed by SIGKILL")

    with pytest.raises(BoardDied, match="killed by SIGKILL"):
        encounter.meet(desk(job), server, options, None, Evidence())  # type: ignore[arg-type]


def test_a_job_that_raises_is_told_as_such(prepare: Prepare, desk: Desk) -> None:
    server, options = prepare(GOOD)

    def job(link: Any, options: dict[str, Any]) -> object:
        raise JobFailed("KeyError", "seed", "")

    with pytest.raises(JobFailed, match="KeyError: seed"):
        encounter.meet(desk(job), server, options, None, Evidence())  # type: ignore[arg-type]


def test_an_attack_that_cannot_be_carried_out_is_an_error(
    prepare: Prepare, desk: Desk, tmp_path: Path
) -> None:
    server, options = prepare(GOOD)
    attack = FlipFinishedBit(tmp_path / "no-key-log")
    with pytest.raises(LinkError, match="no-key-log has no SERVER_HANDSHAKE_TRAFFIC_SECRET"):
        encounter.meet(desk(), server, options, attack, Evidence())  # type: ignore[arg-type]


def test_a_board_that_stops_in_mid_echo_leaves_the_echo_unfinished(
    prepare: Prepare, desk: Desk, on_target: ModuleType
) -> None:
    server, options = prepare(GOOD)

    def job(link: Any, options: dict[str, Any]) -> object:
        return on_target.client(link, {**options, "echo": options["echo"][:2]})

    evidence = Evidence()
    encounter.meet(desk(job), server, options, None, evidence)  # type: ignore[arg-type]
    assert [echo.size for echo in evidence.echoes] == [1, 64]


class FinalFlightNeverArrives(mishaps.Mishap):
    """Loses whatever has a Finished of the board in it."""

    def __init__(self) -> None:
        super().__init__(lambda _direction, _found: None)

    def __call__(self, direction: Direction, datagram: bytes) -> list[tuple[float, bytes]] | None:
        if direction != BOARD_TO_PEER or not any(
            record.is_finished for record in mishaps.records(datagram)
        ):
            return None
        self.applied = True
        return []


def test_a_client_that_gives_up_late_in_the_handshake_has_its_say_and_the_board_too(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The board is connected when more of its time is over than the host has to spare. Afterwards it
    # has to wait for its client for what is left of it, not for as long again.
    slow = link_profile.LinkProfile("slow", "", patience_s=6, blackouts_ms=((0, 2500),))
    monkeypatch.setitem(link_profile.PROFILES, "slow", slow)  # type: ignore[arg-type]
    monkeypatch.setitem(mishaps.MISHAPS, "never", FinalFlightNeverArrives)  # type: ignore[arg-type]
    tried = replace(DECLARED["dtls12-server-psk-ccm8"], link_profile="slow", mishap="never")
    board = desk()
    board.target = replace(board.target, timeouts=replace(board.target.timeouts, job_s=3))
    proofs = credentials.issue(tried, credentials.moment_of(tried, peers.load("gnutls")), tmp_path)
    made: list[outcome.Connection] = []
    with (
        datagram_encounter.listening() as transport,
        closing(
            briefing.new_peer(tried, peers.load("gnutls"), proofs, tmp_path, transport)
        ) as client,
    ):
        cell.converse(tried, proofs, board, client, transport, made, SEED)  # type: ignore[arg-type]
    (only,) = made
    assert only.evidence.result["reason"] == "peer.not_connected"
    assert only.ruling is not None
    assert only.ruling.reason is not None
    assert "gnutls connected: The operation timed out" in only.ruling.reason


@pytest.mark.parametrize("name", ["tls13-x509-p256", "tls13-tampered-finished"])
def test_what_both_said_is_recorded_in_turns_that_alternate(
    name: str, prepare: Prepare, desk: Desk
) -> None:
    server, options = prepare(DECLARED[name])
    attack = briefing.attack_of(DECLARED[name], server)
    evidence = Evidence()
    encounter.meet(desk(), server, options, attack, evidence)  # type: ignore[arg-type]
    speakers = [turn.speaker for turn in evidence.exchange]
    assert speakers == [("board", "peer")[i % 2] for i in range(len(speakers))]
    for speaker, direction in (("board", BOARD_TO_PEER), ("peer", PEER_TO_BOARD)):
        said = b"".join(turn.data for turn in evidence.exchange if turn.speaker == speaker)
        carried = [chunk.data for chunk in evidence.transcript if chunk.direction == direction]
        assert said == b"".join(carried)


def test_a_peer_that_says_more_than_it_was_asked_is_noticed(
    prepare: Prepare, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, options = prepare(GOOD)
    send = server.send
    monkeypatch.setattr(server, "send", lambda data: send(data + b"\x80"))
    evidence = Evidence()
    encounter.meet(desk(), server, {**options, "echo": (64,)}, None, evidence)  # type: ignore[arg-type]
    assert evidence.board is not None
    assert evidence.board.reason == "echo.surplus"
    assert not evidence.board.close_received


def test_an_echo_that_is_not_the_payload_is_noticed_by_the_board(
    prepare: Prepare, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, options = prepare(GOOD)
    send = server.send
    monkeypatch.setattr(server, "send", lambda data: send(data[:-1] + b"\x00"))
    evidence = Evidence()
    encounter.meet(desk(), server, {**options, "echo": (64,)}, None, evidence)  # type: ignore[arg-type]
    assert evidence.echoes == [oracle.Echo(64, reached_peer=True, came_back=False)]


def test_the_same_seed_says_the_same_client_hello(prepare: Prepare, desk: Desk) -> None:
    hellos = []
    for _ in range(2):
        server, options = prepare(GOOD)
        evidence = Evidence()
        encounter.meet(desk(), server, options, None, evidence)  # type: ignore[arg-type]
        hellos.append(evidence.transcript[0].data)
    assert hellos[0] == hellos[1]


def test_host_and_board_mean_the_same_payload(on_target: ModuleType) -> None:
    said = importlib.import_module("tls_conversation")
    assert encounter.payload(300) == bytes(said.payload_byte(i, 300) for i in range(300))
    assert encounter.FAREWELL == said.FAREWELL


def test_no_payload_byte_is_a_letter() -> None:
    assert not any(bytes([byte]).isalpha() for byte in encounter.payload(20_000))
