"""What ends a connection and what does not; records, numbers and connection ids."""

import pytest
from datagram_claims import DatagramClaims
from dtls_network import CONNECTED, Fate, Scripted, records, talks

from tlscore.dtls.client import ClientConnection
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError, UsageError

PSK_CCM_8, ECDSA_CCM_8, ECDSA_GCM, PSK_GCM = 0xC0A8, 0xC0AE, 0xC02B, 0x00A8
PSK_CHACHA20 = 0xCCAB
FAILED = 14


@pytest.fixture
def connected(network):
    """Return a maker of networks with a client that is connected, and the client's host."""

    def make(suite=PSK_CCM_8, fate=None, client=None, **server):
        made = network(fate, suite, **server)
        host = made.join(made.ends.client(**(client or {})))
        made.run(60000, made.connected)
        assert made.connected()
        return made, host

    return make


class TestWhatBothVersionsDo(DatagramClaims):
    """The claims that hold for DTLS 1.3 as well."""

    connection_class = ClientConnection

    def look_alikes(self, chance, junk):
        header = bytes((chance.choice((20, 21, 22, 23, 25)), 0xFE, 0xFD, 0, chance.randrange(2)))
        return [header + junk, header + bytes(6) + b"\x00\x02\x02\x28"]


@pytest.mark.parametrize("suite", [PSK_CCM_8, PSK_GCM, ECDSA_CCM_8, ECDSA_GCM, PSK_CHACHA20])
def test_both_ends_of_every_suite_talk(network, suite):
    made = network(suite=suite)
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    assert talks(made, host, b"x" * 1000)
    assert host.connection.suite == suite


