"""secure_sock between two of our own ends, TLS and DTLS, over sockets of this machine."""

import errno

import pytest
from sockets_shared import BY_KEY, BY_KEY13, KEY_NAME, KINDS, WAIT_MS, hear, refusal, tcp, udp

from tlscore.clock import FixedClock
from tlscore.entropy import SystemEntropy
from tlscore.errors import UsageError
from tlscore.sockets import secure_sock
from tlscore.tls12.session_cache import SessionCache

TEXT = b"what is said over every session"


def joined(maker, echo, kind, by_key=False, slots=4, **stack):
    """Return (socks of a client, function that returns a connected sock, the server)."""
    options = {"dtls": BY_KEY, "dtls13": BY_KEY13}.get(kind, {}) if by_key else {}
    tags = ("key", "key") if by_key else ("client", "server")
    server_stack = {}
    if stack.pop("resumes", False):
        server_stack = {"tickets" if kind == "tls" else "resumes": maker.tickets()}
    served = maker.socks(kind, slots, **server_stack)
    server = echo(served, tags[1], kind != "tls", **options)
    socks = maker.socks(kind, **stack)

    def connect(timeout_ms=WAIT_MS):
        sock = socks.create(tags[0], **options)
        name = None if by_key else maker.identity.name
        transport = tcp(server.port) if kind == "tls" else udp()[0]
        address = None if kind == "tls" else ("127.0.0.1", server.port)
        try:
            sock.connect(transport, name, timeout_ms, address)
        except UsageError:
            transport.close()  # it is still ours
            raise
        return sock

    return socks, connect, server


@pytest.fixture(params=[(kind, by_key) for kind in KINDS for by_key in (False, True)], ids=str)
def both(request, maker, echo):
    return joined(maker, echo, *request.param)


def test_what_is_said_comes_back_and_slots_as_well(both):
    socks, connect, server = both
    for _ in range(3):
        sock = connect()
        assert sock.connected
        assert sock.send(TEXT, WAIT_MS) == len(TEXT)
        assert hear(sock, len(TEXT)) == TEXT
        assert socks.slots.free == 1
        sock.stop()
        sock.stop()
        assert socks.slots.free == 2
    assert server.errors == []
    assert server.accepted == 3


def test_a_buffer_that_is_too_small_gets_the_rest_with_the_next_call(both):
    _, connect, _ = both
    sock = connect()
    sock.send(TEXT, WAIT_MS)
    buffer, heard = bytearray(7), b""
    while len(heard) < len(TEXT):
        count = sock.recv(buffer, WAIT_MS)
        heard += bytes(buffer[:count])
        assert sock.check_pending() == len(TEXT) - len(heard)
    assert heard == TEXT


def test_time_runs_out_without_harm(both):
    _, connect, _ = both
    sock = connect()
    for timeout_ms, number in ((0, errno.EAGAIN), (20, errno.ETIMEDOUT)):
        with pytest.raises(OSError, match=str(number)) as caught:
            sock.recv(bytearray(10), timeout_ms)
        assert caught.value.args[0] == number
        assert not secure_sock.error_is_fatal(caught.value)
    sock.send(TEXT, WAIT_MS)
    assert hear(sock, len(TEXT)) == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_without_waiting_the_handshake_goes_on_by_itself(maker, echo, kind):
    server = echo(maker.socks(kind), "server", kind != "tls", starts=False)
    sock = maker.socks(kind).create("client")
    transport = tcp(server.port) if kind == "tls" else udp()[0]
    with pytest.raises(OSError, match=str(errno.EAGAIN)) as caught:
        sock.connect(transport, maker.identity.name, 0, ("127.0.0.1", server.port))
    assert not secure_sock.error_is_fatal(caught.value)
    assert not sock.connected
    server.start()
    sock.send(TEXT, WAIT_MS)
    assert hear(sock, len(TEXT)) == TEXT


