"""Connection ids that change within a connection (RFC 9147 §9), beside the extension in the hellos.

NewConnectionId tells the peer what its records are to say from now on; what they said before is
still taken, since records may be late. RequestConnectionId asks for spare ids: here nobody has any,
and answers with none, as §9 allows.
"""

from tlscore.codepoints import ALERT_UNEXPECTED_MESSAGE
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, UsageError, illegal
from tlscore.messages import HEADER_BYTES
from tlscore.wire import Reader

_REQUEST_CONNECTION_ID = const(9)
_NEW_CONNECTION_ID = const(10)
_IMMEDIATE = const(0)
_SPARE = const(1)
_CONNECTED = const(12)
_ALERT_TOO_MANY_CIDS_REQUESTED = const(52)
# How many of these messages are accepted; as many as of KeyUpdates, in patience.py.
_MESSAGES_MAX = const(32)

# Rows as in ../states.py.
ROWS = (
    (_CONNECTED, _REQUEST_CONNECTION_ID, False, None, "_on_request_connection_id", (_CONNECTED,)),
    (_CONNECTED, _NEW_CONNECTION_ID, False, None, "_on_new_connection_id", (_CONNECTED,)),
)


class ConnectionIds:
    """The part of a connection that knows what its records say, in both directions."""

    _receive_id = b""
    _former_id = None
    _messages_of_ids = 0

    def _use_ids(self, theirs, ours):
        """Agree on connection ids: what our records say, and the peer's."""
        self._outbox.connection_id = theirs
        self._receive_id = ours

    def _is_ours(self, said):
        """Tell whether a record says what it should (§9); `said` is None where it has no id."""
        if said is None:
            return not self._receive_id
        return len(said) > 0 and said in (self._receive_id, self._former_id)

    def renew_connection_id(self):
        """Have the peer say another connection id, so that nobody can tell that it is the same.

        The first octet stays: a listener has its slot there.

        Raises:
            UsageError: not connected, or "connection.no_connection_id": the peer's records say none
                that could be changed.
        """
        self._require_connected()
        own = bytearray(len(self._receive_id))
        if len(own) < 2:
            raise UsageError("connection.no_connection_id")
        self._config.entropy.fill(own)
        own[0] = self._receive_id[0]
        self._queue_new_connection_id((bytes(own),), _IMMEDIATE)
        self._former_id, self._receive_id = self._receive_id, bytes(own)

    def _queue_new_connection_id(self, ids, usage):
        writer = self._outbox.writer()
        writer.u8(_NEW_CONNECTION_ID)
        message = writer.open(3)
        mark = writer.open(2)
        for one in ids:
            writer.vector8(one)
        writer.close(mark, 2)
        writer.u8(usage)
        writer.close(message, 3)
        self._outbox.queue_handshake(writer, None)
        self._look_after_flight()

    def _on_request_connection_id(self, message):
        reader = Reader(message[HEADER_BYTES:], "request_connection_id")
        reader.u8()
        reader.finish()
        self._count("request_connection_id")
        self._queue_new_connection_id((), _SPARE)
        return _CONNECTED

    def _on_new_connection_id(self, message):
        reader = Reader(message[HEADER_BYTES:], "new_connection_id")
        ids = reader.vector16()
        usage = reader.u8()
        reader.finish()
        said = []
        while ids.remaining():
            said.append(bytes(ids.vector8().rest()))
        self._count("new_connection_id")
        if usage not in (_IMMEDIATE, _SPARE) or (usage == _IMMEDIATE and not said):
            raise illegal("new_connection_id.usage")
        # "If usage is set to "cid_immediate", then one of the new CIDs MUST be used immediately".
        if usage == _IMMEDIATE:
            self._outbox.change_id(said[0])
        return _CONNECTED

    def _count(self, subject):
        """Refuse the message without ids that were agreed on, or after too many of them."""
        # "it MUST abort the connection with an "unexpected_message" alert."
        if not self._outbox.connection_id and not self._receive_id:
            raise PeerMisbehaved(subject + ".not_negotiated", ALERT_UNEXPECTED_MESSAGE)
        self._messages_of_ids += 1
        if self._messages_of_ids > _MESSAGES_MAX:
            raise PeerMisbehaved(subject + ".too_many", _ALERT_TOO_MANY_CIDS_REQUESTED)
