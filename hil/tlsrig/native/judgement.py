"""A connection of the firmware's TLS before the oracle: its statement, and what is not asked of it.

The oracle is the same as for tlscore. What it holds against the scenario is what the board's stack
says (`job.negotiated`) and what the link shows of it (`witness`). Groups and signature schemes a
stack chooses by itself: there both ends must agree. Checks that MicroPython's `ssl` cannot meet by
its very nature are not asked, each with the reason, and stay in the oracle's list; the proof that
both ends have the same secrets takes the place of equal exported keying material.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hil.tlsrig import names
from hil.tlsrig.native import job
from hil.tlsrig.native.witness import Account
from hil.tlsrig.oracle import Check, Ruling
from hil.tlsrig.scenario import AGREED, Refusal, Scenario, Success
from hil.tlsrig.statement import Statement

_NO_CLOSE = "MicroPython's ssl says no close_notify"
_UNREAD = "sealed on the link, and no key log opens it"
_NO_COUNT = "it counts none; it was told to demand a chain to the root (CERT_REQUIRED)"


def expected(scenario: Scenario) -> Scenario:
    """Return a scenario with those outcomes open that the stack itself decides."""
    return replace(
        scenario,
        expect=_open(scenario.expect),
        expect_from={peer: _open(one) for peer, one in scenario.expect_from.items()},
    )


def _open(expect: Success | Refusal) -> Success | Refusal:
    if isinstance(expect, Refusal):
        return expect
    version, suite, group, signature = expect.negotiated
    agreed = (version, suite, AGREED if group else None, AGREED if signature else None)
    return replace(expect, negotiated=agreed)


def statement(result: Mapping[str, Any], shown: Account) -> Statement:
    """Return the board's account: what it says, and what the link shows of it."""
    version, suite = job.negotiated(result)
    facts = shown.facts
    return Statement(
        witness="board",
        connected=result["connected"],
        version=version,
        suite=suite,
        group=names.name_of(names.GROUPS, facts.group),
        signature=names.name_of(names.SIGNATURES, facts.signature),
        alert_sent=shown.alert(sent=True),
        # What comes after it ended the connection in order, it does not hear.
        alert_received=shown.alert(sent=False) if result["reason"] is not None else None,
        close_sent=any(sent and code == 0 for sent, _, code in facts.alerts),
        close_received=result["close_received"],
        reason=result["reason"],
        hello_retries=facts.hello_retries,
        psk_used=False,
        resumed=False,
        key_updates_sent=facts.key_updates_sent,
        key_updates_received=facts.key_updates_received,
    )


def ruling(made: Ruling, peer: Statement, shown: Account, *, closes_first: bool) -> Ruling:
    """Return the oracle's ruling without what cannot be asked of the stack.

    Args:
        made: the oracle's.
        peer: what the other end says.
        shown: what the link shows.
        closes_first: the peer's close_notify does not wait for the board's.
    """
    done = all(check.passed for check in made.checks if check.name.startswith("echo "))
    not_asked = {
        "board reason": "its words are its own",
        "board signatures_verified": _NO_COUNT,
        "board exporter": "it has none",
        "exporters equal": "it has none",
        "board sent close_notify": _NO_CLOSE,
        f"{peer.witness} received close_notify": _NO_CLOSE,
    }
    if not closes_first:
        waits = f"the peer waits for the board's, and {_NO_CLOSE}"
        not_asked["board received close_notify"] = waits
        not_asked[f"{peer.witness} sent close_notify"] = waits
        if done and peer.connected:
            not_asked[f"{peer.witness} sent no alert"] = (
                f"to the peer an end without close_notify is a truncation, and {_NO_CLOSE}"
            )
    if shown.board_sealed:
        not_asked["board sent alert"] = _UNREAD
    if shown.peer_sealed:
        not_asked["board received alert"] = _UNREAD
    checks = []
    for check in made.checks:
        why = not_asked.get(check.name)
        if why is None or check.passed:
            checks.append(check)
        else:
            checks.append(Check(check.name, True, f"not asked: {why} ({check.detail})"))
        if check.name == "board connected" and check.passed:
            checks.append(
                Check("board has the peer's secrets", shown.same_secrets is not False, shown.how)
            )
    return Ruling(tuple(checks))
