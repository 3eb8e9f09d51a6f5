"""A scenario as TOML, as it is kept with every cell: what was tried, to the last default.

Made from the declaration itself, so a new attribute needs nothing here. TOML has no null: what is
not set is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import tomli_w

from hil.tlsrig.scenario import Refusal, Scenario

_HEAD = (
    "# What this cell tried, as hil/tlsrig/scenario.py declares it; for reading, not for editing.\n"
)


def document(scenario: Scenario, peer_name: str) -> str:
    """Return a scenario as TOML, with what is expected of this very peer.

    Args:
        scenario: what was tried.
        peer_name: the other end.
    """
    values = asdict(scenario)
    expected = scenario.expected(peer_name)
    values["expect"] = {
        "outcome": "refusal" if isinstance(expected, Refusal) else "success",
        **asdict(expected),
    }
    values.pop("expect_from")
    if values["resumption"] is not None:
        values["resumption"]["first"] = asdict(scenario.connections[0].expected(peer_name))
        values["resumption"].pop("first_from")
    values["peer"] = {"name": peer_name, **values["peer"]}
    return _HEAD + tomli_w.dumps(_without_nothing(values))


def _without_nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nothing(one) for key, one in value.items() if one is not None}
    if isinstance(value, (list, tuple)):
        return ["none" if one is None else _without_nothing(one) for one in value]
    return value
