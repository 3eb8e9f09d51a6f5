"""The kernel of P-256: a machine for programs of field operations, and point multiplication.

{interface}

Theory of operation. Field elements are in Montgomery form, x R mod p with R = 2^256, always fully
reduced, in slots of 32 bytes on the stack. The formulas are programs of field operations
(p256_programs.py has them). Around them the kernel builds the table of the odd multiples P, 3P,
..., 15P, and walks over the digits of the scalars. Divisions are by `division_steps`.

A secret scalar comes as the signs of 256 (comb: 260) binary digits that are +1 or -1, so that every
four of them, or every five that are 52 places apart, are an odd digit and choose one entry and a
sign; all entries of the table are read, under masks. No digit is zero, no partial sum is meant to
be infinity, and so one formula for the addition does. Where operands are equal or opposite it
gives Z = 0, and Z stays 0 to the end: the caller sees that and falls back on the portable code. For
random scalars that does not happen (2^-250); for the signatures of an attacker it may, and costs
time only. Public scalars, those of a verification, go through `point_sums`.

A verification is one call: the point is checked (y^2 = (x^2 - 3) x + b, and coordinates that come
back from Montgomery form as they were are below p), the scalars are digest / s and r / s, and the
sum is compared without a division, X = r Z^2. That r + n might be meant is the caller's affair.

Reduction. -1/p mod 2^96 = 1, and p + 1 = 2^256 - 2^224 + 2^192 + 2^96: adding m p for the lowest
three words m cancels them and adds m at the words 3, 6 and 8, less m at 7. Three rounds, of three,
three and two words, do the lower half of a product; the upper half is added to what is left. Modulo
n the words of n are multiplied in a loop.

Bounds. (L + M p) / R <= p for the lower half L < R and M < R; the upper half of a product of
numbers below p is below p, so the sum is below 2 p, and taking p away once, and giving it back
if that borrows, reduces it fully. Sums are below 2 p; a difference that borrows gets p added once;
x + p for an odd x has 257 bits, which the shift right takes in. Modulo n one operand may be any
number of 256 bits: a b < R n, so a b + m n < 2 n R.

Registers. Factors as in `multiprecision`; results modulo p are in r1-r8, r0 points to where they
go. In the reduction r4-r11 hold the lower half and r12 is 0. Modulo n r0 counts the rounds, twice,
with the carry between them in its lowest bit; lr is m, r1 points to n, and the stack pointer passes
over the high half.

Timing: the same instructions and addresses whatever the scalars, unless Z becomes 0; of sums and
verifications they are public.
"""

from __future__ import annotations

import itertools

from thumb import multiprecision, point_frame, point_machine
from thumb import p256_programs as programs
from thumb.assembler import Code

NAME = "multiply"
ARGUMENTS = 4
INTERFACE = """\
`multiply(buffer, table, first, what)`: `buffer` is a bytearray of 192 bytes, little-endian numbers:
X, Y, Z, SIGNS (32 each), COMB_SIGNS (64); `table` 2,208 bytes: 16 affine points in Montgomery form,
then R^2, R and 1 modulo p, R modulo n, b, and the generator's odd multiples 1 to 31; `first` the
first digit's place; `what` is one of

- 1: the scalar SIGNS times the point (X, Y); `first` is 252;
- 2: the scalar COMB_SIGNS times the generator; `first` is 51;
- 8: X / Z and Y / Z modulo n;
- 16: X Y / R modulo n into X, for a known-answer test;
- 32: SIGNS times the point (X, Y) and COMB_SIGNS times the generator, with the numbers themselves
  instead of signs, below 2^256;
- 64: a signature. The buffer has five numbers of 32 bytes, most significant byte first: the point's
  x and y, r, the digest, and s; r and s are in 1..n - 1, and r is not below p - n. Returned is 0 if
  the signature is right, 1 if it or the point is not, 2 if that cannot be told here.

4 together with 1 or 2 asks for the affine point X, Y. Points are not in Montgomery form."""

