"""The peer `openssl`: its message log read, its options, and the real program in both roles."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import MissingTool, PeerError
from hil.peer import PeerEnded, Program
from hil.tlsrig import keylog, pki
from hil.tlsrig.peers import EXPORTER_LABEL, ClientSetup, Psk, ServerSetup, openssl
from hil.tlsrig.statement import Statement

TIMEOUT_S = 10
NOW = 1_768_478_400

# As OpenSSL 3.0.22 and 3.5.7 both wrote them, cut to what matters: a ServerHello for TLS 1.3,
# AES-128-GCM and x25519, and alerts in both directions.
SERVER_HELLO = """\
>>> TLS 1.2, RecordHeader [length 0005]
    16 03 03 00 5a
>>> TLS 1.3, Handshake [length 005a], ServerHello
    02 00 00 56 03 03 a6 af 06 a4 12 18 60 dc 5e 6e
    60 24 9c d3 4c 95 93 0c 8a c5 cb 14 34 da c1 55
    77 2e d3 e2 69 28 00 13 01 00 00 2e 00 33 00 24
    00 1d 00 20 c9 82 88 76 11 20 95 fe 66 76 2b db
    f7 c6 72 e1 56 d6 cc 25 3b 83 3d f1 dd 69 b1 b0
    4e 75 1f 0f 00 2b 00 02 03 04
"""
RETRY = """\
>>> TLS 1.3, Handshake [length 0058], ServerHello
    02 00 00 54 03 03 cf 21 ad 74 e5 9a 61 11 be 1d
    8c 02 1e 65 b8 91 c2 a2 11 16 7a bb 8c 5e 07 9e
    09 e2 c8 a8 33 9c 20 70 06 2c 87 2c c6 0e 93 ef
    4e e3 34 c6 09 d1 04 0c 6a 25 9a 40 f0 07 ae 78
    e2 3f 4c d5 0c 4f 07 13 02 00 00 0c 00 2b 00 02
    03 04 00 33 00 02 00 17
"""
CERTIFICATE_VERIFY = """\
>>> TLS 1.3, Handshake [length 000c], CertificateVerify
    0f 00 00 08 04 03 00 04 30 02 02 00
"""
# TLS 1.2: the group and the scheme of its signature are in the ServerKeyExchange.
OLDER = """\
>>> TLS 1.2, Handshake [length 005e], ServerHello
    02 00 00 5a 03 03 81 1d 66 12 59 65 80 33 be 62
    60 a9 45 ef af b4 8f de c2 17 c3 3e 81 91 6a e1
    c8 86 c7 c2 87 33 20 bf 32 ed 52 94 9b e2 c7 fe
    2f cf 46 60 c9 13 2d bf 6b a0 5b 66 c3 05 b5 66
    4e 77 5f 63 b4 77 a6 c0 2b 00 00 12 ff 01 00 01
    00 00 01 00 01 04 00 0b 00 04 03 00 01 02
>>> TLS 1.2, Handshake [length 0030], ServerKeyExchange
    0c 00 00 2c 03 00 1d 20 06 26 11 97 74 aa 6b b5
    a6 bd d1 53 c1 d4 aa 95 d5 4c a0 75 4f d2 9e 23
    3d 25 d7 37 82 a8 d9 0c 04 03 00 04 30 02 02 00
