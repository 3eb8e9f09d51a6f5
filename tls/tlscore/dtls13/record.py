"""The records of DTLS 1.3 (RFC 9147 §4): in the clear as of old, protected with a short header.

The header of a protected record says two bits of its epoch and eight or sixteen of its number, the
latter under a mask made of the record's own ciphertext (§4.2.3). What of it is missing is taken to
be what comes nearest to what came before.

Epochs: 0 is in the clear, 1 would be early data, 2 has the keys of the handshake, 3 and every
further one keys for data. `Receiver` keeps those from which something may still come.
"""

from tlscore.compat import const
from tlscore.dtls.record import HEADER_BYTES, ReplayWindow
from tlscore.dtls13.suites import SAMPLE_BYTES, forgeries_max, mask_of
from tlscore.errors import PeerMisbehaved
from tlscore.schedule import expand_label

VERSION = 0xFEFC
LEGACY_VERSION = 0xFEFD
PLAIN_HEADER_BYTES = HEADER_BYTES
# What a protected record adds to its content at most, without a connection id: flags, number,
# length; the content type; the tag.
RECORD_OVERHEAD_BYTES = 1 + 2 + 2 + 1 + 16
EPOCH_HANDSHAKE = 2
EPOCH_DATA = 3

# The first octet of a protected record: 001CSLEE.
_FIXED = const(0x20)
_FIXED_MASK = const(0xE0)
_HAS_ID = const(0x10)
_LONG_NUMBER = const(0x08)
_HAS_LENGTH = const(0x04)
_EPOCH_MASK = const(0x03)
_NONCE_BYTES = const(12)
_PLAINTEXT_LIMIT = const(16384)
_ALERT_BAD_RECORD_MAC = const(20)
_ALERT_UNEXPECTED_MESSAGE = const(10)


def is_protected(first) -> bool:
    """Tell by its first octet whether a record is protected (§4.1)."""
    return first & _FIXED_MASK == _FIXED


class RecordProtection:
    """One key of one direction.

    Args:
        suite: of suites.py.
        secret: traffic secret.
        epoch: that the key is for.
        connection_id: what the records of this direction say, b"" for none.

    Attributes:
        epoch, connection_id: as above; the second may change.
        sequence: number of the next record to send.
        record_limit: records to protect at most.
        window: ReplayWindow of what was received.
        content_type, content_end, plaintext_bytes: of the record opened last; the last one with
            content type and padding.
    """

    def __init__(self, suite, secret, epoch, connection_id=b""):
        hash_, size = suite.hash, suite.key_bytes
        self._aead = suite.new_aead(expand_label(hash_, secret, b"key", b"", size))
        self._mask = mask_of(suite, expand_label(hash_, secret, b"sn", b"", size))
        iv = expand_label(hash_, secret, b"iv", b"", _NONCE_BYTES)
        self._iv = int.from_bytes(iv, "big")
        self.connection_id = connection_id
        self._forgeries_left = forgeries_max(suite)
        self.epoch = epoch
        self.sequence = 0
        self.record_limit = suite.record_limit
        self.window = ReplayWindow()
        self.content_type = 0
        self.content_end = 0
        self.plaintext_bytes = 0

    # --- sending

    def header_bytes(self, has_length=True, is_short=False) -> int:
        """Return the size of a header: with a length or without, with a short number or a long."""
        size = 1 + len(self.connection_id) + (1 if is_short else 2)
        return size + (2 if has_length else 0)

    def overhead_bytes(self, has_length=True, is_short=False) -> int:
        """Return what a record adds to content of 16 octets or more."""
        return self.header_bytes(has_length, is_short) + 1 + self._aead.tag_size

    def seal(
        self, buffer, start, content_type, size, has_length=True, is_short=False, padding=0
    ) -> int:
        """Protect the next record and write its header; return its end.

        Args:
            start: of the record in `buffer`. The content, `size` bytes, is `header_bytes` behind
                it; there is room for `overhead_bytes` around it, and for 16 bytes of content.
            padding: zeros to add, for which there is room.
        """
        at = start + self.header_bytes(has_length, is_short)
        end = at + size
        buffer[end] = content_type
        end += 1
        # §4.2.3: "Senders MUST pad short plaintexts out".
        padding = max(padding, SAMPLE_BYTES - self._aead.tag_size - (end - at))
        if padding > 0:
            buffer[end : end + padding] = bytes(padding)
            end += padding
        number = self.sequence
        self.sequence = number + 1
        length = end - at + self._aead.tag_size if has_length else None
        number_at = self._put_header(buffer, start, number, length, is_short)
        nonce = (self._iv ^ number).to_bytes(_NONCE_BYTES, "big")
        self._aead.seal(nonce, bytes(buffer[start:at]), buffer, at, end)
        self._hide(buffer, number_at, at, is_short)
        return end + self._aead.tag_size

    def _put_header(self, buffer, start, number, length, is_short):
        """Write a header; return where the number is."""
        said = self.connection_id
        flags = _FIXED | self.epoch & _EPOCH_MASK
        at = number_at = start + 1
        if said:
            flags |= _HAS_ID
            number_at = at + len(said)
            buffer[at:number_at] = said
        at = number_at
        if not is_short:
            flags |= _LONG_NUMBER
            buffer[at] = number >> 8 & 0xFF
            at += 1
        buffer[at] = number & 0xFF
        if length is not None:
            flags |= _HAS_LENGTH
            buffer[at + 1] = length >> 8
            buffer[at + 2] = length & 0xFF
        buffer[start] = flags
        return number_at

    def _hide(self, buffer, number_at, at, is_short):
        """Put the mask on a number, or take it off."""
        mask = self._mask.of(buffer[at : at + SAMPLE_BYTES])
        buffer[number_at] ^= mask[0]
        if not is_short:
            buffer[number_at + 1] ^= mask[1]

    # --- receiving

    def open(self, buffer, header) -> int:
        """Open a record in place; return its number, -1 if it is forged or came before.

        Where its content ends and its type are in `content_end` and `content_type`; it begins at
        `header.content`. A record that cannot be opened is left as it was.

        Raises:
            PeerMisbehaved: there were too many forged ones, or this one has no content type.
        """
        at, end = header.content, header.end
        size = end - at - self._aead.tag_size
        if end - at < SAMPLE_BYTES or size < 1:
            return -1
        self._hide(buffer, header.number, at, header.is_short)
        number = self._nearest(buffer, header)
        opened = number >= 0 and self.window.is_new(number)
        if opened:
            nonce = (self._iv ^ number).to_bytes(_NONCE_BYTES, "big")
            opened = self._aead.open(nonce, bytes(buffer[header.start : at]), buffer, at, end)
            if not opened:
                self._count_forgery()
        if not opened:
            self._hide(buffer, header.number, at, header.is_short)
            return -1
        self.window.add(number)
        end = at + size - 1
        # RFC 8446 §5.4: zeros are padding, the last other octet is the content type.
        while end >= at and buffer[end] == 0:
            end -= 1
        if end < at:
            raise PeerMisbehaved("record.no_content_type", _ALERT_UNEXPECTED_MESSAGE)
        self.plaintext_bytes = size
        self.content_type = buffer[end]
        self.content_end = end
        return number

    def _nearest(self, buffer, header):
        """Return the number that ends as the header says and is nearest to the next (§4.2.2)."""
        said, span = buffer[header.number], 0x100
        if not header.is_short:
            said = said << 8 | buffer[header.number + 1]
            span = 0x10000
        expected = self.window.newest + 1
        number = (expected & ~(span - 1)) | said
        if number > expected + span // 2:
            number -= span
        elif number < expected - span // 2:
            number += span
        return number if number >= 0 else number + span

    def _count_forgery(self):
        self._forgeries_left -= 1
        if not self._forgeries_left:
            raise PeerMisbehaved("record.too_many_forged", _ALERT_BAD_RECORD_MAC)


