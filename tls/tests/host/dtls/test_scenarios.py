"""The known failures of DTLS in the field, one scenario each, on a network that does just that."""

from dtls_network import CONNECTED, Scripted, first_message, records

PSK_CCM_8, ECDSA_CCM_8 = 0xC0A8, 0xC0AE
CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY_REQUEST, SERVER_HELLO_DONE = 1, 2, 3, 14
CHANGE_CIPHER_SPEC, HANDSHAKE = 20, 22
DELAY_MS = 20


def arriving(*datagrams):
    return [(DELAY_MS, datagram) for datagram in datagrams]


def once(wanted, arrives):
    """Return a script that changes what arrives of the first datagram that is wanted."""
    done = []

    def script(to_server, _number, datagram):
        if done or not wanted(to_server, datagram):
            return None
        done.append(datagram)
        return arriving(*arrives(datagram))

    script.done = done
    return script


def has_message(datagram, kind):
    return any(
        row[0] == HANDSHAKE and not row[1] and row[2][13] == kind for row in records(datagram)
    )


def without(datagram, kind):
    kept = [row[2] for row in records(datagram) if row[0] != HANDSHAKE or row[2][13] != kind]
    return b"".join(kept)


def connects(made, host, limit_ms=60000):
    """Run a network until its host is connected; check that both ends can talk."""
    made.run(limit_ms, made.connected)
    assert host.error is None
    assert made.connected()
    host.write(b"hello")
    made.run(made.clock.now + 1000)
    assert host.heard[-1] == b"hello"
    return made


def survives(network, script, suite=PSK_CCM_8, **options):
    """Let a handshake go through a script; return (network, client)."""
    made = network(Scripted(script), suite, **options)
    host = made.join(made.ends.client(**options))
    connects(made, host)
    assert getattr(script, "done", True)
    return made, host


def test_a_lost_hello_verify_request(network):
    script = once(lambda up, datagram: not up and has_message(datagram, 3), lambda _: [])
    _, host = survives(network, script)
    assert host.connection.retransmissions == 1


def test_a_server_hello_done_that_is_lost_alone(network):
    def stripped(datagram):
        return [without(datagram, SERVER_HELLO_DONE)]

    script = once(lambda up, datagram: not up and has_message(datagram, 14), stripped)
    for suite in (PSK_CCM_8, ECDSA_CCM_8):
        survives(network, script, suite)
        script.done.clear()


def test_a_lost_final_flight(network):
    def is_final(up, datagram):
        return not up and records(datagram)[0][0] == CHANGE_CIPHER_SPEC

    made, host = survives(network, once(is_final, lambda _: []))
    # The server had finished, and said it again because the client had.
    assert made.listener.sessions[0].connection.retransmissions == 1
    assert host.connection.retransmissions == 1


def test_a_finished_that_overtakes_what_its_keys_are_made_of(network):
    """A ClientKeyExchange comes late, and the Finished behind it never again."""
    finished = []

    def script(to_server, _number, datagram):
        rows = records(datagram)
        if not to_server or not rows[-1][1]:
            return None
        finished.append(datagram)
        clear, sealed = [b"".join(row[2] for row in rows if row[1] == epoch) for epoch in (0, 1)]
        return [(DELAY_MS, sealed), (500, clear)] if len(finished) == 1 else []

    for suite in (PSK_CCM_8, ECDSA_CCM_8):
        finished.clear()
        made = network(Scripted(script), suite)
        host = made.join(made.ends.client())
        made.run(900, made.connected)
        assert made.connected()
        assert (len(finished), host.connection.retransmissions) == (1, 0)


def test_a_final_flight_that_is_lost_many_times(network):
    left = [6]

    def script(to_server, _number, datagram):
        if not to_server and records(datagram)[0][0] == CHANGE_CIPHER_SPEC and left[0]:
            left[0] -= 1
            return []
        return None

    survives(network, script, retransmission_ms_max=2000)
    assert left == [0]


def test_a_client_hello_in_fragments(network):
    made, _ = survives(network, lambda *_: None, ECDSA_CCM_8, datagram_bytes=128)
    hellos = [row[2] for row in made.log if row[1] and first_message(row[2]) == CLIENT_HELLO]
    assert len(hellos) == 4  # twice two: without a cookie and with it


