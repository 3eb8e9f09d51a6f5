"""Reference peers among themselves: what scenarios ask of them works between independent ends."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import MissingTool
from hil.tlsrig import abilities, peers, pki
from hil.tlsrig.peers import ClientSetup, Psk, ServerSetup
from hil.tlsrig.statement import Statement

TIMEOUT_S = 10
PSK = Psk("board-1", bytes(range(32)))
AES = ("TLS_AES_128_GCM_SHA256",)
# Both with one that everybody knows, and these two with each other.
PAIRS = [
    (server, client)
    for server in peers.names()
    for client in peers.names()
    if "openssl" in (server, client) or (server, client) == ("gnutls", "gnutls")
]


def able(*needs: str, among: list[tuple[str, str]] = PAIRS) -> pytest.MarkDecorator:
    """Parametrize by the pairs of which both peers can do it in their roles."""
    found = [
        pair
        for pair in among
        if all(
            peers.lacking(name, role, frozenset(needs)) is None
            for name, role in zip(pair, ("server", "client"), strict=True)
        )
    ]
    return pytest.mark.parametrize("pair", found, ids=["-".join(pair) for pair in found])


@pytest.fixture(autouse=True)
def installed(pair: tuple[str, str]) -> None:
    """Skip a pair that needs a peer which is installed on request only, and is not."""
    for name in pair:
        if getattr(peers.load(name), "ON_REQUEST", False):
            try:
                peers.load(name).program()
            except MissingTool as error:
                pytest.skip(str(error))


def chain(directory: Path, variant: str) -> pki.ChainFiles:
    directory.mkdir()
    return pki.make_chain(int(time.time()), pki.plan_of(variant)).write(directory)


def meet(
    pair: tuple[str, str], setup: ServerSetup, wanted: ClientSetup, directory: Path
) -> tuple[Statement, Statement]:
    """Let them shake hands; the client says goodbye at once."""
    with closing(peers.load(pair[0]).serve(setup, directory)) as server:
        server.start()
        wanted = replace(wanted, address=server.address)
        with closing(peers.load(pair[1]).connect(wanted, directory)) as client:
            client.start()
            server.await_connected(TIMEOUT_S)
            if client.await_connected(TIMEOUT_S):
                client.end_input()  # type: ignore[attr-defined]
            return server.finish(TIMEOUT_S), client.finish(TIMEOUT_S)


@able("psk_dhe_ke")
def test_a_psk_takes_the_place_of_certificates(pair: tuple[str, str], tmp_path: Path) -> None:
    setup = ServerSetup(None, suites=AES, groups=("x25519",), psk=PSK)
    wanted = ClientSetup(("", 0), None, "localhost", suites=AES, groups=("x25519",), psk=PSK)
    for said in (ends := meet(pair, setup, wanted, tmp_path)):
        assert said.connected
        assert said.negotiated() == {
            "version": "TLSv1.3",
            "suite": AES[0],
            "group": "x25519",
            "signature": None,
        }
    assert ends[0].exporter == ends[1].exporter


@able("psk_dhe_ke")
def test_a_wrong_psk_is_refused(pair: tuple[str, str], tmp_path: Path) -> None:
    setup = ServerSetup(None, suites=AES, psk=PSK)
    wrong = replace(PSK, key=bytes(32))
    wanted = ClientSetup(("", 0), None, "localhost", suites=AES, psk=wrong)
    server, client = meet(pair, setup, wanted, tmp_path)
    assert not server.connected
    assert not client.connected
    assert server.alert_sent is not None
    assert server.alert_sent == client.alert_received


BY_CERTIFICATE = ("TLSv1.3", abilities.CLIENT_CERTIFICATES, abilities.EXPORTER_BESIDE_THEM)


@able("p256", *BY_CERTIFICATE)
def test_a_client_certificate_is_accepted(pair: tuple[str, str], tmp_path: Path) -> None:
    accept(pair, "client", tmp_path)


@able("ed25519", *BY_CERTIFICATE)
def test_a_client_certificate_of_ed25519_is_accepted(pair: tuple[str, str], tmp_path: Path) -> None:
    accept(pair, "client-ed25519", tmp_path)


def accept(pair: tuple[str, str], variant: str, tmp_path: Path) -> None:
    """Let both shake hands, the client with a certificate."""
    servers, clients = chain(tmp_path / "server", "valid"), chain(tmp_path / "client", variant)
    setup = ServerSetup(servers, client_root=clients.root)
    wanted = ClientSetup(("", 0), servers.root, "localhost", certificates=clients)
    server, client = meet(pair, setup, wanted, tmp_path)
    assert server.connected
    assert client.connected
    assert server.signature == client.signature == "ecdsa_secp256r1_sha256"


@able("TLSv1.3", abilities.INSISTENCE)
def test_a_client_without_the_certificate_that_is_demanded_is_refused(
    pair: tuple[str, str], tmp_path: Path
) -> None:
    servers, clients = chain(tmp_path / "server", "valid"), chain(tmp_path / "client", "client")
    setup = ServerSetup(servers, client_root=clients.root)
    wanted = ClientSetup(("", 0), servers.root, "localhost")
    server, _ = meet(pair, setup, wanted, tmp_path)
    assert not server.connected
    assert server.alert_sent == 116  # certificate_required


# BoringSSL gives its tickets with its first data, of which there is none here.
SERVERS = [(name, "openssl") for name in peers.names() if name != "bun"]


# gnutls-cli connects again at once, which no server tells apart: the rig's own listener does.
@able(abilities.RESUMPTION, among=SERVERS)
def test_a_second_connection_resumes_the_first_and_both_say_so(
    pair: tuple[str, str], tmp_path: Path
) -> None:
    setup = ServerSetup(chain(tmp_path / "server", "valid"), connections=2)
    assert setup.certificates is not None
    said = []
    with closing(peers.load(pair[0]).serve(setup, tmp_path)) as server:
        server.start()
        wanted = ClientSetup(server.address, setup.certificates.root, "localhost", connections=2)
        with closing(peers.load(pair[1]).connect(wanted, tmp_path)) as client:
            client.start()
            for first in (True, False):
                assert server.await_connected(TIMEOUT_S)
                assert client.await_connected(TIMEOUT_S)
                client.end_input()  # type: ignore[attr-defined]
                said.append((server.finish(TIMEOUT_S), client.finish(TIMEOUT_S)))
                if first:
                    server.next_connection()
                    client.next_connection()
    for ends, resumed in zip(said, (False, True), strict=True):
        assert [end.resumed for end in ends] == [resumed, resumed]
        assert ends[0].exporter == ends[1].exporter
        assert [end.signature is None for end in ends] == [resumed, resumed]
    assert said[0][0].exporter != said[1][0].exporter
    assert (tmp_path / "session.pem").stat().st_mode & 0o077 == 0
