"""The kernels in machine code: made from their source, right, and the same whatever the secrets."""

import ast
import hashlib
import hmac
import math
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kernel_bench as bench

from tlscore import crypto
from tlscore.crypto import aes, chacha20, ecdsa, ecdsa_sign, p256, p384, poly1305, sha512, x25519
from tlscore.crypto.hashes import SHA256, SHA384

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "portable"))
try:
    import vector_checks
finally:
    sys.path.pop(0)

FOLDER = Path(crypto.__file__).parent / "thumb"
R = 1 << 256
P25519 = (1 << 255) - 19
P, N = bench.p256_programs.P, bench.p256_programs.N
P384 = bench.p384_programs.P
# Words of ones and zeros in all positions find carries that random numbers never meet.
PATTERNS = [sum(0xFFFFFFFF << 32 * i for i in range(8) if bits >> i & 1) for bits in range(256)]
VECTORS = (
    "aes_ccm",
    "aes_gcm",
    "chacha20_poly1305",
    "ecdh_p256",
    "ecdsa_mixed",
    "ecdsa_p256",
    "ecdsa_p384",
    "ecdsa_sign",
    "hkdf",
    "hkdf_label",
    "hkdf_sha384",
    "hmac",
    "hmac_sha384",
    "rsa_pkcs1",
    "rsa_pss",
    "sha256",
    "sha384",
    "sha512",
    "x25519",
)
PRIMITIVES = (
    "aes", "chacha20", "chacha20_poly1305", "gcm", "ghash", "p256", "p384", "poly1305", "rsa",
    "sha256", "sha512", "x25519",
)  # fmt: skip
# Kernel -> primitives that need it, where they are not called the same.
NEEDED_BY = {
    "aes_gcm_machine": ("aes", "gcm", "ghash"),
    "chacha20_poly1305_machine": ("chacha20", "chacha20_poly1305", "poly1305"),
    "copy_machine": (),
    "ladder": ("x25519",),
    "montgomery_machine": ("rsa",),
}


@pytest.fixture
def machines(monkeypatch):
    """The core with the kernels as its back ends, on emulated cores."""
    yield from bench.replaced_backends(monkeypatch)


@pytest.fixture
def chance():
    return random.Random(8)  # the same every time


def octets(number):
    return bytearray(number.to_bytes(32, "little"))


def numbers(chance, modulus, count):
    """Return edge values below 2^256 and the modulus, patterns of words, and random numbers."""
    edges = [0, 1, 2, 19, 38, R - 1, R - 2, R - 19, R - 38, R - 39, 1 << 255, (1 << 255) - 1]
    edges += [modulus - 1, modulus, modulus + 1, R - modulus, modulus >> 1]
    return edges + PATTERNS + [chance.getrandbits(256) for _ in range(count)]


@pytest.mark.parametrize("name", [*bench.KERNELS])
def test_the_generated_file_is_what_its_source_makes(name):
    generated = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert generated == bench.make_kernels.files()[f"{name}.py"], "run tls/tools/make_kernels.py"


