"""ChaCha20 (RFC 8439 §2.4), a part of the kernel of `chacha20_poly1305`: the key stream.

The theory and what timing tells are in `chacha20_poly1305`.
"""

from __future__ import annotations

from thumb.assembler import Code

# The frame: a block of key stream, in which the idle half of c waits; where we are. All parts of
# the kernel know it.
CONTEXT, POINTER, LEFT, LINK, FRAME = 64, 68, 72, 80, 84
_C, _ROUND = 32, 76
_A, _B, _D = ("r0", "r1", "r2", "r3"), ("r4", "r5", "r6", "r7"), ("r10", "r11", "r12", "lr")


def key_stream(code: Code) -> None:
    """Write the routine `key_stream`: XOR it into r3 bytes at r1, and count the blocks."""
    code("# key_stream: XORed into r3 bytes at r1", "key_stream:", f"str lr, [sp, #{LINK}]")
    code(f"strd r1, r3, [sp, #{POINTER}]")
    code("stream_block:", f"ldr r3, [sp, #{LEFT}]", "cmp r3, #0", "ble streamed")
    code(f"ldr r0, [sp, #{CONTEXT}]", "add r1, r0, #32", "ldmia r1!, {r4-r9}")
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
    _deliver(code)


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
    code(f"ldr r0, [sp, #{CONTEXT}]", "mov r1, sp")
    for turned in ("", ", ror #25", "", ", ror #24"):
        code("ldmia r0!, {r4-r7}", "ldmia r1, {r8-r11}")
        for i in range(4):
            code(f"add r{4 + i}, r{4 + i}, r{8 + i}{turned}")
        code("stmia r1!, {r4-r7}")
    code("ldr r2, [r0, #-16]", "adds r2, r2, #1", "str r2, [r0, #-16]")
    code("# XORed into the buffer", f"ldrd r0, r3, [sp, #{POINTER}]", "mov r1, sp")
    code("cmp r3, #64", "blt bytes")
    for offset in range(0, 64, 4):
        if offset % 16 == 0:
            code("ldmia r1!, {r4-r7}")
        word = f"r{4 + offset // 4 % 4}"
        code(f"ldr r8, [r0, #{offset}]", f"eor {word}, {word}, r8", f"str {word}, [r0, #{offset}]")
    code("adds r0, #64", "subs r3, #64")
    code(f"strd r0, r3, [sp, #{POINTER}]", "b stream_block")
    code("bytes:", "ldrb r4, [r1], #1", "ldrb r5, [r0]", "eors r4, r5", "strb r4, [r0], #1")
    code("subs r3, r3, #1", "bne bytes")
    code("streamed:", f"ldr lr, [sp, #{LINK}]", "bx lr")
