"""Connection ids; cookies that a server keeps nothing for; slots and their sessions."""

import pytest
from dtls_network import CONNECTED, Fate, Scripted

from tlscore.errors import PeerMisbehaved, UsageError

GCM, CCM_8 = 0x1301, 0x1305


def talks(made, host, said=b"hello"):
    host.write(said)
    made.run(made.clock.now + 2000)
    return bool(host.heard) and host.heard[-1] == said


def server_of(made):
    (session,) = [session for session in made.listener.sessions if session is not None]
    return session.connection


# --- connection ids (RFC 9147 §9)


@pytest.mark.parametrize("suite", [GCM, CCM_8])
@pytest.mark.parametrize(("of_client", "of_server"), [(b"", b"ab"), (b"c", b"abcd"), (b"cc", b"")])
def test_connection_ids_are_in_the_records(connected, suite, of_client, of_server):
    client = {"connection_id": of_client}
    made, host = connected(suite=suite, client=client, connection_id=of_server)
    assert talks(made, host)
    protected = [row for row in made.log if row[2][0] >> 5 == 1]
    for _, to_server, datagram in protected:
        said = of_server if to_server else of_client
        # A listener chooses ids of that length of its own.
        assert to_server or datagram[1 : 1 + len(said)] == said
        assert bool(datagram[0] & 0x10) == bool(said)
    assert {row[1] for row in protected} == {True, False}


def test_without_the_other_end_there_is_no_connection_id(connected):
    for client, server in (({"connection_id": b"me"}, {}), ({}, {"connection_id": b"you"})):
        made, host = connected(client=client, **server)
        assert talks(made, host)
        assert not any(row[2][0] & 0x10 for row in made.log if row[2][0] >> 5 == 1)


def test_a_session_follows_its_client_to_another_address(connected):
    made, host = connected(client={"connection_id": b""}, connection_id=b"1234")
    host.address = ("198.51.100.7", 1)
    assert talks(made, host, b"I have moved")
    assert made.listener.sessions[0].peer == ("198.51.100.7", 1)
    # What was on its way before comes again from anywhere: nothing follows that.
    old = [row[2] for row in made.log if row[1]][-1]
    made.listener.receive(("203.0.113.1", 1), bytearray(old))
    assert made.listener.sessions[0].peer == ("198.51.100.7", 1)


def test_a_record_of_somebody_elses_id_is_dropped(connected):
    made, host = connected(client={"connection_id": b""}, connection_id=b"1234")
    host.write(b"hello")
    datagram = bytearray(made.log[-1][2])
    datagram[2] ^= 1
    assert made.listener.receive(host.address, datagram) is None
    assert made.listener.sessions[0].connection.dropped == 1


# --- cookies and slots


def test_no_slot_is_taken_without_a_cookie(network):
    made = network(Scripted(lambda up, number, _: [] if up and number else None))
    made.join(made.ends.client())
    made.run(20000)
    assert made.listener.sessions == [None] * 4


def test_a_cookie_of_another_address_or_of_long_ago_takes_no_slot(network):
    made = network(Fate())
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    hello = [row[2] for row in made.log if row[1] and row[2][0] == 22][1]
    made.listener.receive(("192.0.2.2", host.address[1]), bytearray(hello))
    assert sum(session is not None for session in made.listener.sessions) == 1
    made.clock.now += 120000
    made.listener.receive(("192.0.2.1", 5), bytearray(hello))
    assert sum(session is not None for session in made.listener.sessions) == 1


def test_a_changed_cookie_takes_no_slot(network):
    def script(to_server, number, datagram):
        if to_server and number == 1:
            at = datagram.rindex(b"\x13\x01\x00\x00")
            changed = bytearray(datagram)
            changed[at + 20] ^= 1
            return [(20, bytes(changed))]
        return None

    made = network(Scripted(script))
    made.join(made.ends.client())
    made.run(500)
    assert made.listener.sessions == [None] * 4
    made.run(60000, made.connected)
    assert made.connected()


@pytest.mark.parametrize("cookie_key", [None, bytes(32)])
def test_a_share_that_is_missing_is_asked_for(network, cookie_key):
    made = network(Fate(), by_key=False, cookie_key=cookie_key, groups=(0x17,))
    groups = {"groups": (0x1D, 0x17), "key_share_groups": (0x1D,)}
    host = made.join(made.ends.client(**groups))
    made.run(60000, made.connected)
    assert made.connected()
    assert server_of(made).group == 0x17
    assert len([row for row in made.log if row[1] and row[2][0] == 22]) == 2
    assert talks(made, host)


@pytest.mark.parametrize("modes", [(0,), (1,), (0, 1)])
def test_two_shares_stay_as_they_were_where_only_a_cookie_is_asked_for(network, modes):
    made = network(Fate())
    groups = {"groups": (0x1D, 0x17), "key_share_groups": (0x1D, 0x17)} if 1 in modes else {}
    host = made.join(made.ends.client(psk_modes=modes, **groups))
    made.run(60000, made.connected)
    assert made.connected()
    assert talks(made, host)


