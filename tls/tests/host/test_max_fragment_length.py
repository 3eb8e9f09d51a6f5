"""max_fragment_length (RFC 6066 §4), for peers that do not know what replaces it (RFC 8449)."""

import pytest
from client_messages import ClientHello
from server_messages import APPLICATION_DATA, message, vector

from tlscore.errors import UsageError

SIZES = ((1, 512), (2, 1024), (3, 2048), (4, 4096))


def negotiated(bench, code, **config):
    one = bench(send_buffer_bytes=8192, **config).hello(ClientHello().put(1, bytes([code])))
    assert one.flight[1] == message(8, vector(2, b"\x00\x01\x00\x01" + bytes([code])))
    one.send(one.finished())
    one.key = one._key("CLIENT_TRAFFIC_SECRET_0")
    return one


@pytest.mark.parametrize(("code", "size"), SIZES)
def test_our_server_answers_and_keeps_to_it(bench, code, size):
    one = negotiated(bench, code)
    assert one.server.write(bytes(5000)) == size


@pytest.mark.parametrize(("code", "size"), SIZES)
def test_a_client_has_to_keep_to_what_it_asked_for(bench, code, size):
    # RFC 8446 §5.4: a reduced limit "applies to the full plaintext, including the content type
    # and padding".
    one = negotiated(bench, code, record_buffer_bytes=8192)
    view = memoryview(one.key.protect(23, b"x" * size))
    assert one.server.receive(view) == len(view)
    assert one.server.read() == b"x" * size
    refused = one.refusal(one.key.protect(23, b"x" * size, padding=1))
    assert refused == ("record.plaintext_overflow", 22)


def test_the_flight_of_the_server_keeps_to_it(bench, identity):
    records = []

    class Noting(type(bench())):
        def _take(self, record):
            records.append(len(record) - 5 - 17)
            super()._take(record)

    made = bench(certificates=tuple(identity.chain) * 5, send_buffer_bytes=8192)
    made.__class__ = Noting
    made.hello(ClientHello().put(1, b"\x01"))
    assert max(records) == 512


def test_record_size_limit_wins(bench):
    # RFC 8449 §5: a server "MUST ignore a "max_fragment_length" extension ... if both appear",
    # whatever it says.
    for code in (b"\x01", b"\x07"):
        one = bench(send_buffer_bytes=8192)
        one.hello(ClientHello().put(1, code).put(28, b"\x04\x01"))
        assert one.flight[1] == message(8, vector(2, b"\x00\x1c\x00\x02\x10\x01"))
        one.send(one.finished())
        assert one.server.write(bytes(5000)) == 1024


# --- our client


def answering(code, *more):
    """Return an edit that has the server answer with a code, and with further extensions."""
    return {"encrypted_extensions": lambda said: said.extensions.extend([(1, code), *more])}


@pytest.mark.parametrize(("code", "size"), SIZES)
def test_our_client_asks_and_keeps_to_it(pair, code, size):
    config = {"max_fragment_bytes": size, "send_buffer_bytes": 8192}
    both = pair(config=config, edit=answering(bytes([code])))
    both.client_speaks()
    assert both.server.client_hello()[3][1] == bytes([code])
    both.connect_from_hello()
    assert both.client.write(bytes(5000)) == size
    both.tell_protected(b"x" * size, APPLICATION_DATA)
    assert both.client.read() == b"x" * size
    refused = both.refusal_protected(b"x" * size, APPLICATION_DATA, padding=1)
    assert refused == ("record.exceeds_buffer" if size == 4096 else "record.plaintext_overflow", 22)


def test_a_server_that_does_not_answer_it_may_do_without(pair):
    both = pair(config={"max_fragment_bytes": 512}).connect()
    both.tell_protected(b"x" * 4000, APPLICATION_DATA)
    assert both.client.read() == b"x" * 4000


@pytest.mark.parametrize("size", [512, 4096])
def test_our_client_and_our_server_prefer_what_replaces_it(loopback, size):
    client = {"max_fragment_bytes": size, "record_buffer_bytes": 4096 + 22}
    both = loopback(client=client, send_buffer_bytes=8192).connect()
    assert both.server.write(bytes(5000)) == 4096


def test_it_is_for_servers_that_know_nothing_else(loopback):
    client = {"max_fragment_bytes": 512, "record_buffer_bytes": 16645, "send_buffer_bytes": 8192}
    both = loopback(client=client, send_buffer_bytes=8192).connect()
    assert both.server.write(bytes(5000)) == both.client.write(bytes(5000)) == 512
    assert both.carry() == (bytes(512), bytes(512))


@pytest.mark.parametrize(
    ("code", "reason", "alert"),
    [
        (b"\x02", "other_fragment_length", 47),
        (b"\x00", "max_fragment_length", 47),
        (b"\x05", "max_fragment_length", 47),
        (b"", "truncated", 50),
        (b"\x01\x01", "trailing_data", 50),
    ],
)
def test_another_answer_is_refused(pair, code, reason, alert):
    both = pair(config={"max_fragment_bytes": 512}, edit=answering(code))
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions." + reason, alert)


def test_both_answers_at_once_are_refused(pair):
    # RFC 8449 §5: "A client MUST treat receipt of both ... as a fatal error".
    both = pair(config={"max_fragment_bytes": 512}, edit=answering(b"\x01", (28, b"\x02\x00")))
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.two_record_limits", 47)


def test_an_answer_nobody_asked_for_is_refused(pair):
    both = pair(edit=answering(b"\x01"))
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.unsolicited_extension", 110)


@pytest.mark.parametrize("changes", [{"max_fragment_bytes": 500}, {"record_buffer_bytes": 533}])
def test_a_length_that_cannot_be_kept_is_refused(client_config, changes):
    with pytest.raises(UsageError, match=r"config\.max_fragment_bytes"):
        client_config(**{"max_fragment_bytes": 512, **changes})