_WORDS = tuple(f"r{i}" for i in range(1, 9))  # of what routines modulo p make
_LIST = "{r1-r8}"
_RESULT = point_frame.RESULT


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    point_machine.write(code, SHAPE)
    _product(code)
    _sum(code)
    _difference(code)
    _half(code)
    _same(code)
    _reduce_modulo_n(code)
    code("# n and -1/n modulo 2^32", "order_words:")
    inverse = -pow(programs.N, -1, 1 << 32) % (1 << 32)
    octets = programs.N.to_bytes(32, "little") + inverse.to_bytes(4, "little")
    code(".byte " + ", ".join(map(str, octets)), "end:")
    return code


def _finish_y(code: Code) -> None:
    code("# p - y = (p + 1) + not y, where p + 1 has the words 0, 0, 0, 1, 0, 0, 1, -1")
    code(f"ldr r1, [sp, #{point_frame.SIGN}]")
    for word in multiprecision.LOW:
        code(f"eor {word}, {word}, r1")
    code("and r2, r1, #1", "adds r7, r7, r2", "adcs r8, r8, #0", "adcs r9, r9, #0")
    code("adcs r10, r10, r2", "adc r11, r11, r1", f"ldr r0, [sp, #{point_frame.WORKSPACE}]")
    code(f"add r1, r0, #{32 * programs.TY}", "stmia r1, {r4-r11}")


def _begin_verify(code: Code) -> None:
    code("# verify: the numbers from their octets, checked, and the scalars of the sum", "verify:")
    code("mov r1, r3")
    for slot in (programs.TABLE, programs.TABLE + 1, programs.Y, programs.X, programs.Z):
        code(f"add r0, sp, #{SHAPE.place(slot)}", "bl from_octets")
    code("bl check", "bl judge", "cmp r0, #0", "bne clear", "bl scalars")
    code(f"ldr r0, [sp, #{point_frame.BUFFER}]", "adds r0, #96")
    for slot in (programs.T0, programs.T1):
        code(f"add r1, sp, #{SHAPE.place(slot)}", "ldmia r1, {r4-r11}", "stmia r0!, {r4-r11}")
    code("b table")
    code("# judge: 1 to the status and to r0 if slots were different", "judge:")
    code(f"ldr r0, [sp, #{point_frame.DIFFERENT}]", "cmp r0, #0", "beq judged", "movs r0, #1")
    code("judged:", f"str r0, [sp, #{point_frame.STATUS}]", "bx lr")
    code("# from_octets: [r0] = 32 octets at r1, which moves on", "from_octets:", "adds r0, #32")
    code("movs r3, #8", "next_word:", "ldr r2, [r1], #4", "rev r2, r2", "str r2, [r0, #-4]!")
    code("subs r3, r3, #1", "bne next_word", "bx lr")


def _end_verify(code: Code) -> None:
    code(f"ldr r3, [sp, #{point_frame.WHAT}]", f"tst r3, #{point_frame.VERIFY}")
    code("beq deliver_it", f"add r0, sp, #{SHAPE.place(programs.Z)}", "ldmia r0, {r4-r11}")
    for word in multiprecision.LOW[1:]:
        code(f"orr r4, r4, {word}")
    code("movs r0, #2", f"str r0, [sp, #{point_frame.STATUS}]", "cmp r4, #0", "beq clear")
    code(f"ldr r1, [sp, #{point_frame.BUFFER}]", "adds r1, #64")
    code(f"add r0, sp, #{SHAPE.place(programs.TX)}", "bl from_octets", "bl compare", "bl judge")
    code("b clear")


SHAPE = point_frame.Shape(
    words=8, spacing=52, part=multiprecision.LOW, parts=1, programs=programs.ALL,
    finish_y=_finish_y, prime=programs.P, order=programs.N, width=6, begin_verify=_begin_verify,
    end_verify=_end_verify, constants=16, squares=True,
)  # fmt: skip


