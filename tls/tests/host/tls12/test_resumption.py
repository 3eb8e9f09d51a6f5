"""Sessions of TLS 1.2: by ticket (RFC 5077) and by id (RFC 5246 §7.3), client and server."""

import gc
import tracemalloc

import pytest
from tls12_wire import Hello, flight, messages

from tlscore import session as session13
from tlscore.clock import FixedClock
from tlscore.connection import EVENT_TICKET
from tlscore.entropy import HmacDrbg
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.tickets import TicketKeys
from tlscore.tls12.client_hello import ClientHello
from tlscore.tls12.session import Session, from_bytes
from tlscore.tls12.session_cache import SessionCache
from tlscore.trust import TrustAnchors, anchor_from_certificate

NOW = 1_800_000_000
BOTH = (0x0304, 0x0303)


def ticket_keys(now=NOW, **more):
    return TicketKeys(HmacDrbg(b"seed of the ticket keys........."), FixedClock(now), **more)


def cache(now=NOW, **more):
    return SessionCache(HmacDrbg(b"seed of the session ids........."), FixedClock(now), **more)


def keepers(by):
    return {"tickets": ticket_keys()} if by == "ticket" else {"sessions": cache()}


def session_of(pair):
    """Return the session of a pair that connects, by way of its stored form."""
    pair.carry()
    return from_bytes(pair.client.take_session().to_bytes())


KEEP = {"ticket_bytes_max": 1000}


@pytest.mark.parametrize("by", ["ticket", "session_id"])
@pytest.mark.parametrize("suite", [0xC02B, 0xC02C])
def test_a_session_goes_on(pair12, by, suite):
    kept = keepers(by)
    chosen = {"suites": (suite,)}
    first = pair12(client={**KEEP, **chosen}, **chosen, **kept)
    session = session_of(first)
    assert not first.client.resumed
    assert (EVENT_TICKET in first.events(first.client)) == (by == "ticket")
    for _ in range(2):  # a session of TLS 1.2 is good for more than once
        pair = pair12(client={**KEEP, "session": session}, **kept).connect()
        for end in (pair.client, pair.server):
            assert (end.resumed, end.resumed_by, end.suite) == (True, by, suite)
            assert end.extended_master_secret
        assert pair.client.signatures_verified == 0
        exported = pair.client.export(b"x", None, 32)
        assert exported == pair.server.export(b"x", None, 32)
        pair.server.write(b"hello again")
        assert pair.carry()[0] == b"hello again"
        assert pair.client.take_session() is session


def test_a_session_begun_with_a_key_knows_whose_it_was(pair12):
    kept = keepers("ticket")
    clock = FixedClock(NOW)
    session = session_of(pair12(psk=True, client={**KEEP, "clock": clock}, **kept))
    pair = pair12(psk=True, client={**KEEP, "clock": clock, "session": session}, **kept).connect()
    assert pair.client.resumed
    assert pair.client.psk_identity == pair.server.psk_identity == b"device 1"
    # A key that was withdrawn takes its sessions along.
    gone = pair12(psk=lambda _: None, client={**KEEP, "clock": clock, "session": session}, **kept)
    with pytest.raises(PeerMisbehaved):
        gone.carry()
    assert not gone.server.resumed


@pytest.mark.parametrize("by", ["ticket", "session_id"])
def test_a_client_of_both_versions_offers_its_session(pair12, by):
    kept = keepers(by)
    session = session_of(pair12(client=KEEP, **kept))
    client = {**KEEP, "versions": BOTH, "session": session}
    assert pair12(client=client, **kept).connect().client.resumed_by == by
    # A server that has TLS 1.3 takes that instead.
    pair = pair12(client=client, versions=BOTH, **kept).connect()
    assert (pair.client.version, pair.client.resumed) == (0x0304, False)


