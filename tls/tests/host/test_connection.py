"""A connection after the handshake: data, alerts, closing, new keys, limits, and its interface."""

import pytest
from server_double import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    NewSessionTicket,
    key_update,
    plain_record,
)

from tlscore import states
from tlscore.connection import (
    EVENT_CLOSED,
    EVENT_CONNECTED,
    EVENT_KEY_UPDATE,
    EVENT_TICKET,
    READ,
    RECEIVE,
    SEND,
    WRITE,
)
from tlscore.errors import AlertReceived, PeerMisbehaved, UsageError

UNEXPECTED_MESSAGE = 10
CLOSE_NOTIFY = b"\x01\x00"
USER_CANCELED = b"\x01\x5a"


@pytest.fixture
def connected(pair):
    both = pair().connect()
    assert both.client.next_event() == (EVENT_CONNECTED,)
    return both


def events(connection):
    found = []
    while (event := connection.next_event()) is not None:
        found.append(event[0])
    return found


# --- application data


@pytest.mark.parametrize("size", [1, 2, 100, 4096])
def test_data_from_the_peer_is_read(connected, size):
    data = bytes(index & 0xFF for index in range(size))
    connected.tell_protected(data, APPLICATION_DATA)
    assert connected.client.wants & (READ | RECEIVE) == READ
    assert connected.client.read() == data
    assert connected.client.wants & (READ | RECEIVE) == RECEIVE


def test_data_is_read_in_pieces(connected):
    connected.tell_protected(b"abcdefg", APPLICATION_DATA)
    buffer = bytearray(3)
    pieces = []
    while size := connected.client.read_into(buffer):
        pieces.append(bytes(buffer[:size]))
    assert pieces == [b"abc", b"def", b"g"]
    assert connected.client.read() == b""


def test_nothing_is_taken_while_data_waits(connected):
    first = connected.server.send_key.protect(APPLICATION_DATA, b"first")
    second = connected.server.send_key.protect(APPLICATION_DATA, b"second")
    assert connected.client.receive(first + second) == len(first)
    assert connected.client.receive(second) == 0
    assert connected.client.read() == b"first"
    assert connected.client.receive(second) == len(second)
    assert connected.client.read() == b"second"


@pytest.mark.parametrize("size", [1, 2, 100, 5000])
def test_written_data_arrives(connected, size):
    data = bytes(index & 0xFF for index in range(size))
    waiting = data
    while waiting:
        taken = connected.client.write(waiting)
        assert taken > 0
        waiting = waiting[taken:]
        connected.client_speaks()
    assert connected.server.data == data


def test_write_fills_the_buffer_and_then_takes_nothing(connected):
    taken = 0
    while connected.client.wants & WRITE:
        taken += connected.client.write(b"x" * 100)
    assert connected.client.write(b"y") == 0
    connected.client_speaks()
    assert connected.server.data == b"x" * taken
    assert connected.client.wants & WRITE


def test_an_alert_fits_behind_a_full_send_buffer(connected):
    while connected.client.write(b"x"):
        pass
    connected.client.close()
    connected.client_speaks()
    assert connected.server.alerts == [(1, 0)]


def test_a_partly_sent_buffer_keeps_the_order(connected):
    sent = b""
    for number in range(40):
        data = bytes([number]) * 90
        assert connected.client.write(data) == 90
        pending = bytes(connected.client.to_send())
        step = len(pending) * 2 // 3
        connected.client.sent(step)
        connected.server.take(pending[:step])
        sent += data
    connected.client_speaks()
    assert connected.server.data == sent


@pytest.mark.parametrize("padding", [1, 2, 255, 3000])
def test_padding_is_stripped(connected, padding):
    connected.tell_protected(b"data", APPLICATION_DATA, padding)
    assert connected.client.read() == b"data"


def test_padded_record_without_content_is_no_data(connected):
    connected.tell_protected(b"", APPLICATION_DATA, 100)
    assert connected.client.wants & (READ | RECEIVE) == RECEIVE


def test_data_before_finished_is_refused(pair):
    both = pair()
    both.hello()
    both.tell_until(8)
    refusal = both.refusal_protected(b"early", APPLICATION_DATA)
    assert refusal == ("record.early_application_data", UNEXPECTED_MESSAGE)


# --- closing


