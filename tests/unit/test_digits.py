"""The ports' arithmetic of long integers, compiled for this machine and compared with Python's."""

import ctypes
import random

import pytest

from hil import paths

SOURCE = paths.images_dir() / "common" / "digits.c"
DIGIT = ctypes.c_uint32
BITS = 32
EDGES = [0, 0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF]


class Digits:
    """The functions, with Python's integers for numbers of so many digits."""

    def __init__(self, loaded):
        self._call = loaded
        for name in ("add", "shift_left"):
            getattr(loaded, f"digits_{name}").restype = DIGIT

    @staticmethod
    def _array(number, size):
        return (DIGIT * size)(*(number >> BITS * i & 0xFFFFFFFF for i in range(size)))

    @staticmethod
    def _number(array, size=None):
        return sum(digit << BITS * i for i, digit in enumerate(array[:size]))

    def _two(self, function, result, a, a_size, b, b_size):
        sizes = ctypes.c_size_t(a_size), ctypes.c_size_t(b_size)
        return function(result, self._array(a, a_size), sizes[0], self._array(b, b_size), sizes[1])

    def add(self, a, a_size, b, b_size):
        total = self._array(0, a_size)
        carry = self._two(self._call.digits_add, total, a, a_size, b, b_size)
        return self._number(total) + (carry << BITS * a_size)

    def subtract(self, a, a_size, b, b_size):
        difference = self._array(0, a_size)
        self._two(self._call.digits_subtract, difference, a, a_size, b, b_size)
        return self._number(difference)

    def multiply(self, a, a_size, b, b_size):
        product = self._array(-1, a_size + b_size)  # whatever was there before
        self._two(self._call.digits_multiply, product, a, a_size, b, b_size)
        return self._number(product)

    def square(self, a, size):
        square = self._array(-1, 2 * size)
        self._call.digits_square(square, self._array(a, size), ctypes.c_size_t(size))
        return self._number(square)

    def shift_left(self, a, size, bits):
        shifted = self._array(a, size)
        out = self._call.digits_shift_left(shifted, shifted, ctypes.c_size_t(size), bits)
        return self._number(shifted) + (out << BITS * size)

    def shift_right(self, a, size, bits):
        shifted = self._array(a, size)
        self._call.digits_shift_right(shifted, shifted, ctypes.c_size_t(size), bits)
        return self._number(shifted)

    def reduce(self, a, a_size, b, b_size):
        rest = self._array(a, a_size)
        divisor = self._array(b, b_size)
        sizes = ctypes.c_size_t(a_size), ctypes.c_size_t(b_size)
        self._call.digits_reduce(rest, sizes[0], divisor, sizes[1])
        return self._number(rest, b_size)


@pytest.fixture(scope="module")
def digits(c_functions):
    return Digits(c_functions(SOURCE, "-fsanitize=undefined", "-fno-sanitize-recover"))


def number(source, size):
    """Return one of so many digits, half of them edges."""
    value = 0
    for _ in range(size):
        value = value << BITS | source.choice([*EDGES, *(source.getrandbits(BITS) for _ in EDGES)])
    return value


@pytest.fixture(scope="module")
def pairs():
    """1,000 pairs of numbers with their sizes, the longer first."""
    source = random.Random(1)
    sizes = [sorted((source.randrange(1, 9), source.randrange(1, 9))) for _ in range(1000)]
    return [(number(source, long), long, number(source, short), short) for short, long in sizes]


def test_sums_products_and_squares(digits, pairs):
    for a, a_size, b, b_size in pairs:
        assert digits.add(a, a_size, b, b_size) == a + b
        assert digits.multiply(a, a_size, b, b_size) == a * b
        assert digits.multiply(b, b_size, a, a_size) == a * b
        assert digits.square(a, a_size) == a * a


def test_differences(digits, pairs):
    for a, a_size, b, b_size in pairs:
        if a >= b:
            assert digits.subtract(a, a_size, b, b_size) == a - b
        else:
            assert digits.subtract(b, a_size, a, a_size) == b - a


def test_shifts_by_every_distance(digits, pairs):
    for a, size, *_ in pairs[:40]:
        for bits in range(BITS):
            assert digits.shift_left(a, size, bits) == a << bits
            assert digits.shift_right(a, size, bits) == a >> bits


def test_remainders_of_products_and_their_neighbours(digits, pairs):
    source = random.Random(2)
    for quotient, quotient_size, b, b_size in pairs:
        if b_size > 1:
            divisor = b | 1 << BITS * b_size - 1
            size = quotient_size + b_size
            for rest in (0, 1, divisor - 1, source.randrange(divisor)):
                dividend = quotient * divisor + rest
                assert digits.reduce(dividend, size + 1, divisor, b_size) == rest
