"""A server's tickets: sealed, rotated, and given to clients."""

import pytest
from client_messages import ClientHello
from server_messages import P256, X25519, vector
from ticket_desk import KEEP, NOW, SECRET, WEEK_S, Desk, Ticking, made_keys, ticket_of

from tlscore import states, tickets
from tlscore.clock_floor import FloorClock, UncheckedClock
from tlscore.connection import EVENT_CONNECTED
from tlscore.crypto.hashes import SHA256
from tlscore.entropy import HmacDrbg
from tlscore.errors import UsageError
from tlscore.ticket_sender import TicketSender
from tlscore.tickets import TicketKeys
from tlscore.wire import Writer


def fields_of(ticket):
    return None if ticket is None else vars(ticket)


# --- sealing


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"secret": bytes(range(48))},
        {"server_name": b"server.example", "alpn": b"h2"},
        {"server_name": b"n" * 255, "alpn": b"a" * 255},
        {"client_key": (1, b"\x04" * 65)},
        {"client_key": (2, bytes(526))},
        {"psk_identity": b"sensor"},
        {"created": 2**33, "until": 253402300799},
    ],
)
def test_what_is_sealed_is_opened_again(changes):
    clock = Ticking(changes.get("created", NOW))
    keys, ticket = made_keys(clock), ticket_of(**changes)
    sealed = keys.seal(ticket)
    assert fields_of(keys.open(sealed)) == fields_of(ticket)
    assert fields_of(keys.open(memoryview(sealed))) == fields_of(ticket), "nothing was overwritten"


def test_a_ticket_shows_nothing_of_what_it_says():
    sealed = made_keys().seal(ticket_of(server_name=b"server.example", psk_identity=b"sensor"))
    assert not [part for part in (SECRET, b"server.example", b"sensor") if part in sealed]


def test_no_two_tickets_look_alike():
    keys, ticket = made_keys(), ticket_of()
    first, second = keys.seal(ticket), keys.seal(ticket)
    assert first[8:20] != second[8:20], "the nonce is new"
    assert first[20:] != second[20:]


def test_a_ticket_with_one_bit_changed_is_not_opened():
    keys = made_keys()
    sealed = keys.seal(ticket_of())
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        assert keys.open(bytes(changed)) is None


def test_a_ticket_cut_short_or_drawn_out_is_not_opened():
    keys = made_keys()
    sealed = keys.seal(ticket_of())
    for broken in [sealed[:size] for size in range(len(sealed))] + [sealed + b"\x00", b""]:
        assert keys.open(broken) is None


def test_the_keys_of_another_server_do_not_open_it():
    sealed = made_keys().seal(ticket_of())
    assert made_keys(seed=b"seed of another server.........!").open(sealed) is None


# --- time


@pytest.mark.parametrize(
    ("age_s", "good"), [(0, True), (7199, True), (7200, False), (WEEK_S, False), (-1, False)]
)
def test_a_ticket_is_good_for_its_lifetime(age_s, good):
    clock = Ticking()
    keys = made_keys(clock)
    sealed = keys.seal(ticket_of())
    clock.now += age_s
    assert (keys.open(sealed) is not None) == good


@pytest.mark.parametrize(("age_s", "good"), [(60, True), (61, False)])
def test_a_ticket_ends_with_what_it_rests_on(age_s, good):
    clock = Ticking()
    keys = made_keys(clock)
    sealed = keys.seal(ticket_of(until=NOW + 60))
    clock.now += age_s
    assert (keys.open(sealed) is not None) == good


def test_a_key_seals_for_so_long_and_opens_as_long_as_its_tickets_live():
    clock = Ticking()
    keys = made_keys(clock, lifetime_s=100, rotation_s=150)
    first = keys.seal(ticket_of())
    clock.now += 149
    last = keys.seal(ticket_of(clock))
    assert last[:8] == first[:8], "the same key"
    clock.now += 1
    next_one = keys.seal(ticket_of(clock))
    assert next_one[:8] != first[:8], "a new key"
    assert keys.open(first) is None, "over"
    assert keys.open(last) is not None, "the key before still opens"
    clock.now += 99
    assert keys.open(last) is None
    assert keys.open(next_one) is not None


def test_old_keys_are_forgotten():
    clock = Ticking()
    keys = made_keys(clock, lifetime_s=100, rotation_s=100)
    for _ in range(5):
        keys.seal(ticket_of(clock))
        clock.now += 100
        assert len(keys._keys) <= 2
    clock.now += 100
    keys.open(bytes(100))
    assert keys._keys == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lifetime_s": 0}, "lifetime_s"),
        ({"lifetime_s": WEEK_S + 1}, "lifetime_s"),
        ({"lifetime_s": 100, "rotation_s": 99}, "rotation_s"),
        ({"count": 0}, "count"),
        ({"count": 33}, "count"),
    ],
)
def test_ticket_keys_that_cannot_work_are_refused(changes, reason):
    with pytest.raises(UsageError) as caught:
        made_keys(**changes)
    assert caught.value.reason == "tickets." + reason


def test_ticket_keys_need_entropy_and_a_clock():
    with pytest.raises(UsageError, match=r"tickets\.no_entropy"):
        TicketKeys(None, Ticking())
    with pytest.raises(UsageError, match=r"tickets\.no_clock"):
        TicketKeys(HmacDrbg(bytes(32)), None)
    for clock in (UncheckedClock(), FloorClock(NOW)):
        with pytest.raises(UsageError, match=r"tickets\.clock_policy"):
            TicketKeys(HmacDrbg(bytes(32)), clock)


