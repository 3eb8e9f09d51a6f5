"""The handshake of TLS 1.2 as BearSSL of March 2018 made it: X25519, RSA, ChaCha20-Poly1305.

RFC 5246 §7.3, RFC 8422, RFC 7905; no extended master secret (RFC 7627), no tickets. `Secrets` is
what both ends compute, `Records` reads and writes the records of one connection. Who says what
when is the engine's business (`hil.tlsrig.engines.past`). Written with `cryptography`, for playing
one device against a board: it is no stack for anything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.exceptions import InvalidTag

from hil.tlsrig import names, tls12_keys, wire
from hil.tlsrig.past.devices import SUITE

_VERSION = b"\x03\x03"
_MASTER_LABEL, _EXPORTER_BYTES = b"master secret", 32
_FATAL = 2
_CODE = names.code_of(names.ALL_SUITES, SUITE)


class Broken(Exception):
    """The handshake cannot go on: the alert to send, and why."""

    def __init__(self, alert: str, reason: str) -> None:
        super().__init__(reason)
        self.alert = names.code_of(names.ALERTS, alert)
        self.reason = reason


class AlertCame(Exception):
    """The other end sent an alert: its number."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class StreamEnded(Exception):
    """The other end closed the connection without a word."""


class Secrets:
    """What both ends have in common once they know the premaster secret.

    Attributes:
        master: the master secret.
    """

    def __init__(self, premaster: bytes, client_random: bytes, server_random: bytes) -> None:
        """Compute the master secret (RFC 5246 §8.1)."""
        self._suite = tls12_keys.row(_CODE)
        self._randoms = client_random, server_random
        self.master = self._prf(
            premaster, _MASTER_LABEL, b"".join(self._randoms), tls12_keys.MASTER_BYTES
        )

    def keys(self, *, of_client: bool) -> tls12_keys.RecordKeys:
        """Return the keys of a direction."""
        block = tls12_keys.key_block(self._suite, self.master, *self._randoms)
        return tls12_keys.RecordKeys(self._suite, block, of_client=of_client)

    def finished(self, transcript: bytes, *, of_client: bool) -> bytes:
        """Return what a Finished holds after these handshake messages."""
        digest = hashlib.new(self._suite.hash_name, transcript).digest()
        return tls12_keys.verify_data(self._suite, self.master, digest, of_client=of_client)

    def exported(self, label: str) -> bytes:
        """Return exported keying material (RFC 5705 §4)."""
        seed = b"".join(self._randoms)
        return self._prf(self.master, label.encode("ascii"), seed, _EXPORTER_BYTES)

    def _prf(self, secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
        return tls12_keys.prf(self._suite.hash_name, secret, label, seed, size)


class Records:
    """The records of one connection, in and out, in the clear and after change_cipher_spec.

    Attributes:
        transcript: all handshake messages so far, joined.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        """Read from `receive`, which returns nothing at the end of the stream."""
        self.transcript = b""
        self._receive = receive
        self._splitter = wire.RecordSplitter()
        self._waiting: list[wire.Record] = []
        self._handshake = b""
        self._reads: tls12_keys.RecordKeys | None = None
        self._writes: tls12_keys.RecordKeys | None = None
        self._read_count = self._written_count = 0

    @property
    def has_more(self) -> bool:
        """A record is there without another byte from the stream."""
        return bool(self._waiting)

    def read_with(self, keys: tls12_keys.RecordKeys) -> None:
        """Open what comes from now on with these keys."""
        self._reads, self._read_count = keys, 0

    def write_with(self, keys: tls12_keys.RecordKeys) -> None:
        """Seal what goes out from now on with these keys."""
        self._writes, self._written_count = keys, 0

    def sealed(self, kind: int, content: bytes) -> bytes:
        """Return contents as a record, under the keys if there are any."""
        header = bytes([kind]) + _VERSION
        if self._writes is not None:
            content = self._writes.seal(self._written_count, header, content)
            self._written_count += 1
        return header + len(content).to_bytes(2, "big") + content

    def said(self, message: bytes) -> bytes:
        """Note a handshake message of our own and return it as a record."""
        self.transcript += message
        return self.sealed(wire.HANDSHAKE, message)

    def next(self) -> tuple[int, bytes]:
        """Return the next record, opened: content type and contents.

        Raises:
            AlertCame: it is an alert, `close_notify` among them.
            Broken: it does not open.
            StreamEnded: there is none.
        """
        while not self._waiting:
            data = self._receive()
            if not data:
                raise StreamEnded
            self._waiting += self._splitter.push(data)
        record = self._waiting.pop(0)
        content = record.body
        if self._reads is not None:
            try:
                content = self._reads.open(self._read_count, record.header, record.body)
            except InvalidTag:
                raise Broken("bad_record_mac", "a record does not open") from None
            self._read_count += 1
        if record.content_type == wire.ALERT:
            raise AlertCame(content[1])
        return record.content_type, content

    def message(self) -> bytes:
        """Return the next handshake message and note it.

        Raises:
            AlertCame, Broken, StreamEnded: as `next` does; Broken for any other record.
        """
        while len(self._handshake) < 4 or len(self._handshake) < self._size():
            kind, content = self.next()
            if kind != wire.HANDSHAKE:
                raise Broken("unexpected_message", f"a record of type {kind} in the handshake")
            self._handshake += content
        size = self._size()
        found, self._handshake = self._handshake[:size], self._handshake[size:]
        self.transcript += found
        return found

    def expect(self, kind: int) -> bytes:
        """Return the body of the next handshake message, which has to be of that type.

        Raises:
            AlertCame, Broken, StreamEnded: as `message` does.
        """
        found = self.message()
        if found[0] != kind:
            wanted = names.HANDSHAKE_TYPES.get(kind, kind)
            came = names.HANDSHAKE_TYPES.get(found[0], found[0])
            raise Broken("unexpected_message", f"{came} where {wanted} was awaited")
        return found[4:]

    def expect_change_cipher_spec(self) -> None:
        """Take the change_cipher_spec of the other end.

        Raises:
            AlertCame, Broken, StreamEnded: as `next` does.
        """
        if self.next() != (wire.CHANGE_CIPHER_SPEC, b"\1"):
            raise Broken("unexpected_message", "no change_cipher_spec")

    def alert(self, code: int, *, is_fatal: bool = True) -> bytes:
        """Return an alert as a record."""
        return self.sealed(wire.ALERT, bytes([_FATAL if is_fatal else 1, code]))

    def _size(self) -> int:
        return 4 + int.from_bytes(self._handshake[1:4], "big")
