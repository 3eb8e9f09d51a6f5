"""The folder of peers: what is in it, what every module offers, and what it declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil import cli
from hil.errors import MissingTool
from hil.peer import Program
from hil.tlsrig import abilities, engine_build, peers, peers_command
from hil.tlsrig import scenario as declared

SIX = {"bearssl", "gnutls", "mbedtls", "openssl", "pyopenssl", "tlslite"}
TLS13 = [one for one in declared.load_all().values() if "TLSv1.3" in one.needs]


def test_the_folder_is_the_list() -> None:
    assert set(peers.names()) >= SIX


@pytest.mark.parametrize("name", peers.names())
def test_every_peer_offers_what_the_rig_calls(name: str) -> None:
    module = peers.load(name)
    assert module.SUMMARY
    assert module.INSTALL
    assert callable(module.serve)
    assert callable(module.connect)
    assert callable(module.program)
    assert module.KNOWS_TIME in (True, False)
    assert peers.lacking(name, "server", frozenset()) is None


@pytest.mark.parametrize("name", peers.names())
def test_peers_are_installed_wherever_these_tests_run(name: str) -> None:
    module = peers.load(name)
    if hasattr(module, "build"):
        try:
            module.program()
        except MissingTool as error:
            pytest.skip(str(error))  # ./farm test builds it first
    assert isinstance(module.program(), Program)


def test_what_a_peer_lacks_is_named_with_those_that_have_it() -> None:
    limit = frozenset({abilities.RECORD_SIZE_LIMIT})
    assert peers.lacking("openssl", "server", limit) == (
        "peer openssl as a server has no record_size_limit (RFC 8449): use --peer=gnutls or tlslite"
    )
    cookie = frozenset({abilities.COOKIE})
    assert peers.lacking("gnutls", "client", cookie) is None
    assert peers.lacking("gnutls", "server", cookie) == (
        "peer gnutls as a server has no cookie (RFC 8446 §4.2.2): use --peer=openssl"
    )
    nobody = peers.lacking("gnutls", "client", frozenset({"x"}))
    assert nobody == "peer gnutls as a client has no x, and no other peer has all of it"


def test_needs_of_a_scenario_follow_from_what_it_declares() -> None:
    known = declared.load_all()
    assert known["tls13-hrr"].needs >= {"TLSv1.3", "secp256r1", "TLS_AES_128_GCM_SHA256", "p256"}
    assert known["tls13-psk-ke"].needs >= {"psk_ke"}
    assert abilities.COOKIE in known["tls13-server-hrr-cookie"].needs
    assert abilities.VALIDATION in known["tls13-server-untrusted-ca"].needs
    assert abilities.VALIDATION not in known["tls13-untrusted-ca"].needs
    assert abilities.INSISTENCE in known["tls13-mutual-no-certificate"].needs
    assert known["tls13-x509-mixed"].needs >= {"p256", "p384", "rsa2048"}


@pytest.mark.parametrize("scenario", TLS13, ids=[one.name for one in TLS13])
def test_every_scenario_of_tls13_is_for_two_peers_or_more(scenario: declared.Scenario) -> None:
    role = "server" if scenario.role == "client" else "client"
    able = {name for name in peers.names() if peers.lacking(name, role, scenario.needs) is None}
    # Bare keys and a server's cookie are told of one peer's programs each.
    few = bool(scenario.raw_public_keys) or scenario.peer.cookie
    assert len(able) >= (1 if few else 2), able


def test_a_peer_that_was_not_built_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIL_CACHE", str(tmp_path))
    with pytest.raises(MissingTool, match="install it with: hil peers --install mbedtls"):
        peers.load("mbedtls").program()
    shown = peers_command.table({"mbedtls": peers.load("mbedtls")}, 120)
    assert "hil peers --install mbedtls" in shown
    assert "3.6" not in shown


def test_a_changed_engine_is_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native = tmp_path / "native"
    native.mkdir()
    for path in engine_build._NATIVE.iterdir():
        (native / path.name).write_bytes(path.read_bytes())
    source = engine_build.sources.load("bearssl")
    before = engine_build._folder(source)
    monkeypatch.setattr(engine_build, "_NATIVE", native)
    assert engine_build._folder(source) == before
    with (native / "mbedtls.c").open("a") as file:
        file.write("// of no concern to the other one\n")
    assert engine_build._folder(source) == before
    with (native / "channel.c").open("a") as file:
        file.write("// shared\n")
    assert engine_build._folder(source) != before


def test_the_table_shows_every_peer_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    version = peers.load("openssl").program().version
    assert cli.main(["peers"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert set(rows) >= SIX
    assert version in rows["openssl"]
    assert "1.2, 1.3" in rows["tlslite"]
    long = peers_command.abilities({"openssl": peers.load("openssl")})
    assert f"openssl {version}: " in long
    assert "    TLS_CHACHA20_POLY1305_SHA256\n" in long
