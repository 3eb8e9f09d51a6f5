"""HMAC (RFC 2104) over any hash of `hashes.py`, and the constant-time comparison of tags.

The key is combined with the pads as one big integer: on a board two conversions cost a tenth of
a loop over 64 bytes. Timing depends on the lengths of key and message only.
"""

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
    block = hash_function.block
    if len(key) > block:
        key = hash_function.new(key).digest()
    padded_key = int.from_bytes(key, "big") << (8 * (block - len(key)))
    inner = hash_function.new(_pad(padded_key, b"\x36", block))
    for part in parts:
        inner.update(part)
    outer = hash_function.new(_pad(padded_key, b"\x5c", block))
    outer.update(inner.digest())
    return outer.digest()


def _pad(padded_key: int, pad: bytes, block: int) -> bytes:
    return (padded_key ^ int.from_bytes(pad * block, "big")).to_bytes(block, "big")


def equal(a: bytes, b: bytes) -> bool:
    """Compare two byte strings in a time that depends on their lengths only."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0
