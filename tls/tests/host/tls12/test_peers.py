"""TLS 1.2 between our ends and the programs of OpenSSL and GnuTLS, both roles."""

import socket
import subprocess
import threading

import pytest
import server_identity
from cryptography import x509
from peer_programs import PEM, PORTS_TRIED, needs_gnutls, needs_openssl, private_bytes
from test_client_peers import flush

from tlscore.clock import FixedClock, SystemClock
from tlscore.connection import EVENT_CONNECTED
from tlscore.entropy import SystemEntropy
from tlscore.tickets import TicketKeys
from tlscore.tls12.client import ClientConnection
from tlscore.tls12.config import ClientConfig
from tlscore.tls12.server import ServerConnection
from tlscore.tls12.server_config import ServerConfig
from tlscore.tls12.session_cache import SessionCache
from tlscore.trust import TrustAnchors, anchor_from_certificate

WAIT_S = 20
KEY_NAME, KEY = b"device 1", bytes(range(32))
BOTH = (0x0304, 0x0303)
# OpenSSL takes CCM_8 for weak.
OPENSSL = ("-tls1_2", "-cipher", "ALL:COMPLEMENTOFDEFAULT@SECLEVEL=0")
GNUTLS = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+AES-128-CCM-8:+AES-128-CCM:+PSK:+ECDHE-PSK"
# suite -> what OpenSSL and GnuTLS call it in what they say
BY_KEY = (0x00A8, 0xC0A4, 0xC0A8, 0xCCAB, 0xCCAC)
BY_CURVE = (0xC02B, 0xC02C, 0xCCA9, 0xC0AC, 0xC0AE)
BY_RSA = (0xC02F, 0xC030, 0xCCA8)


def pem_files(peers, identity):
    certificate = x509.load_der_x509_certificate(identity.chain[0]).public_bytes(PEM)
    key = peers.write("key.pem", private_bytes(identity.key))
    return peers.write("certificate.pem", certificate), key


def gnutls_server(peers, *options):
    """Start gnutls-serv; return its port."""
    for _ in range(PORTS_TRIED):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        arguments = ["--port", str(port), "--echo", "--priority", GNUTLS, *options]
        server = peers.spawn("gnutls-serv", arguments)
        if server.expect([rb"IPv4 \S+ port \d+\.\.\.done", r"[Ee]rror"]) == 0:
            return port
    raise AssertionError("gnutls-serv found no port")


def client_config(identity, **changes):
    values = {"versions": (0x0303,), "record_buffer_bytes": 16645, "send_buffer_bytes": 4000}
    trust = TrustAnchors([anchor_from_certificate(identity.root)])
    values["trust"] = None if "psks" in changes else trust
    clock = FixedClock(identity.utc_seconds)
    values.update(changes)
    return ClientConfig(SystemEntropy(), clock, server_name=identity.name, **values)


def echoed(config, port, said=b"hello\n", heard=None):
    """Connect to a server that says something back; return (connection, what it said)."""
    connection, answer = ClientConnection(config), b""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as transport:
        while len(answer) < len(said):
            flush(connection, transport)
            data = memoryview(transport.recv(4096))
            assert data, "the server has closed"
            try:
                while data:
                    data = data[connection.receive(data) :]
                    answer += connection.read()
            finally:
                flush(connection, transport)
            if connection.next_event() is not None and connection.state == 12 and heard is None:
                heard = connection.write(said)
        connection.close()
        flush(connection, transport)
    return connection, answer


@needs_openssl
@pytest.mark.parametrize("suite", BY_CURVE + BY_RSA + BY_KEY)
def test_a_client_of_every_suite_talks_to_openssl(peers, identities, suite):
    identity = identities(0x0804 if suite in BY_RSA else 0x0403)
    changes = {"suites": (suite,)}
    psk = ()
    if suite in BY_KEY:
        changes["psks"] = ((KEY_NAME, KEY, 32),)
        psk = ("-psk", KEY.hex(), "-psk_identity", KEY_NAME.decode())
    port, _ = peers.openssl(identity, *OPENSSL, "-rev", *psk)
    connection, heard = echoed(client_config(identity, **changes), port)
    assert (connection.suite, connection.version, heard) == (suite, 0x0303, b"olleh\n")


@needs_gnutls
@pytest.mark.parametrize("suite", [0xC02B, 0xC02C, 0xCCA9, 0xC0AC, 0xC0AE, 0xC0A8, 0xCCAC])
def test_a_client_of_most_suites_talks_to_gnutls(peers, identity, suite):
    changes = {"suites": (suite,)}
    certificate, key = pem_files(peers, identity)
    options = ["--x509certfile", certificate, "--x509keyfile", key]
    if suite in (0xC0A8, 0xCCAC):
        changes["psks"] = ((b"device1", KEY, 32),)
        options = ["--pskpasswd", peers.write("keys", b"device1:" + KEY.hex().encode() + b"\n")]
    connection, heard = echoed(client_config(identity, **changes), gnutls_server(peers, *options))
    assert (connection.suite, heard) == (suite, b"hello\n")