def test_close_notify_both_ways_we_first(connected):
    connected.client.close()
    assert connected.client.wants & (RECEIVE | WRITE | SEND) == RECEIVE | SEND
    connected.client_speaks()
    assert connected.server.alerts == [(1, 0)]
    connected.tell_protected(b"late", APPLICATION_DATA)
    assert connected.client.read() == b"late"
    connected.tell_protected(CLOSE_NOTIFY, ALERT)
    assert events(connected.client) == [EVENT_CLOSED]
    assert (connected.client.state, connected.client.wants) == (states.CLOSED, 0)


def test_close_notify_both_ways_peer_first(connected):
    connected.tell_protected(CLOSE_NOTIFY, ALERT)
    assert connected.client.peer_closed
    assert connected.client.wants & (RECEIVE | WRITE) == WRITE
    # RFC 8446 §6.1: it "does not have any effect on its read side": we may still write.
    connected.client.write(b"answer")
    connected.client.close()
    connected.client_speaks()
    assert connected.server.data == b"answer"
    assert connected.server.alerts == [(1, 0)]
    assert (connected.client.state, connected.client.wants) == (states.CLOSED, 0)


def test_what_comes_after_close_notify_is_ignored(connected):
    connected.tell_protected(CLOSE_NOTIFY, ALERT)
    assert connected.client.receive(b"garbage") == 7
    connected.client.close()
    assert connected.client.receive(b"garbage") == 7


def test_closing_twice_sends_one_alert(connected):
    connected.client.close()
    connected.client.close()
    connected.client_speaks()
    assert connected.server.alerts == [(1, 0)]


def test_closing_during_the_handshake_says_user_canceled(pair):
    both = pair()
    both.hello()
    both.client.close()
    both.client_speaks()
    assert both.server.alerts == [(1, 90), (1, 0)]
    assert (both.client.state, both.client.wants) == (states.CLOSED, 0)


def test_a_transport_that_ends_without_close_notify_is_a_truncation(connected):
    with pytest.raises(PeerMisbehaved) as caught:
        connected.client.receive_eof()
    assert (caught.value.reason, caught.value.alert) == ("connection.truncated", None)
    assert connected.client.wants == 0


def test_a_transport_that_ends_after_close_notify_is_in_order(connected):
    connected.tell_protected(CLOSE_NOTIFY, ALERT)
    connected.client.receive_eof()


# --- alerts


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize(
    ("code", "name"), [(40, "handshake_failure"), (80, "internal_error"), (200, "unknown_200")]
)
def test_an_error_alert_ends_the_connection(connected, level, code, name):
    # RFC 8446 §6: "Unknown Alert types MUST be treated as error alerts", whatever the level.
    with pytest.raises(AlertReceived) as caught:
        connected.tell_protected(bytes([level, code]), ALERT)
    assert (caught.value.reason, caught.value.alert) == ("alert_received." + name, code)
    assert (connected.client.state, connected.client.wants) == (states.FAILED, 0)


@pytest.mark.parametrize("code", [0, 40, 70])
def test_an_alert_instead_of_server_hello_ends_the_handshake(pair, code):
    both = pair()
    both.client_speaks()
    with pytest.raises(AlertReceived) as caught:
        both.tell_plain(bytes([2, code]), ALERT)
    assert caught.value.alert == code
    assert both.client.wants == 0


def test_user_canceled_is_followed_by_close_notify(connected):
    connected.tell_protected(USER_CANCELED, ALERT)
    assert connected.client.state == states.CONNECTED
    connected.tell_protected(CLOSE_NOTIFY, ALERT)
    assert connected.client.peer_closed


@pytest.mark.parametrize("content", [b"\x02", b"\x02\x28\x00", b"\x01\x00\x01\x00"])
def test_an_alert_record_holds_one_alert(connected, content):
    assert connected.refusal_protected(content, ALERT) == ("alert.bad_length", 50)


# --- KeyUpdate


def test_the_peer_updates_its_keys(connected):
    for number in range(3):
        connected.tell_protected(key_update(0))
        connected.server.send_key = connected.server.send_key.update()
        connected.tell_protected(bytes([number]), APPLICATION_DATA)
        assert connected.client.read() == bytes([number])
        assert events(connected.client) == [EVENT_KEY_UPDATE]
    assert not len(connected.client.to_send())


