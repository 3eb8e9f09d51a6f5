"""Verification of RSA signatures (RFC 8017 §8): PSS in handshakes, PKCS #1 v1.5 in certificates.

Both are verified by building or taking apart the one encoded message that is right; nothing of the
padding is parsed, so there is no room for forgeries that hide data in it. Everything here is
public, nothing is constant-time.

Limits: moduli of 2048 to 4096 bits, which is what public authorities issue (fewer are forbidden by
the CA/Browser Forum's Baseline Requirements §6.1.5, more cost a board minutes); public exponents
odd, from 3 to 2^32 - 1, because a long one is a way to keep a verifier busy.
"""

from tlscore.crypto.hmac import equal
from tlscore.crypto.selftest import kernel

try:
    import micropython
except ImportError:  # CPython, whose `pow` is fast
    micropython = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash

MODULUS_BITS = (2048, 4096)

# DigestInfo of SHA-256, SHA-384 and SHA-512 up to the digest (RFC 8017 §9.2 note 1); the sizes
# and the last arc of the object identifier are filled in.
_DIGEST_INFO = b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
_HASH_ARCS = ((32, 1), (48, 2), (64, 3))


def verify_pkcs1(hash_function: "Hash", key: tuple, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` over `digest` is by `key`, RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2)."""
    numbers = public_numbers(key[1])
    if numbers is None:
        return False
    encoded = _open(numbers, signature)
    return encoded is not None and encoded == pkcs1_encoding(hash_function, digest, len(encoded))


def verify_pss(hash_function: "Hash", key: tuple, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` over `digest` is by `key`, RSASSA-PSS (RFC 8017 §8.1.2).

    As TLS has it: MGF1 with the same hash, and a salt of the digest's size (RFC 8446 §4.2.3).
    """
    numbers = public_numbers(key[1])
    if numbers is None:
        return False
    encoded = _open(numbers, signature)
    if encoded is None or encoded[-1] != 0xBC:
        return False
    return _pss_matches(hash_function, digest, encoded, 8 * len(encoded) - bit_length(numbers[0]))


def pkcs1_encoding(hash_function: "Hash", digest: bytes, size: int) -> bytes:
    """Return EMSA-PKCS1-v1_5 of a digest in `size` octets (RFC 8017 §9.2)."""
    arc = 0
    for digest_bytes, last in _HASH_ARCS:
        if digest_bytes == hash_function.size:
            arc = last
    count = len(digest)
    info = bytes((0x30, 17 + count)) + _DIGEST_INFO + bytes((arc, 5, 0, 4, count)) + digest
    return b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info


def pss_mask(hash_function: "Hash", seed: bytes, size: int) -> bytes:
    """Return MGF1 of a seed (RFC 8017 B.2.1), `size` octets."""
    mask = b""
    counter = 0
    while len(mask) < size:
        running = hash_function.new(seed)
        running.update(counter.to_bytes(4, "big"))
        mask += running.digest()
        counter += 1
    return mask[:size]


def pss_hash(hash_function: "Hash", digest: bytes, salt: bytes) -> bytes:
    """Return the hash H of M' (RFC 8017 §9.1.1 steps 5 and 6)."""
    running = hash_function.new(bytes(8))
    running.update(digest)
    running.update(salt)
    return running.digest()


def public_numbers(der: bytes) -> "tuple | None":
    """Return (n, e) of a DER RSAPublicKey (RFC 8017 A.1.1), or None if it is not acceptable."""
    numbers = integers(der, 2)
    if numbers is None:
        return None
    n, e = numbers
    if not MODULUS_BITS[0] <= bit_length(n) <= MODULUS_BITS[1]:
        return None
    if not (n & 1 and e & 1 and 3 <= e < 1 << 32):
        return None
    return n, e


def integers(der: bytes, count: int) -> "list | None":
    """Return the non-negative integers of a DER SEQUENCE of `count` INTEGERs, or None."""
    position, end = _header(der, 0, 0x30)
    if end != len(der):
        return None
    values = []
    while position < end:
        start, position = _header(der, position, 0x02)
        if not start < position <= end or der[start] > 127:
            return None  # cut off, empty or negative
        if der[start] == 0 and position > start + 1 and der[start + 1] < 128:
            return None  # not the shortest form
        values.append(int.from_bytes(der[start:position], "big"))
    return values if len(values) == count else None


def power_public(base: int, exponent: int, modulus: int) -> int:
    """Return base^exponent modulo an odd `modulus` for public numbers, exponent > 0.

    By squaring and multiplying: small ports of MicroPython have no `pow` with three arguments.
    """
    machine = kernel("modular_power")
    if machine is not None:
        return machine.power_public(base, exponent, modulus)
    if micropython is None:
        return pow(base, exponent, modulus)
    result = base
    for bit in range(bit_length(exponent) - 2, -1, -1):
        result = result * result % modulus
        if exponent >> bit & 1:
            result = result * base % modulus
    return result


def bit_length(number: int) -> int:
    """Return the number of bits of a positive integer: MicroPython's have no such method."""
    size = 0
    while number >> (size + 256):
        size += 256
    number >>= size
    while number > 255:
        number >>= 8
        size += 8
    while number:
        number >>= 1
        size += 1
    return size


def _header(der: bytes, position: int, tag: int) -> tuple:
    """Return where the contents of an element begin and end; (len, 0) if there is none.

    Lengths have at most two octets and their shortest form (X.690 §10.1).
    """
    nothing = len(der), 0
    start = position + 2
    if start > len(der) or der[position] != tag:
        return nothing
    length = der[position + 1]
    if length > 127:
        count = length & 127
        if not 1 <= count <= 2 or start + count > len(der):
            return nothing
        length = int.from_bytes(der[start : start + count], "big")
        if length < (128, 256)[count - 1]:
            return nothing
        start += count
    return start, start + length


def _open(numbers: tuple, signature: bytes) -> "bytes | None":
    """Return the encoded message of a signature (RFC 8017 §5.2.2), or None if it is none."""
    n, e = numbers
    size = (bit_length(n) + 7) >> 3
    if len(signature) != size:
        return None
    s = int.from_bytes(signature, "big")
    if s >= n:
        return None
    return power_public(s, e, n).to_bytes(size, "big")


def _pss_matches(hash_function: "Hash", digest: bytes, encoded: bytes, spare_bits: int) -> bool:
    """Compare an encoded message with the digest (RFC 8017 §9.1.2).

    Args:
        encoded: as many octets as the modulus has, where emBits is the modulus' size less one.
        spare_bits: bits of the first octet that the modulus does not have.
    """
    size = hash_function.size
    if spare_bits == 7:  # emBits is a multiple of 8: the message is an octet shorter
        if encoded[0]:
            return False
        encoded = encoded[1:]
        unused = 0
    else:
        unused = spare_bits + 1
    split = len(encoded) - size - 1
    if encoded[0] >> (8 - unused):
        return False
    expected = encoded[split : split + size]
    mask = pss_mask(hash_function, expected, split)
    block = int.from_bytes(encoded[:split], "big") ^ int.from_bytes(mask, "big")
    block &= (1 << (8 * split - unused)) - 1
    # DB is zeros, 0x01 and the salt, which is as long as the digest.
    if block >> (8 * size) != 1:
        return False
    salt = (block & ((1 << (8 * size)) - 1)).to_bytes(size, "big")
    return equal(expected, pss_hash(hash_function, digest, salt))
