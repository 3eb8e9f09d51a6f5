"""Connections opened, used and closed leave nothing behind on CPython.

The conversations are those that boards hold (tests/portable/leak_checks.py); what is looked at is
CPython's: every block that code of the core has allocated and that is still there, and the number
of objects the garbage collector knows.
"""

import gc
import pathlib
import tracemalloc

import board_checks
import pytest
from server_identity import private_key

import tlscore
from tlscore.trust import anchor_from_certificate

CORE = str(pathlib.Path(tlscore.__file__).parent)
# Conversation -> connections that are counted.
CONVERSATIONS = {"keys": 1000, "converse": 50, "resume": 50, "refuse": 50}
TRACED_CONNECTIONS = 6  # each takes tracemalloc half a second


@pytest.fixture(scope="module")
def checks():
    return board_checks.load("leak_checks")


@pytest.fixture
def prepare(checks, identity):
    """Function from the name of a conversation to its function and configurations."""

    def prepare(conversation):
        return checks.prepare(
            conversation,
            [anchor_from_certificate(identity.root)],
            tuple(identity.chain),
            private_key(identity.key),
            identity.name,
            identity.utc_seconds,
        )

    return prepare


def allocated_by_the_core():
    """Return (bytes, blocks) allocated by code of the core that are still there."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(True, CORE + "/*"), tracemalloc.Filter(True, CORE + "/*/*")]
    )
    statistics = snapshot.statistics("filename")
    return sum(each.size for each in statistics), sum(each.count for each in statistics)


@pytest.fixture
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_connections_leave_no_block_of_the_core(checks, prepare, traced, name):
    conversation, configs = prepare(name)
    checks.run(conversation, configs, 0)
    before = allocated_by_the_core()
    checks.run(conversation, configs, TRACED_CONNECTIONS)
    after = allocated_by_the_core()
    # Not equal: a counter of the two generators that has outgrown CPython's small integers is a
    # block. One block for every connection would be a leak.
    assert after[1] - before[1] < TRACED_CONNECTIONS
    assert after[0] - before[0] < 16 * TRACED_CONNECTIONS


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_connections_leave_no_object(checks, prepare, name):
    conversation, configs = prepare(name)
    checks.run(conversation, configs, 0)
    gc.collect()
    before = len(gc.get_objects())
    checks.run(conversation, configs, CONVERSATIONS[name])
    gc.collect()
    assert len(gc.get_objects()) - before == 0


def test_a_connection_that_is_kept_is_noticed(checks, prepare, traced):
    kept = []
    _, configs = prepare("keys")
    before = allocated_by_the_core()

    def leaking(*configs):
        kept.append(checks.ClientConnection(configs[0]))

    checks.run(leaking, configs, 1)
    assert allocated_by_the_core()[0] - before[0] > len(kept) * configs[0].record_buffer_bytes
