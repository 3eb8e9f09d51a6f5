"""What goes on in place of a connection once it is connected (established.py)."""

import pytest
from dtls_network import CONNECTED, Scripted, records, talks

from tlscore.connection import READ, RECEIVE, SEND, WRITE
from tlscore.dtls.client import ClientConnection
from tlscore.dtls.established import Established
from tlscore.errors import AlertReceived, PeerMisbehaved, UsageError

PSK_CCM_8, ECDSA_CCM_8, ECDSA_GCM, PSK_GCM = 0xC0A8, 0xC0AE, 0xC02B, 0x00A8
PSK_CHACHA20 = 0xCCAB
CLOSED, FAILED = 13, 14
APPLICATION_DATA, HANDSHAKE, ALERT, CHANGE_CIPHER_SPEC = 23, 22, 21, 20


@pytest.fixture
def meet(network):
    """Return a maker of networks whose client has handed over: (network, host, session)."""

    def make(suite=PSK_CCM_8, fate=None, client=None, **server):
        made = network(fate, suite, **server)
        host = made.join(made.ends.client(**(client or {})))
        made.run(60000, made.connected)
        assert made.connected()
        host.connection = host.connection.hand_over()
        return made, host, made.listener.sessions[0]

    return make


def forge(end, content_type, content):
    """Return a record that an end would send with its key next."""
    protection = end._sealing()
    record = bytearray(protection.overhead_bytes + len(content))
    at = protection.header_bytes + protection.explicit_bytes
    record[at : at + len(content)] = content
    protection.seal(record, 0, content_type, len(content))
    end._sequence += 1
    return record


@pytest.mark.parametrize("suite", [PSK_CCM_8, PSK_GCM, ECDSA_CCM_8, ECDSA_GCM, PSK_CHACHA20])
def test_both_ends_go_on_talking(meet, suite):
    made, host, session = meet(suite)
    assert isinstance(session.connection, Established)
    for round_ in range(5):
        assert talks(made, host, b"round %d" % round_)
        host.connection.rest()
    both = (host.connection, session.connection)
    ours, theirs = [end.export(b"EXPORTER-hil", None, 32) for end in both]
    assert ours == theirs
    assert (host.connection.suite, session.connection.version) == (suite, 0x0303)
    assert host.connection.wants == RECEIVE | WRITE


def test_what_was_known_of_the_connection_is_known_of_its_end(network):
    made = network()
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    before = host.connection
    after = before.hand_over()
    for name in ("suite", "psk_identity", "extended_master_secret", "retransmissions", "group"):
        assert getattr(after, name) == getattr(before, name), name
    with pytest.raises(UsageError, match=r"connection\.failed"):
        before.write_into(b"of no use any more", bytearray(100))


def test_only_what_is_connected_hands_over(ends):
    with pytest.raises(UsageError, match=r"connection\.not_connected"):
        ClientConnection(ends().client()).hand_over()


def test_a_final_flight_that_is_lost_is_sent_again_by_what_is_left(network):
    lost = []

    def script(to_server, _number, datagram):
        if not to_server and records(datagram)[-1][1] == 1 and len(lost) < 3:
            lost.append(datagram)
            return []
        return None

    made = network(Scripted(script))
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    end = made.listener.sessions[0].connection
    assert isinstance(end, Established)
    assert (len(lost), end.retransmissions) == (3, 3)
    assert talks(made, host, b"hello")
    assert end._flight == b""  # the client had it


def silenced(to_server, _number, datagram):
    """What a client says under its keys arrives once: nobody asks for the last flight again."""
    silenced.finished += to_server and records(datagram)[-1][1] == 1
    return [] if to_server and silenced.finished > 1 else None


def test_a_final_flight_comes_again_unasked(network):
    lost = []

    def script(to_server, number, datagram):
        if not to_server and records(datagram)[-1][1] == 1 and len(lost) < 3:
            lost.append(datagram)
            return []
        return silenced(to_server, number, datagram)

    silenced.finished = 0
    made = network(Scripted(script))
    made.join(made.ends.client())
    made.run(60000, made.connected)
    assert made.connected()
    assert (len(lost), made.listener.sessions[0].connection.retransmissions) == (3, 3)


