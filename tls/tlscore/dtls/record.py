"""The records of DTLS 1.2 with authenticated ciphers (RFC 6347 §4.1; RFC 9146 for connection ids).

A record says its epoch and its number, so that it can be opened whatever came before it, and one
that cannot be is dropped as if it had been lost. Epoch 0 is in the clear, epoch 1 has the keys of
the handshake; there is no other, because there is no renegotiation.

With a connection id the record says that too; its content type is then inside, behind the content.
"""

from tlscore.compat import const

VERSION = 0xFEFD
HEADER_BYTES = 13
CONTENT_CONNECTION_ID = 25  # tls12_cid, RFC 9146 §4
# What a protected record adds to its content at most: header, content type inside, part of the
# nonce, tag; and a connection id.
RECORD_OVERHEAD_BYTES = 13 + 1 + 8 + 16

_CONTENT_CONNECTION_ID = const(25)
_PLAINTEXT_LIMIT = const(16384)
_EXPLICIT_BYTES = const(8)
_NONCE_BYTES = const(12)
_WINDOW = const(64)  # RFC 6347 §4.1.2.6: "A window size of 64 is preferred"


class RecordProtection:
    """One key of one direction, that of epoch 1.

    Args:
        suite: ../tls12/suites.CipherSuite.
        key, salt: of the key block.
        connection_id: what the records of this direction say, b"" for none.

    Attributes:
        sequence: number of the next record to send.
        record_limit: records to protect at most.
        overhead_bytes: what a record adds to its content.
        content_type, content_end: of the record opened last.
    """

    def __init__(self, suite, key, salt, connection_id=b""):
        self.aead = suite.new_aead(key)
        self.connection_id = connection_id
        self.header_bytes = HEADER_BYTES + len(connection_id)
        self.explicit_bytes = _NONCE_BYTES - len(salt)
        self.overhead_bytes = self.header_bytes + self.explicit_bytes + self.aead.tag_size
        self._salt = salt
        self._nonce = bytearray(_NONCE_BYTES)
        self._nonce[: len(salt)] = salt
        if connection_id:
            # RFC 9146 §5.3: placeholder, type, length of the id, type, version, epoch, number, id,
            # length of the plaintext.
            self.overhead_bytes += 1
            said = bytes((25, len(connection_id), 25, 0xFE, 0xFD, 0, 1))
            self._aad = bytearray(b"\xff" * 8 + said + bytes(6) + connection_id + bytes(2))
            self._number_at = 8 + 5
        else:
            # RFC 6347 §4.1.2.1: epoch and number, type, version, length of the plaintext
            self._aad = bytearray(b"\x00\x01" + bytes(7) + b"\xfe\xfd" + bytes(2))
            self._number_at = 0
        self.sequence = 0
        self.record_limit = suite.record_limit
        self.content_type = 0
        self.content_end = 0

    def _begin(self, number, content_type, size):
        """Fill in additional data and nonce for a record."""
        aad, nonce, salt, at = self._aad, self._nonce, self._salt, self._number_at
        explicit = self.explicit_bytes
        for index in range(_EXPLICIT_BYTES - 1, -1, -1):
            if index > 3:
                aad[at + index] = number & 0xFF
                number >>= 8
            octet = aad[at + index]
            # RFC 7905 §2: the number is added to the secret nonce bit by bit; otherwise it is what
            # the record says (RFC 6655 §3: "this MAY be" epoch and number).
            nonce[4 + index] = octet if explicit else octet ^ salt[4 + index]
        if not self.connection_id:
            aad[8] = content_type
        aad[-2] = size >> 8
        aad[-1] = size & 0xFF

    def seal(self, buffer, start, content_type, size) -> int:
        """Protect the next record and write its header; return its end.

        Args:
            start: of the record in `buffer`. The content, `size` bytes, is `header_bytes` and
                `explicit_bytes` behind it; there is room for `overhead_bytes` around it.
        """
        at = start + self.header_bytes + self.explicit_bytes
        if self.connection_id:
            buffer[at + size] = content_type
            size += 1
            content_type = _CONTENT_CONNECTION_ID
        number = self.sequence
        self.sequence = number + 1
        self._begin(number, content_type, size)
        length = self.explicit_bytes + size + self.aead.tag_size
        put_header(buffer, start, content_type, 1, number, length, self.connection_id)
        if self.explicit_bytes:
            buffer[at - _EXPLICIT_BYTES : at] = self._nonce[4:]
        self.aead.seal(self._nonce, self._aad, buffer, at, at + size)
        return at + size + self.aead.tag_size

    def open(self, buffer, start, number, end) -> int:
        """Open a record in place; return where its content begins, -1 if it is forged.

        Where it ends and its type are in `content_end` and `content_type`.
        """
        at = start + self.header_bytes + self.explicit_bytes
        size = end - at - self.aead.tag_size
        if size < 0:
            return -1
        content_type = buffer[start]
        self._begin(number, content_type, size)
        if self.explicit_bytes:
            self._nonce[4:] = buffer[at - _EXPLICIT_BYTES : at]
        if not self.aead.open(self._nonce, self._aad, buffer, at, end):
            return -1
        end = at + size
        if self.connection_id:
            # RFC 9146 §4: zeros are padding, the last other octet is the content type.
            while end > at and buffer[end - 1] == 0:
                end -= 1
            if end == at:
                return -1
            end -= 1
            content_type = buffer[end]
        self.content_type = content_type
        self.content_end = end
        return at


