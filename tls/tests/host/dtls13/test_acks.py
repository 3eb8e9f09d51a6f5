"""Flights, of which only what is missing is sent again; ACKs, KeyUpdates, tickets, repetitions."""

import pytest
from dtls_network import Scripted

from tlscore.clock import FixedClock
from tlscore.connection import EVENT_CONNECTED, EVENT_KEY_UPDATE
from tlscore.entropy import HmacDrbg
from tlscore.errors import TlsError, UsageError
from tlscore.tickets import TicketKeys

UTC_SECONDS = 1_800_000_000


def is_protected(datagram):
    return datagram[0] >> 5 == 1


def epoch_bits(datagram):
    return datagram[0] & 3


def losing(*wanted):
    """Return a script that loses the datagrams (to_server, number in their direction)."""

    def script(to_server, number, _datagram):
        return [] if (to_server, number) in wanted else None

    return script


def sent(made, to_server):
    return [datagram for _, up, datagram in made.log if up == to_server]


def server_of(made):
    (session,) = [session for session in made.listener.sessions if session is not None]
    return session.connection


def jump(made, host, number):
    """Let the client's next record of data have a number, and the server expect it."""
    host.connection._outbox.protection.sequence = number
    server_of(made)._receiver.of_bits(3).window.newest = number - 1


def talks(made, host, said=b"hello"):
    host.write(said)
    made.run(made.clock.now + 2000)
    return bool(host.heard) and host.heard[-1] == said


def tickets():
    return TicketKeys(HmacDrbg(b"seed of who keeps the sessions.."), FixedClock(UTC_SECONDS))


# --- the handshake


def test_a_handshake_without_loss_is_as_short_as_can_be(connected):
    made, host = connected(by_key=True)
    made.run(made.clock.now + 5000)
    # ClientHello twice, Finished; HelloRetryRequest, the flight, the ACK of Finished.
    assert len(sent(made, True)) == 3
    assert len(sent(made, False)) == 3
    assert [host.connection.retransmissions, server_of(made).retransmissions] == [0, 0]
    assert host.connection.next_timeout() is None
    assert server_of(made).next_timeout() is None


@pytest.mark.parametrize("lost", [2, 3, 4])
def test_of_a_flight_only_what_was_lost_comes_again(connected, lost):
    options = {"by_key": False, "datagram_bytes": 200}
    whole, _ = connected(**options)
    made, host = connected(Scripted(losing((False, lost))), **options)
    before, after = sent(whole, False), sent(made, False)
    # One datagram, what was in the one that was lost, and none of the others.
    assert len(after) == len(before) + 1
    assert server_of(made).retransmissions == 1
    # Asked for by an ACK, not by a time-out: it came before the first second was over.
    assert host.connected_ms < 1000
    assert host.connection.retransmissions == 0


def test_a_lost_server_hello_brings_the_whole_flight_again(connected):
    made, host = connected(Scripted(losing((False, 1))))
    assert (host.connection.retransmissions, server_of(made).retransmissions) == (1, 1)


def test_a_client_sends_its_end_until_it_is_acknowledged(connected):
    made, host = connected(Scripted(losing((False, 2), (False, 3))))
    made.run(made.clock.now + 20000)
    assert host.connection.retransmissions == 2
    assert host.connection.next_timeout() is None
    assert talks(made, host)


def test_a_lost_end_of_the_client_is_sent_again(connected):
    made, host = connected(Scripted(losing((True, 2))))
    assert host.connection.retransmissions == 1
    assert talks(made, host)


def test_an_end_that_nobody_acknowledges_is_given_up(connected):
    def script(to_server, _number, datagram):
        return (
            [] if not to_server and is_protected(datagram) and epoch_bits(datagram) == 3 else None
        )

    made, host = connected(Scripted(script), client={"handshake_ms_max": 20000})
    made.run(made.clock.now + 60000)
    assert isinstance(host.error, TlsError)
    assert host.error.reason == "connection.timed_out"


def test_an_ack_in_the_clear_is_nobodys(connected, ends):
    made, host = connected(Scripted(losing((False, 1))))
    del made
    both = ends()
    connection = type(host.connection)(both.client())
    buffer = bytearray(2000)
    connection.datagram_into(buffer)
    numbers = bytes(16)
    ack = bytearray(b"\x1a\xfe\xfd" + bytes(8) + b"\x00\x12\x00\x10" + numbers)
    connection.receive_datagram(ack)
    assert connection.dropped == 1
    both.clock.now += 1000
    assert connection.datagram_into(buffer) > 0