def test_without_a_cookie_a_hello_may_be_in_fragments(network):
    made = network(Fate(), by_key=False, cookie_key=None)
    host = made.join(made.ends.client(datagram_bytes=150))
    made.run(60000, made.connected)
    assert made.connected()
    assert talks(made, host)


def test_a_peer_that_restarts_with_the_same_port(connected):
    made, before = connected()
    old = server_of(made)
    again = made.join(made.ends.client(2))
    made.hosts.remove(before)
    made.run(made.clock.now + 60000, lambda: again.connected_ms is not None and made.connected())
    assert talks(made, again)
    session = made.listener.sessions[0]
    assert session.connection is not old
    assert session.successor is None


def test_a_session_goes_on_while_somebody_begins_anew_in_its_name(connected):
    made, host = connected()
    wrong = ((b"device 1", bytes(range(1, 17)), 32),)
    stranger = made.join(made.ends.client(2, psks=wrong))
    made.run(made.clock.now + 5000)
    assert stranger.connected_ms is None
    del made.hosts[1]
    assert talks(made, host, b"still here")
    made.run(made.clock.now + 400000)
    session = made.listener.sessions[0]
    assert (session.connection.state, session.successor) == (CONNECTED, None)


# --- connection ids that change (RFC 9147 §9)


def with_ids(connected, **options):
    client = {"connection_id": b"client"}
    made, host = connected(client=client, connection_id=b"server", **options)
    made.run(made.clock.now + 1000)
    return made, host


def said_by(made, to_server, size=6):
    """Return the connection ids of the protected records of one direction, the last one last."""
    rows = [row[2] for row in made.log if row[1] == to_server and row[2][0] >> 5 == 1]
    return [datagram[1 : 1 + size] for datagram in rows]


@pytest.mark.parametrize("of_server", [True, False])
@pytest.mark.parametrize("loses", [True, False])
def test_an_id_changes_within_a_connection(connected, of_server, loses):
    made, host = with_ids(connected)
    lost = []

    def script(to_server, _number, _datagram):
        if loses and to_server != of_server and not lost:
            lost.append(True)
            return []
        return None

    before = said_by(made, of_server)[-1]
    made.fate = Scripted(script)
    (server_of(made) if of_server else host.connection).renew_connection_id()
    made.run(made.clock.now + 5000)
    assert bool(lost) == loses
    assert talks(made, host)
    after = said_by(made, of_server)[-1]
    assert after != before
    assert after[0] == before[0]
    assert server_of(made).next_timeout() is host.connection.next_timeout() is None


def test_what_says_the_former_id_is_still_taken(connected):
    made, host = with_ids(connected)
    buffer = bytearray(2000)
    late = bytes(buffer[: host.connection.write_into(b"late", buffer)])
    server_of(made).renew_connection_id()
    made.run(made.clock.now + 1000)
    assert talks(made, host)
    session = made.listener.receive(host.address, bytearray(late))
    assert bytes(session.connection.read()) == b"late"


def test_without_an_id_none_can_be_changed(connected):
    made, host = connected()
    for end in (host.connection, server_of(made)):
        with pytest.raises(UsageError, match=r"connection\.no_connection_id"):
            end.renew_connection_id()


def tell(made, host, message):
    """Let the client say a message of the handshake, with the next number."""
    outbox, buffer = host.connection._outbox, bytearray(2000)
    writer = outbox.writer()
    writer.raw(message)
    outbox.queue_handshake(writer, None)
    host.connection._look_after_flight()
    size = host.connection.datagram_into(buffer)
    server_of(made).receive_datagram(buffer, size)
    made.run(made.clock.now + 1000)


REQUEST, NEW = b"\x09\x00\x00\x01\x03", b"\x0a\x00\x00\x08\x00\x05\x04abcd\x00"


def test_who_asks_for_ids_gets_none_and_is_refused_after_too_many(connected):
    made, host = with_ids(connected)
    for _ in range(32):
        tell(made, host, REQUEST)
        assert host.connection._outbox.connection_id == server_of(made)._receive_id
    assert talks(made, host)
    with pytest.raises(PeerMisbehaved, match=r"request_connection_id\.too_many"):
        tell(made, host, REQUEST)


@pytest.mark.parametrize(("message", "reason"), [
    (REQUEST + b"x", "request_connection_id.trailing_data"),
    (NEW[:-1] + b"\x02", "new_connection_id.usage"),
    (b"\x0a\x00\x00\x03\x00\x00\x00", "new_connection_id.usage"),
    (b"\x0a\x00\x00\x05\x00\x02\x05ab", "new_connection_id.truncated"),
])  # fmt: skip
def test_malformed_messages_of_ids_are_refused(connected, message, reason):
    made, host = with_ids(connected)
    message = message[:3] + bytes((len(message) - 4,)) + message[4:]
    with pytest.raises(PeerMisbehaved) as raised:
        tell(made, host, message)
    assert raised.value.reason == reason


@pytest.mark.parametrize("message", [REQUEST, NEW])
def test_messages_of_ids_that_were_not_agreed_on_are_refused(connected, message):
    made, host = connected()
    made.run(made.clock.now + 1000)
    with pytest.raises(PeerMisbehaved, match=r"\.not_negotiated") as raised:
        tell(made, host, message)
    assert raised.value.alert == 10
