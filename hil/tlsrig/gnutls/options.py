"""The options of gnutls-serv and gnutls-cli that make them what a setup says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hil.tlsrig.gnutls.words import CIPHERS, GROUPS, SIGNATURES, VERSIONS
from hil.tlsrig.peers import ClientSetup, Psk, ServerSetup

if TYPE_CHECKING:
    from hil.tlsrig.pki import ChainFiles


def server_arguments(setup: ServerSetup, log_dir: Path) -> list[str]:
    """Return the options of gnutls-serv that make it what `setup` says."""
    files = setup.certificates
    arguments = ["--echo", "--port", "0"]
    if setup.psk is not None:
        passwords = log_dir / "psk.txt"
        passwords.touch(mode=0o600)
        passwords.write_text(f"{setup.psk.identity}:{setup.psk.key.hex()}\n", "ascii")
        arguments += ["--pskpasswd", str(passwords)]
    if files is not None:
        arguments += _identity_arguments(files, "server" in setup.raw_public_keys)
    if setup.client_root is None:
        arguments.append("--disable-client-cert")
    else:
        arguments.append("--require-client-cert")
        if "client" not in setup.raw_public_keys:
            arguments += ["--verify-client-cert", "--x509cafile", str(setup.client_root)]
    if not setup.tickets:
        arguments.append("--noticket")
    if setup.max_record_bytes is not None:
        arguments += ["--recordsize", str(setup.max_record_bytes)]
    for protocol in setup.alpn:
        arguments += ["--alpn", protocol]
    return [*arguments, "--priority", priority(setup)]


def client_arguments(setup: ClientSetup) -> list[str]:
    """Return the options of gnutls-cli that make it what `setup` says."""
    host, port = setup.address
    arguments = ["--port", str(port), "--sni-hostname", setup.server_name]
    if "DTLSv1.2" in setup.versions:
        arguments.append("--udp")
    if setup.datagram_bytes is not None:
        arguments += ["--mtu", str(setup.datagram_bytes)]
    if setup.psk is not None:
        arguments += ["--pskusername", setup.psk.identity, "--pskkey", setup.psk.key.hex()]
    if setup.anchor is None or "server" in setup.raw_public_keys:
        arguments.append("--no-ca-verification")
    else:
        arguments += ["--x509cafile", str(setup.anchor), "--verify-hostname", setup.server_name]
    if setup.certificates is not None:
        arguments += _identity_arguments(setup.certificates, "client" in setup.raw_public_keys)
    if setup.max_record_bytes is not None:
        arguments += ["--recordsize", str(setup.max_record_bytes)]
    if len(setup.groups) > 1:
        arguments.append("--single-key-share")
    if setup.connections > 1:
        arguments += ["--resume", "--waitresumption"]
    for protocol in setup.alpn:
        arguments += ["--alpn", protocol]
    return [*arguments, "--priority", priority(setup), host]


def _identity_arguments(files: ChainFiles, bare: bool) -> list[str]:
    if bare:
        return ["--rawpkkeyfile", str(files.private_key), "--rawpkfile", str(files.public_key)]
    return ["--x509certfile", str(files.chain), "--x509keyfile", str(files.private_key)]


def priority(setup: ServerSetup | ClientSetup) -> str:
    """Return the priority string for what a setup allows."""
    words = ["NORMAL", "-VERS-ALL"]
    words += [f"+VERS-{VERSIONS[version]}" for version in setup.versions]
    if setup.suites:
        words += ["-CIPHER-ALL", *dict.fromkeys(f"+{_cipher(suite)}" for suite in setup.suites)]
    if setup.groups:
        words += ["-GROUP-ALL", *(f"+GROUP-{GROUPS[group]}" for group in setup.groups)]
    if setup.signatures:
        words += ["-SIGN-ALL", *(f"+SIGN-{SIGNATURES[name]}" for name in setup.signatures)]
    older = [suite for suite in setup.suites if "_WITH_" in suite]
    if older:
        kinds = [suite.removeprefix("TLS_").partition("_WITH_")[0] for suite in older]
        words += ["-KX-ALL", *dict.fromkeys(f"+{kind.replace('_', '-')}" for kind in kinds)]
    elif setup.psk is not None:
        words += ["-KX-ALL", *(f"+{kind}" for kind in _key_exchanges(setup.psk))]
    if not setup.extended_master_secret:
        words.append("%NO_SESSION_HASH")
    if isinstance(setup, ClientSetup) and setup.fallback:
        words.append("%FALLBACK_SCSV")
    for role, word in (("server", "SRV"), ("client", "CLI")):
        if role in setup.raw_public_keys:
            words += [f"-CTYPE-{word}-ALL", f"+CTYPE-{word}-RAWPK"]
    return ":".join(words)


def _cipher(suite: str) -> str:
    """Return what it calls the cipher of a suite of either version."""
    if suite in CIPHERS:
        return CIPHERS[suite]
    cipher = suite.partition("_WITH_")[2]
    return cipher.removesuffix("_SHA256").removesuffix("_SHA384").replace("_", "-")


def _key_exchanges(psk: Psk) -> tuple[str, ...]:
    return ("ECDHE-PSK", "DHE-PSK") if psk.with_dhe else ("PSK",)
