"""What a hostile link does to the bytes between board and peer, for negative scenarios.

Each attack is a tamper of the link's pump (`hil.link.Tamper`). It re-cuts the stream into
records, changes exactly one bit of one record, and lets everything else pass unchanged. `applied`
tells the oracle whether that bit was really reached: a negative scenario whose attack never
happened proves nothing.

A record is held until it is complete; what is left of an unfinished one when the stream ends is
forwarded as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from hil.errors import LinkError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Direction, Tamper
from hil.tlsrig import keylog, wire

# More than boards have room for in the scenarios about that.
_LARGE_RECORD_BYTES = 8192


class Attack(Tamper, Protocol):
    """A tamper with a purpose."""

    applied: bool


class FlipCiphertextBit(Attack):
    """Flips the first bit of the first encrypted record towards the board.

    RFC 8446 §5.2: the board must end the connection with bad_record_mac.
    """

    def __init__(self) -> None:
        self.applied = False
        self._splitter = wire.RecordSplitter()

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        """Forward `data`, re-cut at record boundaries, with one bit flipped once."""
        if direction != PEER_TO_BOARD:
            return data
        return b"".join(self._forward(record) for record in self._splitter.push(data))

    def on_end(self, direction: Direction) -> bytes:
        """Return the rest of an unfinished record."""
        return self._splitter.pending if direction == PEER_TO_BOARD else b""

    def _forward(self, record: wire.Record) -> bytes:
        if self.applied or record.content_type != wire.APPLICATION_DATA:
            return record.encode()
        self.applied = True
        return record.header + _with_flipped_bit(record.body, 0)


class FlipLargeRecordTag(FlipCiphertextBit):
    """Flips the last bit of the first encrypted record towards the board that is large.

    Where a record comes in pieces all of it has been decrypted by then.
    """

    def _forward(self, record: wire.Record) -> bytes:
        if len(record.body) < _LARGE_RECORD_BYTES:
            return record.encode()
        if self.applied or record.content_type != wire.APPLICATION_DATA:
            return record.encode()
        self.applied = True
        return record.header + _with_flipped_bit(record.body, -1)


class FlipFinishedBit(Attack):
    """Re-encrypts the peer's Finished with one bit of verify_data flipped.

    The record keys come from the peer's own key log, so every record stays authentic and only
    the Finished check itself can notice. RFC 8446 §4.4.4: decrypt_error.

    The filter follows the peer's handshake epoch: plaintext up to the hellos, then records
    numbered from 0 under the peer's handshake traffic secret; whoever sends the ServerHello is the
    server. After Finished it passes bytes on untouched, so it never needs application keys.
    """

    def __init__(self, key_log: Path) -> None:
        self.applied = False
        self._key_log = key_log
        self._to_peer = wire.RecordSplitter()
        self._to_board = wire.RecordSplitter()
        self._client_random: bytes | None = None
        self._suite: int | None = None
        self._label = ""
        self._keys: keylog.RecordKeys | None = None
        self._sequence = 0
        self._messages = _MessageWalk()

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        """Forward `data`, re-cut at record boundaries, with the Finished replaced once."""
        if direction == BOARD_TO_PEER:
            if self._keys is None:
                for record in self._to_peer.push(data):
                    self._note_hello(record, keylog.CLIENT_HANDSHAKE)
            return data
        return b"".join(self._forward(record) for record in self._to_board.push(data))

    def on_end(self, direction: Direction) -> bytes:
        """Return the rest of an unfinished record."""
        return self._to_board.pending if direction == PEER_TO_BOARD else b""

    def _note_hello(self, record: wire.Record, label: str) -> None:
        """Learn what a hello says; `label` is of the peer's secret if this is a ServerHello."""
        if record.content_type != wire.HANDSHAKE:
            return
        if record.body[:1] == bytes([wire.CLIENT_HELLO]):
            # RFC 8446 §4.1.2: 4 bytes message header, 2 bytes legacy_version, 32 bytes random.
            self._client_random = record.body[6:38]
        elif record.body[:1] == bytes([wire.SERVER_HELLO]):
            self._suite, self._label = wire.server_hello(record.body).suite, label

    def _forward(self, record: wire.Record) -> bytes:
        if self.applied:
            return record.encode()
        self._note_hello(record, keylog.SERVER_HANDSHAKE)
        if record.content_type != wire.APPLICATION_DATA:
            return record.encode()
        return self._rewrite(record)

    def _rewrite(self, record: wire.Record) -> bytes:
        keys = self._handshake_keys()
        inner = bytearray(keys.open(self._sequence, record.header, record.body))
        end = len(inner.rstrip(b"\0")) - 1  # RFC 8446 §5.2: content, type, then zero padding
        if inner[end] == wire.HANDSHAKE:
            for start, kind in self._messages.bodies(bytes(inner[:end])):
                if kind == wire.FINISHED and not self.applied:
                    inner[start] ^= 0x01
                    self.applied = True
        sealed = keys.seal(self._sequence, record.header, bytes(inner))
        self._sequence += 1
        return record.header + sealed

    def _handshake_keys(self) -> keylog.RecordKeys:
        if self._keys is None:
            if self._suite is None:
                raise LinkError("an encrypted record came towards the board before ServerHello")
            secret = keylog.find(self._key_log, self._label, self._client_random)
            if secret is None:
                raise LinkError(
                    f"the peer's key log {self._key_log} has no {self._label} for this "
                    "connection, so its Finished cannot be tampered with"
                )
            self._keys = keylog.RecordKeys(self._suite, secret)
        return self._keys


class _MessageWalk:
    """Finds where handshake message bodies start, over any division into records."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0
        self._body_is_next = False

    def bodies(self, content: bytes) -> list[tuple[int, int]]:
        """Return (position of the first body byte, type) of each body that starts in `content`."""
        starts = []
        position = 0
        while position < len(content):
            if self._left:
                if self._body_is_next:
                    starts.append((position, self._header[0]))
                    self._header, self._body_is_next = b"", False
                step = min(self._left, len(content) - position)
                self._left -= step
            else:
                step = min(4 - len(self._header), len(content) - position)
                self._header += content[position : position + step]
                if len(self._header) == 4:
                    self._left = int.from_bytes(self._header[1:], "big")
                    self._body_is_next = self._left > 0
                    self._header = self._header if self._left else b""
            position += step
        return starts


def _with_flipped_bit(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 0x01
    return bytes(changed)


# Name in a scenario: how to make the filter from the peer's key log.
ATTACKS: Mapping[str, Callable[[Path], Attack]] = {
    "flip-ciphertext-bit": lambda _key_log: FlipCiphertextBit(),
    "flip-large-record-tag": lambda _key_log: FlipLargeRecordTag(),
    "flip-finished-bit": FlipFinishedBit,
}
