"""The kernel of X25519 (RFC 7748 §5): the whole scalar multiplication in one call.

{interface}

Theory of operation. Numbers are any of the 256-bit representatives modulo p = 2^255 - 19. Products
of 512 bits are folded with 2^256 = 38 (mod p). The Montgomery ladder does one conditional swap
(by masks) and then, with the names of RFC 7748, in seven slots of 32 bytes on the stack:

    A = X2 + Z2, B = X2 - Z2, C = X3 + Z3, D = X3 - Z3
    DA = D A, CB = C B, AA = A A, BB = B B, E = AA - BB
    X2 = AA BB, Z2 = E (AA + 121665 E), X3 = (DA + CB)^2, Z3 = X1 (DA - CB)^2

that is 5 products, 4 squares, 1 product with a small factor and 6 sums and differences. X2 and Z2
are reduced fully, and `division_steps` divides them.

Bounds. Let every operand be below 2^256. `add_multiple` gives low + 38 high <= 39 (2^256 - 1): the
ninth word is at most 38. 38 times it, at most 1444, is added with its carry; if that carries out
of 256 bits, what is left is below 1444, so adding 38 once more to the lowest word alone is exact
and no further carry is possible. With 121665 for 38 the ninth word is at most 121665, 38 times it
4623270, and the same holds. A sum carries at most 1, a difference borrows at most 1: 38 is added or
taken away, and if that wraps around, what is left is below 38 or above 2^256 - 39, and once more on
the lowest word is exact.

Registers. r0, r1, r2 point to result and operands, r3 is 0, r4-r11 hold a number, r12 and lr
carry and operand; in a product r4-r7 hold half a factor and r8-r12 five columns. No register
survives a product: the ladder keeps its place on the stack.

Timing: the same instructions whatever scalar and point are; see `multiprecision` for UMULL's own
on a Cortex-M3. The slots are cleared before it returns.
"""

from __future__ import annotations

from thumb import division_steps, edwards25519, multiprecision
from thumb.assembler import Code

NAME = "ladder"
ARGUMENTS = 3
INTERFACE = """\
`ladder(buffer, top, table)`: `buffer` is a bytearray of 64 bytes, the clamped scalar and the
point's u, both little-endian; bits `top` to 0 of the scalar are used, 254 for X25519. The product's
u, fully reduced, replaces the first 32 bytes. 256 added to `top` leaves the division out: the
product of numerator and denominator, for a known-answer test.

With 512 added a multiple of the base point is made with the table of 1,536 bytes, `top` being 31,
from the signs of 256 digits instead of the scalar; see `edwards25519`."""

# The frame: buffer, bit, bit before, `top`, table, a return address; then the slots.
_FRAME_BYTES = 24
_BASE = 512
X2, Z2, X3, Z3, X1, T0, T1 = range(7)
_SLOTS = 7
_FRAME = _FRAME_BYTES + 32 * _SLOTS
_A24 = 121665


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    _ladder(code)
    _finish(code)
    _product(code)
    _scaled_sum(code)
    _sum(code)
    _difference(code)
    _swap(code)
    edwards25519.write(code, _FRAME_BYTES)
    division_steps.write(code, 8, _FRAME_BYTES + 32 * Z2)
    code(
        "# p as limbs, and its inverse",
        "prime:",
        division_steps.constants(edwards25519.P, 8),
        "end:",
    )
    return code


def _call(code: Code, name: str, *slots: int) -> None:
    for register, slot in zip(("r0", "r1", "r2"), slots, strict=False):
        code(f"add {register}, sp, #{_FRAME_BYTES + 32 * slot}")
    code(f"bl {name}")


