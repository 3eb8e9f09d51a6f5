"""secure_sock against the programs of OpenSSL, TLS and DTLS, both roles."""

import hashlib
import re
import socket

import pytest
import server_identity
from cryptography import x509
from peer_programs import PEM, needs_openssl, private_bytes
from sockets_shared import BY_KEY, KEY, KEY_NAME, WAIT_MS, hear, tcp, udp

from tlscore.codepoints import TLS_1_2, TLS_1_3
from tlscore.sockets import credentials

pytestmark = needs_openssl

TEXT = b"hello\n"
LEGACY = ("-cipher", "ALL:COMPLEMENTOFDEFAULT@SECLEVEL=0")
PSK = ("-psk", KEY.hex(), "-psk_identity", KEY_NAME.decode())


def server_program(peers, identity, *options):
    """Start s_server with a certificate, which says every line backwards; return its port."""
    return peers.openssl(identity, "-rev", *options)[0]


def datagram_program(peers, *options):
    """Start s_server for datagrams; return its port and its handle."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = ("-accept", f"127.0.0.1:{port}", "-dtls1_2", *LEGACY)
    server = peers.spawn("openssl", ["s_server", *where, *options])
    server.expect(r"ACCEPT")
    return port, server


@pytest.mark.parametrize("versions", [None, (TLS_1_3, TLS_1_2), (TLS_1_2,)])
def test_a_client_talks_and_renews(peers, maker, versions):
    port = server_program(peers, maker.identity)
    socks = maker.socks("tls", versions=versions)
    sock = socks.create("client")
    sock.connect(tcp(port), maker.identity.name, WAIT_MS)
    for resumed in (False, True):
        sock.send(TEXT, WAIT_MS)
        assert hear(sock, 6) == b"olleh\n"
        facts = sock.facts()
        assert facts["version"] == (TLS_1_3 if versions is None else versions[0])
        assert facts["resumed"] == resumed
        if facts["version"] == TLS_1_3:
            sock.renew(timeout_ms=WAIT_MS)  # fresh keys
            sock.send(TEXT, WAIT_MS)
            assert hear(sock, 6) == b"olleh\n"
        sock.renew(tcp(port), WAIT_MS)
    assert socks.slots.free == 1


def test_a_client_by_key_talks(peers, maker):
    port = server_program(peers, maker.identity, *PSK)
    sock = maker.socks("tls").create("key")
    sock.connect(tcp(port), None, WAIT_MS)
    sock.send(TEXT, WAIT_MS)
    assert hear(sock, 6) == b"olleh\n"
    assert sock.facts()["psk_identity"] == KEY_NAME


def test_what_the_peer_ends_is_over(peers, maker):
    port = server_program(peers, maker.identity)
    sock = maker.socks("tls").create("client")
    sock.connect(tcp(port), maker.identity.name, WAIT_MS)
    sock.send(b"last\nCLOSE\n", WAIT_MS)
    assert hear(sock, 20) == b"tsal\n"
    assert sock.recv(bytearray(10), WAIT_MS) == 0


@pytest.mark.parametrize("by_key", [True, False])
def test_a_client_of_datagrams_talks(peers, maker, by_key):
    identity = maker.identity
    own = ("-nocert", *PSK)
    if not by_key:
        certificate = x509.load_der_x509_certificate(identity.chain[0]).public_bytes(PEM)
        own = ("-cert", peers.write("certificate.pem", certificate))
        own += ("-key", peers.write("key.pem", private_bytes(identity.key)))
    port, server = datagram_program(peers, *own)
    sock = maker.socks("dtls").create("key" if by_key else "client", **(BY_KEY if by_key else {}))
    name = None if by_key else identity.name
    sock.connect(udp()[0], name, WAIT_MS, ("127.0.0.1", port))
    sock.send(TEXT, WAIT_MS)
    server.expect("hello")
    server.send("olleh\n")
    assert hear(sock, 5).strip() == b"olleh"


@pytest.mark.parametrize("by_key", [False, True])
def test_a_server_is_talked_to(peers, maker, echo, by_key):
    maker.store.add("server", credentials.PSK, (KEY_NAME, KEY))
    server = echo(maker.socks("tls"), "server")
    options = PSK if by_key else ()
    client = peers.spawn(
        "openssl", ["s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", *options]
    )
    client.send("hello\n")
    client.expect("hello")
    client.close(force=True)
    assert server.facts[0]["psk_identity"] == (KEY_NAME if options else None)


@pytest.mark.parametrize("by_key", [True, False])
def test_a_server_of_datagrams_is_talked_to(peers, maker, echo, by_key):
    socks = maker.socks("dtls")
    tag, options = ("key", BY_KEY) if by_key else ("server", {})
    server = echo(socks, tag, True, **options)
    arguments = ["s_client", "-connect", f"127.0.0.1:{server.port}", "-dtls1_2", *LEGACY]
    client = peers.spawn("openssl", [*arguments, *(PSK if by_key else ())])
    client.expect(re.compile(rb"Verify return code|Extended master secret", re.M))
    client.send("hello\n")
    client.expect("hello")
    assert server.facts[0]["psk_identity"] == (KEY_NAME if by_key else None)
    assert server.errors == []


def test_a_raw_public_key_is_shown_and_pinned(maker, echo):
    """OpenSSL 3.0 has none: two ends of ours."""
    info, key = (
        server_identity.public_key_info(maker.identity.key),
        server_identity.private_key(maker.identity.key),
    )
    maker.store.add("raw", credentials.RAW_KEY, (info, key))
    maker.store.add("pinned", credentials.PINS, (hashlib.sha256(info).digest(),))
    server = echo(maker.socks("tls"), "raw")
    sock = maker.socks("tls").create("pinned")
    sock.connect(tcp(server.port), "any.example", WAIT_MS)
    sock.send(TEXT, WAIT_MS)
    assert hear(sock, 6) == TEXT
