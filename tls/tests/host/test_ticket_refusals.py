"""Tickets taken back: what they keep of the first handshake, and when they do not fit."""

import pytest
from server_identity import private_key
from ticket_desk import DAY_S, KEEP, NOW, SECRET, WEEK_S, Desk, Ticking, made_keys

from tlscore import states
from tlscore.errors import UsageError
from tlscore.trust import TrustAnchors, anchor_from_certificate


@pytest.fixture
def desk(loopback):
    """Return a Desk: connections of clients with sessions and one server's tickets."""
    return Desk(loopback)


# --- what does not fit falls back to a full handshake


def refused(desk, session, client=None, **server):
    both, renewed = desk.connect(session, client, **server)
    assert renewed is not None, "there is a new one"
    return not both.server.resumed and both.client.signatures_verified == 2


def test_a_ticket_that_is_over_is_refused(desk):
    _, session = desk.connect()
    desk.clock.now += 7200
    # By the client's clock it is still good.
    assert refused(desk, session, {"clock": Ticking(NOW)})


def test_a_ticket_for_another_name_is_refused(desk, identity):
    _, session = desk.connect()
    session.server_name = "192.0.2.1"  # a client that does not keep the rule
    both = desk._loopback(
        client={**KEEP, "clock": desk.clock, "session": session, "server_name": "192.0.2.1"},
        tickets=desk.keys,
    )
    with pytest.raises(Exception, match=r"certificate\.name_mismatch"):
        both.carry()
    assert not both.server.resumed


def test_names_are_compared_without_regard_to_case(desk, identity):
    _, session = desk.connect()
    session.server_name = identity.name.upper()
    both, _ = desk.connect(session, {"server_name": identity.name.upper()})
    assert both.server.resumed


def test_a_ticket_of_another_protocol_is_refused(desk):
    both_know = {"alpn": (b"h2", b"http/1.1")}
    _, session = desk.connect(client={"alpn": (b"h2",)}, **both_know)
    assert refused(desk, session, {"alpn": (b"http/1.1",)}, **both_know)


def test_a_ticket_of_a_suite_with_another_hash_is_refused(desk):
    _, session = desk.connect(client={"suites": (0x1302,)})
    assert refused(desk, session, {"suites": (0x1302, 0x1301)}, suites=(0x1301,))


def test_a_suite_with_the_same_hash_will_do(desk):
    _, session = desk.connect(client={"suites": (0x1301,)})
    both, _ = desk.connect(session, {"suites": (0x1303,)})
    assert both.server.resumed


def test_tickets_of_another_server_are_refused(desk):
    _, session = desk.connect()
    desk.keys = made_keys(desk.clock, seed=b"seed of another server.........!")
    assert refused(desk, session)


def test_what_is_resumed_rests_on_the_first_handshake_for_seven_days(desk):
    _, session = desk.connect(client={"trust": None, "psks": ((b"k", SECRET, 32),)}, psk=any_key)
    begun = desk.clock.now
    while desk.clock.now + 7000 < begun + WEEK_S:
        desk.clock.now += 7000
        both, session = desk.connect(session, psk=any_key)
        assert both.server.resumed
    left = begun + WEEK_S - desk.clock.now
    assert session.lifetime_s == left < 7200


def any_key(_identity):
    return SECRET, 32


# --- who the client is


@pytest.fixture
def asking(identities, client_config):
    """Return what makes a server ask for certificates, and what lets a client answer."""
    identity = identities(0x0403)
    trust = TrustAnchors([anchor_from_certificate(identity.root)])
    server = {"trust": trust, "clock": Ticking()}
    client = {
        "certificates": tuple(identity.chain),
        "private_key": private_key(identity.key),
        "send_buffer_bytes": 2048,
    }
    return client, server


def test_mutual_authentication_survives_resumption(desk, asking):
    client, server = asking
    first, session = desk.connect(client=client, **server)
    assert first.server.client_key is not None
    both, renewed = desk.connect(session, **server)
    assert both.server.resumed
    assert both.server.client_key == first.server.client_key
    assert both.server.signatures_verified == 0
    both, _ = desk.connect(renewed, **server)
    assert both.server.client_key == first.server.client_key


def test_a_client_that_showed_no_certificate_cannot_resume_where_one_is_needed(desk, asking):
    client, server = asking
    _, session = desk.connect(**server, certificate_required=False)
    both, _ = desk.connect(session, client, **server)
    assert not both.server.resumed
    assert both.server.client_key is not None


def test_a_client_without_certificate_resumes_where_none_is_needed(desk, asking):
    _, server = asking
    _, session = desk.connect(**server, certificate_required=False)
    both, _ = desk.connect(session, **server, certificate_required=False)
    assert (both.server.resumed, both.server.client_key) == (True, None)


def test_a_server_that_asks_for_nothing_takes_no_certified_session(desk, asking):
    client, server = asking
    _, session = desk.connect(client=client, **server)
    both, _ = desk.connect(session)
    assert (both.server.resumed, both.server.client_key) == (False, None)


def test_a_certified_session_ends_with_the_certificate(desk, asking):
    client, server = asking
    desk.clock.now += DAY_S - 60
    _, session = desk.connect(client=client, **server)
    assert session.lifetime_s == 60, "the identities end a day after they begin"


def test_the_identity_of_an_external_key_survives_resumption(desk):
    keys = {"psks": ((b"sensor", SECRET, 32),)}
    _, session = desk.connect(client=keys, psk={b"sensor": (SECRET, 32)}.get)
    both, _ = desk.connect(session, psk={b"sensor": (SECRET, 32)}.get)
    assert both.server.resumed
    assert both.server.psk_identity == b"sensor"
    assert both.client.psk_identity is None, "it used its session"


@pytest.mark.parametrize("psk", [None, {}.get])
def test_a_withdrawn_key_takes_its_sessions_along(desk, psk):
    keys = {"psks": ((b"sensor", SECRET, 32),)}
    _, session = desk.connect(client=keys, psk={b"sensor": (SECRET, 32)}.get)
    both, _ = desk.connect(session, psk=psk)
    assert not both.server.resumed
    assert both.server.psk_identity is None


# --- the end


def test_a_clock_that_refuses_ends_the_connection_with_internal_error(loopback):
    class Refusing(Ticking):
        def utc_seconds(self):
            raise UsageError("clock.not_set")

    both = loopback(client={**KEEP, "clock": Ticking()}, tickets=made_keys(Refusing()))
    with pytest.raises(UsageError, match=r"clock\.not_set"):
        both.carry()
    assert both.server.state == states.FAILED
