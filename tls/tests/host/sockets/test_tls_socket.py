"""The blocking socket, against OpenSSL's server and CPython's own `ssl`."""

import errno
import socket
import ssl
import threading

import pytest
import server_identity
from peer_programs import needs_openssl
from sockets_shared import refusal

from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.entropy import SystemEntropy
from tlscore.server_config import ServerConfig
from tlscore.sockets.tls_socket import Context
from tlscore.tls12.config import ClientConfig as ClientConfig12
from tlscore.tls12.server_config import ServerConfig as ServerConfig12
from tlscore.trust import TrustAnchors, anchor_from_certificate

CONFIGS = (
    (ClientConfig, ServerConfig, {}),
    (ClientConfig12, ServerConfig12, {"versions": (0x0303,)}),
)


@pytest.fixture
def context(identity):
    def make(name=identity.name, kind=ClientConfig, **options):
        trust = TrustAnchors([anchor_from_certificate(identity.root)])
        clock = FixedClock(identity.utc_seconds)
        return Context(kind(SystemEntropy(), clock, trust, name, **options))

    return make


def dial(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


@needs_openssl
@pytest.mark.parametrize(("kind", "_server", "options"), CONFIGS)
def test_lines_come_back(peers, identity, context, kind, _server, options):
    port, _ = peers.openssl(identity, "-rev")
    with context(kind=kind, alpn=(b"x",), **options).wrap_socket(dial(port), timeout_s=20) as tls:
        tls.sendall(b"hello\nworld\n")
        assert tls.readline() == b"olleh\n"
        assert tls.recv(100) == b"dlrow\n"
        assert tls.version() == ("TLSv1.2" if options else "TLSv1.3")
        assert tls.cipher()[1] == tls.version()
        assert tls.selected_alpn_protocol() is None
        tls.settimeout(0.05)
        with pytest.raises(OSError, match=str(errno.ETIMEDOUT)):
            tls.recv(1)
        tls.settimeout(20)
        tls.write(b"CLOSE\n")
        assert tls.recv(100) == b""


@pytest.mark.parametrize(("_client", "kind", "options"), CONFIGS)
def test_a_server_serves_what_cpython_asks(tmp_path, identity, _client, kind, options):
    key = server_identity.private_key(identity.key)
    # OpenSSL 3.0 heeds no record_size_limit.
    options = {"record_buffer_bytes": 16_640, **options}
    config = kind(SystemEntropy(), tuple(identity.chain), key, **options)
    listener = socket.create_server(("127.0.0.1", 0))
    ended = []

    def serve():
        with Context(config).wrap_socket(listener.accept()[0], timeout_s=20) as tls:
            data = tls.recv(1 << 16)
            while data:
                tls.sendall(data)
                data = tls.recv(1 << 16)
            ended.append(tls.pending())

    thread = threading.Thread(target=serve)
    thread.start()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.load_verify_locations(cadata=identity.root)
    theirs.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    with (
        listener,
        theirs.wrap_socket(dial(listener.getsockname()[1]), server_hostname=identity.name) as tls,
    ):
        data, heard = bytes(range(256)) * 100, b""
        sender = threading.Thread(target=tls.sendall, args=(data,))
        sender.start()
        while len(heard) < len(data):
            heard += tls.recv(4096)
        sender.join(20)
        assert heard == data
        tls.unwrap().close()
    thread.join(20)
    assert ended == [0]


@needs_openssl
def test_a_wrong_name_is_refused_and_the_socket_closed(peers, identity, context):
    port, _ = peers.openssl(identity, "-rev")
    raw = dial(port)
    assert refusal(context("other.example").wrap_socket, raw) == "certificate.name_mismatch"
    assert raw.fileno() == -1


def test_a_connection_that_is_cut_is_no_end(identity, context):
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        raw = dial(listener.getsockname()[1])
        tls = context().wrap_socket(raw, do_handshake_on_connect=False, timeout_s=20)
        listener.accept()[0].close()
        with pytest.raises(Exception, match=r"connection\.truncated|reset"):
            tls.recv(1)
        tls.close()


@needs_openssl
def test_unwrapping_gives_the_transport_back(peers, identity, context):
    port, _ = peers.openssl(identity, "-rev")
    tls = context().wrap_socket(dial(port), timeout_s=20)
    tls.sendall(b"hello\n")
    assert tls.readline() == b"olleh\n"
    transport = tls.unwrap()
    tls.close()
    assert transport.readinto(bytearray(1)) in (None, 0)
    transport.close()
