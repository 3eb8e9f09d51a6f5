"""A store of pre-shared keys: several peers, several keys, for clients and servers (RFC 4279 §5).

`CredentialStore` holds what a device was given: identities with their keys, and for a client whom
each is for. A server's configuration takes its `key_of` as `psk`, a client's takes `keys_for(name)`
as `psks`. Keys can be added and withdrawn at any time; connections made later heed it, sessions
that a withdrawn key has begun are over (server_psk.py).

What an identity is: RFC 4279 §5.1 has it UTF-8, RFC 8446 any bytes; §5.3 there must be room for 128
octets of it and keys of 64. A look-up compares with every identity that is kept, whether or not one
has been found before, so that its time says nothing of which.

Not here: where a device keeps its keys when it is off. `to_bytes` and `from_bytes` are for that.
"""

from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.crypto.hmac import equal
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.psk import check_key
from tlscore.wire import Reader

# The first byte of a stored store; another form gets another one.
_VERSION = const(1)
_LENGTH_MAX = const(0xFFFF)
_SHA256_BYTES = const(32)

_IDENTITY = const(0)
_KEY = const(1)
_DIGEST_BYTES = const(2)
_PEER = const(3)


class CredentialStore:
    """Pre-shared keys by identity.

    Args:
        entries_max: how many there may be; each takes about 150 bytes of RAM.
    """

    def __init__(self, entries_max=32):
        self._entries_max = entries_max
        self._rows = []

    def __len__(self):
        return len(self._rows)

    def add(self, identity, key, peer=None, digest_bytes=_SHA256_BYTES):
        """Keep a key; one that the identity had before is withdrawn.

        Args:
            identity: bytes, what the key is called on the wire.
            key: bytes, 16 at least.
            peer: str, server name the key is for, as `server_name` of a client's configuration;
                None: for any.
            digest_bytes: 32 or 48, of the hash it goes with in TLS 1.3.

        Raises:
            UsageError: "config.psk_identity", "config.psk_key", "config.psk_hash",
                "credentials.full".
        """
        good = isinstance(identity, bytes) and 0 < len(identity) <= _LENGTH_MAX
        require(good, "config.psk_identity")
        check_key(key, digest_bytes)
        rest = [row for row in self._rows if row[_IDENTITY] != identity]
        require(len(rest) < self._entries_max, "credentials.full")
        rest.append((identity, key, digest_bytes, peer))
        self._rows = rest

    def remove(self, identity) -> bool:
        """Withdraw a key; return whether there was one."""
        rest = [row for row in self._rows if row[_IDENTITY] != identity]
        found = len(rest) < len(self._rows)
        self._rows = rest
        return found

    def identities(self) -> list:
        """Return the identities there are, in the order in which they were added."""
        return [row[_IDENTITY] for row in self._rows]

    def key_of(self, identity):
        """Return (key, digest size) of an identity, or None: what a server's `psk` is to be."""
        found = None
        for row in self._rows:
            if equal(row[_IDENTITY], identity):
                found = row
        return None if found is None else (found[_KEY], found[_DIGEST_BYTES])

    def keys_for(self, peer) -> tuple:
        """Return the keys for a server, those for it alone first: what a client's `psks` are to be.

        Args:
            peer: str, as `server_name` of the configuration; None for a server without a name.
        """
        ours = [row for row in self._rows if row[_PEER] is not None and row[_PEER] == peer]
        ours += [row for row in self._rows if row[_PEER] is None]
        return tuple([row[:_PEER] for row in ours])

    def to_bytes(self) -> bytes:
        """Return everything as bytes, for `from_bytes`; keep them like the keys they are."""
        parts = [bytes((_VERSION, len(self._rows) >> 8, len(self._rows) & 0xFF))]
        for identity, key, digest_bytes, peer in self._rows:
            name = (peer or "").encode()
            for field in (identity, key, name):
                parts.append(len(field).to_bytes(2, "big"))
                parts.append(field)
            parts.append(bytes((digest_bytes, peer is not None)))
        return b"".join(parts)


def from_bytes(data, entries_max=32) -> CredentialStore:
    """Return the store that `to_bytes` made bytes of.

    Raises:
        UsageError: "credentials.malformed", or as `CredentialStore.add`.
    """
    store = CredentialStore(entries_max)
    try:
        reader = Reader(bytes(data), "credentials")
        require(reader.u8() == _VERSION, "credentials.malformed")
        for _ in range(reader.u16()):
            identity = reader.vector16(1).rest()
            key = reader.vector16().rest()
            name = reader.vector16().rest()
            digest_bytes = reader.u8()
            peer = name.decode() if reader.u8() else None
            store.add(identity, key, peer, digest_bytes)
        reader.finish()
    except (PeerMisbehaved, UnicodeError):
        raise UsageError("credentials.malformed")
    return store