def test_a_requested_update_is_answered(connected):
    connected.tell_protected(key_update(1))
    connected.client.write(b"new key")
    connected.client_speaks()  # the double follows the KeyUpdate
    assert connected.server.client_messages[-1] == key_update(0)
    assert connected.server.data == b"new key"


def test_our_own_update_is_understood(connected):
    connected.client.update_keys()
    connected.client.write(b"one")
    connected.client.update_keys(request_peer=True)
    connected.client.write(b"two")
    connected.client_speaks()
    assert connected.server.client_messages[-2:] == [key_update(0), key_update(1)]
    assert connected.server.data == b"onetwo"


def test_requests_that_find_no_room_are_answered_once_later(connected):
    while connected.client.write(b"x" * 500):
        pass
    for _ in range(5):
        connected.tell_protected(key_update(1))
        connected.server.send_key = connected.server.send_key.update()
    before = len(connected.server.client_messages)
    connected.client_speaks()
    connected.client_speaks()
    answers = connected.server.client_messages[before:]
    assert answers == [key_update(0)] * len(answers)
    assert 1 <= len(answers) <= 5
    connected.client.write(b"after")
    connected.client_speaks()
    assert connected.server.data.endswith(b"after")


def test_no_update_is_sent_after_our_close_notify(connected):
    connected.client.close()
    connected.tell_protected(key_update(1))
    connected.client_speaks()
    assert connected.server.alerts == [(1, 0)]
    assert connected.server.client_messages[-1][0] == 20


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"\x18\x00\x00\x01\x02", ("key_update.unknown_request", 47)),
        (b"\x18\x00\x00\x00", ("key_update.truncated", 50)),
        (b"\x18\x00\x00\x02\x00\x00", ("key_update.trailing_data", 50)),
    ],
)
def test_malformed_key_update_is_refused(connected, body, refusal):
    assert connected.refusal_protected(body) == refusal


def test_key_update_must_end_its_record(connected):
    refusal = connected.refusal_protected(key_update(0) + key_update(0))
    assert refusal == ("handshake.not_at_record_end", UNEXPECTED_MESSAGE)


def test_keys_are_updated_before_the_limit_of_the_cipher(connected):
    limit = connected.client._outbox.protection.record_limit
    assert limit <= 2**24.5, "RFC 8446 §5.5"
    connected.client._outbox.protection.sequence = limit - 3
    connected.server.receive_key.sequence = limit - 3
    for number in range(5):
        connected.client.write(bytes([number]))
    connected.client_speaks()
    assert connected.server.client_messages[-1] == key_update(0)
    assert connected.server.data == bytes(range(5))
    assert connected.server.receive_key.sequence == 3


def test_a_peer_that_never_updates_its_key_is_refused(connected):
    connected.client._receiver.protection.sequence = 2**30 - 1
    assert connected.refusal_protected(b"x", APPLICATION_DATA) == ("record.key_not_updated", 10)


# --- tickets


@pytest.mark.parametrize(
    "ticket",
    [
        NewSessionTicket(),
        NewSessionTicket(nonce=b"", ticket=b"t"),
        NewSessionTicket(nonce=bytes(255), ticket=bytes(3000), lifetime=604800),
        NewSessionTicket(extensions=[(42, b"\x00\x00\x40\x00"), (0xABCD, b"unknown")]),
    ],
)
def test_a_ticket_is_accepted_and_dropped(connected, ticket):
    connected.tell_protected(ticket.encode())
    assert events(connected.client) == [EVENT_TICKET]
    connected.tell_protected(b"data", APPLICATION_DATA)
    assert connected.client.read() == b"data"


def test_tickets_may_share_a_record(connected):
    connected.tell_protected(NewSessionTicket().encode() * 3)
    assert events(connected.client) == [EVENT_TICKET]


@pytest.mark.parametrize(
    ("ticket", "reason", "alert"),
    [
        (NewSessionTicket(lifetime=604801), "lifetime", 47),
        (NewSessionTicket(ticket=b""), "bad_length", 50),
        (NewSessionTicket(trailing=b"\x00"), "trailing_data", 50),
        (NewSessionTicket(extensions=[(42, b""), (42, b"")]), "duplicate_extension", 47),
        (NewSessionTicket(extensions=[(51, b"")]), "misplaced_extension", 47),
        (NewSessionTicket(extensions=[(n, b"") for n in range(500, 533)]),
         "too_many_extensions", 47),
    ],
)  # fmt: skip
def test_a_malformed_ticket_is_refused(connected, ticket, reason, alert):
    refusal = connected.refusal_protected(ticket.encode())
    assert refusal == ("new_session_ticket." + reason, alert)


