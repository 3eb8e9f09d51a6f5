"""The kernel of ChaCha20 (RFC 8439 §2.4): the key stream over a range of a buffer in one call.

{interface}

Theory of operation. Rows a and b of the state are in r0-r7, row d in r10-r12 and lr, half of c in
r8 and r9; the halves of c change places twice in a double round. No rotation is an instruction of
its own: a word is left unrotated, and who uses it next says by how much as it shifts the operand,

    add a, a, b, ror #25    eor d, a, d, ror #24    add c, c, d, ror #16    eor b, c, b, ror #25
    add a, a, b, ror #20    eor d, a, d, ror #16    add c, c, d, ror #24    eor b, c, b, ror #20

after which b is due to be rotated by 25 and d by 24 again; before the first round they are turned
back by as much. Words of the buffer may lie at any address; a broken last block goes byte by byte.

Timing: the same instructions and addresses for the same number of bytes.
"""

from __future__ import annotations

from thumb.assembler import Code

NAME = "stream"
ARGUMENTS = 4
INTERFACE = """\
`stream(context, buffer, start, end)`: `context` is a bytearray of 64 bytes, the state of RFC 8439
§2.3; XORs `buffer[start:end]` with the key stream and counts the blocks in the state."""

_A, _B, _D = ("r0", "r1", "r2", "r3"), ("r4", "r5", "r6", "r7"), ("r10", "r11", "r12", "lr")
# The frame: a block of key stream, in which the idle half of c waits; where we are.
_C, _CONTEXT, _POINTER, _LEFT, _ROUND = 32, 64, 68, 72, 76
_FRAME = 80


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    code("# entry", "push {r8-r11}", f"sub sp, #{_FRAME}", "adds r1, r1, r2", "subs r3, r3, r2")
    code(f"str r0, [sp, #{_CONTEXT}]", f"strd r1, r3, [sp, #{_POINTER}]")
    code("# one block", "block:", f"ldr r3, [sp, #{_LEFT}]", "cmp r3, #0", "ble finished")
    code(f"ldr r0, [sp, #{_CONTEXT}]", "add r1, r0, #32", "ldmia r1!, {r4-r9}")
    code(f"strd r6, r7, [sp, #{_C + 8}]", "mov r10, r8", "mov r11, r9", "mov r8, r4", "mov r9, r5")
    code("ldr r12, [r1, #0]", "ldr lr, [r1, #4]", "movs r2, #10", f"str r2, [sp, #{_ROUND}]")
    code("ldmia r0, {r0-r7}")
    for b, d in zip(_B, _D, strict=True):
        code(f"ror {b}, {b}, #7", f"ror {d}, {d}, #8")
    code("turn:")
    _quarters(code, [(0, 0, "r8", 0), (1, 1, "r9", 1)])
    code(f"strd r8, r9, [sp, #{_C}]", f"ldrd r8, r9, [sp, #{_C + 8}]")
    _quarters(code, [(2, 2, "r8", 2), (3, 3, "r9", 3), (0, 1, "r8", 3), (1, 2, "r9", 0)])
    code(f"strd r8, r9, [sp, #{_C + 8}]", f"ldrd r8, r9, [sp, #{_C}]")
    _quarters(code, [(2, 3, "r8", 1), (3, 0, "r9", 2)])
    code("str r0, [sp, #0]", f"ldr r0, [sp, #{_ROUND}]", "subs r0, r0, #1")
    code(f"str r0, [sp, #{_ROUND}]", "ldr r0, [sp, #0]", "bne turn")
    for b, d in zip(_B, _D, strict=True):
        code(f"ror {b}, {b}, #25", f"ror {d}, {d}, #24")
    _deliver(code)
    return code


def _quarters(code: Code, rows: list[tuple[int, int, str, int]]) -> None:
    """Quarter rounds: numbers of a and b, the register of c, the number of d."""
    for i, j, c, k in rows:
        a, b, d = _A[i], _B[j], _D[k]
        for first, second, third in ((25, 24, 16), (20, 16, 24)):
            code(f"add {a}, {a}, {b}, ror #{first}", f"eor {d}, {a}, {d}, ror #{second}")
            code(f"add {c}, {c}, {d}, ror #{third}", f"eor {b}, {c}, {b}, ror #{first}")


def _deliver(code: Code) -> None:
    code("# the key stream: the sum with the state", "stmia sp, {r0-r7}")
    code(f"strd r8, r9, [sp, #{_C}]", "strd r10, r11, [sp, #48]", "strd r12, lr, [sp, #56]")
    code(f"ldr r0, [sp, #{_CONTEXT}]", "mov r1, sp")
    for _ in range(4):
        code("ldmia r0!, {r4-r7}", "ldmia r1, {r8-r11}")
        for i in range(4):
            code(f"add r{4 + i}, r{4 + i}, r{8 + i}")
        code("stmia r1!, {r4-r7}")
    code("ldr r2, [r0, #-16]", "adds r2, r2, #1", "str r2, [r0, #-16]")
    code("# XORed into the buffer", f"ldrd r0, r3, [sp, #{_POINTER}]", "mov r1, sp")
    code("cmp r3, #64", "blt bytes", "movs r2, #4", "words:", "ldmia r1!, {r4-r7}")
    for i in range(4):
        code(
            f"ldr r8, [r0, #{4 * i}]",
            f"eor r{4 + i}, r{4 + i}, r8",
            f"str r{4 + i}, [r0, #{4 * i}]",
        )
    code("adds r0, #16", "subs r2, r2, #1", "bne words", "subs r3, #64")
    code(f"strd r0, r3, [sp, #{_POINTER}]", "b block")
    code("bytes:", "ldrb r4, [r1], #1", "ldrb r5, [r0]", "eors r4, r5", "strb r4, [r0], #1")
    code("subs r3, r3, #1", "bne bytes")
    code("finished:", f"add sp, #{_FRAME}", "pop {r8-r11}", "movs r0, #0", "end:")
