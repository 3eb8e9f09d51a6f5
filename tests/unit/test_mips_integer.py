"""The MIPS images' own 64-bit arithmetic, compiled for this machine and compared with Python's."""

import ctypes
import random
from types import SimpleNamespace

import pytest

from hil import paths

SOURCE = paths.images_dir() / "common" / "mips1" / "integer.c"
WORD, LONG = 1 << 32, 1 << 64
EDGES = [0, 1, 2, 3, 9, 0x7FFFFFFF, WORD // 2, WORD - 1, WORD, WORD + 1, LONG // 2, LONG - 1]


def signed(value):
    return value - LONG if value >= LONG // 2 else value


def quotient(dividend, divisor):
    """Divide as C does: towards zero."""
    magnitude = abs(dividend) // abs(divisor)
    return magnitude if (dividend < 0) == (divisor < 0) else -magnitude


@pytest.fixture(scope="module")
def numbers():
    source = random.Random(1)
    return EDGES + [LONG - edge for edge in EDGES[1:]] + [source.getrandbits(64) for _ in range(20)]


U32, U64, I64, INT = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int64, ctypes.c_int
# Name -> result, arguments.
FUNCTIONS = {
    **dict.fromkeys(("ashldi3", "lshrdi3"), (U64, [U64, INT])),
    "ashrdi3": (I64, [I64, INT]),
    **dict.fromkeys(("udivdi3", "umoddi3"), (U64, [U64, U64])),
    **dict.fromkeys(("divdi3", "moddi3"), (I64, [I64, I64])),
    **dict.fromkeys(("clzsi2", "ctzsi2", "popcountsi2"), (INT, [U32])),
    "clzdi2": (INT, [U64]),
    "bswapsi2": (U32, [U32]),
    "bswapdi2": (U64, [U64]),
}


@pytest.fixture(scope="module")
def library(c_functions):
    """The functions by their names without the underscores."""
    # Under other names, or this machine's own functions could be the ones that are called.
    loaded = c_functions(SOURCE, *(f"-D__{name}=hil_{name}" for name in FUNCTIONS))
    functions = {}
    for name, (result, arguments) in FUNCTIONS.items():
        functions[name] = getattr(loaded, f"hil_{name}")
        functions[name].restype, functions[name].argtypes = result, arguments
    return SimpleNamespace(**functions)


def test_shifts_by_every_distance(library, numbers):
    for value in numbers:
        for bits in range(64):
            assert library.ashldi3(value, bits) == value << bits & LONG - 1
            assert library.lshrdi3(value, bits) == value >> bits
            assert library.ashrdi3(signed(value), bits) == signed(value) >> bits


def test_division_of_unsigned_numbers(library, numbers):
    for dividend in numbers:
        for divisor in filter(None, numbers):
            assert library.udivdi3(dividend, divisor) == dividend // divisor
            assert library.umoddi3(dividend, divisor) == dividend % divisor


def test_division_of_signed_numbers(library, numbers):
    for dividend in map(signed, numbers):
        for divisor in filter(None, map(signed, numbers)):
            if (dividend, divisor) != (-(LONG // 2), -1):  # which C leaves undefined
                expected = quotient(dividend, divisor)
                assert library.divdi3(dividend, divisor) == expected
                assert library.moddi3(dividend, divisor) == dividend - expected * divisor


def test_counting_and_swapping(library, numbers):
    for value in numbers:
        word = value & WORD - 1
        assert library.popcountsi2(word) == word.bit_count()
        assert library.bswapsi2(word) == int.from_bytes(word.to_bytes(4, "big"), "little")
        assert library.bswapdi2(value) == int.from_bytes(value.to_bytes(8, "big"), "little")
        if word:
            assert library.clzsi2(word) == 32 - word.bit_length()
            assert library.ctzsi2(word) == (word & -word).bit_length() - 1
        if value:
            assert library.clzdi2(value) == 64 - value.bit_length()
