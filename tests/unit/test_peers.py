"""The folder of peers: what is in it, and what every module in it offers."""

from __future__ import annotations

import pytest

from hil.peer import Program
from hil.tlsrig import peers


def test_the_folder_is_the_list() -> None:
    assert "openssl" in peers.names()


@pytest.mark.parametrize("name", peers.names())
def test_every_peer_offers_what_the_rig_calls(name: str) -> None:
    module = peers.load(name)
    assert module.SUMMARY
    assert callable(module.serve)
    assert callable(module.program)


def test_openssl_is_installed_wherever_these_tests_run() -> None:
    assert isinstance(peers.load("openssl").program(), Program)
