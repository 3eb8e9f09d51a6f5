"""The kernel of Poly1305 (RFC 8439 §2.5): a range of a buffer into the sum in one call.

{interface}

Theory of operation. The sum h has five words, r four, of which RFC 8439 clears the bits that let
products be added without carries: r0 is below 2^28, the others too and multiples of 4. With s = 5
r / 4 for these, because 2^130 = 5, the product has the words

    d0 = h0 r0 + h1 s3 + h2 s2 + h3 s1               d1 = h0 r1 + h1 r0 + h2 s3 + h3 s2 + h4 s1
    d2 = h0 r2 + h1 r1 + h2 r0 + h3 s3 + h4 s2       d3 = h0 r3 + h1 r2 + h2 r1 + h3 r0 + h4 s3
    d4 = h4 r0

Bounds. h4 is at most 4 between blocks and at most 6 with a block added. Each d is below
4 * 2^32 * 1.25 * 2^28 + 6 * 1.25 * 2^28 < 2^63, and so is its sum with the carry from below. d4 is
below 6 * 2^28 and h4 before the last step below 2^32; 5 (h4 / 4) goes to the bottom, which leaves
h4 at 3 and a carry.

Registers. r4-r8 are h, r9-r12 r and then s, r2 and r3 one d, r0 and lr another.

Timing: the same instructions and addresses for the same number of bytes; see `multiprecision` for
UMULL and UMLAL on a Cortex-M3.
"""

from __future__ import annotations

from thumb.assembler import Code

NAME = "absorb"
ARGUMENTS = 4
INTERFACE = """\
`absorb(context, buffer, start, end)`: `context` is a bytearray of 40 bytes, the sum (20), r (16),
what to do with a broken last block (4): 1, fill it up with zeros; 0, end the message (§2.5.1).
Takes `buffer[start:end]` into the sum, which stays below 5 * 2^128."""

_FILL = 36
_CONTEXT, _POINTER, _LEFT, _D1, _D3, _BLOCK = 0, 4, 8, 16, 24, 32
_FRAME = 48


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    code("# entry", "push {r8-r11}", f"sub sp, #{_FRAME}", "adds r1, r1, r2", "subs r3, r3, r2")
    code(f"str r0, [sp, #{_CONTEXT}]", f"str r3, [sp, #{_LEFT}]", "ldmia r0, {r4-r8}")
    code("# one block", "block:", f"ldr r3, [sp, #{_LEFT}]", "cmp r3, #0", "ble finished")
    code("movs r2, #1", "cmp r3, #16", "bge whole")
    code("# the last one, broken: copied", f"add r9, sp, #{_BLOCK}", "mov r10, #0")
    for offset in range(0, 16, 4):
        code(f"str r10, [r9, #{offset}]")
    code("filling:", "ldrb r10, [r1], #1", "strb r10, [r9], #1", "subs r3, r3, #1", "bne filling")
    code(f"ldr r0, [sp, #{_CONTEXT}]", f"ldr r2, [r0, #{_FILL}]", "eor r10, r2, #1")
    code("cmp r2, #0", "bne filled", "strb r10, [r9]", "filled:", f"add r1, sp, #{_BLOCK}")
    code("whole:")
    for i, word in enumerate(("r4", "r5", "r6", "r7")):
        code("ldr r9, [r1], #4", f"{'adcs' if i else 'adds'} {word}, {word}, r9")
    code("adc r8, r8, r2", f"str r1, [sp, #{_POINTER}]", f"ldr r0, [sp, #{_CONTEXT}]")
    code("ldrd r9, r10, [r0, #20]", "ldrd r11, r12, [r0, #28]")
    _products(code)
    _carries(code)
    code(f"ldrd r1, r2, [sp, #{_POINTER}]", "subs r2, #16", f"str r2, [sp, #{_LEFT}]", "b block")
    code("finished:", f"ldr r0, [sp, #{_CONTEXT}]", "stmia r0, {r4-r8}", f"add sp, #{_FRAME}")
    code("pop {r8-r11}", "movs r0, #0", "end:")
    return code


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
