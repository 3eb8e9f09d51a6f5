"""Was the handshake right? Both ends' statements, held against each other and the scenario.

A handshake is correct only when both ends say so independently (RFC 8446 §4 for what they must
agree on): the same version, suite, group and signature scheme, equal exported keying material
(RFC 8446 §7.5), application data intact in both directions, close_notify both ways. A refusal is
correct only when the end that must refuse sent exactly the expected alert and the other end saw
that very alert. Every check is named and kept; a cell's reason is made of those that failed.

The oracle never fills a gap: a fact one end could not state is a failed check, not a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil.tlsrig.names import alert_text
from hil.tlsrig.scenario import AGREED, BOARD, Refusal, Scenario, Success
from hil.tlsrig.statement import Statement

_MISMATCHES_SHOWN = 4


@dataclass(frozen=True)
class Check:
    """One named comparison; `detail` says what was found, and what was wanted if it failed."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Echo:
    """One payload's way there and back.

    Attributes:
        size: payload bytes.
        reached_peer: the peer printed exactly the payload the board was told to send.
        came_back: the board received exactly the payload it had sent.
    """

    size: int
    reached_peer: bool
    came_back: bool


@dataclass(frozen=True)
class Ruling:
    """All checks of a cell."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Every check passed, and there was at least one."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reason(self) -> str | None:
        """The first failed checks in one line, None when all passed."""
        failed = [check for check in self.checks if not check.passed]
        if not failed:
            return None
        shown = "; ".join(f"{check.name}: {check.detail}" for check in failed[:_MISMATCHES_SHOWN])
        more = len(failed) - _MISMATCHES_SHOWN
        return f"{shown}; and {more} more" if more > 0 else shown


def judge(
    scenario: Scenario,
    board: Statement,
    peer: Statement,
    *,
    echoes: Sequence[Echo] = (),
    tampered: bool = False,
) -> Ruling:
    """Judge one cell.

    Args:
        scenario: what was tried and how it must end.
        board: what the board says.
        peer: what the reference peer says.
        echoes: what became of the payloads, one entry per size that was tried.
        tampered: whether the link's attack was carried out.
    """
    expected = scenario.expected(peer.witness)
    if isinstance(expected, Success):
        checks = _success(scenario, expected, board, peer, echoes, tampered)
    else:
        checks = _refusal(scenario, expected, board, peer, tampered)
    return Ruling(tuple(checks))


def _success(
    scenario: Scenario,
    expected: Success,
    board: Statement,
    peer: Statement,
    echoes: Sequence[Echo],
    tampered: bool,
) -> Iterable[Check]:
    for end in (board, peer):
        yield Check(f"{end.witness} connected", end.connected, end.reason or _connection_text(end))
        for direction, code in (("sent", end.alert_sent), ("received", end.alert_received)):
            yield Check(f"{end.witness} {direction} no alert", code is None, alert_text(code))
        found = end.negotiated()
        for (name, value), wanted in zip(found.items(), _wanted(expected, board), strict=True):
            yield _equal(f"{end.witness} {name}", value, wanted)
    if scenario.has_exporter:
        yield from _exporters(board, peer)
    yield _equal(
        "board signatures_verified", board.signatures_verified, expected.signatures_verified
    )
    for end in (board, peer):
        if end is peer or end.hello_retries is not None:
            yield _equal(f"{end.witness} hello_retries", end.hello_retries, expected.hello_retries)
    yield _equal("board psk_used", board.psk_used, expected.psk)
    yield from _protocols(scenario, expected, board)
    yield from _equally("resumed", board.resumed, peer, peer.resumed, expected.resumed)
    if scenario.is_first and scenario.role == "client":
        yield _equal("board took_ticket", board.took_ticket, scenario.has_tickets)
    updates = scenario.board.key_updates
    for name, ours, its in (
        ("from board", board.key_updates_sent, peer.key_updates_received),
        ("to board", board.key_updates_received, peer.key_updates_sent),
    ):
        yield from _equally(f"key_updates {name}", ours, peer, its, updates)
    if scenario.mishap is not None:
        yield Check(f"link did {scenario.mishap}", tampered, f"carried out: {tampered}")
    yield from _echoed(scenario, echoes)
    for end in (board, peer):
        says_so = end is board or expected.peer_closes
        answered = expected.peer_closes if end is board else expected.answered
        yield from _closed(scenario, end, says_so=says_so, answered=answered)


def _echoed(scenario: Scenario, echoes: Sequence[Echo]) -> Iterable[Check]:
    tried = [echo.size for echo in echoes]
    yield _equal("echo sizes", tried, list(scenario.echo_bytes))
    for echo in echoes:
        yield Check(f"echo {echo.size} to peer", echo.reached_peer, "compared with the payload")
        yield Check(f"echo {echo.size} to board", echo.came_back, "compared with the payload")


def _closed(
    scenario: Scenario, end: Statement, *, says_so: bool, answered: bool
) -> Iterable[Check]:
    if says_so:
        yield Check(f"{end.witness} sent close_notify", end.close_sent, str(end.close_sent))
    if answered and not (scenario.over_datagrams and end.closed_first):
        yield Check(
            f"{end.witness} received close_notify", end.close_received, str(end.close_received)
        )


def _protocols(scenario: Scenario, expected: Success, board: Statement) -> Iterable[Check]:
    if scenario.board.alpn:
        yield _equal("board alpn", board.alpn, expected.alpn)


def _wanted(expected: Success, board: Statement) -> list[str | None]:
    """Return what is to be negotiated; what is only to be agreed on, as the board has it."""
    of_board = board.negotiated().values()
    return [
        (said or "one") if wanted == AGREED else wanted
        for said, wanted in zip(of_board, expected.negotiated, strict=True)
    ]


def _equally(
    name: str, ours: object, peer: Statement, its: object, wanted: object
) -> Iterable[Check]:
    yield _equal(f"board {name}", ours, wanted)
    yield _equal(f"{peer.witness} {name}", its, wanted)


def _exporters(board: Statement, peer: Statement) -> Iterable[Check]:
    for end in (board, peer):
        yield Check(
            f"{end.witness} exporter",
            end.exporter is not None and len(end.exporter) == 32,
            end.exporter_method or "none stated",
        )
    same = board.exporter is not None and board.exporter == peer.exporter
    detail = f"board {_hex(board.exporter)}, {peer.witness} {_hex(peer.exporter)}"
    yield Check("exporters equal", same, detail)


def _refusal(
    scenario: Scenario, expected: Refusal, board: Statement, peer: Statement, tampered: bool
) -> Iterable[Check]:
    sender, other = (board, peer) if expected.sender == BOARD else (peer, board)
    wanted = alert_text(expected.alert_code)
    yield _equal(f"{sender.witness} sent alert", alert_text(sender.alert_sent), wanted)
    yield _equal(f"{other.witness} received alert", alert_text(other.alert_received), wanted)
    yield _equal(f"{other.witness} sent alert", alert_text(other.alert_sent), alert_text(None))
    yield _equal("board reason", board.reason, expected.reason)
    if expected.connected:
        for end in (sender, other):
            yield Check(f"{end.witness} connected", end.connected, _connection_text(end))
        return
    yield Check(f"{sender.witness} not connected", not sender.connected, _connection_text(sender))
    if not (expected.late and other.connected):
        yield Check(f"{other.witness} not connected", not other.connected, _connection_text(other))
    if scenario.tamper is not None:
        yield Check(f"link did {scenario.tamper}", tampered, f"carried out: {tampered}")


def _equal(name: str, found: object, wanted: object) -> Check:
    passed = found == wanted
    return Check(name, passed, f"{found}" if passed else f"found {found}, expected {wanted}")


def _connection_text(end: Statement) -> str:
    return "connected" if end.connected else "not connected"


def _hex(data: bytes | None) -> str:
    return "none" if data is None else data.hex()
