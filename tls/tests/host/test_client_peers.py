"""Our client against `gnutls-serv` and `openssl s_server`, set up as only its configuration can."""

import hashlib
import socket

import pytest
import server_identity
from peer_programs import needs_gnutls, needs_openssl

from tlscore.client import ClientConnection
from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509
from tlscore.connection import EVENT_CONNECTED
from tlscore.errors import PeerMisbehaved
from tlscore.trust import PinnedKeys

RAW = CERTIFICATE_RAW_PUBLIC_KEY
WAIT_S = 20
TLS_1_3 = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CTYPE-ALL:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK"


def flush(connection, transport):
    while len(connection.to_send()):
        connection.sent(transport.send(connection.to_send()))


def converse(config, port, said, heard_bytes):
    """Connect, send `said`, hear so many bytes, close.

    Returns:
        (connection, what was heard, the sizes of the records it sent it in).
    """
    connection, heard, sizes = ClientConnection(config), b"", []
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as transport:
        while len(heard) < heard_bytes:
            flush(connection, transport)
            data = memoryview(transport.recv(4096))
            assert data, "the server has closed"
            try:
                while data:
                    data = data[connection.receive(data) :]
                    heard += connection.read()
            finally:
                flush(connection, transport)
            if connection.next_event() == (EVENT_CONNECTED,):
                while said:
                    sizes.append(connection.write(said))
                    said = said[sizes[-1] :]
                    flush(connection, transport)
        connection.close()
        flush(connection, transport)
    return connection, heard, sizes


def pinned(key):
    return PinnedKeys([hashlib.sha256(server_identity.public_key_info(key)).digest()])


@needs_gnutls
@pytest.mark.parametrize("scheme", server_identity.SCHEMES)
def test_both_ends_show_raw_public_keys(peers, client_config, identities, scheme):
    port, server = peers.gnutls(identities(scheme).key, "--require-client-cert")
    ours = identities(0x0403)
    config = client_config(
        certificate_types=(RAW,),
        trust=pinned(identities(scheme).key),
        public_key_info=server_identity.public_key_info(ours.key),
        private_key=server_identity.private_key(ours.key),
        send_buffer_bytes=2048,
    )
    connection, heard, _ = converse(config, port, b"echo this\n", 10)
    assert heard == b"echo this\n"
    assert connection.signature_scheme == scheme
    server.expect_exact(b"Client Signature: ECDSA-SECP256R1-SHA256")


@needs_gnutls
def test_a_raw_public_key_after_a_retry(peers, client_config, identities):
    key = identities(0x0807).key
    port, _ = peers.gnutls(key, more=":-GROUP-ALL:+GROUP-SECP384R1")
    config = client_config(certificate_types=(RAW, CERTIFICATE_X509), trust=pinned(key))
    connection, *_ = converse(config, port, b"echo this\n", 10)
    assert (connection.group, connection.signature_scheme) == (0x0018, 0x0807)


@needs_gnutls
def test_another_raw_public_key_is_refused(peers, client_config, identities):
    port, server = peers.gnutls(identities(0x0403).key)
    trust = pinned(identities(0x0503).key)
    with pytest.raises(PeerMisbehaved, match=r"certificate\.not_pinned"):
        converse(client_config(certificate_types=(RAW,), trust=trust), port, b"", 1)
    server.expect(rb"(?i)alert")


@needs_openssl
@pytest.mark.parametrize("size", [512, 4096])
def test_openssl_keeps_to_our_max_fragment_length_and_we_to_its(
    peers, client_config, identity, size
):
    port, _ = peers.openssl(identity, "-rev")
    # A buffer with room for everything has no record_size_limit announced (RFC 8449).
    config = client_config(
        max_fragment_bytes=size, record_buffer_bytes=16645, send_buffer_bytes=8192
    )
    line = bytes(range(65, 91)) * 300 + b"\n"
    _, heard, sizes = converse(config, port, line, len(line))
    assert heard == line[-2::-1] + b"\n"
    assert max(sizes) == size


@needs_openssl
def test_a_client_of_openssl_pads_and_is_padded(peers, client_config, identity):
    port, _ = peers.openssl(identity, "-rev", "-record_padding", "200")
    config = client_config(padding_bytes=300)
    _, heard, _ = converse(config, port, b"short\n", 6)
    assert heard == b"trohs\n"