def test_the_least_recently_used_session_goes(both):
    socks, connect, _ = both
    first, second = connect(), connect()
    first.send(TEXT, WAIT_MS)
    assert hear(first, len(TEXT)) == TEXT
    gone = []
    second.on_disconnect = gone.append
    third = connect()
    assert gone == [second]
    assert refusal(second.send, TEXT, 0) == "sock.evicted"
    assert secure_sock.error_is_fatal(UsageError("sock.evicted"))
    for sock in (first, third):
        sock.send(TEXT, WAIT_MS)
        assert hear(sock, len(TEXT)) == TEXT
    assert (socks.slots.free, socks.slots.evicted) == (0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_or_the_new_one_is_refused(maker, echo, kind):
    socks, connect, _ = joined(maker, echo, kind, evicts=False)
    kept = [connect(), connect()]
    assert refusal(connect) == "sock.no_slot"
    kept[0].send(TEXT, WAIT_MS)
    assert hear(kept[0], len(TEXT)) == TEXT
    kept[1].stop()
    assert connect().connected
    assert socks.slots.evicted == 0


@pytest.mark.parametrize("kind", ["tls", "dtls13"])
def test_keys_are_renewed_within_a_session(maker, echo, kind):
    _, connect, _ = joined(maker, echo, kind)
    sock = connect()
    for _ in range(3):
        sock.renew()
        sock.send(TEXT, WAIT_MS)
        assert hear(sock, len(TEXT)) == TEXT


def another(kind, port):
    """Return the transport of another session; None for one over the same as DTLS 1.2 has it."""
    return {"tls": lambda: tcp(port), "dtls13": lambda: udp()[0]}.get(kind, lambda: None)()


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_is_renewed_by_another_that_resumes_it(maker, echo, kind):
    socks, connect, server = joined(maker, echo, kind, resumes=True)
    sock = connect()
    for number in range(3):
        sock.send(TEXT, WAIT_MS)
        assert hear(sock, len(TEXT)) == TEXT
        assert sock.facts()["resumed"] == (number > 0)
        sock.renew(another(kind, server.port), WAIT_MS)
    assert socks.slots.free == 1
    assert server.errors == []


def test_events_are_enough(both):
    socks, connect, _ = both
    said, heard = [], bytearray(200)

    def on_receive(sock):
        said.append(bytes(heard[: sock.recv(heard, 0)]))

    sock = connect()
    events = []
    sock.on_connect = lambda _sock: events.append("connect")
    sock.on_sent = lambda _sock: events.append("sent")
    sock.on_receive = on_receive
    assert socks.poll(0)
    sock.send(TEXT, 0)
    while not said:
        socks.poll(WAIT_MS)
    assert (events, said) == (["connect", "sent"], [TEXT])


@pytest.mark.parametrize(("kind", "told"), [("dtls", BY_KEY), ("dtls13", BY_KEY13)])
def test_who_the_peer_is_can_be_asked(maker, echo, kind, told):
    _, connect, server = joined(maker, echo, kind, by_key=True)
    sock = connect()
    sock.send(TEXT, WAIT_MS)
    assert hear(sock, len(TEXT)) == TEXT
    assert server.facts[0]["psk_identity"] == sock.facts()["psk_identity"] == KEY_NAME
    assert sock.facts()["suite"] == told["suites"][0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_server_gets_no_session(maker, echo, kind):
    socks, connect, server = joined(maker, echo, kind)
    maker.identity = type("Other", (), {"name": "other.example"})
    with pytest.raises(Exception, match=r"certificate\.name_mismatch") as caught:
        connect()
    assert secure_sock.error_is_fatal(caught.value)
    assert socks.slots.free == 2
    server.close()
    assert [error.reason for error in server.errors] in (
        ["alert_received.bad_certificate"],
        ["connection.failed"],
        [],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_misuse_is_said(maker, kind):
    socks = maker.socks(kind)
    sock = socks.create("nobody")
    assert refusal(sock.send, b"") == "sock.not_connected"
    transport = udp()[0]
    assert refusal(sock.connect, transport, "name.example") == "sock.no_credentials"
    assert socks.slots.free == 2
    assert refusal(sock.accept) == "sock.not_listening"
    sock.stop()
    assert refusal(sock.recv, bytearray(1)) == "sock.over"
    transport.close()


def ids_of(maker):
    clock = FixedClock(maker.identity.utc_seconds)
    return SessionCache(SystemEntropy(), clock, sessions_max=4)


def test_sessions_may_be_remembered_by_their_ids(maker, echo):
    served = echo(maker.socks("dtls", resumes=ids_of(maker)), "server", True)
    sock = maker.socks("dtls").create("client")
    sock.connect(udp()[0], maker.identity.name, WAIT_MS, ("127.0.0.1", served.port))
    for resumed in (False, True):
        sock.send(TEXT, WAIT_MS)
        assert hear(sock, len(TEXT)) == TEXT
        assert sock.facts()["resumed"] == resumed
        sock.renew(timeout_ms=WAIT_MS)
    assert served.errors == []


def test_a_version_that_there_is_not_is_refused(maker):
    assert refusal(lambda: maker.socks("dtls", version=0x0302)) == "config.versions"
    sock = maker.socks("dtls13", resumes=ids_of(maker)).create("server")
    transport = udp()[0]
    assert refusal(sock.listen, transport) == "config.sessions"
    transport.close()
