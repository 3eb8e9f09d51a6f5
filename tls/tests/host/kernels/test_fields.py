"""Kernels of fields, quotients, powers and X25519, against integers and the portable code."""

import math

import kernel_bench as bench
import pytest
from kernel_operands import P384, P25519, N, P, R, montgomery_context, numbers, octets, portable

from tlscore.crypto import x25519


@pytest.mark.parametrize(
    ("module", "routine", "expected", "modulus", "first_below", "second_below", "canonical"),
    [
        ("ladder", "product", lambda a, b: a * b, P25519, R, R, False),
        ("ladder", "square", lambda a, _b: a * a, P25519, R, R, False),
        ("ladder", "sum", lambda a, b: a + b, P25519, R, R, False),
        ("ladder", "difference", lambda a, b: a - b, P25519, R, R, False),
        ("ladder", "scaled_sum", lambda a, b: 121665 * a + b, P25519, R, R, False),
        ("p256_machine", "product", lambda a, b: a * b * pow(R, -1, P), P, P, P, True),
        ("p256_machine", "square", lambda a, _b: a * a * pow(R, -1, P), P, P, P, True),
        ("p256_machine", "sum", lambda a, b: a + b, P, P, P, True),
        ("p256_machine", "difference", lambda a, b: a - b, P, P, P, True),
        ("p256_machine", "half", lambda a, _b: a * pow(2, -1, P), P, P, P, True),
        ("p256_machine", "product_of_scalars", lambda a, b: a * b * pow(R, -1, N), N, R, N, True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_field_operations_at_their_edges(
    chance, module, routine, expected, modulus, first_below, second_below, canonical
):
    core = bench.machine(module)
    firsts = [a for a in numbers(chance, modulus, 100) if a < first_below]
    seconds = [b for b in numbers(chance, modulus, 100) if b < second_below]
    pairs = [(a, b) for a in firsts[:20] for b in seconds[:20]]
    pairs += [(chance.choice(firsts), chance.choice(seconds)) for _ in range(3000)]
    for a, b in pairs:
        result = bytearray(32)
        core.call_routine(routine, result, bytes(octets(a)), bytes(octets(b)))
        value = int.from_bytes(result, "little")
        assert value % modulus == expected(a, b) % modulus, (hex(a), hex(b))
        assert value < (modulus if canonical else R)


@pytest.mark.parametrize(
    ("routine", "expected"),
    [
        ("product", lambda a, b: a * b * pow(1 << 384, -1, P384)),
        ("sum", lambda a, b: a + b),
        ("difference", lambda a, b: a - b),
        ("half", lambda a, _b: a * pow(2, -1, P384)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_operations_modulo_the_prime_of_p384_at_their_edges(chance, routine, expected):
    core = bench.machine("p384_machine")
    r = 1 << 384
    values = [0, 1, 2, P384 - 1, P384 - 2, P384 >> 1, r % P384, r - P384, (1 << 383) - 1]
    patterns = [
        sum(0xFFFFFFFF << 32 * i for i in range(12) if bits >> i & 1) for bits in range(4096)
    ]
    values += [p for p in patterns if p < P384] + [chance.randrange(P384) for _ in range(400)]
    pairs = [(a, b) for a in values[:9] for b in values[:9]]
    pairs += [chance.choices(values, k=2) for _ in range(4000)]
    for a, b in pairs:
        result = bytearray(48)
        core.call_routine(routine, result, a.to_bytes(48, "little"), b.to_bytes(48, "little"))
        assert int.from_bytes(result, "little") == expected(a, b) % P384, (hex(a), hex(b))


@pytest.mark.parametrize("words", [8, 12])
def test_quotients_modulo_any_odd_number(chance, words):
    r = 1 << 32 * words
    moduli = [3, r - 1, (r >> 1) - 1, r >> 1 | 1, (1 << 30) + 1, P384 if words > 8 else N]
    moduli += [chance.randrange(r) | 1 for _ in range(6)]
    for modulus in moduli:
        core = bench.host.Machine(divider(words, modulus).assemble())
        edges = [0, 1, 2, modulus - 1, modulus - 2, modulus >> 1, (modulus >> 1) + 1]
        values = [v % modulus for v in edges + [chance.randrange(modulus) for _ in range(12)]]
        for divisor in values:
            if math.gcd(divisor, modulus) != 1:
                continue
            numerator = chance.choice(values)
            result = bytearray(4 * words)
            core.call(result, *(v.to_bytes(4 * words, "little") for v in (divisor, numerator)))
            expected = numerator * pow(divisor, -1, modulus) % modulus
            assert int.from_bytes(result, "little") == expected, (hex(divisor), hex(modulus))


def divider(words, modulus):
    """Return a kernel (result, divisor, numerator) that does nothing but divide."""
    code = bench.assembler.Code()
    room = bench.division_steps.workspace_bytes(words)
    code("push {r8-r11}", f"sub sp, #{room}", "lea r3, modulus", "bl quotient")
    code(f"add sp, #{room}", "pop {r8-r11}", "b end")
    bench.division_steps.write(code, words, 0)
    code("modulus:", bench.division_steps.constants(modulus, words), "end:")
    return code


def test_x25519_at_the_edges_of_its_field(machines, chance, monkeypatch):
    points = numbers(chance, P25519, 20)
    for u in points[:17] + chance.sample(points, 8):
        scalar = chance.choice((bytes(32), b"\xff" * 32, chance.randbytes(32)))
        fast = x25519.x25519(scalar, bytes(octets(u)))
        assert fast == portable(monkeypatch, x25519.x25519, scalar, bytes(octets(u)))


def test_public_keys_of_x25519_are_those_of_the_portable_code(machines, chance, monkeypatch):
    order = bench.make_kernels.edwards25519.ORDER
    multiples = [8 * (order - 1), 8 * (order - 2), 8 * (order - 3), 8 * (order + 1), 1 << 254]
    scalars = [bytes(32), b"\xff" * 32, b"\x08" + bytes(31), *(bytes(octets(k)) for k in multiples)]
    for scalar in scalars + [chance.randbytes(32) for _ in range(6)]:
        fast = x25519.public_key(scalar)
        assert fast == portable(monkeypatch, x25519.public_key, scalar)
    with pytest.raises(ValueError, match=r"x25519\.scalar_size"):
        x25519.public_key(bytes(31))


@pytest.mark.parametrize("words", [4, 8, 12, 36])
def test_products_modulo_any_odd_number(chance, words):
    core = bench.machine("montgomery_machine")
    r, size = 1 << 32 * words, 4 * words
    patterns = [
        sum(0xFFFFFFFF << 32 * i for i in range(words) if chance.random() < 0.5) for _ in range(60)
    ]
    moduli = [1, 3, r - 1, r >> 1 | 1, (r >> 1) - 1, (r >> 32) - 1, r - (1 << 32) + 1]
    moduli += [p | 1 for p in patterns] + [chance.randrange(r) | 1 for _ in range(20)]
    for n in moduli:
        inverse = pow(r, -1, n)
        for _ in range(4):
            x, *entries = chance.choices((0, 1 % n, n - 1, n >> 1, *(p % n for p in patterns)), k=4)
            context = montgomery_context(size, n, x, *entries)
            kept = context[:size] + context[3 * size + 8 :]
            squarings, choice = chance.randrange(3), chance.randrange(3)
            core.call(context, words, squarings, 3 << 8 | choice)
            for _ in range(squarings):
                x = x * x * inverse % n
            x = x * entries[choice] * inverse % n
            assert int.from_bytes(context[size : 2 * size], "little") == x
            assert context[:size] + context[3 * size + 8 :] == kept
            # A factor in two halves, any number below R.
            factor = chance.choice((0, 1, r - 1, chance.choice(patterns), chance.randrange(r)))
            for part, half in ((1, factor % (1 << 16 * words)), (2, factor >> 16 * words)):
                context[3 * size + 8 : 7 * size // 2 + 8] = half.to_bytes(size // 2, "little")
                core.call(context, words, squarings if part == 1 else 0, part << 16 | 1 << 8)
            for _ in range(squarings):
                x = x * x * inverse % n
            assert int.from_bytes(context[size : 2 * size], "little") == x * factor * inverse % n


def test_powers_of_all_kinds_of_exponents(machines, chance):
    from tlscore.crypto.thumb import modular_power

    for bits in (1, 31, 128, 129, 384, 1025):
        n = chance.getrandbits(bits) | 1 << bits - 1 | 1
        for exponent in (1, 2, 3, 4, 6, 17, 65537, (1 << 32) - 1, 1 << 9, chance.getrandbits(64)):
            base = chance.randrange(n)
            assert modular_power.power_public(base, exponent, n) == pow(base, exponent, n)
        for exponent in (1, 255, 256, n - 1 or 1, chance.getrandbits(64)):
            base = chance.choice((0, n - 1, chance.randrange(n)))
            assert modular_power.power_secret(base, exponent, n) == pow(base, exponent, n)


def test_rsa_signs_through_the_kernel(machines):
    import test_rsa

    test_rsa.job(None)
    assert machines["montgomery_machine"].instructions
