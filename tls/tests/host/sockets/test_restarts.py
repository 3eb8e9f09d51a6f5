"""A peer that ends without a word and begins anew at the same port, DTLS 1.2: real programs."""

import select
import socket
import threading

import pytest
from peer_programs import needs_gnutls, needs_openssl
from sockets_shared import BY_KEY, KEY, KEY_NAME, WAIT_MS, hear, udp

from tlscore.sockets import secure_sock

NAME, KEY_HEX = KEY_NAME.decode().replace(" ", ""), KEY.hex()
SUITE = "ALL:COMPLEMENTOFDEFAULT@SECLEVEL=0"
PRIORITY = "NORMAL:-VERS-ALL:+VERS-DTLS1.2:+AES-128-CCM-8:+PSK"
SHORT_MS = 200
TEXT = b"hello\n"


@pytest.fixture
def by_key(maker):
    """Return a Maker whose key has a name that every program takes on its command line."""
    maker.store.remove("key", 1)
    maker.store.add("key", 1, (NAME.encode(), KEY))
    return maker


class OnePort:
    """Carries datagrams to a server, always from the same port, whoever they are of."""

    def __init__(self, server_port):
        self._clients, self._server = udp_socket(), udp_socket()
        self._server.connect(("127.0.0.1", server_port))
        self.port = self._clients.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        sender = None
        while not self._ended.is_set():
            for ready in select.select([self._clients, self._server], [], [], 0.1)[0]:
                if ready is self._clients:
                    data, sender = ready.recvfrom(2048)
                    self._server.send(data)
                else:
                    data = ready.recv(2048)
                    if sender is not None:
                        self._clients.sendto(data, sender)

    def close(self, force):
        assert force
        self._ended.set()
        self._thread.join(20)
        self._clients.close()
        self._server.close()


def udp_socket():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def free_port():
    with udp_socket() as probe:
        return probe.getsockname()[1]


def openssl_client(peers, port):
    where = ["-connect", f"127.0.0.1:{port}", "-dtls1_2", "-quiet", "-cipher", SUITE]
    return peers.spawn("openssl", ["s_client", *where, "-psk", KEY_HEX, "-psk_identity", NAME])


def gnutls_client(peers, port):
    key = ["--pskusername", NAME, "--pskkey", KEY_HEX]
    where = ["--udp", "-p", str(port), "127.0.0.1", "--priority", PRIORITY]
    client = peers.spawn("gnutls-cli", [*key, *where])
    client.expect("Simple Client Mode")
    return client


def openssl_server(peers, port):
    """Start a server; return it, and a function that has it say something back."""
    where = ["-accept", f"127.0.0.1:{port}", "-dtls1_2", "-quiet", "-cipher", SUITE]
    key = ["-nocert", "-psk", KEY_HEX, "-psk_identity", NAME]
    server = peers.spawn("openssl", ["s_server", *where, *key])

    def answer():
        server.expect("hello")
        server.send(TEXT.decode())

    return server, answer


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(openssl_client, marks=needs_openssl),
        pytest.param(gnutls_client, marks=needs_gnutls),
    ],
)
def test_a_client_that_starts_anew_takes_its_own_place(peers, by_key, echo, start):
    """There is one slot: the old session makes way once the new client has proved who it is."""
    served = echo(by_key.socks("dtls", slots=1), "key", True, **BY_KEY)
    way = OnePort(served.port)
    peers.running.append(way)
    for number in range(3):
        client = start(peers, way.port)
        client.send(TEXT.decode())
        client.expect("hello")
        assert served.accepted == number + 1
        client.close(force=True)  # SIGKILL: it says nothing
    assert (served.ended, served.errors) == (2, [])


@needs_openssl
def test_a_server_that_starts_anew_is_met_by_renewing(peers, by_key):
    """What a server that knows nothing of a session says does not end it (RFC 6347 §4.1.2.7).

    With GnuTLS there is nothing to try: gnutls-serv never gets past a first datagram that begins no
    handshake, and the session's own last word is such a one.
    """
    port = free_port()
    server, answer = openssl_server(peers, port)
    sock = by_key.socks("dtls").create("key", retransmission_ms=200, **BY_KEY)
    sock.connect(udp()[0], None, WAIT_MS, ("127.0.0.1", port))
    for restarts in (True, True, False):
        sock.send(TEXT, WAIT_MS)
        answer()
        assert hear(sock, len(TEXT)) == TEXT
        if not restarts:
            break
        server.close(force=True)
        server, answer = openssl_server(peers, port)
        sock.send(TEXT, WAIT_MS)
        with pytest.raises(OSError, match=r"^110$") as caught:
            sock.recv(bytearray(10), SHORT_MS)
        assert not secure_sock.error_is_fatal(caught.value)
        sock.renew(timeout_ms=WAIT_MS)
    sock.stop()