@needs_openssl
@pytest.mark.parametrize("by", ["ticket", "session_id"])
def test_a_client_goes_on_with_its_session_at_openssl(peers, identity, by):
    more = () if by == "ticket" else ("-no_ticket",)
    port, _ = peers.openssl(identity, *OPENSSL, "-rev", *more)
    keeping = client_config(identity, ticket_bytes_max=2000)
    session = echoed(keeping, port)[0].take_session()
    again = client_config(identity, ticket_bytes_max=2000, session=session, versions=BOTH)
    connection, heard = echoed(again, port)
    assert (connection.resumed_by, heard) == (by, b"olleh\n")


class Service:
    """Our server on a port, for so many connections; it echoes."""

    def __init__(self, config, count=1):
        self._config = config
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT_S)
        self.port = self._listener.getsockname()[1]
        self.connections = []
        self.exported = []
        self._thread = threading.Thread(target=self._serve, args=(count,), daemon=True)
        self._thread.start()

    def _serve(self, count):
        for _ in range(count):
            transport, _ = self._listener.accept()
            transport.settimeout(WAIT_S)
            with transport:
                self._talk(ServerConnection(self._config), transport)

    def _talk(self, connection, transport):
        self.connections.append(connection)
        while not connection.peer_closed:
            data = memoryview(transport.recv(4096))
            if not data:
                return
            while data:
                data = data[connection.receive(data) :]
                connection.write(connection.read()) if connection.state == 12 else None
            if (EVENT_CONNECTED,) == connection.next_event():
                self.exported.append(connection.export(b"EXPORTER-hil", None, 32))
            flush(connection, transport)
        connection.close()
        flush(connection, transport)

    def wait(self):
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        self._listener.close()
        return self.connections


def server_config(identity, **changes):
    values = {"versions": (0x0303,), "send_buffer_bytes": 4000}
    if "psk" not in changes:
        values["certificates"] = tuple(identity.chain)
        values["private_key"] = server_identity.private_key(identity.key)
    values.update(changes)
    return ServerConfig(SystemEntropy(), **values)


def run(*command):
    """Run a client that says hello and ends; return what it printed."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    process.stdin.write(b"hello\n")
    process.stdin.flush()
    said = b""
    while b"hello" not in said.replace(b"CLIENT", b""):
        line = process.stdout.readline()
        assert line, said.decode(errors="replace")
        said += line
    return said + process.communicate(timeout=WAIT_S)[0]


def s_client(port, *options):
    where = ["-connect", f"127.0.0.1:{port}", "-servername", "server.example"]
    exporter = ["-keymatexport", "EXPORTER-hil", "-keymatexportlen", "32"]
    return run("openssl", "s_client", *where, *exporter, *options)


@needs_openssl
@pytest.mark.parametrize("suite", BY_CURVE + BY_RSA + BY_KEY)
def test_openssl_talks_to_a_server_of_every_suite(identities, suite):
    identity = identities(0x0804 if suite in BY_RSA else 0x0403)
    changes, psk = {"suites": (suite,)}, ()
    if suite in BY_KEY:
        changes["psk"] = {KEY_NAME: (KEY, 32)}.get
        psk = ("-psk", KEY.hex(), "-psk_identity", KEY_NAME.decode())
    service = Service(server_config(identity, **changes))
    said = s_client(service.port, *OPENSSL, *psk)
    (connection,) = service.wait()
    assert connection.suite == suite
    assert service.exported[0].hex().upper().encode() in said


@needs_openssl
@pytest.mark.parametrize("by", ["ticket", "session_id"])
def test_openssl_goes_on_with_its_session(identity, tmp_path, by):
    kept = {"tickets": TicketKeys(SystemEntropy(), SystemClock())}
    if by == "session_id":
        kept = {"sessions": SessionCache(SystemEntropy(), SystemClock())}
    service = Service(server_config(identity, **kept), count=2)
    for option in ("-sess_out", "-sess_in"):
        said = s_client(service.port, *OPENSSL, option, str(tmp_path / "session"))
    assert [connection.resumed_by for connection in service.wait()] == [None, by]
    assert b"Reused" in said


@needs_openssl
def test_openssl_takes_the_better_version_and_heeds_the_other(identity):
    service = Service(server_config(identity, versions=BOTH), count=2)
    s_client(service.port)
    s_client(service.port, "-tls1_2")
    assert [connection.version for connection in service.wait()] == [0x0304, 0x0303]


# Not with ECDHE_PSK: gnutls-cli 3.7.9 dies of SIGSEGV after its handshake.
@needs_gnutls
@pytest.mark.parametrize("suite", [0xC02B, 0xCCA9, 0xC0AE, 0xC0A8])
def test_gnutls_talks_to_a_server_of_most_suites(identity, suite):
    changes, options = {"suites": (suite,)}, ["--insecure"]
    if suite == 0xC0A8:
        changes["psk"] = {KEY_NAME: (KEY, 32)}.get
        options = ["--pskusername", KEY_NAME.decode(), "--pskkey", KEY.hex()]
    service = Service(server_config(identity, **changes))
    where = ["-p", str(service.port), "--sni-hostname", "server.example", "127.0.0.1"]
    run("gnutls-cli", "--priority", GNUTLS, *options, *where)
    (connection,) = service.wait()
    assert (connection.suite, connection.version) == (suite, 0x0303)
