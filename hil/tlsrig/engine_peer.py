"""The host's half of an engine: a TLS library in a process of its own, made a peer.

Its verdict has two sources, both its own. What it says (`hil.tlsrig.engines`): that the connection
stands, the exported keying material, alerts, the end. And what it sent and received, as it wrote
that down itself: its records are opened with its own key log and read for what most libraries have
no call for: the group, the signature scheme, HelloRetryRequests, KeyUpdates, resumption. Where both
tell the same fact and differ, that is a `PeerError`, not a verdict.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from hil.errors import PeerError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.peer import PeerEnded, Program
from hil.tlsrig import datagram_messages, dtls13_records, names, wire
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.message_log import Summary, summarize
from hil.tlsrig.peer_program import ProgramPeer
from hil.tlsrig.peers import EXPORTER_LABEL, ClientSetup, ServerSetup
from hil.tlsrig.statement import Statement

_START_TIMEOUT_S = 20
_EVENT = rb"\A([^\n]*)\n"
_PRE_SHARED_KEY = 41


class EnginePeer(ProgramPeer):
    """A library in the role that its setup is for."""

    def __init__(
        self,
        name: str,
        installed: Program,
        setup: ServerSetup | ClientSetup,
        log_dir: Path,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Make a peer that is not started yet.

        Args:
            name: of the peer.
            installed: the program: an engine, or what runs it.
            setup: what it shall do.
            log_dir: where its files go.
            arguments: what comes before the engine's own ones.
            environment: variables besides those of this process.
        """
        self.name = self.known_as = name
        self.is_server = isinstance(setup, ServerSetup)
        self.command = f"{name}-{'server' if self.is_server else 'client'}"
        super().__init__(installed, log_dir, setup.connections)
        self._setup = setup
        self._before = list(arguments)
        self._environment = environment
        self._wire_log = log_dir / f"{self.command}.wire"
        self._data = bytearray()
        self._connected: Mapping[str, str] = {}
        self._ended: Mapping[str, str] | None = None
        if isinstance(setup, ClientSetup):
            self._address = setup.address

    @property
    def artefacts(self) -> Mapping[str, Path]:
        return {**super().artefacts, "peer_messages": self._wire_log}

    def start(self) -> None:
        for path in (self._key_log, self._wire_log):
            path.touch(mode=0o600)
        given = engine_arguments(self._setup, self._key_log, self._wire_log)
        self._launch([*self._before, *given], environment=self._environment)
        if self.is_server:
            said = self._await(("listening",), "it to listen", _START_TIMEOUT_S)
            self._address = ("127.0.0.1", int(said["port"]))

    def await_connected(self, timeout_s: float) -> bool:
        said = self._await(("connected", "ended"), "the end of its handshake", timeout_s)
        if self._ended is not None:
            return False
        self._connected = said
        self._exporter = bytes.fromhex(said["exporter"])
        return True

    def echo(self, size: int, timeout_s: float) -> bytes:
        what = f"{size} bytes of application data"
        while len(self._data) < size:
            said = self._await(("data", "ended"), what, timeout_s)
            if self._ended is not None:
                raise PeerEnded(f"peer {self.name} was at its end before {what}")
            self._data += bytes.fromhex(said["bytes"])
        received = bytes(self._data[:size])
        del self._data[:size]
        return received

    def end_input(self) -> None:
        """Let it close its connection, if that has not come to its end already."""
        with contextlib.suppress(PeerEnded):
            self._talk().write(b"bye\n")

    def next_connection(self) -> None:
        if not self.is_server:
            self._talk().write(b"next\n")

    def finish(self, timeout_s: float) -> Statement:
        while self._ended is None:
            self._await(("data", "connected", "ended"), "the end of the connection", timeout_s)
        self._connections_left -= 1
        dialogue = self._talk()
        if self._connections_left <= 0 and dialogue.finish(timeout_s) != 0:
            raise PeerError(f"peer {self.name} ended with a complaint:\n{dialogue.tail()}")
        said = self._statement(self._ended)
        self._end_connection(self._wire_log, dialogue.error_log)
        self._data.clear()
        self._connected, self._ended = {}, None
        return said

    def _await(self, events: tuple[str, ...], what: str, timeout_s: float) -> Mapping[str, str]:
        """Return the facts of the next thing it says; `ended` is kept as well.

        Raises:
            PeerError: it says nothing, something else, or ended without its last word.
        """
        dialogue = self._talk()
        match = dialogue.expect_or_end(_EVENT, what, timeout_s)
        if match is None:
            raise PeerError(f"peer {self.name} ended before {what}:\n{dialogue.tail()}")
        event, *words = match.group(1).decode("ascii", "replace").split(" ")
        if event not in events:
            raise PeerError(f"peer {self.name} said {match.group(1)[:200]!r} before {what}")
        facts = dict(word.partition("=")[::2] for word in words)
        if event == "ended":
            self._ended = facts
        return facts

    def _statement(self, ended: Mapping[str, str]) -> Statement:
        exchange = None
        if "DTLSv1.3" in self._setup.versions:
            opener = dtls13_records.Opener(self._key_log, from_client=not self.is_server)
            seen = summarize(datagram_messages.whole(self._wire(), opener.contents))
        elif "DTLSv1.2" in self._setup.versions:
            seen = summarize(datagram_messages.whole(self._wire()))
        else:
            exchange = self._exchange()
            seen = summarize(_messages(exchange, from_client=not self.is_server))
        self._check(seen)
        version = _code(self._connected.get("version")) or seen.version
        suite = _code(self._connected.get("suite")) or seen.suite
        connected = bool(self._connected)
        return Statement(
            witness=self.name,
            connected=connected,
            version=names.name_of(names.VERSIONS, version),
            suite=names.name_of(names.ALL_SUITES, suite),
            group=names.name_of(names.GROUPS, _code(self._connected.get("group")) or seen.group),
            signature=names.name_of(names.SIGNATURES, seen.signature),
            exporter=self._exporter,
            exporter_method="exported by the library" if self._exporter is not None else None,
            alert_sent=_alert(ended["alert_sent"]),
            alert_received=_alert(ended["alert_received"]),
            close_sent=ended["close_sent"] == "1",
            close_received=ended["close_received"] == "1",
            reason=ended["reason"].replace("_", " ") or None,
            hello_retries=seen.hello_retries,
            resumed=self._is_resumed(exchange) if connected else None,
            key_updates_sent=seen.key_updates_sent,
            key_updates_received=seen.key_updates_received,
        )

    def _check(self, seen: Summary) -> None:
        """Raise a `PeerError` where it says other than its own records do."""
        for what, in_records in (("version", seen.version), ("suite", seen.suite)):
            stated = _code(self._connected.get(what))
            if None not in (stated, in_records) and stated != in_records:
                raise PeerError(
                    f"{self.name} contradicts itself: it says {what} 0x{stated:04x}, but its "
                    f"ServerHello 0x{in_records:04x} ({self._wire_log})"
                )

    def _is_resumed(self, exchange: Exchange | None) -> bool:
        """Whether the connection continues an earlier one, by its own word or its records.

        An external key is named in the same place as a ticket (RFC 8446 §4.2.11).
        """
        if "resumed" in self._connected:
            return self._connected["resumed"] == "1"
        if self._setup.psk is not None or exchange is None:  # no scenario resumes over datagrams
            return False
        if exchange.version == names.code_of(names.VERSIONS, "TLSv1.3"):
            return any(
                _PRE_SHARED_KEY in hello.field.codes("extension_type")
                for hello in exchange.of("server_hello")
            )
        return not exchange.of("server_hello_done")

    def _wire(self) -> list[tuple[bool, bytes]]:
        """Return (sent, bytes) of what it sent and received since the present connection began."""
        lines = self._said(self._wire_log).decode("ascii").split("\n")[:-1]
        return [(line[0] == ">", bytes.fromhex(line[2:])) for line in lines]

    def _exchange(self) -> Exchange:
        """Take apart what it sent and received since the present connection began."""
        transcript = [
            Chunk(PEER_TO_BOARD if sent else BOARD_TO_PEER, data, 0.0)
            for sent, data in self._wire()
        ]
        key_log = self._key_log.read_text("ascii")
        return Exchange(transcript, key_log, board_is_client=self.is_server)


