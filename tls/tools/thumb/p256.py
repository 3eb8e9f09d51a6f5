"""The kernel of P-256: a machine for programs of field operations, and point multiplication.

{interface}

Theory of operation. Field elements are in Montgomery form, x R mod p with R = 2^256, always fully
reduced, in slots of 32 bytes on the stack. `run` executes a program of four-byte operations
(p256_programs.py has them with the formulas). Around it the kernel builds the table of the odd
multiples P, 3P, ..., 15P, walks over the digits of the scalars, and takes table entries by reading
all of them under masks.

A scalar comes as the signs of 256 (comb: 260) binary digits that are +1 or -1, so that every four
of them, or every five that are 52 places apart, are an odd digit and choose one entry and a sign.
No digit is zero, no partial sum is meant to be infinity, and so one formula for the addition does.
Where operands are equal or opposite it gives Z = 0, and Z stays 0 to the end: the caller sees that
and falls back on the portable code. For random scalars that does not happen (2^-250); for the
signatures of an attacker it may, and costs time only.

Reduction. p = 2^256 - 2^224 + 2^192 + 2^96 - 1, and -1/p mod 2^32 = 1: adding m p for the lowest
word m cancels it and adds m at the words 3 and 6, and m (2^32 - 1) at word 7. Eight rounds, then p
is taken away once, under a mask. Modulo n the words of n are multiplied in a loop.

Bounds. Operands below p (n): the product is below p R, so (product + m p) / R with m < R is below
2 p, one subtraction reduces it fully. m (2^32 - 1) = hi 2^32 + lo has hi <= 2^32 - 2, so adding
the carry of the round before to hi does not overflow. Sums are below 2 p, one subtraction; a
difference that borrows gets p added once; x + p for an odd x has 257 bits, which the shift right
takes in. Modulo n one operand may be any number of 256 bits: a b < R n, so the same holds.

Registers. As in `multiprecision`; r0 points to the result, r3 is 0; in the reduction r4-r11 hold
the words, r12 the carry between rounds. Modulo n r0 counts the rounds, twice, with the carry
between them in its lowest bit; lr is m, r1 points to n, and the stack pointer passes over the high
half.

Timing: the same instructions and addresses whatever the scalars, unless Z becomes 0.
"""

from __future__ import annotations

import itertools

from thumb import multiprecision, point_machine
from thumb import p256_programs as programs
from thumb.assembler import Code

NAME = "multiply"
ARGUMENTS = 4
INTERFACE = """\
`multiply(buffer, table, first, what)`: `buffer` is a bytearray of 192 bytes, little-endian numbers:
X, Y, Z, SIGNS (32 each), COMB_SIGNS (64); `table` 1,152 bytes: 16 affine points in Montgomery form,
then R^2, R and 1 modulo p and R^2 modulo n; `first` the first digit's place; `what` a sum of

- 1: the scalar SIGNS times the point (X, Y); `first` is 252;
- 2: the scalar COMB_SIGNS times the generator; `first` is 51, or 252 together with 1;
- 4: the sum as an affine point in X and Y, else as (X : Y : Z), not in Montgomery form;
- 8: nothing of this, but X / Z and Y / Z modulo n;
- 16: X Y / R modulo n into X, for a known-answer test."""

_RESULT = point_machine.RESULT
_WORDS = multiprecision.LOW


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    point_machine.write(code, SHAPE)
    _product(code)
    _sum(code)
    _difference(code)
    _half(code)
    _reduce_modulo_n(code)
    code("# n and -1/n modulo 2^32", "order:")
    inverse = -pow(programs.N, -1, 1 << 32) % (1 << 32)
    octets = programs.N.to_bytes(32, "little") + inverse.to_bytes(4, "little")
    code(".byte " + ", ".join(map(str, octets)), "end:")
    return code


def _finish_y(code: Code) -> None:
    code("# p - y = (p + 1) + not y, where p + 1 has the words 0, 0, 0, 1, 0, 0, 1, -1")
    code(f"ldr r1, [sp, #{point_machine.SIGN}]")
    for word in _WORDS:
        code(f"eor {word}, {word}, r1")
    code("and r2, r1, #1", "adds r7, r7, r2", "adcs r8, r8, #0", "adcs r9, r9, #0")
    code("adcs r10, r10, r2", "adc r11, r11, r1", f"ldr r0, [sp, #{point_machine.WORKSPACE}]")
    code(f"add r1, r0, #{32 * programs.TY}", "stmia r1, {r4-r11}")


SHAPE = point_machine.Shape(
    words=8, spacing=52, part=_WORDS, parts=1, programs=programs.ALL, finish_y=_finish_y,
    modulo_n=True,
)  # fmt: skip