def _ladder(code: Code) -> None:
    code("# entry: X2 = 1, Z2 = 0, X3 = X1 = u without its top bit, Z3 = 1")
    code("push {r8-r11}", f"sub sp, #{_FRAME}", "str r0, [sp, #0]")
    code("str r1, [sp, #12]", "str r2, [sp, #16]", f"tst r1, #{_BASE}", "uxtb r1, r1")
    code("str r1, [sp, #4]", "bne base")
    code("add r1, r0, #32", "ldmia r1, {r4-r11}", "bic r11, r11, #0x80000000")
    for slot in (X3, X1):
        code(f"add r2, sp, #{_FRAME_BYTES + 32 * slot}", "stmia r2, {r4-r11}")
    for word in multiprecision.LOW:
        code(f"mov {word}, #0")
    code("str r4, [sp, #8]", f"add r2, sp, #{_FRAME_BYTES + 32 * Z2}", "stmia r2, {r4-r11}")
    code("mov r4, #1")
    for slot in (X2, Z3):
        code(f"add r2, sp, #{_FRAME_BYTES + 32 * slot}", "stmia r2, {r4-r11}")
    code("# one step of the ladder", "step:")
    code("ldr r2, [sp, #4]", "ldr r1, [sp, #0]", "lsrs r3, r2, #3", "ldrb r3, [r1, r3]")
    code("and r4, r2, #7", "lsrs r3, r4", "and r3, r3, #1", "ldr r4, [sp, #8]", "str r3, [sp, #8]")
    code("eors r4, r3", "bl swap")
    for name, *slots in (
        ("sum", T0, X2, Z2),  # A
        ("difference", Z2, X2, Z2),  # B
        ("sum", X2, X3, Z3),  # C
        ("difference", X3, X3, Z3),  # D
        ("product", Z3, X3, T0),  # DA
        ("product", X3, X2, Z2),  # CB
        ("square", T0, T0),  # AA
        ("square", T1, Z2),  # BB
        ("product", X2, T0, T1),
        ("difference", T1, T0, T1),  # E
        ("scaled_sum", T0, T1, T0),  # AA + 121665 E
        ("product", Z2, T0, T1),
        ("sum", T0, Z3, X3),
        ("difference", Z3, Z3, X3),
        ("square", X3, T0),
        ("square", Z3, Z3),
        ("product", Z3, Z3, X1),
    ):
        _call(code, name, *slots)
    code("ldr r2, [sp, #4]", "subs r2, r2, #1", "str r2, [sp, #4]", "bpl step")
    code("ldr r4, [sp, #8]", "bl swap")


def _finish(code: Code) -> None:
    """Divide X2 by Z2, or multiply them, then reduce fully and clear the slots."""
    code("fraction:", f"add r0, sp, #{_FRAME_BYTES + 32 * X2}", "ldr r4, [sp, #12]")
    code("tst r4, #256", "beq divide")
    _call(code, "product", X2, X2, Z2)
    code("bl canonical", "b finished", "divide:", "bl canonical")
    code(f"add r0, sp, #{_FRAME_BYTES + 32 * Z2}", "bl canonical", "mov r1, r0")
    code(f"add r2, sp, #{_FRAME_BYTES + 32 * X2}", "mov r0, r2", "lea r3, prime", "bl quotient")
    words = multiprecision.LOW
    code("finished:", f"add r0, sp, #{_FRAME_BYTES + 32 * X2}", "ldmia r0, {r4-r11}")
    code("ldr r0, [sp, #0]", "stmia r0, {r4-r11}")
    for word in words:
        code(f"mov {word}, #0")
    code(f"add r0, sp, #{_FRAME_BYTES}")
    for _ in range(_SLOTS):
        code("stmia r0!, {r4-r11}")
    code(f"add sp, #{_FRAME}", "pop {r8-r11}", "movs r0, #0", "b end")
    code("# canonical: [r0] less p as often as can be: v = v mod 2^255 + 19 (v >> 255), then once")
    code("# more if v + 19 reaches 2^255", "canonical:")
    code("ldmia r0, {r4-r11}", "movs r1, #19", "movs r3, #0", "lsr r12, r11, #31")
    code("bic r11, r11, #0x80000000")
    _add_at_bottom(code, words)
    code("adds r12, r4, #19")
    for word in words[1:]:
        code(f"adcs r12, {word}, #0")
    code("lsr r12, r12, #31")
    _add_at_bottom(code, words)
    code("bic r11, r11, #0x80000000", "stmia r0, {r4-r11}", "bx lr")


