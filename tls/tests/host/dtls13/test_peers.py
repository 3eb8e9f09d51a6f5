"""DTLS 1.3 between our ends and wolfSSL over loopback, both roles: a peer that is built on request.

`hil peers --install wolfssl` builds it; without it these tests are skipped, in `./farm test` too.
"""

import os
import pathlib
import time

import pytest
import server_identity
from cryptography import x509
from datagram_service import WAIT_S, Service, udp, wait
from peer_programs import PEM, private_bytes

from hil.errors import MissingTool
from hil.tlsrig.peers import wolfssl
from tlscore.clock import FixedClock
from tlscore.connection import EVENT_CONNECTED
from tlscore.dtls.timers import Ticks
from tlscore.dtls13.client import ClientConnection
from tlscore.dtls13.config import ClientConfig
from tlscore.dtls13.listener import Listener
from tlscore.dtls13.server_config import ServerConfig
from tlscore.entropy import SystemEntropy
from tlscore.trust import TrustAnchors, anchor_from_certificate

KEY_NAME, KEY = b"device1", bytes(range(16))
GCM, CHACHA20, CCM = 0x1301, 0x1303, 0x1304
NAMES = {
    GCM: "TLS13-AES128-GCM-SHA256",
    CHACHA20: "TLS13-CHACHA20-POLY1305-SHA256",
    CCM: "TLS13-AES128-CCM-SHA256",
}


def built():
    """Return wolfSSL's program for DTLS 1.3, or why there is none."""
    try:
        return pathlib.Path(wolfssl.program().path).with_name("wolfssl_dtls13"), ""
    except MissingTool as missing:
        return None, str(missing)


PROGRAM, MISSING = built()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


class Closing:
    """A socket among processes that are closed at the end of a test."""

    def __init__(self, transport):
        self._transport = transport

    def close(self, force):
        assert force
        self._transport.close()


class Cell:
    """One kind of handshake: by key or by certificate, and a suite."""

    def __init__(self, peers, identity, by_key, suite=GCM):
        self.peers, self.identity, self.by_key, self.suite = peers, identity, by_key, suite

    def client(self, **options):
        values = {"suites": (self.suite,), "now_ms": Ticks(), **options}
        trust = TrustAnchors([anchor_from_certificate(self.identity.root)])
        name = self.identity.name
        if self.by_key:
            name = trust = None
            values.setdefault("psk_modes", (1,))
            values.update(psks=((KEY_NAME, KEY, 32),))
        clock = FixedClock(self.identity.utc_seconds)
        return ClientConfig(SystemEntropy(), clock, trust, name, **values)

    def server(self, **options):
        values = {"suites": (self.suite,), "now_ms": Ticks(), "cookie_key": os.urandom(32)}
        if self.by_key:
            values["psk"] = {KEY_NAME: (KEY, 32)}.get
        else:
            values["certificates"] = tuple(self.identity.chain)
            values["private_key"] = server_identity.private_key(self.identity.key)
        values.update(options)
        return ServerConfig(SystemEntropy(), **values)

    def wolfssl(self, role, port, *options):
        """Start wolfSSL's program."""
        arguments = [role, str(port), f"time={self.identity.utc_seconds}"]
        arguments.append("suite=" + NAMES[self.suite])
        if self.by_key:
            arguments += [f"psk={KEY.hex()}", f"psk_identity={KEY_NAME.decode()}"]
        elif role == "server":
            chain = b"".join(
                x509.load_der_x509_certificate(one).public_bytes(PEM) for one in self.identity.chain
            )
            arguments.append("chain=" + self.peers.write("chain.pem", chain))
            key = private_bytes(self.identity.key)
            arguments.append("key=" + self.peers.write("key.pem", key))
        else:
            root = x509.load_der_x509_certificate(self.identity.root).public_bytes(PEM)
            arguments.append("root=" + self.peers.write("root.pem", root))
        return self.peers.spawn(str(PROGRAM), [*arguments, *options])

    def with_server(self, *options, **ours):
        """Start wolfSSL as a server; return (its handle, our connection, what it said back)."""
        with udp() as probe:
            port = probe.getsockname()[1]
        server = self.wolfssl("server", port, *options)
        server.expect("ready")
        transport = udp()
        self.peers.running.append(Closing(transport))
        connection, heard = echoed(transport, self.client(**ours), port)
        return server, connection, heard