@pytest.mark.parametrize("name", [*bench.KERNELS])
def test_the_numbers_of_the_generated_file_are_the_program(name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    calls = [node.value for node in function.body]
    assert ast.unparse(calls[0]) == "clz(r4, r4)"
    words = []
    for call in calls[1:]:
        width, *numbers_ = map(ast.literal_eval, call.args)
        assert (call.func.id, width) == ("data", 2)
        words += numbers_
    program = bench.KERNELS[name].kernel().assemble()
    assert b"".join(word.to_bytes(2, "little") for word in words) == program.octets


@pytest.mark.skipif(
    shutil.which("arm-none-eabi-as") is None, reason="apt-get install binutils-arm-none-eabi"
)
@pytest.mark.parametrize("name", [*bench.KERNELS])
def test_gnu_as_makes_the_same_bytes(name, tmp_path):
    code = bench.KERNELS[name].kernel()
    source, objects, image = (tmp_path / f"kernel.{ending}" for ending in ("s", "o", "bin"))
    source.write_text(code.gnu_source())
    subprocess.run(["arm-none-eabi-as", "-o", objects, source], check=True)
    command = ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", objects, image]
    subprocess.run(command, check=True)
    assert image.read_bytes() == code.assemble().octets


@pytest.mark.parametrize(
    "line",
    [
        "frobnicate r0, r1", "mov r0, #0x12345678", "ldr r0, [r1, #4096]", "adds r0, r1, #0x101",
        "mov r16, r0", "muls r0, r1, r2", "movw r0, #65536", "ldr r0, [r1], #256", "umull r0, r1",
    ],
)  # fmt: skip
def test_an_instruction_that_does_not_exist_is_named(line):
    with pytest.raises(bench.encoding.AssemblyError, match=line.partition(" ")[0]):
        bench.encoding.encode(line)


def test_a_label_must_be_there_once():
    code = bench.assembler.Code()
    code("b nowhere")
    with pytest.raises(bench.encoding.AssemblyError, match="nowhere"):
        code.assemble()
    code("nowhere:", "nop", "nowhere:")
    with pytest.raises(bench.encoding.AssemblyError, match="twice"):
        code.assemble()


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


@pytest.mark.parametrize("kind", VECTORS)
def test_published_vectors_through_the_kernels(machines, kind):
    for path in sorted((TESTS / "vectors").glob(kind + "-*.txt")):
        lines = vector_checks.sample(path.read_text().splitlines(), 0)
        lines = lines[:: 1 if len(lines) < 40 else 3]  # all of them go through boards
        passed, failed = vector_checks.run(path.stem, lines)
        assert (passed, failed) == (len(lines), [])
    assert any(core.instructions for core in machines.values())


def test_the_kernels_are_chosen_and_named(machines):
    assert crypto.backends() == dict.fromkeys(PRIMITIVES, "thumb")


def test_without_an_inline_assembler_everything_is_portable():
    found = crypto.backends()
    assert found.pop("sha256") == "hashlib"
    assert set(found.values()) == {"portable"}


@pytest.mark.parametrize("module", [*bench.KERNELS])
def test_a_kernel_that_gives_a_wrong_answer_is_not_used(machines, monkeypatch, module):
    kernel = bench.KERNELS[module]
    monkeypatch.setattr(sys.modules[f"tlscore.crypto.thumb.{module}"], kernel.NAME, spoilt)
    expected = dict.fromkeys(PRIMITIVES, "thumb")
    for primitive in NEEDED_BY.get(module, (module.removesuffix("_machine"),)):
        expected[primitive] = "hashlib" if primitive == "sha256" else "portable"
    assert crypto.backends() == expected
    assert x25519.public_key(bytes(32))[:4] == b"\x2f\xe5\x7d\xa3"


def spoilt(*arguments):
    """Stand for a miscompiled kernel."""


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


def portable(monkeypatch, function, *arguments):
    """Call a function as on an interpreter without kernels."""
    from tlscore.crypto import selftest

    with monkeypatch.context() as patch:
        patch.setattr(selftest, "micropython", None)
        return function(*arguments)


@pytest.mark.parametrize("module", [p256, p384])
def test_multiples_with_all_kinds_of_scalars(machines, chance, module):
    fast, slow = module.curve(), module.CURVE
    assert fast is not slow
    n = slow.n
    scalars = [1, 2, 3, 16, 17, n - 3, n - 2, n - 1, n >> 1, (n >> 1) + 1, 1 << 208]
    scalars += [(1 << 8 * slow.size) % n, *(chance.randrange(1, n) for _ in range(4))]
    point = slow.affine(slow.multiply_base(chance.randrange(1, n)))
    for k in scalars:
        assert fast.affine(fast.multiply_base(k)) == slow.affine(slow.multiply_base(k))
        x, _ = fast.affine(fast.multiply(k, (*point, 1)))
        assert x == slow.affine(slow.multiply(k, (*point, 1)))[0]


@pytest.mark.parametrize("module", [p256, p384])
def test_sums_where_formulas_fail(machines, chance, module):
    """Points and scalars of an attacker: partial sums that are equal, opposite, infinite."""
    fast, slow = module.curve(), module.CURVE
    n = slow.n
    for small in (1, 2, n - 1, 1 << slow._spacing):
        point = (*slow.affine(slow.multiply_base(small)), 1)
        for u1, u2 in ((0, 1), (1, 1), (n - small, 1), (small, n - 1), (5, 3)):
            ours, theirs = fast.combine(u1 % n, u2, point), slow.combine(u1 % n, u2, point)
            assert (ours[2] == 0) == (theirs[2] == 0)
            if theirs[2]:
                assert fast.affine(ours) == slow.affine(theirs)
    for _ in range(4):
        point = (*slow.affine(slow.multiply_base(chance.randrange(1, n))), 1)
        u1, u2 = chance.randrange(n), chance.randrange(1, n)
        assert fast.affine(fast.combine(u1, u2, point)) == slow.affine(slow.combine(u1, u2, point))


@pytest.mark.parametrize("module", [p256, p384])
def test_verdicts_are_those_of_the_portable_code(machines, chance, module):
    fast, slow = module.curve(), module.CURVE
    n, p, size = slow.n, slow.p, slow.size
    generator = slow.affine(slow.multiply_base(1))
    encoded = b"\x04" + b"".join(x.to_bytes(size, "big") for x in generator)
    # With the private key 1 and a digest equal to r both scalars are k / 2: partial sums are equal.
    k = chance.randrange(1, n)
    r = slow.affine(slow.multiply_base(k))[0] % n
    s = 2 * r * pow(k, -1, n) % n
    digest = r.to_bytes(size, "big")
    assert fast.verifies(encoded, digest, r, s)
    other = b"\x04" + b"".join(x.to_bytes(size, "big") for x in (generator[0], p - generator[1]))
    beyond = b"\x04" + b"".join(x.to_bytes(size, "big") for x in (p + 5, generator[1]))
    for public in (encoded, other, encoded[:-1], encoded[:-1] + b"\x01", b"\x02" + encoded[1:],
                   beyond, b"\x04" + bytes(2 * size), b""):  # fmt: skip
        for pair in ((r, s), (r, n - s), (r ^ 1, s), (5, s), (p - n - 1, s), (0, s), (r, 0), (n, s),
                     (r, n)):  # fmt: skip
            verdict = fast.verifies(public, digest, *pair)
            assert verdict == slow.verifies(public, digest, *pair), (public, pair)
            assert verdict == (public == encoded and pair in ((r, s), (r, n - s)))
    assert fast.verifies(encoded, digest + b"more", r, s)
    assert not fast.verifies(encoded, digest[1:], r, s)


@pytest.mark.parametrize("module", [p256, p384])
def test_quotients_modulo_the_order(machines, chance, module):
    fast, slow = module.curve(), module.CURVE
    n, r = slow.n, 1 << 8 * slow.size
    for a in (0, 1, n - 1, n, r - 1, chance.randrange(r)):
        for divisor in (1, 2, n - 1, n >> 1, chance.randrange(1, n)):
            assert fast.quotients(a, n - 1, divisor) == slow.quotients(a, n - 1, divisor)


@pytest.mark.parametrize(("kind", "curve", "hash_"), [(1, p256, SHA256), (3, p384, SHA384)])
def test_signatures_are_the_same_to_the_byte(machines, chance, monkeypatch, kind, curve, hash_):
    size, n = curve.CURVE.size, curve.CURVE.n
    for _ in range(3):
        key = (kind, chance.randrange(1, n).to_bytes(size, "big"))
        digest = chance.randbytes(size)
        signed = ecdsa_sign.sign(hash_, key, digest)
        assert signed == portable(monkeypatch, ecdsa_sign.sign, hash_, key, digest)
        assert ecdsa.verify(hash_, (kind, ecdsa_sign.public_of(key)), digest, signed)
        changed = bytes((digest[0] ^ 1,)) + digest[1:]
        assert not ecdsa.verify(hash_, (kind, ecdsa_sign.public_of(key)), changed, signed)


def test_secrets_of_p384_are_shared_as_by_the_portable_code(machines, chance, monkeypatch):
    ours, theirs = ((b"\x01" + chance.randbytes(47)) for _ in range(2))
    public = p384.public_key(theirs)
    assert public == portable(monkeypatch, p384.public_key, theirs)
    secret = p384.shared_secret(ours, public)
    assert secret == p384.shared_secret(theirs, p384.public_key(ours))
    assert secret == portable(monkeypatch, p384.shared_secret, ours, public)


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


def montgomery_context(size, n, x, *entries):
    """Return what the kernel of powers works on."""
    octets_ = [v.to_bytes(size, "little") for v in (n, x, *entries)]
    return bytearray(b"".join((*octets_[:2], bytes(size + 8), *octets_[2:])))


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
    sys.path.insert(0, str(TESTS / "portable"))
    try:
        import test_rsa
    finally:
        sys.path.pop(0)
    test_rsa.job(None)
    assert machines["montgomery_machine"].instructions


def test_poly1305_at_the_edges_of_its_sum(machines, chance):
    portable_, fast = poly1305.Poly1305, one_time_mac().Poly1305
    for _ in range(200):
        key = chance.choice((chance.randbytes(32), b"\xff" * 32, bytes(32)))
        text = chance.choice((chance.randbytes(70), b"\xff" * 70))
        ours, theirs = fast(key), portable_(key)
        for each in (ours, theirs):
            each.update(text, 3, 35)
        end = chance.randrange(36, 71)
        fill = chance.random() < 0.5
        for each in (ours, theirs):
            each.update(text, 35, end, fill)
        assert ours.digest() == theirs.digest()


def one_time_mac():
    """Return the module around the kernel of Poly1305."""
    from tlscore.crypto.thumb import one_time_mac as module

    return module


def test_sha512_takes_words_that_carry_at_any_place(machines, chance):
    from tlscore.crypto.thumb import long_hash

    for size in (0, 1, 111, 112, 127, 128, 129, 300, 512):
        for word in (bytes(8), b"\xff" * 8, chance.randbytes(8)):
            start = tuple(chance.choices((0, (1 << 64) - 1, 1 << 63, 0xFFFFFFFF), k=8))
            message = word * (size // 8 + 2)
            for first in (0, 3):
                part = memoryview(message)[first : first + size]
                ours = long_hash.Sha512(start, 64, part)
                assert ours.digest() == sha512.Sha512(start, 64, bytes(part)).digest()


def running_hash():
    """Return the module around the kernel of SHA-256."""
    from tlscore.crypto.thumb import running_hash as module

    return module


def test_sha256_goes_on_from_any_place_and_any_state(machines, chance):
    for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 200, 321):
        for octet in (b"\0", b"\xff", None):
            message = (chance.randbytes(1) if octet is None else octet) * size
            for split in {0, 1, 3, 63, 64, 65, size // 2, size} & {*range(size + 1)}:
                running = running_hash().Sha256(message[:split])
                assert running.digest() == hashlib.sha256(message[:split]).digest()
                other = running.copy()
                running.update(memoryview(message)[split:])
                assert running.digest() == hashlib.sha256(message).digest()
                assert other.digest() == hashlib.sha256(message[:split]).digest()


def test_sha256_takes_words_that_carry(machines, chance):
    """States of ones and zeros, which no message is known to lead to, by a plain model."""
    core = machines["sha256_machine"]
    for _ in range(60):
        words = chance.choices((0, 0xFFFFFFFF, 0x80000000, 1, chance.getrandbits(32)), k=8)
        block = chance.choices((0, 0xFFFFFFFF, 0x80000000, chance.getrandbits(32)), k=16)
        context = bytearray(b"".join(word.to_bytes(4, "little") for word in words) + bytes(68))
        core.call(context, b"".join(word.to_bytes(4, "big") for word in block), 64, 8)
        found = [int.from_bytes(context[i : i + 4], "little") for i in range(0, 32, 4)]
        assert found == after_block(words, block)
        assert context[32:] == b"\x40" + bytes(67)


def after_block(state, words):
    """Return the state of SHA-256 after a block, word by word as FIPS 180-4 §6.2.2 says it."""
    words = list(words)

    def rotated(x, *by):
        return [x >> n | x << 32 - n & 0xFFFFFFFF for n in by]

    def xor(parts):
        return parts[0] ^ parts[1] ^ parts[2]

    constants = bench.sha256.constants()
    for t in range(16, 64):
        small_0 = xor([*rotated(words[t - 15], 7, 18), words[t - 15] >> 3])
        small_1 = xor([*rotated(words[t - 2], 17, 19), words[t - 2] >> 10])
        words.append(words[t - 16] + small_0 + words[t - 7] + small_1 & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = state
    for t in range(64):
        first = h + xor(rotated(e, 6, 11, 25)) + (e & f ^ ~e & g) + constants[t] + words[t]
        second = xor(rotated(a, 2, 13, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (
            first + second & 0xFFFFFFFF, a, b, c, d + first & 0xFFFFFFFF, e, f, g,
        )  # fmt: skip
    return [x + y & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def test_keys_of_all_sizes_make_any_number_of_hmacs(machines, chance):
    for size in (0, 1, 3, 4, 31, 32, 48, 63, 64, 65, 200):
        octets_ = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size)))
        key = running_hash().Key(octets_)
        for length in (0, 1, 55, 56, 64, 100):
            message = chance.randbytes(length)
            expected = hmac.digest(octets_, message, "sha256")
            assert key.hmac(message) == expected
            assert key.hmac(b"", memoryview(message)[:3], message[3:], b"") == expected


def test_sha256_executes_and_accesses_the_same_whatever_the_key(chance):
    secrets_ = (bytes(32), b"\xff" * 32, chance.randbytes(32))
    kept = [bytes(100) + secret + secret for secret in secrets_]
    for what in (bench.sha256.KEY, 12, bench.sha256.DIGEST | bench.sha256.OUTER):
        calls = [
            (bytearray(k), bytearray(s), 32, what) for k, s in zip(kept, secrets_, strict=True)
        ]
        first, *others = traces("sha256_machine", calls, at_least=20)
        assert all(other == first for other in others)


def test_chacha20_in_all_sizes_and_places(machines, chance):
    from tlscore.crypto.thumb import stream_cipher

    for size in (0, 1, 63, 64, 65, 127, 128, 129, 200):
        key, nonce = chance.randbytes(32), chance.randbytes(12)
        buffer = bytearray(chance.randbytes(size + 7))
        expected = bytearray(buffer)
        stream_cipher.ChaCha20(key).xor_key_stream(0xFFFFFF00, nonce, buffer, 3, 3 + size)
        chacha20.ChaCha20(key).xor_key_stream(0xFFFFFF00, nonce, expected, 3, 3 + size)
        assert buffer == expected


def test_aes_in_all_sizes_and_places(machines, chance):
    from tlscore.crypto.thumb import block_cipher

    for size in (0, 1, 15, 16, 17, 33):
        for key in (chance.randbytes(16), b"\xff" * 32, chance.randbytes(32)):
            buffer, counter = bytearray(chance.randbytes(size + 7)), chance.randbytes(12) + bytes(4)
            expected = bytearray(buffer)
            ours, theirs = block_cipher.AES(key), aes.AES(key)
            ours.xor_key_stream(counter, buffer, 3, 3 + size)
            theirs.xor_key_stream(counter, expected, 3, 3 + size)
            assert buffer == expected
            macs = bytearray(counter), bytearray(counter)
            ours.cbc_mac(macs[0], buffer, 1, 1 + size)
            theirs.cbc_mac(macs[1], buffer, 1, 1 + size)
            assert macs[0] == macs[1]


@pytest.mark.parametrize("size", [-1, 41])
def test_nothing_beyond_a_buffer_is_touched(machines, size):
    from tlscore.crypto.thumb import block_cipher, stream_cipher, universal_hash

    buffer = bytearray(40)
    for function, arguments in (
        (block_cipher.AES(bytes(16)).xor_key_stream, (bytes(16),)),
        (stream_cipher.ChaCha20(bytes(32)).xor_key_stream, (0, bytes(12))),
        (universal_hash.Ghash(bytes(16)).update, ()),
        (one_time_mac().Poly1305(bytes(32)).update, ()),
    ):
        with pytest.raises(ValueError, match="range"):
            function(*arguments, buffer, 0, size)


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