# --- given and taken back


@pytest.fixture
def desk(loopback):
    """Return a Desk: connections of clients with sessions and one server's tickets."""
    return Desk(loopback)


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
@pytest.mark.parametrize(("modes", "group"), [((1,), X25519), ((0,), None)])
def test_a_session_is_resumed_again_and_again(desk, suite, modes, group):
    client, server = {"suites": (suite,), "psk_modes": modes}, {"psk_modes": modes}
    both, session = desk.connect(client=client, **server)
    assert not both.server.resumed
    for _ in range(3):
        desk.clock.now += 100
        both, renewed = desk.connect(session, client, **server)
        assert both.server.resumed
        assert both.client.group == both.server.group == group
        assert both.server.signature_scheme is None
        assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)
        assert renewed.secret != session.secret
        session = renewed


def test_a_session_is_resumed_through_a_retry(desk):
    _, session = desk.connect()
    both, _ = desk.connect(session, {"groups": (X25519, P256)}, groups=(P256,))
    assert both.server.retried
    assert both.server.resumed


def test_a_session_needs_no_certificates_on_either_side(desk):
    _, session = desk.connect()
    both, _ = desk.connect(session, {"trust": None}, certificates=(), private_key=None)
    assert both.server.resumed


@pytest.mark.parametrize("count", [1, 3, 32])
def test_so_many_tickets_are_given(loopback, count):
    clock = Ticking()
    both = loopback(client={**KEEP, "clock": clock}, tickets=made_keys(clock, count=count))
    seen = []
    take = both.client._on_new_session_ticket

    def count_them(parser):
        seen.append((bytes(parser.nonce), parser.age_add, bytes(parser.ticket)))
        return take(parser)

    both.client._on_new_session_ticket = count_them
    both.carry()
    assert len(seen) == count
    for column in zip(*seen):
        assert len(set(column)) == count, "no nonce, age_add or ticket comes twice"
    assert both.client.take_session() is not None


def test_tickets_wait_for_room_and_for_nothing_else(loopback):
    clock = Ticking()
    keys = made_keys(clock, count=20)
    both = loopback(client={**KEEP, "clock": clock}, tickets=keys, send_buffer_bytes=600)
    both.carry()
    assert both.server._tickets is None, "all were sent"
    both.server.write(b"after them")
    assert both.carry()[0] == b"after them"


def test_tickets_are_cut_into_the_records_a_client_can_take(desk):
    _, session = desk.connect(client={"record_buffer_bytes": 160})
    both, _ = desk.connect(session, {"record_buffer_bytes": 160})
    assert both.server.resumed


def test_tickets_that_never_fit_are_left_out(loopback, server_config):
    clock = Ticking()
    name = ".".join(["a" * 62] * 4)
    # The ticket says the name, the ClientHello does too; the server's buffer is as small as can be.
    both = loopback(
        client={**KEEP, "clock": clock, "psks": ((b"k", SECRET, 32),), "server_name": name},
        tickets=made_keys(clock),
        psk=lambda _identity: (SECRET, 32),
        certificates=(),
        private_key=None,
        send_buffer_bytes=300,
    )
    both.carry()
    assert both.server.state == states.CONNECTED
    assert both.client.next_event() == (EVENT_CONNECTED,)
    assert both.client.next_event() is None


def test_no_ticket_follows_close_notify(loopback):
    clock = Ticking()
    both = loopback(client={**KEEP, "clock": clock}, tickets=made_keys(clock, count=32))
    while both.server.state != states.CONNECTED:
        for source, sink in ((both.client, both.server), (both.server, both.client)):
            data = bytes(source.to_send())
            source.sent(len(data))
            sink.receive(data)
    both.server.close()
    both.carry()
    assert both.client.peer_closed


def test_a_client_that_does_not_know_of_keys_gets_no_ticket(bench, desk):
    one = bench(tickets=desk.keys).hello(ClientHello().put(45, None))
    one.send(one.finished())
    one.listen()
    assert [message[0] for message in one.flight][-1] == 20, "Finished came last"


def test_a_client_of_other_modes_gets_no_ticket(desk):
    # RFC 8446 §4.2.9: tickets "that are not compatible with the advertised modes"
    _, session = desk.connect(client={"psk_modes": (0,)})
    assert session is None


def test_a_ticket_says_how_long_it_is_good_for(desk, loopback):
    assert desk.connect()[1].lifetime_s == 7200
    desk.keys = made_keys(desk.clock, lifetime_s=60)
    assert desk.connect()[1].lifetime_s == 60


def test_a_name_no_ticket_can_hold_gets_none(bench, desk):
    name = vector(2, b"\x00" + vector(2, b"n" * 256))
    one = bench(tickets=desk.keys).hello(ClientHello().put(0, name))
    one.send(one.finished())
    one.listen()
    assert [message[0] for message in one.flight][-1] == 20, "Finished came last"


def test_an_identity_no_ticket_can_hold_gets_none():
    # opaque ticket<1..2^16-1>
    for size, given in ((0xFF00, 1), (0xFFF0, 0)):
        ticket = ticket_of(psk_identity=bytes(size))
        assert TicketSender(made_keys(), SHA256, SECRET, ticket).left == given


def test_the_message_is_as_long_as_was_said():
    writer = Writer(bytearray(500), 0, 500)
    tickets.write_new_session_ticket(writer, 7200, b"aged", b"\x07", bytes(200))
    assert writer.position == tickets.new_session_ticket_bytes(b"\x07", 200)
