"""A connection after the handshake: data, alerts, closing, new keys, limits, and its interface."""

import pytest
from server_messages import (
    ALERT,
    APPLICATION_DATA,
)

from tlscore import states
from tlscore.connection import (
    EVENT_CLOSED,
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
def connected(connected_pair):
    return connected_pair()


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
    assert connected.events() == [EVENT_CLOSED]
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