@pytest.mark.parametrize("level", [1, 2])
def test_an_alert_in_the_clear_is_believed_by_who_wants_to(ends, level):
    connection = ClientConnection(ends().client(plain_alerts=True))
    buffer = bytearray(2000)
    connection.datagram_into(buffer)
    alert = bytearray(b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02" + bytes((level, 40)))
    if level == 1:  # a warning ends nothing
        connection.receive_datagram(alert)
        assert (connection.heard_alert, connection.state) == (40, 1)
        return
    with pytest.raises(AlertReceived, match="handshake_failure"):
        connection.receive_datagram(alert)
    assert (connection.state, connection.wants) == (FAILED, 0)


def test_a_refusal_reaches_a_client_that_believes_it_at_once(network, ends):
    made = network(suite=PSK_GCM)
    host = made.join(ends(PSK_CCM_8).client(plain_alerts=True, now_ms=made.clock))
    made.run(60000, lambda: host.error is not None)
    assert isinstance(host.error, AlertReceived)
    assert made.clock.now < 1000


def test_an_alert_in_the_clear_ends_no_session(connected):
    made, host = connected(client={"plain_alerts": True}, plain_alerts=True)
    for to_server in (True, False):
        made._arrive(to_server, host.address, b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28")
    assert host.error is None
    assert talks(made, host, b"still here")


def test_nobody_there_is_told_in_time(ends):
    both = ends()
    connection = ClientConnection(both.client(handshake_ms_max=20000))
    buffer, sent = bytearray(2000), []
    while both.clock.now < 20000:
        while connection.datagram_into(buffer):
            sent.append(both.clock.now)
        both.clock.now += connection.next_timeout()
    with pytest.raises(TlsError, match=r"connection\.timed_out"):
        connection.datagram_into(buffer)
    # RFC 6347 §4.2.4.1: one second at first, then twice as long every time.
    assert sent == [0, 1000, 3000, 7000, 15000]
    assert both.clock.now == 20000


def test_fragments_get_smaller_after_repeated_loss(network):
    """A path that carries no datagram of more than 300 bytes, and says so to nobody."""
    script = Scripted(lambda _up, _number, datagram: [] if len(datagram) > 300 else None)
    made = network(script, ECDSA_CCM_8)
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    assert made.connected()
    assert max(len(row[2]) for row in made.log) > 600
    assert host.connection.write_room(2000) > 1000  # a choice of the application again


def test_a_record_that_comes_again_is_dropped(connected):
    made, host = connected()
    host.write(b"once")
    datagram = made.log[-1][2]
    made.run(made.clock.now + 1000)
    for _ in range(3):
        assert made.listener.receive(host.address, bytearray(datagram)) is None
    made.run(made.clock.now + 1000)
    assert host.heard == [b"once"]


def test_records_within_the_window_come_in_any_order_and_older_ones_not_at_all(connected):
    made, host = connected()
    buffer, sent = bytearray(2000), []
    for number in range(70):
        size = host.connection.write_into(b"%d" % number, buffer)
        sent.append(bytes(buffer[:size]))
    heard = []
    for number in [69, 6, 5, 68, 67, 6, 30, 69]:
        session = made.listener.receive(host.address, bytearray(sent[number]))
        heard.append(None if session is None else bytes(session.connection.read()))
    # The window is of 64: of 69, 6 is the oldest in it.
    assert heard == [b"69", b"6", None, b"68", b"67", None, b"30", None]


@pytest.mark.parametrize("suite", [PSK_CCM_8, PSK_GCM])
def test_a_key_that_has_protected_all_it_may_says_so(connected, suite):
    made, host = connected(suite)
    protection = host.connection._outbox.protection
    protection.sequence = protection.record_limit - 2
    host.write(b"the last one")
    with pytest.raises(UsageError, match=r"connection\.key_exhausted"):
        host.write(b"one more")
    host.connection.close()
    made.run(made.clock.now + 1000)
    assert made.listener.sessions == [None] * 4


def test_numbers_beyond_any_limit_are_dropped(connected):
    made, host = connected()
    host.connection._outbox.protection.sequence = 0x40000000
    protection = host.connection._outbox.protection
    protection.record_limit = 1 << 40
    host.write(b"too far")
    made.run(made.clock.now + 1000)
    assert host.heard == []
    assert made.listener.sessions[0].connection.dropped == 1


def test_a_wrong_key_is_told_to_nobody(network):
    """What is protected with another key is junk; the server's slot is free again in time."""
    made = network(Fate())
    host = made.join(made.ends.client(psks=((b"device 1", bytes(16), 32),)))
    made.run(400000)
    assert isinstance(host.error, TlsError)
    assert host.error.reason == "connection.timed_out"
    assert made.listener.sessions == [None] * 4


def test_what_no_suite_goes_with_is_refused_with_an_alert(network):
    made = network(Fate(), PSK_GCM)
    host = made.join(made.ends.client(suites=(PSK_CCM_8,)))
    made.run(400000)
    assert host.error.reason == "alert_received.handshake_failure"
    alerts = [row for row in made.log if records(row[2])[0][0] == 21 and not row[1]]
    assert made.listener.failed == len(alerts) > 0
    assert made.listener.sessions == [None] * 4


# --- connection ids (RFC 9146)


@pytest.mark.parametrize("suite", [PSK_CCM_8, PSK_GCM])
@pytest.mark.parametrize(("of_client", "of_server"), [(b"", b"ab"), (b"c", b"abcd"), (b"cc", b"")])
def test_connection_ids_are_in_the_records(connected, suite, of_client, of_server):
    made, host = connected(suite, client={"connection_id": of_client}, connection_id=of_server)
    assert talks(made, host, b"hello")
    protected = [row for row in made.log if row[2][3:5] == b"\x00\x01"]
    for _, to_server, datagram in protected:
        said = of_server if to_server else of_client
        # A listener chooses ids of that length of its own.
        assert to_server or datagram[11 : 11 + len(said)] == said
        assert (datagram[0] == 25) == bool(said)
    assert {row[1] for row in protected} == {True, False}


def test_without_the_other_end_there_is_no_connection_id(connected):
    made, host = connected(client={"connection_id": b"me"})
    assert talks(made, host, b"hello")
    made, host = connected(connection_id=b"you")
    assert talks(made, host, b"hello")
    assert {row[0] for at in made.log for row in records(at[2])} <= {20, 22, 23}


def test_a_session_follows_its_client_to_another_address(connected):
    made, host = connected(client={"connection_id": b""}, connection_id=b"1234")
    host.address = ("198.51.100.7", 1)
    assert talks(made, host, b"I have moved")
    assert made.listener.sessions[0].peer == ("198.51.100.7", 1)
    # What was on its way before comes again from anywhere: nothing follows that.
    old = [row[2] for row in made.log if row[1]][-1]
    made.listener.receive(("203.0.113.1", 1), bytearray(old))
    assert made.listener.sessions[0].peer == ("198.51.100.7", 1)


def test_without_a_connection_id_another_address_is_another_client(connected):
    made, host = connected()
    host.address = ("198.51.100.7", 1)
    assert not talks(made, host, b"I have moved")
    assert made.listener.sessions[0].connection.state == CONNECTED


def test_a_record_of_somebody_elses_id_is_dropped(connected):
    made, host = connected(client={"connection_id": b""}, connection_id=b"1234")
    host.write(b"hello")
    datagram = bytearray(made.log[-1][2])
    datagram[12] ^= 1
    assert made.listener.receive(host.address, datagram) is None
    assert made.listener.sessions[0].connection.dropped == 1


# --- slots


def test_a_new_client_takes_the_slot_used_least_recently(network):
    made = network(Fate(), slots=2)
    hosts = []
    for number in range(2):
        hosts.append(made.join(made.ends.client(number), ("192.0.2.1", number)))
        made.run(made.clock.now + 1000, made.connected)
    assert talks(made, hosts[0], b"hello")
    third = made.join(made.ends.client(3), ("192.0.2.1", 3))
    made.run(made.clock.now + 1000, lambda: third.connected_ms is not None)
    assert sorted(session.peer[1] for session in made.listener.sessions) == [0, 3]
    assert hosts[1].connection.peer_closed


def test_a_listener_that_does_not_evict_lets_clients_wait(network):
    made = network(Fate(), slots=1)
    made.listener._evicts = False
    first = made.join(made.ends.client(1), ("192.0.2.1", 1))
    made.run(1000, made.connected)
    second = made.join(made.ends.client(2), ("192.0.2.1", 2))
    made.run(made.clock.now + 5000)
    assert second.connected_ms is None
    first.connection.close()
    made.run(made.clock.now + 20000)
    assert second.connected_ms is not None


def test_a_peer_that_proves_itself_and_then_misbehaves_ends_the_connection(connected):
    made, host = connected()
    server = made.listener.sessions[0].connection
    server._receiver.plaintext_limit = 10
    buffer = bytearray(2000)
    size = host.connection.write_into(b"x" * 11, buffer)
    with pytest.raises(PeerMisbehaved, match=r"record\.plaintext_overflow"):
        server.receive_datagram(buffer, size)
    assert server.state == FAILED