def _product(code: Code) -> None:
    code("# square: [r0] = [r1]^2 / R modulo p", "square:", "push {lr}", "sub sp, #64")
    code("movs r3, #0")
    multiprecision.square(code)
    multiprecision.square_low(code)
    code("mov lr, r1", "str r2, [sp, #60]")
    _reduce_low(code)
    code(f"stmia sp, {_LIST}", "mov r1, lr", "ldr r2, [sp, #60]", "movs r3, #0")
    multiprecision.square_high(code)
    code("add lr, sp, #32", "stmia lr, {r4-r11}", f"ldmia sp, {_LIST}", "b add_high")
    code("# product: [r0] = [r1] [r2] / R modulo p", "product:", "push {lr}", "sub sp, #64")
    multiprecision.multiply(code)
    code("lsls r1, r0, #31", "bne modulo_n", "ldmia sp, {r4-r11}")
    _reduce_low(code)
    code("add_high:", "add r12, sp, #32")
    _combine(code, "adds", "adcs")
    code("add sp, #64", "# once: r1-r8 and the carry flag, below 2 p, less p or not", "once:")
    code("mov r9, #0", "adc r9, r9, #0")
    # Less p, of the words -1, -1, -1, 0, 0, 0, 1, -1: -1 taken away is 0 with a carry added.
    code("adds r1, r1, #1", "adcs r2, r2, #0", "adcs r3, r3, #0", "sbcs r4, r4, #0")
    code("sbcs r5, r5, #0", "sbcs r6, r6, #0", "sbcs r7, r7, #1", "adcs r8, r8, #0")
    code("sbc r9, r9, #0", "# add_back: r1-r8 and p under the mask r9", "add_back:")
    _add_prime(code)
    code(f"stmia r0, {_LIST}", "pop {pc}")


def _reduce_low(code: Code) -> None:
    """Divide r4-r11 by R modulo p: into r1-r8, at most p; r12 is 0 afterwards.

    A round takes a number m off the lower end and adds m (p + 1) / 2^96 or 2^64 to the rest: twice
    three words and then two. m is added where p + 1 has 2^96, 2^192 and 2^256, and taken away at
    2^224. 40 instructions.
    """
    words = ("r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r1", "r2", "r3", "r4", "r5", "r6",
             "r7", "r8")  # fmt: skip
    code("mov r12, #0")
    for start in (0, 3):
        at = words[start:]
        m = at[:3]
        code(f"adds {at[3]}, {at[3]}, {m[0]}")
        for place, summand in zip(range(4, 8), (m[1], m[2], m[0], m[1]), strict=True):
            code(f"adcs {at[place]}, {at[place]}, {summand}")
        code(f"adcs {at[8]}, {m[2]}, r12")
        code(f"adc {at[9]}, r12, #0", f"subs {at[7]}, {at[7]}, {m[0]}")
        code(f"sbcs {at[8]}, {at[8]}, {m[1]}", f"sbcs {at[9]}, {at[9]}, {m[2]}")
        code(f"sbc {at[10]}, {at[10]}, {at[10]}", f"adds {at[8]}, {at[8]}, {m[0]}")
        code(f"adcs {at[9]}, {at[9]}, {m[1]}", f"adc {at[10]}, {at[10]}, {m[2]}")
    code("adds r2, r2, r10", "adcs r3, r3, r11", "adcs r4, r4, #0", "adcs r5, r5, r10")
    code("adcs r6, r6, r11", "adc r7, r12, #0", "subs r6, r6, r10", "sbcs r7, r7, r11")
    code("sbc r8, r8, r8", "adds r7, r7, r10", "adc r8, r8, r11")


def _combine(code: Code, first: str, others: str) -> None:
    """Add or subtract the eight words at [r12] to r1-r8; r9-r11 and lr are lost."""
    for half in (_WORDS[:4], _WORDS[4:]):
        code("ldmia r12!, {r9-r11, lr}")
        for word, operand in zip(half, ("r9", "r10", "r11", "lr"), strict=True):
            code(f"{first if word == 'r1' else others} {word}, {word}, {operand}")