def engine_arguments(setup: ServerSetup | ClientSetup, key_log: Path, wire_log: Path) -> list[str]:
    """Return what an engine is told, as `hil.tlsrig.engines` has it."""
    is_server = isinstance(setup, ServerSetup)
    given: dict[str, object] = {
        "role": "server" if is_server else "client",
        "connections": setup.connections,
        "versions": _codes(names.VERSIONS, setup.versions),
        "suites": _codes(names.ALL_SUITES, setup.suites),
        "groups": _codes(names.GROUPS, setup.groups),
        "signatures": _codes(names.SIGNATURES, setup.signatures),
        "alpn": ",".join(setup.alpn),
        "max_record_bytes": setup.max_record_bytes,
        "answer_bytes": setup.answer_bytes,
        "datagram_bytes": setup.datagram_bytes,
        "utc_seconds": setup.utc_seconds,
        "extended_master_secret": int(setup.extended_master_secret),
        "exporter_label": EXPORTER_LABEL,
        "key_log": key_log,
        "wire_log": wire_log,
    }
    if setup.certificates is not None:
        given["chain"], given["key"] = setup.certificates.chain, setup.certificates.private_key
    if isinstance(setup, ServerSetup):
        given["root"] = setup.client_root
        given["tickets"] = None if setup.tickets else 0
    else:
        given["root"] = setup.anchor
        given["port"], given["server_name"] = setup.address[1], setup.server_name
        given["fallback"] = 1 if setup.fallback else None
    if setup.psk is not None:
        given["psk"], given["psk_identity"] = setup.psk.key.hex(), setup.psk.identity
        given["psk_with_dhe"], given["psk_hash"] = int(setup.psk.with_dhe), setup.psk.hash_name
    return [f"{name}={value}" for name, value in given.items() if value not in (None, "")]


def _messages(exchange: Exchange, *, from_client: bool) -> list[tuple[bool, str, bytes]]:
    """Return (sent by the engine, kind, bytes) of the messages that were read in the records."""
    return [
        (message.from_client == from_client, "Handshake", message.data)
        for message in exchange.messages
        if message.content_type == wire.HANDSHAKE and message.whole
    ]


def _codes(table: Mapping[int, str], registered: Sequence[str]) -> str:
    return ",".join(f"{names.code_of(table, name):04x}" for name in registered)


def _code(text: str | None) -> int | None:
    return int(text, 16) if text else None


def _alert(text: str) -> int | None:
    return None if text == "-1" else int(text)
