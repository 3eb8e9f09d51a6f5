"""The host's half of an engine in JavaScript, whose run-time tells its scripts little of TLS.

Bun and Deno show a script the data, and an error as words. What else a peer has to say of its
connection is read in the records that it sent and received itself, opened with the key log that it
wrote: the suite, alerts, close_notify; and the keying material follows from the logged secret
(RFC 8446 §7.5, RFC 5705 §4). All of that is this end's own account, none of it the board's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hil.tlsrig import keylog, tls12_keys, wire
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.engine_peer import EnginePeer
from hil.tlsrig.peers import EXPORTER_BYTES, EXPORTER_LABEL
from hil.tlsrig.statement import Statement

_METHOD = "computed from its key log"
_CLOSE_NOTIFY = 0
_TLS_1_3 = 0x0304
# Where a ServerHello has its random: behind the message's header and the version.
_RANDOM = slice(4 + 2, 4 + 2 + 32)


@dataclass(frozen=True)
class Alert:
    """One alert: who sent it, and which it was."""

    from_client: bool
    code: int


class ScriptPeer(EnginePeer):
    """A library inside of a run-time for JavaScript."""

    def start(self) -> None:
        # Deno's sockets log their secrets themselves, where this says; Bun's tell the engine.
        self._environment = {**(self._environment or {}), "SSLKEYLOGFILE": str(self._key_log)}
        super().start()

    def await_connected(self, timeout_s: float) -> bool:
        self._await(("connected", "ended"), "the end of its handshake", timeout_s)
        if self._ended is not None:
            return False
        self._connected = {"connected": "1"}
        return True

    def _statement(self, ended: Mapping[str, str]) -> Statement:
        exchange = self._exchange()
        if self._connected:
            self._exporter = exporter(exchange)
        facts = _facts(alerts(exchange), is_client=not self.is_server)
        said = super()._statement({**ended, **facts})
        return replace(said, exporter_method=_METHOD if said.exporter is not None else None)


def exporter(exchange: Exchange) -> bytes | None:
    """Return the keying material that follows from a connection's logged secrets, if they do."""
    if exchange.suite is None or exchange.version is None:
        return None
    if exchange.version >= _TLS_1_3:
        secret = exchange.secrets.get(keylog.EXPORTER)
        if secret is None:
            return None
        return keylog.exporter(exchange.suite, secret, EXPORTER_LABEL, EXPORTER_BYTES)
    suite, master = tls12_keys.find(exchange.suite), exchange.secrets.get(tls12_keys.MASTER)
    if suite is None or master is None:
        return None
    seed = exchange.client_random + _server_random(exchange)
    label = EXPORTER_LABEL.encode("ascii")
    return tls12_keys.prf(suite.hash_name, master, label, seed, EXPORTER_BYTES)


def alerts(exchange: Exchange) -> list[Alert]:
    """Return all alerts of a connection that could be read, in order."""
    return [
        Alert(message.from_client, message.data[1])
        for message in exchange.messages
        if message.content_type == wire.ALERT and len(message.data) == 2
    ]


def _server_random(exchange: Exchange) -> bytes:
    return exchange.of("server_hello")[-1].data[_RANDOM]


def _facts(found: list[Alert], *, is_client: bool) -> dict[str, str]:
    """Return what an engine says of its alerts when a connection has ended."""
    facts = {}
    for name, ours in (("sent", True), ("received", False)):
        seen = [alert.code for alert in found if (alert.from_client == is_client) == ours]
        errors = [code for code in seen if code != _CLOSE_NOTIFY]
        facts[f"alert_{name}"] = str(errors[0]) if errors else "-1"
        facts[f"close_{name}"] = str(int(_CLOSE_NOTIFY in seen))
    return facts
