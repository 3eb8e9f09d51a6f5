"""HMAC (RFC 2104) over any hash of `hashes.py`, and the constant-time comparison of tags.

The key is combined with the pads as one big integer: on a board two conversions cost a tenth of
a loop over 64 bytes. Timing depends on the lengths of key and message only. One hash object is
there at a time: the inner one is gone before the outer one is made.

Where a back end keeps what a key's pads make of a hash (`machine` of a row in `hashes.py`), `keyed`
hashes them once for any number of messages.
"""

# The pads of RFC 2104 §2 for a block of 64 octets, SHA-256's. The other hashes have twice that.
_INNER = 0x36 * (((1 << 512) - 1) // 255)
_OUTER = 0x5C * (((1 << 512) - 1) // 255)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash


def hmac(hash_function: "Hash", key: bytes, *parts: bytes) -> bytes:
    """Return the HMAC of the concatenated `parts`, `hash_function.size` bytes.

    Args:
        hash_function: row of `hashes.py`.
        key: of any length; one longer than a block is hashed first (RFC 2104 §2).
        parts: pieces of the message, so that the caller need not join them.
    """
    machine = hash_function.machine
    if machine is not None:
        return machine.hmac(key, parts)
    block = hash_function.block
    if len(key) > block:
        key = hash_function.new(key).digest()
    padded_key = int.from_bytes(key, "big") << (8 * (block - len(key)))
    inner, outer = _INNER, _OUTER
    if block == 128:
        inner, outer = inner << 512 | inner, outer << 512 | outer
    running = hash_function.new((padded_key ^ inner).to_bytes(block, "big"))
    for part in parts:
        running.update(part)
    digest = running.digest()
    running = None
    running = hash_function.new((padded_key ^ outer).to_bytes(block, "big"))
    running.update(digest)
    return running.digest()


def keyed(hash_function: "Hash", key: bytes):
    """Return an object whose `hmac(*parts)` is the HMAC under that key, any number of times.

    After the last its `forget()` gives up the room, even if a board's collector takes something on
    the stack for the object.
    """
    machine = hash_function.machine
    return Key(hash_function, key) if machine is None else machine.Key(key)


class Key:
    """What `keyed` makes where the back end has nothing better: the key itself."""

    def __init__(self, hash_function: "Hash", key: bytes) -> None:
        self._hash = hash_function
        self._key = key

    def hmac(self, *parts: bytes) -> bytes:
        """Return the HMAC of the concatenated parts."""
        return hmac(self._hash, self._key, *parts)

    def forget(self) -> None:
        """Let go of the key: no message follows."""
        self._key = None


def equal(a: bytes, b: bytes) -> bool:
    """Compare two byte strings in a time that depends on their lengths only."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0
