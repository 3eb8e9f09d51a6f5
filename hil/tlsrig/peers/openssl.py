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
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import PeerError
from hil.peer import Dialogue, Program, find_program
from hil.tlsrig import abilities, message_log, names
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.message_log import Summary
from hil.tlsrig.peer_program import POLL_S, ProgramPeer
from hil.tlsrig.peers import EXPORTER_BYTES, EXPORTER_LABEL, ClientSetup, Psk, ServerSetup
from hil.tlsrig.statement import Statement

if TYPE_CHECKING:
    from hil.tlsrig.pki import ChainFiles

SUMMARY = "OpenSSL s_server and s_client"
INSTALL = "apt-get install openssl"
# Certificates are judged at the time that -attime says.
KNOWS_TIME = True
# OpenSSL has no record_size_limit; its programs 3.0 know no raw public keys, and cannot be told to
# do without extended master secret.
_COMMON = frozenset(
    {
        *abilities.TLS13_ALL,
        *abilities.TLS12_ALL,
        *(abilities.DTLS12 | abilities.OF_DATAGRAMS),
        *("TLSv1.1", "psk_dhe_ke", "psk_ke"),
        *abilities.CERTIFICATES,
        *abilities.GROUPS,
        *(abilities.RESUMES | abilities.CHOICES | {abilities.KEY_REFUSAL}),
        *(abilities.KEY_UPDATE, abilities.CLIENT_CERTIFICATES, abilities.VALIDATION),
        *(abilities.INSISTENCE, abilities.EXPORTER_BESIDE_THEM, abilities.COOKIE),
        *(abilities.EXTENDED_MASTER, abilities.FRAGMENT_LENGTH, abilities.FALLBACK),
        abilities.ANY_RECORD_SIZE,
    }
)
# Its programs read their input in pieces of 8 KB.
ABILITIES = Abilities(server=_COMMON, client=_COMMON, largest_record_bytes=8192)
# What s_server and s_client take for commands at the start of a chunk of input.
COMMAND_LETTERS = b"QqRrPSBbKkCc"

_START_TIMEOUT_S = 20
_SESSION_END = b"-----END SSL SESSION PARAMETERS-----\n"
_ACCEPTING = rb"ACCEPT (\S+):(\d+)\r?\n"
# What they say between data about messages that are none: session tickets, KeyUpdate.
_TICKET = rb"---\r?\nPost-Handshake New Session Ticket arrived:\r?\n(?s:.*?\n)---\r?\n"
_REMARKS = rb"(?:(?:Read|Write|(?:read|write) [RWX]) BLOCK\r?\n|%s)*" % _TICKET
_KEYING_MATERIAL = rb"Keying material: ([0-9A-F]{%d})\r?\n" % (2 * EXPORTER_BYTES)
_MESSAGE = re.compile(r"(<<<|>>>) [^,]+, (\w+) \[length ([0-9a-f]+)\]")
# Its programs 3.0 have no words for DTLS: what they print is the number of the content type.
_OF_DTLS = re.compile(r"(<<<|>>>) .*\(version=\d+, content_type=(\d+)\) (\[length [0-9a-f]+\])")
_CONTENT_TYPES = {"21": "Alert", "22": "Handshake"}
# RFC 6347 §4.2.2: behind type and length come number, offset and length of the fragment.
_HANDSHAKE_HEADER_BYTES, _DTLS_HANDSHAKE_HEADER_BYTES = 4, 12
_ERROR_LINE = re.compile(r":error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+):")
_SUITE_LINE = re.compile(rb"(?:CIPHER is|Cipher is) (\S+)")
_VERSION_OPTIONS = {
    "TLSv1.1": "-tls1_1",
    "TLSv1.2": "-tls1_2",
    "TLSv1.3": "-tls1_3",
    "DTLSv1.2": "-dtls1_2",
}
# OpenSSL's own name for each suite of TLS 1.2 that scenarios are about.
SUITES_OF_TLS12 = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-CCM": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "ECDHE-ECDSA-AES128-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "PSK-AES128-GCM-SHA256": "TLS_PSK_WITH_AES_128_GCM_SHA256",
    "PSK-AES128-CCM": "TLS_PSK_WITH_AES_128_CCM",
    "PSK-AES128-CCM8": "TLS_PSK_WITH_AES_128_CCM_8",
    "PSK-CHACHA20-POLY1305": "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-PSK-CHACHA20-POLY1305": "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
}
_BEFORE_TLS12 = frozenset({"TLSv1.0", "TLSv1.1"})
# What a link carries where nobody says otherwise: that of Ethernet, IP's header included.
_LINK_BYTES = 1500
_REUSED = re.compile(rb"^Reused", re.MULTILINE)


