"""The player: a board that says the recorded bytes passes, any other byte is named."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil import paths, target
from hil.errors import BoardDied, JobFailed
from hil.link import LinkEndpoint
from hil.tlsrig import briefing, credentials, replay, replay_cell, scenario
from hil.tlsrig.cassette import Cassette, Taped, Turn
from hil.tlsrig.encounter import Evidence
from hil.tlsrig.peers import openssl
from hil.tlsrig.replay import Differs, Outdated
from hil.tlsrig.scenario import Scenario

CLIENT_HELLO = bytes.fromhex("16030100 2c 01000028".replace(" ", "")) + bytes(range(40))
FLIGHT = bytes.fromhex("1603030004020000001703030003") + b"\xaa\xbb\xcc"
FINISHED = bytes.fromhex("140303000101" + "1703030010") + bytes(range(16))
CLOSE = bytes.fromhex("1703030004") + b"\x01\x02\x03\x04"
RESULT = {
    "connected": True,
    "reason": None,
    "exporter": b"\x5a" * 32,
    "alert_sent": None,
    "alert_received": None,
    "close_sent": True,
    "close_received": True,
    "took_ticket": False,
    "echo": [(1, True)],
}
TAPED = Taped(
    {"seed": b"1"},
    RESULT,
    (
        Turn("board", CLIENT_HELLO),
        Turn("peer", FLIGHT),
        Turn("board", FINISHED),
        Turn("peer", CLOSE),
    ),
)

Job = Callable[[socket.socket, dict[str, Any]], object]


class ScriptedBoard:
    """A board whose job is a function of the other end of its link."""

    def __init__(self, job: Job) -> None:
        self.target = target.load(paths.targets_dir() / "unix.toml")
        ours, self._theirs = socket.socketpair()
        self.link = LinkEndpoint(ours, carries_end=False)
        self.closed = threading.Event()
        self._job = job
        self._executor = ThreadPoolExecutor(1)
        self._running: Future[object] | None = None

    def reset_link(self) -> None:
        pass

    def start(self, function: str, options: dict[str, Any]) -> None:
        assert function == "tls_jobs:client"
        self._running = self._executor.submit(self._job, self._theirs, options)

    def wait(self, timeout_s: float) -> object:
        assert self._running is not None
        wait_for([self._running], timeout_s)
        if self.closed.is_set():
            raise BoardDied("the board was closed")
        return self._running.result(0)

    def close(self) -> None:
        if not self.closed.is_set():
            self.closed.set()
            self._theirs.shutdown(socket.SHUT_RDWR)
            self._executor.shutdown()
            self._theirs.close()
            self.link.close()


Make = Callable[[Job], ScriptedBoard]


@pytest.fixture
def scripted() -> Iterator[Make]:
    boards = []

    def make(job: Job) -> ScriptedBoard:
        boards.append(ScriptedBoard(job))
        return boards[-1]

    yield make
    for board in boards:
        board.close()


def heard(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        assert piece, "the link was ended"
        data += piece
    return data


def job(*said: bytes, result: dict[str, Any] = RESULT, listens: tuple[int, ...] = ()) -> Job:
    """Return a job that says one thing after the other, and listens in between."""
    counts = listens or (len(FLIGHT), len(CLOSE))

    def run(link: socket.socket, options: dict[str, Any]) -> object:
        for number, data in enumerate(said):
            link.sendall(data)
            if number < len(counts):
                heard(link, counts[number])
        return result

    return run


def played(board: ScriptedBoard, taped: Taped = TAPED) -> Evidence:
    evidence = Evidence()
    replay.play(board, "tls_jobs:client", {}, taped, evidence)  # type: ignore[arg-type]
    return evidence


def test_the_recorded_bytes_are_delivered_and_compared(scripted: Make) -> None:
    evidence = played(scripted(job(CLIENT_HELLO, FINISHED)))
    assert evidence.result == RESULT
    assert evidence.board is not None
    assert evidence.board.connected
    assert sum(len(chunk.data) for chunk in evidence.transcript) == sum(
        len(turn.data) for turn in TAPED.exchange
    )


def test_the_peer_says_nothing_before_the_board_has_said_its_part(scripted: Make) -> None:
    early = []

    def impatient(link: socket.socket, options: dict[str, Any]) -> object:
        link.sendall(CLIENT_HELLO[:-1])
        link.settimeout(0.2)
        with pytest.raises(TimeoutError):
            early.append(link.recv(1))
        link.settimeout(None)
        link.sendall(CLIENT_HELLO[-1:])
        heard(link, len(FLIGHT))
        link.sendall(FINISHED)
        heard(link, len(CLOSE))
        return RESULT

    played(scripted(impatient))
    assert not early


def test_a_wrong_byte_of_a_message_is_named_with_its_place(scripted: Make) -> None:
    changed = CLIENT_HELLO[:20] + b"\xee" + CLIENT_HELLO[21:]
    board = scripted(job(changed, FINISHED))
    with pytest.raises(Differs) as caught:
        played(board)
    assert str(caught.value) == (
        "byte 20 of what the board says is 0xee, recorded is 0x0b: "
        "byte 15 of client_hello, in record 1 (handshake)"
    )
    assert board.closed.is_set()


@pytest.mark.parametrize(
    ("position", "place"),
    [
        (len(CLIENT_HELLO) + 2, "byte 2 of the header of record 2 (change_cipher_spec)"),
        (len(CLIENT_HELLO) + 6 + 5, "byte 0 of record 3 (application_data)"),
        (len(CLIENT_HELLO) + 6 + 5 + 15, "byte 15 of record 3 (application_data)"),
    ],
)
def test_a_wrong_byte_of_a_later_record_is_named(scripted: Make, position: int, place: str) -> None:
    said = bytearray(CLIENT_HELLO + FINISHED)
    said[position] ^= 0xFF
    board = scripted(job(CLIENT_HELLO, bytes(said[len(CLIENT_HELLO) :])))
    with pytest.raises(Differs, match=f"byte {position} of what the board says") as caught:
        played(board)
    assert str(caught.value).endswith(place)


def test_a_byte_too_many_is_named(scripted: Make) -> None:
    with pytest.raises(Differs, match=r"goes on after the 76 recorded bytes, with 0x99"):
        played(scripted(job(CLIENT_HELLO, FINISHED + b"\x99")))


def test_a_byte_too_many_at_the_very_end_is_named(scripted: Make) -> None:
    with pytest.raises(Differs, match=r"goes on after the 76 recorded bytes, with 0x98"):
        played(scripted(job(CLIENT_HELLO, FINISHED, b"\x98")))


def test_a_board_that_falls_silent_is_told_with_where_and_why(scripted: Make) -> None:
    silent = {**RESULT, "connected": False, "reason": "link.silent"}
    with pytest.raises(Differs) as caught:
        played(scripted(job(CLIENT_HELLO, FINISHED[:8], result=silent, listens=(len(FLIGHT),))))
    assert str(caught.value) == (
        "the board said 57 of 76 bytes and ended before byte 2 of the header of record 3 "
        "(application_data); its job ended with 'link.silent'"
    )


def test_a_board_that_fails_is_not_blamed_for_what_it_did_not_say(scripted: Make) -> None:
    def failing(link: socket.socket, options: dict[str, Any]) -> object:
        link.sendall(CLIENT_HELLO)
        raise JobFailed("MemoryError", "memory allocation failed", "")

    with pytest.raises(JobFailed, match="memory allocation failed"):
        played(scripted(failing))


GOOD = scenario.load_all()["tls13-psk-ke"]


def recorded(tried: Scenario, directory: Path) -> Cassette:
    """Return a cassette of a scenario that was told what the scenario says today."""
    proofs = credentials.issue(tried, tried.utc_seconds, directory)
    peer = briefing.new_peer(tried, openssl, proofs, directory)
    taped = tuple(
        replace(TAPED, options=briefing.board_options(connection, proofs, b"seed", peer))
        for connection in tried.connections
    )
    return Cassette(tried.name, "openssl", "3", taped)


def rewound(board: ScriptedBoard, tape: Cassette) -> list[Any]:
    made: list[Any] = []
    replay.rewind(GOOD, tape, board, made)  # type: ignore[arg-type]
    return made


def test_the_board_is_told_when_the_peer_waits(scripted: Make, tmp_path: Path) -> None:
    told = {}

    def asking(link: socket.socket, options: dict[str, Any]) -> object:
        told.update(options)
        return job(CLIENT_HELLO, FINISHED)(link, options)

    (connection,) = rewound(scripted(asking), recorded(GOOD, tmp_path))
    assert connection.passed
    assert told["reads"] == (len(FLIGHT), len(FLIGHT) + len(CLOSE))
    assert told["seed"] == b"seed"
    assert told["timeout_ms"] > 0


def test_another_result_with_the_same_bytes_is_wrong(scripted: Make, tmp_path: Path) -> None:
    other = {**RESULT, "exporter": b"\x5b" * 32, "marks": {}}
    (connection,) = rewound(
        scripted(job(CLIENT_HELLO, FINISHED, result=other)), recorded(GOOD, tmp_path)
    )
    assert not connection.passed
    assert connection.ruling.reason.startswith("board exporter: found b'[[[")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (replace(GOOD, echo_bytes=(1,)), r"recorded with echo \(1, 64, 1000, 5000\), the scenario"),
        (replace(GOOD, board=replace(GOOD.board, server_name="x")), "with server_name localhost"),
        (replace(GOOD, resumption=object()), "has 1 connections, the scenario 2"),
    ],
)
def test_a_cassette_of_another_scenario_is_refused(
    changed: Any, message: str, tmp_path: Path
) -> None:
    tape = recorded(GOOD, tmp_path)
    if changed.resumption is not None:
        changed = replace(scenario.load_all()["tls13-resumption"], name=GOOD.name)
    with pytest.raises(Outdated, match=message):
        replay.require_current(changed, tape)


def test_a_cassette_without_an_option_the_board_needs_is_refused(tmp_path: Path) -> None:
    tape = recorded(GOOD, tmp_path)
    (taped,) = tape.connections
    options = {name: value for name, value in taped.options.items() if name != "psk_modes"}
    old = replace(tape, connections=(replace(taped, options=options),))
    with pytest.raises(Outdated, match="do not have the same options: psk_modes"):
        replay.require_current(GOOD, old)


def test_a_cassette_that_ends_otherwise_than_the_scenario_is_refused(tmp_path: Path) -> None:
    tried = scenario.load_all()["tls13-wrong-name"]
    with pytest.raises(Outdated, match=r"reason None, the scenario is to end with certificate\."):
        replay.require_current(tried, recorded(tried, tmp_path))


def test_other_bytes_are_an_error_that_names_the_remedy(scripted: Make, tmp_path: Path) -> None:
    board = scripted(job(b"\xff", FINISHED))
    board.origins = lambda *names: dict.fromkeys(names, "rom")  # type: ignore[attr-defined]
    cell = replay_cell.run(
        GOOD,
        recorded(GOOD, tmp_path),
        board,  # type: ignore[arg-type]
        log_dir=tmp_path,
        remedy="pytest --record=x",
    )
    assert cell.verdict == "error"
    assert cell.reason is not None
    assert cell.reason.startswith("byte 0 of what the board says is 0xff, recorded is 0x16")
    assert cell.reason.endswith("record the cassette anew: pytest --record=x")
    assert "board_options" in cell.artefacts
