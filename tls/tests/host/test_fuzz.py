"""Whatever arrives, a parser either understands it or raises PeerMisbehaved with an alert."""

import fuzz_targets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_messages import plain_record
from test_server_psk import KEYS, with_keys

from tlscore.codepoints import ALERT_NAMES
from tlscore.errors import AlertReceived, PeerMisbehaved
from tlscore.states import CONNECTED

FUZZ = settings(max_examples=60, deadline=None, derandomize=True, database=None)


# Changes to make to some bytes, drawn without looking at them: (what, where, with what).
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["set", "remove", "insert", "cut", "repeat"]),
        st.integers(0, 0xFFFF),
        st.sampled_from([b"\x00", b"\x01", b"\x7f", b"\xff", b"\xff\xff"])
        | st.binary(min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=3,
)


def changed(data, changes):
    """Return `data` with bytes changed, removed, inserted, repeated or cut off."""
    data = bytearray(data)
    for change, where, new in changes:
        at = where % (len(data) + 1)
        if change == "set":
            data[at : at + len(new)] = new
        elif change == "remove":
            del data[at : at + len(new)]
        elif change == "insert":
            data[at:at] = new
        elif change == "cut":
            del data[at:]
        else:
            data[at:at] = data[at : at + 8]
    return bytes(data)


def offence(function, *arguments):
    """Call; return the PeerMisbehaved that came, None if nothing did, and let others pass."""
    error = None
    try:
        function(*arguments)
    except PeerMisbehaved as caught:
        error = caught
    if error is not None:
        assert error.alert in dict(ALERT_NAMES)
        assert "." in error.reason
    return error


@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
def test_seeds_are_understood(name):
    for seed in fuzz_targets.SEEDS[name]:
        error = offence(fuzz_targets.TARGETS[name], seed)
        assert error is None or error.reason == "server_hello.version_not_supported"


@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
@FUZZ
@given(seed=st.integers(0, 9), changes=CHANGES)
def test_changed_messages_are_understood_or_refused(name, seed, changes):
    seeds = fuzz_targets.SEEDS[name]
    offence(fuzz_targets.TARGETS[name], changed(seeds[seed % len(seeds)], changes))


@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
@FUZZ
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_understood_or_refused(name, data):
    offence(fuzz_targets.TARGETS[name], data)


WHOLE = ["server_hello", "encrypted_extensions", "certificate_request", "certificate_verify"]


@pytest.mark.parametrize("name", [*WHOLE, "finished", "certificate", "new_session_ticket"])
def test_truncation_anywhere_is_refused(name):
    for seed in fuzz_targets.SEEDS[name]:
        for size in range(len(seed)):
            error = offence(fuzz_targets.TARGETS[name], seed[:size])
            assert error is not None
            # A ServerHello without extensions has one of the versions before 1.3.
            assert error.alert == 50 or error.reason == "server_hello.version_not_supported"


# --- the whole client


def feed(both, data):
    """Give the client bytes; return whether it survived. Nothing but the two errors may come."""
    try:
        return offence(both.client.receive, data) is None
    except AlertReceived:
        return False


@settings(FUZZ, max_examples=100)
@given(changes=CHANGES)
def test_the_client_survives_any_answer_to_its_hello(pair, changes):
    both = pair(cookie=b"cookie", retry_group=0x0017)
    both.client_speaks()
    honest = plain_record(22, both.server.hello_retry_request())
    feed(both, changed(honest, changes))


@settings(FUZZ, max_examples=150)
@given(victim=st.integers(0, 4), changes=CHANGES, sizes=st.lists(st.integers(1, 400), max_size=9))
def test_the_client_never_connects_over_a_changed_flight(pair, victim, changes, sizes):
    both = pair(request_certificate=True, config={"alpn": (b"h2",)}, alpn=b"h2")
    both.hello()
    flight = both.server.flight()
    honest = b"".join(flight)
    flight[victim] = changed(flight[victim], changes)
    stream = b"".join(flight)
    # Whole messages first, then everything that is left in records of the sizes drawn.
    before = b"".join(flight[:victim])
    alive = feed(both, both.server.send_key.protect(22, before)) if before else True
    stream = stream[len(before) :]
    for size in [*sizes, len(stream)]:
        if alive and stream:
            alive = feed(both, both.server.send_key.protect(22, stream[:size]))
            stream = stream[size:]
    if alive and b"".join(flight) != honest:
        assert both.client.state != CONNECTED


@settings(FUZZ, max_examples=60)
@given(
    contents=st.lists(
        st.tuples(st.sampled_from([20, 21, 22, 23, 0, 24]), st.binary(max_size=40)), max_size=6
    )
)
def test_a_connected_client_survives_any_records(connected_pair, contents):
    both = connected_pair()
    for content_type, content in contents:
        if not feed(both, both.server.send_key.protect(content_type, content)):
            break
        both.client.read()


# --- the whole server


@settings(FUZZ, max_examples=150)
@given(changes=CHANGES)
def test_a_changed_client_hello_never_passes_for_the_owner_of_a_key(bench, changes):
    one = bench(psk=KEYS.get)
    honest = with_keys([b"unknown", b"first"]).encode()
    sent = changed(honest, changes)
    offence(one.server.receive, plain_record(22, sent))
    if one.server.psk_identity is not None:
        # Only the binder of the key that was not taken may be anything.
        covered = len(honest) - 2 - 2 * 33
        assert sent[:covered] == honest[:covered]
        assert sent[-33:] == honest[-33:]