def test_a_final_flight_that_nobody_answers_comes_a_few_times_and_no_more(network):
    silenced.finished = 0
    made = network(Scripted(silenced))
    made.join(made.ends.client())
    made.run(600000)
    final = [row[0] for row in made.log if not row[1] and records(row[2])[-1][1] == 1]
    assert [at - final[0] for at in final] == [0, 1000, 3000, 7000, 11000]
    assert made.listener.next_timeout() is None


def test_who_hears_from_its_client_says_its_final_flight_no_more(meet):
    made, host, _session = meet()
    assert talks(made, host, b"hello")
    made.run(600000)
    assert len([row for row in made.log if not row[1] and row[2][0] == CHANGE_CIPHER_SPEC]) == 1


def test_whoever_closes_says_so_and_the_other_is_told(meet):
    made, host, session = meet()
    host.connection.close()
    assert (host.connection.state, host.connection.wants) == (CLOSED, SEND)
    made.run(made.clock.now + 1000)
    assert (host.connection.wants, made.listener.sessions[0]) == (0, None)
    assert session.connection.peer_closed
    with pytest.raises(UsageError, match=r"connection\.closed"):
        host.connection.write_into(b"more", bytearray(100))


def test_a_fatal_alert_ends_a_session_and_an_offence_is_answered_with_one(meet):
    _, host, session = meet()
    end = session.connection
    with pytest.raises(AlertReceived, match="internal_error"):
        end.receive_datagram(forge(host.connection, ALERT, b"\x02\x50"))
    assert (end.state, end.wants) == (FAILED, 0)
    with pytest.raises(UsageError, match=r"connection\.failed"):
        end.receive_datagram(bytearray(20))

    made, host, session = meet()
    with pytest.raises(PeerMisbehaved, match=r"alert\.bad_length"):
        session.connection.receive_datagram(forge(host.connection, ALERT, b"\x02"))
    made.run(made.clock.now + 1000)
    assert isinstance(host.error, AlertReceived)


def test_renegotiation_is_declined_and_the_session_goes_on(meet):
    made, host, session = meet()
    hello = bytes((1, 0, 0, 0)) + b"\x00\x09" + bytes(6)
    session.connection.receive_datagram(forge(host.connection, HANDSHAKE, hello))
    assert session.connection.wants & SEND
    made.run(made.clock.now + 1000)
    assert host.error is None
    assert talks(made, host, b"still here")
    for _ in range(3):
        session.connection.receive_datagram(forge(host.connection, HANDSHAKE, hello))
    with pytest.raises(PeerMisbehaved, match=r"alert\.too_many_warnings"):
        session.connection.receive_datagram(forge(host.connection, HANDSHAKE, hello))


def test_junk_and_repetitions_are_dropped(meet):
    made, host, session = meet()
    host.write(b"once")
    datagram = made.log[-1][2]
    made.run(made.clock.now + 1000)
    changed = bytearray(datagram)
    changed[-1] ^= 1
    for piece in (datagram, changed, b"\x17\xfe\xfd", bytes(100)):
        session.connection.receive_datagram(bytearray(piece))
    assert session.connection.dropped >= 2
    assert session.connection.state == CONNECTED
    assert host.heard == [b"once"]


def test_data_that_waited_when_the_connection_handed_over_is_read(network):
    made = network()
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    end = made.listener.sessions[0].connection
    buffer = bytearray(100)
    size = end.write_into(b"", buffer)
    host.connection.receive_datagram(buffer, size)
    assert host.connection.wants & READ
    handed = host.connection.hand_over()
    assert handed.wants & READ
    assert bytes(handed.read()) == b""
    assert handed.read() is None


@pytest.mark.parametrize("connection_id", [b"\x00" * 4])
def test_connection_ids_go_on(meet, connection_id):
    options = {"connection_id": connection_id}
    made, host, session = meet(PSK_CCM_8, None, {"connection_id": b"ours"}, **options)
    assert talks(made, host, b"hello")
    host.address = ("192.0.2.9", 50000)
    assert talks(made, host, b"from elsewhere")
    assert session.peer == host.address


def test_one_session_at_most_has_its_ciphers_at_hand(network):
    made = network()
    hosts = [made.join(made.ends.client(seed), ("192.0.2.1", 40000 + seed)) for seed in range(4)]
    made.run(60000, made.connected)
    for _ in range(2):
        for host in hosts:
            assert talks(made, host, b"hello")
    awake = [one.peer for one in made.listener.sessions if one.connection._opener is not None]
    assert awake == [hosts[-1].address]
