"""Sessions: tickets that are kept, stored, and offered again while they are good (§4.6.1, §2.2)."""

import pytest
from cryptography import x509
from server_messages import P256, NewSessionTicket

from tlscore import session
from tlscore.clock import FixedClock
from tlscore.clock_floor import UncheckedClock
from tlscore.connection import EVENT_CONNECTED, EVENT_TICKET
from tlscore.errors import AlertReceived, PeerMisbehaved, UsageError

TICKET = NewSessionTicket(nonce=b"nonce")
DAY_S = 86400
WEEK_S = 7 * DAY_S
KEEP = {"ticket_bytes_max": 1000}


@pytest.fixture
def keeper(pair):
    """Return a maker of connected pairs whose client keeps tickets."""

    def make(config=None, **server):
        return pair(config={**KEEP, **(config or {})}, **server).connect()

    return make


@pytest.fixture
def made(keeper):
    """Return a maker of sessions; what the ticket says may be changed."""

    def make(ticket=TICKET, **keeping):
        both = keeper(**keeping)
        both.tell_protected(ticket.encode())
        return both.client.take_session()

    return make


def later(identity, seconds):
    return FixedClock(identity.utc_seconds + seconds)


def offered(both):
    """Return the identities the client offers."""
    both.client_speaks()
    extensions = both.server.client_hello()[3]
    return [row[0] for row in both.server.client_keys()] if 41 in extensions else []


# --- keeping


@pytest.mark.parametrize("suite", [0x1301, 0x1302])
def test_a_ticket_becomes_a_session(keeper, identity, suite):
    both = keeper({"alpn": (b"h2",)}, suite=suite, alpn=b"h2")
    both.tell_protected(TICKET.encode())
    assert both.events() == [EVENT_CONNECTED, EVENT_TICKET]
    kept = both.client.take_session()
    assert (kept.ticket, kept.lifetime_s, kept.age_add) == (TICKET.ticket, 7200, 0x01020304)
    assert kept.secret == both.server.resumption_key(b"nonce")
    assert kept.digest_bytes == {0x1301: 32, 0x1302: 48}[suite]
    assert kept.received_utc_seconds == identity.utc_seconds
    assert (kept.server_name, kept.alpn) == (identity.name, b"h2")


@pytest.mark.parametrize("request_certificate", [False, True])
@pytest.mark.parametrize("retry_group", [None, P256])
def test_the_key_is_right_after_every_kind_of_handshake(keeper, request_certificate, retry_group):
    both = keeper(request_certificate=request_certificate, retry_group=retry_group)
    both.tell_protected(TICKET.encode())
    assert both.client.take_session().secret == both.server.resumption_key(b"nonce")


def test_every_ticket_has_a_key_of_its_own_and_the_newest_is_kept(keeper):
    both = keeper()
    first, second = NewSessionTicket(nonce=b""), NewSessionTicket(nonce=b"2", ticket=b"new")
    both.tell_protected(first.encode() + second.encode())
    kept = both.client.take_session()
    assert (kept.ticket, kept.secret) == (b"new", both.server.resumption_key(b"2"))
    assert both.client.take_session() is None, "it was taken"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_ticket_in_pieces_is_kept_whole(keeper, size):
    both = keeper()
    encoded = TICKET.encode()
    for at in range(0, len(encoded), size):
        both.tell_protected(encoded[at : at + size])
    assert both.client.take_session().ticket == TICKET.ticket


@pytest.mark.parametrize(
    ("limit", "ticket"),
    [
        (0, TICKET),
        (199, TICKET),  # longer than what is kept
        (1000, NewSessionTicket(lifetime=0)),  # "discarded immediately"
    ],
)
def test_what_is_not_kept_is_read_past(keeper, limit, ticket):
    both = keeper({"ticket_bytes_max": limit})
    both.tell_protected(ticket.encode())
    assert both.events() == [EVENT_CONNECTED, EVENT_TICKET]
    assert both.client.take_session() is None
    both.tell_protected(b"still there", 23)
    assert both.client.read() == b"still there"


def test_a_ticket_that_is_not_kept_leaves_the_one_before(keeper):
    both = keeper()
    both.tell_protected(TICKET.encode())
    both.tell_protected(NewSessionTicket(ticket=bytes(1001)).encode())
    assert both.client.take_session().ticket == TICKET.ticket


def test_a_closed_connection_still_gives_its_session(keeper):
    both = keeper()
    both.tell_protected(TICKET.encode())
    both.client.close()
    both.tell_protected(b"\x01\x00", 21)
    assert both.client.take_session().ticket == TICKET.ticket


