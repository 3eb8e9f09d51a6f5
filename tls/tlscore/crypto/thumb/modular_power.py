"""Powers modulo odd numbers by the kernel `montgomery_machine`, which says how it works.

For RSA, and for inverses modulo a prime. R is the power of 2 that the words of a number count up
to; a number times R modulo n is its form between products. The last factor of a power is not in
that form, which takes the result out of it.

RAM: three times the size of the modulus for a call if the exponent is public, else 18 times, and
the kernel's stack.
"""

from tlscore.compat import const
from tlscore.crypto.thumb.montgomery_machine import advance

_ONE_ENTRY = const(0x100)
_ENTRIES = const(16)
_ALL_ENTRIES = const(0x1000)

# The known answer.
_KNOWN = b"\xc0\x6d\x23\xf4\x2f\x53\x2c\x90\xf1\x31\x00\x1b\xcc\xf1\xeb\xc1"


def power_public(base: int, exponent: int, modulus: int) -> int:
    """Return base^exponent modulo an odd `modulus`: the time depends on the exponent.

    Args:
        base: 0..modulus - 1.
        exponent: positive.
    """
    size = _size(modulus)
    # Before the context is there: this needs most of the memory.
    base_form = (base << (8 * size)) % modulus
    context = bytearray(3 * size)
    _put(context, 0, modulus, size)
    _put(context, 1, base_form, size)
    _put(context, 2, base_form, size)
    bit = 1
    while bit << 1 <= exponent:
        bit <<= 1
    squarings = 0
    while bit > 2:
        bit >>= 1
        squarings += 1
        if exponent & bit:
            advance(context, size >> 2, squarings, _ONE_ENTRY)
            squarings = 0
    _put(context, 2, base if exponent & 1 and exponent > 1 else 1, size)
    advance(context, size >> 2, squarings + (bit > 1), _ONE_ENTRY)
    return int.from_bytes(context[size : 2 * size], "little")


def power_secret(base: int, exponent: int, modulus: int) -> int:
    """Return base^exponent modulo an odd `modulus`, in windows of four bits.

    The kernel's instructions and addresses depend on the sizes of modulus and exponent only.

    Args:
        base: 0..modulus - 1.
        exponent: positive.
    """
    size = _size(modulus)
    words = size >> 2
    base_form = (base << (8 * size)) % modulus
    context = bytearray((2 + _ENTRIES) * size)
    _put(context, 0, modulus, size)
    _put(context, 2, (1 << (8 * size)) % modulus, size)
    _put(context, 3, base_form, size)
    table = memoryview(context)
    for i in range(2, _ENTRIES):
        table[size : 2 * size] = table[(1 + i) * size : (2 + i) * size]
        advance(context, words, 0, _ALL_ENTRIES | 1)
        table[(2 + i) * size : (3 + i) * size] = table[size : 2 * size]
    table[size : 2 * size] = table[2 * size : 3 * size]
    count = 0
    while exponent >> (8 * count):
        count += 1
    for byte in exponent.to_bytes(count, "big"):
        advance(context, words, 4, _ALL_ENTRIES | byte >> 4)
        advance(context, words, 4, _ALL_ENTRIES | byte & 15)
    _put(context, 2, 1, size)
    advance(context, words, 0, _ONE_ENTRY)
    return int.from_bytes(context[size : 2 * size], "little")


def passes() -> bool:
    """Known-answer test: squares and a choice modulo 2^128 - 3, of numbers that carry."""
    modulus = (1 << 128) - 3
    context = bytearray(64)
    for i, number in enumerate((modulus, modulus - 1, 1, modulus - 2)):
        _put(context, i, number, 16)
    advance(context, 4, 3, 2 * _ONE_ENTRY | 1)
    return context[16:32] == _KNOWN


def _size(modulus: int) -> int:
    """Return the bytes of numbers below a modulus, as the kernel has them: words in fours."""
    size = 16
    while modulus >> (8 * size):
        size += 16
    return size


def _put(context: bytearray, place: int, number: int, size: int) -> None:
    context[place * size : (place + 1) * size] = number.to_bytes(size, "little")
