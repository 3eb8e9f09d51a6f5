"""The engine of tlslite, with servers that are not as they should be."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("tlslite")

from tlslite.api import TLSConnection
from tlslite.constants import AlertDescription
from tlslite.errors import TLSIllegalParameterException, TLSLocalAlert
from tlslite.messages import Alert

from hil.tlsrig.engines import tlslite as engine
from hil.tlsrig.engines.channel import Channel, EndedError
from hil.tlsrig.peers import ClientSetup, tlslite

TIMEOUT_S = 30
# RFC 8446 §4.1.3, §4.2.1, §4.2.8.
SERVER_HELLO, TLS_AES_128_GCM_SHA256, X25519 = 2, 0x1301, 0x001D
SUPPORTED_VERSIONS, KEY_SHARE = 43, 51


def vector(length_bytes: int, content: bytes) -> bytes:
    return len(content).to_bytes(length_bytes, "big") + content


def server_hello(session_id: bytes, share: bytes) -> bytes:
    """Return a record with the ServerHello of a server whose key share is `share`."""
    extensions = SUPPORTED_VERSIONS.to_bytes(2, "big") + vector(2, b"\x03\x04")
    extensions += KEY_SHARE.to_bytes(2, "big")
    extensions += vector(2, X25519.to_bytes(2, "big") + vector(2, share))
    body = b"\x03\x03" + bytes(range(32)) + vector(1, session_id)
    body += TLS_AES_128_GCM_SHA256.to_bytes(2, "big") + b"\x00" + vector(2, extensions)
    return b"\x16\x03\x03" + vector(2, bytes([SERVER_HELLO]) + vector(3, body))


def read_hello(connected: socket.socket) -> bytes:
    """Return the first record a client sends."""
    stream = connected.makefile("rb")
    header = stream.read(5)
    return header + stream.read(int.from_bytes(header[3:], "big"))


def test_an_alert_of_its_own_is_told_also_where_its_reason_is_an_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So it is in TLS 1.2 when the key exchange fails: `str` of such an alert raises TypeError."""

    def fails(*_: object, **__: object) -> None:
        alert = Alert().create(AlertDescription.illegal_parameter)
        raise TLSLocalAlert(alert, TLSIllegalParameterException("Invalid key share"))

    monkeypatch.setattr(TLSConnection, "handshakeClientCert", fails)
    channel = Channel({"role": "client", "versions": "0303", "server_name": "localhost"})
    connection = engine.begin(channel)()
    with pytest.raises(EndedError):
        connection.shake_hands()
    assert connection.account.alert_sent == AlertDescription.illegal_parameter
    assert connection.account.reason == "illegal_parameter: Invalid key share"


def test_what_it_leaves_to_its_caller_is_its_reason(tmp_path: Path) -> None:
    """RFC 7748 §6.1: a share of zeros gives a secret of zeros, which nobody may accept."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        setup = ClientSetup(listener.getsockname(), None, "localhost", groups=("x25519",))
        with closing(tlslite.connect(setup, tmp_path)) as peer:
            peer.start()
            listener.settimeout(TIMEOUT_S)
            connected = listener.accept()[0]
            with connected:
                hello = read_hello(connected)
                # Behind the headers of record and message, the version and the random.
                session_id = hello[44 : 44 + hello[43]]
                connected.sendall(server_hello(session_id, bytes(32)))
                assert not peer.await_connected(TIMEOUT_S)
                said = peer.finish(TIMEOUT_S)
    assert (said.connected, said.alert_sent, said.reason) == (False, None, "Invalid key share")
