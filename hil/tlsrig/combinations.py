"""Every combination of version, suite, group, authentication and role that the core speaks.

`all_of_them` makes a scenario of each, three hundred of them, so that none is spoken without having
been proved against somebody else's implementation: `--scenario=set:every`. They are declared by
what they combine and named after it; what else there is to try has scenarios of its own.

`traits` reads the same facts, and some more, off any scenario: what a set of scenarios covers can
then be reckoned (`hil.tlsrig.scenario_sets`).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hil.tlsrig import names, plan
from hil.tlsrig.scenario import AGREED, BoardSide, PeerSide, Scenario, SharedKey, Success
from hil.tlsrig.scenarios import CHAIN_SIGNATURES
from tlscore.tls12 import suites

GROUPS = ("x25519", "secp256r1", "secp384r1")
ROLES: tuple[Literal["client", "server"], ...] = ("client", "server")
# What the end with certificates proves itself with; the other ways are those of external keys.
CERTIFICATES: Mapping[str, str] = {
    "p256": "valid",
    "p384": "p384",
    "ed25519": "ed25519",
    "rsa2048": "rsa2048",
}
_ON_CURVES = ("p256", "p384", "ed25519")
# RFC 8422 §5.1.1: in TLS 1.2 the curves of certificates are among the groups.
_CURVES = ("secp256r1", "secp384r1")
_NO_RFC_8442 = "ECDHE_PSK with AES in GCM or CCM (RFC 8442) is in none of the peers"
# What the core speaks and fewer than two independent peers do, and why.
UNPROVED: Mapping[str, str] = {
    "every-tls12-ecdhe-psk-aes-128-gcm-sha256-*": _NO_RFC_8442,
    "every-tls12-ecdhe-psk-aes-128-ccm-sha256-*": _NO_RFC_8442,
    "every-tls12-ecdhe-psk-aes-128-ccm-8-sha256-*": _NO_RFC_8442,
    "every-tls13-aes-256-gcm-sha384-*psk-*": "an external key of TLS 1.3 is for one hash, and what "
    "the peers' programs are given is for SHA-256",
}


@dataclass(frozen=True)
class Combination:
    """What one scenario of `set:every` is about.

    Attributes:
        group: of the key exchange, None without one.
        authentication: kind of the server's keys, or `psk_dhe_ke`, `psk_ke`.
        role: the board's.
    """

    version: str
    suite: str
    group: str | None
    authentication: str
    role: Literal["client", "server"]

    @property
    def name(self) -> str:
        """As `--scenario` and reports show it."""
        suite = self.suite.removeprefix("TLS_").replace("_WITH_", "_").lower().replace("_", "-")
        version = self.version.lower().replace("v", "").replace(".", "")
        words = ("every", version, suite, self.group, self.authentication, self.role)
        return "-".join(word.replace("_", "-") for word in words if word is not None)


def core() -> Iterator[Combination]:
    """Yield every combination that tlscore speaks."""
    for role in ROLES:
        for suite in names.SUITES.values():
            for group in GROUPS:
                for proof in (*CERTIFICATES, "psk_dhe_ke"):
                    yield Combination("TLSv1.3", suite, group, proof, role)
            yield Combination("TLSv1.3", suite, None, "psk_ke", role)
        for suite in _suites_of_tls12():
            agreed: tuple[str | None, ...] = GROUPS if "_ECDHE_" in suite else (None,)
            for share in agreed:
                for proof in _proofs(suite):
                    yield Combination("TLSv1.2", suite, share, proof, role)


def all_of_them() -> dict[str, Scenario]:
    """Return a scenario of every combination that two peers or more can be met with, by name."""
    return {
        combination.name: scenario(combination)
        for combination in core()
        if not any(fnmatch.fnmatchcase(combination.name, pattern) for pattern in UNPROVED)
    }


def scenario(combination: Combination) -> Scenario:
    """Return the scenario of a combination: a plain handshake, and data both ways."""
    version, group, role = combination.version, combination.group, combination.role
    is_tls12, is_client = version == "TLSv1.2", role == "client"
    variant = CERTIFICATES.get(combination.authentication)
    groups = () if group is None else (group,)
    curves = _CURVES if is_tls12 and is_client and variant is not None else ()
    is_key = variant is None
    return Scenario(
        name=combination.name,
        summary=" ".join(
            filter(None, (combination.suite, group, combination.authentication, "as", role))
        ),
        psk=SharedKey(mode=_mode(combination)) if is_key else None,
        board=BoardSide(
            role=role,
            versions=(version,),
            suites=(combination.suite,),
            # A server does not know beforehand that there will be no key exchange.
            groups=tuple(dict.fromkeys((*groups, *curves))) or (() if is_client else GROUPS[:1]),
            key_shares=groups if is_client and not is_tls12 else (),
            certificates=None if is_client else variant,
        ),
        peer=PeerSide(
            versions=(version,),
            suites=(combination.suite,),
            groups=groups if is_client or not is_tls12 else (),
            certificates=variant if is_client else None,
        ),
        expect=Success(
            (version, combination.suite, group, None if is_key else AGREED),
            CHAIN_SIGNATURES if is_client and not is_key else 0,
            psk=is_key,
        ),
    )


def traits(tried: Scenario) -> dict[str, str]:
    """Return what a scenario is about, by kind: what it negotiates, or would if it succeeded."""
    board, peer = tried.board, tried.peer
    server, client = (peer, board) if tried.role == "client" else (board, peer)
    suites = board.suites or peer.suites
    groups = peer.groups or board.groups
    version, suite, group = board.versions[0], suites[0], groups[0] if groups else None
    if isinstance(tried.expect, Success):
        version, suite, group, _ = tried.expect.negotiated
    return {
        "version": version,
        "suite": suite,
        "group": group or "none",
        "authentication": tried.psk.mode if tried.psk is not None else _kind(server.certificates),
        "client certificates": _kind(client.certificates),
        "role": tried.role,
        "resumption": tried.resumption.by if tried.resumption is not None else "none",
        "outcome": "success" if isinstance(tried.expect, Success) else tried.expect.sender,
    }


def _suites_of_tls12() -> Iterator[str]:
    return (name for code, name in names.OLDER_SUITES.items() if suites.find(code) is not None)


def _kind(variant: str | None) -> str:
    return "none" if variant is None else plan.plan_of(variant).leaf_key


def _proofs(suite: str) -> tuple[str, ...]:
    """Return the ways of proof of a suite of TLS 1.2."""
    if "_ECDSA_" in suite:
        return _ON_CURVES
    if "_PSK_" in suite:
        return ("psk_dhe_ke" if "_ECDHE_" in suite else "psk_ke",)
    return ("rsa2048",)


def _mode(combination: Combination) -> Literal["psk_dhe_ke", "psk_ke"]:
    return "psk_ke" if combination.group is None else "psk_dhe_ke"
