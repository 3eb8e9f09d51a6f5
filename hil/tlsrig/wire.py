"""TLS records and the few handshake fields the rig must read on the wire, on the host.

`RecordSplitter` cuts one direction of a connection into records, whatever pieces it arrives in.
`server_hello` reads what a ServerHello decides. Both are written for judging and tampering, not
for speaking TLS: nothing here keeps connection state or checks what a TLS endpoint must check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hil.errors import HilError

CHANGE_CIPHER_SPEC = 20
ALERT = 21
HANDSHAKE = 22
APPLICATION_DATA = 23

CLIENT_HELLO = 1
SERVER_HELLO = 2
SERVER_KEY_EXCHANGE = 12
CERTIFICATE_VERIFY = 15
FINISHED = 20
KEY_UPDATE = 24

HEADER_BYTES = 5
# RFC 8446 §5.2: TLSCiphertext.length MUST NOT exceed 2^14 + 256; TLS 1.2 allows 2^14 + 2048.
MAX_BODY_BYTES = (1 << 14) + 2048

# RFC 8446 §4.1.3: the Random of a HelloRetryRequest is SHA-256("HelloRetryRequest").
HELLO_RETRY_RANDOM = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)

_SUPPORTED_VERSIONS = 43
_KEY_SHARE = 51


class NotTlsError(HilError):
    """The bytes are not TLS records; the message names the offending byte."""


@dataclass(frozen=True)
class Record:
    """One record as sent: `header` (5 bytes) and `body`, which may be ciphertext."""

    header: bytes
    body: bytes

    @property
    def content_type(self) -> int:
        """The outer content type (RFC 8446 §5.1)."""
        return self.header[0]

    def encode(self) -> bytes:
        """Return the record as it travels."""
        return self.header + self.body


class RecordSplitter:
    """Cuts a byte stream into records; bytes of an unfinished record are kept for later."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def pending(self) -> bytes:
        """What has arrived of a record that is not complete yet."""
        return bytes(self._pending)

    def push(self, data: bytes) -> Iterator[Record]:
        """Take `data` and yield every record it completes, in order.

        Raises:
            NotTlsError: a header has an unknown content type or an impossible length.
        """
        self._pending += data
        while len(self._pending) >= HEADER_BYTES:
            header = bytes(self._pending[:HEADER_BYTES])
            length = int.from_bytes(header[3:5], "big")
            if not CHANGE_CIPHER_SPEC <= header[0] <= APPLICATION_DATA:
                raise NotTlsError(f"content type {header[0]} in record header {header.hex()}")
            if length > MAX_BODY_BYTES:
                raise NotTlsError(f"length {length} in record header {header.hex()}")
            if len(self._pending) < HEADER_BYTES + length:
                return
            body = bytes(self._pending[HEADER_BYTES : HEADER_BYTES + length])
            del self._pending[: HEADER_BYTES + length]
            yield Record(header, body)


@dataclass(frozen=True)
class ServerHello:
    """What a ServerHello decides; `group` is None where TLS 1.2 says it elsewhere."""

    version: int
    suite: int
    group: int | None
    is_retry: bool


def server_hello(message: bytes) -> ServerHello:
    """Read a whole ServerHello message, its 4-byte handshake header included (RFC 8446 §4.1.3).

    Raises:
        NotTlsError: the message is not a ServerHello, or ends too early.
    """
    if message[:1] != bytes([SERVER_HELLO]):
        raise NotTlsError(f"handshake type {message[:1].hex() or 'missing'} where 02 was expected")
    reader = _Reader(message, 4)
    version = reader.number(2)
    random = reader.take(32)
    reader.take(reader.number(1))  # legacy_session_id_echo
    suite = reader.number(2)
    reader.take(1)  # legacy_compression_method
    group = None
    end = reader.number(2) + reader.position if reader.left() else reader.position
    while reader.position < end:
        kind = reader.number(2)
        body = reader.take(reader.number(2))
        if kind == _SUPPORTED_VERSIONS:
            version = int.from_bytes(body, "big")
        elif kind == _KEY_SHARE:
            group = int.from_bytes(body[:2], "big")
    return ServerHello(version, suite, group, random == HELLO_RETRY_RANDOM)


class _Reader:
    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self.position = position

    def left(self) -> int:
        return len(self._data) - self.position

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise NotTlsError(
                f"message ends at byte {len(self._data)}, {count} more were announced"
            )
        piece = self._data[self.position : self.position + count]
        self.position += count
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")