"""
FATAL_RECEIVED = "<<< TLS 1.3, Alert [length 0002], fatal bad_record_mac\n    02 14\n"
FATAL_SENT = ">>> TLS 1.2, Alert [length 0002], fatal protocol_version\n    02 46\n"
CLOSED = (
    "<<< TLS 1.3, Alert [length 0002], warning close_notify\n    01 00\n"
    ">>> TLS 1.3, Alert [length 0002], warning close_notify\n    01 00\n"
)


def test_negotiated_facts_are_read_from_the_messages_the_peer_sent() -> None:
    said = openssl.statement(
        "openssl", SERVER_HELLO + CERTIFICATE_VERIFY + CLOSED, exporter=bytes(32), reason=None
    )
    assert said == Statement(
        "openssl",
        connected=True,
        version="TLSv1.3",
        suite="TLS_AES_128_GCM_SHA256",
        group="x25519",
        signature="ecdsa_secp256r1_sha256",
        exporter=bytes(32),
        exporter_method="printed by -keymatexport",
        close_sent=True,
        close_received=True,
        hello_retries=0,
        resumed=False,
        key_updates_sent=0,
        key_updates_received=0,
    )


def test_facts_of_tls_1_2_are_read_where_that_version_has_them() -> None:
    said = openssl.statement("openssl", OLDER, exporter=bytes(32), reason=None)
    assert said.negotiated() == {
        "version": "TLSv1.2",
        "suite": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "group": "x25519",
        "signature": "ecdsa_secp256r1_sha256",
    }


def test_a_hello_retry_request_is_counted_and_the_last_server_hello_decides() -> None:
    facts = openssl.summarize(RETRY + SERVER_HELLO)
    assert (facts.hello_retries, facts.suite, facts.group) == (1, 0x1301, 0x001D)


def test_alerts_are_told_apart_by_direction() -> None:
    received = openssl.statement("o", FATAL_RECEIVED, exporter=None, reason="x")
    assert (received.alert_received, received.alert_sent) == (20, None)
    sent = openssl.statement("o", FATAL_SENT, exporter=None, reason="x")
    assert (sent.alert_received, sent.alert_sent) == (None, 70)
    assert not sent.connected


def test_a_message_still_being_written_is_left_out() -> None:
    cut = SERVER_HELLO.rsplit("    4e", 1)[0]
    assert openssl.summarize(cut).version is None


@pytest.fixture
def certificates(tmp_path: Path) -> pki.ChainFiles:
    return pki.make_chain(NOW).write(tmp_path)


@pytest.fixture
def setup(certificates: pki.ChainFiles) -> ServerSetup:
    return ServerSetup(certificates, suites=("TLS_AES_128_GCM_SHA256",), groups=("secp256r1",))


def test_options_say_what_the_setup_says(setup: ServerSetup) -> None:
    arguments = openssl.server_arguments(replace(setup, alpn=("h2", "coap"), max_record_bytes=512))
    text = " ".join(arguments)
    for expected in (
        "-accept 127.0.0.1:0 -naccept 1",
        "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -groups secp256r1",
        "-alpn h2,coap",
        "-max_send_frag 512",
        f"-cert_chain {setup.certificates.intermediates}",
    ):
        assert expected in text


def test_cookies_and_keys_alone_are_asked_for_by_options_every_version_has(
    setup: ServerSetup,
) -> None:
    alone = replace(setup, psk=Psk("board-1", bytes(32), with_dhe=False), certificates=None)
    text = " ".join(openssl.server_arguments(replace(alone, cookie=True)))
    for expected in ("-nocert -psk 00", "-psk_identity board-1 -allow_no_dhe_kex", "-stateless"):
        assert expected in text


def test_an_external_key_is_no_resumption(setup: ServerSetup, tmp_path: Path) -> None:
    psk = Psk("board-1", bytes(range(32)))
    with closing(openssl.serve(replace(setup, psk=psk), tmp_path)) as server:
        server.start()
        wanted = ClientSetup(server.address, None, "localhost", psk=psk)
        with closing(openssl.connect(wanted, tmp_path)) as client:
            client.start()
            assert server.await_connected(TIMEOUT_S)
            assert client.await_connected(TIMEOUT_S)
            client.end_input()
            ends = server.finish(TIMEOUT_S), client.finish(TIMEOUT_S)
    assert "Reused" in client.artefacts["peer_output"].read_text()
    assert [(end.resumed, end.signature) for end in ends] == [(False, None), (False, None)]


def test_a_server_tells_of_a_connection_that_is_not_its_last(
    setup: ServerSetup, certificates: pki.ChainFiles, tmp_path: Path
) -> None:
    with closing(openssl.serve(replace(setup, connections=2), tmp_path)) as server:
        server.start()
        said = []
        for _ in range(2):
            with connect(server, certificates) as client:
                assert server.await_connected(TIMEOUT_S)
                client.end_input()
                said.append(server.finish(TIMEOUT_S))
    assert all(statement.close_received for statement in said)
    assert said[0].exporter != said[1].exporter


def test_tls_1_1_is_allowed_at_security_level_0(setup: ServerSetup) -> None:
    arguments = openssl.server_arguments(replace(setup, versions=("TLSv1.1",), suites=()))
    assert "-tls1_1 -cipher ALL:@SECLEVEL=0" in " ".join(arguments)


def test_versions_are_one_or_a_range(setup: ServerSetup) -> None:
    assert "-tls1_3" in openssl.server_arguments(setup)
    both = openssl.server_arguments(replace(setup, versions=("TLSv1.3", "TLSv1.2")))
    assert "-min_protocol TLSv1.2 -max_protocol TLSv1.3" in " ".join(both)
    with pytest.raises(PeerError, match=r"takes versions of TLSv1\.1, .*, DTLSv1\.2, not"):
        openssl.server_arguments(replace(setup, versions=("SSLv3",)))


def test_suites_of_tls12_are_called_as_openssl_does(setup: ServerSetup) -> None:
    suites = ("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
    given = " ".join(openssl.server_arguments(replace(setup, suites=suites)))
    assert "-cipher ECDHE-RSA-AES128-GCM-SHA256 -ciphersuites TLS_AES_128_GCM_SHA256" in given
    weak = replace(setup, suites=("TLS_PSK_WITH_AES_128_CCM_8",))
    assert "-cipher PSK-AES128-CCM8:@SECLEVEL=0" in " ".join(openssl.server_arguments(weak))


def test_a_missing_openssl_names_the_install_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt-get install openssl"):
        openssl.program()


Server = Callable[[], openssl.OpenSslServer]


@pytest.fixture
def server(setup: ServerSetup, tmp_path: Path) -> Iterator[openssl.OpenSslServer]:
    with closing(openssl.serve(setup, tmp_path)) as running:
        running.start()
        yield running


def connect(
    server: openssl.OpenSslServer, certificates: pki.ChainFiles, name: str = "localhost"
) -> closing[openssl.OpenSslClient]:
    client = openssl.connect(
        ClientSetup(server.address, certificates.root, name, utc_seconds=NOW),
        certificates.root.parent,
    )
    client.start()
    return closing(client)


def test_both_roles_agree_on_a_handshake_echo_and_close(
    server: openssl.OpenSslServer, certificates: pki.ChainFiles
) -> None:
    with connect(server, certificates) as client:
        assert server.await_connected(TIMEOUT_S)
        assert client.await_connected(TIMEOUT_S)
        payload = bytes(range(0x80, 0x100)) * 40
        client.send(payload)
        received = server.receive(len(payload), TIMEOUT_S)
        assert received == payload
        server.send(received)
        assert client.receive(len(payload), TIMEOUT_S) == payload
        client.end_input()
        ours, theirs = server.finish(TIMEOUT_S), client.finish(TIMEOUT_S)
    assert ours.negotiated() == theirs.negotiated()
    assert ours.group == "secp256r1"
    assert ours.suite == "TLS_AES_128_GCM_SHA256"
    assert ours.hello_retries == 1, "s_client offers x25519 first"
    assert ours.exporter == theirs.exporter
    assert ours.close_sent
    assert ours.close_received


def test_exporter_from_the_key_log_equals_the_printed_one(
    server: openssl.OpenSslServer, certificates: pki.ChainFiles
) -> None:
    with connect(server, certificates) as client:
        assert server.await_connected(TIMEOUT_S)
        client.end_input()
        printed = server.finish(TIMEOUT_S).exporter
    secret = keylog.find(server.artefacts["key_log"], keylog.EXPORTER)
    assert secret is not None
    assert keylog.exporter(0x1301, secret, EXPORTER_LABEL, 32) == printed


def test_an_alert_is_seen_by_both(
    server: openssl.OpenSslServer, certificates: pki.ChainFiles
) -> None:
    with connect(server, certificates, name="elsewhere.invalid") as client:
        assert not server.await_connected(TIMEOUT_S)
        ours = server.finish(TIMEOUT_S)
        theirs = client.finish(TIMEOUT_S)
    assert ours.alert_received == theirs.alert_sent == 42  # bad_certificate
    assert ours.reason is not None
    assert "bad certificate" in ours.reason


def test_waiting_for_data_of_a_connection_that_ended_says_so(
    server: openssl.OpenSslServer, certificates: pki.ChainFiles
) -> None:
    with connect(server, certificates) as client:
        assert server.await_connected(TIMEOUT_S)
        client.close()
        with pytest.raises(PeerEnded, match=r"before 5000 bytes of application data"):
            server.receive(5000, TIMEOUT_S)


def test_a_killed_server_is_an_error_and_no_verdict(server: openssl.OpenSslServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(PeerError, match="openssl was killed by SIGKILL"):
        server.await_connected(TIMEOUT_S)


def test_payloads_openssl_could_take_for_commands_are_refused(
    server: openssl.OpenSslServer,
) -> None:
    with pytest.raises(PeerError, match="payload byte 1 is 'Q'"):
        server.send(b"\x80Q")


def test_a_server_without_its_certificate_names_the_file(
    setup: ServerSetup, tmp_path: Path
) -> None:
    setup.certificates.certificate.unlink()
    with (
        closing(openssl.serve(setup, tmp_path)) as broken,
        pytest.raises(PeerEnded, match=r"(?s)before it to accept.*leaf\.pem"),
    ):
        broken.start()


def test_the_version_is_the_programs_own() -> None:
    installed = openssl.program()
    assert isinstance(installed, Program)
    assert installed.version.startswith("3.")
