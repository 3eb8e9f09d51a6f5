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

from thumb import multiprecision
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

WINDOW, COMB, AFFINE, SCALARS, ONE_PRODUCT = 1, 2, 4, 8, 16
COMB_SPACING = 52
COMB_ENTRIES = 16
# Words of the frame.
_WORKSPACE, _COMB, _PLACE, _WHAT, _PROGRAM, _RETURN, _COUNT, _EMPTY = range(0, 32, 4)
_INDEX, _SIGN, _SELECT_RETURN, _ENTRY, _LAST, _MEMBERS, _RESULT, _BUFFER = range(32, 64, 4)
_SLOTS_BASE = 64
_FRAME = _SLOTS_BASE + 32 * programs.SLOTS
_TABLE_BYTES = 64 * COMB_ENTRIES
_WORDS = multiprecision.LOW


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    _main(code)
    _table(code)
    _digits(code)
    _select(code)
    programs.write(code)
    _run(code)
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


def _program(code: Code, name: str) -> None:
    code(f"lea r3, {name}", "bl run")


def _main(code: Code) -> None:
    code("# entry: the slots on the stack, filled from the buffer and the table")
    code("push {r8-r11}", f"sub sp, #{_FRAME}", "mov r12, r3", "mov r3, r0")
    code(f"str r0, [sp, #{_BUFFER}]", f"add r0, sp, #{_SLOTS_BASE}", "mov lr, r1")
    code("stmia sp, {r0-r2}", f"str r12, [sp, #{_WHAT}]", "mov r2, r0", "mov r1, r3")
    _copy(code, 3)
    code(f"add r0, r2, #{32 * programs.SIGNS}")
    _copy(code, 3)
    code(f"add r0, r2, #{32 * programs.TABLE}", "mov r1, r3")
    _copy(code, 2)
    code("# the constants, word by word: bytes in flash may lie at any address")
    code(f"add r0, r2, #{32 * programs.RR}", f"add r1, lr, #{_TABLE_BYTES}", "movs r3, #24")
    code("mov r2, r12", f"tst r2, #{SCALARS}", "beq constants", "adds r1, #96")
    code("movs r3, #8", "constants:")
    code("ldr r4, [r1], #4", "str r4, [r0], #4", "subs r3, r3, #1", "bne constants")
    code("mov r3, r12", f"tst r3, #{SCALARS}", "beq points")
    _program(code, "invert_scalar")
    code("b finished", "points:", f"tst r3, #{ONE_PRODUCT}", "beq no_single")
    _program(code, "scalar_product")
    code("b finished", "no_single:")
    code("movs r2, #1", f"str r2, [sp, #{_EMPTY}]", f"tst r3, #{WINDOW}", "beq walk", "b table")
    code("# the walk over the digits", "walk:")
    code(f"ldr r2, [sp, #{_PLACE}]", f"ldr r3, [sp, #{_WHAT}]")
    code(f"tst r3, #{WINDOW}", "beq no_window", "tst r2, #3", "bne no_window", "bl window")
    code("no_window:", f"ldr r2, [sp, #{_PLACE}]", f"ldr r3, [sp, #{_WHAT}]")
    code(f"tst r3, #{COMB}", "beq no_comb", f"cmp r2, #{COMB_SPACING}", "bhs no_comb", "bl comb")
    code("no_comb:", f"ldr r2, [sp, #{_PLACE}]", "subs r2, r2, #1", f"str r2, [sp, #{_PLACE}]")
    code("bmi walked")
    _program(code, "double")
    code("b walk", "walked:", f"ldr r3, [sp, #{_WHAT}]", f"tst r3, #{AFFINE}", "beq deliver_it")
    _program(code, "invert")
    _program(code, "to_affine")
    code("deliver_it:")
    _program(code, "deliver")
    code("# the result to the buffer, zeros to the slots", "finished:")
    code(f"ldr r0, [sp, #{_BUFFER}]", f"add r1, sp, #{_SLOTS_BASE}")
    _copy(code, 3)
    for word in _WORDS:
        code(f"mov {word}, #0")
    code(f"add r0, sp, #{_SLOTS_BASE}", f"movs r1, #{programs.SLOTS}", "clearing:")
    code("stmia r0!, {r4-r11}", "subs r1, r1, #1", "bne clearing")
    code(f"add sp, #{_FRAME}", "pop {r8-r11}", "movs r0, #0", "b end")


