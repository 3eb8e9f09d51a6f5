"""Records that do not fit the buffer (tls/LARGE_RECORDS.md): the handshake and what follows it.

The peer is the server double, which keeps to no size; application data are in test_staged_data.py.
"""

import pytest
from server_identity import Identity
from server_messages import ALERT, APPLICATION_DATA, HANDSHAKE, NewSessionTicket, key_update

from tlscore import states
from tlscore.connection import EVENT_CLOSED, EVENT_CONNECTED, EVENT_KEY_UPDATE, EVENT_TICKET
from tlscore.errors import PeerMisbehaved

UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW = 10, 20, 22
BUFFER_BYTES = (160, 512 + 22, 2048 + 22)
CLOSE_NOTIFY = b"\x01\x00"
SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)


@pytest.fixture(scope="module")
def large_identity():
    """An identity with a certificate of more than 10 KB."""
    return Identity(padding_bytes=10_000)


@pytest.fixture
def greeted(pair, large_identity, identity):
    """Return a maker of pairs up to the ServerHello, with a small buffer of the client's."""

    def make(buffer_bytes=2048 + 22, config=None, is_large=True, **server):
        changes = {"record_buffer_bytes": buffer_bytes, "alpn": (b"h2",), **(config or {})}
        chosen = large_identity if is_large else identity
        both = pair(config=changes, identity=chosen, **server)
        both.hello()
        return both

    return make


@pytest.fixture
def connected(pair):
    """Return a maker of pairs that are connected, with a small buffer of the client's."""

    def make(**config):
        both = pair(config={"record_buffer_bytes": 512, **config}).connect()
        assert both.events() == [EVENT_CONNECTED]
        return both

    return make


def flight_of(both):
    return b"".join(both.server.flight())


def seen(client):
    """Return everything that an application can see of a connection."""
    names = ("state", "alpn", "signature_scheme", "signatures_verified", "wants", "peer_closed")
    return [getattr(client, name) for name in (*names, "unverified")] + [bytes(client.to_send())]


def is_complete(both):
    """Whether the handshake of both ends is."""
    both.client_speaks()
    return both.client.state == states.CONNECTED and both.server.client_finished_is_right()


# --- the handshake


@pytest.mark.parametrize("buffer_bytes", BUFFER_BYTES)
@pytest.mark.parametrize("suite", SUITES)
def test_a_flight_with_a_chain_of_10_kb_in_one_record(greeted, buffer_bytes, suite):
    both = greeted(buffer_bytes, config={"suites": (suite,)}, suite=suite, alpn=b"h2")
    flight = flight_of(both)
    assert len(flight) > 10_000
    both.tell_protected(flight)
    assert is_complete(both)
    assert both.client.signatures_verified == 2
    assert both.client.alpn == b"h2"
    assert both.events() == [EVENT_CONNECTED]


@pytest.mark.parametrize("buffer_bytes", BUFFER_BYTES)
def test_every_message_in_a_record_of_its_own(greeted, buffer_bytes):
    both = greeted(buffer_bytes)
    for message in both.server.flight():
        both.tell_protected(message)
    assert is_complete(both)


@pytest.mark.parametrize("padding", [1, 300, 5000])
def test_padding_larger_than_the_buffer(greeted, padding):
    both = greeted(512)
    for message in both.server.flight():
        both.tell_protected(message, padding=padding)
    assert is_complete(both)


@pytest.mark.parametrize("cut", [1, 3, 100, 5000, -1, -36, -37, -100])
def test_messages_may_go_on_from_record_to_record(greeted, cut):
    both = greeted(512)
    flight = flight_of(both)
    both.tell_protected(flight[:cut], padding=600)
    assert both.client.state != states.CONNECTED
    both.tell_protected(flight[cut:], padding=600)
    assert is_complete(both)


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_any_split_of_the_record_will_do(greeted, step):
    both = greeted(512, is_large=False)
    record = both.server.send_key.protect(HANDSHAKE, flight_of(both), 3000)
    for at in range(0, len(record), step):
        both.tell(record[at : at + step])
    assert is_complete(both)


def test_nothing_can_be_seen_before_the_tag(greeted):
    both = greeted(512, alpn=b"h2")
    before = seen(both.client)
    record = both.server.send_key.protect(HANDSHAKE, flight_of(both))
    for at in range(0, len(record) - 1, 50):
        both.tell(record[at : min(at + 50, len(record) - 1)])
        assert seen(both.client) == before
        assert both.events() == []
    both.tell(record[-1:])
    assert seen(both.client) != before
    assert both.events() == [EVENT_CONNECTED]


