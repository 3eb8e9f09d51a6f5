"""Handshake messages in records: any split is understood, and what may not be split is refused."""

import pytest
from server_messages import (
    ALERT,
    APPLICATION_DATA,
    NewSessionTicket,
    key_update,
    message,
    plain_record,
)

from tlscore import states

UNEXPECTED_MESSAGE, ILLEGAL_PARAMETER = 10, 47


def pieces_of(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 17, 64, 1000])
def test_the_flight_may_be_split_anywhere(pair, size):
    both = pair(request_certificate=True)
    both.hello()
    for piece in pieces_of(b"".join(both.server.flight()), size):
        both.tell_protected(piece)
    assert both.client.state == states.CONNECTED
    both.client_speaks()
    assert both.server.client_finished_is_right()


@pytest.mark.parametrize("size", [1, 3, 4, 50])
def test_the_server_hello_may_be_split(pair, size):
    both = pair()
    both.client_speaks()
    for piece in pieces_of(both.server.server_hello(), size):
        both.tell_plain(piece)
    both.finish_handshake()


def test_a_record_per_message_is_understood(pair):
    both = pair()
    both.hello()
    for encoded in both.server.flight():
        both.tell_protected(encoded)
    assert both.client.state == states.CONNECTED


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_split_ticket_is_understood(pair, size):
    both = pair().connect()
    for piece in pieces_of(NewSessionTicket().encode(), size):
        both.tell_protected(piece)
    both.tell_protected(b"data", APPLICATION_DATA)
    assert both.client.read() == b"data"


def test_a_split_key_update_is_understood(pair):
    both = pair().connect()
    both.tell_protected(key_update(0)[:3])
    both.tell_protected(key_update(0)[3:])
    both.server.send_key = both.server.send_key.update()
    both.tell_protected(b"data", APPLICATION_DATA)
    assert both.client.read() == b"data"


@pytest.mark.parametrize("split", [1, 4, 10])
@pytest.mark.parametrize(
    ("content_type", "content"), [(ALERT, b"\x01\x5a"), (APPLICATION_DATA, b"data")]
)
def test_other_records_inside_a_message_are_refused(pair, content_type, content, split):
    # RFC 8446 §5.1: "there MUST NOT be any other records between them"
    both = pair().connect()
    both.tell_protected(NewSessionTicket().encode()[:split])
    refusal = both.refusal_protected(content, content_type)
    assert refusal == ("record.inside_handshake_message", UNEXPECTED_MESSAGE)


def test_change_cipher_spec_inside_a_message_is_refused(pair):
    both = pair()
    both.client_speaks()
    both.tell_plain(both.server.server_hello()[:20])
    both.server.send_key = both.server.receive_key = None
    refusal = both.refusal(plain_record(20, b"\x01"))
    assert refusal == ("record.inside_handshake_message", UNEXPECTED_MESSAGE)


def test_server_hello_must_end_its_record(pair):
    # RFC 8446 §5.1: no message may span a key change.
    both = pair()
    both.client_speaks()
    hello = both.server.server_hello()
    both.server.send_key = both.server.receive_key = None
    refusal = both.refusal_plain(hello + message(8, b"\x00\x00"))
    assert refusal == ("handshake.not_at_record_end", UNEXPECTED_MESSAGE)


def test_finished_must_end_its_record(pair):
    both = pair()
    both.hello()
    flight = b"".join(both.server.flight())
    refusal = both.refusal_protected(flight + NewSessionTicket().encode())
    assert refusal == ("handshake.not_at_record_end", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("split", [3, 4, 30])
def test_a_split_message_too_long_for_the_buffer_is_refused(pair, split):
    both = pair(config={"handshake_buffer_bytes": 256})
    both.hello()
    encoded = message(8, bytes(253))
    both.tell_protected(encoded[:3])
    refusal = both.refusal_protected(encoded[3 : split + 1])
    assert refusal == ("handshake.message_too_long", ILLEGAL_PARAMETER)


def test_a_message_that_fits_the_buffer_exactly_is_assembled(pair):
    both = pair(
        config={"handshake_buffer_bytes": 256, "alpn": (b"a" * 200,)},
        edit={"encrypted_extensions": lambda fields: fields.extensions.__setitem__(
            slice(None), [(16, b"\x00\xc9\xc8" + b"a" * 200), (10, b"\x00\x24" + b"\x00\x1d" * 18)]
        )},
    )  # fmt: skip
    both.hello()
    encoded = both.server.encrypted_extensions()
    assert len(encoded) == 255
    both.tell_protected(encoded[:2])
    both.tell_protected(encoded[2:])
    assert both.client.alpn == b"a" * 200


def test_a_certificate_message_over_the_limit_is_refused_by_its_header(pair):
    both = pair()
    both.hello()
    both.tell_until(8)
    refusal = both.refusal_protected(b"\x0b" + (102401).to_bytes(3, "big"))
    assert refusal == ("certificate_message.too_long", ILLEGAL_PARAMETER)
