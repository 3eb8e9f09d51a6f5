"""`gnutls-serv --udp`: the reference peer `gnutls` as a server of DTLS.

Other than over TCP it prints nothing of a connection that stands, so all is read from its debug
log, and it exports nothing: that both ends have the same secrets is seen by its key log
(`hil.tlsrig.datagram_secrets`). It ends a session when it was told to, without a word of its own:
it sends no close_notify. It serves one session after the other, from any address that has returned
its cookie, on a UDP port that the kernel chose (/proc/net/udp).
"""

from __future__ import annotations

import re

from hil.peer import PeerEnded
from hil.tlsrig.gnutls import words
from hil.tlsrig.gnutls.options import server_arguments
from hil.tlsrig.gnutls.over_tcp import GnuTlsServer
from hil.tlsrig.peer_program import udp_ports
from hil.tlsrig.statement import Statement

_LISTENING = rb"UDP Echo Server listening on IPv6 \S+ port \d+\.\.\.done"
# The last of a whole handshake that it sends, under its keys.
_FINISHED_SENT = rb"Sent Packet\[\d+\] Handshake\(22\) in epoch 1 "
_CLOSED = rb"Alert\[\d+\|\d+\] - [^\n]* - was received"
_SHOWN = rb"\*\*\* Processing (\d+) bytes command: "
_VERSION = re.compile(r"HSK\[\w+\]: Selected version (\S+)")
_GROUP = re.compile(r"HSK\[\w+\]: Selected group (\S+)")
_SIGNATURE = re.compile(r"HSK\[\w+\]: signing TLS 1\.2 handshake data: using (\S+)")
_START_TIMEOUT_S = 20


class GnuTlsUdpServer(GnuTlsServer):
    """`gnutls-serv --udp --echo` on a port that the kernel chose."""

    _connected = False
    _closed = False

    def start(self) -> None:
        arguments = ["--udp", *server_arguments(self._setup, self._log_dir)]
        if self._setup.datagram_bytes is not None:
            arguments += ["--mtu", str(self._setup.datagram_bytes)]
        dialogue = self._begin(arguments)
        dialogue.expect(_LISTENING, "it to listen", _START_TIMEOUT_S)
        # Of its two sockets the first one is IPv4's.
        self._address = ("127.0.0.1", udp_ports(self.pid)[0])

    def await_connected(self, timeout_s: float) -> bool:
        self._talk().expect(_FINISHED_SENT, "the end of its handshake", timeout_s)
        self._connected = True
        return True

    def echo(self, size: int, timeout_s: float) -> bytes:
        """Return what it shows as received; it answers by itself."""
        what = f"{size} bytes of application data"
        received = b""
        while len(received) < size:
            match = self._talk().expect(_SHOWN + b"|" + _CLOSED, what, timeout_s)
            if match.group(1) is None:
                self._closed = True
                raise PeerEnded(f"gnutls-serv was told the end before {what}")
            received += self._talk().read(int(match.group(1)), what, timeout_s)
        return received

    def finish(self, timeout_s: float) -> Statement:
        dialogue = self._talk()
        if not self._closed:
            dialogue.expect(_CLOSED, "the end of the connection", timeout_s)
        dialogue.process.terminate()
        dialogue.finish(timeout_s)
        text = self._said(dialogue.output_log).decode("latin-1")
        return statement(text, connected=self._connected)


def statement(text: str, *, connected: bool) -> Statement:
    """Turn what it printed and logged of one connection into the common form."""
    sent, received = words.alerts(text)
    return Statement(
        witness="gnutls",
        connected=connected,
        version=words.ours(words.VERSIONS, _VERSION.findall(text)[-1:]),
        suite=words.chosen_suite(text),
        group=words.ours(words.GROUPS, _GROUP.findall(text)[-1:]),
        signature=words.ours(words.ALL_SIGNATURES, _SIGNATURE.findall(text)[-1:]),
        alert_sent=next((code for code in sent if code), None),
        alert_received=next((code for code in received if code), None),
        close_sent=0 in sent,
        close_received=0 in received,
        hello_retries=0,
        resumed=words.RESUMED in text if connected else None,
        key_updates_sent=0,
        key_updates_received=0,
    )
