"""Ephemeral Diffie-Hellman over the named groups of RFC 8446 §4.2.7: one row per group.

A `KeyShare` is one key pair for one handshake. It checks what RFC 8446 demands of the peer's
share and forgets its private key when asked to. The arithmetic is in crypto/, loaded for the groups
that are used; a group whose module an image leaves out is not offered.
"""

from tlscore.compat import const
from tlscore.crypto import installed, load
from tlscore.errors import UsageError, illegal

_X25519 = const(0x001D)

# Group; bytes of a share; bytes of a private key; module of crypto/; its function from private key
# and share to the secret; the one that tells a valid private key, None where every string is one
# (RFC 7748 §5). Preferred first.
_GROUPS = (
    (0x001D, 32, 32, "x25519", "x25519", None),
    (0x0017, 65, 32, "p256", "shared_secret", "valid_private"),
    (0x0018, 97, 48, "p384", "shared_secret", "valid_private"),
)
_CODE = const(0)
_SHARE_BYTES = const(1)
_PRIVATE_BYTES = const(2)
_MODULE = const(3)
_SHARED_SECRET = const(4)
_VALID_PRIVATE = const(5)
# A random string is a valid P-256 scalar with a probability of 1 - 2^-32, a P-384 one with a
# greater: a source that fails eight times in a row is broken.
_ATTEMPTS = const(8)


def find(code):
    """Return the row of a group, or None if it is unknown or the image lacks it."""
    for row in _GROUPS:
        if row[_CODE] == code and installed(row[_MODULE]):
            return row
    return None


def codes() -> tuple:
    """Return the groups this image has, the preferred first."""
    return tuple([row[_CODE] for row in _GROUPS if installed(row[_MODULE])])


def share_bytes(code) -> int:
    """Return the size of a share of a group."""
    return find(code)[_SHARE_BYTES]


class KeyShare:
    """An ephemeral key pair.

    Args:
        code: named group, one of `codes`.
        entropy: source of the private key, see entropy.py.
    """

    def __init__(self, code, entropy):
        self._row = row = find(code)
        self.group = code
        self._private = bytearray(row[_PRIVATE_BYTES])
        for _ in range(_ATTEMPTS):
            entropy.fill(self._private)
            if row[_VALID_PRIVATE] is None or self._load(_VALID_PRIVATE)(self._private):
                return
        raise UsageError("entropy.no_valid_private_key")

    def _load(self, column):
        return load(self._row[_MODULE], self._row[column])

    def public_key(self) -> bytes:
        """Return the share to send, in the encoding of RFC 8446 §4.2.8.2."""
        return load(self._row[_MODULE], "public_key")(self._private)

    def shared_secret(self, share) -> bytes:
        """Return the secret shared with the owner of the peer's share.

        Raises:
            PeerMisbehaved: the share has the wrong size, is no point of the curve, or leads to
                the all-zero secret (RFC 8446 §4.2.8.2, §7.4.2).
        """
        if len(share) != self._row[_SHARE_BYTES]:
            raise illegal("key_share.bad_length")
        try:
            secret = self._load(_SHARED_SECRET)(self._private, share)
        except ValueError:
            raise illegal("key_share.invalid")
        # RFC 8446 §7.4.2: for X25519 "implementations MUST check whether the computed
        # Diffie-Hellman shared secret is the all-zero value and abort if so".
        if self.group == _X25519 and secret == bytes(len(secret)):
            raise illegal("key_share.invalid")
        return secret

    def forget(self):
        """Overwrite the private key."""
        for index in range(len(self._private)):
            self._private[index] = 0
