"""ChaCha20 (RFC 8439 §2.4), a part of the kernel of `chacha20_poly1305`: the key stream.

The theory and what timing tells are in `chacha20_poly1305`.
"""

from __future__ import annotations

from thumb.assembler import Code

# The frame: a block of key stream, in which rows c and d wait where they belong; where we are. All
# parts of the kernel know it. What is left has another place in `poly1305`.
CONTEXT, POINTER, LEFT, END, REST, LINK, FRAME = 64, 68, 72, 72, 76, 80, 84
_C, _D = 32, 48
_ROWS = ("r0", "r1", "r2", "r3"), ("r4", "r5", "r6", "r7"), ("r12", "lr", "r10", "r11")
_FREE = ("r10", "r11", "r12", "lr")


def key_stream(code: Code) -> None:
    """Write the routine `key_stream`: XOR it into r3 bytes at r1, and count the blocks."""
    code("# key_stream: XORed into r3 bytes at r1", "key_stream:", "cmp r3, #0", "beq no_stream")
    code(f"str lr, [sp, #{LINK}]", f"strd r1, r3, [sp, #{POINTER}]", "stream_block:")
    code(f"ldr r0, [sp, #{CONTEXT}]", "add r1, r0, #32", "ldmia r1!, {r8-r12, lr}")
    code(f"strd r10, r11, [sp, #{_C + 8}]", "ldrd r10, r11, [r1]", "ldmia r0, {r0-r7}")
    for i in range(10):
        _double_round(code, i == 0)
    code(f"strd r8, r9, [sp, #{_C}]", f"strd r12, lr, [sp, #{_D}]")
    code(f"strd r10, r11, [sp, #{_D + 8}]", f"ldr r8, [sp, #{CONTEXT}]")
    code(f"ldrd r9, r10, [sp, #{POINTER}]", "cmp r10, #64", "blt broken")
    _deliver(code)
    _deliver_broken(code)
    code("streamed:", f"ldr lr, [sp, #{LINK}]", "no_stream:", "bx lr")


def _double_round(code: Code, first: bool) -> None:
    _quarters(code, [(0, 0, "r8", 0), (1, 1, "r9", 1)], first)
    code(f"strd r8, r9, [sp, #{_C}]", f"ldrd r8, r9, [sp, #{_C + 8}]")
    _quarters(code, [(2, 2, "r8", 2), (3, 3, "r9", 3)], first)
    _quarters(code, [(0, 1, "r8", 3), (1, 2, "r9", 0)], False)
    code(f"strd r8, r9, [sp, #{_C + 8}]", f"ldrd r8, r9, [sp, #{_C}]")
    _quarters(code, [(2, 3, "r8", 1), (3, 0, "r9", 2)], False)


def _quarters(code: Code, rows: list[tuple[int, int, str, int]], first: bool) -> None:
    """Quarter rounds: numbers of a and b, the register of c, the number of d.

    Args:
        first: of the first round, where b and d are not due to be rotated.
    """
    for i, j, c, k in rows:
        a, b, d = _ROWS[0][i], _ROWS[1][j], _ROWS[2][k]
        due_b, due_d = ("", "") if first else (", ror #25", ", ror #24")
        code(f"add {a}, {a}, {b}{due_b}", f"eor {d}, {a}, {d}{due_d}")
        code(f"add {c}, {c}, {d}, ror #16", f"eor {b}, {c}, {b}{due_b}")
        code(f"add {a}, {a}, {b}, ror #20", f"eor {d}, {a}, {d}, ror #16")
        code(f"add {c}, {c}, {d}, ror #24", f"eor {b}, {c}, {b}, ror #20")


def _deliver(code: Code) -> None:
    """XOR the sum with the state into 64 bytes at r9, row by row; go on if there are more."""
    code("# the sum with the state, XORed into 64 bytes")
    for number, turned in enumerate(("", ", ror #25", "", ", ror #24")):
        row = _ROWS[number % 2 if number < 2 else 0]
        if number >= 2:
            at = _C if number == 2 else _D
            code(f"ldrd r0, r1, [sp, #{at}]", f"ldrd r2, r3, [sp, #{at + 8}]")
        code("ldmia r8!, {r10-r12, lr}")
        for word, old in zip(row, _FREE, strict=True):
            code(f"add {word}, {old}, {word}{turned}")
        if number == 3:
            code("add r10, r10, #1", "str r10, [r8, #-16]")
        for i, word in enumerate(row):
            at = 16 * number + 4 * i
            code(f"ldr r10, [r9, #{at}]", f"eor {word}, {word}, r10", f"str {word}, [r9, #{at}]")
    code(f"ldr r10, [sp, #{LEFT}]", "add r9, r9, #64", "subs r10, r10, #64")
    code(f"strd r9, r10, [sp, #{POINTER}]", "bgt stream_block", f"ldr lr, [sp, #{LINK}]", "bx lr")


def _deliver_broken(code: Code) -> None:
    """Do the same with fewer bytes: the key stream is made on the stack."""
    code("# fewer than 64", "broken:", "mov r9, sp", "ldmia r8!, {r10-r12, lr}")
    for word, old in zip(_ROWS[0], _FREE, strict=True):
        code(f"add {word}, {old}, {word}")
    code("ldmia r8!, {r10-r12, lr}")
    for word, old in zip(_ROWS[1], _FREE, strict=True):
        code(f"add {word}, {old}, {word}, ror #25")
    code("stmia r9!, {r0-r7}")
    for turned in ("", ", ror #24"):
        code("ldmia r9, {r0-r3}", "ldmia r8!, {r4-r7}")
        for i in range(4):
            code(f"add r{i}, r{i + 4}, r{i}{turned}")
        code("stmia r9!, {r0-r3}")
    code("adds r4, r4, #1", "str r4, [r8, #-16]", "mov r1, sp", f"ldrd r0, r3, [sp, #{POINTER}]")
    code("words:", "subs r3, #4", "blt rest", "ldr r4, [r1], #4", "ldr r5, [r0]", "eors r4, r5")
    code("str r4, [r0], #4", "b words", "rest:", "adds r3, #4", "beq streamed", "bytes:")
    code(
        "ldrb r4, [r1], #1", "ldrb r5, [r0]", "eors r4, r5", "strb r4, [r0], #1", "subs r3, r3, #1"
    )
    code("bne bytes")