def test_a_client_hello_in_fragments_that_come_the_wrong_way_round(network):
    def script(to_server, _number, datagram):
        if not to_server or first_message(datagram) != CLIENT_HELLO:
            return None
        first = datagram[19:22] == b"\x00\x00\x00"
        return [(100 if first else DELAY_MS, datagram)]

    survives(network, script, ECDSA_CCM_8, datagram_bytes=128)


def test_a_finished_that_overtakes_its_change_cipher_spec(network):
    def swapped(datagram):
        rows = [row[2] for row in records(datagram)]
        return [*rows[:-2], rows[-1], rows[-2]]

    for of_client in (True, False):

        def has_end(up, datagram, of_client=of_client):
            return up == of_client and CHANGE_CIPHER_SPEC in [row[0] for row in records(datagram)]

        made, host = survives(network, once(has_end, swapped))
        assert host.connection.retransmissions == 0
        assert made.listener.sessions[0].connection.retransmissions == 0


def test_two_client_hellos_with_different_randoms(network):
    """A client that starts again in mid-handshake, its first hellos still on their way."""
    began_anew = []

    def script(to_server, _number, datagram):
        if began_anew:
            return None
        if to_server:
            return [(DELAY_MS, datagram), (2500, datagram)]
        return [] if has_message(datagram, SERVER_HELLO) else None

    made = network(Scripted(script))
    before = made.join(made.ends.client(1))
    made.run(2000)
    assert made.listener.sessions[0].connection.state != CONNECTED
    made.hosts.remove(before)
    began_anew.append(True)
    connects(made, made.join(made.ends.client(2)))
    assert made.listener.sessions[1:] == [None] * 3


def test_a_peer_that_restarts_with_the_same_port(network):
    made, before = survives(network, lambda *_: None)
    old = made.listener.sessions[0].connection
    again = made.join(made.ends.client(2))
    made.hosts.remove(before)
    connects(made, again)
    session = made.listener.sessions[0]
    assert session.connection is not old
    assert session.successor is None
    assert made.listener.sessions[1:] == [None] * 3


def test_a_session_goes_on_while_somebody_begins_anew_in_its_name(network):
    """Whoever can receive at the address may show a cookie; the session lasts all the same."""
    made, host = survives(network, lambda *_: None)
    stranger = made.join(made.ends.client(2, psks=((b"device 1", bytes(range(1, 17)), 32),)))
    made.run(made.clock.now + 5000)
    assert stranger.connected_ms is None
    del made.hosts[1]
    host.write(b"still here")
    made.run(made.clock.now + 1000)
    assert host.heard[-1] == b"still here"
    made.run(made.clock.now + 400000)
    session = made.listener.sessions[0]
    assert (session.connection.state, session.successor) == (CONNECTED, None)


def test_a_cookie_after_a_change_of_address(network):
    def script(to_server, _number, datagram):
        if to_server and len(made.log) == 3:  # the ClientHello with its cookie
            host.address = ("192.0.2.1", 40001)
            made.listener.receive(host.address, bytearray(datagram))
            return []
        return None

    made = network(Scripted(script))
    host = made.join(made.ends.client())
    connects(made, host)
    # It was asked again from there: two cookies.
    asked = [row for row in made.log if not row[1] and first_message(row[2]) == 3]
    assert len({row[2] for row in asked}) == 2


def test_a_cookie_of_another_address_takes_no_slot(network):
    made = network(Scripted(lambda *_: None))
    host = made.join(made.ends.client())
    made.run(60000, made.connected)
    hello = [row[2] for row in made.log if row[1] and first_message(row[2]) == CLIENT_HELLO][1]
    made.listener.receive(("192.0.2.2", host.address[1]), bytearray(hello))
    assert sum(session is not None for session in made.listener.sessions) == 1
    size, peer = made.listener.datagram_into(bytearray(2000))
    assert (size, peer) == (60, ("192.0.2.2", 40000))


def test_a_peer_that_vanishes_in_mid_handshake_leaks_no_slot(network):
    made = network(Scripted(lambda up, number, _: [] if up and number > 1 else None), slots=2)
    for round_ in range(5):
        host = made.join(made.ends.client(round_), ("192.0.2.1", 40000 + round_))
        made.fate = Scripted(lambda up, number, _: [] if up and number > 1 else None)
        made.run(made.clock.now + 1500)
        assert any(session is not None for session in made.listener.sessions)
        made.hosts.remove(host)
        made.run(made.clock.now + 400000)
        assert made.listener.sessions == [None, None]
    assert made.listener.failed == 5