# --- KeyUpdate (§8)


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("requests", [True, False])
def test_keys_change_once_that_is_acknowledged(connected, by_client, requests):
    made, host = connected()
    made.run(made.clock.now + 1000)
    ends = [host.connection, server_of(made)]
    first, second = ends if by_client else ends[::-1]
    first.update_keys(requests)
    assert first._outbox.protection.epoch == 3
    made.run(made.clock.now + 1000)
    assert (first._outbox.protection.epoch, second._receiver.epoch) == (4, 4)
    assert second._outbox.protection.epoch == (4 if requests else 3)
    if by_client:
        events = [second.next_event(), second.next_event()]
        assert events == [(EVENT_CONNECTED,), (EVENT_KEY_UPDATE,)]
    assert talks(made, host)


def test_data_goes_on_with_the_old_key_until_then(connected):
    made, host = connected()
    made.run(made.clock.now + 1000)
    host.connection.update_keys()
    host.write(b"meanwhile")
    assert epoch_bits(sent(made, True)[-1]) == 3
    made.run(made.clock.now + 1000)
    assert host.heard == [b"meanwhile"]
    assert talks(made, host)
    assert epoch_bits(sent(made, True)[-1]) == 0


@pytest.mark.parametrize("lost", [(True, 3), (False, 3)])
def test_a_key_update_or_its_ack_that_is_lost_comes_again(connected, lost):
    made, host = connected(Scripted(losing(lost)))
    made.run(made.clock.now + 1000)
    host.connection.update_keys()
    made.run(made.clock.now + 5000)
    assert host.connection.retransmissions == 1
    assert (host.connection._outbox.protection.epoch, server_of(made)._receiver.epoch) == (4, 4)
    assert talks(made, host)


def test_what_was_sent_before_a_key_update_may_come_after_it(connected):
    made, host = connected()
    made.run(made.clock.now + 1000)
    buffer = bytearray(2000)
    late = bytes(buffer[: host.connection.write_into(b"late", buffer)])
    host.connection.update_keys()
    made.run(made.clock.now + 1000)
    assert talks(made, host)
    session = made.listener.receive(host.address, bytearray(late))
    assert bytes(session.connection.read()) == b"late"


def test_many_key_updates_one_after_the_other(connected):
    made, host = connected()
    for _ in range(9):
        made.run(made.clock.now + 1000)
        host.connection.update_keys(True)
        assert talks(made, host)
    made.run(made.clock.now + 1000)
    assert (host.connection._outbox.protection.epoch, host.connection._receiver.epoch) == (12, 12)


def test_updates_that_are_asked_for_meanwhile_are_one(connected):
    made, host = connected()
    made.run(made.clock.now + 1000)
    for _ in range(5):
        host.connection.update_keys()
    made.run(made.clock.now + 1000)
    assert host.connection._outbox.protection.epoch == 5


def test_a_key_that_has_protected_much_is_changed_by_itself(connected):
    made, host = connected()
    made.run(made.clock.now + 1000)
    protection = host.connection._outbox.protection
    jump(made, host, 3 * (protection.record_limit >> 2))
    assert talks(made, host)
    assert host.connection._outbox.protection is protection
    assert talks(made, host)
    assert host.connection._outbox.protection.epoch == 4


def test_a_key_that_cannot_be_changed_ends_before_its_limit(connected):
    made, host = connected()
    made.run(made.clock.now + 1000)
    protection = host.connection._outbox.protection
    jump(made, host, protection.record_limit - 16)
    host.write(b"the last one")
    with pytest.raises(UsageError, match=r"connection\.key_exhausted"):
        host.write(b"one more")
    host.connection.close()
    made.run(made.clock.now + 1000)
    assert made.listener.sessions == [None] * 4


# --- tickets, resumption


def joined(made, session=None, **options):
    host = made.join(
        made.ends.client(2 if session else 1, session=session, ticket_bytes_max=500, **options)
    )
    made.run(made.clock.now + 60000, lambda: host.connected_ms is not None and made.connected())
    assert host.error is None
    made.run(made.clock.now + 10000)
    return host


@pytest.mark.parametrize("by_key", [True, False])
@pytest.mark.parametrize("lost", [None, (False, 2), (True, 3)])
def test_a_session_goes_on(network, by_key, lost):
    script = losing(*([lost] if lost else []))
    made = network(Scripted(script), by_key, tickets=tickets())
    first = joined(made)
    assert server_of(made).next_timeout() is None  # the ticket is acknowledged
    session = first.connection.take_session()
    assert session is not None
    first.connection.close()
    made.run(made.clock.now + 1000)
    made.hosts.clear()
    made.fate = Scripted(losing())
    again = joined(made, session)
    assert (again.connection.resumed, server_of(made).resumed) == (True, True)
    assert talks(made, again)
    both = (again.connection, server_of(made))
    ours, theirs = [end.export(b"EXPORTER-hil", None, 32) for end in both]
    assert ours == theirs
