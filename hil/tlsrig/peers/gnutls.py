"""The reference peer `gnutls`: `gnutls-serv` and `gnutls-cli`, 3.7 and 3.8.

Its verdict comes from what it prints of a connection that stands (`- Description:` with version,
group, signature and cipher, and the exported keying material), and from its own debug log at
level 5, which tells alerts, handshake messages and records as the library sent or saw them.

gnutls-serv listens on every interface and cannot be told otherwise; it serves one run's worthless
certificates, and the rig connects to it over loopback. Its port 0 lets the kernel choose, which it
does not print, so the port is read from the kernel (/proc/PID/fd, /proc/net/tcp). It never ends
by itself: a connection is over when its socket is closed, and then it is told to end.
As an echo server it answers when a newline has come, and shows what it received just before.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import PeerError
from hil.peer import Dialogue, PeerEnded, Program, find_program
from hil.process import obituary
from hil.tlsrig import abilities, names
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.peer_program import POLL_S, ProgramPeer
from hil.tlsrig.peers import EXPORTER_BYTES, EXPORTER_LABEL, ClientSetup, Psk, ServerSetup
from hil.tlsrig.statement import Statement

if TYPE_CHECKING:
    from hil.tlsrig.pki import ChainFiles

SUMMARY = "GnuTLS gnutls-serv and gnutls-cli"
INSTALL = "apt-get install gnutls-bin"
# Neither program can be told what time it is: certificates are made for the present.
KNOWS_TIME = False

# gnutls-serv sends no cookie.
_BOTH = Abilities.both(
    abilities.TLS13_ALL,
    abilities.TLS12_ALL,
    abilities.DTLS12 | {abilities.DATAGRAM_LIMIT},
    {"TLSv1.1", "psk_dhe_ke", "psk_ke"},
    abilities.CERTIFICATES,
    abilities.GROUPS,
    abilities.RESUMES | abilities.CHOICES | {abilities.KEY_REFUSAL},
    {abilities.RAW_PUBLIC_KEYS, abilities.RECORD_SIZE_LIMIT, abilities.KEY_UPDATE},
    {abilities.RECORD_SIZE_LIMIT_OF_TLS12},
    {abilities.CLIENT_CERTIFICATES, abilities.VALIDATION},
    {abilities.INSISTENCE, abilities.EXPORTER_BESIDE_THEM},
    {abilities.EXTENDED_MASTER, abilities.NO_EXTENDED_MASTER, abilities.FALLBACK},
)
# Of a long datagram gnutls-serv shows the beginning.
_OF_CLIENT = frozenset({abilities.COOKIE, abilities.LONG_DATAGRAMS, abilities.SECOND_COOKIE})
# gnutls-cli 3.7 crashes when it prints what it agreed on with ECDHE_PSK, with any server.
_CRASHES = frozenset({"TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"})
ABILITIES = Abilities(server=_BOTH.server, client=(_BOTH.client | _OF_CLIENT) - _CRASHES)

_START_TIMEOUT_S = 20
# It drops what it has no room for in a record: no negotiated limit that scenarios have is smaller.
_PIECE_BYTES = 2048
_KEYING_MATERIAL = rb"- Key material: ([0-9a-f]{%d})\r?\n" % (2 * EXPORTER_BYTES)
_LISTENING = rb"listening on IPv4 \S+ port \d+\.\.\.done"
_DESCRIPTION = re.compile(r"^- Description: (\(.*\))\s*$", re.MULTILINE)
_ALERT_SENT = re.compile(r"REC: Sending Alert\[\d+\|(\d+)\]")
_ALERT_RECEIVED = re.compile(r"REC\[\w+\]: Alert\[\d+\|(\d+)\] - .* - was received")
_RETRY = re.compile(r"HSK\[\w+\]: HELLO RETRY REQUEST (?:\(\d+\) was received|was queued)")
_KEY_UPDATE_SENT = re.compile(r"HSK\[\w+\]: KEY_UPDATE was queued")
_KEY_UPDATE_RECEIVED = re.compile(r"HSK\[\w+\]: KEY_UPDATE \(\d+\) was received")
_SHARED_KEY = re.compile(r"EXT\[\w+\]: (?:client|server) generated (\S+) shared key")
_DATA_SENT = re.compile(rb"Preparing Packet Application Data\(23\)")
_FIRST_EPOCH = re.compile(rb"REC\[\w+\]: Allocating epoch #0\n")
_RESUMED = "*** This is a resumed session"
_ERRORS = re.compile(
    r"^(?:\*\*\* Fatal error|Error in handshake|\*\*\* Received alert[^:]*): (.*)$", re.MULTILINE
)

VERSIONS = {
    "TLSv1.1": "TLS1.1",
    "TLSv1.2": "TLS1.2",
    "TLSv1.3": "TLS1.3",
    "DTLSv1.2": "DTLS1.2",
}
# RFC 8446 §B.4 in GnuTLS's words: in TLS 1.3 a cipher is used with one hash only.
_CIPHERS = {
    "TLS_AES_128_GCM_SHA256": "AES-128-GCM",
    "TLS_AES_256_GCM_SHA384": "AES-256-GCM",
    "TLS_CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "TLS_AES_128_CCM_SHA256": "AES-128-CCM",
    "TLS_AES_128_CCM_8_SHA256": "AES-128-CCM-8",
}
GROUPS = {name: name.upper() for name in names.GROUPS.values()}
_SIGNATURES = {
    "ecdsa_secp256r1_sha256": "ECDSA-SECP256R1-SHA256",
    "ecdsa_secp384r1_sha384": "ECDSA-SECP384R1-SHA384",
    "rsa_pss_rsae_sha256": "RSA-PSS-RSAE-SHA256",
    "rsa_pss_rsae_sha384": "RSA-PSS-RSAE-SHA384",
    "rsa_pss_rsae_sha512": "RSA-PSS-RSAE-SHA512",
    "ed25519": "EdDSA-Ed25519",
}
# RFC 5246 §7.4.1.4.1: in TLS 1.2 a hash and a kind of key, without a curve.
_SIGNATURES_OF_TLS12 = {
    "ecdsa_secp256r1_sha256": "ECDSA-SHA256",
    "ecdsa_secp384r1_sha384": "ECDSA-SHA384",
    "ecdsa_secp521r1_sha512": "ECDSA-SHA512",
    "rsa_pkcs1_sha256": "RSA-SHA256",
    "rsa_pkcs1_sha384": "RSA-SHA384",
    "rsa_pkcs1_sha512": "RSA-SHA512",
}
ALL_SIGNATURES = {**_SIGNATURES, **_SIGNATURES_OF_TLS12}
# How its log calls the suites of TLS 1.2.
_SUITES_OF_TLS12 = {
    suite: suite.replace("TLS_", "GNUTLS_", 1)
    .replace("_WITH_", "_")
    .replace("POLY1305_SHA256", "POLY1305")
    for suite in names.OLDER_SUITES.values()
}
_CHOSEN_SUITE = re.compile(r"HSK\[\w+\]: (?:Cipher Suite|Selected cipher suite): (\S+)")


def program() -> Program:
    """Return the installed `gnutls-serv`; `MissingTool` names the command that installs it."""
    return find_program("gnutls-serv", ["--version"], r"^gnutls-serv (\S+)", INSTALL)


def serve(setup: ServerSetup, log_dir: Path) -> GnuTlsServer:
    """Return a `gnutls-serv`, not started yet."""
    if "DTLSv1.2" in setup.versions:
        from hil.tlsrig.gnutls_udp import GnuTlsUdpServer  # noqa: PLC0415  (made of this module)

        return GnuTlsUdpServer(program(), setup, log_dir)
    return GnuTlsServer(program(), setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> GnuTlsClient:
    """Return a `gnutls-cli` for one connection, not started yet."""
    path = find_program("gnutls-cli", ["--version"], r"^gnutls-cli (\S+)", INSTALL)
    return GnuTlsClient(path, setup, log_dir)


class _Endpoint(ProgramPeer):
    """What gnutls-serv and gnutls-cli have in common: options, logs, verdict."""

    name = "gnutls"

    def _begin(self, arguments: list[str]) -> Dialogue:
        common = ["--keymatexport", EXPORTER_LABEL, "--keymatexportsize", str(EXPORTER_BYTES)]
        environment = {"SSLKEYLOGFILE": str(self._key_log)}
        return self._launch([*arguments, *common, "--debug", "5"], environment=environment)


class GnuTlsServer(_Endpoint):
    """`gnutls-serv --echo` on a port that the kernel chose."""

    command = "gnutls-serv"
    joined = True

    def __init__(self, installed: Program, setup: ServerSetup, log_dir: Path) -> None:
        super().__init__(installed, log_dir, setup.connections)
        self._setup = setup

    def start(self) -> None:
        dialogue = self._begin(server_arguments(self._setup, self._log_dir))
        dialogue.expect(_LISTENING, "it to accept connections", _START_TIMEOUT_S)
        self._address = ("127.0.0.1", self._listening_port())

    def await_connected(self, timeout_s: float) -> bool:
        pattern = _KEYING_MATERIAL + rb"|Error in handshake: [^\n]*\n"
        match = self._talk().expect(pattern, "the end of its handshake", timeout_s)
        self._exporter = bytes.fromhex(match.group(1).decode()) if match.group(1) else None
        return self._exporter is not None

    def echo(self, size: int, timeout_s: float) -> bytes:
        """Return what it shows as received; it answers by itself, after the newline at its end."""
        pattern = rb"(?s)received cmd: (.{%d})\n\*\*\* Processing " % size
        ended = rb"Alert\[\d+\|\d+\] - [^\n]* - was received|Error while receiving data"
        match = self._talk().expect(
            pattern + b"|" + ended, f"{size} bytes of application data", timeout_s
        )
        if match.group(1) is None:
            raise PeerEnded(f"gnutls-serv was told the end before {size} bytes of application data")
        return bytes(match.group(1))

    def finish(self, timeout_s: float) -> Statement:
        dialogue = self._talk()
        self._await_closed(timeout_s)
        self._connections_left -= 1
        if self._connections_left > 0:
            dialogue.absorb()
            said = self._statement()
            self._end_connection(dialogue.output_log)
            return said
        dialogue.process.terminate()
        dialogue.finish(timeout_s)
        return self._statement()

    def _statement(self) -> Statement:
        text = self._said(self._talk().output_log).decode("latin-1")
        return statement(self.name, text, exporter=self._exporter)


class GnuTlsClient(_Endpoint):
    """`gnutls-cli`; `start` connects, `end_input` lets it say close_notify.

    To resume it makes both connections by itself, and the first one is over as soon as a ticket
    has come: no data, and no wait for the server's close_notify.
    """

    command = "gnutls-cli"
    # When the server closes first it goes without an answer. When it does, it waits half a second
    # for the server's.
    closes_first = True

    def __init__(self, installed: Program, setup: ClientSetup, log_dir: Path) -> None:
        super().__init__(installed, log_dir, setup.connections)
        self._setup = setup
        self._address = setup.address

    def start(self) -> None:
        self._begin(client_arguments(self._setup))

    def await_connected(self, timeout_s: float) -> bool:
        dialogue = self._talk()
        match = dialogue.expect_or_end(_KEYING_MATERIAL, "the end of its handshake", timeout_s)
        if match is None:
            return False
        self._exporter = bytes.fromhex(match.group(1).decode())
        if self._connections_left == 1:
            dialogue.expect(rb"- Simple Client Mode:\n\n", "the end of its summary", timeout_s)
        return True

    def echo(self, size: int, timeout_s: float) -> bytes:
        received = self._talk().read(size, f"{size} bytes of application data", timeout_s)
        # What it reads at once and has no room for in a record it drops.
        step = self._setup.max_record_bytes or min(size, _PIECE_BYTES)
        for start in range(0, size, step):
            sent = self._logged(_DATA_SENT)
            self._talk().write(received[start : start + step])
            self._await_log(_DATA_SENT, sent + 1, "sending the data back", timeout_s)
        return received

    def _logged(self, pattern: re.Pattern[bytes]) -> int:
        return len(pattern.findall(self._talk().error_log.read_bytes()))

    def _await_log(
        self, pattern: re.Pattern[bytes], count: int, what: str, timeout_s: float
    ) -> None:
        """Wait until its log, which unlike its output comes at once, has a pattern so often."""
        process, deadline = self._talk().process, time.monotonic() + timeout_s
        while self._logged(pattern) < count:
            if process.poll() is not None:
                kind = PeerError if process.returncode < 0 else PeerEnded
                raise kind(f"peer gnutls-cli {obituary(process)} before {what}")
            if time.monotonic() > deadline:
                raise PeerError(f"gnutls-cli kept the farm waiting {timeout_s:g} s for {what}")
            time.sleep(POLL_S)

    def end_after(self, farewell: bytes, timeout_s: float) -> None:
        self._talk().read(len(farewell), "the last data", timeout_s)
        self.end_input()

    def finish(self, timeout_s: float) -> Statement:
        dialogue = self._talk()
        self._connections_left -= 1
        if self._connections_left == 0 or self._exporter is None:
            dialogue.finish(timeout_s)
            return self._statement(-1)
        # Its output says so only later, its log when the next session begins.
        self._await_log(_FIRST_EPOCH, 2, "going on to its next connection", timeout_s)
        said = self._statement(0)
        self._end_connection(dialogue.output_log)
        return said

    def _statement(self, session: int) -> Statement:
        """Return what it says of one of its sessions, by the order in which they were made."""
        dialogue = self._talk()
        output = self._said(dialogue.output_log)
        # The two logs tell nothing of each other: a session begins where its first epoch does.
        log = dialogue.error_log.read_bytes()
        errors = _FIRST_EPOCH.split(log)[1:][session] if _FIRST_EPOCH.search(log) else log
        text = (output + b"\n" + errors).decode("latin-1")
        return statement(self.name, text, exporter=self._exporter)


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
    return [*arguments, "--priority", _priority(setup)]


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
    return [*arguments, "--priority", _priority(setup), host]


def _identity_arguments(files: ChainFiles, bare: bool) -> list[str]:
    if bare:
        return ["--rawpkkeyfile", str(files.private_key), "--rawpkfile", str(files.public_key)]
    return ["--x509certfile", str(files.chain), "--x509keyfile", str(files.private_key)]


def _priority(setup: ServerSetup | ClientSetup) -> str:
    """Return the priority string for what a setup allows."""
    words = ["NORMAL", "-VERS-ALL"]
    words += [f"+VERS-{VERSIONS[version]}" for version in setup.versions]
    if setup.suites:
        words += ["-CIPHER-ALL", *dict.fromkeys(f"+{_cipher(suite)}" for suite in setup.suites)]
    if setup.groups:
        words += ["-GROUP-ALL", *(f"+GROUP-{GROUPS[group]}" for group in setup.groups)]
    if setup.signatures:
        words += ["-SIGN-ALL", *(f"+SIGN-{_SIGNATURES[name]}" for name in setup.signatures)]
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
    if suite in _CIPHERS:
        return _CIPHERS[suite]
    cipher = suite.partition("_WITH_")[2]
    return cipher.removesuffix("_SHA256").removesuffix("_SHA384").replace("_", "-")


def _key_exchanges(psk: Psk) -> tuple[str, ...]:
    return ("ECDHE-PSK", "DHE-PSK") if psk.with_dhe else ("PSK",)


def statement(witness: str, text: str, *, exporter: bytes | None) -> Statement:
    """Turn what a program printed and logged of one connection into the common form."""
    version, suite, group, signature = describe(text)
    sent, received = alerts(text)
    error = _ERRORS.search(text)
    return Statement(
        witness=witness,
        connected=exporter is not None,
        version=version,
        suite=suite,
        group=group,
        signature=signature,
        exporter=exporter,
        exporter_method="printed by --keymatexport" if exporter is not None else None,
        alert_sent=next((code for code in sent if code), None),
        alert_received=next((code for code in received if code), None),
        close_sent=0 in sent,
        close_received=0 in received,
        reason=error.group(1).strip() if error else None,
        hello_retries=len(_RETRY.findall(text)),
        resumed=_RESUMED in text if exporter is not None else None,
        key_updates_sent=len(_KEY_UPDATE_SENT.findall(text)),
        key_updates_received=len(_KEY_UPDATE_RECEIVED.findall(text)),
    )


def alerts(text: str) -> tuple[list[int], list[int]]:
    """Return the codes of the alerts that were sent, and of those that were received."""
    found = (pattern.findall(text) for pattern in (_ALERT_SENT, _ALERT_RECEIVED))
    sent, received = ([int(code) for code in codes] for codes in found)
    return sent, received


def chosen_suite(text: str) -> str | None:
    """Return the suite of TLS 1.2 that a debug log tells of last."""
    return ours(_SUITES_OF_TLS12, _CHOSEN_SUITE.findall(text)[-1:])


def describe(text: str) -> tuple[str | None, str | None, str | None, str | None]:
    """Read version, suite, group and signature out of what it prints; None what it does not say.

    It is like `(TLS1.3-X.509)-(ECDHE-X25519)-(ECDSA-SECP256R1-SHA256)-(AES-128-GCM)`.
    """
    match = _DESCRIPTION.search(text)
    words = re.findall(r"\(([^()]*)\)", match.group(1)) if match else []
    version = ours(VERSIONS, [word.partition("-")[0] for word in words[:1]])
    if version in ("TLSv1.2", "DTLSv1.2"):
        return version, *_describe_tls12(text, words)
    suite = ours(_CIPHERS, words[-1:])
    # With a PSK the description leaves the group out.
    group = ours(GROUPS, _SHARED_KEY.findall(text)[-1:])
    return version, suite, group, ours(_SIGNATURES, words)


def _describe_tls12(text: str, words: list[str]) -> tuple[str | None, str | None, str | None]:
    """Read suite, group and signature of a connection of TLS 1.2.

    Its description is like `(TLS1.2-X.509)-(ECDHE-X25519)-(ECDSA-SHA256)-(AES-128-GCM)`; of a
    resumed connection it tells what the first one had, so that is left out.
    """
    suite = chosen_suite(text)
    if _RESUMED in text:
        return suite, None, None
    group = ours(GROUPS, [word.removeprefix("ECDHE-").removeprefix("PSK-") for word in words])
    return suite, group, ours(ALL_SIGNATURES, words)


def ours(table: Mapping[str, str], words: list[str]) -> str | None:
    """Return our name for the first of our names whose other name is among the words."""
    return next((ours for ours, its in table.items() if its in words), None)
