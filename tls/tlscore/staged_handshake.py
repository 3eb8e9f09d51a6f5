"""Messages of the handshake out of a record that comes in pieces; what must wait for its tag.

LARGE_RECORDS.md is the policy. The classes stand in the place of a connection's HandshakeReader
and between it and the connection: the reader asks them what it would ask the connection.

`StagedMessages` works at messages as they come, but whatever that changes in the connection and can
be seen is put aside before the application can look, and messages that more than the state of the
handshake depends on are kept until `commit`. `ClearMessages` is for records that nobody vouches
for, so that nothing has to wait.
"""

from tlscore import states
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, TlsError
from tlscore.handshake import HandshakeReader

# See codepoints.py: copies that cost nothing on a board.
_ALERT_UNEXPECTED_MESSAGE = const(10)
_CONNECTED = const(12)

# What a connection shows of a handshake before its end.
_SHOWN = ("state", "alpn", "signature_scheme", "signatures_verified", "client_key")
# A KeyUpdate has five bytes; whatever else comes in a record of data streams by or is none.
_SMALL_READER_BYTES = const(16)


def _misaligned():
    return PeerMisbehaved("handshake.not_at_record_end", _ALERT_UNEXPECTED_MESSAGE)


class StagedMessages:
    """The messages of a record under a key.

    Args:
        connection: whose they are.
        reader: its HandshakeReader.
        beside_data: the record may have data, and mostly has: the reader stays unused.

    Attributes:
        replaced: that reader.
        goes_on: of the record more is to come than what is pushed.
    """

    goes_on = True

    def __init__(self, connection, reader, beside_data):
        self._connection = connection
        self.replaced = reader
        self._reader = HandshakeReader(_SMALL_READER_BYTES) if beside_data else reader
        self._was_partial = self._reader.partial()
        self._aside = [getattr(connection, name, None) for name in _SHOWN]
        self._error = None
        self._waiting = []  # rows and their messages
        self._must_end = False  # the last of them has to end its record

    def __getattr__(self, name):
        """Return what a reader asks the connection for and need not wait."""
        return getattr(self._connection, name)

    def push(self, _connection, content):
        """Read the next bytes of the record, if nothing was wrong before."""
        if self._error is not None:
            return
        self._exchange()
        try:
            if self._must_end:
                raise _misaligned()
            self._reader.push(self, content)
        except TlsError as error:
            self._error = error
        self._exchange()

    def deliver(self, row, message):
        """Let a message be worked at, or wait."""
        if not row[states.ALIGNED] and self._connection.state != _CONNECTED:
            self._connection.deliver(row, message)
            return
        self._must_end = row[states.ALIGNED]
        self._waiting.append((row, bytes(message) if row[states.OPENER] is None else message))

    def commit(self):
        """Act upon everything: the record is the peer's, and has messages.

        Raises:
            PeerMisbehaved: what was wrong with one of them.
        """
        self._exchange()
        if self._error is not None:
            raise self._error
        for row, message in self._waiting:
            self._connection.deliver(row, message)
        if self._reader.partial():
            self._connection._handshake = self._reader

    def forget(self):
        """Learn that the record has no messages.

        Raises:
            PeerMisbehaved: one had begun before it.
        """
        # RFC 8446 §5.1: "there MUST NOT be any other records between them".
        if self._was_partial:
            raise PeerMisbehaved("record.inside_handshake_message", _ALERT_UNEXPECTED_MESSAGE)
        self._reader.filled = 0
        self._reader._row = self._reader.stream = None

    def _exchange(self):
        """Exchange what the connection shows with what is put aside."""
        connection = self._connection
        for i, name in enumerate(_SHOWN):
            if hasattr(connection, name):
                value = getattr(connection, name)
                setattr(connection, name, self._aside[i])
                self._aside[i] = value


class ClearMessages:
    """The messages of a record in the clear; attributes as above."""

    goes_on = True

    def __init__(self, connection, reader):
        self._connection = connection
        self.replaced = reader

    def __getattr__(self, name):
        """Return what a reader asks the connection for."""
        return getattr(self._connection, name)

    def push(self, _connection, content):
        """Read the next bytes of the record."""
        self.replaced.push(self, content)

    def deliver(self, row, message):
        """Let a message be worked at; it ends a piece, which need not be the end of the record."""
        if row[states.ALIGNED] and self.goes_on and not self._connection.check_misaligned(message):
            raise _misaligned()
        self._connection.deliver(row, message)

    def commit(self):
        """Learn that the record has ended."""
