"""Integers and memory of an image's interpreter: a program says there what CPython says of it here.

Some images have their own arithmetic of long integers, operators and allocator (images/README.md).
"""

import contextlib
import io

import pytest

# Each line of output is about one pair of operands: a digest of what all operators made of them.
NUMBERS = """
import hashlib
def numbers():
    edges = [0, 1, 2, 38, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xffffffff]
    for bits in (32, 64, 96, 256):
        power = 1 << bits
        edges += [power - 1, power, power - (1 << bits // 2)]
    state = 1
    for size in (20, 40, 70, 256, 300, 512, 1100):
        value = 0
        while value >> size == 0:
            state = (state * 1103515245 + 12345) & 0x7fffffff
            value = value << 23 | state >> 8
        edges.append(value)
    return edges
def results(a, b):
    yield from (a + b, a - b, a * b, a * a, a & b, a | b, a ^ b, -a, ~a)
    yield from (int(a < b), int(a == b), int(a >= b))
    if b:
        yield from (a // b, a % b)
    for bits in (0, 1, 31, 32, 100):
        yield from (a << bits, a >> bits)
    yield from ((a & 255) << (b & 31), (a & 255) + b, (a & 255) ^ b, a % 255, hash(a & 255))
    size = 150
    if a >= 0:
        for order in ("big", "little"):
            octets = a.to_bytes(size, order)
            yield octets
            yield int.from_bytes(octets[:68], order)
            yield int.from_bytes(octets[size - 67:], order)
edges = numbers()
for i, a in enumerate(edges):
    digest = hashlib.sha256()
    for b in edges[i % 5::5]:
        for x, y in ((a, b), (-a, b), (a, -b), (-a, -b)):
            for result in results(x, y):
                if isinstance(result, int):
                    digest.update(b"-" if result < 0 else b"+")
                    result = abs(result).to_bytes(300, "little")
                digest.update(result)
    print("%x" % a, "".join("%02x" % octet for octet in digest.digest()[:8]))
"""

ITEMS = """
for each in ((1, 2, 3), [1, 2, 3], b"123", bytearray(b"123"), "123", memoryview(b"123")):
    for place in (0, 2, -1, -3, 3, -4, True, 1 << 40, None):
        try:
            print(each[place], end=" ")
        except (IndexError, TypeError, OverflowError):
            print("refused", end=" ")
operators = (
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a & b, lambda a, b: a | b,
    lambda a, b: a ^ b, lambda a, b: a % b, lambda a, b: a == b, lambda a, b: a != b,
    lambda a, b: a < b, lambda a, b: a > b, lambda a, b: a <= b, lambda a, b: a >= b,
    lambda a, b: a >> b, lambda a, b: a << (b if b is None else b & 31),
)
for left in (3, -3, 0x3fffffff, -0x40000000, 1 << 40, b"a", None):
    for right in (3, -3, 0, 40, 0x3fffffff, -0x40000000, b"b", None):
        for operator in operators:
            try:
                print(operator(left, right), end=" ")
            except (TypeError, ValueError, ZeroDivisionError):
                print("refused", end=" ")
"""

# Pieces of memory of all sizes come and go; each says at the end whether it is what it was.
MEMORY = """
import gc
state = 7
kept = []
for turn in range(400):
    state = (state * 1103515245 + 12345) & 0x7fffffff
    size = (state >> 8) % (40, 90, 250, 700)[turn % 4]
    kept.append((turn & 255, bytearray(bytes((turn & 255,)) * size)))
    if len(kept) > 24:
        del kept[(state >> 16) % 24]
    if turn % 97 == 0:
        gc.collect()
    if turn % 5 == 0:
        fill, piece = kept[(state >> 12) % len(kept)]
        piece.extend(bytes((fill,)) * ((state >> 20) % 60))
print(all(byte == fill for fill, piece in kept for byte in piece), sum(len(p) for _, p in kept))
"""


def on_this_machine(program):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(program, "program", "exec"), {"__name__": "program"})
    return printed.getvalue()


@pytest.mark.not_on("lm3s6965-dtls-client")  # without enumerate and pow with a modulus
def test_long_integers_are_those_of_cpython(board):
    assert board.run(NUMBERS).split() == on_this_machine(NUMBERS).split()


def test_operators_and_items_are_those_of_cpython(board):
    assert board.run(ITEMS).split() == on_this_machine(ITEMS).split()


def test_memory_that_comes_and_goes_is_not_mixed_up(board):
    assert board.run(MEMORY).split() == on_this_machine(MEMORY).split()
