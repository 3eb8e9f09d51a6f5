"""Scenarios: the declarations hold together, and names select them as the command line says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil import link_profile
from hil.tlsrig import mishaps, names, releases, scenario, tamper
from hil.tlsrig.scenario import (
    BoardSide,
    PeerSide,
    Refusal,
    Resumption,
    Scenario,
    ScenarioError,
    SharedKey,
    Success,
)

DECLARED = scenario.load_all()
REFUSAL = Refusal("board", "bad_record_mac", "record.bad_mac")


def test_every_scenario_of_first_light_is_declared() -> None:
    assert set(DECLARED) >= {
        "tls13-x509-p256",
        "tls13-hrr",
        "tls13-wrong-name",
        "tls13-expired",
        "tls13-untrusted-ca",
        "tls13-tampered-record",
        "tls13-tampered-finished",
        "tls11-only-server",
    }


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_declared_names_are_registered_ones(declared: Scenario) -> None:
    assert set(declared.board.suites + declared.peer.suites) <= set(names.ALL_SUITES.values())
    assert set(declared.board.groups + declared.peer.groups) <= set(names.GROUPS.values())
    versions = set(declared.board.versions + declared.peer.versions)
    assert versions <= set(names.VERSIONS.values())
    if isinstance(declared.expect, Refusal):
        assert declared.expect.alert in names.ALERTS.values()
        assert "." in declared.expect.reason
    if declared.tamper is not None:
        assert declared.tamper in tamper.ATTACKS
    if declared.mishap is not None:
        assert declared.mishap in mishaps.MISHAPS
    if declared.link_profile is not None:
        assert declared.link_profile in link_profile.PROFILES


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_a_success_echoes_less_than_and_more_than_one_record(declared: Scenario) -> None:
    if isinstance(declared.expect, Success):
        assert min(declared.echo_bytes) == 1
        longest = max(declared.echo_bytes)
        if declared.over_datagrams:  # which are not put together again
            assert longest < declared.board.datagram_bytes
        elif not declared.board.takes_larger:  # else what is answered might not fit
            assert longest > declared.board.max_record_bytes


def test_key_share_for_a_group_not_offered_is_refused() -> None:
    with pytest.raises(ScenarioError, match="odd: a key share for a group"):
        Scenario("odd", "", REFUSAL, board=BoardSide(groups=("secp256r1",)))


def test_success_over_a_tampered_link_is_refused() -> None:
    success = Success(("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", "ed25519"), 3)
    with pytest.raises(ScenarioError, match="success over a tampered link"):
        Scenario("odd", "", success, tamper="flip-finished-bit")


def test_a_server_with_neither_certificates_nor_a_key_is_refused() -> None:
    with pytest.raises(ScenarioError, match="odd: the server has neither"):
        Scenario("odd", "", REFUSAL, peer=PeerSide(certificates=None))
    assert Scenario("odd", "", REFUSAL, peer=PeerSide(certificates=None), psk=SharedKey())


def test_most_scenarios_are_one_connection() -> None:
    tried = DECLARED["tls13-x509-p256"]
    assert tried.connections == (tried,)


def test_a_resumption_is_two_and_the_first_is_only_made_for_its_ticket() -> None:
    full = Success(("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", "ed25519"), 3)
    hasty = replace(full, answered=False)
    tried = Scenario(
        "again",
        "",
        replace(full, resumed=True),
        resumption=Resumption(full, {"gnutls": hasty}),
        measure=("heap_live_peak_bytes",),
    )
    first, second = tried.connections
    assert second is tried
    assert (first.is_first, first.measure, first.echo_bytes) == (True, (), (1,))
    assert first.expected("openssl") == full
    assert first.expected("gnutls") == hasty


@pytest.mark.parametrize(
    ("peer", "version", "alert"),
    [
        ("openssl", "3.0.22", "illegal_parameter"),
        ("openssl", "3.3.9", "illegal_parameter"),
        ("openssl", "3.4", "decrypt_error"),
        ("openssl", "3.4.0", "decrypt_error"),
        ("openssl", "3.10.1", "decrypt_error"),
        ("pyopenssl", "3.3.9", "decrypt_error"),
        ("gnutls", "3.8.9", "illegal_parameter"),
    ],
)
def test_an_older_release_of_a_peer_may_come_to_another_end(
    peer: str, version: str, alert: str
) -> None:
    met = releases.as_with(DECLARED["tls13-psk-wrong-key"], peer, version)
    expected = met.expected(peer)
    assert isinstance(expected, Refusal)
    assert expected.alert == alert


def test_success_without_echo_is_refused() -> None:
    success = Success(("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", "ed25519"), 3)
    with pytest.raises(ScenarioError, match="echoes nothing"):
        Scenario("odd", "", success, echo_bytes=())


KNOWN = {"tls13-hrr": 1, "tls13-expired": 2, "tls11-only-server": 3}


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["tls13-hrr"], ["tls13-hrr"]),
        (["tls11-only-server,tls13-hrr"], ["tls11-only-server", "tls13-hrr"]),
        (["tls13-*"], ["tls13-hrr", "tls13-expired"]),
        (["tls13-hrr", "*"], ["tls13-hrr", "tls13-expired", "tls11-only-server"]),
    ],
)
def test_globs_and_comma_lists_choose_each_name_once_in_order(
    patterns: list[str], chosen: list[str]
) -> None:
    assert scenario.select(patterns, KNOWN, "scenario") == chosen


def test_an_unknown_name_is_answered_with_the_near_ones() -> None:
    with pytest.raises(ScenarioError, match=r"no scenario matches 'tls13-hr'.*tls13-hrr"):
        scenario.select(["tls13-hr"], KNOWN, "scenario")


def test_a_name_near_to_none_is_answered_with_all() -> None:
    with pytest.raises(ScenarioError, match="no peer matches 'xyz'; there are openssl"):
        scenario.select(["xyz"], {"openssl": None}, "peer")
