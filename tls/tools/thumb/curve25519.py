"""The kernel of X25519 (RFC 7748 §5): the whole scalar multiplication in one call.

{interface}

Theory of operation. Numbers are any of the 256-bit representatives modulo p = 2^255 - 19. Products
of 512 bits are folded with 2^256 = 38 (mod p). The Montgomery ladder does one conditional swap
(by masks) and then, with the names of RFC 7748, in seven slots of 32 bytes on the stack:

    A = X2 + Z2, B = X2 - Z2, C = X3 + Z3, D = X3 - Z3
    DA = D A, CB = C B, AA = A A, BB = B B, E = AA - BB
    X2 = AA BB, Z2 = E (AA + 121665 E), X3 = (DA + CB)^2, Z3 = X1 (DA - CB)^2

that is 9 products, 1 product with a small factor and 6 sums and differences. 1 / Z2 is Z2^(p - 2)
by 255 squarings and 11 products, listed in a table of bytes behind the code: each step raises a
slot to a power of 2^n and multiplies by a slot. The result is multiplied out and reduced fully.

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

from thumb import multiprecision
from thumb.assembler import Code

NAME = "ladder"
ARGUMENTS = 2
INTERFACE = """\
`ladder(buffer, top)`: `buffer` is a bytearray of 64 bytes, the clamped scalar and the point's u,
both little-endian; bits `top` to 0 of the scalar are used, 254 for X25519. The product's u, fully
reduced, replaces the first 32 bytes. 256 added to `top` leaves the inversion out: the product of
numerator and denominator, for a known-answer test."""

# The frame: buffer, bit, bit before, `top`; then the slots.
_FRAME_BYTES = 16
X2, Z2, X3, Z3, X1, T0, T1 = range(7)
_SLOTS = 7
_FRAME = _FRAME_BYTES + 32 * _SLOTS
_A24 = 121665
# n, source, factor, target: target = source^(2^n) * factor; the exponents reached are beside it.
_INVERSION = (
    (3, Z2, Z2, T0),  # 9
    (1, Z2, T0, T1),  # 11
    (1, T1, T0, T0),  # 2^5 - 1
    (5, T0, T0, T0),  # 2^10 - 1
    (10, T0, T0, X1),  # 2^20 - 1
    (20, X1, X1, X1),  # 2^40 - 1
    (10, X1, T0, T0),  # 2^50 - 1
    (50, T0, T0, X1),  # 2^100 - 1
    (100, X1, X1, X1),  # 2^200 - 1
    (50, X1, T0, T0),  # 2^250 - 1
    (5, T0, T1, Z2),  # 2^255 - 21
)


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    _ladder(code)
    _invert(code)
    _finish(code)
    _product(code)
    _scaled_sum(code)
    _sum(code)
    _difference(code)
    _swap(code)
    code("# n, source, factor, target of the inversion's steps; source 255 ends them", "chain:")
    for row in _INVERSION:
        code(".byte " + ", ".join(map(str, (row[0], *(_FRAME_BYTES + 32 * s for s in row[1:])))))
    code(".byte 0, 0", "end:")
    return code


def _call(code: Code, name: str, target: int, first: int, second: int) -> None:
    for register, slot in (("r0", target), ("r1", first), ("r2", second)):
        code(f"add {register}, sp, #{_FRAME_BYTES + 32 * slot}")
    code(f"bl {name}")


def _ladder(code: Code) -> None:
    code("# entry: X2 = 1, Z2 = 0, X3 = X1 = u without its top bit, Z3 = 1")
    code("push {r8-r11}", f"sub sp, #{_FRAME}", "str r0, [sp, #0]")
    code("str r1, [sp, #12]", "uxtb r1, r1", "str r1, [sp, #4]")
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
        ("product", T0, T0, T0),  # AA
        ("product", T1, Z2, Z2),  # BB
        ("product", X2, T0, T1),
        ("difference", T1, T0, T1),  # E
        ("scaled_sum", T0, T1, T0),  # AA + 121665 E
        ("product", Z2, T0, T1),
        ("sum", T0, Z3, X3),
        ("difference", Z3, Z3, X3),
        ("product", X3, T0, T0),
        ("product", Z3, Z3, Z3),
        ("product", Z3, Z3, X1),
    ):
        _call(code, name, *slots)
    code("ldr r2, [sp, #4]", "subs r2, r2, #1", "str r2, [sp, #4]", "bpl step")
    code("ldr r4, [sp, #8]", "bl swap")


def _invert(code: Code) -> None:
    """Raise Z2 to p - 2: the table's steps, with X3 as the slot that is squared."""
    code(
        "# Z2 = 1 / Z2",
        "ldr r4, [sp, #12]",
        "cmp r4, #256",
        "bhs inverted",
        "lea r3, chain",
        "power:",
        "ldrb r4, [r3, #0]",
        "cmp r4, #0",
    )
    code("beq inverted", "strd r3, r4, [sp, #4]", "ldrb r1, [r3, #1]", "mov r2, sp")
    code("adds r1, r1, r2", "mov r2, r1", f"add r0, sp, #{_FRAME_BYTES + 32 * X3}")
    code("squaring:", "bl product", "mov r1, r0", "mov r2, r0", "ldr r3, [sp, #8]")
    code("subs r3, r3, #1", "str r3, [sp, #8]", "bne squaring")
    code("ldr r3, [sp, #4]", "ldrb r2, [r3, #2]", "ldrb r0, [r3, #3]", "adds r3, r3, #4")
    code("str r3, [sp, #4]", "mov r3, sp", "adds r2, r2, r3", "adds r0, r0, r3", "bl product")
    code("ldr r3, [sp, #4]", "b power", "inverted:")


def _finish(code: Code) -> None:
    """Multiply X2 by the inverse, reduce fully, clear the slots."""
    _call(code, "product", T0, X2, Z2)
    words = multiprecision.LOW
    code("# v = v mod 2^255 + 19 (v >> 255), then once more if v + 19 reaches 2^255")
    code("ldmia r0, {r4-r11}", "movs r1, #19", "movs r3, #0", "lsr r12, r11, #31")
    code("bic r11, r11, #0x80000000")
    _add_at_bottom(code, words)
    code("adds r12, r4, #19")
    for word in words[1:]:
        code(f"adcs r12, {word}, #0")
    code("lsr r12, r12, #31")
    _add_at_bottom(code, words)
    code("bic r11, r11, #0x80000000", "ldr r0, [sp, #0]", "stmia r0, {r4-r11}")
    for word in words:
        code(f"mov {word}, #0")
    code(f"add r0, sp, #{_FRAME_BYTES}")
    for _ in range(_SLOTS):
        code("stmia r0!, {r4-r11}")
    code(f"add sp, #{_FRAME}", "pop {r8-r11}", "movs r0, #0", "b end")


def _add_at_bottom(code: Code, words: tuple[str, ...]) -> None:
    """Add r1 times r12."""
    code("mul r12, r12, r1", "adds r4, r4, r12")
    for word in words[1:7]:
        code(f"adcs {word}, {word}, r3")
    code("adc r11, r11, r3")


def _product(code: Code) -> None:
    code("# product: [r0] = [r1] [r2]", "product:", "push {lr}", "sub sp, #64")
    multiprecision.multiply(code)
    code("mov r1, #38", "ldmia sp, {r4-r11}")
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
    code("# sum: [r0] = [r1] + [r2]", "sum:", "ldmia r1, {r4-r11}", "movs r3, #0", "mov r1, #38")
    multiprecision.combine(code, "adds", "adcs", "r2")
    code("adc r12, r3, #0", "b fold")


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