@pytest.mark.parametrize(
    ("content", "content_type", "error"),
    [(b"\x02\x28", 21, AlertReceived), (b"\x0b\x00\x00\x00", 22, PeerMisbehaved)],
)
def test_a_failed_connection_gives_up_its_session(keeper, content, content_type, error):
    # RFC 8446 §6.2
    both = keeper()
    both.tell_protected(TICKET.encode())
    with pytest.raises(error):
        both.tell_protected(content, content_type)
    assert both.client.take_session() is None


def test_a_lifetime_of_more_than_seven_days_is_refused(keeper):
    both = keeper()
    refusal = both.refusal_protected(NewSessionTicket(lifetime=WEEK_S + 1).encode())
    assert refusal == ("new_session_ticket.lifetime", 47)


# --- resuming


def resumed_pair(pair, kept, config=None, **server):
    values = {"session": kept, **KEEP, **(config or {})}
    return pair(config=values, psk=(0, kept.secret), **server)


@pytest.mark.parametrize("trust", [{}, {"trust": None}])
@pytest.mark.parametrize("suite", [0x1301, 0x1302])
@pytest.mark.parametrize(("modes", "has_share"), [((1,), True), ((1, 0), False)])
def test_a_session_is_resumed(pair, made, identity, trust, suite, modes, has_share):
    kept = made(suite=suite)
    config = {**trust, "psk_modes": modes, "clock": later(identity, 10)}
    both = resumed_pair(pair, kept, config, suite=suite, has_share=has_share)
    both.client_speaks()
    label, hash_ = b"res binder", both.server.hash
    age = 10_000 + kept.age_add
    assert both.server.client_keys() == [
        (kept.ticket, age, both.server.binder(kept.secret, label, hash_))
    ]
    both.connect_from_hello()
    assert (both.client.resumed, both.client.psk_identity) == (True, None)
    assert both.client.signatures_verified == 0


def test_the_age_wraps_at_32_bits(made, identity):
    kept = made(NewSessionTicket(age_add=0xFFFFFFFF))
    assert kept.obfuscated_age(identity.utc_seconds) == 0xFFFFFFFF
    assert kept.obfuscated_age(identity.utc_seconds + 3) == 2999
    # Seven days are more milliseconds than a signed integer of 32 bits has.
    long = made(NewSessionTicket(age_add=1, lifetime=WEEK_S))
    assert long.obfuscated_age(identity.utc_seconds + WEEK_S) == 604_800_001


def test_the_age_is_computed_anew_after_a_retry(pair, made, identity):
    class Ticking:
        seconds = identity.utc_seconds

        def utc_seconds(self):
            return self.seconds

    kept, clock = made(), Ticking()
    both = resumed_pair(pair, kept, {"clock": clock}, retry_group=P256)
    both.client_speaks()
    clock.seconds += 5
    both.tell_plain(both.server.hello_retry_request())
    both.client_speaks()
    assert [row[1] for row in both.server.client_keys()] == [5000 + kept.age_add]
    both.tell_plain(both.server.server_hello())
    both.finish_handshake()
    assert both.client.resumed


def test_a_session_goes_before_external_keys(pair, made):
    kept = made()
    external = {"psks": ((b"external", bytes(32), 32),)}
    assert offered(resumed_pair(pair, kept, external)) == [kept.ticket, b"external"]
    both = pair(config={"session": kept, **external}, psk=(1, bytes(32))).connect()
    assert (both.client.resumed, both.client.psk_identity) == (False, b"external")


def test_a_server_that_forgot_the_session_proves_itself_by_certificate(pair, made):
    both = pair(config={"session": made(), **KEEP}).connect()
    assert (both.client.resumed, both.client.signatures_verified) == (False, 2)


# --- how long


@pytest.mark.parametrize(
    ("age_s", "good"), [(0, True), (7199, True), (7200, False), (WEEK_S, False), (-1, False)]
)
def test_a_session_is_offered_no_longer_than_the_server_said(pair, made, identity, age_s, good):
    both = resumed_pair(pair, made(), {"clock": later(identity, age_s)})
    assert bool(offered(both)) == good