def _copy(code: Code, slots: int) -> None:
    """Copy slots from r1 to r0, both of which move on."""
    for _ in range(slots):
        code("ldmia r1!, {r4-r11}", "stmia r0!, {r4-r11}")


def _table(code: Code) -> None:
    """The table of odd multiples, affine."""
    code("# the table: 3 P, 5 P, ... in turn, each with the H of its addition", "table:")
    for name in ("prepare", "double", "begin_table"):
        _program(code, name)
    code("movs r2, #0", "next_entry:", "adds r2, r2, #1", f"str r2, [sp, #{_ENTRY}]")
    _program(code, "addition")
    code(f"ldr r1, [sp, #{_WORKSPACE}]", f"ldr r2, [sp, #{_ENTRY}]")
    code(f"add r0, r1, #{32 * programs.TABLE}", "add r0, r0, r2, lsl #6")
    _copy(code, 2)
    code(f"ldr r3, [sp, #{_WORKSPACE}]", f"add r1, r3, #{32 * programs.H}")
    code(f"add r0, r3, #{32 * (programs.HISTORY - 1)}", "add r0, r0, r2, lsl #5")
    _copy(code, 1)
    code(f"cmp r2, #{programs.ENTRIES - 1}", "bne next_entry")
    for name in ("return_", "invert"):
        _program(code, name)
    code("# backwards, each made affine", f"movs r2, #{programs.ENTRIES - 1}", "last_entry:")
    code(f"str r2, [sp, #{_ENTRY}]", f"ldr r0, [sp, #{_WORKSPACE}]")
    code(f"add r1, r0, #{32 * (programs.HISTORY - 1)}", "add r1, r1, r2, lsl #5")
    code("mov r3, r0", f"add r0, r0, #{32 * programs.H}")
    _copy(code, 1)
    code("mov r0, r3", f"add r1, r0, #{32 * programs.TABLE}", "add r1, r1, r2, lsl #6")
    _copy(code, 2)
    _program(code, "affine_entry")
    code(f"ldr r1, [sp, #{_WORKSPACE}]", f"ldr r2, [sp, #{_ENTRY}]")
    code(f"add r0, r1, #{32 * programs.TABLE}", "add r0, r0, r2, lsl #6")
    _copy(code, 2)
    code("subs r2, r2, #1", "bne last_entry", "b walk")


def _digits(code: Code) -> None:
    """Entry and sign of the digit at place r2, then `select` adds it."""
    code("# window: four signs in a row", "window:", f"ldr r0, [sp, #{_WORKSPACE}]")
    code(f"add r1, r0, #{32 * programs.SIGNS}", "lsrs r3, r2, #3", "ldrb r3, [r1, r3]")
    code("and r4, r2, #4", "lsrs r3, r4", "and r3, r3, #15", "lsrs r4, r3, #3", "subs r4, r4, #1")
    code("eors r3, r4", "and r3, r3, #7", f"movs r2, #{programs.ENTRIES - 1}")
    code(f"add r1, r0, #{32 * programs.TABLE}", "b select")
    code("# comb: five signs far apart", "comb:", f"ldr r0, [sp, #{_WORKSPACE}]")
    code(f"add r1, r0, #{32 * programs.COMB_SIGNS}", f"add r2, r2, #{4 * COMB_SPACING}")
    code("movs r3, #0", "movs r6, #5", "tooth:", "lsrs r4, r2, #3", "ldrb r4, [r1, r4]")
    code("and r5, r2, #7", "lsrs r4, r5", "and r4, r4, #1", "adds r3, r3, r3", "orrs r3, r4")
    code(f"subs r2, r2, #{COMB_SPACING}", "subs r6, r6, #1", "bne tooth")
    code("lsrs r4, r3, #4", "subs r4, r4, #1", "eors r3, r4", "and r3, r3, #15")
    code(f"movs r2, #{COMB_ENTRIES - 1}", f"ldr r1, [sp, #{_COMB}]")