class Header:
    """Where the parts of a protected record are in a datagram.

    Attributes:
        start, end: of the record.
        epoch_bits: the two last bits of its epoch.
        connection_id: memoryview, None where there is none.
        number: where its number is.
        is_short: that has eight bits instead of sixteen.
        content: where the ciphertext begins.
    """

    def __init__(self, view, start, id_bytes):
        """Read a header.

        Args:
            id_bytes: length of the connection id, if the record has one.

        Raises:
            IndexError: it is cut off.
        """
        flags = view[start]
        at = start + 1
        self.start = start
        self.epoch_bits = flags & _EPOCH_MASK
        self.connection_id = None
        if flags & _HAS_ID:
            self.connection_id = view[at : at + id_bytes]
            at += id_bytes
        self.number = at
        self.is_short = not flags & _LONG_NUMBER
        at += 1 if self.is_short else 2
        self.end = len(view)
        if flags & _HAS_LENGTH:
            length = view[at] << 8 | view[at + 1]
            at += 2
            self.end = at + length
        self.content = at
        if at > len(view) or self.end > len(view):
            raise IndexError


class Receiver:
    """The keys of what is received; records stay in the caller's buffer.

    Attributes:
        plaintext_limit: bytes of content and content type a record may have.
        epoch: the newest there is a key of, 0 without any.
        early_data_left, plain_alerts: of no use here: what cannot be opened is dropped.
    """

    def __init__(self, _buffer_bytes):
        self._protections = []  # the newest first
        self.plaintext_limit = _PLAINTEXT_LIMIT + 1
        self.epoch = 0
        self.early_data_left = 0
        self.plain_alerts = False

    def add(self, protection):
        """Open records of another epoch from here on, too."""
        self.epoch = protection.epoch
        # Of data there are two at most: what the peer sent before it changed its key may be late.
        self._protections = [protection] + self._protections[:1]

    def take_room(self, _suite, _secret):
        """Take nothing: each epoch has tables of its own."""

    def give_room(self, _sending):
        """Keep the key: what the peer sends again comes under it."""

    def of_bits(self, epoch_bits):
        """Return the RecordProtection of an epoch with those last two bits, or None."""
        for protection in self._protections:
            if protection.epoch & _EPOCH_MASK == epoch_bits:
                return protection
        return None

    def newest(self) -> int:
        """Return a number that grows with the newest record that was opened, -1 before any."""
        if not self._protections:
            return -1
        newest = max([one.epoch << 32 | one.window.newest + 1 for one in self._protections])
        return newest - 1

    def release(self):
        """Give up the keys."""
        self._protections = []
