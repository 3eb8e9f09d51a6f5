"""Scenarios as TOML: every one can be written, and reads back to what was declared."""

from __future__ import annotations

import sys

import pytest

from hil.tlsrig import scenario, scenario_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ALL = scenario.load_all()


@pytest.mark.parametrize("name", ALL)
def test_every_scenario_reads_back(name: str) -> None:
    declared = ALL[name]
    read = tomllib.loads(scenario_file.document(declared, "openssl"))
    assert read["name"] == name
    assert read["summary"] == declared.summary
    assert tuple(read["board"]["suites"]) == declared.board.suites
    assert tuple(read["peer"]["versions"]) == declared.peer.versions
    assert read["peer"]["name"] == "openssl"
    assert read["expect"]["outcome"] in ("success", "refusal")
    assert ("tamper" in read) == (declared.tamper is not None)


def test_what_is_expected_is_of_this_peer() -> None:
    for peer, alert in (("openssl", "protocol_version"), ("gnutls", "handshake_failure")):
        read = tomllib.loads(scenario_file.document(ALL["tls11-only-server"], peer))
        assert read["expect"]["alert"] == alert
        assert read["expect"]["outcome"] == "refusal"
        assert "expect_from" not in read


def test_the_first_connection_of_a_resumption_is_there() -> None:
    read = tomllib.loads(scenario_file.document(ALL["tls13-resumption"], "openssl"))
    assert read["expect"]["resumed"] is True
    assert read["expect"]["negotiated"][3] == "none"
    assert read["resumption"]["first"]["resumed"] is False
