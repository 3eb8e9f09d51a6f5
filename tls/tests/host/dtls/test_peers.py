"""DTLS 1.2 between our ends and the programs of OpenSSL and GnuTLS over loopback, both roles."""

import hashlib
import os
import time

import pytest
import server_identity
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from datagram_service import WAIT_S, Service, udp, wait
from peer_programs import PEM, PORTS_TRIED, needs_gnutls, needs_openssl, private_bytes

from tlscore.clock import FixedClock
from tlscore.connection import EVENT_CONNECTED
from tlscore.dtls.client import ClientConnection
from tlscore.dtls.config import ClientConfig
from tlscore.dtls.listener import Listener
from tlscore.dtls.server_config import ServerConfig
from tlscore.dtls.timers import Ticks
from tlscore.entropy import SystemEntropy
from tlscore.trust import PinnedKeys, TrustAnchors, anchor_from_certificate

KEY_NAME, KEY = b"device1", bytes(range(16))
PSK_CCM_8, PSK_GCM, ECDSA_CCM_8, ECDSA_GCM = 0xC0A8, 0x00A8, 0xC0AE, 0xC02B
ECDSA_CHACHA20 = 0xCCA9
BY_KEY = (PSK_CCM_8, PSK_GCM)
SUITES = (PSK_CCM_8, PSK_GCM, ECDSA_CCM_8, ECDSA_GCM)
OPENSSL = ("-dtls1_2", "-cipher", "ALL:COMPLEMENTOFDEFAULT@SECLEVEL=0")
GNUTLS = "NORMAL:-VERS-ALL:+VERS-DTLS1.2:+AES-128-CCM-8:+PSK"
PSK = ("-psk", KEY.hex(), "-psk_identity", KEY_NAME.decode())


def common(suite, options):
    return {"suites": (suite,), "now_ms": Ticks(), **options}


def client_config(identity, suite, **options):
    values = common(suite, options)
    name, trust = identity.name, TrustAnchors([anchor_from_certificate(identity.root)])
    trust = values.pop("trust", trust)
    if suite in BY_KEY:
        name = trust = None
        values.update(psks=((KEY_NAME, KEY, 32),), psk_modes=(0,))
    clock = FixedClock(identity.utc_seconds)
    return ClientConfig(SystemEntropy(), clock, trust, name, **values)


def server_config(identity, suite, **options):
    values = common(suite, options)
    values["cookie_key"] = os.urandom(32)
    if suite in BY_KEY:
        values["psk"] = {KEY_NAME: (KEY, 32)}.get
    else:
        values["certificates"] = tuple(identity.chain)
        values["private_key"] = server_identity.private_key(identity.key)
    return ServerConfig(SystemEntropy(), **values)


def echoed(config, port, said=b"hello\n"):
    """Connect to a server that says something back; return (connection, what it said)."""
    connection, buffer, answer = ClientConnection(config), bytearray(2048), b""
    end = time.monotonic() + WAIT_S
    with udp() as transport:
        transport.connect(("127.0.0.1", port))
        while len(answer) < len(said) and time.monotonic() < end:
            while size := connection.datagram_into(buffer):
                transport.send(memoryview(buffer)[:size])
            if not wait(transport, connection.next_timeout()):
                continue
            try:
                size = transport.recv_into(buffer)
            except ConnectionRefusedError:  # nobody listens yet
                continue
            connection.receive_datagram(buffer, size)
            while (data := connection.read()) is not None:
                answer += bytes(data)
            if connection.next_event() == (EVENT_CONNECTED,):
                size = connection.write_into(said, buffer)
                transport.send(memoryview(buffer)[:size])
        connection.close()
        transport.send(memoryview(buffer)[: connection.datagram_into(buffer)])
    return connection, answer


def pem_files(peers, identity):
    certificate = x509.load_der_x509_certificate(identity.chain[0]).public_bytes(PEM)
    key = peers.write("key.pem", private_bytes(identity.key))
    return peers.write("certificate.pem", certificate), key


def free_port():
    with udp() as probe:
        return probe.getsockname()[1]


def openssl_server(peers, identity, suite, *options):
    """Start s_server, which says every line backwards; return its port."""
    certificate, key = pem_files(peers, identity)
    own = ("-nocert", *PSK) if suite in BY_KEY else ("-cert", certificate, "-key", key)
    port = free_port()
    arguments = ["s_server", "-accept", f"127.0.0.1:{port}", *OPENSSL, *own, *options]
    server = peers.spawn("openssl", arguments)
    server.expect(r"ACCEPT")
    return port, server


def gnutls_server(peers, identity, suite, *options):
    """Start gnutls-serv, which says everything back; return its port."""
    certificate, key = pem_files(peers, identity)
    own = ["--x509certfile", certificate, "--x509keyfile", key]
    if suite in BY_KEY:
        own = ["--pskpasswd", peers.write("keys", KEY_NAME + b":" + KEY.hex().encode() + b"\n")]
    for _ in range(PORTS_TRIED):
        port = free_port()
        arguments = ["--udp", "--port", str(port), "--echo", "--priority", GNUTLS]
        server = peers.spawn("gnutls-serv", [*arguments, *own, *options])
        if server.expect([rb"IPv4 \S+ port \d+\.\.\.done", r"[Ee]rror"]) == 0:
            return port
    raise AssertionError("gnutls-serv found no port")