def test_a_record_that_ends_before_finished_shows_how_far_it_came(greeted):
    both = greeted(512, alpn=b"h2")
    first, certificate, *_ = both.server.flight()
    both.tell_protected(first + certificate)
    assert both.client.state == states.WAIT_CERTIFICATE_VERIFY
    assert both.client.alpn == b"h2"
    assert both.client.signatures_verified == 1


def forged(record, at):
    changed = bytearray(record)
    changed[at] ^= 0x04
    return bytes(changed)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("at", [5, 6, 40, 700, 9000, -300, -40, -9, -1])
def test_a_forged_record_is_told_by_its_tag_and_nothing_else(greeted, at, suite):
    both = greeted(512, config={"suites": (suite,)}, suite=suite, alpn=b"h2")
    before = seen(both.client)
    record = forged(both.server.send_key.protect(HANDSHAKE, flight_of(both)), at)
    both.tell(record[:-1])
    assert seen(both.client) == before
    assert both.refusal(record[-1:]) == ("record.bad_record_mac", BAD_RECORD_MAC)
    assert (both.client.alpn, both.client.signatures_verified) == (None, 0)
    assert both.events() == []


def test_what_is_wrong_is_told_only_if_the_record_is_the_peers(greeted):
    wrong = {"config": {"server_name": "another.example"}}
    both = greeted(512, **wrong)
    reason, alert = both.refusal_protected(flight_of(both))
    assert (reason, alert) == ("certificate.name_mismatch", 42)
    both = greeted(512, **wrong)
    record = forged(both.server.send_key.protect(HANDSHAKE, flight_of(both)), -1)
    assert both.refusal(record) == ("record.bad_record_mac", BAD_RECORD_MAC)


