"""Sessions without end on CPython: what boards do in tests/portable/soak_checks.py."""

import gc

import board_checks
import pytest

SESSIONS, MESSAGES_EACH = 42, 10


@pytest.fixture(scope="module")
def checks():
    return board_checks.load("soak_checks")


@pytest.mark.parametrize("kind", ["tls", "dtls", "dtls-anew", "dtls13"])
def test_no_slot_is_lost_and_no_object_left(checks, kind):
    soak = checks.Soak(kind)
    soak.run(SESSIONS, MESSAGES_EACH)
    gc.collect()
    before = len(gc.get_objects())
    soak.run(SESSIONS, MESSAGES_EACH)
    gc.collect()
    # A list that grows for a while, as CPython's caches do; a session has hundreds of objects.
    assert len(gc.get_objects()) - before < SESSIONS
    assert soak.failed == []
    assert soak.is_whole()
    assert soak.messages > 2 * SESSIONS
