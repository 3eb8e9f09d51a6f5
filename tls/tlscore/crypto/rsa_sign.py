"""RSASSA-PSS signatures (RFC 8017 §8.1.1) with a private key in the form of PKCS #1.

Theory of operation. The power is taken modulo p and modulo q (§5.1.2 step 2b), which is four times
cheaper than modulo n, over a message multiplied by r^e for a random r, so that what the big
integers' timing gives away is about random numbers (Kocher, CRYPTO '96). The result is verified
with the public key before it leaves: a fault in one half would give away the factors of n (Boneh,
DeMillo and Lipton, EUROCRYPT '97).

Exponents are processed in windows of four bits, every one with the same operations; in machine code
(`thumb.modular_power`) also with the same instructions and addresses.
"""

from tlscore.crypto.modular import inverse_public, power
from tlscore.crypto.rsa import bit_length, integers, power_public, pss_hash, pss_mask
from tlscore.crypto.rsa import public_numbers as checked_numbers
from tlscore.crypto.selftest import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash


def public_of(private_key: tuple) -> bytes:
    """Return the DER RSAPublicKey of a private key (kind, DER RSAPrivateKey).

    Raises:
        ValueError: "rsa.private_key".
    """
    n, e = private_numbers(private_key)[:2]
    return _public_der(n, e)


def sign_pss(hash_function: "Hash", private_key: tuple, digest: bytes, entropy) -> bytes:
    """Return the RSASSA-PSS signature over a digest, with a salt of the digest's size.

    Args:
        private_key: (kind, DER RSAPrivateKey of two primes).
        entropy: source with `fill(buffer)`, of the salt and the blinding.

    Raises:
        ValueError: "rsa.private_key"; "rsa.fault" if the result does not verify: the key's
            numbers do not belong together, or the machine has erred.
    """
    numbers = private_numbers(private_key)
    salt = bytearray(hash_function.size)
    entropy.fill(salt)
    encoded = _encoded(hash_function, digest, salt, bit_length(numbers[0]) - 1)
    return signature_of(numbers, encoded, entropy)


def signature_of(numbers: list, encoded: bytes, entropy) -> bytes:
    """Return the private operation on an encoded message (RFC 8017 §5.2.1), verified.

    Args:
        numbers: of `private_numbers`.
    """
    n, e = numbers[:2]
    size = (bit_length(n) + 7) >> 3
    blind = _blind(n, size, entropy)
    message = int.from_bytes(encoded, "big")
    blinded = _private_power(numbers, message * power_public(blind, e, n) % n)
    s = blinded * inverse_public(blind, n) % n
    if power_public(s, e, n) != message:
        raise ValueError("rsa.fault")
    return s.to_bytes(size, "big")


def private_numbers(private_key: tuple) -> list:
    """Return [n, e, d, p, q, d mod (p - 1), d mod (q - 1), 1/q mod p] (RFC 8017 A.1.2)."""
    values = integers(private_key[1], 9)
    # Version 0 says two primes; the size of n and e are what a verifier accepts.
    if values is None or values[0] != 0 or values[4] * values[5] != values[1]:
        raise ValueError("rsa.private_key")
    if checked_numbers(_public_der(values[1], values[2])) is None:
        raise ValueError("rsa.private_key")
    return values[1:]


def _private_power(numbers: list, message: int) -> int:
    """Return message^d modulo n by the Chinese remainder theorem."""
    _, _, _, p, q, d_p, d_q, q_inverse = numbers
    m_p = _power(message % p, d_p, p)
    m_q = _power(message % q, d_q, q)
    return m_q + (m_p - m_q) * q_inverse % p * q


def _power(base: int, exponent: int, prime: int) -> int:
    machine = kernel("modular_power")
    if machine is not None:
        return machine.power_secret(base, exponent, prime)
    return power(base, exponent, prime, True)


def _blind(n: int, size: int, entropy) -> int:
    """Return a random number modulo n that is not zero.

    Eight octets more than n has make it uniform. It has a factor in common with n with the
    probability of guessing a prime of n; the verification of the result would tell.
    """
    octets = bytearray(size + 8)
    while True:
        entropy.fill(octets)
        number = int.from_bytes(octets, "big") % n
        if number:
            return number


def _encoded(hash_function: "Hash", digest: bytes, salt: bytes, bits: int) -> bytes:
    """Return EMSA-PSS of a digest in an integer of `bits` bits (RFC 8017 §9.1.1)."""
    size = (bits + 7) >> 3
    masked_hash = pss_hash(hash_function, digest, salt)
    split = size - hash_function.size - 1
    mask = pss_mask(hash_function, masked_hash, split)
    block = int.from_bytes(mask, "big") ^ (1 << (8 * len(salt)) | int.from_bytes(salt, "big"))
    block &= (1 << (bits - 8 * (size - split))) - 1
    return block.to_bytes(split, "big") + masked_hash + b"\xbc"


def _public_der(n: int, e: int) -> bytes:
    body = _integer(n) + _integer(e)
    return b"\x30" + _length(len(body)) + body


def _integer(value: int) -> bytes:
    size = (bit_length(value) >> 3) + 1 if value else 1
    return b"\x02" + _length(size) + value.to_bytes(size, "big")


def _length(size: int) -> bytes:
    if size < 128:
        return bytes((size,))
    if size < 256:
        return bytes((0x81, size))
    return bytes((0x82, size >> 8, size & 0xFF))