def _select(code: Code) -> None:
    code("# select: entry r3 of the r2 + 1 at r1, its y negated if r4 is -1; then add it")
    code("select:", "add r1, r1, r2, lsl #6")
    code(f"str r3, [sp, #{_INDEX}]", f"str r4, [sp, #{_SIGN}]", f"str lr, [sp, #{_SELECT_RETURN}]")
    code(f"str r1, [sp, #{_LAST}]", f"str r2, [sp, #{_MEMBERS}]", "bl gather")
    code(f"ldr r0, [sp, #{_WORKSPACE}]", f"add r0, r0, #{32 * programs.TX}", "stmia r0, {r4-r11}")
    code(f"ldr r3, [sp, #{_INDEX}]", f"ldr r1, [sp, #{_LAST}]", f"ldr r2, [sp, #{_MEMBERS}]")
    code("adds r1, #32", "bl gather", f"ldr r1, [sp, #{_SIGN}]")
    code("# p - y = (p + 1) + not y, where p + 1 has the words 0, 0, 0, 1, 0, 0, 1, -1")
    for word in _WORDS:
        code(f"eor {word}, {word}, r1")
    code("and r2, r1, #1", "adds r7, r7, r2", "adcs r8, r8, #0", "adcs r9, r9, #0")
    code("adcs r10, r10, r2", "adc r11, r11, r1", f"ldr r0, [sp, #{_WORKSPACE}]")
    code(f"add r1, r0, #{32 * programs.TY}", "stmia r1, {r4-r11}")
    code(f"ldr r2, [sp, #{_EMPTY}]", "cmp r2, #0", "bne first_digit")
    _program(code, "addition")
    code(f"ldr lr, [sp, #{_SELECT_RETURN}]", "bx lr")
    code("first_digit:", "movs r2, #0", f"str r2, [sp, #{_EMPTY}]")
    code("mov r3, r0", f"add r1, r0, #{32 * programs.TX}")
    _copy(code, 2)
    code(f"add r1, r3, #{32 * programs.R}")
    _copy(code, 1)
    code(f"ldr lr, [sp, #{_SELECT_RETURN}]", "bx lr")
    code("# gather: r4-r11 = eight words of entry r3, all entries being read from the last at r1")
    code("gather:", "push {lr}")
    for word in _WORDS:
        code(f"mov {word}, #0")
    code("member:", "eor lr, r2, r3", "subs lr, lr, #1", "sbc lr, lr, lr")
    for i, word in enumerate(_WORDS):
        code(f"ldr r12, [r1, #{4 * i}]", "and r12, r12, lr", f"orr {word}, {word}, r12")
    code("subs r1, #64", "subs r2, r2, #1", "bpl member", "pop {pc}")


def _run(code: Code) -> None:
    code("# run: the program at r3", "run:", f"str lr, [sp, #{_RETURN}]")
    code("operation:", f"ldr r5, [sp, #{_WORKSPACE}]", "ldr r4, [r3], #4")
    code(f"str r3, [sp, #{_PROGRAM}]", "ubfx r0, r4, #8, #8", "ubfx r1, r4, #16, #8")
    code("lsrs r2, r4, #24", "uxtb r4, r4")
    for register in ("r0", "r1", "r2"):
        code(f"add {register}, r5, {register}, lsl #5")
    code(f"cmp r4, #{programs.ADD}", "bhs no_product", "cmp r4, #0", "beq ended", "bl product")
    code("continued:", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("no_product:", "beq an_addition", f"cmp r4, #{programs.HALF}", "bhi powers", "beq a_half")
    code("bl difference", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("an_addition:", "bl sum", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("a_half:", "bl half", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("powers:", f"subs r4, r4, #{programs.SQUARE}", "bmi a_product_n")
    code(f"cmp r4, #{programs.SQUARE_N - programs.SQUARE}", "bhs squares_n")
    code("squares:", f"str r4, [sp, #{_COUNT}]", "bl product", "mov r1, r0", "mov r2, r0")
    code(f"ldr r4, [sp, #{_COUNT}]", "subs r4, r4, #1", "bne squares", "b continued")
    code("squares_n:", f"subs r4, r4, #{programs.SQUARE_N - programs.SQUARE}")
    code("more_n:", f"str r4, [sp, #{_COUNT}]", "bl product_of_scalars", "mov r1, r0", "mov r2, r0")
    code(f"ldr r4, [sp, #{_COUNT}]", "subs r4, r4, #1", "bne more_n", "b continued")
    code("a_product_n:", "bl product_of_scalars", "b continued")
    code("ended:", f"ldr lr, [sp, #{_RETURN}]", "bx lr")


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
