"""Why a handshake failed or was refused, in words, for the person whose server hung up.

The story is told from the wire: which side sent which alert after which message, what both sides
offered, what the certificates say, and what to change. Where an alert cannot be read (no key for
it), the ends' own accounts say which it was. Of a cell that hung or broke, it is told how far each
end came and whose turn it was. Cells that are right because a refusal was right are explained too:
that is what negative scenarios are for.

What it does not do: judge. The verdict is made elsewhere and only read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.tlsrig import names
from hil.tlsrig.dissect.exchange import Exchange, Message
from hil.tlsrig.explain import facts, older
from hil.tlsrig.explain.reasons import Words, words_for
from hil.tlsrig.names import alert_text
from hil.tlsrig.scenario import Refusal, Scenario
from hil.tlsrig.statement import Statement

if TYPE_CHECKING:
    from hil.report import Cell
    from hil.tlsrig.outcome import Connection

_CLOSE_NOTIFY = 0
# What a chain is asked about, by the reason or alert that refused it.
_ABOUT_NAMES = ("certificate.name_mismatch", "certificate.name_not_permitted")
_ABOUT_TIMES = ("certificate.expired", "certificate.not_yet_valid", "certificate_expired")
_ABOUT_PURPOSE = ("certificate.extended_key_usage", "certificate.key_usage")
_ABOUT_ANYTHING = ("bad_certificate", "certificate_unknown")
_ABOUT_CERTIFICATES = (
    *("bad_certificate", "unsupported_certificate", "certificate_expired", "certificate_unknown"),
    "unknown_ca",
)


@dataclass(frozen=True)
class Case:
    """What there is to tell of.

    Attributes:
        scenario: what was tried.
        peer_name: the other end.
        exchange: what was on the wire.
        board, peer: what each end says, None if it said nothing.
        utc_seconds: what both ends took for now.
        files: PEM files of the run: `board_chain`, `board_root`, `peer_chain`, `peer_root`; a root
            is what the other end trusts.
        verdict, reason: of the cell.
    """

    scenario: Scenario
    peer_name: str
    exchange: Exchange
    board: Statement | None
    peer: Statement | None
    utc_seconds: int
    files: Mapping[str, Path]
    verdict: str | None
    reason: str | None = None

    def called(self, is_client: bool) -> str:
        """Return what to call an end."""
        role = "client" if is_client else "server"
        if is_client == self.exchange.board_is_client:
            return f"the board ({role})"
        return f"{self.scenario.peer.device or self.peer_name} ({role})"


def of_cell(
    cell: Cell, connection: Connection, key_log: str, files: Mapping[str, Path]
) -> str | None:
    """Explain a cell by its last connection; None where there is nothing to explain.

    Args:
        cell: with its verdict.
        connection: the last one that was tried.
        key_log: text of the peer's key log, empty for none.
        files: as `Case` has them, among others.
    """
    scenario = connection.scenario
    evidence = connection.evidence
    wants_refusal = isinstance(scenario.expected(cell.peer or ""), Refusal)
    if cell.verdict not in ("fail", "hang", "error") and not wants_refusal:
        return None
    utc_seconds = connection.options.get("utc_seconds")
    return explain(
        Case(
            scenario,
            cell.peer or "the peer",
            Exchange(evidence.transcript, key_log, board_is_client=scenario.role == "client"),
            evidence.board,
            evidence.peer,
            utc_seconds if isinstance(utc_seconds, int) else scenario.utc_seconds,
            files,
            cell.verdict,
            cell.reason,
        )
    )


def explain(case: Case) -> str:
    """Tell the story of a connection that did not become one; several lines."""
    lines = [f"What was tried: {case.scenario.summary}."]
    if case.scenario.is_first:
        lines[0] = f"This is the first of two connections. {lines[0]}"
    alert, from_client = _alert(case)
    reason = case.board.reason if case.board is not None else None
    if case.verdict in ("hang", "error") and case.board is None:
        lines += [_broken(case), *_how_far(case)]
        alert = None
    elif reason is not None and reason.startswith("link."):
        lines += [_gave_up(case, reason), *_how_far(case)]
        alert = None
    elif alert is None:
        lines += [_without_alert(case), *_how_far(case)]
    else:
        lines.append(_who_refused(case, alert, from_client, reason))
    words = older.words(case.exchange, reason, alert)
    if words is None:
        words = words_for(reason, names.ALERTS.get(alert) if alert is not None else None)
    if words is not None:
        code = f" ({reason})" if reason is not None else ""
        lines.append(f"What it means: {words.meaning}{code}.")
    lines += _certificate_facts(case, reason, alert)
    lines += [facts.offer(case.exchange), facts.answer(case.exchange)]
    lines += _settings(case)
    lines += older.needs(case.exchange, case.called(True), case.called(False))
    lines += _to_change(case, words, alert)
    return "\n".join("T" + line[1:] if line.startswith("the ") else line for line in lines)


def _alert(case: Case) -> tuple[int | None, bool]:
    """Return the alert that broke the connection off and whether the client sent it."""
    for message in case.exchange.of("alert"):
        described = message.field.first("description")
        if described is not None and described.code != _CLOSE_NOTIFY:
            return described.code, message.from_client
    board_is_client = case.exchange.board_is_client
    for end, is_board in ((case.board, True), (case.peer, False)):
        if end is not None and end.alert_sent is not None:
            return end.alert_sent, is_board == board_is_client
        if end is not None and end.alert_received is not None:
            return end.alert_received, is_board != board_is_client
    return None, False


def _who_refused(case: Case, alert: int, from_client: bool, reason: str | None) -> str:
    sender, other = case.called(from_client), case.called(not from_client)
    heard = _before_alert(case.exchange, not from_client)
    over = _offender(case, from_client, reason)
    if heard is None:
        after = f"before {other} had said anything"
    elif over is not None and over != heard.name:
        after = f"over {other}'s {over}"
        if not over.startswith("record "):
            after += f" (everything up to its {heard.name} had arrived)"
    else:
        after = f"after {other}'s {heard.name}"
    right = ""
    expected = case.scenario.expected(case.peer_name)
    if case.verdict == "pass" and isinstance(expected, Refusal):
        right = " This is right: the scenario demands it."
    return f"{sender} hung up: it sent the alert {alert_text(alert)} {after}.{right}"


def _offender(case: Case, from_client: bool, reason: str | None) -> str | None:
    """Return which of the other end's messages the board's reason is about, if it is one."""
    if reason is None or from_client != case.exchange.board_is_client:
        return None
    subject = reason.partition(".")[0]
    if subject == "record":
        sealed = [one for one in case.exchange.records if one.trouble]
        return f"record {sealed[0].sequence} under its {sealed[0].epoch} keys" if sealed else None
    name = {"certificate_message": "certificate"}.get(subject, subject)
    return name if case.exchange.of(name, from_client=not from_client) else None


def _before_alert(exchange: Exchange, from_client: bool) -> Message | None:
    """Return the last handshake message an end had sent before the first alert that is no close."""
    last = None
    for message in exchange.messages:
        if message.name == "alert" and message.field.codes("description") != [_CLOSE_NOTIFY]:
            break
        if message.from_client == from_client and message.content_type == 22 and message.whole:
            last = message
    return last


def _without_alert(case: Case) -> str:
    complete = len(case.exchange.of("finished")) == 2
    if complete and case.verdict == "fail":
        return f"The handshake completed and no alert was sent; what is wrong: {case.reason}."
    return "Neither end sent an alert that says why the connection ended."


def _gave_up(case: Case, reason: str) -> str:
    board_is_client = case.exchange.board_is_client
    if reason == "link.ended":
        return f"{case.called(not board_is_client)} hung up without an alert."
    return f"{case.called(board_is_client)} gave up."


def _broken(case: Case) -> str:
    """Say what ended a cell that nobody can judge, as its reason begins."""
    return f"What ended it: {(case.reason or 'not known').splitlines()[0]}."


def _how_far(case: Case) -> list[str]:
    """Say what each end said last, and whose turn it was."""
    exchange = case.exchange
    lines = []
    for is_client in (True, False):
        last = facts.last_of(exchange, is_client)
        if last is None:
            sealed = any(record.from_client == is_client for record in exchange.records)
            said = "nothing that could be read" if sealed else "nothing"
            if exchange.streams[is_client] and not sealed:
                said = f"{len(exchange.streams[is_client]):,} bytes that are no TLS record"
        else:
            at_s = last.records[-1].at_s if last.records else 0.0
            said = (
                f"{last.name}{'' if last.whole else ' (not whole)'}, {at_s:.3f} s after the start"
            )
        lines.append(f"The last from {case.called(is_client)}: {said}.")
    sealed_count = sum(1 for record in exchange.records if record.trouble)
    if sealed_count:
        lines.append(f"{sealed_count} records could not be opened: {_first_trouble(exchange)}.")
    turn, what = facts.awaited(exchange)
    lines.append(f"It was the turn of {case.called(turn)}: awaited was {what}.")
    return lines


def _first_trouble(exchange: Exchange) -> str:
    return next(record.trouble for record in exchange.records if record.trouble)


def _certificate_facts(case: Case, reason: str | None, alert: int | None) -> list[str]:
    """Say what the refused chain is like, if a chain was refused."""
    name = names.ALERTS.get(alert, "") if alert is not None else ""
    own = (reason or "").startswith("certificate.")
    if not own and name not in _ABOUT_CERTIFICATES:
        return []
    sender = "peer" if own else "board"
    from_client = (sender == "board") == case.exchange.board_is_client
    chain = facts.chain_of(case.exchange, from_client, case.files.get(f"{sender}_chain"))
    whose = "the board's" if own else f"{case.peer_name}'s"
    if not chain:
        return []
    if reason in _ABOUT_NAMES:
        held = ", ".join(facts.names_in(chain[0])) or "none"
        wanted = case.scenario.board.server_name
        return [f"The certificate's names are {held}; the board asked for {wanted}."]
    if reason in _ABOUT_TIMES or name in _ABOUT_TIMES:
        return [facts.lifetimes(chain, case.utc_seconds, whose)]
    if reason in _ABOUT_PURPOSE:
        return [f"The certificate is for {', '.join(facts.purposes(chain[0]))}."]
    trusted = facts.certificates(case.files.get(f"{sender}_root"))
    lines = [f"The chain: {facts.path(chain, trusted, whose)}"]
    if name in _ABOUT_ANYTHING and not own:
        held = ", ".join(facts.names_in(chain[0])) or "none"
        lines.append(f"The certificate's names are {held}.")
        lines.append(facts.lifetimes(chain, case.utc_seconds, whose))
    return lines


def _settings(case: Case) -> list[str]:
    """Say what the server was told, which the wire does not show, and what was done on purpose."""
    scenario = case.scenario
    lines = []
    if scenario.role == "client":
        lines.append(facts.told(scenario.peer, case.called(False)))
    else:
        lines.append(facts.told(scenario.board, case.called(False)))
    if scenario.psk is not None and scenario.psk.wrong is not None:
        lines.append(
            f"On purpose the two ends' pre-shared keys differ in their {scenario.psk.wrong}."
        )
    if scenario.tamper is not None:
        lines.append(f"On purpose the link changed the bytes between them ({scenario.tamper}).")
    return lines


def _to_change(case: Case, words: Words | None, alert: int | None) -> list[str]:
    exchange, scenario = case.exchange, case.scenario
    if scenario.tamper is not None and case.verdict == "pass":
        return ["What to change: nothing; without the attack on the link this handshake works."]
    unmet = None
    gave_up = case.board is not None and (case.board.reason or "").startswith("link.")
    if (alert is not None or gave_up) and not exchange.of("server_hello"):
        unmet = facts.mismatch(exchange, scenario, case.called(True), case.called(False))
    if unmet is not None:
        return [f"What to change: {unmet}"]
    if words is not None:
        return [f"What to change: {words.advice}."]
    return [
        "What to look at: the logs of both ends, and the page `hil explain` makes of this cell."
    ]
