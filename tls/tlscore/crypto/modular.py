"""Powers and inverses: a fast inverse for public values, a fixed pattern for secret ones.

The three-argument `pow` is not used: small ports of MicroPython are built without it, and where
it exists it takes as long as the loop here.
"""


def inverse_public(a: int, prime: int) -> int:
    """Return 1/a modulo `prime` by Euclid's algorithm; its time depends on `a`.

    Args:
        a: not a multiple of `prime`.
        prime: or any modulus that has no factor in common with `a`.
    """
    r0, r1 = prime, a % prime
    t0, t1 = 0, 1
    while r1:
        quotient = r0 // r1
        r0, r1 = r1, r0 - quotient * r1
        t0, t1 = t1, t0 - quotient * t1
    return t0 % prime


def inverse_secret(a: int, prime: int) -> int:
    """Return 1/a modulo `prime` as a^(prime - 2): the same operations whatever `a` is.

    Zero is its own inverse here, which is what RFC 7748 §5 asks for.
    """
    return power(a, prime - 2, prime)


def power(a: int, exponent: int, modulus: int, exponent_is_secret: bool = False) -> int:
    """Return a^exponent modulo `modulus`: the same operations whatever `a` is.

    Args:
        a: 0..modulus - 1.
        exponent: positive; only its size shows in the time if it is secret.
    """
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
            result = result * result % modulus
            result = result * result % modulus
            result = result * result % modulus
            result = result * result % modulus
            if nibble or exponent_is_secret:
                result = result * powers[nibble] % modulus
    return result