@pytest.mark.parametrize(("age_s", "good"), [(DAY_S, True), (DAY_S + 1, False)])
def test_a_session_is_not_offered_past_the_end_of_the_certificates(
    pair, made, identity, age_s, good
):
    leaf = x509.load_der_x509_certificate(identity.chain[0])
    ends = leaf.not_valid_after_utc.timestamp()
    assert ends == identity.utc_seconds + DAY_S
    kept = made(NewSessionTicket(lifetime=WEEK_S))
    assert bool(offered(resumed_pair(pair, kept, {"clock": later(identity, age_s)}))) == good


def test_resuming_again_and_again_ends_with_the_first_proof(pair, made, identity):
    kept = made()
    both = resumed_pair(pair, kept, {"clock": later(identity, 7000)}).connect()
    both.tell_protected(NewSessionTicket(lifetime=WEEK_S).encode())
    renewed = both.client.take_session()
    assert renewed.received_utc_seconds == identity.utc_seconds + 7000
    assert renewed.expires_utc_seconds == kept.expires_utc_seconds == identity.utc_seconds + DAY_S


def test_a_session_with_an_external_key_ends_after_seven_days(pair, identity):
    key = {"psks": ((b"external", bytes(32), 32),), **KEEP}
    both = pair(config=key, psk=(0, bytes(32))).connect()
    both.tell_protected(TICKET.encode())
    assert both.client.take_session().expires_utc_seconds == identity.utc_seconds + WEEK_S


def test_an_expired_session_alone_is_refused_before_anything_is_sent(pair, made, identity):
    config = {"trust": None, "clock": later(identity, WEEK_S)}
    with pytest.raises(UsageError, match=r"session\.expired"):
        resumed_pair(pair, made(), config)


# --- what is configured


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"server_name": "other.example"}, "session_server_name"),
        ({"clock": None, "trust": None}, "no_clock"),
        ({"clock": UncheckedClock()}, "clock_policy"),
        ({"suites": (0x1302,)}, "psk_suite"),
        ({"ticket_bytes_max": 65536}, "ticket_bytes_max"),
        ({"ticket_bytes_max": -1}, "ticket_bytes_max"),
    ],
)
def test_a_session_that_cannot_be_used_is_refused(client_config, made, changes, reason):
    with pytest.raises(UsageError) as caught:
        client_config(**{"session": made(), **changes})
    assert caught.value.reason == "config." + reason


def test_keeping_tickets_needs_a_clock_that_shows_a_time(client_config):
    with pytest.raises(UsageError, match=r"config\.clock_policy"):
        client_config(clock=UncheckedClock(), **KEEP)


# --- storing


def fields_of(kept):
    return {name: value for name, value in vars(kept).items() if not name.startswith("_")}


@pytest.mark.parametrize("alpn", [None, b"h2"])
@pytest.mark.parametrize("suite", [0x1301, 0x1302])
def test_a_stored_session_comes_back_as_it_was(made, suite, alpn):
    kept = made(config={"alpn": (b"h2",)}, alpn=alpn, suite=suite)
    assert fields_of(session.from_bytes(kept.to_bytes())) == fields_of(kept)
    assert session.from_bytes(bytearray(kept.to_bytes())).to_bytes() == kept.to_bytes()


def test_times_past_2038_and_2106_are_stored(made):
    kept = made()
    kept.received_utc_seconds, kept.expires_utc_seconds = 2**32 + 1, 253402300799
    assert fields_of(session.from_bytes(kept.to_bytes())) == fields_of(kept)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("digest_bytes", 20),
        ("secret", bytes(31)),
        ("secret", bytes(33)),
        ("lifetime_s", 0),
        ("lifetime_s", WEEK_S + 1),
        ("server_name", "with space"),
        ("server_name", "m\u00fcller.example"),
        ("server_name", "a" * 254),
        ("ticket", b""),
    ],
)
def test_a_stored_session_with_a_wrong_field_is_refused(made, field, value):
    kept = made()
    setattr(kept, field, value)
    with pytest.raises(UsageError, match=r"session\.malformed"):
        session.from_bytes(kept.to_bytes())


def test_a_stored_session_cut_short_or_drawn_out_is_refused(made):
    stored = made().to_bytes()
    for broken in [stored[:size] for size in range(len(stored))] + [stored + b"\x00"]:
        with pytest.raises(UsageError, match=r"session\.malformed"):
            session.from_bytes(broken)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_session_of_another_version_is_told_apart(made, version):
    with pytest.raises(UsageError, match=r"session\.version"):
        session.from_bytes(bytes([version]) + made().to_bytes()[1:])


def test_a_session_does_not_show_its_secret(made):
    kept = made()
    assert kept.secret.hex() not in repr(kept)
    assert repr(kept.secret) not in repr(kept)