def _product(code: Code) -> None:
    code("# product: [r0] = [r1] [r2] / R modulo p", "product:", "push {lr}", "sub sp, #64")
    multiprecision.multiply(code)
    code("lsls r1, r0, #31", "bne modulo_n", "ldmia sp, {r4-r11}")
    words = list(_WORDS)
    for i in range(8):
        lowest = words[0]
        code(f"ldr lr, [sp, #{32 + 4 * i}]", f"rsbs r1, {lowest}, #0", f"sbc r2, {lowest}, #0")
        if i:
            code("add r2, r12")
        code(f"adds {words[3]}, {words[3]}, {lowest}", f"adcs {words[4]}, {words[4]}, r3")
        code(f"adcs {words[5]}, {words[5]}, r3", f"adcs {words[6]}, {words[6]}, {lowest}")
        code(f"adcs {words[7]}, {words[7]}, r1", f"adcs {lowest}, lr, r2", "adc r12, r3, #0")
        words = words[1:] + words[:1]
    code("add sp, #64")
    code("# once: r12 and r4-r11, below 2 p, less p unless they are below it", "once:")
    code("mov r1, #-1", "subs lr, r4, r1")
    for word, subtrahend in zip(
        _WORDS[1:], ("r1", "r1", "r3", "r3", "r3", "#1", "r1"), strict=True
    ):
        code(f"sbcs lr, {word}, {subtrahend}")
    code("sbc lr, r12, #0", "mvn lr, lr")
    for i, word in enumerate(_WORDS[:6]):
        code(f"{'sbcs' if i else 'subs'} {word}, {word}, {'lr' if i < 3 else 'r3'}")
    code(
        "and r2, lr, #1", "sbcs r10, r10, r2", "sbc r11, r11, lr", "stmia r0, {r4-r11}", "pop {pc}"
    )


def _sum(code: Code) -> None:
    code("# sum: [r0] = [r1] + [r2] modulo p", "sum:", "push {lr}", "ldmia r1, {r4-r11}")
    code("movs r3, #0")
    multiprecision.combine(code, "adds", "adcs", "r2")
    code("adc r12, r3, #0", "b once")


def _difference(code: Code) -> None:
    code("# difference: [r0] = [r1] - [r2] modulo p", "difference:", "push {lr}")
    code("ldmia r1, {r4-r11}", "movs r3, #0")
    multiprecision.combine(code, "subs", "sbcs", "r2")
    code("sbc lr, lr, lr")
    _add_prime(code)
    code("stmia r0, {r4-r11}", "pop {pc}")


def _add_prime(code: Code) -> None:
    """Add p under the mask lr; the carry flag is its last carry."""
    for i, word in enumerate(_WORDS[:6]):
        code(f"{'adcs' if i else 'adds'} {word}, {word}, {'lr' if i < 3 else 'r3'}")
    code("and r2, lr, #1", "adcs r10, r10, r2", "adcs r11, r11, lr")


def _half(code: Code) -> None:
    code("# half: [r0] = [r1] / 2 modulo p", "half:", "push {lr}", "ldmia r1, {r4-r11}")
    code("movs r3, #0", "and lr, r4, #1", "rsb lr, lr, #0")
    _add_prime(code)
    for word in reversed(_WORDS):
        code(f"rrxs {word}, {word}")
    code("stmia r0, {r4-r11}", "pop {pc}")


def _reduce_modulo_n(code: Code) -> None:
    code("# product_of_scalars: [r0] = [r1] [r2] / R modulo n; bit 0 of r0 tells it from product")
    code("product_of_scalars:", "adds r0, r0, #1", "b product", "modulo_n:", "subs r0, r0, #1")
    code(f"str r0, [sp, #{64 + 4 + _RESULT}]", "ldmia sp, {r4-r11}", "add sp, #32")
    code("lea r1, order", "movs r0, #16", "round:", "ldr r2, [r1, #32]", "mul lr, r4, r2")
    for i, word in enumerate(_WORDS):
        code(f"ldr r2, [r1, #{4 * i}]")
        if i:
            code(f"adds {word}, {word}, r12", "adc r12, r3, #0")
        else:
            code("mov r12, #0")
        code(f"umlal {word}, r12, lr, r2")
    code("ldr r2, [sp], #4", "lsrs r0, r0, #1", "adcs r12, r12, r2", "adc r0, r0, r0")
    for low, high in itertools.pairwise(_WORDS):
        code(f"mov {low}, {high}")
    code("mov r11, r12", "subs r0, r0, #2", "cmp r0, #2", "bhs round")
    for i, word in enumerate(_WORDS):
        code(f"ldr r2, [r1, #{4 * i}]", f"{'sbcs' if i else 'subs'} lr, {word}, r2")
    code("sbc lr, r0, #0", "mvn lr, lr", "ldr r2, [r1, #0]", "and r2, r2, lr", "subs r4, r4, r2")
    for i, word in enumerate(_WORDS[1:], 1):
        code(f"ldr r2, [r1, #{4 * i}]", "and r2, r2, lr", f"sbcs {word}, {word}, r2")
    code(f"ldr r0, [sp, #{4 + _RESULT}]", "stmia r0, {r4-r11}", "pop {pc}")
