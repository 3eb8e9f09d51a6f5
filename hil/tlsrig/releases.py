"""What a scenario comes to with one release of a peer, where releases differ and each is right."""

from __future__ import annotations

import re
from dataclasses import replace

from hil.tlsrig.scenario import Scenario


def as_with(scenario: Scenario, peer_name: str, version: str) -> Scenario:
    """Return a scenario with the end it comes to with this release as the one expected of the peer.

    Args:
        scenario: its `expect_from` may have keys like `openssl<3.4`.
        peer_name: the peer.
        version: as the peer says it, `3.0.22`.
    """
    for key, end in scenario.expect_from.items():
        name, _, limit = key.partition("<")
        if limit and name == peer_name and _numbers(version) < _numbers(limit):
            return replace(scenario, expect_from={**scenario.expect_from, peer_name: end})
    return scenario


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version text, so that releases compare."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
