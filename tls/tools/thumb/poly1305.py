"""Poly1305 (RFC 8439 §2.5), a part of the kernel of `chacha20_poly1305`: sum and tag.

The theory, bounds and what timing tells are in `chacha20_poly1305`.
"""

from __future__ import annotations

from thumb.assembler import Code
from thumb.chacha20 import CONTEXT, LEFT, LINK, POINTER

# Places of the context.
SUM, R, S, FILL = 96, 116, 132, 152
_D1, _D3, _BLOCK = 0, 8, 16


def absorb(code: Code) -> None:
    """Write the routine `absorb`: r3 bytes at r1 into the sum."""
    code("# absorb: r3 bytes at r1 into the sum", "absorb:", f"str lr, [sp, #{LINK}]")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"str r3, [sp, #{LEFT}]", f"adds r0, #{SUM}")
    code("ldmia r0, {r4-r8}", "absorb_block:", f"ldr r3, [sp, #{LEFT}]", "cmp r3, #0")
    code("ble absorbed", "movs r2, #1", "cmp r3, #16", "bge whole")
    code("# the last one, broken: copied", f"add r9, sp, #{_BLOCK}", "mov r10, #0")
    for offset in range(0, 16, 4):
        code(f"str r10, [r9, #{offset}]")
    code("filling:", "ldrb r10, [r1], #1", "strb r10, [r9], #1", "subs r3, r3, #1", "bne filling")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"ldr r2, [r0, #{FILL}]", "eor r10, r2, #1")
    code("cmp r2, #0", "bne filled", "strb r10, [r9]", "filled:", f"add r1, sp, #{_BLOCK}")
    code("whole:")
    for i, word in enumerate(("r4", "r5", "r6", "r7")):
        code("ldr r9, [r1], #4", f"{'adcs' if i else 'adds'} {word}, {word}, r9")
    code("adc r8, r8, r2", f"str r1, [sp, #{POINTER}]", f"ldr r0, [sp, #{CONTEXT}]")
    code(f"ldrd r9, r10, [r0, #{R}]", f"ldrd r11, r12, [r0, #{R + 8}]")
    _products(code)
    _carries(code)
    code(
        f"ldrd r1, r2, [sp, #{POINTER}]", "subs r2, #16", f"str r2, [sp, #{LEFT}]", "b absorb_block"
    )
    code("absorbed:", f"ldr r0, [sp, #{CONTEXT}]", f"adds r0, #{SUM}", "stmia r0, {r4-r8}")
    code(f"ldr lr, [sp, #{LINK}]", "bx lr")


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


def _products(code: Code) -> None:
    """d3, d2, d1, d0 in turn; each r becomes s when it is not needed any more."""
    code("# products")
    _column(code, "r2", "r3", ("r12", "r11", "r10", "r9"))
    code("add r12, r12, r12, lsr #2", "umlal r2, r3, r8, r12", f"strd r2, r3, [sp, #{_D3}]")
    _column(code, "r2", "r3", ("r11", "r10", "r9", "r12"))
    code("add r11, r11, r11, lsr #2", "umlal r2, r3, r8, r11", "mov r1, r2")
    code(f"str r3, [sp, #{_D1 + 4}]")
    _column(code, "r2", "r3", ("r10", "r9", "r12", "r11"))
    code("add r10, r10, r10, lsr #2", "umlal r2, r3, r8, r10")
    _column(code, "r0", "lr", ("r9", "r12", "r11", "r10"))
    code("mul r8, r8, r9")


def _column(code: Code, low: str, high: str, factors: tuple[str, ...]) -> None:
    for i, factor in enumerate(factors):
        code(f"{'umlal' if i else 'umull'} {low}, {high}, r{4 + i}, {factor}")


def _carries(code: Code) -> None:
    """Add up the columns: d0 in r0, lr; d1 in r2, r3; d2 in r1 and memory; d3 in memory."""
    code("# carries", "mov r4, r0", "adds r5, r2, lr", "adc r3, r3, #0")
    code(f"ldr r2, [sp, #{_D1 + 4}]", "adds r6, r1, r3", "adc r2, r2, #0")
    code(f"ldrd r0, r3, [sp, #{_D3}]", "adds r7, r0, r2", "adc r3, r3, #0", "add r8, r8, r3")
    code("lsr r2, r8, #2", "add r2, r2, r2, lsl #2", "and r8, r8, #3", "adds r4, r4, r2")
    code("adcs r5, r5, #0", "adcs r6, r6, #0", "adcs r7, r7, #0", "adc r8, r8, #0")
