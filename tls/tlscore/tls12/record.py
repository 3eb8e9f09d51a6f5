"""The record layer of TLS 1.2 with authenticated ciphers (RFC 5246 §6.2), beside that of TLS 1.3.

The classes are those of ../record.py and ../outbox.py, which they are until `tls12` is set on them:
a connection does not know its version before the ServerHello. What differs in TLS 1.2: the header
tells the true content type, keys change with change_cipher_spec and never again, part of the nonce
may travel in the record, and a record cannot be padded.
"""

from tlscore import outbox, record
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, TlsError, UsageError

# See codepoints.py: copies that cost nothing on a board.
_CONTENT_CHANGE_CIPHER_SPEC = const(20)
_CONTENT_APPLICATION_DATA = const(23)
_ALERT_UNEXPECTED_MESSAGE = const(10)
_ALERT_BAD_RECORD_MAC = const(20)
_ALERT_RECORD_OVERFLOW = const(22)
_ALERT_PROTOCOL_VERSION = const(70)
_ALERT_INTERNAL_ERROR = const(80)

_HEADER_BYTES = const(5)
_EXPLICIT_BYTES = const(8)
_NONCE_BYTES = const(12)
_SALT_BYTES = const(4)
_AAD_BYTES = const(13)
# What a protected record adds to its content at most: header, part of the nonce, tag.
RECORD_OVERHEAD_BYTES = 29
# An alert's record is so much longer than outbox.py reckons with.
_ALERT_GROWTH_BYTES = const(7)
_PLAINTEXT_LIMIT = const(16384)  # RFC 5246 §6.2.1: 2^14
_CIPHERTEXT_LIMIT = const(16384 + 2048)  # RFC 5246 §6.2.3
# See ../record.py. RFC 5246 §6.1: sequence numbers "do not wrap".
_RECEIVE_LIMIT = const(0x3FFFFFFF)


class RecordProtection:
    """One key of one direction (RFC 5246 §6.2.3.3, RFC 5288, RFC 6655, RFC 7905).

    Args:
        suite: suites.CipherSuite.
        key, salt: of the key block.

    Attributes:
        explicit_bytes: size of the part of the nonce that is in the record.
        sequence: number of the next record.
        record_limit: records to protect at most.
    """

    def __init__(self, suite, key, salt):
        self.aead = aead = suite.new_aead(key)
        aead.set_aad_size(_AAD_BYTES)
        self.explicit_bytes = _NONCE_BYTES - len(salt)
        self._salt = salt
        self._context = context = aead.context
        self._nonce_at = at = aead.nonce_at
        context[at : at + len(salt)] = salt
        self._aad_at = at = aead.aad_at
        # seq_num, type, version, length of the plaintext
        context[at : at + _AAD_BYTES] = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00"
        self.sequence = 0
        self.record_limit = suite.record_limit

    def _begin(self, content_type, size):
        """Fill in the additional data and, as far as it follows from it, the nonce."""
        context = self._context
        number = self.sequence
        self.sequence = number + 1
        # RFC 7905 §2: the number is added to the secret nonce bit by bit; otherwise it is the part
        # in the record, which "MAY be" that (RFC 5288 §3).
        salt = None if self.explicit_bytes else self._salt
        at = self._aad_at + 7
        nonce_at = self._nonce_at
        for place in (11, 10, 9, 8):
            octet = number & 0xFF
            context[at] = octet
            context[nonce_at + place] = octet if salt is None else octet ^ salt[place]
            if octet:
                break  # those before it have not changed
            at -= 1
            number >>= 8
        at = self._aad_at
        context[at + 8] = content_type
        context[at + 11] = size >> 8
        context[at + 12] = size & 0xFF

    def begin_to_seal(self, buffer, start, size) -> int:
        """Have the AEAD use what belongs to a record of `size` bytes of content.

        Args:
            start: of the header, whose first byte is the content type.

        Returns:
            Where the content goes, behind header and the nonce's part.
        """
        self._begin(buffer[start], size)
        at = start + _HEADER_BYTES
        if self.explicit_bytes:
            nonce_at = self._nonce_at + _SALT_BYTES
            buffer[at : at + _EXPLICIT_BYTES] = self._context[nonce_at : nonce_at + _EXPLICIT_BYTES]
            at += _EXPLICIT_BYTES
        return at

    def begin_to_open(self, buffer, end) -> int:
        """Have the AEAD use what the record at 0 says; return where its text begins.

        Args:
            end: of the record. The content ends before its tag.

        Returns:
            -1 if it is too short to be one.
        """
        at = _HEADER_BYTES + self.explicit_bytes
        size = end - at - self.aead.tag_size
        if size < 0:
            return -1
        self._begin(buffer[0], size)
        if self.explicit_bytes:
            nonce_at = self._nonce_at + _SALT_BYTES
            self._context[nonce_at : nonce_at + _EXPLICIT_BYTES] = buffer[_HEADER_BYTES:at]
        return at


def _unexpected(reason):
    return PeerMisbehaved(reason, _ALERT_UNEXPECTED_MESSAGE)