def put_header(buffer, at, content_type, epoch, number, length, connection_id=b"", version=VERSION):
    """Write the header of a record (RFC 6347 §4.1, RFC 9146 §4)."""
    buffer[at] = content_type
    buffer[at + 1] = version >> 8
    buffer[at + 2] = version & 0xFF
    buffer[at + 3] = 0
    buffer[at + 4] = epoch
    buffer[at + 5] = buffer[at + 6] = 0
    for index in range(10, 6, -1):
        buffer[at + index] = number & 0xFF
        number >>= 8
    at += 11
    if connection_id:
        buffer[at : at + len(connection_id)] = connection_id
        at += len(connection_id)
    buffer[at] = length >> 8
    buffer[at + 1] = length & 0xFF


class ReplayWindow:
    """Which of the last 64 numbers have come (RFC 6347 §4.1.2.6); noted once a record is genuine.

    Attributes:
        newest: the largest of them, -1 at first.
    """

    def __init__(self):
        self.newest = -1
        self._bits = bytearray(_WINDOW // 8)

    def is_new(self, number) -> bool:
        """Tell whether a record of that number may be taken: one that is too old may not."""
        if number > self.newest:
            return True
        if self.newest - number >= _WINDOW:
            return False
        return not self._bits[(number & 63) >> 3] & 1 << (number & 7)

    def add(self, number):
        """Note that a record has come."""
        bits = self._bits
        newest = self.newest
        if number > newest:
            for passed in range(max(newest + 1, number - _WINDOW + 1), number):
                bits[(passed & 63) >> 3] &= ~(1 << (passed & 7)) & 0xFF
            self.newest = number
        bits[(number & 63) >> 3] |= 1 << (number & 7)


class Receiver(ReplayWindow):
    """What a connection knows about records of epoch 1; they stay in the caller's buffer.

    Attributes:
        protection: RecordProtection, None before there are keys.
        plaintext_limit: bytes of content a record may have.
        forged_alert: of no use here: forged records are dropped.
    """

    forged_alert = 0
    plaintext_limit = _PLAINTEXT_LIMIT
    protection = None

    def __init__(self, _buffer_bytes):
        ReplayWindow.__init__(self)

    def use_tls12(self):
        """Do nothing: there is no other version."""

    def protect_with(self, protection):
        """Open records of epoch 1 from here on."""
        self.protection = protection

    def release(self):
        """Give up the key."""
        self.protection = None
