"""How much a peer may make us work without giving anything: counters with their limits.

TLS allows empty records, KeyUpdates, tickets and warnings without end, so a peer could keep a
board busy for ever without ever sending data. The limits are policy; each carries its precedent.
"""

from tlscore.compat import const
from tlscore.errors import PeerMisbehaved

_ALERT_UNEXPECTED_MESSAGE = const(10)

EMPTY_RECORD = 0
KEY_UPDATE = 1
TICKET = 2
CHANGE_CIPHER_SPEC = 3
WARNING = 4

# (how many are accepted, reason of the refusal of one more)
_LIMITS = (
    (32, "record.too_many_empty"),  # BoringSSL's kMaxEmptyRecords
    (32, "key_update.too_many"),  # BoringSSL's kMaxKeyUpdates; rustls the same
    (32, "new_session_ticket.too_many"),  # for want of a precedent as many as KeyUpdates
    (2, "change_cipher_spec.too_many"),  # rustls' allowed_middlebox_ccs
    (4, "alert.too_many_warnings"),  # BoringSSL's kMaxWarningAlerts
)


class Patience:
    """The counters of one connection.

    Attributes:
        tried: something has been counted since they were renewed.
    """

    def __init__(self):
        self.tried = False
        self._spent = bytearray(len(_LIMITS))

    def spend(self, kind):
        """Count one of a kind.

        Raises:
            PeerMisbehaved: it was one too many; RFC 8446 names no alert for this, BoringSSL and
                rustls send unexpected_message.
        """
        limit, reason = _LIMITS[kind]
        if self._spent[kind] == limit:
            raise PeerMisbehaved(reason, _ALERT_UNEXPECTED_MESSAGE)
        self._spent[kind] += 1
        self.tried = True

    def renew(self):
        """Start counting again what is only limited in a row: application data has come."""
        self.tried = False
        spent = self._spent
        spent[EMPTY_RECORD] = spent[KEY_UPDATE] = spent[TICKET] = 0