class RecordReceiver(record.RecordReceiver):
    """A receiver of records of either version.

    Attributes:
        tls12: the connection is one of TLS 1.2; set before its keys are.
        protection: RecordProtection of this module then.
        forged_alert: what is sent for a record that does not authenticate.
    """

    tls12 = False
    forged_alert = _ALERT_BAD_RECORD_MAC

    def _body_bytes(self):
        if not self.tls12:
            return record.RecordReceiver._body_bytes(self)
        buffer = self._buffer
        content_type = buffer[0]
        length = buffer[3] << 8 | buffer[4]
        if content_type < _CONTENT_CHANGE_CIPHER_SPEC or content_type > _CONTENT_APPLICATION_DATA:
            raise _unexpected("record.unknown_type")
        # RFC 5246 §6.2.1: "The version of the protocol being employed", known by now.
        if buffer[1] != 3 or buffer[2] != 3:
            raise PeerMisbehaved("record.version", _ALERT_PROTOCOL_VERSION)
        if self.protection is None and content_type == _CONTENT_APPLICATION_DATA:
            raise _unexpected("record.protected_before_keys")
        limit = _PLAINTEXT_LIMIT if self.protection is None else _CIPHERTEXT_LIMIT
        if length > limit:
            raise PeerMisbehaved("record.overflow", _ALERT_RECORD_OVERFLOW)
        if _HEADER_BYTES + length > len(buffer):
            return self._begin_large(length)
        return length

    def open(self):
        """Decrypt the complete record in place and return its content type."""
        if not self.tls12:
            return record.RecordReceiver.open(self)
        self.complete = False
        content_type = self._buffer[0]
        start, end = _HEADER_BYTES, self._filled
        protection = self.protection
        if protection is not None:
            if protection.sequence >= _RECEIVE_LIMIT:
                raise _unexpected("record.key_not_updated")
            start = protection.begin_to_open(self._buffer, end)
            if start < 0 or not protection.aead.open_record(self._buffer, start, end):
                raise PeerMisbehaved("record.bad_record_mac", self.forged_alert)
            end -= protection.aead.tag_size
        # RFC 8449 §4: "a record larger than its advertised limit MUST generate a fatal
        # "record_overflow" alert"; RFC 5246 §6.2.1 of any plaintext.
        if end - start > self.plaintext_limit:
            raise PeerMisbehaved("record.plaintext_overflow", _ALERT_RECORD_OVERFLOW)
        # RFC 5246 §6.2.1: "Implementations MUST NOT send zero-length fragments of Handshake,
        # Alert, or ChangeCipherSpec content types."
        if start == end and content_type != _CONTENT_APPLICATION_DATA:
            raise _unexpected("record.empty")
        self.start = start
        self.end = end
        return content_type

    def use_tls12(self):
        """Take records of TLS 1.2 from here on."""
        self.tls12 = True
        self.quick = False
        self.plaintext_limit = _PLAINTEXT_LIMIT


class Outbox(outbox.Outbox):
    """An outbox for records of either version.

    Attributes:
        tls12: the connection is one of TLS 1.2; set before anything but a ClientHello is sent.
    """

    overhead_bytes = RECORD_OVERHEAD_BYTES + _ALERT_GROWTH_BYTES
    _beside_data = outbox.Outbox._beside_data + overhead_bytes - outbox.Outbox.overhead_bytes
    tls12 = False

    def use_tls12(self):
        """Send records of TLS 1.2 from here on; they cannot be padded."""
        self.tls12 = True
        self.padding_bytes = 0

    def protect_with(self, protection):
        """Send with a RecordProtection of this module from now on."""
        self.protection = protection
        self._gap = _HEADER_BYTES + protection.explicit_bytes

    def commit(self, content_type, writer, version=0x0303, padding=0):
        """End the record begun with `writer`, or as many as its content needs, and queue it."""
        if not self.tls12:
            outbox.Outbox.commit(self, content_type, writer, version, padding)
            return
        protection = self.protection
        gap, overhead = 0, _HEADER_BYTES
        if protection is not None:
            gap = protection.explicit_bytes
            overhead += gap + protection.aead.tag_size
        start = self._end + _HEADER_BYTES
        size = writer.position - start
        limit = self.content_limit
        pieces = max(1, (size + limit - 1) // limit)
        if self._end + size + pieces * overhead > len(self._buffer):
            raise TlsError("send_buffer.too_small", _ALERT_INTERNAL_ERROR)
        # The last one first: each piece moves to where its own record has it.
        for piece in range(pieces - 1, -1, -1):
            at = start + piece * limit
            length = min(limit, start + size - at)
            to = at + gap + piece * overhead
            if to != at:
                self._view[to : to + length] = self._view[at : at + length]
        for piece in range(pieces):
            self._seal(content_type, min(limit, size - piece * limit), overhead)

    def _seal(self, content_type, size, overhead):
        phase = self.phase
        before = None if phase is None else phase("record")
        self._put_header(content_type, 0x0303, size + overhead - _HEADER_BYTES)
        if self.protection is not None:
            at = self.protection.begin_to_seal(self._buffer, self._end, size)
            self.protection.aead.seal_record(self._buffer, at, at + size)
        self._end += size + overhead
        if phase is not None:
            phase(before)

    def queue_data(self, data) -> int:
        """Queue application data, one record at most; return how many bytes were taken.

        Raises:
            UsageError: the key has protected as much as it may; TLS 1.2 has no other.
        """
        # The last record is for close_notify.
        if self.tls12 and self.protection.sequence >= self.protection.record_limit - 1:
            raise UsageError("connection.key_exhausted")
        return outbox.Outbox.queue_data(self, data)

    def _put_data(self, size):
        if not self.tls12:
            outbox.Outbox._put_data(self, size)
            return
        overhead = _HEADER_BYTES + self.protection.explicit_bytes + self.protection.aead.tag_size
        self._seal(_CONTENT_APPLICATION_DATA, size, overhead)