def echoed(transport, config, port, said=b"hello"):
    """Connect to a server that says everything back; return (connection, what it said).

    The socket is left open: the server may still have something to say.
    """
    connection, buffer, answer = ClientConnection(config), bytearray(2048), b""
    transport.connect(("127.0.0.1", port))

    def flush():
        while size := connection.datagram_into(buffer):
            transport.send(memoryview(buffer)[:size])

    end = time.monotonic() + WAIT_S
    while len(answer) < len(said) and time.monotonic() < end:
        flush()
        if not wait(transport, connection.next_timeout()):
            continue
        size = transport.recv_into(buffer)
        connection.receive_datagram(buffer, size)
        while (data := connection.read()) is not None:
            answer += bytes(data)
        if connection.next_event() == (EVENT_CONNECTED,):
            flush()
            size = connection.write_into(said, buffer)
            transport.send(memoryview(buffer)[:size])
    connection.exported = connection.export(b"EXPORTER-hil", None, 32).hex()
    flush()
    connection.close()
    flush()
    return connection, answer


def assert_same(process, connection):
    process.expect("exported ([0-9a-f]{64})")
    assert process.match.group(1).decode() == connection.exported


@pytest.mark.parametrize("suite", [GCM, CHACHA20, CCM])
@pytest.mark.parametrize("by_key", [True, False])
def test_a_client_talks_to_wolfssl(peers, identity, by_key, suite):
    cell = Cell(peers, identity, by_key, suite)
    server, connection, heard = cell.with_server()
    assert (connection.suite, heard) == (suite, b"hello")
    assert_same(server, connection)
    server.expect("closed")


@pytest.mark.parametrize("by_key", [True, False])
def test_a_client_goes_on_after_wolfssl_has_changed_its_key(peers, identity, by_key):
    server, connection, heard = Cell(peers, identity, by_key).with_server("update=1")
    assert heard == b"hello"
    assert connection._receiver.epoch == 4
    server.expect("closed")


def test_a_client_without_a_cookie_talks_to_wolfssl(peers, identity):
    server, connection, heard = Cell(peers, identity, False).with_server("cookie=0")
    assert (heard, connection._answers_from) == (b"hello", 5)
    server.expect("closed")


def test_a_client_talks_to_wolfssl_with_connection_ids(peers, identity):
    ids = {"connection_id": b"us"}
    server, connection, heard = Cell(peers, identity, False).with_server("cid=0102", **ids)
    assert heard == b"hello"
    assert connection._outbox.connection_id == b"\x01\x02"
    server.expect("cid " + b"us".hex())


# --- our server


class UpdatingService(Service):
    """A service that may ask for new keys once it is connected."""

    retried = None

    def __init__(self, config, updates=False):
        self._updates = updates
        super().__init__(Listener(config, 2))

    def on_connected(self, connection):
        super().on_connected(connection)
        self.retried = connection.retried
        if self._updates:
            connection.update_keys(True)


@pytest.fixture
def service():
    """Return a maker of services that end with the test."""
    made = []

    def make(config, **options):
        made.append(UpdatingService(config, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def assert_served(cell, ours, *options):
    client = cell.wolfssl("client", ours.port, *options)
    client.expect("heard hello")
    assert (ours.suite, ours.retried) == (cell.suite, True)
    assert ours.exported.hex() in client.before.decode()
    return client


@pytest.mark.parametrize("suite", [GCM, CHACHA20, CCM])
@pytest.mark.parametrize("by_key", [True, False])
def test_wolfssl_talks_to_a_server(peers, identity, service, by_key, suite):
    cell = Cell(peers, identity, by_key, suite)
    assert_served(cell, service(cell.server()))


@pytest.mark.parametrize("by_key", [True, False])
def test_wolfssl_goes_on_after_a_server_has_changed_its_key(peers, identity, service, by_key):
    cell = Cell(peers, identity, by_key)
    ours = service(cell.server(), updates=True)
    assert_served(cell, ours)


def test_wolfssl_talks_to_a_server_in_small_datagrams(peers, identity, service):
    cell = Cell(peers, identity, False)
    assert_served(cell, service(cell.server(datagram_bytes=200)))


def test_wolfssl_talks_to_a_server_with_connection_ids(peers, identity, service):
    cell = Cell(peers, identity, False)
    ours = service(cell.server(connection_id=b"id"))
    client = assert_served(cell, ours, "cid=0a0b")
    assert b"cid 00" in client.before  # the first octet is the slot