@needs_openssl
@pytest.mark.parametrize("suite", [*SUITES, ECDSA_CHACHA20])
def test_a_client_talks_to_openssl(peers, identity, suite):
    port, server = openssl_server(peers, identity, suite)
    server.send("olleh\n")
    connection, heard = echoed(client_config(identity, suite), port)
    server.expect("hello")
    assert (connection.suite, heard.strip()) == (suite, b"olleh")
    assert connection.extended_master_secret


@needs_openssl
def test_a_client_talks_to_openssl_in_small_datagrams(peers, identity):
    port, server = openssl_server(peers, identity, ECDSA_GCM, "-listen", "-mtu", "256")
    server.send("olleh\n")
    config = client_config(identity, ECDSA_GCM, datagram_bytes=150)
    _, heard = echoed(config, port)
    assert heard.strip() == b"olleh"


@needs_gnutls
@pytest.mark.parametrize("suite", SUITES)
def test_a_client_talks_to_gnutls(peers, identity, suite):
    port = gnutls_server(peers, identity, suite)
    connection, heard = echoed(client_config(identity, suite), port)
    assert (connection.suite, heard) == (suite, b"hello\n")


@needs_gnutls
def test_a_client_talks_to_gnutls_in_small_datagrams(peers, identity):
    port = gnutls_server(peers, identity, ECDSA_GCM, "--mtu", "256")
    config = client_config(identity, ECDSA_GCM, datagram_bytes=150)
    assert echoed(config, port)[1] == b"hello\n"


RAW_GNUTLS = GNUTLS + ":-CTYPE-ALL:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK"


def raw_files(peers, identity):
    key = peers.write("raw.key", private_bytes(identity.key))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key, peers.write("raw.pub", identity.key.public_key().public_bytes(PEM, form))


def pin_of(identity):
    info = server_identity.public_key_info(identity.key)
    return info, PinnedKeys([hashlib.sha256(info).digest()])


@needs_gnutls
def test_a_client_knows_gnutls_by_its_raw_public_key(peers, identity):
    key, public = raw_files(peers, identity)
    raw = ("--rawpkkeyfile", key, "--rawpkfile", public, "--priority", RAW_GNUTLS)
    port = gnutls_server(peers, identity, ECDSA_GCM, *raw)
    _, pins = pin_of(identity)
    config = client_config(identity, ECDSA_GCM, certificate_types=(2,), trust=pins)
    connection, heard = echoed(config, port)
    assert (connection.signatures_verified, heard) == (1, b"hello\n")


@needs_gnutls
def test_gnutls_shows_and_takes_raw_public_keys(peers, service, identity):
    key, public = raw_files(peers, identity)
    info, pins = pin_of(identity)
    clock = FixedClock(identity.utc_seconds)
    types = {"certificate_types": (2,), "client_certificate_types": (2,)}
    ours = service(ECDSA_GCM, public_key_info=info, trust=pins, clock=clock, **types)
    raw = ["--rawpkkeyfile", key, "--rawpkfile", public, "--no-ca-verification"]
    where = ["--udp", "-p", str(ours.port), "127.0.0.1"]
    client = peers.spawn("gnutls-cli", ["--priority", RAW_GNUTLS, *raw, *where])
    client.expect("Simple Client Mode")
    client.send("hello\n")
    client.expect("hello")
    assert ours.client_key is not None


class KeyedService(Service):
    """A service that notes its client's raw public key."""

    client_key = None

    def on_connected(self, connection):
        super().on_connected(connection)
        self.client_key = connection.client_key


@pytest.fixture
def service(identity):
    """Return a maker of services that end with the test."""
    made = []

    def make(suite, **options):
        made.append(KeyedService(Listener(server_config(identity, suite, **options), 2)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@needs_openssl
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("datagram_bytes", [1200, 150])
def test_openssl_talks_to_a_server(peers, service, suite, datagram_bytes):
    ours = service(suite, datagram_bytes=datagram_bytes)
    exporter = ["-keymatexport", "EXPORTER-hil", "-keymatexportlen", "32"]
    where = ["-connect", f"127.0.0.1:{ours.port}", "-mtu", "300"]
    psk = PSK if suite in BY_KEY else ()
    client = peers.spawn("openssl", ["s_client", *where, *OPENSSL, *exporter, *psk])
    client.expect(rb"Keying material: ([0-9A-F]{64})")
    exported = client.match.group(1).decode()
    client.send("hello\n")
    client.expect("hello")
    client.sendeof()
    assert (ours.suite, ours.exported.hex().upper()) == (suite, exported)


@needs_gnutls
@pytest.mark.parametrize("suite", SUITES)
def test_gnutls_talks_to_a_server(peers, service, suite):
    ours = service(suite)
    options = ["--insecure"]
    if suite in BY_KEY:
        options = ["--pskusername", KEY_NAME.decode(), "--pskkey", KEY.hex()]
    where = ["--udp", "--mtu", "400", "-p", str(ours.port), "127.0.0.1"]
    client = peers.spawn("gnutls-cli", ["--priority", GNUTLS, *options, *where])
    client.expect("Simple Client Mode")
    client.send("hello\n")
    client.expect("hello")
    assert ours.suite == suite
