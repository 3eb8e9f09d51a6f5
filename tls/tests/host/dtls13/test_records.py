"""What ends a connection and what does not; numbers, connection ids, cookies and slots."""

import pytest
from datagram_claims import PLAIN_ALERT, DatagramClaims
from dtls_network import Fate, Scripted, talks

from tlscore.dtls13.client import ClientConnection
from tlscore.errors import PeerMisbehaved, TlsError

GCM, CHACHA20, CCM, CCM_8 = 0x1301, 0x1303, 0x1304, 0x1305
FAILED = 14


def server_of(made):
    (session,) = [session for session in made.listener.sessions if session is not None]
    return session.connection


def data_of(host, said):
    buffer = bytearray(2000)
    return bytes(buffer[: host.connection.write_into(said, buffer)])


def heard(made, host, datagram):
    session = made.listener.receive(host.address, bytearray(datagram))
    data = None if session is None else session.connection.read()
    return None if data is None else bytes(data)


# --- what is not authentic


class TestWhatBothVersionsDo(DatagramClaims):
    """The claims that hold for DTLS 1.2 as well."""

    connection_class = ClientConnection
    # A ClientHello with a good cookie that is changed elsewhere is somebody's; nothing comes of it.
    failures_max = 4

    def look_alikes(self, chance, junk):
        plain = bytes((chance.choice((20, 21, 22, 23, 26)), 0xFE, 0xFD, 0, 0)) + junk
        short = bytes((0x20 | chance.randrange(32),)) + junk
        return [plain, short, PLAIN_ALERT]


def test_keys_are_given_up_after_too_many_forgeries(connected):
    """RFC 9147 §4.5.3: CCM_8 must not be used without a safeguard against forgery."""
    made, host = connected(suite=CCM_8)
    server = server_of(made)
    forged = bytearray(data_of(host, b"x" * 40))
    forged[-1] ^= 1
    for _ in range(127):
        server.receive_datagram(bytearray(forged))
    assert talks(made, host)
    with pytest.raises(PeerMisbehaved, match=r"record\.too_many_forged"):
        server.receive_datagram(bytearray(forged))
    assert server.state == FAILED


def test_a_record_that_cannot_be_opened_is_left_as_it_was(connected):
    made, host = connected()
    forged = bytearray(data_of(host, b"x" * 40))
    forged[-1] ^= 1
    before = bytes(forged)
    assert made.listener.receive(host.address, forged) is None
    assert bytes(forged) == before


# --- what is, and is wrong


def sealed(host, content_type, content):
    """Return a datagram with a record of the client's, whatever is in it."""
    protection, buffer = host.connection._outbox.protection, bytearray(2000)
    at = protection.header_bytes()
    buffer[at : at + len(content)] = content
    return buffer[: protection.seal(buffer, 0, content_type, len(content))]


def fragment(kind, number, body, length=None, offset=0):
    length = len(body) if length is None else length
    head = bytes((kind,)) + length.to_bytes(3, "big") + number.to_bytes(2, "big")
    return head + offset.to_bytes(3, "big") + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize(("content_type", "content", "reason"), [
    (24, b"x", "record.unexpected_inner_type"),
    (20, b"\x01", "record.unexpected_inner_type"),
    (26, b"\x00", "ack.truncated"),
    (26, b"\x00\x08" + bytes(8), "ack.truncated"),
    (26, b"\x00\x00\x00", "ack.trailing_data"),
    (21, b"\x02", "alert.bad_length"),
    (22, fragment(24, 3, b"\x02"), "key_update.unknown_request"),
    (22, fragment(24, 3, b"\x00\x00"), "key_update.trailing_data"),
    (22, fragment(20, 3, bytes(32)), "handshake.unexpected_message"),
    (22, fragment(1, 3, bytes(32)), "handshake.unexpected_message"),
    (22, fragment(4, 3, bytes(32)), "handshake.unexpected_message"),
    (22, fragment(24, 3, b"\x00", 100), "handshake.message_too_long"),
])  # fmt: skip
def test_a_peer_that_misbehaves_is_told(connected, content_type, content, reason):
    made, host = connected()
    made.run(made.clock.now + 1000)
    server = server_of(made)
    with pytest.raises(PeerMisbehaved) as raised:
        server.receive_datagram(sealed(host, content_type, content))
    assert (raised.value.reason, server.state) == (reason, FAILED)
    made.run(made.clock.now + 1000)
    assert host.error.reason.startswith("alert_received.")


