"""How a chain of certificates shall look, as data; pki.py makes it.

`VARIANTS` names the plans that scenarios ask for: one of a kind of keys or of shape, or one that
differs from a valid chain in exactly one thing, so that a refusal has one possible reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hil.errors import HilError

DAY_S = 24 * 3600


@dataclass(frozen=True)
class Plan:
    """What a chain shall look like; times count from the moment the scenario takes for now.

    Attributes:
        server_names: domain names and IP addresses of the leaf's subjectAltName, the first one
            also as its common name.
        intermediates: authorities between root and leaf.
        starts_s, ends_s: validity of root and intermediates, in seconds from now.
        leaf_starts_s, leaf_ends_s: validity of the leaf.
        trusted: the board trusts the root of this chain; otherwise it trusts another one.
        namesake: that other root bears the same name.
        tampered: one bit of the leaf's signature is flipped.
        purpose: what the leaf is for; the names of its root and of a server's differ.
        root_key, intermediate_key, leaf_key: kinds of keys, by the names of `hil.tlsrig.keys`.
        pss: RSA authorities sign by RSASSA-PSS instead of PKCS #1 v1.5.
        padding_bytes: size of an extension that nobody reads in every intermediate.
        self_signed: the leaf signs itself and is what the board trusts.
    """

    server_names: tuple[str, ...] = ("localhost",)
    intermediates: int = 1
    starts_s: int = -30 * DAY_S
    ends_s: int = 365 * DAY_S
    leaf_starts_s: int = -DAY_S
    leaf_ends_s: int = 30 * DAY_S
    trusted: bool = True
    namesake: bool = False
    tampered: bool = False
    purpose: Literal["server", "client"] = "server"
    root_key: str = "p256"
    intermediate_key: str = "p256"
    leaf_key: str = "p256"
    pss: bool = False
    padding_bytes: int = 0
    self_signed: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of keys in it."""
        return frozenset({self.root_key, self.intermediate_key, self.leaf_key})


def _all_of(kind: str) -> dict[str, str]:
    return {"root_key": kind, "intermediate_key": kind, "leaf_key": kind}


_CLIENT = {"purpose": "client", "server_names": ("device-1.client.invalid",)}

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "valid": {},
    "wrong-name": {"server_names": ("elsewhere.invalid",)},
    "expired": {"leaf_ends_s": -3600},
    "not-yet-valid": {"leaf_starts_s": 3600},
    "expired-intermediate": {"ends_s": -3600},
    "untrusted-ca": {"trusted": False},
    "namesake-ca": {"trusted": False, "namesake": True},
    "bad-signature": {"tampered": True},
    "rsa2048": _all_of("rsa2048"),
    "rsa-pss": {**_all_of("rsa2048"), "pss": True},
    "p384": _all_of("p384"),
    "ed25519": _all_of("ed25519"),
    "leaf-ed25519": {"leaf_key": "ed25519"},
    # Every signature is by another kind of key than the one it certifies.
    "mixed": {"root_key": "p384", "intermediate_key": "rsa2048", "leaf_key": "p256"},
    "large": {"padding_bytes": 6000},
    "huge": {"padding_bytes": 10_000},
    "self-signed": {"self_signed": True},
    "client": _CLIENT,
    "client-rsa2048": {**_CLIENT, **_all_of("rsa2048")},
    "client-huge": {**_CLIENT, "padding_bytes": 10_000},
    "client-ed25519": {**_CLIENT, **_all_of("ed25519")},
    "client-expired": {**_CLIENT, "leaf_ends_s": -3600},
    "client-untrusted-ca": {**_CLIENT, "trusted": False},
    "client-wrong-purpose": {**_CLIENT, "purpose": "server"},
}


def plan_of(variant: str, plan: Plan | None = None) -> Plan:
    """Return `plan` (a valid chain's by default) with what the variant changes.

    Raises:
        HilError: there is no such variant.
    """
    if variant not in VARIANTS:
        raise HilError(
            f"no certificates are called {variant!r}; "
            f"hil/tlsrig/plan.py knows {', '.join(VARIANTS)}"
        )
    return replace(plan or Plan(), **VARIANTS[variant])