def test_either_version_leaves_the_others_sessions_alone(pair12):
    keys = ticket_keys()
    pair = pair12(client={**KEEP, "versions": BOTH}, versions=BOTH, tickets=keys)
    of_tls13 = session_of(pair)
    assert isinstance(of_tls13, session13.Session)
    pair = pair12(client={"versions": BOTH, "session": of_tls13}, tickets=keys).connect()
    assert (pair.client.version, pair.client.resumed) == (0x0303, False)
    # The tickets themselves, put where the other version looks for them.
    of_tls12 = session_of(pair12(client=KEEP, tickets=keys))
    name = "server.example"
    disguised = Session(b"", of_tls13.ticket, bytes(48), 0xC02B, 9, NOW, NOW + 9, name, b"")
    pair = pair12(client={**KEEP, "session": disguised}, tickets=keys).connect()
    assert not pair.server.resumed
    disguised = session13.Session(of_tls12.ticket, bytes(32), 9, 0, NOW, NOW + 9, name, None)
    client = {"versions": BOTH, "session": disguised}
    assert not pair12(client=client, versions=BOTH, tickets=keys).connect().server.resumed


@pytest.mark.parametrize("by", ["ticket", "session_id"])
@pytest.mark.parametrize("other", [{"suites": (0xCCA9,)}, {"alpn": (b"h2",)}])
def test_a_session_that_does_not_fit_is_not_resumed(pair12, by, other):
    kept = keepers(by)
    session = session_of(pair12(client=KEEP, **kept))
    client = {**KEEP, "session": session, "alpn": (b"h2",)}
    assert not pair12(client=client, **kept, **other).connect().client.resumed


@pytest.mark.parametrize("by", ["ticket", "session_id"])
def test_a_server_that_demands_certificates_resumes_none_without(pair12, identity, by):
    kept = keepers(by)
    session = session_of(pair12(client=KEEP, **kept))
    trust = TrustAnchors([anchor_from_certificate(identity.root)])
    asking = {"trust": trust, "clock": FixedClock(NOW)}
    client = {**KEEP, "session": session}
    pair = pair12(client=client, certificate_required=False, **asking, **kept).connect()
    assert pair.server.resumed
    pair = pair12(client=client, **asking, **kept)
    with pytest.raises(PeerMisbehaved, match=r"certificate_message\.required"):
        pair.carry()


def test_a_ticket_of_another_server_is_no_hindrance(pair12):
    session = session_of(pair12(client=KEEP, **keepers("ticket")))
    other = TicketKeys(HmacDrbg(b"seed of another server's tickets"), FixedClock(NOW))
    pair = pair12(client={**KEEP, "session": session}, tickets=other).connect()
    assert not pair.client.resumed
    assert pair.client.take_session().ticket != session.ticket


@pytest.mark.parametrize("by", ["ticket", "session_id"])
def test_a_session_comes_to_its_end(pair12, by):
    kept = keepers(by)
    session = session_of(pair12(client=KEEP, **kept))
    late = FixedClock(NOW + 7201)
    if by == "ticket":
        kept["tickets"]._clock = late
    else:
        kept["sessions"]._clock = late
    assert not pair12(client={**KEEP, "session": session}, **kept).connect().client.resumed
    # And the client does not offer one that is over by its own clock.
    session.lifetime_s = 1
    session.received_utc_seconds = NOW - 1
    pair = pair12(client={**KEEP, "session": session})
    assert pair.hello().session_id == b""


def test_the_cache_has_room_for_so_many(pair12):
    small = cache(sessions_max=2)
    sessions = [session_of(pair12(client=KEEP, sessions=small)) for _ in range(3)]
    assert len(small) == 2
    known = [small.find(session.session_id) is not None for session in sessions]
    assert known == [False, True, True]


def test_a_connection_that_fails_takes_its_session_along(pair12):
    kept = cache()
    pair = pair12(client=KEEP, sessions=kept)
    session = session_of(pair)
    pair.server.write(b"x")
    pair.say(pair.server)
    pair.client.write(b"y")
    said = bytearray(pair.say(pair.client))
    said[-1] ^= 1
    pair.refusal(pair.server, bytes(said))
    assert not pair12(client={**KEEP, "session": session}, sessions=kept).connect().client.resumed


