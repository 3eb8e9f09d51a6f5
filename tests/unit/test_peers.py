"""The folder of peers: what is in it, and what every module in it offers."""

from __future__ import annotations

import pytest

from hil.peer import Program
from hil.tlsrig import peers


def test_the_folder_is_the_list() -> None:
    assert set(peers.names()) >= {"gnutls", "openssl"}


@pytest.mark.parametrize("name", peers.names())
def test_every_peer_offers_what_the_rig_calls(name: str) -> None:
    module = peers.load(name)
    assert module.SUMMARY
    assert callable(module.serve)
    assert callable(module.connect)
    assert callable(module.program)
    assert module.KNOWS_TIME in (True, False)
    assert module.lacks(frozenset()) is None


@pytest.mark.parametrize("name", peers.names())
def test_peers_are_installed_wherever_these_tests_run(name: str) -> None:
    assert isinstance(peers.load(name).program(), Program)


def test_what_a_peer_lacks_is_named_with_one_that_has_it() -> None:
    lacking = peers.load("openssl").lacks(frozenset({peers.RECORD_SIZE_LIMIT}))
    assert lacking == "OpenSSL has no record_size_limit (RFC 8449): use --peer=gnutls"
    lacking = peers.load("gnutls").lacks(frozenset({peers.COOKIE}))
    assert lacking == "gnutls-serv sends no cookie (RFC 8446 §4.2.2): use --peer=openssl"
