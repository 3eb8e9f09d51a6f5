"""Ephemeral Diffie-Hellman over the named groups of RFC 8446 §4.2.7: one row per group.

A `KeyShare` is one key pair for one handshake. It checks what RFC 8446 demands of the peer's
share and forgets its private key when asked to. The arithmetic is in crypto/.
"""

from tlscore.codepoints import ALERT_ILLEGAL_PARAMETER, SECP256R1
from tlscore.codepoints import X25519 as GROUP_X25519
from tlscore.crypto import p256
from tlscore.crypto.x25519 import public_key as x25519_public_key
from tlscore.crypto.x25519 import x25519
from tlscore.errors import PeerMisbehaved, UsageError


def _any_private(_private):
    return True  # RFC 7748 §5: every string of 32 bytes is a scalar


def _x25519_shared(private, share):
    shared = x25519(private, share)
    # RFC 8446 §7.4.2: "implementations MUST check whether the computed Diffie-Hellman shared
    # secret is the all-zero value and abort if so".
    if shared == bytes(32):
        raise ValueError("x25519.all_zero")
    return shared


# (group, size of a share in bytes, public key of a private one, shared secret, private key valid)
GROUPS = (
    (GROUP_X25519, 32, x25519_public_key, _x25519_shared, _any_private),
    (SECP256R1, 65, p256.public_key, p256.shared_secret, p256.valid_private),
)
_CODE = 0
_SHARE_BYTES = 1
_PUBLIC_KEY = 2
_SHARED_SECRET = 3
_VALID_PRIVATE = 4
_PRIVATE_BYTES = 32
# A random string is a valid P-256 scalar with a probability of 1 - 2^-32: a source that fails
# eight times in a row is broken.
_ATTEMPTS = 8


def find(code):
    """Return the row of a group, or None."""
    for row in GROUPS:
        if row[_CODE] == code:
            return row
    return None


def share_bytes(code) -> int:
    """Return the size of a share of a group."""
    return find(code)[_SHARE_BYTES]


class KeyShare:
    """An ephemeral key pair.

    Args:
        code: named group, one of GROUPS.
        entropy: source of the private key, see entropy.py.
    """

    def __init__(self, code, entropy):
        self._row = find(code)
        self.group = code
        self._private = bytearray(_PRIVATE_BYTES)
        for _ in range(_ATTEMPTS):
            entropy.fill(self._private)
            if self._row[_VALID_PRIVATE](self._private):
                return
        raise UsageError("entropy.no_valid_private_key")

    def public_key(self) -> bytes:
        """Return the share to send, in the encoding of RFC 8446 §4.2.8.2."""
        return self._row[_PUBLIC_KEY](self._private)

    def shared_secret(self, share) -> bytes:
        """Return the secret shared with the owner of the peer's share.

        Raises:
            PeerMisbehaved: the share has the wrong size, is no point of the curve, or leads to
                the all-zero secret (RFC 8446 §4.2.8.2, §7.4.2).
        """
        if len(share) != self._row[_SHARE_BYTES]:
            raise PeerMisbehaved("key_share.bad_length", ALERT_ILLEGAL_PARAMETER)
        try:
            return self._row[_SHARED_SECRET](self._private, share)
        except ValueError:
            raise PeerMisbehaved("key_share.invalid", ALERT_ILLEGAL_PARAMETER)

    def forget(self):
        """Overwrite the private key."""
        for index in range(_PRIVATE_BYTES):
            self._private[index] = 0
