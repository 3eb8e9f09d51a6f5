"""Poly1305 (RFC 8439 §2.5), a part of the kernel of `chacha20_poly1305`: sum and tag.

The theory, bounds and what timing tells are in `chacha20_poly1305`.
"""

from __future__ import annotations

from thumb.assembler import Code
from thumb.chacha20 import CONTEXT, END, LINK, POINTER, REST

# Places of the context.
SUM, R, S, FILL = 96, 116, 132, 152
# On the stack: r0 and the three s, the other r, a broken block.
_RS, _R1, _BLOCK = 0, 16, 28


def absorb(code: Code) -> None:
    """Write the routine `absorb`: r3 bytes at r1 into the sum."""
    code("# absorb: r3 bytes at r1 into the sum", "absorb:", f"str lr, [sp, #{LINK}]")
    code("bic r2, r3, #15", "adds r2, r2, r1", f"strd r1, r2, [sp, #{POINTER}]", "and r3, r3, #15")
    code(f"str r3, [sp, #{REST}]", f"ldr r0, [sp, #{CONTEXT}]", f"ldrd r9, r10, [r0, #{R}]")
    code(f"ldrd r11, r12, [r0, #{R + 8}]", f"strd r10, r11, [sp, #{_R1}]")
    code(f"str r12, [sp, #{_R1 + 8}]")
    for word in ("r10", "r11", "r12"):
        code(f"add {word}, {word}, {word}, lsr #2")
    code(f"strd r9, r10, [sp, #{_RS}]", f"strd r11, r12, [sp, #{_RS + 8}]", f"adds r0, #{SUM}")
    code("ldmia r0, {r4-r8}", f"ldrd r0, r1, [sp, #{POINTER}]", "cmp r0, r1", "beq broken_block")
    code("whole:")
    for word in ("r1", "r2", "r3", "lr"):
        code(f"ldr {word}, [r0], #4")
    code(f"str r0, [sp, #{POINTER}]", "adds r4, r4, r1", "adcs r5, r5, r2", "adcs r6, r6, r3")
    code("adcs r7, r7, lr", "adc r8, r8, #1")
    code(f"ldrd r9, r10, [sp, #{_RS}]", f"ldrd r11, r12, [sp, #{_RS + 8}]")
    _product(code)
    code("# modulo 2^130 - 5", "lsr lr, r8, #2", "add lr, lr, lr, lsl #2", "and r8, r8, #3")
    code("adds r4, r0, lr", "adcs r5, r1, #0", "adcs r6, r2, #0", "adcs r7, r3, #0")
    code("adc r8, r8, #0", f"ldrd r0, r1, [sp, #{POINTER}]", "cmp r0, r1", "bne whole")
    _broken_block(code)
    code("absorbed:", f"ldr r0, [sp, #{CONTEXT}]", f"adds r0, #{SUM}", "stmia r0, {r4-r8}")
    code(f"ldr lr, [sp, #{LINK}]", "bx lr")


def _broken_block(code: Code) -> None:
    """Copy the last bytes at r0, and complete them: the bit above a whole block is taken back."""
    code("# the last bytes", "broken_block:", f"ldr r3, [sp, #{REST}]", "cmp r3, #0")
    code("beq absorbed", f"add r9, sp, #{_BLOCK}", "movs r2, #0", f"str r2, [sp, #{REST}]")
    for offset in range(0, 16, 4):
        code(f"str r2, [r9, #{offset}]")
    code("filling:", "ldrb r2, [r0], #1", "strb r2, [r9], #1", "subs r3, r3, #1", "bne filling")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"ldr r2, [r0, #{FILL}]", "cmp r2, #0", "bne filled")
    code("movs r2, #1", "strb r2, [r9]", "sub r8, r8, #1", "filled:", f"add r0, sp, #{_BLOCK}")
    code("add r1, r0, #16", f"str r1, [sp, #{END}]", "b whole")


def key(code: Code) -> None:
    """Clamp r of the context at r0, and begin a sum (RFC 8439 §2.5.1)."""
    code("# r is clamped", f"ldrd r4, r5, [r0, #{R}]", f"ldrd r6, r7, [r0, #{R + 8}]")
    code("bic r4, r4, #0xf0000000")
    for word in ("r5", "r6", "r7"):
        code(f"bic {word}, {word}, #0xf0000000", f"bic {word}, {word}, #3")
    code(f"strd r4, r5, [r0, #{R}]", f"strd r6, r7, [r0, #{R + 8}]", "movs r4, #0")
    for offset in range(0, 20, 4):
        code(f"str r4, [r0, #{SUM + offset}]")


def tag(code: Code) -> None:
    """Make the tag in r4-r7 of the context at r0 (RFC 8439 §2.5.1).

    The sum is below 2 (2^130 - 5): it is at least the prime if with 5 more it reaches 2^130. Then
    that is what remains, modulo 2^128; it is taken by a mask.
    """
    code("# the sum modulo 2^130 - 5, and s", f"add r1, r0, #{SUM}", "ldmia r1, {r4-r8}")
    code("adds r9, r4, #5", "adcs r10, r5, #0", "adcs r11, r6, #0", "adcs r12, r7, #0")
    code("adc r8, r8, #0", "lsr r8, r8, #2", "rsb r8, r8, #0")
    for kept, other in zip(("r4", "r5", "r6", "r7"), ("r9", "r10", "r11", "r12"), strict=True):
        code(f"eor {other}, {other}, {kept}", f"and {other}, {other}, r8")
        code(f"eor {kept}, {kept}, {other}")
    code(f"ldrd r9, r10, [r0, #{S}]", f"ldrd r11, r12, [r0, #{S + 8}]", "adds r4, r4, r9")
    code("adcs r5, r5, r10", "adcs r6, r6, r11", "adc r7, r7, r12")


def _product(code: Code) -> None:
    """Make h r in r0-r3 and r8, of h in r4-r8: a column's upper word is where the next begins.

    Each s is replaced by r when its last product is made, which is that with h4.
    """
    code("# the product")
    r0, *s = "r9", "r10", "r11", "r12"
    h = ("r4", "r5", "r6", "r7")
    for i, word in enumerate(h):
        code(f"{'umlal' if i else 'umull'} r0, r1, {word}, {(r0, *reversed(s))[i]}")
    for column, high in enumerate(("r2", "r3", "lr"), 1):
        low = ("r1", "r2", "r3")[column - 1]
        factor = s[column - 1]
        code(f"mov {high}, #0", f"umlal {low}, {high}, r8, {factor}")
        code(f"ldr {factor}, [sp, #{_R1 + 4 * (column - 1)}]")
        for i, word in enumerate(h):
            code(f"umlal {low}, {high}, {word}, {(r0, *s)[(column - i) % 4]}")
    code("mla r8, r8, r9, lr")
