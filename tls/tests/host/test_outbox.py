"""New keys in both directions (RFC 8446 §4.6.3), whatever room there is to say so."""

import pytest
from server_messages import (
    APPLICATION_DATA,
    key_update,
)

from tlscore.connection import EVENT_KEY_UPDATE

UNEXPECTED_MESSAGE = 10


@pytest.fixture
def connected(connected_pair):
    return connected_pair()


def test_the_peer_updates_its_keys(connected):
    for number in range(3):
        connected.tell_protected(key_update(0))
        connected.server.send_key = connected.server.send_key.update()
        connected.tell_protected(bytes([number]), APPLICATION_DATA)
        assert connected.client.read() == bytes([number])
        assert connected.events() == [EVENT_KEY_UPDATE]
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


def test_a_request_that_found_no_room_is_not_forgotten(connected):
    while connected.client.write(b"x" * 500):
        pass
    for _ in range(2):  # the first takes the room that is kept free
        connected.client.update_keys(request_peer=True)
    connected.tell_protected(key_update(1))
    before = len(connected.server.client_messages)
    connected.client_speaks()
    connected.client_speaks()
    assert connected.server.client_messages[before:] == [key_update(1)] * 2


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
    protection = connected.client._outbox.protection
    protection.record_limit = protection.sequence + 3
    for number in range(5):
        connected.client.write(bytes([number]))
    connected.client_speaks()
    assert connected.server.client_messages[-1] == key_update(0)
    assert connected.server.data == bytes(range(5))
    assert connected.server.receive_key.sequence == 3


def test_a_peer_that_never_updates_its_key_is_refused(connected):
    connected.client._receiver.protection.sequence = 2**30 - 1
    assert connected.refusal_protected(b"x", APPLICATION_DATA) == ("record.key_not_updated", 10)
