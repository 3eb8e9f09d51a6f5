"""Everything a connection can send, made into records: messages, alerts, data, new keys.

Application data never fills the send buffer so far that the record of a KeyUpdate and of an alert
do not fit behind it, so an alert can always be queued. A KeyUpdate that finds no room is owed and
made up for as soon as there is some.

Not here: when anything is sent (connection.py, client.py).
"""

from tlscore import messages
from tlscore.codepoints import (
    CONTENT_ALERT,
    CONTENT_APPLICATION_DATA,
    CONTENT_CHANGE_CIPHER_SPEC,
    CONTENT_HANDSHAKE,
    TLS_1_2,
    UPDATE_NOT_REQUESTED,
)
from tlscore.compat import const
from tlscore.record import RecordProtection, RecordSender
from tlscore.schedule import next_traffic_secret

_ALERT_RECORD_BYTES = const(24)
_KEY_UPDATE_RECORD_BYTES = const(27)


class Outbox(RecordSender):
    """A RecordSender that knows what to send.

    Args:
        buffer_bytes: size of the one buffer.

    Attributes:
        secret: traffic secret of the present key, or None.
    """

    def __init__(self, buffer_bytes):
        RecordSender.__init__(self, buffer_bytes)
        self.secret = None
        self._suite = None
        self._key_update_owed = None  # the KeyUpdateRequest to send when there is room

    def protect(self, suite, secret):
        """Send with the key of a traffic secret from now on."""
        self.secret = secret
        self._suite = suite
        self.protection = RecordProtection(suite, secret)

    def queue_handshake(self, writer, transcript, version=TLS_1_2):
        """End a handshake message: add it to the transcript, if there is one yet, and queue it."""
        if transcript is not None:
            transcript.update(self.content(writer))
        self.commit(CONTENT_HANDSHAKE, writer, version)

    def queue_change_cipher_spec(self):
        """Queue the record that makes middleboxes believe in TLS 1.2 (RFC 8446 §D.4)."""
        writer = self.writer()
        writer.u8(1)
        self.commit(CONTENT_CHANGE_CIPHER_SPEC, writer)

    def queue_alert(self, level, code):
        """Queue an alert (RFC 8446 §6); dropped if a flight of the handshake leaves no room."""
        if self.room() < 2:
            return
        writer = self.writer()
        writer.u8(level)
        writer.u8(code)
        self.commit(CONTENT_ALERT, writer)

    def queue_key_update(self, request):
        """Queue a KeyUpdate and change the key (RFC 8446 §4.6.3), or owe it for want of room."""
        if self.room() < 5 + _ALERT_RECORD_BYTES:
            # Asking the peer as well must not be forgotten by a second, lesser debt.
            self._key_update_owed = max(request, self._key_update_owed or UPDATE_NOT_REQUESTED)
            return
        self._key_update_owed = None
        writer = self.writer()
        messages.write_key_update(writer, request)
        self.commit(CONTENT_HANDSHAKE, writer)
        self.protect(self._suite, next_traffic_secret(self._suite.hash, self.secret))

    def sent(self, size):
        """Count the first `size` pending bytes as sent; pay what is owed."""
        RecordSender.sent(self, size)
        if self._key_update_owed is not None:
            self.queue_key_update(self._key_update_owed)

    def data_room(self) -> int:
        """Return how many bytes of application data `queue_data` would take."""
        if self._key_update_owed is not None:
            return 0
        return max(0, self.room() - _ALERT_RECORD_BYTES - _KEY_UPDATE_RECORD_BYTES)

    def queue_data(self, data) -> int:
        """Queue application data, one record at most; return how many bytes were taken."""
        # RFC 8446 §5.5: "Implementations SHOULD do a key update ... prior to reaching these
        # limits"; the last record of a key is the KeyUpdate itself.
        if self.protection.sequence >= self.protection.record_limit - 1:
            self.queue_key_update(UPDATE_NOT_REQUESTED)
        size = min(len(data), self.data_room())
        if size:
            writer = self.writer()
            writer.raw(memoryview(data)[:size])
            self.commit(CONTENT_APPLICATION_DATA, writer)
        return size

    def forget_keys(self):
        """Drop key and secret; what is queued can still be sent."""
        self.protection = None
        self.secret = None
        self._key_update_owed = None
