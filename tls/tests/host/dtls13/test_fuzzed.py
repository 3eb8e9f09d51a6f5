"""Whatever a stranger or the peer itself sends, nothing comes out but errors of ours."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_fuzz import CHANGES, changed

from tlscore.codepoints import ALERT_NAMES
from tlscore.dtls13 import acks, cookie
from tlscore.dtls13.client import ClientConnection
from tlscore.errors import AlertReceived, PeerMisbehaved

CONNECTED = 12
TOO_MANY_IDS = 52
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
OFFSET = bytes(3)


def fragment(kind, number, body):
    size = len(body).to_bytes(3, "big")
    return bytes((kind,)) + size + number.to_bytes(2, "big") + OFFSET + size + body


# Well-formed things that a client may say after the handshake: content type and content.
SAID = (
    (22, fragment(24, 3, b"\x01")),
    (22, fragment(10, 3, b"\x00\x05\x04abcd\x00")),
    (22, fragment(9, 3, b"\x02")),
    (22, fragment(24, 3, b"\x00") + fragment(24, 4, b"\x00")),
    (26, b"\x00\x10" + bytes(7) + b"\x03" + bytes(8)),
    (21, b"\x01\x00"),
    (23, b"hello"),
)


def tolerated(function, *arguments):
    """Call; let errors of ours pass, with an alert that there is."""
    error = None
    try:
        function(*arguments)
    except PeerMisbehaved as caught:
        error = caught
    except AlertReceived:
        pass
    if error is not None:
        assert error.alert == TOO_MANY_IDS or error.alert in dict(ALERT_NAMES)
        assert "." in error.reason


@pytest.fixture(scope="module")
def said(network):
    """Return the datagrams of a handshake, [(to_server, octets)]."""
    made = network(None, by_key=True)
    made.join(made.ends.client())
    made.run(60000, made.connected)
    return [(row[1], row[2]) for row in made.log]


@given(st.sampled_from(SAID), CHANGES)
@FUZZ
def test_a_peer_may_say_anything(connected, said_by_peer, changes):
    made, host = connected(client={"connection_id": b"me"}, connection_id=b"you")
    made.run(made.clock.now + 1000)
    content_type, content = said_by_peer
    content = changed(content, changes)[:1000]
    protection, buffer = host.connection._outbox.protection, bytearray(2000)
    at = protection.header_bytes()
    buffer[at : at + len(content)] = content
    end = protection.seal(buffer, 0, content_type, len(content))
    server = made.listener.sessions[0].connection
    tolerated(server.receive_datagram, buffer[:end])
    server.datagram_into(bytearray(2000))


@given(st.integers(0, 5), CHANGES)
@FUZZ
def test_a_stranger_may_say_anything_to_a_server(network, said, which, changes):
    made = network(None, by_key=True)
    datagrams = [octets for to_server, octets in said if to_server]
    octets = changed(datagrams[which % len(datagrams)], changes)
    made.listener.receive(("192.0.2.1", 40000), bytearray(octets))
    made.listener.datagram_into(bytearray(2000))


@given(st.integers(0, 5), CHANGES)
@FUZZ
def test_a_stranger_may_say_anything_to_a_client(ends, said, which, changes):
    connection = ClientConnection(ends().client())
    connection.datagram_into(bytearray(2000))
    datagrams = [octets for to_server, octets in said if not to_server]
    octets = changed(datagrams[which % len(datagrams)], changes)
    tolerated(connection.receive_datagram, bytearray(octets))
    assert connection.state != CONNECTED


@given(st.binary(max_size=100))
@FUZZ
def test_what_is_parsed_alone_takes_anything(octets):
    view = memoryview(octets)
    tolerated(acks.parse, view)
    first = cookie.first_fragment(view)
    assert first is None or first.cookie() is None or len(octets) > 60
    assert cookie.read(bytes(32), b"address", view, 0) is None
