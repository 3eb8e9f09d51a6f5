"""What a firmware's own TLS cannot do that a scenario asks of the board: why its cell is skipped.

What MicroPython's module `ssl` offers no way to ask for is the same on every board and known before
one is booted (`lacking`). Which suites, and thereby versions, the library was built with is told by
the board itself (`lacking_suites`): by names of Mbed TLS's, in which a suite of TLS 1.2 is its
registered name with other separators.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hil.tlsrig import plan
from hil.tlsrig.scenario import BOARD, BoardSide, Refusal, Scenario, Success

# What a stack is asked for when nobody says otherwise.
_USUAL = BoardSide()
# Refusals that follow from what an end was told to leave out.
_OF_VERSIONS = ("protocol_version", "inappropriate_fallback")

# Mbed TLS's names of the suites of TLS 1.3 (RFC 8446 §B.4): all begin so.
_TLS13_OURS, _TLS13_ITS = "TLS_", "TLS1-3-"


def lacking(scenario: Scenario) -> str | None:
    """Say what of a scenario MicroPython's `ssl` cannot be asked for, None if nothing."""
    side = scenario.board
    kinds = set[str]()
    for variant in filter(None, (side.certificates, scenario.peer.certificates)):
        kinds |= plan.plan_of(variant).kinds
    refusal = scenario.expect if isinstance(scenario.expect, Refusal) else None
    alert = refusal.alert if refusal is not None else None
    by_board = refusal is not None and refusal.sender == BOARD
    asked = {
        "external keys (PSK)": scenario.psk,
        "resumption": scenario.resumption,
        "raw public keys (RFC 7250)": scenario.raw_public_keys,
        "ALPN": side.alpn,
        "KeyUpdate": side.key_updates,
        "a cookie (RFC 8446 §4.2.2)": side.cookie,
        "a choice of groups": side.groups != _USUAL.groups
        or side.key_shares not in (_USUAL.key_shares, ())
        or (alert == "handshake_failure" and scenario.peer.groups),
        "a choice of signature schemes": side.signatures,
        "a choice of versions": alert in _OF_VERSIONS,
        "a size of records": side.max_record_bytes != _USUAL.max_record_bytes
        or side.max_fragment_bytes is not None,
        "a handshake without middlebox compatibility": not side.compatible,
        "Ed25519": "ed25519" in kinds,
        "insistence on extended master secret": by_board
        and not scenario.peer.extended_master_secret,
        "the limits of tlscore that devices of the past meet": scenario.peer.device,
    }
    missing = [what for what, is_asked in asked.items() if is_asked]
    return f"MicroPython's ssl does not offer {', '.join(missing)}" if missing else None


def lacking_suites(scenario: Scenario, said: Mapping[str, Any]) -> str | None:
    """Say which suites a scenario needs and the board's stack was built without, None if none.

    Args:
        scenario: what is tried.
        said: as `native_jobs.abilities` has it.
    """
    known: Collection[str] | None = said["suites"]
    needed = set(scenario.board.suites)
    if isinstance(scenario.expect, Success):
        needed = {scenario.expect.negotiated[1]}
    if known is None:
        return None
    missing = [suite for suite in sorted(needed) if its_name(suite) not in known]
    if len(missing) < len(needed):  # one will do for a refusal
        return None
    return f"{name_of(said)} was built without {', '.join(missing)}"


def name_of(said: Mapping[str, Any]) -> str:
    """Return what a board's stack calls itself, for people."""
    library = said["library"] or "a library that does not tell its version"
    return f"{library} (MicroPython's {said['module']})"


def its_name(suite: str) -> str:
    """Return Mbed TLS's name of a suite."""
    if "_WITH_" in suite:
        return suite.replace("_", "-")
    return suite.replace(_TLS13_OURS, _TLS13_ITS, 1).replace("_", "-")


def registered_name(its: str) -> str:
    """Return the registered name of a suite by Mbed TLS's."""
    return its.replace(_TLS13_ITS, _TLS13_OURS, 1).replace("-", "_")