def test_an_error_is_told_when_all_of_the_record_is_there(greeted):
    both = greeted(512)
    before = seen(both.client)
    record = both.server.send_key.protect(HANDSHAKE, b"\x63" + bytes(2000))
    both.tell(record[:-1])
    assert seen(both.client) == before
    assert both.refusal(record[-1:]) == ("handshake.unexpected_message", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("more", [b"\x04", b"\x18\x00\x00\x01\x00", b"\x14" * 300])
def test_finished_has_to_end_its_record(greeted, more):
    both = greeted(512)
    refusal = both.refusal_protected(flight_of(both) + more)
    assert refusal == ("handshake.not_at_record_end", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize(
    ("content", "content_type", "reason", "alert"),
    [
        (b"data", APPLICATION_DATA, "record.early_application_data", 10),
        (bytes(900), APPLICATION_DATA, "record.early_application_data", 10),
        (b"", HANDSHAKE, "record.empty", 10),
        (b"", ALERT, "record.empty", 10),
        (b"\x02", ALERT, "alert.bad_length", 50),
        (b"\x02\x28\x00", ALERT, "alert.bad_length", 50),
        (bytes(900), ALERT, "alert.bad_length", 50),
        (b"\x01", 20, "record.unexpected_inner_type", 10),
        (b"", None, "record.no_content_type", 10),
    ],
)
def test_other_contents_are_refused_as_in_a_record_that_fits(
    greeted, content, content_type, reason, alert
):
    for buffer_bytes in (512, 4096):
        both = greeted(buffer_bytes, is_large=False)
        refusal = both.refusal_protected(content, content_type, padding=1500)
        assert refusal == (reason, alert)


def test_an_alert_in_a_large_record_is_one(greeted):
    both = greeted(512)
    with pytest.raises(Exception, match="handshake_failure"):
        both.tell_protected(b"\x02\x28", ALERT, padding=1500)
    assert both.client.state == states.FAILED


def test_no_other_record_may_come_inside_a_message(greeted):
    both = greeted(512)
    both.tell_protected(flight_of(both)[:300])
    refusal = both.refusal_protected(b"\x01\x00", ALERT, padding=1500)
    assert refusal == ("record.inside_handshake_message", UNEXPECTED_MESSAGE)


def test_a_peer_that_agreed_to_a_limit_is_refused_by_the_header(greeted):
    both = greeted(512 + 22, record_size_limit=16385)
    both.tell_protected(next(iter(both.server.flight())))
    record = both.server.send_key.protect(HANDSHAKE, bytes(2000))
    assert both.refusal(record[:5]) == ("record.exceeds_buffer", RECORD_OVERFLOW)


def test_a_buffer_without_room_for_a_piece_refuses_what_does_not_fit(greeted):
    both = greeted(159)
    record = both.server.send_key.protect(HANDSHAKE, bytes(4), 200)
    assert both.refusal(record[:5]) == ("record.exceeds_buffer", RECORD_OVERFLOW)


def test_a_caller_that_closes_in_the_middle_is_done(greeted):
    both = greeted(512)
    record = both.server.send_key.protect(HANDSHAKE, flight_of(both))
    both.tell(record[:3000])
    both.client.close()
    both.client_speaks()
    assert both.client.state == states.CLOSED
    assert both.client.receive(record[3000:]) == len(record) - 3000
    assert both.client.read() == b""


def test_an_end_in_the_middle_is_a_truncation(greeted):
    both = greeted(512)
    both.tell(both.server.send_key.protect(HANDSHAKE, flight_of(both))[:3000])
    with pytest.raises(PeerMisbehaved, match=r"connection\.truncated"):
        both.client.receive_eof()


# --- after the handshake


def test_data_that_were_not_asked_for_are_refused_when_they_are_known_to_be_data(connected):
    both = connected()
    record = both.server.send_key.protect(APPLICATION_DATA, bytes(range(200)) * 5)
    before = seen(both.client)
    both.tell(record[:-1])
    assert seen(both.client) == before
    assert both.refusal(record[-1:]) == ("record.exceeds_buffer", RECORD_OVERFLOW)


def test_forged_data_are_told_by_their_tag(connected):
    both = connected()
    record = forged(both.server.send_key.protect(APPLICATION_DATA, bytes(900)), 99)
    assert both.refusal(record) == ("record.bad_record_mac", BAD_RECORD_MAC)


def test_padding_around_no_data(connected):
    both = connected()
    both.tell_protected(b"", APPLICATION_DATA, 900)
    both.tell_protected(b"data", APPLICATION_DATA)
    assert both.client.read() == b"data"


@pytest.mark.parametrize("staged_data", [False, True])
def test_tickets_in_a_record_that_does_not_fit(connected, staged_data):
    both = connected(ticket_bytes_max=900, staged_data=staged_data)
    first = NewSessionTicket(ticket=b"first" * 160).encode()
    second = NewSessionTicket(ticket=b"second" * 150).encode()
    record = both.server.send_key.protect(HANDSHAKE, first + second)
    while record:
        record = record[both.client.receive(record) :]
        if record:
            assert EVENT_TICKET not in both.events()
        both.client.read()
    assert EVENT_TICKET in both.events()
    assert not both.client.unverified
    assert bytes(both.client.take_session().ticket) == b"second" * 150


def test_a_forged_ticket_is_none(connected):
    both = connected(ticket_bytes_max=900)
    ticket = NewSessionTicket(ticket=b"first" * 160).encode()
    record = forged(both.server.send_key.protect(HANDSHAKE, ticket), 100)
    assert both.refusal(record) == ("record.bad_record_mac", BAD_RECORD_MAC)
    assert both.events() == []
    assert both.client.take_session() is None


@pytest.mark.parametrize("staged_data", [False, True])
def test_a_ticket_may_go_on_in_the_next_record(connected, staged_data):
    both = connected(ticket_bytes_max=900, staged_data=staged_data)
    ticket = NewSessionTicket(ticket=bytes(range(1, 256)) * 3).encode()
    for content in (ticket[:600], ticket[600:]):
        record = both.server.send_key.protect(HANDSHAKE, content)
        while record:
            record = record[both.client.receive(record) :]
            both.client.read()
    assert EVENT_TICKET in both.events()
    assert bytes(both.client.take_session().ticket) == bytes(range(1, 256)) * 3


@pytest.mark.parametrize("staged_data", [False, True])
def test_a_padded_key_update_changes_the_key_when_its_record_is_verified(connected, staged_data):
    both = connected(staged_data=staged_data)
    record = both.server.send_key.protect(HANDSHAKE, key_update(request=1), 2000)
    while record:
        record = record[both.client.receive(record) :]
        both.client.read()
    assert EVENT_KEY_UPDATE in both.events()
    both.server.send_key = both.server.send_key.update()
    both.tell_protected(b"data", APPLICATION_DATA)
    assert both.client.read() == b"data"
    both.client_speaks()
    assert both.server.client_messages[-1] == key_update(0)


@pytest.mark.parametrize("staged_data", [False, True])
def test_a_padded_close_notify_closes(connected, staged_data):
    both = connected(staged_data=staged_data)
    record = both.server.send_key.protect(ALERT, CLOSE_NOTIFY, 2000)
    while record:
        record = record[both.client.receive(record) :]
        both.client.read()
    assert EVENT_CLOSED in both.events()
    assert both.client.peer_closed
