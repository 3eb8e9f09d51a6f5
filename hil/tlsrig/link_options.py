"""`--link-profile` and `--link-seeds`: scenarios on other networks, again and again.

A scenario on another network than its own is named after it and its seed, like
`dtls12-psk-ccm8@lossy-30.7`, so that every cell of a run keeps a name of its own. What it echoes is
cut to what a datagram of that network carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from hil.link_profile import PROFILES
from hil.tlsrig.figures import LINK_TIME
from hil.tlsrig.scenario import Scenario, ScenarioError, select

_LONGEST_ECHO_BYTES = 1000


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
        help="run the scenarios on this network: name, glob or comma list; repeatable. Over a "
        f"stream nothing is lost, but it comes late (there are {', '.join(PROFILES)})",
    )
    group.addoption(
        "--link-seeds",
        type=int,
        metavar="COUNT",
        help="run each scenario that is on a network so often, with the seeds 0, 1, 2, ... for "
        "what chance does on it (default: once, with the seed 0)",
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
    names: Sequence[str | None] | None = (
        None if profiles is None else select(profiles, PROFILES, "link profile")
    )
    found = [
        _on_link(scenario, profile, seed)
        for scenario in chosen
        for profile in names or [scenario.link_profile]
        if profile is not None and (scenario.over_datagrams or not PROFILES[profile].junk_per_s)
        for seed in (range(seeds) if seeds is not None else [scenario.link_seed])
    ]
    if not found:
        what = "--link-seeds without --link-profile" if names is None else "this --link-profile"
        raise ScenarioError(f"{what} is for scenarios of datagrams only, and none is chosen")
    return found


def _carried(scenario: Scenario, profile: str) -> tuple[int, ...]:
    """Return the sizes that a scenario echoes on a network, each once.

    Of datagrams what they carry; of streams not those for which peers would not wait: some close
    after half a minute.
    """
    if not scenario.over_datagrams:
        return tuple(size for size in scenario.echo_bytes if size <= _LONGEST_ECHO_BYTES)
    sizes = scenario.board.datagram_bytes, scenario.peer.datagram_bytes
    most = PROFILES[profile].payload_bytes_max(*sizes)
    return tuple(dict.fromkeys(min(size, most) for size in scenario.echo_bytes))


def _on_link(scenario: Scenario, profile: str, seed: int) -> Scenario:
    return replace(
        scenario,
        name=f"{scenario.name}@{profile}.{seed}",
        link_profile=profile,
        link_seed=seed,
        echo_bytes=_carried(scenario, profile),
        measure=tuple(dict.fromkeys((*scenario.measure, LINK_TIME))) if scenario.measure else (),
    )
