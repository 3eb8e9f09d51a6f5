"""The folder of peers: what is in it, what every module offers, and what it declares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hil import cli
from hil.errors import BuildError, MissingTool
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


def test_what_is_there_on_request_only_is_neither_missed_nor_built_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    for name in peers.names():
        module = peers.load(name)
        program = Program(f"/{name}", "1")
        monkeypatch.setattr(module, "program", lambda program=program: program)
        if hasattr(module, "build"):
            monkeypatch.setattr(
                module, "build", lambda _, name=name, program=program: asked.append(name) or program
            )
    monkeypatch.setenv("HIL_CACHE", str(tmp_path))
    assert cli.main(["peers", "--install", "--quiet"]) == 0
    assert asked == ["bearssl", "mbedtls"]
    asked.clear()
    assert cli.main(["peers", "--install", "--quiet", "wolfssl", "mbedtls3", "bun,deno"]) == 0
    assert asked == ["wolfssl", "mbedtls", "bun", "deno"]
    assert "mbedtls  1  /mbedtls\n" in capsys.readouterr().out


def test_a_missing_one_that_is_there_on_request_fails_only_the_check_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in peers.names():
        if not peers.is_on_request(name):
            monkeypatch.setattr(peers.load(name), "program", lambda: Program("/", "1"))
    monkeypatch.setenv("HIL_CACHE", str(tmp_path))
    assert cli.main(["peers", "--check"]) == 0
    assert cli.main(["peers", "--check", "wolfssl"]) == 1


def test_the_other_name_of_a_peer_is_the_peer() -> None:
    assert peers.renamed(["openssl, mbedtls3", "*"]) == ["openssl", "mbedtls", "*"]
    assert set(peers.ALIASES.values()) <= set(peers.names())
    assert not set(peers.ALIASES) & set(peers.names())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ('touch "${8#OUT=}/half"; echo cc: no; exit 2', "wolfssl could not be built:\ncc: no"),
        ("kill -9 $$", "wolfssl could not be built"),
    ],
)
def test_a_build_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: str, message: str
) -> None:
    source = tmp_path / "source"
    (source / "wolfssl").mkdir(parents=True)
    (source / "wolfssl" / "ssl.h").touch()
    program = tmp_path / "bin" / "make"
    program.parent.mkdir()
    program.write_text(f"#!/bin/bash\n{make}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("WOLFSSL_DIR", str(source))
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BuildError, match=message):
        engine_build.ensure("wolfssl")
    left = [path.name for path in (tmp_path / "cache" / "peers").iterdir()]
    assert [name for name in left if not name.endswith(".lock")] == []


def test_without_a_compiler_its_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HIL_CACHE", str(tmp_path))
    assert peers_command.install({"wolfssl": peers.load("wolfssl")}, -1) == 1
    assert capsys.readouterr().out == "wolfssl  needs cc: apt-get install gcc\n"


def test_what_a_peer_cannot_be_told_skips_the_scenarios_that_turn_on_it() -> None:
    known = declared.load_all()
    assert abilities.CHOICE_OF_GROUPS in known["tls13-hrr"].needs
    assert abilities.CHOICE_OF_GROUPS not in known["tls13-x509-p256"].needs
    assert abilities.CHOICE_OF_SUITES in known["tls13-server-no-common-suite"].needs
    assert abilities.CHOICE_OF_VERSIONS in known["tls12-both-older"].needs
    assert abilities.KEY_REFUSAL in known["tls13-psk-wrong-identity"].needs
    assert abilities.KEY_REFUSAL not in known["tls13-psk-wrong-key"].needs
    reason = peers.lacking("deno", "server", known["tls13-hrr"].needs)
    assert reason is not None
    assert reason.startswith("peer deno as a server has no a choice of groups: use --peer=")
