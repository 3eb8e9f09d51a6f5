"""Connection ids; cookies that a server keeps nothing for; slots and their sessions."""

import pytest
from dtls_network import CONNECTED, Fate, Scripted

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
