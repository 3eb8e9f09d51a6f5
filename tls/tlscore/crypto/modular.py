"""Powers and inverses: a fast inverse for public values, a fixed pattern for secret ones.

The three-argument `pow` is used on CPython, for exponents that are public. Small ports of
MicroPython are built without it, and where those have it it takes as long as the loop here.
"""

import hashlib

try:
    import micropython
except ImportError:  # CPython
    micropython = None


def inverse_public(a: int, prime: int) -> int:
    """Return 1/a modulo `prime` by Euclid's algorithm; its time depends on `a`.

    Args:
        a: not a multiple of `prime`.
        prime: or any modulus that has no factor in common with `a`.
    """
    if micropython is None and a % prime:
        return pow(a, -1, prime)
    r0, r1 = prime, a % prime
    t0, t1 = 0, 1
    while r1:
        quotient = r0 // r1
        r0, r1 = r1, r0 - quotient * r1
        t0, t1 = t1, t0 - quotient * t1
    return t0 % prime


def inverse_secret(a: int, prime: int) -> int:
    """Return 1/a modulo `prime`, blinded: what Euclid's algorithm sees is a times another secret.

    The time depends on the product only, which is as good as random to whoever does not know `a`:
    the other factor is SHA-256 of it. A power would take the same operations whatever `a` is, and
    five times as many. Zero is its own inverse here, which is what RFC 7748 §5 asks for.

    Args:
        a: of any size and sign.
        prime: of 224 to 384 bits.
    """
    a %= prime
    factor = int.from_bytes(hashlib.sha256(a.to_bytes(48, "big")).digest(), "big")
    return inverse_public(a * factor % prime, prime) * factor % prime


def power(a: int, exponent: int, modulus: int, exponent_is_secret: bool = False) -> int:
    """Return a^exponent modulo `modulus`: the same operations whatever `a` is.

    Args:
        a: 0..modulus - 1.
        exponent: positive; only its size shows in the time if it is secret.
    """
    if micropython is None and not exponent_is_secret:
        return pow(a, exponent, modulus)
    # Powers 0 to 15 of a, for four bits of the exponent at a time; a one of full size, for a
    # small one would be multiplied sooner.
    powers = [modulus + 1, a]
    for i in range(2, 16):
        powers.append(powers[i - 1] * a % modulus)
    size = 0
    while exponent >> (8 * size):
        size += 1
    result = 1
    for byte in exponent.to_bytes(size, "big"):
        for nibble in (byte >> 4, byte & 15):
            for _ in range(4):
                result = result * result % modulus
            if nibble or exponent_is_secret:
                result = result * powers[nibble] % modulus
    return result
