"""The credential store of secure_sock: what a device proves itself with and whom it trusts.

A value is found by its tag, a name or number of the application's for one purpose ("cloud"), and
its kind. A sock is created for a tag and uses whatever kinds there are under it.

    PSK           (identity, key), or a tlscore.credentials.CredentialStore with any number of them
    CERTIFICATE   (chain, private key): DER, the leaf first; the key as the stack takes it, those of
                  tlscore a tuple (kind, bytes) as crypto/signature.py describes it
    RAW_KEY       (SubjectPublicKeyInfo, private key): a raw public key (RFC 7250)
    ROOTS         certificates (DER) or rows of trust.TrustAnchors, or a whole trust store
    PINS          SHA-256 digests of the raw public keys that peers may show

Not here: where a device keeps them when it is off.
"""

from tlscore.config_checks import require
from tlscore.credentials import CredentialStore

PSK = 1
CERTIFICATE = 2
RAW_KEY = 3
ROOTS = 4
PINS = 5
_KINDS = (PSK, CERTIFICATE, RAW_KEY, ROOTS, PINS)


class Credentials:
    """Values by (tag, kind).

    Args:
        entries_max: how many there may be.
    """

    def __init__(self, entries_max=16):
        self._entries_max = entries_max
        self._rows = []

    def add(self, tag, kind, value):
        """Keep a value; one that (tag, kind) had before is withdrawn.

        Sessions that have begun go on with what they began with.

        Raises:
            UsageError: "credentials.kind", "credentials.full", or as CredentialStore.add says of a
                key that is too short or an identity that is none.
        """
        require(kind in _KINDS, "credentials.kind")
        if kind == PSK and not hasattr(value, "key_of"):
            keys = CredentialStore(1)
            keys.add(*value)
            value = keys
        rest = [row for row in self._rows if row[0] != tag or row[1] != kind]
        require(len(rest) < self._entries_max, "credentials.full")
        rest.append((tag, kind, value))
        self._rows = rest

    def remove(self, tag, kind) -> bool:
        """Withdraw a value; return whether there was one."""
        rest = [row for row in self._rows if row[0] != tag or row[1] != kind]
        found = len(rest) < len(self._rows)
        self._rows = rest
        return found

    def find(self, tag, kind):
        """Return the value of (tag, kind), or None."""
        for row in self._rows:
            if row[0] == tag and row[1] == kind:
                return row[2]
        return None
