"""`gnutls-serv` and `gnutls-cli`: the reference peer `gnutls` over TCP, and its client over UDP.

gnutls-serv listens on every interface and cannot be told otherwise; it serves one run's worthless
certificates, and the rig connects to it over loopback. Its port 0 lets the kernel choose, which it
does not print, so the port is read from the kernel (/proc/PID/fd, /proc/net/tcp). It never ends
by itself: a connection is over when its socket is closed, and then it is told to end.
As an echo server it answers when a newline has come, and shows what it received just before.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from hil.errors import PeerError
from hil.peer import Dialogue, PeerEnded, Program
from hil.process import obituary
from hil.tlsrig.gnutls import patience
from hil.tlsrig.gnutls.options import client_arguments, server_arguments
from hil.tlsrig.gnutls.words import statement
from hil.tlsrig.peer_program import POLL_S, ProgramPeer
from hil.tlsrig.peers import EXPORTER_BYTES, EXPORTER_LABEL, ClientSetup, ServerSetup
from hil.tlsrig.statement import Statement

_START_TIMEOUT_S = 20
# It drops what it has no room for in a record: no negotiated limit that scenarios have is smaller.
_PIECE_BYTES = 2048
_KEYING_MATERIAL = rb"- Key material: ([0-9a-f]{%d})\r?\n" % (2 * EXPORTER_BYTES)
_LISTENING = rb"listening on IPv4 \S+ port \d+\.\.\.done"
_DATA_SENT = re.compile(rb"Preparing Packet Application Data\(23\)")
_FIRST_EPOCH = re.compile(rb"REC\[\w+\]: Allocating epoch #0\n")


class _Endpoint(ProgramPeer):
    """What gnutls-serv and gnutls-cli have in common: options, logs, verdict."""

    name = "gnutls"

    def _begin(self, arguments: list[str], handshake_s: float | None = None) -> Dialogue:
        common = ["--keymatexport", EXPORTER_LABEL, "--keymatexportsize", str(EXPORTER_BYTES)]
        environment = {
            "SSLKEYLOGFILE": str(self._key_log),
            **patience.environment(handshake_s),
        }
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
        self._begin(client_arguments(self._setup), self._setup.handshake_s)

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
