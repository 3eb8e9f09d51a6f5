"""Records of DTLS 1.3 opened on the host by whoever has their key log (RFC 9147 §4, §5.9).

What a peer sent and received is read with its own secrets, for what its library does not tell.
For reading, not for speaking DTLS: replays are not looked for. Computed with the `cryptography`
package, never with `tlscore`, which this judges. Not here: connection ids, so many records that
their numbers do not fit the 16 bits that a header has, more than two KeyUpdates of one end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, ChaCha20
from cryptography.hazmat.primitives.ciphers.modes import CBC

from hil.tlsrig import keylog, wire

_CLEAR_HEADER_BYTES = 13
_MESSAGE_HEADER_BYTES = 12
_RANDOM = slice(_MESSAGE_HEADER_BYTES + 2, _MESSAGE_HEADER_BYTES + 34)
_SAMPLE_BYTES = 16
_EPOCH_HANDSHAKE, _EPOCH_DATA = 2, 3
_CHACHA20_SUITE = 0x1303

# The first octet of a protected record: 001CSLEE.
_PROTECTED, _PROTECTED_MASK = 0x20, 0xE0
_HAS_ID, _LONG_NUMBER, _HAS_LENGTH, _EPOCH_BITS = 0x10, 0x08, 0x04, 0x03


class RecordKeys:
    """Opens the records of one direction and one epoch."""

    def __init__(self, suite: int, secret: bytes) -> None:
        facts = keylog.row(suite)
        self._aead = keylog.RecordKeys(suite, secret, keylog.DTLS_LABELS)
        self._number_key = keylog.expand_label(
            facts.hash_name, secret, "sn", b"", facts.key_bytes, keylog.DTLS_LABELS
        )
        self._by_chacha20 = suite == _CHACHA20_SUITE

    def open(self, record: _Protected) -> bytes:
        """Return what a record protects: content, content type, padding.

        Raises:
            cryptography.InvalidTag: it is forged, or of another key.
        """
        mask = self._mask(record.body[:_SAMPLE_BYTES])
        number = bytes(a ^ b for a, b in zip(record.number, mask, strict=False))
        header = record.flags + number + record.length
        return self._aead.open(int.from_bytes(number, "big"), header, record.body)

    def _mask(self, sample: bytes) -> bytes:
        """Return what hides record numbers (RFC 9147 §4.2.3)."""
        if self._by_chacha20:
            stream = Cipher(ChaCha20(self._number_key, sample), None).encryptor()
            return stream.update(bytes(_SAMPLE_BYTES))
        # One block of AES, which is what CBC makes of it behind zeros.
        block = Cipher(AES(self._number_key), CBC(bytes(_SAMPLE_BYTES))).encryptor()
        return block.update(sample)


@dataclass(frozen=True)
class _Protected:
    """A protected record: the parts of its header, of which the number is hidden, and its body."""

    flags: bytes
    number: bytes
    length: bytes
    body: bytes

    @classmethod
    def first_of(cls, datagram: bytes) -> _Protected:
        """Return the record that a datagram begins with."""
        flags = datagram[0]
        at = 3 if flags & _LONG_NUMBER else 2
        body_at = at + (2 if flags & _HAS_LENGTH else 0)
        length = datagram[at:body_at]
        end = body_at + int.from_bytes(length, "big") if length else len(datagram)
        return cls(datagram[:1], datagram[1:at], length, datagram[body_at:end])

    @property
    def size(self) -> int:
        """How much of the datagram it is."""
        return 1 + len(self.number) + len(self.length) + len(self.body)


class Opener:
    """Reads the handshake records of one connection, whose hellos it meets first.

    Args:
        key_log: of whoever was part of it; read when it is needed.
        from_client: what is "sent" comes from the client.
    """

    def __init__(self, key_log: Path, *, from_client: bool) -> None:
        self._key_log = key_log
        self._from_client = from_client
        self._random: bytes | None = None
        self._suite: int | None = None
        self._keys: dict[tuple[bool, int], RecordKeys] = {}

    def contents(self, sent: bool, datagram: bytes) -> Iterator[bytes]:
        """Yield the content of each handshake record of a datagram that can be read."""
        while datagram:
            if datagram[0] & _PROTECTED_MASK != _PROTECTED:
                end = _CLEAR_HEADER_BYTES + int.from_bytes(datagram[11:13], "big")
                if datagram[0] == wire.HANDSHAKE:
                    content = datagram[_CLEAR_HEADER_BYTES:end]
                    self._note(content)
                    yield content
                datagram = datagram[end:]
                continue
            if datagram[0] & _HAS_ID:
                return
            record = _Protected.first_of(datagram)
            datagram = datagram[record.size :]
            inner = self._opened(sent, record).rstrip(b"\0")
            if inner[-1:] == bytes([wire.HANDSHAKE]):
                yield inner[:-1]

    def _note(self, content: bytes) -> None:
        """Learn from a hello what the keys depend on."""
        if content[:1] == bytes([wire.CLIENT_HELLO]) and not content[8]:
            self._random = content[_RANDOM]
        elif content[:1] == bytes([wire.SERVER_HELLO]) and not content[8]:
            self._suite = wire.server_hello(content[:4] + content[_MESSAGE_HEADER_BYTES:]).suite

    def _opened(self, sent: bool, record: _Protected) -> bytes:
        """Return what a record protects, b"" if there is no key for it."""
        bits = record.flags[0] & _EPOCH_BITS
        # 2 is the handshake's, 3 the first of data; 4 and 5, after KeyUpdates, end in 0 and 1.
        epoch = bits if bits >= _EPOCH_HANDSHAKE else bits + _EPOCH_BITS + 1
        keys = self._keys_of(sent == self._from_client, epoch)
        if keys is None:
            return b""
        try:
            return keys.open(record)
        except InvalidTag:
            return b""

    def _keys_of(self, of_client: bool, epoch: int) -> RecordKeys | None:
        known = self._keys.get((of_client, epoch))
        if known is None and self._suite is not None:
            secret = self._secret_of(of_client, epoch)
            if secret is not None:
                known = self._keys[of_client, epoch] = RecordKeys(self._suite, secret)
        return known

    def _secret_of(self, of_client: bool, epoch: int) -> bytes | None:
        assert self._suite is not None
        handshake = keylog.CLIENT_HANDSHAKE if of_client else keylog.SERVER_HANDSHAKE
        traffic = keylog.CLIENT_TRAFFIC if of_client else keylog.SERVER_TRAFFIC
        label = handshake if epoch == _EPOCH_HANDSHAKE else traffic
        secret = keylog.find(self._key_log, label, self._random)
        for _ in range(_EPOCH_DATA, epoch):
            if secret is None:
                break
            secret = keylog.next_traffic_secret(self._suite, secret, keylog.DTLS_LABELS)
        return secret
