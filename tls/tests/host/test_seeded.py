"""The same seed gives the same bytes here twice; boards are compared with this in tests/system."""

import board_checks
import pytest
from server_identity import private_key

from tlscore.trust import anchor_from_certificate

X25519 = 0x001D
ECDSA_P256 = 0x0403


@pytest.fixture(scope="module")
def checks():
    return board_checks.load("seeded_checks")


@pytest.fixture
def settings(identity):
    return {
        "seed": b"seed of a transcript told twice",
        "suites": (0x1301,),
        "anchors": [anchor_from_certificate(identity.root)],
        "utc_seconds": identity.utc_seconds,
        "server_name": identity.name,
        "groups": (X25519,),
        "key_shares": (X25519,),
        "schemes": (ECDSA_P256,),
        "server_groups": (X25519,),
        "chain": tuple(identity.chain),
        "private_key": private_key(identity.key),
    }


def test_the_same_seed_gives_the_same_bytes(checks, settings):
    first, second = checks.converse(settings), checks.converse(settings)
    assert first == second
    script, sent = first["client"]
    # ClientHello, Finished, a write, the answers to the server's key update, a write, close_notify.
    assert sum(1 for said in sent if said) >= 5
    assert script[-1] != sent[-1]


@pytest.mark.parametrize("role", ["client", "server"])
def test_a_side_replayed_alone_sends_the_same_bytes(checks, settings, role):
    script, sent = checks.converse(settings)[role]
    assert checks.difference(sent, checks.job(None, role, settings, script)) is None


def test_another_seed_is_a_difference_and_told_where(checks, settings):
    script, sent = checks.converse(settings)["client"]
    found = checks.job(None, "client", {**settings, "seed": b"another" * 8}, script)
    assert found[-1] == b"server_hello.session_id"
    # Record header, message header and version agree; the client's random is next.
    assert checks.difference(sent, found).startswith(f"step 0, byte 11 of {len(sent[0])}: ")
    assert checks.difference(sent, sent[:-1]) == f"{len(sent) - 1} steps instead of {len(sent)}"
