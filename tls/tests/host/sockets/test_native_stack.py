"""CPython's own `ssl` as a stack of secure_sock: the same calls, against our ends and OpenSSL's."""

import ssl

import pytest
from cryptography import x509
from peer_programs import PEM, private_bytes
from sockets_shared import WAIT_MS, Acceptor, hear, refusal, tcp, tcp_listener

from tlscore.errors import TlsError
from tlscore.sockets import credentials, secure_sock
from tlscore.sockets.native_stack import NativeStack, told

TEXT = b"what is said over every session"


class Undated:
    """A module `ssl` that is lenient with the time: the certificates here are from the future."""

    def __init__(self, identity):
        self._identity = identity

    def __getattr__(self, name):
        return getattr(ssl, name)

    def SSLContext(self, role):  # noqa: N802 - as the module has it
        made = ssl.SSLContext(role)
        made.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
        return made


@pytest.fixture
def native(maker, tmp_path):
    """Return a maker of SecureSocks over CPython's stack, with the same names as ours."""
    identity = maker.identity
    chain = tmp_path / "chain.pem"
    chain.write_bytes(x509.load_der_x509_certificate(identity.chain[0]).public_bytes(PEM))
    key = tmp_path / "key.pem"
    key.write_bytes(private_bytes(identity.key))
    store = credentials.Credentials()
    store.add("client", credentials.ROOTS, (identity.root,))
    store.add("server", credentials.CERTIFICATE, (str(chain), str(key)))
    store.add("key", credentials.PSK, (b"device 1", bytes(16)))

    def make(slots=2):
        maker.made.append(secure_sock.init(NativeStack(Undated(identity)), store, slots))
        return maker.made[-1]

    return make


def connected(socks, maker, port, name=None):
    sock = socks.create("client")
    sock.connect(tcp(port), name or maker.identity.name, WAIT_MS)
    return sock


def test_a_client_of_each_stack_talks_to_a_server_of_each(maker, native, echo):
    makers = {"ours": lambda: maker.socks("tls"), "native": native}
    for served in makers.values():
        server = echo(served(), "server")
        for client in makers.values():
            socks = client()
            sock = connected(socks, maker, server.port)
            sock.send(TEXT * 100, WAIT_MS)
            assert hear(sock, 100 * len(TEXT)) == TEXT * 100
            sock.stop()
            assert socks.slots.free == 2
        server.close()
        assert (server.errors, server.accepted) == ([], 2)


def test_a_wrong_name_is_refused_and_said(maker, native, echo):
    server = echo(maker.socks("tls"), "server")
    socks = native()
    with pytest.raises(TlsError, match=r"native\.certificate_verify_failed") as caught:
        connected(socks, maker, server.port, "other.example")
    assert secure_sock.error_is_fatal(caught.value)
    assert socks.slots.free == 2
    server.close()
    assert [error.reason for error in server.errors] == ["alert_received.bad_certificate"]


def test_what_the_peer_ends_is_over(maker, native):
    listener, port = tcp_listener()
    server = maker.socks("tls").create("server")
    server.listen(Acceptor(listener))
    sock = native().create("client")
    with pytest.raises(OSError, match="11"):
        sock.connect(tcp(port), maker.identity.name, 0)
    ours = server.accept(WAIT_MS)
    while not (sock.connected and ours.connected):
        for one in (sock, ours):
            one.check_pending()
    ours.stop()
    assert sock.recv(bytearray(10), WAIT_MS) == 0
    server.stop()


def test_what_it_cannot_do_is_refused(native):
    listener, port = tcp_listener()
    with listener:
        socks = native()
        transport = tcp(port)
        assert refusal(socks.create("key").connect, transport, "a") == "sock.native_credentials"
        assert refusal(socks.create("none").connect, transport, "a") == "sock.no_credentials"
        sock = socks.create("client", alpn=(b"h2",))
        assert refusal(sock.connect, transport, "a") == "sock.native_option"
        transport.close()
    assert socks.slots.free == 2


def test_errors_of_the_transport_stay_what_they_are():
    error = ConnectionResetError(104, "Connection reset by peer")
    assert told(error, ssl.SSLError) is error
    assert told(OSError(-30592, "MBEDTLS_ERR_X509")).reason == "native.mbedtls_err_x509"
    assert told(ValueError("not signed by the CA")).reason == "native.not_signed_by_the_ca"