def test_without_the_extended_master_secret_there_is_no_session(pair12):
    lax = {"extended_master_secret_required": False}
    pair = pair12(client={**KEEP, **lax}, **lax, **keepers("ticket"))
    hello = pair.hello().drop(23)
    pair.tell(pair.server, flight([(1, hello.body())]))
    answer = Hello(messages(pair.say(pair.server))[0][1], of_client=False)
    assert 35 not in dict(answer.extensions)
    assert 23 not in dict(answer.extensions)


def test_a_connection_without_the_extended_master_secret_exports_nothing(pair12, monkeypatch):
    lax = {"extended_master_secret_required": False}

    # A client that leaves the extension out, transcript and all.
    def write(hello, writer):
        hello.offered.append(0xFF01)
        writer.raw(b"\xff\x01\x00\x01\x00")

    monkeypatch.setattr(ClientHello, "_write_tls12_extensions", write)
    pair = pair12(client={**KEEP, **lax}, **lax, **keepers("ticket")).connect()
    assert not pair.client.extended_master_secret
    for end in (pair.client, pair.server):
        with pytest.raises(UsageError, match="no_exporter"):
            end.export(b"x", None, 32)
    assert pair.client.take_session() is None


def test_a_server_that_changes_the_suite_of_a_session_is_refused(pair12):
    kept = keepers("session_id")
    session = session_of(pair12(client=KEEP, **kept))
    pair = pair12(client={**KEEP, "session": session}, **kept)
    hello = Hello(pair.answer()[0][1], of_client=False)
    hello.suites = b"\xcc\xa9"
    refusal = pair.refusal(pair.client, flight([(2, hello.body())]))
    assert refusal == ("server_hello.suite_changed", 47)
    pair = pair12(client={**KEEP, "session": session}, **kept)
    hello = Hello(pair.answer()[0][1], of_client=False).drop(23)
    refusal = pair.refusal(pair.client, flight([(2, hello.body())]))
    assert refusal == ("server_hello.no_extended_master_secret", 40)


def test_a_promised_ticket_must_come(pair12):
    pair = pair12(client=KEEP, **keepers("ticket"))
    pair.tell(pair.client, flight(pair.answer()))
    pair.tell(pair.server, pair.say(pair.client))
    said = pair.say(pair.server)
    first = 5 + int.from_bytes(said[3:5], "big")
    refusal = pair.refusal(pair.client, said[first:])
    assert refusal == ("change_cipher_spec.unexpected", 10)


def test_a_ticket_too_long_to_be_kept_is_read_past(pair12):
    pair = pair12(client={"ticket_bytes_max": 20}, **keepers("ticket")).connect()
    assert pair.client.take_session() is None


def test_sessions_are_stored_and_read(pair12):
    session = session_of(pair12(client=KEEP, **keepers("ticket")))
    assert isinstance(session, Session)
    stored = session.to_bytes()
    assert from_bytes(stored).to_bytes() == stored
    for cut in range(1, len(stored)):
        with pytest.raises(UsageError, match=r"session\.malformed"):
            from_bytes(stored[:cut])
    with pytest.raises(UsageError, match="session"):
        from_bytes(b"")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sessions_max": 0}, "sessions.sessions_max"),
        ({"lifetime_s": 86401}, "sessions.lifetime_s"),
        ({"lifetime_s": 0}, "sessions.lifetime_s"),
    ],
)
def test_a_cache_that_cannot_be_is_refused(changes, reason):
    with pytest.raises(UsageError, match=reason):
        cache(**changes)


def test_connections_leave_nothing_behind(pair12):
    """Full and resumed ones, closed by both, refused, and given up."""
    kept = keepers("ticket")
    session = session_of(pair12(client=KEEP, **kept))

    def visit():
        pair = pair12(client={**KEEP, "session": session}, **kept).connect()
        for end in (pair.client, pair.server):
            end.close()
        pair.carry()
        refused = pair12(suites=(0xCCA9,), client={"suites": (0xC02B,)})
        with pytest.raises(PeerMisbehaved):
            refused.carry()
        full = pair12(psk=True).connect()
        full.client.close()
        full.carry()

    for _ in range(3):
        visit()
    gc.collect()
    tracemalloc.start()
    try:
        visit()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(8):
            visit()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2000  # one send buffer would be more