# --- a peer that only makes us work


def test_empty_records_without_end_are_refused(connected):
    for _ in range(32):
        connected.tell_protected(b"", APPLICATION_DATA)
    refusal = connected.refusal_protected(b"", APPLICATION_DATA)
    assert refusal == ("record.too_many_empty", UNEXPECTED_MESSAGE)


def test_key_updates_without_end_are_refused(connected):
    for _ in range(32):
        connected.tell_protected(key_update(0))
        connected.server.send_key = connected.server.send_key.update()
    refusal = connected.refusal_protected(key_update(0))
    assert refusal == ("key_update.too_many", UNEXPECTED_MESSAGE)


def test_tickets_without_end_are_refused(connected):
    for _ in range(32):
        connected.tell_protected(NewSessionTicket().encode())
    refusal = connected.refusal_protected(NewSessionTicket().encode())
    assert refusal == ("new_session_ticket.too_many", UNEXPECTED_MESSAGE)


def test_warnings_without_end_are_refused(connected):
    for _ in range(4):
        connected.tell_protected(USER_CANCELED, ALERT)
    refusal = connected.refusal_protected(USER_CANCELED, ALERT)
    assert refusal == ("alert.too_many_warnings", UNEXPECTED_MESSAGE)


def test_data_renews_the_patience(connected):
    for _ in range(3):
        for _ in range(20):
            connected.tell_protected(b"", APPLICATION_DATA)
            connected.tell_protected(key_update(0))
            connected.server.send_key = connected.server.send_key.update()
            connected.tell_protected(NewSessionTicket().encode())
        connected.tell_protected(b"data", APPLICATION_DATA)
        assert connected.client.read() == b"data"


# --- change_cipher_spec

CCS = plain_record(CHANGE_CIPHER_SPEC, b"\x01")


