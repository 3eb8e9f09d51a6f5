"""Kernels execute the same instructions and access the same addresses whatever the secret."""

import kernel_bench as bench
import pytest
from kernel_operands import R, montgomery_context

from tlscore.crypto import p256, p384


def test_sha256_executes_and_accesses_the_same_whatever_the_key(chance):
    secrets_ = (bytes(32), b"\xff" * 32, chance.randbytes(32))
    kept = [bytes(100) + secret + secret for secret in secrets_]
    for what in (bench.sha256.KEY, 12, bench.sha256.DIGEST | bench.sha256.OUTER):
        calls = [
            (bytearray(k), bytearray(s), 32, what) for k, s in zip(kept, secrets_, strict=True)
        ]
        first, *others = traces("sha256_machine", calls, at_least=20)
        assert all(other == first for other in others)


def traces(module, calls, at_least=1000):
    """Return what each call reads, writes and executes, by address."""
    core = bench.machine(module)
    seen = core.watch()
    found = []
    for arguments in calls:
        core.call(*arguments)
        found.append(list(seen))
        seen.clear()
    assert min(map(len, found)) > at_least
    return found


def test_x25519_executes_and_accesses_the_same_whatever_the_secret(chance):
    secrets = (bytes(32), b"\xff" * 32, chance.randbytes(32))
    table = bench.make_kernels.edwards25519.table()
    calls = [(bytearray(secret + b"\x09" + bytes(31)), 12, table) for secret in secrets]
    check_equal_traces(calls)
    # Columns of digits of a multiple of the base point, and the division.
    check_equal_traces([(bytearray(secret + bytes(32)), 512 + 3, table) for secret in secrets])


def check_equal_traces(calls):
    first, *others = traces("ladder", calls)
    assert all(other == first for other in others)


def test_powers_execute_and_access_the_same_whatever_the_secret(chance):
    calls = []
    for entry in (0, 3, 7):
        numbers_ = [chance.getrandbits(256) | 1 << 255 | 1, *(chance.choices((0, 1, R >> 1), k=9))]
        calls.append((montgomery_context(32, *numbers_), 8, 4, 8 << 8 | entry))
    first, *others = traces("montgomery_machine", calls)
    assert all(other == first for other in others)


@pytest.mark.parametrize("module", ["p256_machine", "p384_machine"])
def test_divisions_execute_and_access_the_same_whatever_the_numbers(chance, module):
    size = 32 if module == "p256_machine" else 48
    table = getattr(bench.make_kernels, f"{module[:4]}_table")()
    divisors = (bytes(size), b"\x01" + bytes(size - 1), b"\x7f" * size, chance.randbytes(size - 1))
    calls = [
        (bytearray((bytes(2 * size) + divisor).ljust(6 * size, b"\0")), table, 0, 8)
        for divisor in divisors
    ]
    first, *others = traces(module, calls)
    assert all(other == first for other in others)


@pytest.mark.parametrize(
    ("curve", "first_place", "what"),
    [(p256, 51, 2), (p256, 24, 1), (p256, 5, 6), (p384, 76, 2), (p384, 24, 1), (p384, 5, 6)],
    ids=[
        "p256-generator",
        "p256-point",
        "p256-affine",
        "p384-generator",
        "p384-point",
        "p384-affine",
    ],
)
def test_a_curve_executes_and_accesses_the_same_whatever_the_secret(
    chance, curve, first_place, what
):
    curve = curve.CURVE
    table = getattr(bench.make_kernels, f"{curve.name}_table")()
    size = curve.size
    point = curve.affine(curve.multiply_base(7777))
    calls = []
    for signs in (b"\x01", b"\xaa", chance.randbytes(3 * size), chance.randbytes(3 * size)):
        # The signs are behind the point, and for P-256 behind its Z.
        buffer = bytearray(b"".join(x.to_bytes(size, "little") for x in (*point, 0)))
        buffer = buffer[: 96 if curve.size == 48 else 3 * size]
        buffer += signs * (3 * size // len(signs))
        calls.append((buffer, table, first_place, what))
    first, *others = traces(f"{curve.name}_machine", calls)
    assert all(other == first for other in others)