def _sum(code: Code) -> None:
    code("# sum: [r0] = [r1] + [r2] modulo p", "sum:", "push {lr}", "mov r12, r2")
    code(f"ldmia r1, {_LIST}")
    _combine(code, "adds", "adcs")
    code("b once")


def _difference(code: Code) -> None:
    code("# difference: [r0] = [r1] - [r2] modulo p", "difference:", "push {lr}", "mov r12, r2")
    code(f"ldmia r1, {_LIST}")
    _combine(code, "subs", "sbcs")
    code("sbc r9, r9, r9", "b add_back")


def _add_prime(code: Code) -> None:
    """Add p under the mask r9; the carry flag is its last carry."""
    for i, word in enumerate(_WORDS[:6]):
        code(f"{'adcs' if i else 'adds'} {word}, {word}, {'r9' if i < 3 else '#0'}")
    code("and r10, r9, #1", "adcs r7, r7, r10", "adcs r8, r8, r9")


def _half(code: Code) -> None:
    code("# half: [r0] = [r1] / 2 modulo p", "half:", "push {lr}", f"ldmia r1, {_LIST}")
    code("and r9, r1, #1", "rsb r9, r9, #0")
    _add_prime(code)
    for word in reversed(_WORDS):
        code(f"rrxs {word}, {word}")
    code(f"stmia r0, {_LIST}", "pop {pc}")


def _same(code: Code) -> None:
    code("# same: notes in the frame whether [r1] and [r2] differ", "same:", "push {lr}")
    code(f"ldr r9, [sp, #{4 + point_frame.DIFFERENT}]", "mov r12, r2", f"ldmia r1, {_LIST}")
    for word in _WORDS:
        code("ldr r10, [r12], #4", f"eor r10, r10, {word}", "orr r9, r9, r10")
    code(f"str r9, [sp, #{4 + point_frame.DIFFERENT}]", "pop {pc}")


def _reduce_modulo_n(code: Code) -> None:
    code("# product_of_scalars: [r0] = [r1] [r2] / R modulo n; bit 0 of r0 tells it from product")
    code("product_of_scalars:", "adds r0, r0, #1", "b product", "modulo_n:", "subs r0, r0, #1")
    code(f"str r0, [sp, #{64 + 4 + _RESULT}]", "ldmia sp, {r4-r11}", "add sp, #32")
    code("lea r1, order_words", "movs r0, #16", "round:", "ldr r2, [r1, #32]", "mul lr, r4, r2")
    for i, word in enumerate(multiprecision.LOW):
        code(f"ldr r2, [r1, #{4 * i}]")
        if i:
            code(f"adds {word}, {word}, r12", "adc r12, r3, #0")
        else:
            code("mov r12, #0")
        code(f"umlal {word}, r12, lr, r2")
    code("ldr r2, [sp], #4", "lsrs r0, r0, #1", "adcs r12, r12, r2", "adc r0, r0, r0")
    for low, high in itertools.pairwise(multiprecision.LOW):
        code(f"mov {low}, {high}")
    code("mov r11, r12", "subs r0, r0, #2", "cmp r0, #2", "bhs round")
    for i, word in enumerate(multiprecision.LOW):
        code(f"ldr r2, [r1, #{4 * i}]", f"{'sbcs' if i else 'subs'} lr, {word}, r2")
    code("sbc lr, r0, #0", "mvn lr, lr", "ldr r2, [r1, #0]", "and r2, r2, lr", "subs r4, r4, r2")
    for i, word in enumerate(multiprecision.LOW[1:], 1):
        code(f"ldr r2, [r1, #{4 * i}]", "and r2, r2, lr", f"sbcs {word}, {word}, r2")
    code(f"ldr r0, [sp, #{4 + _RESULT}]", "stmia r0, {r4-r11}", "pop {pc}")
