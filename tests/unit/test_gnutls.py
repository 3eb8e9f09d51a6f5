"""The peer `gnutls`: what it prints read, its options, and the real programs in both roles."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import MissingTool, PeerError
from hil.peer import PeerEnded
from hil.tlsrig import keylog, pki
from hil.tlsrig.gnutls import options, words
from hil.tlsrig.gnutls.over_tcp import GnuTlsServer
from hil.tlsrig.peers import EXPORTER_LABEL, ClientSetup, Psk, ServerSetup, TlsPeer, gnutls, openssl
from hil.tlsrig.statement import Statement

TIMEOUT_S = 10
PSK = Psk("board-1", bytes(range(32)))

# As GnuTLS 3.7.9 wrote them, cut to what matters.
CONNECTED = """\
|<4>| HSK[0x561e1505af20]: HELLO RETRY REQUEST was queued [43 bytes]
|<2>| EXT[0x561e1505af20]: server generated X25519 shared key
- Description: (TLS1.3-X.509)-(ECDHE-X25519)-(ECDSA-SECP256R1-SHA256)-(AES-128-CCM-8)
|<4>| HSK[0x561e1505af20]: KEY_UPDATE (24) was received. Length 1[1], frag offset 0
|<4>| HSK[0x561e1505af20]: KEY_UPDATE was queued [5 bytes]
|<5>| REC[0x561e1505af20]: Alert[1|0] - Close notify - was received
|<5>| REC: Sending Alert[1|0] - Close notify
"""
WITH_PSK = """\
|<2>| EXT[0x56]: client generated SECP256R1 shared key
- Description: (TLS1.3-X.509)--(AES-256-GCM)
*** This is a resumed session
"""
REFUSED = """\
|<5>| REC[0x55c3acef7f20]: Alert[2|42] - Certificate is bad - was received
Error in handshake: A TLS fatal alert has been received.
"""


def test_facts_are_read_from_what_is_printed_and_logged() -> None:
    assert words.statement("gnutls", CONNECTED, exporter=bytes(32)) == Statement(
        "gnutls",
        connected=True,
        version="TLSv1.3",
        suite="TLS_AES_128_CCM_8_SHA256",
        group="x25519",
        signature="ecdsa_secp256r1_sha256",
        exporter=bytes(32),
        exporter_method="printed by --keymatexport",
        close_sent=True,
        close_received=True,
        hello_retries=1,
        resumed=False,
        key_updates_sent=1,
        key_updates_received=1,
    )


def test_with_a_psk_the_group_is_that_of_the_shared_key() -> None:
    said = words.statement("gnutls", WITH_PSK, exporter=bytes(32))
    assert (said.group, said.signature) == ("secp256r1", None)
    assert said.suite == "TLS_AES_256_GCM_SHA384"
    assert said.resumed


def test_alerts_are_told_apart_by_direction() -> None:
    received = words.statement("g", REFUSED, exporter=None)
    assert (received.alert_received, received.alert_sent) == (42, None)
    assert received.reason == "A TLS fatal alert has been received."
    sent = words.statement(
        "g", "|<5>| REC: Sending Alert[2|40] - Handshake failed\n", exporter=None
    )
    assert (sent.alert_received, sent.alert_sent) == (None, 40)
    assert not sent.connected
    assert not sent.close_sent


@pytest.fixture
def certificates(tmp_path: Path) -> pki.ChainFiles:
    return pki.make_chain(int(time.time())).write(tmp_path)


@pytest.fixture
def setup(certificates: pki.ChainFiles) -> ServerSetup:
    return ServerSetup(certificates, suites=("TLS_AES_128_GCM_SHA256",), groups=("secp256r1",))


def test_options_say_what_the_setup_says(setup: ServerSetup, tmp_path: Path) -> None:
    setup = replace(setup, alpn=("h2", "coap"), max_record_bytes=512, signatures=("ed25519",))
    text = " ".join(options.server_arguments(setup, tmp_path))
    for expected in (
        "--port 0",
        "--disable-client-cert",
        "--alpn h2 --alpn coap",
        "--recordsize 512",
        "--priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM"
        ":-GROUP-ALL:+GROUP-SECP256R1:-SIGN-ALL:+SIGN-EdDSA-Ed25519",
    ):
        assert expected in text


def test_a_psk_is_in_a_file_that_only_we_can_read(setup: ServerSetup, tmp_path: Path) -> None:
    arguments = options.server_arguments(replace(setup, certificates=None, psk=PSK), tmp_path)
    passwords = Path(arguments[arguments.index("--pskpasswd") + 1])
    assert passwords.read_text() == f"board-1:{PSK.key.hex()}\n"
    assert passwords.stat().st_mode & 0o077 == 0
    assert ":-KX-ALL:+ECDHE-PSK:+DHE-PSK" in arguments[-1]


def test_bare_keys_are_chosen_for_each_end(setup: ServerSetup, tmp_path: Path) -> None:
    assert setup.certificates is not None
    both = replace(setup, raw_public_keys=("server", "client"), client_root=setup.certificates.root)
    text = " ".join(options.server_arguments(both, tmp_path))
    for expected in (
        "--rawpkkeyfile",
        "--require-client-cert --priority",
        ":-CTYPE-SRV-ALL:+CTYPE-SRV-RAWPK:-CTYPE-CLI-ALL:+CTYPE-CLI-RAWPK",
    ):
        assert expected in text
    wanted = ClientSetup(("::1", 1), setup.certificates.root, "localhost")
    text = " ".join(options.client_arguments(replace(wanted, raw_public_keys=("server",))))
    assert "--no-ca-verification" in text
    assert "RAWPK" in text
    assert "CTYPE-CLI" not in text


def test_a_client_sends_back_what_has_to_be_cut_into_records(
    setup: ServerSetup, certificates: pki.ChainFiles, tmp_path: Path
) -> None:
    payload = bytes(range(0x80, 0x100)) * 10
    with closing(openssl.serve(setup, tmp_path)) as server:
        server.start()
        wanted = ClientSetup(server.address, certificates.root, "localhost", max_record_bytes=512)
        with closing(gnutls.connect(wanted, tmp_path)) as client:
            client.start()
            assert server.await_connected(TIMEOUT_S)
            assert client.await_connected(TIMEOUT_S)
            server.send(payload)
            assert client.echo(len(payload), TIMEOUT_S) == payload
            assert server.receive(len(payload), TIMEOUT_S) == payload


def test_missing_programs_name_the_install_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt-get install gnutls-bin"):
        gnutls.program()


@pytest.fixture
def server(setup: ServerSetup, tmp_path: Path) -> Iterator[GnuTlsServer]:
    with closing(gnutls.serve(setup, tmp_path)) as running:
        running.start()
        yield running


Connect = Callable[..., "closing[TlsPeer]"]


@pytest.fixture(params=[gnutls, openssl], ids=["gnutls-cli", "s_client"])
def connect(
    request: pytest.FixtureRequest, server: GnuTlsServer, certificates: pki.ChainFiles
) -> Connect:
    def start(**wanted: object) -> closing[TlsPeer]:
        setup = ClientSetup(server.address, certificates.root, "localhost")
        client = request.param.connect(replace(setup, **wanted), certificates.root.parent)
        client.start()
        return closing(client)

    return start


def test_a_connection_stands_and_ends_in_order_with_both_clients(
    server: GnuTlsServer, connect: Connect
) -> None:
    with connect() as client:
        assert server.await_connected(TIMEOUT_S)
        assert client.await_connected(TIMEOUT_S)
        client.end_input()
        ours, theirs = server.finish(TIMEOUT_S), client.finish(TIMEOUT_S)
    assert (
        ours.negotiated()
        == theirs.negotiated()
        == {
            "version": "TLSv1.3",
            "suite": "TLS_AES_128_GCM_SHA256",
            "group": "secp256r1",
            "signature": "ecdsa_secp256r1_sha256",
        }
    )
    assert ours.exporter is not None
    assert ours.exporter == theirs.exporter
    assert ours.close_sent
    assert ours.close_received


def test_a_retry_is_counted_on_both_sides(server: GnuTlsServer, connect: Connect) -> None:
    with connect(groups=("x25519", "secp256r1")) as client:
        assert server.await_connected(TIMEOUT_S)
        assert client.await_connected(TIMEOUT_S)
        client.end_input()
        ours, theirs = server.finish(TIMEOUT_S), client.finish(TIMEOUT_S)
    assert (ours.hello_retries, theirs.hello_retries) == (1, 1)


def test_exporter_from_the_key_log_equals_the_printed_one(
    server: GnuTlsServer, connect: Connect
) -> None:
    with connect() as client:
        assert server.await_connected(TIMEOUT_S)
        client.close()
        printed = server.finish(TIMEOUT_S).exporter
    secret = keylog.find(server.artefacts["key_log"], keylog.EXPORTER)
    assert secret is not None
    assert keylog.exporter(0x1301, secret, EXPORTER_LABEL, 32) == printed


def test_an_alert_is_seen_by_both(server: GnuTlsServer, connect: Connect) -> None:
    with connect(suites=("TLS_CHACHA20_POLY1305_SHA256",)) as client:
        assert not server.await_connected(TIMEOUT_S)
        assert not client.await_connected(TIMEOUT_S)
        ours, theirs = server.finish(TIMEOUT_S), client.finish(TIMEOUT_S)
    assert ours.alert_sent == theirs.alert_received == 40  # handshake_failure
    assert not ours.connected


def test_the_end_of_a_connection_ends_the_wait_for_its_data(
    server: GnuTlsServer, connect: Connect
) -> None:
    with connect() as client:
        assert server.await_connected(TIMEOUT_S)
        client.close()
        with pytest.raises(PeerEnded, match="before 5000 bytes of application data"):
            server.echo(5000, TIMEOUT_S)


def test_what_reached_the_server_comes_back(
    server: GnuTlsServer, certificates: pki.ChainFiles
) -> None:
    payload = bytes(range(0x80, 0x100)) * 40 + b"\n"
    setup = ClientSetup(server.address, certificates.root, "localhost")
    with closing(openssl.connect(setup, certificates.root.parent)) as client:
        client.start()
        assert server.await_connected(TIMEOUT_S)
        assert client.await_connected(TIMEOUT_S)
        client.send(payload)
        assert server.echo(len(payload), TIMEOUT_S) == payload
        assert client.receive(len(payload), TIMEOUT_S) == payload


def test_two_connections_are_told_apart(
    setup: ServerSetup, certificates: pki.ChainFiles, tmp_path: Path
) -> None:
    with closing(gnutls.serve(replace(setup, connections=2), tmp_path)) as server:
        server.start()
        said = []
        for groups in (("x25519", "secp256r1"), ("secp256r1",)):
            wanted = ClientSetup(server.address, certificates.root, "localhost", groups=groups)
            with closing(openssl.connect(wanted, tmp_path)) as client:
                client.start()
                assert server.await_connected(TIMEOUT_S)
                client.end_input()
                said.append(server.finish(TIMEOUT_S))
    assert [statement.hello_retries for statement in said] == [1, 0]
    assert said[0].exporter != said[1].exporter
    assert all(statement.close_received for statement in said)


def test_a_killed_server_is_an_error_and_no_verdict(server: GnuTlsServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(PeerError, match="gnutls-serv was killed by SIGKILL"):
        server.await_connected(TIMEOUT_S)


def test_a_server_without_its_certificate_names_the_file(
    setup: ServerSetup, certificates: pki.ChainFiles, tmp_path: Path
) -> None:
    certificates.chain.unlink()
    with (
        closing(gnutls.serve(setup, tmp_path)) as broken,
        pytest.raises(PeerEnded, match=r"(?s)before it to accept.*chain\.pem"),
    ):
        broken.start()


def test_facts_of_tls12_are_read_from_description_and_log() -> None:
    log = "|<4>| HSK[0x1]: Cipher Suite: GNUTLS_ECDHE_RSA_CHACHA20_POLY1305\n"
    said = "- Description: (TLS1.2-X.509)-(ECDHE-X25519)-(RSA-SHA256)-(CHACHA20-POLY1305)\n"
    suite = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    assert words.describe(log + said) == ("TLSv1.2", suite, "x25519", "rsa_pkcs1_sha256")
    resumed = log + said + "*** This is a resumed session\n"
    assert words.describe(resumed) == ("TLSv1.2", suite, None, None)
    log = "HSK[0x1]: Cipher Suite: GNUTLS_PSK_AES_128_CCM_8\n"
    said = "- Description: (TLS1.2)-(PSK)-(AES-128-CCM-8)\n"
    assert words.describe(log + said) == ("TLSv1.2", "TLS_PSK_WITH_AES_128_CCM_8", None, None)


def test_priorities_name_ciphers_and_key_exchanges_of_tls12() -> None:
    suites = ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
    setup = ServerSetup(None, versions=("TLSv1.2",), suites=suites, extended_master_secret=False)
    priority = options.priority(setup).split(":")
    assert priority[:3] == ["NORMAL", "-VERS-ALL", "+VERS-TLS1.2"]
    assert {"+AES-128-CCM-8", "+AES-256-GCM", "-KX-ALL", "+ECDHE-ECDSA", "+ECDHE-RSA"} <= set(
        priority
    )
    assert "%NO_SESSION_HASH" in priority