def test_change_cipher_spec_is_dropped_until_finished(pair):
    both = pair()
    both.client_speaks()
    both.tell(CCS)
    both.answer_hello()
    both.tell(CCS)
    both.finish_handshake()
    assert both.refusal(CCS) == ("change_cipher_spec.unexpected", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("content", [b"\x00", b"\x02", b"\x01\x01"])
def test_another_change_cipher_spec_is_refused(pair, content):
    both = pair()
    both.hello()
    refusal = both.refusal(plain_record(CHANGE_CIPHER_SPEC, content))
    assert refusal == ("change_cipher_spec.unexpected", UNEXPECTED_MESSAGE)


def test_empty_change_cipher_spec_is_refused(pair):
    both = pair()
    both.hello()
    assert both.refusal(plain_record(20, b"")) == ("record.empty", UNEXPECTED_MESSAGE)


def test_change_cipher_specs_without_end_are_refused(pair):
    both = pair()
    both.client_speaks()
    both.tell(CCS + CCS)
    assert both.refusal(CCS) == ("change_cipher_spec.too_many", UNEXPECTED_MESSAGE)


# --- the interface


def test_what_is_wanted_at_each_step(pair):
    both = pair()
    assert both.client.wants == SEND | RECEIVE
    both.client_speaks()
    assert both.client.wants == RECEIVE
    both.connect_from_hello()
    assert both.client.wants == RECEIVE | WRITE


def test_misuse_is_refused_and_changes_nothing(pair):
    both = pair()
    for misuse in (
        lambda: both.client.write(b"x"),
        both.client.update_keys,
        lambda: both.client.export(b"label", b"", 32),
        lambda: both.client.sent(100000),
        lambda: both.client.sent(-1),
    ):
        with pytest.raises(UsageError):
            misuse()
    both.connect()
    both.client.close()
    with pytest.raises(UsageError, match=r"connection\.closed"):
        both.client.write(b"x")
    with pytest.raises(UsageError, match=r"connection\.closed"):
        both.client.update_keys()


@pytest.mark.parametrize(
    ("label", "context", "length"),
    [(b"", b"", 32), (b"x" * 250, b"", 32), (b"x", b"", 255 * 32 + 1), (b"x", b"", -1)],
)
def test_an_export_out_of_range_is_refused(connected, label, context, length):
    with pytest.raises(UsageError, match="schedule"):
        connected.client.export(label, context, length)


def test_a_failed_connection_refuses_further_use(connected):
    connected.refusal(b"\xff" * 5)
    for use in (
        lambda: connected.client.receive(b"x"),
        lambda: connected.client.write(b"x"),
        connected.client.update_keys,
        lambda: connected.client.export(b"label", b"", 32),
    ):
        with pytest.raises(UsageError):
            use()
    connected.client.close()
    connected.client.receive_eof()
    assert connected.client.read() == b""
    assert connected.client.wants == 0


def test_an_unforeseen_exception_makes_the_connection_unusable(pair):
    def broken(_name):
        raise ZeroDivisionError

    both = pair()
    both.client._config.checkpoint = broken
    with pytest.raises(ZeroDivisionError):
        both.hello()
    with pytest.raises(UsageError, match=r"connection\.failed"):
        both.client.receive(b"x")


def test_buffers_are_wiped_and_given_up_at_the_end(connected):
    client = connected.client
    receive, send = client._receiver._buffer, client._outbox._buffer
    assembly = client._handshake._buffer
    connected.tell_protected(b"secret", APPLICATION_DATA)
    client.read()
    client.write(b"secret")
    client.close()
    connected.client_speaks()
    connected.tell_protected(CLOSE_NOTIFY, ALERT)
    for buffer in (receive, send, assembly):
        assert not any(buffer)
    assert len(client._receiver._buffer) == len(client._outbox._buffer) == 0


def test_a_failed_connection_keeps_only_the_alert(connected):
    with pytest.raises(PeerMisbehaved):
        connected.client.receive(b"\xff" * 5)
    client = connected.client
    assert len(client._receiver._buffer) == 0
    assert client._receive_secret is client._outbox.secret is client._exporter_secret is None
    assert len(client.to_send()) == 24
    connected.client_speaks()
    assert len(client._outbox._buffer) == 0


# --- feeding


class Recorded:
    """The server's bytes of one connection, to be given to another client with the same seed."""

    def __init__(self, pair, **server):
        both = pair(**server)
        self.parts = []
        both.client_speaks()
        if both.server.retry_group is not None:
            self._tell(both, plain_record(HANDSHAKE, both.server.hello_retry_request()))
            both.client_speaks()
        self._tell(both, plain_record(HANDSHAKE, both.server.server_hello()))
        flight = b"".join(both.server.flight())
        third = len(flight) // 3
        for piece in (flight[:third], flight[third : 2 * third], flight[2 * third :]):
            self._tell(both, both.server.send_key.protect(HANDSHAKE, piece))
        both.client_speaks()
        both.server.use_application_keys()
        key = both.server.send_key
        self._tell(both, key.protect(HANDSHAKE, NewSessionTicket().encode()))
        self._tell(both, key.protect(APPLICATION_DATA, b"some data", 10))
        both.client.read()
        self._tell(both, key.protect(HANDSHAKE, key_update(1)))
        key = key.update()
        self._tell(both, key.protect(APPLICATION_DATA, b"more data"))
        both.client.read()
        self._tell(both, key.protect(ALERT, CLOSE_NOTIFY))

    def _tell(self, both, data):
        both.tell(data)
        self.parts.append(data)


def play(client, data, step):
    """Feed `data` in steps; return everything that can be seen from outside."""
    sent, read, happened = b"", b"", []
    position = 0
    while position < len(data):
        position += client.receive(data[position : position + step])
        pending = bytes(client.to_send())
        sent += pending
        client.sent(len(pending))
        read += client.read()
        happened += events(client)
    return sent, read, happened


@pytest.mark.parametrize("server", [{}, {"retry_group": 0x0017}, {"request_certificate": True}])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_feeding_in_pieces_equals_feeding_whole(pair, server, step):
    recorded = Recorded(pair, **server)
    whole = play(pair().client, b"".join(recorded.parts), 1 << 20)
    assert whole[1] == b"some datamore data"
    assert whole[2][-1] == EVENT_CLOSED
    pieces = play(pair().client, b"".join(recorded.parts), step)
    assert pieces[:2] == whole[:2]
    assert set(pieces[2]) == set(whole[2])
