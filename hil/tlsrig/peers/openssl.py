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
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import PeerError
from hil.peer import Dialogue, Program, find_program
from hil.tlsrig import names, wire
from hil.tlsrig.peer_program import POLL_S, ProgramPeer
from hil.tlsrig.peers import (
    EXPORTER_BYTES,
    EXPORTER_LABEL,
    RAW_PUBLIC_KEYS,
    RECORD_SIZE_LIMIT,
    ClientSetup,
    Psk,
    ServerSetup,
)
from hil.tlsrig.statement import Statement

if TYPE_CHECKING:
    from hil.tlsrig.pki import ChainFiles

SUMMARY = "OpenSSL s_server and s_client"
INSTALL = "apt-get install openssl"
# Certificates are judged at the time that -attime says.
KNOWS_TIME = True
# What s_server and s_client take for commands at the start of a chunk of input.
COMMAND_LETTERS = b"QqRrPSBbKkCc"

_START_TIMEOUT_S = 20
_SESSION_END = b"-----END SSL SESSION PARAMETERS-----\n"
_ACCEPTING = rb"ACCEPT (\S+):(\d+)\r?\n"
# What they say between data about messages that are none: session tickets, KeyUpdate.
_TICKET = rb"---\r?\nPost-Handshake New Session Ticket arrived:\r?\n(?s:.*?\n)---\r?\n"
_REMARKS = rb"(?:Read BLOCK\r?\n|read R BLOCK\r?\n|%s)*" % _TICKET
_KEYING_MATERIAL = rb"Keying material: ([0-9A-F]{%d})\r?\n" % (2 * EXPORTER_BYTES)
_MESSAGE = re.compile(r"(<<<|>>>) [^,]+, (\w+) \[length ([0-9a-f]+)\]")
_ERROR_LINE = re.compile(r":error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+):")
_SUITE_LINE = re.compile(rb"(?:CIPHER is|Cipher is) (\S+)")
_VERSION_OPTIONS = {"TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
# Only suites of TLS 1.3 are called by their registered names.
_SUITES_OF_TLS12 = {"ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}
_BEFORE_TLS12 = frozenset({"TLSv1.0", "TLSv1.1"})
_SHORT_TAG = "TLS_AES_128_CCM_8_SHA256"
_REUSED = re.compile(rb"^Reused", re.MULTILINE)


def program() -> Program:
    """Return the installed `openssl`; `MissingTool` names the command that installs it."""
    return find_program("openssl", ["version"], r"^OpenSSL (\S+)", INSTALL)


def lacks(needs: frozenset[str]) -> str | None:
    """Return why this peer cannot do what a scenario needs, None when it can."""
    if RECORD_SIZE_LIMIT in needs:
        return f"OpenSSL has no {RECORD_SIZE_LIMIT}: use --peer=gnutls"
    if RAW_PUBLIC_KEYS in needs:
        return f"peer openssl is not driven with {RAW_PUBLIC_KEYS}: use --peer=gnutls"
    return None


def serve(setup: ServerSetup, log_dir: Path) -> OpenSslServer:
    """Return an `s_server`, not started yet."""
    return OpenSslServer(program(), setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> OpenSslClient:
    """Return an `s_client` for one connection, not started yet."""
    return OpenSslClient(program(), setup, log_dir)


class _Endpoint(ProgramPeer):
    """What s_server and s_client have in common: options, logs, verdict."""

    name = "openssl"

    def __init__(self, installed: Program, setup: ServerSetup | ClientSetup, log_dir: Path) -> None:
        super().__init__(installed, log_dir, setup.connections)
        self._has_psk = setup.psk is not None
        self._message_log = log_dir / f"{self.command}.messages"

    @property
    def artefacts(self) -> Mapping[str, Path]:
        return {**super().artefacts, "peer_messages": self._message_log}

    def _begin(self, arguments: list[str], stem: str | None = None) -> Dialogue:
        common = [
            *("-keylogfile", str(self._key_log)),
            *("-msg", "-msgfile", str(self._message_log)),
            *("-keymatexport", EXPORTER_LABEL, "-keymatexportlen", str(EXPORTER_BYTES)),
        ]
        return self._launch([self.command, *arguments, *common], stem)

    def await_connected(self, timeout_s: float) -> bool:
        match = self._talk().expect_or_end(_KEYING_MATERIAL, "the end of its handshake", timeout_s)
        if match is None:
            return False
        self._exporter = bytes.fromhex(match.group(1).decode())
        return True

    def echo(self, size: int, timeout_s: float) -> bytes:
        received = self.receive(size, timeout_s)
        self.send(received)
        return received

    def send(self, data: bytes) -> None:
        """Let it send application data.

        Raises:
            PeerError: the data holds a letter that it would take for a command.
        """
        for position, byte in enumerate(data):
            if byte in COMMAND_LETTERS:
                raise PeerError(
                    f"payload byte {position} is {chr(byte)!r}, which openssl {self.command} "
                    "may take for a command: use bytes that are no letters"
                )
        self._talk().write(data)

    def receive(self, size: int, timeout_s: float) -> bytes:
        """Return exactly `size` bytes of application data that reached it, no ASCII at first."""
        pattern = rb"(?s)\A%s([\n\x80-\xff].{%d})" % (_REMARKS, size - 1)
        match = self._talk().expect(pattern, f"{size} bytes of application data", timeout_s)
        return match.group(1)

    def finish(self, timeout_s: float) -> Statement:
        self._talk().finish(timeout_s)
        return self._statement()

    def _statement(self) -> Statement:
        dialogue = self._talk()
        output = self._said(dialogue.output_log)
        messages = self._said(self._message_log).decode("ascii")
        self._check_suite(output, messages)
        errors = _ERROR_LINE.search(dialogue.tail())
        return statement(
            self.name,
            messages,
            exporter=self._exporter,
            reason=errors.group(1) if errors else None,
            # It takes an external key for a session, too.
            resumed=_REUSED.search(output) is not None and not self._has_psk,
        )

    def _check_suite(self, output: bytes, messages: str) -> None:
        stated = _SUITE_LINE.search(output)
        sent = summarize(messages).suite
        printed = stated.group(1).decode() if stated else ""
        registered = _SUITES_OF_TLS12.get(printed, printed)
        if stated and sent and registered != names.name_of(names.ALL_SUITES, sent):
            raise PeerError(
                f"openssl contradicts itself: it prints suite {printed} but "
                f"its ServerHello says 0x{sent:04x} ({self._message_log})"
            )


class OpenSslServer(_Endpoint):
    """`openssl s_server` on a free port of 127.0.0.1."""

    command = "s_server"

    def __init__(self, installed: Program, setup: ServerSetup, log_dir: Path) -> None:
        super().__init__(installed, setup, log_dir)
        self._setup = setup
        self._address: tuple[str, int] | None = None

    @property
    def address(self) -> tuple[str, int]:
        if self._address is None:
            raise PeerError("openssl s_server was not started")
        return self._address

    def start(self) -> None:
        dialogue = self._begin(server_arguments(self._setup))
        match = dialogue.expect(_ACCEPTING, "it to accept connections", _START_TIMEOUT_S)
        self._address = (match.group(1).decode(), int(match.group(2)))

    def finish(self, timeout_s: float) -> Statement:
        self._connections_left -= 1
        if self._connections_left <= 0:
            return super().finish(timeout_s)
        dialogue = self._talk()
        self._await_closed(timeout_s)  # what it says of that may stay in its buffer
        dialogue.absorb()
        said = self._statement()
        self._end_connection(dialogue.output_log, self._message_log)
        return said


class OpenSslClient(_Endpoint):
    """`openssl s_client`; `start` connects, and so does `next_connection`, by another program.

    The session goes from one to the other in a file.
    """

    command = "s_client"
    # When it closes first it does not wait for the server's close_notify.
    closes_first = False

    def __init__(self, installed: Program, setup: ClientSetup, log_dir: Path) -> None:
        super().__init__(installed, setup, log_dir)
        self._setup = setup
        self._session = log_dir / "session.pem"

    @property
    def address(self) -> tuple[str, int]:
        return self._setup.address

    def start(self) -> None:
        arguments = client_arguments(self._setup)
        if self._setup.connections > 1:
            self._session.touch(mode=0o600)
            arguments += ["-sess_out", str(self._session)]
        self._begin(arguments)

    def next_connection(self) -> None:
        self.close()
        self._exporter = None
        self._message_log = self._message_log.with_stem("s_client-resuming")
        arguments = [*client_arguments(self._setup), "-sess_in", str(self._session)]
        self._begin(arguments, "s_client-resuming")

    def await_connected(self, timeout_s: float) -> bool:
        if not super().await_connected(timeout_s):
            return False
        self._talk().expect(rb"---\r?\n", "the end of its summary", timeout_s)
        self._connections_left -= 1
        if self._connections_left > 0:
            self._await_ticket(timeout_s)
        return True

    def _await_ticket(self, timeout_s: float) -> None:
        """Wait until it has written its session down, of which its output tells only later."""
        deadline = time.monotonic() + timeout_s
        while not self._session.read_bytes().endswith(_SESSION_END):
            if time.monotonic() > deadline:
                raise PeerError(f"openssl s_client got no session ticket within {timeout_s:g} s")
            time.sleep(POLL_S)


def server_arguments(setup: ServerSetup) -> list[str]:
    """Return the options of s_server that make it what `setup` says."""
    arguments = ["-accept", "127.0.0.1:0", "-naccept", str(setup.connections)]
    if setup.certificates is not None:
        arguments += _identity_arguments(setup.certificates)
    else:
        arguments.append("-nocert")
    if setup.psk is not None:
        arguments += _psk_arguments(setup.psk)
    if setup.client_root is not None:
        arguments += ["-Verify", "2", "-verify_return_error", "-CAfile", str(setup.client_root)]
    if setup.utc_seconds is not None:
        arguments += ["-attime", str(setup.utc_seconds)]
    if setup.cookie:
        arguments.append("-stateless")
    return arguments + _protocol_arguments(setup)


def client_arguments(setup: ClientSetup) -> list[str]:
    """Return the options of s_client that make it what `setup` says."""
    host, port = setup.address
    arguments = ["-connect", f"{host}:{port}", "-servername", setup.server_name]
    if setup.anchor is not None:
        arguments += ["-CAfile", str(setup.anchor), "-verify_return_error"]
        arguments += ["-verify_hostname", setup.server_name]
    if setup.psk is not None:
        arguments += _psk_arguments(setup.psk)
    if setup.certificates is not None:
        arguments += _identity_arguments(setup.certificates)
    if setup.utc_seconds is not None:
        arguments += ["-attime", str(setup.utc_seconds)]
    return arguments + _protocol_arguments(setup)


def _identity_arguments(files: ChainFiles) -> list[str]:
    arguments = ["-cert", str(files.certificate), "-key", str(files.private_key)]
    if files.intermediates is not None:
        arguments += ["-cert_chain", str(files.intermediates)]
    return arguments


def _psk_arguments(psk: Psk) -> list[str]:
    arguments = ["-psk", psk.key.hex(), "-psk_identity", psk.identity]
    return arguments if psk.with_dhe else [*arguments, "-allow_no_dhe_kex"]


def _protocol_arguments(setup: ServerSetup | ClientSetup) -> list[str]:
    if len(setup.versions) != 1 or setup.versions[0] not in _VERSION_OPTIONS:
        known = ", ".join(_VERSION_OPTIONS)
        raise PeerError(f"peer openssl takes exactly one version of {known}, not {setup.versions}")
    arguments = [_VERSION_OPTIONS[setup.versions[0]]]
    if setup.versions[0] in _BEFORE_TLS12 or _SHORT_TAG in setup.suites:
        # Since OpenSSL 3.0 the signatures of TLS 1.1 need security level 0, as do 64-bit tags.
        arguments += ["-cipher", "ALL:@SECLEVEL=0"]
    if setup.suites:
        arguments += ["-ciphersuites", ":".join(setup.suites)]
    if setup.groups:
        arguments += ["-groups", ":".join(setup.groups)]
    if setup.signatures:
        arguments += ["-sigalgs", ":".join(setup.signatures)]
    if setup.alpn:
        arguments += ["-alpn", ",".join(setup.alpn)]
    if setup.max_record_bytes is not None:
        arguments += ["-max_send_frag", str(setup.max_record_bytes)]
    return arguments


@dataclass
class Summary:
    """What the message log says, in the numbers of the wire."""

    version: int | None = None
    suite: int | None = None
    group: int | None = None
    signature: int | None = None
    hello_retries: int = 0
    key_updates_sent: int = 0
    key_updates_received: int = 0
    # (sent by the peer, level, description)
    alerts: list[tuple[bool, int, int]] = field(default_factory=list)


def summarize(message_log: str) -> Summary:
    """Read the negotiated facts and all alerts out of an OpenSSL message log."""
    summary = Summary()
    sender: bool | None = None  # whether it was this end that sent the ServerHello
    for sent, kind, data in _messages(message_log):
        if kind == "Alert" and len(data) == 2:
            summary.alerts.append((sent, data[0], data[1]))
        elif kind == "Handshake" and data[:1] == bytes([wire.SERVER_HELLO]):
            hello = wire.server_hello(data)
            summary.version, summary.suite, summary.group = hello.version, hello.suite, hello.group
            summary.hello_retries += hello.is_retry
            sender = sent
        elif kind == "Handshake" and data[:1] == bytes([wire.CERTIFICATE_VERIFY]):
            # RFC 8446 §4.4.3: the scheme is the first field after the 4-byte message header.
            if sent == sender:  # the server's; a client's own comes the other way
                summary.signature = int.from_bytes(data[4:6], "big")
        elif kind == "Handshake" and data[:1] == bytes([wire.SERVER_KEY_EXCHANGE]):
            # RFC 8422 §5.4: behind the header curve type, group, and a point with its length; then
            # the scheme of the signature (RFC 5246 §4.7).
            summary.group = int.from_bytes(data[5:7], "big")
            summary.signature = int.from_bytes(data[8 + data[7] : 10 + data[7]], "big")
        elif kind == "Handshake" and data[:1] == bytes([wire.KEY_UPDATE]):
            summary.key_updates_sent += sent
            summary.key_updates_received += not sent
    return summary


def statement(
    witness: str,
    message_log: str,
    *,
    exporter: bytes | None,
    reason: str | None,
    resumed: bool = False,
) -> Statement:
    """Turn a message log and what was printed into the common form."""
    facts = summarize(message_log)
    closes = {sent for sent, _, code in facts.alerts if code == 0}
    errors = [(sent, code) for sent, _, code in facts.alerts if code != 0]
    return Statement(
        witness=witness,
        connected=exporter is not None,
        version=names.name_of(names.VERSIONS, facts.version),
        suite=names.name_of(names.ALL_SUITES, facts.suite),
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
        resumed=resumed if exporter is not None else None,
        key_updates_sent=facts.key_updates_sent,
        key_updates_received=facts.key_updates_received,
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
