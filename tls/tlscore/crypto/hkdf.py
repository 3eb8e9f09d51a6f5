"""HKDF (RFC 5869): extract a pseudorandom key from a secret, expand it to keys.

The labels TLS 1.3 puts around it (HKDF-Expand-Label, RFC 8446 §7.1) are not here but in the key
schedule.
"""

from tlscore.crypto.hmac import hmac, keyed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash


def extract(hash_function: "Hash", salt: bytes, ikm: bytes) -> bytes:
    """Return the pseudorandom key PRK, `hash_function.size` bytes (RFC 5869 §2.2).

    An empty salt stands for zeros of that size, which HMAC's padding makes of it by itself.
    """
    return hmac(hash_function, salt, ikm)


def expand(hash_function: "Hash", prk: bytes, info: bytes, length: int) -> bytes:
    """Return `length` bytes of output keying material (RFC 5869 §2.3).

    Raises:
        ValueError: "hkdf.length" if more than 255 blocks are asked for.
    """
    if not 0 <= length <= 255 * hash_function.size:
        raise ValueError("hkdf.length")
    if length <= hash_function.size:  # all that TLS wants but for exporters
        return hmac(hash_function, prk, info, b"\x01")[:length]
    key = keyed(hash_function, prk)
    block = b""
    output = b""
    counter = 0
    while len(output) < length:
        counter += 1
        block = key.hmac(block, info, bytes((counter,)))
        output += block
    return output[:length]
