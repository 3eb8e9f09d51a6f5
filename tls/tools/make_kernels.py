"""Write the kernels of `tlscore.crypto.thumb` again: see `thumb/__init__.py`.

python tls/tools/make_kernels.py [--check]
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlscore.crypto.weierstrass import Curve

TOOLS = Path(__file__).parent
FOLDER = TOOLS.parent / "tlscore" / "crypto" / "thumb"
sys.path[:0] = [str(TOOLS), str(TOOLS.parent)]

from thumb import (  # noqa: E402
    chacha20_poly1305,
    copying,
    curve25519,
    edwards25519,
    gcm,
    montgomery,
    p256,
    p384,
    p384_programs,
    point_frame,
    python_file,
    sha256,
    sha512,
)
from thumb.host import Machine  # noqa: E402


def ladder_costs(machine: Machine) -> list[str]:
    """Measure the kernel of X25519."""
    table = edwards25519.table()
    machine.call(bytearray(31) + b"\x40" + b"\x09" + bytes(31), 254, table)
    costs = [f"X25519: {machine.instructions:,}"]
    machine.call(bytearray(64), 512 + 31, table)
    return [
        *costs,
        f"a multiple of the base point: {machine.instructions:,}",
        f"stack: {machine.stack_used()} bytes; heap: the buffer of 64",
    ]


def p256_costs(machine: Machine) -> list[str]:
    """Measure the kernel of P-256."""
    table = p256_table()
    costs = []
    for text, first, what in (
        ("a multiple of the generator, affine", 51, point_frame.COMB | point_frame.AFFINE),
        ("a multiple of a point, affine", 252, point_frame.WINDOW | point_frame.AFFINE),
        ("two quotients modulo n", 0, point_frame.SCALARS),
    ):
        machine.call(bytearray(192), table, first, what)
        costs.append(f"{text}: {machine.instructions:,}")
    machine.call(verified_example(), table, 0, point_frame.VERIFY)
    costs.append(f"a verification, on average: about {machine.instructions:,}")
    costs.append(f"stack: {machine.stack_used()} bytes; heap: the buffer of 192")
    return costs


def verified_example() -> bytearray:
    """Return a buffer with the public key and the signature of RFC 6979 A.2.5 over "sample"."""
    numbers = (
        0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
        0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        int.from_bytes(hashlib.sha256(b"sample").digest(), "big"),
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
        0,
    )
    return bytearray(b"".join(number.to_bytes(32, "big") for number in numbers))


def gcm_costs(machine: Machine) -> list[str]:
    """Measure the kernel of AES and GCM."""
    costs = []
    for bits, rounds in ((128, 10), (256, 14)):
        context = bytearray(120 + 16 * rounds)
        context[32] = rounds - 1
        buffer = bytearray(1040)
        for text, what in (
            ("counter mode", 2),
            ("GHASH", 4),
            ("a message sealed", 31),
            ("CBC-MAC", 64),
        ):
            context[36] = what
            machine.call(context, buffer, 0, 1024)
            costs.append(f"AES-{bits}, 1,024 bytes, {text}: {machine.instructions:,}")
        context[36] = 128
        machine.call(context, buffer, 0, 0)
        costs.append(f"AES-{bits}, round keys and H: {machine.instructions:,}")
    costs.append(f"stack: {machine.stack_used()} bytes; heap: the context")
    return costs


def chacha20_poly1305_costs(machine: Machine) -> list[str]:
    """Measure the kernel of ChaCha20-Poly1305."""
    costs = []
    for text, what in (("ChaCha20", 2), ("Poly1305", 4), ("a message sealed", 31)):
        context = bytearray(156)
        context[148] = what
        machine.call(context, bytearray(1040), 0, 1024)
        costs.append(f"1,024 bytes, {text}: {machine.instructions:,}")
    costs.append(f"stack: {machine.stack_used()} bytes; heap: the context")
    return costs


def copying_costs(machine: Machine) -> list[str]:
    """Measure the kernel that copies."""
    machine.call(bytearray(1040), bytes(1024), 5, 1024)
    return [f"1,024 bytes: {machine.instructions:,}", "stack: none"]


def montgomery_costs(machine: Machine) -> list[str]:
    """Measure the kernel of powers, with contexts as `modular_power.py` gives it.

    Of moduli whose exponent is public the last factor is there in halves; the primes of RSA-4096,
    whose exponent is secret, have a table of four entries.
    """
    costs = []
    for bits in (1024, 2048, 4096):
        size = bits // 8
        context = bytearray(3 * size + 8 + size // 2)
        context[0] = 1
        instructions = 0
        for squarings, choice in ((16, montgomery.LOWER_HALF), (0, montgomery.UPPER_HALF)):
            machine.call(context, size // 4, squarings, choice)
            instructions += machine.instructions
        costs.append(f"{bits:,} bits, 17 products: {instructions:,}")
    verifying = f"{machine.stack_used()} for a public exponent"
    context = bytearray(3 * 256 + 8 + 4 * 256)
    context[0] = 1
    machine.call(context, 256 // 4, 2, 4 << 8)
    stack = f"{machine.stack_used()} for the primes of RSA-4096"
    return [*costs, f"stack: {verifying}, {stack}; heap: the context"]


def sha256_costs(machine: Machine) -> list[str]:
    """Measure the kernel of SHA-256."""
    costs = []
    context = bytearray(164)
    for text, size, what in (
        ("1,024 bytes taken in", 1024, sha256.START | sha256.TAKE),
        ("the digest of them", 32, sha256.DIGEST),
        ("a key of 32 bytes", 32, sha256.KEY),
        ("40 bytes under it", 40, sha256.INNER | sha256.TAKE),
        ("their HMAC", 32, sha256.DIGEST | sha256.OUTER),
    ):
        machine.call(context, bytearray(size), size, what)
        costs.append(f"{text}: {machine.instructions:,}")
    return [*costs, f"stack: {machine.stack_used()} bytes; heap: the context"]


def sha512_costs(machine: Machine) -> list[str]:
    """Measure the kernel of SHA-512."""
    machine.call(bytearray(64) + b"\x50", bytes(1024), 0, 1024)
    return [
        f"1,024 bytes: {machine.instructions:,}",
        f"stack: {machine.stack_used()} bytes; heap: the context",
    ]


def p384_costs(machine: Machine) -> list[str]:
    """Measure the kernel of P-384."""
    table = p384_table()
    costs = []
    for text, first, what in (
        ("a multiple of the generator, affine", 76, point_frame.COMB | point_frame.AFFINE),
        ("a multiple of a point, affine", 380, point_frame.WINDOW | point_frame.AFFINE),
        ("two quotients modulo n", 0, point_frame.SCALARS),
    ):
        machine.call(bytearray(192), table, first, what)
        costs.append(f"{text}: {machine.instructions:,}")
    scalars = b"".join((p384_programs.N // i).to_bytes(48, "little") for i in (3, 7))
    numbers = bytes(48 * 2) + scalars
    machine.call(bytearray(numbers), table, 0, point_frame.SUM)
    costs.append(f"the sum of two for a verification: about {machine.instructions:,}")
    costs.append(f"stack: {machine.stack_used():,} bytes; heap: the buffer of 192")
    return costs


def p256_table() -> bytes:
    """Return the tables of the portable code in the form the kernel reads, and constants."""
    from tlscore.crypto.p256 import CURVE  # noqa: PLC0415 -- the path is set above

    r = 1 << 256
    constants = (r % CURVE.n, CURVE.b * r % CURVE.p)
    return _table(CURVE, constants, 16)


def p384_table() -> bytes:
    """Return the same for P-384."""
    from tlscore.crypto.p384 import CURVE  # noqa: PLC0415

    return _table(CURVE, (), 8)


def _table(curve: Curve, constants: tuple[int, ...], multiples: int) -> bytes:
    r, p = 1 << 8 * curve.size, curve.p
    numbers = [c * r % p for point in curve._comb for c in point]
    numbers += [r * r % p, r % p, 1, *constants]
    odd = (curve.affine(curve.multiply_base(2 * i + 1)) for i in range(multiples))
    numbers += [c * r % p for point in odd for c in point]
    return b"".join(number.to_bytes(curve.size, "little") for number in numbers)


def files() -> dict[str, str]:
    """Return the names of all generated files with their text."""
    made = {}
    for name, kernel, costs_of, tables in (
        ("aes_gcm_machine", gcm, gcm_costs, dict),
        ("chacha20_poly1305_machine", chacha20_poly1305, chacha20_poly1305_costs, dict),
        ("copy_machine", copying, copying_costs, dict),
        ("ladder", curve25519, ladder_costs, lambda: {"TABLE": edwards25519.table()}),
        ("montgomery_machine", montgomery, montgomery_costs, dict),
        ("p256_machine", p256, p256_costs, lambda: {"TABLE": p256_table()}),
        ("p384_machine", p384, p384_costs, lambda: {"TABLE": p384_table()}),
        ("sha256_machine", sha256, sha256_costs, dict),
        ("sha512_machine", sha512, sha512_costs, dict),
    ):
        program = kernel.kernel().assemble()
        costs = [f"code: {len(program.octets):,} bytes", *costs_of(Machine(program))]
        made[f"{name}.py"] = python_file.text(kernel, program, costs, tables())
    return made


def main() -> int:
    """Write what differs, or with --check only name it."""
    check = sys.argv[1:] == ["--check"]
    changed = False
    for name, text in files().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed = True
            print(f"{'differs' if check else 'written'}: {path.relative_to(TOOLS.parents[1])}")
            if not check:
                path.write_text(text, encoding="utf-8")
    return int(changed and check)


if __name__ == "__main__":
    sys.exit(main())
