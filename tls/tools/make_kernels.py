"""Write the kernels of `tlscore.crypto.thumb` again: see `thumb/__init__.py`.

python tls/tools/make_kernels.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

TOOLS = Path(__file__).parent
FOLDER = TOOLS.parent / "tlscore" / "crypto" / "thumb"
sys.path[:0] = [str(TOOLS), str(TOOLS.parent)]

from thumb import (  # noqa: E402
    aes,
    chacha20,
    curve25519,
    ghash,
    montgomery,
    p256,
    p256_programs,
    p384,
    p384_programs,
    point_machine,
    poly1305,
    python_file,
    sha512,
)
from thumb.host import Machine  # noqa: E402


def ladder_costs(machine: Machine) -> list[str]:
    """Measure the kernel of X25519."""
    buffer = bytearray(31) + b"\x40" + b"\x09" + bytes(31)
    machine.call(buffer, 254)
    return [
        f"X25519: {machine.instructions:,}",
        f"stack: {machine.stack_used()} bytes; heap: the buffer of 64",
    ]


def p256_costs(machine: Machine) -> list[str]:
    """Measure the kernel of P-256."""
    table = p256_table()
    costs = []
    for text, first, what in (
        ("a multiple of the generator, affine", 51, point_machine.COMB | point_machine.AFFINE),
        ("a multiple of a point, affine", 252, point_machine.WINDOW | point_machine.AFFINE),
        ("the sum of two for a verification", 252, point_machine.WINDOW | point_machine.COMB),
        ("two quotients modulo n", 0, point_machine.SCALARS),
    ):
        machine.call(bytearray(192), table, first, what)
        costs.append(f"{text}: {machine.instructions:,}")
    costs.append(f"stack: {machine.stack_used()} bytes; heap: the buffer of 192")
    return costs


def aes_costs(machine: Machine) -> list[str]:
    """Measure the kernel of AES."""
    costs = []
    for bits, rounds in ((128, 10), (256, 14)):
        context = bytearray(56 + 16 * rounds)
        context[32] = rounds - 1
        machine.call(context, bytearray(1024), 0, 1024)
        costs.append(f"AES-{bits}, 1,024 bytes of counter mode: {machine.instructions:,}")
    costs.append(f"stack: {machine.stack_used()} bytes; heap: the context")
    return costs


def chacha20_costs(machine: Machine) -> list[str]:
    """Measure the kernel of ChaCha20."""
    machine.call(bytearray(64), bytearray(1024), 0, 1024)
    return [
        f"1,024 bytes: {machine.instructions:,}",
        f"stack: {machine.stack_used()} bytes; heap: the context",
    ]


def poly1305_costs(machine: Machine) -> list[str]:
    """Measure the kernel of Poly1305."""
    machine.call(bytearray(40), bytes(1024), 0, 1024)
    return [
        f"1,024 bytes: {machine.instructions:,}",
        f"stack: {machine.stack_used()} bytes; heap: the context",
    ]


def montgomery_costs(machine: Machine) -> list[str]:
    """Measure the kernel of powers."""
    costs = []
    for bits in (1024, 2048, 4096):
        context = b"\x01" + bytes(3 * bits // 8 - 1)
        machine.call(bytearray(context), bits >> 5, 16, 256)
        costs.append(f"{bits:,} bits, 17 products: {machine.instructions:,}")
    costs.append(f"stack at 4,096 bits: {machine.stack_used():,} bytes; heap: the context")
    return costs


def sha512_costs(machine: Machine) -> list[str]:
    """Measure the kernel of SHA-512."""
    machine.call(bytearray(64) + b"\x50", bytes(1024), 0, 1024)
    return [
        f"1,024 bytes: {machine.instructions:,}",
        f"stack: {machine.stack_used()} bytes; heap: the context",
    ]


def ghash_costs(machine: Machine) -> list[str]:
    """Measure the kernel of GHASH."""
    machine.call(bytearray(32), bytes(1024), 0, 1024)
    return [
        f"1,024 bytes: {machine.instructions:,}",
        f"stack: {machine.stack_used()} bytes; heap: the context",
    ]


def p384_costs(machine: Machine) -> list[str]:
    """Measure the kernel of P-384."""
    table = p384_table()
    costs = []
    for text, first, what in (
        ("a multiple of the generator, affine", 76, point_machine.COMB | point_machine.AFFINE),
        ("a multiple of a point, affine", 380, point_machine.WINDOW | point_machine.AFFINE),
        ("the sum of two for a verification", 380, point_machine.WINDOW | point_machine.COMB),
    ):
        machine.call(bytearray(288), table, first, what)
        costs.append(f"{text}: {machine.instructions:,}")
    costs.append(f"stack: {machine.stack_used():,} bytes; heap: the buffer of 288")
    return costs


def p256_table() -> bytes:
    """Return the comb table of the portable code in the form the kernel reads, and constants."""
    from tlscore.crypto.p256 import _COMB  # noqa: PLC0415 -- the path is set above

    square_modulo_n = (1 << 512) % p256_programs.N
    return _table(_COMB, p256_programs.P, 32) + square_modulo_n.to_bytes(32, "little")


def p384_table() -> bytes:
    """Return the same for P-384."""
    from tlscore.crypto.p384 import _COMB  # noqa: PLC0415

    return _table(_COMB, p384_programs.P, 48)


def _table(comb: tuple[tuple[int, int], ...], prime: int, size: int) -> bytes:
    r = 1 << 8 * size
    numbers = [c * r % prime for point in comb for c in point]
    numbers += [r * r % prime, r % prime, 1]
    return b"".join(number.to_bytes(size, "little") for number in numbers)


def files() -> dict[str, str]:
    """Return the names of all generated files with their text."""
    made = {}
    for name, kernel, costs_of, tables in (
        ("aes_machine", aes, aes_costs, dict),
        ("chacha20_machine", chacha20, chacha20_costs, dict),
        ("ghash_machine", ghash, ghash_costs, dict),
        ("ladder", curve25519, ladder_costs, dict),
        ("montgomery_machine", montgomery, montgomery_costs, dict),
        ("p256_machine", p256, p256_costs, lambda: {"TABLE": p256_table()}),
        ("p384_machine", p384, p384_costs, lambda: {"TABLE": p384_table()}),
        ("poly1305_machine", poly1305, poly1305_costs, dict),
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
