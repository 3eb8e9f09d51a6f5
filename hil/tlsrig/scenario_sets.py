"""Sets of scenarios by name, for `--scenario=set:NAME`; `set:` alone is answered with their list.

`set:every` is made of every combination of version, suite, group, authentication and role that
the core speaks (`hil.tlsrig.combinations`). `set:pairwise` is a few of the declared scenarios,
chosen so that whatever two traits any of them has together (a suite and a role, a group and a kind
of certificate, a resumption and a version), one of the few has together as well: what a change of
the core breaks on a board, it rarely breaks for three things at once only.

The few are found anew each time, greedily and in the order of declaration, so that a new scenario
needs no entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations as pairs_in

from hil.tlsrig import combinations
from hil.tlsrig.scenario import Scenario, ScenarioError, select

PREFIX = "set:"

Pair = frozenset[tuple[str, str]]


def choose(patterns: Sequence[str], known: Mapping[str, Scenario]) -> list[Scenario]:
    """Return the scenarios that names, globs, comma lists and sets choose, each once, in order.

    Args:
        patterns: as the command line has them.
        known: what is declared, by name.

    Raises:
        ScenarioError: a pattern chooses nothing, or there is no such set.
    """
    chosen: dict[str, Scenario] = {}
    for piece in (piece.strip() for text in patterns for piece in text.split(",")):
        if piece.startswith(PREFIX):
            chosen.update(_set(piece.removeprefix(PREFIX), known))
        else:
            chosen.update({name: known[name] for name in select([piece], known, "scenario")})
    return list(chosen.values())


def pairs_of(tried: Scenario) -> set[Pair]:
    """Return every two traits that a scenario has together."""
    return {frozenset(pair) for pair in pairs_in(combinations.traits(tried).items(), 2)}


def pairwise(known: Mapping[str, Scenario]) -> dict[str, Scenario]:
    """Return few of the scenarios that have together whatever two traits one of all has together.

    Those of devices of the past and of datagrams are of their own kind, and not among them.
    """
    open_pairs = {
        name: pairs_of(tried)
        for name, tried in known.items()
        if tried.peer.device is None and not tried.over_datagrams
    }
    missing = set().union(*open_pairs.values())
    taken: dict[str, Scenario] = {}
    while missing:
        best = max(open_pairs, key=lambda name: len(open_pairs[name] & missing))
        taken[best] = known[best]
        missing -= open_pairs.pop(best)
    # What came early may be all in what came later.
    for name in list(taken):
        others = set().union(*(pairs_of(tried) for other, tried in taken.items() if other != name))
        if pairs_of(taken[name]) <= others:
            del taken[name]
    return {name: tried for name, tried in known.items() if name in taken}


_SETS: Mapping[str, Callable[[Mapping[str, Scenario]], Mapping[str, Scenario]]] = {
    "every": lambda _: combinations.all_of_them(),
    "pairwise": pairwise,
}


def _set(name: str, known: Mapping[str, Scenario]) -> Mapping[str, Scenario]:
    if name not in _SETS:
        there = ", ".join(PREFIX + one for one in _SETS)
        raise ScenarioError(f"no set of scenarios is called {name!r}; there are {there}")
    return _SETS[name](known)
