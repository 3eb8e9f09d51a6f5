"""`hil bench baselines`: its options, and what it refuses before anything is built."""

from __future__ import annotations

import argparse

import pytest

from hil.errors import HilError
from hil.tlsrig import baselines
from hil.tlsrig.baselines import command as baselines_command
from hil.tlsrig.scenario import Success


@pytest.fixture
def parsed():
    parser = argparse.ArgumentParser()
    baselines_command.add_parser(parser.add_subparsers())
    return lambda *words: parser.parse_args(["bench", "baselines", *words])


def test_an_unknown_peer_is_refused_and_the_known_are_listed(parsed):
    options = parsed("--peer=nosuch")
    with pytest.raises(HilError, match=r"'nosuch'; there are .*openssl"):
        options.run(options)


def test_quiet_and_verbose_exclude_each_other(parsed, capsys):
    with pytest.raises(SystemExit):
        parsed("-q", "-v")
    assert "not allowed with" in capsys.readouterr().err


def test_baselines_do_the_scenario_of_our_own_board_but_for_the_version():
    bearssl, mbedtls = baselines.all_baselines()
    assert mbedtls.scenario.name == baselines.SCENARIO
    ours, older = mbedtls.scenario, bearssl.scenario
    assert (older.board, older.echo_bytes) == (ours.board, ours.echo_bytes)
    assert older.peer.certificates == ours.peer.certificates
    assert older.peer.max_record_bytes == ours.peer.max_record_bytes == 4096
    assert isinstance(older.expect, Success)
    assert older.expect.negotiated[0] == "TLSv1.2"
    assert older.expect.signatures_verified == ours.expect.signatures_verified == 3
