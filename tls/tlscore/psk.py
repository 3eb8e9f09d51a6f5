"""What pre-shared keys are to both roles: the binder, and what a key must be (RFC 8446 §4.2.11).

A key is established outside TLS or by a ticket of an earlier connection; the two are told apart by
the label of their binder, so that neither passes for the other (§7.1).

RFC 9257 on external keys: the identity travels in the clear, so it should not be a name that
matters; a key is for one hash, and for two parties with fixed roles (§4.1: a node that is client
and server with the same key can be made to talk to itself); with PSK_KE there is no forward
secrecy (§6), which is why nobody offers it by default.

Not here: the client's offer (psk_offer.py), the server's choice (server_psk.py).
"""

from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.schedule import finished_verify_data, hash_of_nothing

# Labels of binder keys (RFC 8446 §7.1)
EXTERNAL = b"ext binder"
RESUMPTION = b"res binder"

# RFC 9257 §6: a key "MUST be at least 128 bits long".
_KEY_BYTES_MIN = const(16)
_DIGEST_SIZES = (32, 48)


def binder(schedule, label, transcript_hash) -> bytes:
    """Return the PskBinderEntry of a key (RFC 8446 §4.2.11.2).

    Args:
        schedule: KeySchedule that has begun with the key, by the key's hash.
        label: EXTERNAL or RESUMPTION.
        transcript_hash: of the handshake up to the ClientHello without its list of binders.
    """
    (binder_key,) = schedule.derive(hash_of_nothing(schedule.hash), label)
    return finished_verify_data(schedule.hash, binder_key, transcript_hash)


def check_key(key, digest_bytes):
    """Check an external key and the size of its hash.

    Raises:
        UsageError: "config.psk_key", "config.psk_hash".
    """
    require(isinstance(key, bytes) and len(key) >= _KEY_BYTES_MIN, "config.psk_key")
    require(digest_bytes in _DIGEST_SIZES, "config.psk_hash")
