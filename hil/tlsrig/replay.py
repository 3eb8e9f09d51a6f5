"""Runs a board against a cassette: the peer's bytes as they were recorded, and no peer.

Theory of operation. A player takes the peer's place at the other end of the link's pump. It goes
through the recorded exchange turn by turn: it listens until the board has said everything of a
turn of its own, comparing every byte as it comes, and then delivers what the peer answered. The
same seed and the same bytes make the same connection, so a board that says another byte has
changed. `Differs` then says which byte of which message it is, and the board is closed, because
what it does next is of no interest. When the exchange is over the player listens on until the job
has ended: a board that says more than was recorded has changed as well.

With the same bytes the job's result must be the recorded one. That is ruled on as the oracle does
with live connections; both ends' agreement was judged when the cassette was recorded.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from hil.boot import Board
from hil.errors import HilError
from hil.link import Pump
from hil.tlsrig import briefing, datagram_replay, names, oracle, wire
from hil.tlsrig.cassette import Cassette, Taped
from hil.tlsrig.encounter import Evidence, statement
from hil.tlsrig.outcome import Connection
from hil.tlsrig.scenario import Scenario, Success

_READ_BYTES = 16_384
# What a job's result has besides the facts of the connection.
_NO_FACTS = frozenset({"marks"})


class Differs(HilError):
    """A board said other bytes than the cassette has."""


class Outdated(HilError):
    """A cassette was recorded for something else than the scenario is today."""


def rewind(
    scenario: Scenario,
    cassette: Cassette,
    board: Board,
    made: list[Connection],
    timeout_multiplier: float = 1.0,
    *,
    measured: bool = True,
) -> None:
    """Make a cassette's connections on a board, one after the other.

    Args:
        scenario: what the cassette is of.
        cassette: what both ends said.
        board: booted; it is closed when it says other bytes.
        made: what the connections leave behind, in order; an error leaves what there was.
        timeout_multiplier: stretches the waits.
        measured: the board measures itself meanwhile.

    Raises:
        Outdated: the scenario is another one by now.
        Differs: the board said other bytes.
        BoardHang, BoardDied, JobFailed: the board's failure.
    """
    require_current(scenario, cassette)
    for tried, taped in zip(scenario.connections, cassette.connections, strict=True):
        made.append(Connection(tried, taped.options))
        board.reset_link()
        circumstances = briefing.circumstances(
            board.target, timeout_multiplier, taped.reads, measured=measured
        )
        options = {**taped.options, **circumstances}
        play(board, briefing.job_of(scenario), options, taped, made[-1].evidence)
        made[-1].ruling = oracle.Ruling(tuple(_compared(taped, made[-1].evidence.result)))
        if not made[-1].passed:
            break


def play(
    board: Board, job: str, options: Mapping[str, object], taped: Taped, evidence: Evidence
) -> None:
    """Replay one connection and fill in what the board leaves behind.

    Args:
        board: as for `rewind`.
        job: what the board's agent runs, as module:function.
        options: of that job.
        taped: what both ends said.
        evidence: gets the job's result, the board's statement and what went over the link.

    Raises:
        Differs: the board said other bytes.
        BoardHang, BoardDied, JobFailed: the board's failure.
    """
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        Pump(board.link, theirs) as pump,
        ThreadPoolExecutor(1, thread_name_prefix="hil-job") as executor,
    ):
        evidence.transcript = pump.transcript
        board.start(job, briefing.spoken(options))
        running = executor.submit(board.wait, board.target.timeouts.job_s)
        running.add_done_callback(lambda _: pump.board_is_done())
        try:
            ended_early = _follow(ours, taped)
            evidence.result = cast("dict[str, Any]", running.result())
        finally:
            if not running.done():
                board.close()  # ends the job, which leaving this block waits for
        if ended_early is not None:
            raise Differs(f"{ended_early}; its job ended with {evidence.result['reason']!r}")
    if taped.over_datagrams:
        evidence.transcript = datagram_replay.datagrams(pump.transcript)
        evidence.weather = datagram_replay.account(evidence.transcript)
    evidence.exchange = list(taped.exchange)
    evidence.board = statement(evidence.result)


def require_current(scenario: Scenario, cassette: Cassette) -> None:
    """Check that a cassette was recorded for the scenario as it is declared today.

    Raises:
        Outdated: names what differs.
    """
    tried = scenario.connections
    if len(tried) != len(cassette.connections):
        raise Outdated(
            f"the cassette of {scenario.name} has {len(cassette.connections)} connections, "
            f"the scenario {len(tried)}"
        )
    for connection, taped in zip(tried, cassette.connections, strict=True):
        allowed = briefing.OPTIONS_OF_TLS12
        if taped.over_datagrams:
            allowed |= briefing.OPTIONS_OF_DATAGRAMS
        strange = sorted((taped.options.keys() ^ briefing.OPTION_NAMES) - allowed)
        if strange:
            raise Outdated(
                f"the cassette of {scenario.name} and the board's job do not have the same "
                f"options: {', '.join(strange)}"
            )
        for name, wanted in briefing.declared_options(connection).items():
            found = taped.options.get(name)
            if found != wanted:
                raise Outdated(
                    f"the cassette of {scenario.name} was recorded with {name} {found}, "
                    f"the scenario has {wanted}"
                )
    expected = scenario.expected(cassette.peer)
    reason = None if isinstance(expected, Success) else expected.reason
    found = cassette.connections[-1].result.get("reason")
    if found != reason:
        raise Outdated(
            f"the cassette of {scenario.name} ends with reason {found}, the scenario is to end "
            f"with {reason}"
        )


def _follow(ours: socket.socket, taped: Taped) -> str | None:
    """Go through the exchange; return what is missing when the board ended before its end.

    Raises:
        Differs: at the first byte that is not the recorded one.
    """
    recorded = taped.said_by("board")
    heard = 0
    due = 0
    for turn in taped.exchange:
        if turn.speaker == "peer":
            ours.sendall(turn.data)
            continue
        due += len(turn.data)
        while heard < due:
            data = ours.recv(_READ_BYTES)
            if not data:
                place = _place(taped, heard)
                return f"the board said {heard} of {len(recorded)} bytes and ended before {place}"
            heard = _compare(taped, heard, data)
    while data := ours.recv(_READ_BYTES):
        heard = _compare(taped, heard, data)
    return None


def _compare(taped: Taped, heard: int, data: bytes) -> int:
    """Compare what the board says next, and return how much it has said then."""
    recorded = taped.said_by("board")
    expected = recorded[heard : heard + len(data)]
    if data != expected:
        ahead = next(
            (i for i, (ours, its) in enumerate(zip(expected, data, strict=False)) if ours != its),
            len(expected),
        )
        position = heard + ahead
        if position == len(recorded):
            raise Differs(
                f"the board goes on after the {position} recorded bytes, with 0x{data[ahead]:02x}"
            )
        raise Differs(
            f"byte {position} of what the board says is 0x{data[ahead]:02x}, recorded is "
            f"0x{expected[ahead]:02x}: {_place(taped, position)}"
        )
    return heard + len(data)


def _place(taped: Taped, position: int) -> str:
    """Say which byte of which record and message is at a position of what the board says."""
    said = taped.said_by("board")
    if taped.over_datagrams:
        return datagram_replay.place(said, position)
    splitter = wire.RecordSplitter()
    start = 0
    for number, record in enumerate(splitter.push(said), 1):
        end = start + len(record.encode())
        if position < end:
            kind = names.CONTENT_TYPES[record.content_type]
            within = position - start - wire.HEADER_BYTES
            if within < 0:
                return f"byte {position - start} of the header of record {number} ({kind})"
            if record.content_type == wire.HANDSHAKE:
                message = names.HANDSHAKE_TYPES.get(record.body[0], "an unknown message")
                return f"byte {within} of {message}, in record {number} ({kind})"
            return f"byte {within} of record {number} ({kind})"
        start = end
    return f"byte {position - start} after the last whole record"


def _compared(taped: Taped, result: Mapping[str, object]) -> Iterator[oracle.Check]:
    """Hold the job's result against the recorded one, fact by fact."""
    said = len(taped.said_by("board"))
    yield oracle.Check("board says the recorded bytes", passed=True, detail=f"{said} bytes")
    for name in sorted((taped.result.keys() | result.keys()) - _NO_FACTS):
        found, wanted = result.get(name), taped.result.get(name)
        detail = f"{found}" if found == wanted else f"found {found}, recorded {wanted}"
        yield oracle.Check(f"board {name}", found == wanted, detail)