def program() -> Program:
    """Return the installed `openssl`; `MissingTool` names the command that installs it."""
    return find_program("openssl", ["version"], r"^OpenSSL (\S+)", INSTALL)


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
        registered = SUITES_OF_TLS12.get(printed, printed)
        # It prints (NONE) when the handshake came to nothing later.
        if (
            printed not in ("", "(NONE)")
            and sent
            and registered != names.name_of(names.ALL_SUITES, sent)
        ):
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
        self._address = setup.address
        self._session = log_dir / "session.pem"

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
    if not setup.tickets:
        arguments.append("-no_ticket")
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
    if setup.fallback:
        arguments.append("-fallback_scsv")
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
    if not setup.versions or not set(setup.versions) <= set(_VERSION_OPTIONS):
        known = ", ".join(_VERSION_OPTIONS)
        raise PeerError(f"peer openssl takes versions of {known}, not {setup.versions}")
    arguments = [_VERSION_OPTIONS[setup.versions[0]]]
    if len(setup.versions) > 1:
        oldest, newest = min(setup.versions), max(setup.versions)
        arguments = ["-min_protocol", oldest, "-max_protocol", newest]
    older = [its for its, suite in SUITES_OF_TLS12.items() if suite in setup.suites]
    if setup.versions[0] in _BEFORE_TLS12 or any("CCM_8" in suite for suite in setup.suites):
        # Since OpenSSL 3.0 the signatures of TLS 1.1 need security level 0, as do 64-bit tags.
        arguments += ["-cipher", f"{':'.join(older) or 'ALL'}:@SECLEVEL=0"]
    elif older:
        arguments += ["-cipher", ":".join(older)]
    newer = [suite for suite in setup.suites if suite in names.SUITES.values()]
    if newer:
        arguments += ["-ciphersuites", ":".join(newer)]
    if setup.groups:
        arguments += ["-groups", ":".join(setup.groups)]
    if setup.signatures:
        arguments += ["-sigalgs", ":".join(setup.signatures)]
    if setup.alpn:
        arguments += ["-alpn", ",".join(setup.alpn)]
    if "DTLSv1.2" in setup.versions:
        # Or they would wait for the next datagram, deaf to their input, when one was not good.
        arguments.append("-nbio")
        # Left to themselves they send datagrams of at most 228 bytes: their sockets are not
        # connected, so they cannot ask what the path carries.
        arguments += ["-mtu", str(setup.datagram_bytes or _LINK_BYTES)]
    if setup.max_record_bytes is not None:
        arguments += ["-max_send_frag", str(setup.max_record_bytes)]
    return arguments


def summarize(log: str) -> Summary:
    """Read the negotiated facts and all alerts out of an OpenSSL message log."""
    return message_log.summarize(_messages(log))


def statement(
    witness: str,
    log: str,
    *,
    exporter: bytes | None,
    reason: str | None,
    resumed: bool = False,
) -> Statement:
    """Turn a message log and what was printed into the common form."""
    facts = summarize(log)
    if names.name_of(names.VERSIONS, facts.version) in ("TLSv1.2", "DTLSv1.2"):
        # It prints keying material as soon as it has secrets, whether or not a Finished comes.
        exporter = exporter if facts.finished_sent and facts.finished_received else None
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
        match = _MESSAGE.match(_OF_DTLS.sub(_in_words, line))
        if match is None:
            body += bytes.fromhex(line)
            continue
        if header is not None and len(body) == int(header.group(3), 16):
            yield header.group(1) == ">>>", header.group(2), _message(header, bytes(body))
        header, body = match, bytearray()


def _in_words(match: re.Match[str]) -> str:
    kind = _CONTENT_TYPES.get(match.group(2), "Other")
    return f"{match.group(1)} DTLS, {kind} {match.group(3)}"


def _message(header: re.Match[str], body: bytes) -> bytes:
    """Return a message as TLS has it: of DTLS it is written down whole, with a longer header."""
    if "DTLS" not in header.group(0) or header.group(2) != "Handshake":
        return body
    return body[:_HANDSHAKE_HEADER_BYTES] + body[_DTLS_HANDSHAKE_HEADER_BYTES:]
