"""`--link-profile` and `--link-seeds`: scenarios of datagrams on other networks, again and again.

A scenario on another network than its own is named after it and its seed, like
`dtls12-psk-ccm8@lossy-30.7`, so that every cell of a run keeps a name of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from hil.link_profile import PROFILES
from hil.tlsrig.scenario import Scenario, ScenarioError, select


class OptionGroup(Protocol):
    """What pytest registers options with."""

    def addoption(self, *names: str, **attributes: Any) -> None:
        """Register one."""


def add_to(group: OptionGroup) -> None:
    """Register the options."""
    group.addoption(
        "--link-profile",
        action="append",
        metavar="NAME",
        help="run scenarios of datagrams, and no others, on this network: name, glob or comma "
        f"list; repeatable (there are {', '.join(PROFILES)})",
    )
    group.addoption(
        "--link-seeds",
        type=int,
        metavar="COUNT",
        help="run each scenario of datagrams so often, with the seeds 0, 1, 2, ... for what chance "
        "does on the link (default: once, with the seed 0)",
    )


def on_links(
    chosen: Sequence[Scenario], profiles: Sequence[str] | None, seeds: int | None
) -> list[Scenario]:
    """Return the scenarios on the networks and with the seeds that were asked for.

    Args:
        chosen: as they are declared.
        profiles: names, globs and comma lists; None to leave each on its own network.
        seeds: how many; None for the declared one.

    Raises:
        ScenarioError: there is no such network, no scenario for it, or no seed.
    """
    if profiles is None and seeds is None:
        return list(chosen)
    if seeds is not None and seeds < 1:
        raise ScenarioError("--link-seeds: a number from 1 on")
    tried = [scenario for scenario in chosen if scenario.over_datagrams]
    if not tried:
        raise ScenarioError("--link-profile, --link-seeds: no scenario of datagrams is chosen")
    names = None if profiles is None else select(profiles, PROFILES, "link profile")
    return [
        replace(
            scenario,
            name=f"{scenario.name}@{profile}.{seed}",
            link_profile=profile,
            link_seed=seed,
        )
        for scenario in tried
        for profile in names or [scenario.link_profile or ""]
        for seed in (range(seeds) if seeds is not None else [scenario.link_seed])
    ]