def _add_at_bottom(code: Code, words: tuple[str, ...]) -> None:
    """Add r1 times r12."""
    code("mul r12, r12, r1", "adds r4, r4, r12")
    for word in words[1:7]:
        code(f"adcs {word}, {word}, r3")
    code("adc r11, r11, r3")


def _product(code: Code) -> None:
    code("# square: [r0] = [r1]^2", "square:", "push {lr}", "sub sp, #64", "movs r3, #0")
    multiprecision.square(code)
    multiprecision.square_low(code)
    code("stmia sp, {r4-r11}")
    multiprecision.square_high(code)
    code("add lr, sp, #32", "stmia lr, {r4-r11}", "b reduce")
    code("# product: [r0] = [r1] [r2]", "product:", "push {lr}", "sub sp, #64")
    multiprecision.multiply(code)
    code("reduce:", "mov r1, #38", "ldmia sp, {r4-r11}")
    multiprecision.add_multiple(code, "sp", 32, "r1")
    code("add sp, #64", "ldr lr, [sp], #4", "fold:", "mul r12, r12, r1", "adds r4, r4, r12")
    for word in multiprecision.LOW[1:]:
        code(f"adcs {word}, {word}, r3")
    code("adc r12, r3, #0", "mul r12, r12, r1", "add r4, r4, r12", "stmia r0, {r4-r11}", "bx lr")


def _scaled_sum(code: Code) -> None:
    code("# scaled_sum: [r0] = 121665 [r1] + [r2]", "scaled_sum:", "push {lr}")
    code("ldmia r2, {r4-r11}", "movs r3, #0", f"movw r2, #{_A24 & 0xFFFF}")
    code(f"movt r2, #{_A24 >> 16}")
    multiprecision.add_multiple(code, "r1", 0, "r2")
    code("mov r1, #38", "ldr lr, [sp], #4", "b fold")


def _sum(code: Code) -> None:
    code("# sum: [r0] = [r1] + [r2]", "sum:", "ldmia r1, {r4-r11}")
    multiprecision.combine(code, "adds", "adcs", "r2")
    code("mov r3, #0", "mov r1, #38", "adc r12, r3, #0", "b fold")


def _difference(code: Code) -> None:
    code("# difference: [r0] = [r1] - [r2]", "difference:", "ldmia r1, {r4-r11}")
    multiprecision.combine(code, "subs", "sbcs", "r2")
    code("sbc r12, r12, r12", "and r12, r12, #38", "subs r4, r4, r12")
    for word in multiprecision.LOW[1:]:
        code(f"sbcs {word}, {word}, #0")
    code("sbc r12, r12, r12", "and r12, r12, #38", "sub r4, r4, r12")
    code("stmia r0, {r4-r11}", "bx lr")


def _swap(code: Code) -> None:
    code("# swap: X2, Z2 with X3, Z3 if r4 is 1, not if it is 0", "swap:", "rsbs r3, r4, #0")
    code(f"add r1, sp, #{_FRAME_BYTES + 32 * X2}", f"add r2, sp, #{_FRAME_BYTES + 32 * X3}")
    code("movs r0, #4", "swapping:", "ldmia r1, {r4-r7}", "ldmia r2, {r8-r11}")
    for low, high in (("r4", "r8"), ("r5", "r9"), ("r6", "r10"), ("r7", "r11")):
        code(f"eor r12, {low}, {high}", "and r12, r12, r3")
        code(f"eor {low}, {low}, r12", f"eor {high}, {high}, r12")
    code("stmia r1!, {r4-r7}", "stmia r2!, {r8-r11}", "subs r0, r0, #1", "bne swapping", "bx lr")
