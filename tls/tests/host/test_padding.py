"""Records of application data padded so that their lengths say less (RFC 8446 §5.4)."""

import pytest
from client_messages import ClientHello

from tlscore.connection import WRITE
from tlscore.errors import UsageError

OVERHEAD = 5 + 1 + 16


def sizes(records):
    """Return the sizes of the records in a stretch of bytes, less what is around their content."""
    found = []
    while records:
        size = 5 + int.from_bytes(records[3:5], "big")
        found.append(size - OVERHEAD)
        records = records[size:]
    return found


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("multiple", [1, 16, 100, 256, 951])
def test_lengths_are_multiples_and_the_data_is_whole(loopback, by_client, multiple):
    client, server = ({"padding_bytes": multiple}, {}) if by_client else ({}, {})
    if not by_client:
        server = {"padding_bytes": multiple}
    both = loopback(client=client, **server).connect()
    end = both.client if by_client else both.server
    for length in (1, 15, 16, 17, 100, 255, 257, 2000):
        data, sent, heard = bytes(range(1, 201)) * 10, 0, b""
        while sent < length:
            sent += end.write(data[sent:length])
            seen = sizes(bytes(end.to_send()))
            assert [size % multiple for size in seen] == [0] * len(seen)
            heard += both.carry()[1 if by_client else 0]
        assert heard == data[:length]


def test_without_a_policy_nothing_is_added(loopback):
    both = loopback().connect()
    both.client.write(b"12345")
    assert sizes(bytes(both.client.to_send())) == [5]


def test_padding_stays_within_the_limit_of_the_peer(bench):
    # RFC 8446 §5.4: a reduced limit "applies to the full plaintext, including the content type
    # and padding"; 64 leaves 63 for data and zeros.
    one = bench(padding_bytes=50)
    one.hello(ClientHello().put(28, b"\x00\x40"))
    one.send(one.finished())
    for length, expected in ((1, 50), (50, 50), (51, 63), (63, 63)):
        assert one.server.write(bytes(length)) == length
        assert sizes(bytes(one.server.to_send())) == [expected]
        one.server.sent(len(one.server.to_send()))


def test_data_waits_until_its_padding_has_room(loopback):
    both = loopback(padding_bytes=300).connect()
    server = both.server
    taken = [server.write(bytes(200)) for _ in range(5)]
    assert taken == [200, 200, 200, 0, 0]
    assert not server.wants & WRITE
    assert sizes(bytes(server.to_send())) == [300, 300, 300]
    assert both.carry()[0] == bytes(600)
    assert server.wants & WRITE


@pytest.mark.parametrize("role", ["client", "server"])
def test_a_multiple_that_does_not_fit_is_refused(client_config, server_config, role):
    make = client_config if role == "client" else server_config
    make(padding_bytes=951)
    for size in (-1, 952, 20000):
        with pytest.raises(UsageError, match=r"config\.padding_bytes"):
            make(padding_bytes=size)
