"""One record that does not fit the receive buffer: whether it is taken, and how it is opened.

LARGE_RECORDS.md is the policy, record_in_pieces.py how it goes through the buffer. Loaded when the
first such record comes.

In TLS 1.3 the content type is the last byte that is not zero (RFC 8446 §5.4). Certain to be content
is what such a byte follows: the last one so far may be the type (`_held`), and the zeros behind it
padding (`_zeros`, a number, so that they take no room).

Not here: what messages mean, the ciphers (crypto/pieces.py).
"""

import gc

from tlscore import staged_handshake
from tlscore.compat import const
from tlscore.crypto import pieces
from tlscore.errors import PeerMisbehaved
from tlscore.record_in_pieces import RecordInPieces, unexpected

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_CONTENT_ALERT = const(21)
_CONTENT_HANDSHAKE = const(22)
_CONTENT_APPLICATION_DATA = const(23)
_ALERT_BAD_RECORD_MAC = const(20)
_ALERT_RECORD_OVERFLOW = const(22)
_CONNECTED = const(12)

_HEADER_BYTES = const(5)
_FRAGMENT_BYTES = (512, 1024, 2048, 4096)  # of max_fragment_length
_RECEIVE_LIMIT = const(0x3FFFFFFF)  # record.py
_BUFFER_BYTES_MIN = const(160)


# Events of a connection, of data that were read before they were verified: all that were since
# `unverified` became True.
EVENT_VERIFIED = 8  # they are the peer's
EVENT_WITHDRAWN = 16  # they are no data


def begin(connection, receiver, length) -> int:
    """Let a record of which the header has come take over its receiver.

    Args:
        connection, receiver: whose record it is; the buffer begins with its header.
        length: of the record behind the header.

    Returns:
        How many bytes the first piece has.

    Raises:
        PeerMisbehaved: it is one to be refused.
    """
    size = _first_piece(connection, receiver, length)
    if not size:
        raise PeerMisbehaved("record.exceeds_buffer", _ALERT_RECORD_OVERFLOW)
    return size


def _first_piece(connection, receiver, length):
    buffer = receiver._buffer
    reader = connection._handshake
    if len(buffer) < _BUFFER_BYTES_MIN:
        return 0
    content_type = buffer[0]
    takes_data = connection._config.staged_data
    takes_data = takes_data and connection.state == _CONNECTED and not reader.partial()
    protection = receiver.protection
    is_13 = protection is not None and connection.version != _TLS_1_2
    if not is_13 and content_type != _CONTENT_HANDSHAKE:
        # The type is what the header says; of the others none but data can be so long.
        if content_type != _CONTENT_APPLICATION_DATA or not takes_data:
            return 0
    if protection is None:
        # RFC 8449 §4: "Unprotected messages are not subject to this limit". To that of RFC 6066 §4
        # they are.
        if receiver.plaintext_limit in _FRAGMENT_BYTES:
            return 0
        kind = ClearRecord
    else:
        kind = Record13 if is_13 else Record12
        if protection.sequence >= _RECEIVE_LIMIT:
            raise unexpected("record.key_not_updated")
        beside = protection.aead.tag_size + (0 if is_13 else protection.explicit_bytes)
        if not 0 <= length - beside <= receiver.plaintext_limit:
            return 0
    # What is made here stays while certificates are verified, which takes memory in large pieces:
    # where garbage is collected first it does not lie in the midst of what is free.
    gc.collect()
    if not is_13 and content_type == _CONTENT_APPLICATION_DATA:
        messages = None
    elif protection is None:
        messages = staged_handshake.ClearMessages(connection, reader)
    else:
        messages = staged_handshake.StagedMessages(connection, reader, takes_data)
    return kind(connection, receiver, messages, takes_data, buffer, length).take_over()


class ClearRecord(RecordInPieces):
    """A record in the clear; it has messages of the handshake."""

    def _open_piece(self, end):
        self._certain(None, 0, end)

    def _finish(self):
        return self._finish_messages()


class Record12(RecordInPieces):
    """A record of TLS 1.2 under a key."""

    def _begin(self):
        protection = self._receiver.protection
        self._tag_size = protection.aead.tag_size
        self._left -= self._tag_size + protection.explicit_bytes
        self._pieces = None
        self._wanted = protection.explicit_bytes
        if not self._wanted:
            self._begin_text()

    def _begin_text(self):
        protection = self._receiver.protection
        size = self._left
        at = _HEADER_BYTES + protection.explicit_bytes
        protection.begin_to_open(self._buffer, at + size + self._tag_size)
        self._pieces = pieces.begin(protection.aead, self._buffer, at, size)
        self._await_piece()

    def open(self):
        """Open the piece that has come, or take the nonce that comes before it."""
        if self._pieces is not None:
            return RecordInPieces.open(self)
        self._receiver.complete = False
        self._begin_text()
        return None

    def _open_piece(self, end):
        if not self._is_last:
            self._pieces.open_piece(self._buffer, _HEADER_BYTES, end)
        elif not self._pieces.open_last(self._buffer, _HEADER_BYTES, end):
            raise PeerMisbehaved("record.bad_record_mac", self._receiver.forged_alert)
        self._certain(None, 0, end)

    def _finish(self):
        return self._finish_data() if self._messages is None else self._finish_messages()


class Record13(RecordInPieces):
    """A record of TLS 1.3 under a key: the content type comes last (RFC 8446 §5.2, §5.4)."""

    def _begin(self):
        aead = self._receiver.protection.aead
        self._tag_size = aead.tag_size
        self._left -= self._tag_size
        self._held = None
        self._zeros = 0
        self._pieces = pieces.begin(aead, self._buffer, _HEADER_BYTES, self._left)
        self._await_piece()

    def _open_piece(self, end):
        if not self._is_last:
            self._pieces.open_piece(self._buffer, _HEADER_BYTES, end)
        elif not self._pieces.open_last(self._buffer, _HEADER_BYTES, end):
            # RFC 8446 §5.2: "If the decryption fails, the receiver MUST terminate the connection
            # with a "bad_record_mac" alert."
            raise PeerMisbehaved("record.bad_record_mac", _ALERT_BAD_RECORD_MAC)
        buffer = self._buffer
        last = end - 1
        while last >= _HEADER_BYTES and not buffer[last]:
            last -= 1
        if last < _HEADER_BYTES:
            self._zeros += end - _HEADER_BYTES
            return
        held, zeros = self._held, self._zeros
        self._held = buffer[last]
        self._zeros = end - last - 1
        self._certain(held, zeros, last)

    def _finish(self):
        receiver = self._receiver
        receiver.protection.sequence += 1
        receiver.expect_genuine()
        content_type = self._held
        if content_type is None:
            raise unexpected("record.no_content_type")
        if content_type == _CONTENT_HANDSHAKE:
            return self._finish_messages()
        self._messages.forget()
        if content_type == _CONTENT_APPLICATION_DATA:
            if self._takes_data and self._count:
                return self._finish_data()
            if self._count and self._connection.state == _CONNECTED:
                raise PeerMisbehaved("record.exceeds_buffer", _ALERT_RECORD_OVERFLOW)
        elif content_type != _CONTENT_ALERT:
            raise unexpected("record.unexpected_inner_type")
        elif not self._count:
            raise unexpected("record.empty")
        self._withdraw()
        self.leave()
        # What there is of it is enough to tell a good alert from a bad one.
        receiver.start = _HEADER_BYTES
        receiver.end = _HEADER_BYTES + len(self._first)
        self._buffer[receiver.start : receiver.end] = self._first
        return content_type
