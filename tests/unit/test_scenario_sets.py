"""Sets of scenarios: which there are, that they cover what they promise, who proves each."""

from __future__ import annotations

import fnmatch

import pytest

from hil.tlsrig import combinations, names, peers, scenario, scenario_sets
from hil.tlsrig.scenario import Scenario, ScenarioError
from tlscore.suites import codes as suites_of_tls13
from tlscore.tls12 import suites as suites_of_tls12

DECLARED = scenario.load_all()
EVERY = {one.name: combinations.scenario(one) for one in combinations.core()}
# Those that every run of ./farm test has, and which of them are the same code: that proves one
# thing once.
INSTALLED = ("bearssl", "gnutls", "mbedtls", "openssl", "pyopenssl", "tlslite")
SAME_CODE = {"pyopenssl": "openssl"}
# Those of the combinations, but what no two peers have.
SUITES = sorted(
    {one.suite for one in combinations.core() if "_ECDHE_PSK_WITH_AES_" not in one.suite}
)


def independent(tried: Scenario) -> set[str]:
    """Return the implementations that declare all that a scenario needs of its peer."""
    role = "server" if tried.role == "client" else "client"
    able = (name for name in INSTALLED if peers.lacking(name, role, tried.needs) is None)
    return {SAME_CODE.get(name, name) for name in able}


def exception_of(name: str) -> str | None:
    """Return the pattern by which a combination is said to be unproved."""
    found = [pattern for pattern in combinations.UNPROVED if fnmatch.fnmatchcase(name, pattern)]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("name", [name for name in EVERY if exception_of(name) is None])
def test_every_combination_is_proved_by_two_independent_peers(name: str) -> None:
    able = independent(EVERY[name])
    assert len(able) >= 2, f"only {sorted(able)} can: {sorted(EVERY[name].needs)}"


@pytest.mark.parametrize("pattern", combinations.UNPROVED)
def test_an_exception_is_needed_as_long_as_it_is_declared(pattern: str) -> None:
    excepted = fnmatch.filter(EVERY, pattern)
    assert excepted, f"{pattern} stands for nothing"
    proved = [name for name in excepted if len(independent(EVERY[name])) >= 2]
    assert not proved, f"two peers can by now: take {pattern} out of UNPROVED ({proved})"


def test_every_combination_but_those_excepted_is_in_the_set() -> None:
    chosen = scenario_sets.choose(["set:every"], DECLARED)
    assert {one.name for one in chosen} == {name for name in EVERY if exception_of(name) is None}
    assert not set(EVERY) & set(DECLARED)


def test_no_suite_of_the_core_is_forgotten() -> None:
    combined = {one.suite for one in combinations.core()}
    spoken = {row[0] for row in suites_of_tls12._SUITES}
    assert {names.code_of(names.ALL_SUITES, suite) for suite in combined} >= spoken
    assert combined >= {names.SUITES[code] for code in suites_of_tls13(by_default=True)}
    both_ways = {(one.suite, role) for one in combinations.core() for role in combinations.ROLES}
    assert both_ways == {(one.suite, one.role) for one in combinations.core()}


@pytest.mark.parametrize("role", combinations.ROLES)
@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_of_the_core_has_a_declared_scenario_in_each_role(
    suite: str, role: str
) -> None:
    having = [
        one
        for one in DECLARED.values()
        if one.role == role and combinations.traits(one)["suite"] == suite
    ]
    assert any(len(independent(one)) >= 2 for one in having)


def test_the_pairwise_set_has_together_what_any_scenario_has_together() -> None:
    of_all = [
        one for one in DECLARED.values() if one.peer.device is None and not one.over_datagrams
    ]
    chosen = scenario_sets.choose(["set:pairwise"], DECLARED)
    wanted = set().union(*(scenario_sets.pairs_of(one) for one in of_all))
    covered = set().union(*(scenario_sets.pairs_of(one) for one in chosen))
    assert covered == wanted
    assert len(chosen) < len(of_all) / 2
    # None of them is there in vain.
    for one in chosen:
        others = set().union(*(scenario_sets.pairs_of(two) for two in chosen if two is not one))
        assert others < wanted, one.name


def test_what_goes_together_is_told_by_kind() -> None:
    told = combinations.traits(DECLARED["tls12-resumption-id"])
    assert told["version"] == "TLSv1.2"
    assert told["authentication"] == "p256"
    assert told["resumption"] == "session_id"
    assert combinations.traits(DECLARED["tls13-wrong-name"])["outcome"] == "board"
    assert combinations.traits(DECLARED["tls12-server-psk-ccm8"])["authentication"] == "psk_ke"


def test_sets_and_names_go_together_and_count_once() -> None:
    few = scenario_sets.choose(["tls13-psk,set:pairwise", "tls13-psk"], DECLARED)
    assert few[0].name == "tls13-psk"
    assert len({one.name for one in few}) == len(few)


def test_a_set_that_there_is_not_is_answered_with_those_there_are() -> None:
    with pytest.raises(ScenarioError, match="set:every, set:pairwise"):
        scenario_sets.choose(["set:most"], DECLARED)
