"""The reference peer `openssl`: `openssl s_server` and `openssl s_client`, 3.0 to 3.5.

Its verdict comes from two places it writes independently of us. Standard output says that the
connection stands, the suite, and the exported keying material (`-keymatexport`; only without
`-quiet`, `-rev` and `-brief`). The message log (`-msg -msgfile`) holds every handshake message
and alert in plaintext as the library itself sent or saw it, in one format in all versions, while
the human-readable lines ("Server Temp Key", "Peer Temp Key", "Negotiated TLS1.3 group") differ.

s_server has no echo: what it receives appears on its standard output right after the keying
material, what is written to its standard input is sent. Two rules follow. Its input stays open,
because it ends at end-of-file. And a chunk of input must not start with one of its command
letters (`COMMAND_LETTERS`): since a chunk can start at any byte, `send` refuses data with such a
letter anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.errors import PeerError
from hil.peer import Dialogue, Program, find_program
from hil.tlsrig import names, wire
from hil.tlsrig.peers import ClientSetup, ServerSetup
from hil.tlsrig.statement import Statement

SUMMARY = "OpenSSL s_server and s_client"
INSTALL = "apt-get install openssl"
EXPORTER_LABEL = "EXPORTER-hil"
EXPORTER_BYTES = 32
# What s_server and s_client take for commands at the start of a chunk of input.
COMMAND_LETTERS = b"QqRrPSBbKkCc"

_START_TIMEOUT_S = 20
_ACCEPTING = rb"ACCEPT (\S+):(\d+)\r?\n"
_KEYING_MATERIAL = rb"Keying material: ([0-9A-F]{%d})\r?\n" % (2 * EXPORTER_BYTES)
_MESSAGE = re.compile(r"(<<<|>>>) [^,]+, (\w+) \[length ([0-9a-f]+)\]")
_ERROR_LINE = re.compile(r":error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+):")
_SUITE_LINE = re.compile(rb"(?:CIPHER is|Cipher is) (\S+)")
_VERSION_OPTIONS = {"TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
_BEFORE_TLS12 = frozenset({"TLSv1.0", "TLSv1.1"})


def program() -> Program:
    """Return the installed `openssl`; `MissingTool` names the command that installs it."""
    return find_program("openssl", ["version"], r"^OpenSSL (\S+)", INSTALL)


def serve(setup: ServerSetup, log_dir: Path) -> OpenSslServer:
    """Return an `s_server` for one connection, not started yet."""
    return OpenSslServer(program(), setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> OpenSslClient:
    """Return an `s_client` for one connection, not started yet."""
    return OpenSslClient(program(), setup, log_dir)


class _Endpoint:
    """What s_server and s_client have in common: options, logs, verdict."""

    name = "openssl"
    _command: str

    def __init__(self, installed: Program, log_dir: Path) -> None:
        self._program = installed
        self._log_dir = log_dir
        self._dialogue: Dialogue | None = None
        self._exporter: bytes | None = None
        self._key_log = log_dir / f"{self._command}.keylog"
        self._message_log = log_dir / f"{self._command}.messages"

    @property
    def version(self) -> str:
        return self._program.version

    @property
    def pid(self) -> int:
        """Process id of the running program."""
        return self._talk().process.pid

    @property
    def artefacts(self) -> Mapping[str, Path]:
        files = {"key_log": self._key_log, "peer_messages": self._message_log}
        if self._dialogue is not None:
            files["peer_output"] = self._dialogue.output_log
            files["peer_errors"] = self._dialogue.error_log
        return files

    def _launch(self, arguments: list[str]) -> Dialogue:
        common = [
            *("-keylogfile", str(self._key_log)),
            *("-msg", "-msgfile", str(self._message_log)),
            *("-keymatexport", EXPORTER_LABEL, "-keymatexportlen", str(EXPORTER_BYTES)),
        ]
        self._dialogue = Dialogue(
            [self._program.path, self._command, *arguments, *common],
            log_dir=self._log_dir,
            stem=self._command,
        )
        return self._dialogue

    def _talk(self) -> Dialogue:
        if self._dialogue is None:
            raise PeerError(f"openssl {self._command} was not started")
        return self._dialogue

    def await_connected(self, timeout_s: float) -> bool:
        match = self._talk().expect_or_end(_KEYING_MATERIAL, "the end of its handshake", timeout_s)
        if match is None:
            return False
        self._exporter = bytes.fromhex(match.group(1).decode())
        return True

    def send(self, data: bytes) -> None:
        for position, byte in enumerate(data):
            if byte in COMMAND_LETTERS:
                raise PeerError(
                    f"payload byte {position} is {chr(byte)!r}, which openssl {self._command} "
                    "may take for a command: use bytes that are no letters"
                )
        self._talk().write(data)

    def receive(self, size: int, timeout_s: float) -> bytes:
        return self._talk().read(size, f"{size} bytes of application data", timeout_s)

    def finish(self, timeout_s: float) -> Statement:
        dialogue = self._talk()
        dialogue.finish(timeout_s)
        self._check_suite(dialogue.output_log.read_bytes())
        errors = _ERROR_LINE.search(dialogue.tail())
        return statement(
            self.name,
            self._message_log.read_text("ascii"),
            exporter=self._exporter,
            reason=errors.group(1) if errors else None,
        )

    def close(self) -> None:
        if self._dialogue is not None:
            self._dialogue.close()

    def _check_suite(self, output: bytes) -> None:
        stated = _SUITE_LINE.search(output)
        sent = summarize(self._message_log.read_text("ascii")).suite
        if stated and sent and stated.group(1).decode() != names.name_of(names.SUITES, sent):
            raise PeerError(
                f"openssl contradicts itself: it prints suite {stated.group(1).decode()} but "
                f"its ServerHello says 0x{sent:04x} ({self._message_log})"
            )


class OpenSslServer(_Endpoint):
    """`openssl s_server` on a free port of 127.0.0.1, for one connection."""

    _command = "s_server"

    def __init__(self, installed: Program, setup: ServerSetup, log_dir: Path) -> None:
        super().__init__(installed, log_dir)
        self._setup = setup
        self._address: tuple[str, int] | None = None

    @property
    def address(self) -> tuple[str, int]:
        if self._address is None:
            raise PeerError("openssl s_server was not started")
        return self._address

    def start(self) -> None:
        dialogue = self._launch(server_arguments(self._setup))
        match = dialogue.expect(_ACCEPTING, "it to accept connections", _START_TIMEOUT_S)
        self._address = (match.group(1).decode(), int(match.group(2)))


class OpenSslClient(_Endpoint):
    """`openssl s_client`; `start` connects, `end_input` lets it say close_notify."""

    _command = "s_client"

    def __init__(self, installed: Program, setup: ClientSetup, log_dir: Path) -> None:
        super().__init__(installed, log_dir)
        self._setup = setup

    @property
    def address(self) -> tuple[str, int]:
        return self._setup.address

    def start(self) -> None:
        self._launch(client_arguments(self._setup))

    def await_connected(self, timeout_s: float) -> bool:
        if not super().await_connected(timeout_s):
            return False
        self._talk().expect(rb"---\r?\n", "the end of its summary", timeout_s)
        return True

    def end_input(self) -> None:
        """Close its standard input, upon which it closes the connection in order."""
        self._talk().end_input()


def server_arguments(setup: ServerSetup) -> list[str]:
    """Return the options of s_server that make it what `setup` says."""
    files = setup.certificates
    arguments = ["-accept", "127.0.0.1:0", "-naccept", "1"]
    arguments += ["-cert", str(files.certificate), "-key", str(files.private_key)]
    if files.intermediates is not None:
        arguments += ["-cert_chain", str(files.intermediates)]
    if setup.alpn:
        arguments += ["-alpn", ",".join(setup.alpn)]
    if setup.max_record_bytes is not None:
        arguments += ["-max_send_frag", str(setup.max_record_bytes)]
    return arguments + _protocol_arguments(
        setup.versions, setup.suites, setup.groups, setup.signatures
    )


def client_arguments(setup: ClientSetup) -> list[str]:
    """Return the options of s_client that make it what `setup` says."""
    host, port = setup.address
    arguments = ["-connect", f"{host}:{port}", "-servername", setup.server_name]
    arguments += ["-CAfile", str(setup.anchor), "-verify_return_error"]
    arguments += ["-verify_hostname", setup.server_name]
    if setup.utc_seconds is not None:
        arguments += ["-attime", str(setup.utc_seconds)]
    return arguments + _protocol_arguments(setup.versions, setup.suites, setup.groups, ())


def _protocol_arguments(
    versions: tuple[str, ...],
    suites: tuple[str, ...],
    groups: tuple[str, ...],
    signatures: tuple[str, ...],
) -> list[str]:
    if len(versions) != 1 or versions[0] not in _VERSION_OPTIONS:
        known = ", ".join(_VERSION_OPTIONS)
        raise PeerError(f"peer openssl takes exactly one version of {known}, not {versions}")
    arguments = [_VERSION_OPTIONS[versions[0]]]
    if versions[0] in _BEFORE_TLS12:
        # Since OpenSSL 3.0 the signatures of TLS 1.1 need security level 0.
        arguments += ["-cipher", "ALL:@SECLEVEL=0"]
    if suites:
        arguments += ["-ciphersuites", ":".join(suites)]
    if groups:
        arguments += ["-groups", ":".join(groups)]
    if signatures:
        arguments += ["-sigalgs", ":".join(signatures)]
    return arguments


@dataclass
class Summary:
    """What the message log says, in the numbers of the wire."""

    version: int | None = None
    suite: int | None = None
    group: int | None = None
    signature: int | None = None
    hello_retries: int = 0
    # (sent by the peer, level, description)
    alerts: list[tuple[bool, int, int]] = field(default_factory=list)


def summarize(message_log: str) -> Summary:
    """Read the negotiated facts and all alerts out of an OpenSSL message log."""
    summary = Summary()
    for sent, kind, data in _messages(message_log):
        if kind == "Alert" and len(data) == 2:
            summary.alerts.append((sent, data[0], data[1]))
        elif kind == "Handshake" and data[:1] == bytes([wire.SERVER_HELLO]):
            hello = wire.server_hello(data)
            summary.version, summary.suite, summary.group = hello.version, hello.suite, hello.group
            summary.hello_retries += hello.is_retry
        elif kind == "Handshake" and data[:1] == bytes([wire.CERTIFICATE_VERIFY]):
            # RFC 8446 §4.4.3: the scheme is the first field after the 4-byte message header.
            summary.signature = int.from_bytes(data[4:6], "big")
    return summary


def statement(
    witness: str, message_log: str, *, exporter: bytes | None, reason: str | None
) -> Statement:
    """Turn a message log and what was printed into the common form."""
    facts = summarize(message_log)
    closes = {sent for sent, _, code in facts.alerts if code == 0}
    errors = [(sent, code) for sent, _, code in facts.alerts if code != 0]
    return Statement(
        witness=witness,
        connected=exporter is not None,
        version=names.name_of(names.VERSIONS, facts.version),
        suite=names.name_of(names.SUITES, facts.suite),
        group=names.name_of(names.GROUPS, facts.group),
        signature=names.name_of(names.SIGNATURES, facts.signature),
        exporter=exporter,
        exporter_method="printed by -keymatexport" if exporter is not None else None,
        alert_sent=next((code for sent, code in errors if sent), None),
        alert_received=next((code for sent, code in errors if not sent), None),
        close_sent=True in closes,
        close_received=False in closes,
        reason=reason,
        hello_retries=facts.hello_retries,
    )


def _messages(log: str) -> Iterator[tuple[bool, str, bytes]]:
    """Yield (sent, kind, plaintext) of each complete entry of a message log."""
    header: re.Match[str] | None = None
    body = bytearray()
    for line in [*log.splitlines(), ">>> end, End [length 0]"]:
        match = _MESSAGE.match(line)
        if match is None:
            body += bytes.fromhex(line)
            continue
        if header is not None and len(body) == int(header.group(3), 16):
            yield header.group(1) == ">>>", header.group(2), bytes(body)
        header, body = match, bytearray()