@pytest.mark.parametrize("content", [
    b"",
    b"\x18",
    fragment(24, 3, b"\x00")[:-1],
    fragment(24, 3, b"\x00", 1, 1),
    fragment(24, 5, b"\x00"),
    fragment(24, 9999, b"\x00"),
])  # fmt: skip
def test_what_makes_no_sense_is_neither_taken_nor_acknowledged(connected, content):
    made, host = connected()
    made.run(made.clock.now + 1000)
    server = server_of(made)
    server.receive_datagram(sealed(host, 22, content))
    assert server.datagram_into(bytearray(2000)) == 0
    assert talks(made, host)


def test_an_empty_ack_and_one_of_what_was_never_sent_say_nothing(connected):
    made, host = connected()
    made.run(made.clock.now + 1000)
    for numbers in (b"", bytes(32), b"\xff" * 16):
        size = len(numbers).to_bytes(2, "big")
        server_of(made).receive_datagram(sealed(host, 26, size + numbers))
    assert talks(made, host)


def test_a_record_larger_than_was_agreed_ends_the_connection(connected):
    made, host = connected()
    server = server_of(made)
    server._receiver.plaintext_limit = 10
    with pytest.raises(PeerMisbehaved, match=r"record\.plaintext_overflow"):
        server.receive_datagram(bytearray(data_of(host, b"x" * 10)))


@pytest.mark.parametrize("of_server", [True, False])
def test_a_hello_of_another_version_is_refused(network, of_server):
    """The versions of DTLS 1.2 alone: a server says so, a client believes no such server."""
    other = b"\xfe\xfd"

    def script(to_server, _number, datagram):
        if to_server != of_server and b"\x00\x2b" in datagram:
            return [(20, datagram.replace(b"\xfe\xfc", other))]
        return None

    made = network(Scripted(script))
    host = made.join(made.ends.client(handshake_ms_max=5000))
    made.run(20000)
    expected = "server_hello.unoffered_version" if of_server else "alert_received.protocol_version"
    assert host.error.reason == expected
    assert made.listener.sessions == [None] * 4


def test_a_legacy_cookie_is_refused(network):
    def script(to_server, number, datagram):
        if not to_server or number:
            return None
        # legacy_cookie is behind the empty session id.
        at = 13 + 12 + 2 + 32 + 1
        changed = bytearray(datagram[:at] + b"\x01\x00" + datagram[at + 1 :])
        for place in (12, 16, 24):
            changed[place] += 1
        return [(20, bytes(changed))]

    made = network(Scripted(script))
    host = made.join(made.ends.client())
    made.run(500)
    assert host.connection.heard_alert == 47
    made.run(60000, made.connected)
    assert made.connected()


def test_a_wrong_key_ends_in_an_alert(network):
    made = network(Fate())
    host = made.join(made.ends.client(psks=((b"device 1", bytes(16), 32),)))
    made.run(400000)
    assert isinstance(host.error, TlsError)
    assert host.error.reason == "alert_received.decrypt_error"
    assert made.listener.sessions == [None] * 4


# --- numbers


def test_a_record_that_comes_again_is_dropped(connected):
    made, host = connected()
    datagram = data_of(host, b"once")
    assert heard(made, host, datagram) == b"once"
    for _ in range(3):
        assert heard(made, host, datagram) is None


@pytest.mark.parametrize("short", [True, False])
def test_records_within_the_window_come_in_any_order_and_older_ones_not_at_all(connected, short):
    made, host = connected(client={"short_numbers": short})
    sent = [data_of(host, b"%d" % number) for number in range(70)]
    order = [69, 6, 5, 68, 67, 6, 30, 69]
    # The window is of 64: of 69, 6 is the oldest in it.
    assert [heard(made, host, sent[number]) for number in order] == [
        b"69", b"6", None, b"68", b"67", None, b"30", None,
    ]  # fmt: skip


@pytest.mark.parametrize(("short", "ahead"), [(True, 120), (False, 30000)])
def test_numbers_are_understood_after_many_losses(connected, short, ahead):
    made, host = connected(client={"short_numbers": short})
    first = data_of(host, b"first")
    host.connection._outbox.protection.sequence += ahead
    assert heard(made, host, data_of(host, b"much later")) == b"much later"
    assert heard(made, host, first) is None
    assert talks(made, host)


def test_headers_are_as_short_as_can_be(connected):
    _, host = connected(client={"short_numbers": True})
    assert len(data_of(host, b"x" * 20)) == 1 + 1 + 20 + 1 + 16
    _, host = connected()
    assert len(data_of(host, b"x" * 20)) == 1 + 2 + 20 + 1 + 16


def test_padding_hides_the_length(connected):
    made, host = connected(client={"padding_bytes": 64})
    assert len({len(data_of(host, bytes(size))) for size in range(1, 64)}) == 1
    assert talks(made, host, b"padded")
    assert talks(made, host, bytes(host.connection.write_room(2000)))
