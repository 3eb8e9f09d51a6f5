"""Powers modulo odd numbers by the kernel `montgomery_machine`, which says how it works.

For RSA, and for inverses modulo a prime. R is the power of 2 that the words of a number count up
to; a number times R modulo n is its form between products. The last factor of a power is not in
that form, which takes the result out of it.

RAM: 3 1/2 times the size of the modulus and 88 bytes if the exponent is public: 1,880 for RSA-4096.
Else 11 1/2 times with a table of 8 entries, for numbers of 160 bytes at most, and 7 1/2 with one of
4: 1,560 for the primes of RSA-2048, 1,528 for those of RSA-3072, 2,008 for those of RSA-4096.
"""

from tlscore.compat import const
from tlscore.crypto.thumb.montgomery_machine import advance

# What the kernel wants to have beside numbers, and is told: entries times 256, and parts of one.
_EXTRA_BYTES = const(8)
_TWO_ENTRIES = const(0x200)
_LOWER_HALF = const(0x10100)
_UPPER_HALF = const(0x20100)
# Larger numbers have smaller windows, so that all of it takes no more than 2 KB.
_LARGE_BYTES = const(160)

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
    context = bytearray(3 * size + _EXTRA_BYTES + (size >> 1))
    _put(context, 0, modulus, size)
    _put(context, size, base_form, size)
    bit = 1
    while bit << 1 <= exponent:
        bit <<= 1
    squarings = 0
    while bit > 2:
        bit >>= 1
        squarings += 1
        if exponent & bit:
            _multiply(context, size, squarings, base_form)
            squarings = 0
    last = base if exponent & 1 and exponent > 1 else 1
    _multiply(context, size, squarings + (bit > 1), last)
    return int.from_bytes(context[size : 2 * size], "little")


def _multiply(context: bytearray, size: int, squarings: int, factor: int) -> None:
    """Let the kernel make squares and multiply by a factor, of which half is there at a time."""
    half = size >> 1
    entry = 3 * size + _EXTRA_BYTES
    _put(context, entry, factor & ((1 << (8 * half)) - 1), half)
    advance(context, size >> 2, squarings, _LOWER_HALF)
    _put(context, entry, factor >> (8 * half), half)
    advance(context, size >> 2, 0, _UPPER_HALF)


def power_secret(base: int, exponent: int, modulus: int) -> int:
    """Return base^exponent modulo an odd `modulus`, in windows of two or three bits.

    The kernel's instructions and addresses depend on the sizes of modulus and exponent only.

    Args:
        base: 0..modulus - 1.
        exponent: positive.
    """
    size = _size(modulus)
    words = size >> 2
    width = 3 if size <= _LARGE_BYTES else 2
    entries = 1 << width
    choice = entries << 8
    base_form = (base << (8 * size)) % modulus
    first = 3 * size + _EXTRA_BYTES
    context = bytearray(first + entries * size)
    _put(context, 0, modulus, size)
    _put(context, first, (1 << (8 * size)) % modulus, size)
    _put(context, first + size, base_form, size)
    table = memoryview(context)
    for at in range(first + 2 * size, len(context), size):
        table[size : 2 * size] = table[at - size : at]
        advance(context, words, 0, choice | 1)
        table[at : at + size] = table[size : 2 * size]
    table[size : 2 * size] = table[first : first + size]
    count = 1
    while exponent >> (8 * count):
        count += 1
    octets = exponent.to_bytes(count + 1, "little")
    for digit in range((8 * count - 1) // width, -1, -1):
        at = digit * width
        bits = (octets[at >> 3] | octets[(at >> 3) + 1] << 8) >> (at & 7)
        advance(context, words, width, choice | bits & (entries - 1))
    _multiply(context, size, 0, 1)
    return int.from_bytes(context[size : 2 * size], "little")


def passes() -> bool:
    """Known-answer test: squares and a choice modulo 2^128 - 3, of numbers that carry."""
    modulus = (1 << 128) - 3
    context = bytearray(88)
    for at, number in ((0, modulus), (16, modulus - 1), (56, 1), (72, modulus - 2)):
        _put(context, at, number, 16)
    advance(context, 4, 3, _TWO_ENTRIES | 1)
    return context[16:32] == _KNOWN


def _size(modulus: int) -> int:
    """Return the bytes of numbers below a modulus, as the kernel has them: words in fours."""
    size = 16
    while modulus >> (8 * size):
        size += 16
    return size


def _put(context: bytearray, at: int, number: int, size: int) -> None:
    context[at : at + size] = number.to_bytes(size, "little")
