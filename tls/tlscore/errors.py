"""What can go wrong in a TLS connection, and which alert says so to the peer.

Every error carries a stable dotted `reason` ("server_hello.unoffered_suite"), which tests and
reports rely on, and the alert code of RFC 8446 §6. Messages never contain secrets.
"""


class TlsError(Exception):
    """Base of all errors of the core.

    Attributes:
        reason: dotted string, stable between versions.
        alert: alert code (RFC 8446 §6) sent or received, or None where no alert belongs.
    """

    def __init__(self, reason, alert=None):
        super().__init__(reason)
        self.reason = reason
        self.alert = alert


class PeerMisbehaved(TlsError):
    """The peer broke the protocol; `alert` is the one we owe it."""


def illegal(reason):
    """Return the offence of a field whose value must not be: illegal_parameter (RFC 8446 §6.2)."""
    return PeerMisbehaved(reason, 47)


class AlertReceived(TlsError):
    """The peer ended the connection with a fatal alert; `alert` is its code."""


class UsageError(TlsError):
    """The caller broke the contract of the interface; nothing was sent."""
