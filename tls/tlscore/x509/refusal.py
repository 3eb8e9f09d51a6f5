"""Why a certificate is refused, and the alert each reason owes the peer.

Reasons are part of the interface: tests, reports and users rely on them. Most offences are
`bad_certificate`; the table names the others, each with the RFC 8446 §6.2 sentence behind it.
"""

from tlscore.codepoints import ALERT_BAD_CERTIFICATE
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved

# Numbers, because only those fold into a constant tuple: 43 unsupported_certificate,
# 45 certificate_expired, 46 certificate_unknown, 48 unknown_ca, 50 decode_error (RFC 8446 §6).
_ALERTS = const(
    (
        # "A certificate has expired or is not currently valid."
        ("expired", 45),
        ("not_yet_valid", 45),
        # "... the CA certificate could not be located or could not be matched with a known trust
        # anchor."
        ("unknown_ca", 48),
        # "Some other (unspecified) issue arose in processing the certificate, rendering it
        # unacceptable."
        ("not_pinned", 46),
        # "A certificate was of an unsupported type": what the core does not know it says with
        # this alert, and also a key whose declared purpose is another one.
        ("extended_key_usage", 43),
        ("key_usage", 43),
        ("unknown_critical_extension", 43),
        ("unsupported_key", 43),
        ("unsupported_name_constraints", 43),
        ("unsupported_signature_algorithm", 43),
        ("version", 43),
        # RFC 8446 §4.4.2.4: "If the server supplies an empty Certificate message, the client
        # MUST abort the handshake with a "decode_error" alert."
        ("empty_chain", 50),
    )
)


def refuse(reason) -> None:
    """Raise PeerMisbehaved("certificate." + reason) with the alert that reason owes."""
    alert = ALERT_BAD_CERTIFICATE
    for row in _ALERTS:
        if row[0] == reason:
            alert = row[1]
    raise PeerMisbehaved("certificate." + reason, alert)
