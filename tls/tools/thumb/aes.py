"""AES (FIPS 197), a part of the kernel of `gcm`: key stream, CBC-MAC and round keys.

The theory, the registers and what timing tells are in `gcm`, which also has the slots of the stack.
"""

from __future__ import annotations

from thumb.assembler import Code
from thumb.ghash import CONTEXT, FRAME, LEFT, POINTER, H

MASK_LINK, MASK_ROOM = FRAME, 16
# Places of the context.
ROOM, ROUNDS, KEYS = 16, 32, 112


def key_stream(code: Code) -> None:
    """Write the routine `key_stream`: XOR it into r3 bytes at r1, and count the blocks."""
    code("# key_stream: XORed into r3 bytes at r1", "key_stream:", f"str lr, [sp, #{MASK_LINK}]")
    code(f"strd r1, r3, [sp, #{POINTER}]", "stream_block:", f"ldr r3, [sp, #{LEFT}]")
    code("cmp r3, #0", "ble streamed", f"ldr r0, [sp, #{CONTEXT}]", "bl encrypt")
    code(f"add r5, r0, #{ROOM}", "stmia r5, {r8-r11}", "ldr r4, [r0, #12]", "rev r4, r4")
    code("adds r4, r4, #1", "rev r4, r4", "str r4, [r0, #12]")
    code(f"ldrd r4, r3, [sp, #{POINTER}]", "bl mix")
    _advance(code, "stream_block")
    code("streamed:", f"ldr lr, [sp, #{MASK_LINK}]", "bx lr")
    _mix(code)


def mac(code: Code) -> None:
    """Write the routine `mac`: take r3 bytes at r1 into the CBC-MAC in the block."""
    code("# mac: r3 bytes at r1 into the block", "mac:", f"str lr, [sp, #{MASK_LINK}]")
    code(f"strd r1, r3, [sp, #{POINTER}]", "mac_block:", f"ldr r3, [sp, #{LEFT}]", "cmp r3, #0")
    code("ble streamed", f"ldr r4, [sp, #{CONTEXT}]", f"ldr r5, [sp, #{POINTER}]", "bl mix")
    code(f"ldr r0, [sp, #{CONTEXT}]", "bl encrypt", "stmia r0, {r8-r11}")
    _advance(code, "mac_block")


def _advance(code: Code, block: str) -> None:
    code(f"ldrd r4, r3, [sp, #{POINTER}]", "adds r4, #16", "subs r3, #16")
    code(f"strd r4, r3, [sp, #{POINTER}]", f"b {block}")


def encrypt(code: Code) -> None:
    """Write the routine `encrypt`: the block at r0 into r8-r11; r2 becomes the table."""
    code("# encrypt: the block at r0 into r8-r11", "encrypt:", "lea r2, table")
    code(f"add r1, r0, #{KEYS}", "ldmia r0, {r4-r7}")
    code("ldmia r1!, {r8-r11}")
    for i in range(4):
        code(f"eor r{4 + i}, r{4 + i}, r{8 + i}")
    code(f"ldr r3, [r0, #{ROUNDS}]", "turn:", "ldmia r1!, {r8-r11}")
    for i in range(4):
        for row, picked in enumerate(_bytes_of(i)):
            turned = f", ror #{32 - 8 * row}" if row else ""
            code(picked, "ldr r12, [r2, r12, lsl #2]", f"eor r{8 + i}, r{8 + i}, r12{turned}")
    for i in range(4):
        code(f"mov r{4 + i}, r{8 + i}")
    code("subs r3, r3, #1", "bne turn", "adds r3, r2, #1", "ldmia r1!, {r8-r11}")
    for i in range(4):
        for row, picked in enumerate(_bytes_of(i)):
            placed = f", lsl #{8 * row}" if row else ""
            code(picked, "ldrb r12, [r3, r12, lsl #2]", f"eor r{8 + i}, r{8 + i}, r12{placed}")
    code("bx lr")


def _bytes_of(column: int) -> tuple[str, ...]:
    """Return the instructions that pick the bytes ShiftRows brings into a column."""
    words = [f"r{4 + (column + row) % 4}" for row in range(4)]
    return (
        f"uxtb r12, {words[0]}",
        f"ubfx r12, {words[1]}, #8, #8",
        f"ubfx r12, {words[2]}, #16, #8",
        f"lsr r12, {words[3]}, #24",
    )


def expand(code: Code) -> None:
    """Write the routine `expand`: all round keys, and H of GCM (SP 800-38D §7.1).

    FIPS 197 §5.2: each word is the one a key length back and, mostly, the one before it.
    """
    code("# expand: r1 at the word a key length back, r3 words of key, r4 the word before")
    code("expand:", f"str lr, [sp, #{MASK_LINK}]", f"ldr r0, [sp, #{CONTEXT}]", "lea r2, table")
    code(f"add r1, r0, #{KEYS}", f"ldr r6, [r0, #{ROUNDS}]", "subs r3, r6, #5")
    code("adds r6, r6, #2", "lsls r6, r6, #2", "subs r6, r6, r3", "adds r2, r2, #1")
    code("movs r7, #1", "group:", "movs r5, #0", "add r8, r1, r3, lsl #2", "ldr r4, [r8, #-4]")
    code("word:", "cmp r5, #0", "beq turned", "cmp r5, #4", "bne plain", "cmp r3, #8", "bne plain")
    _substitute(code)
    code("b plain", "turned:", "ror r4, r4, #8")
    _substitute(code)
    code("eor r4, r4, r7", "lsls r7, r7, #1", "cmp r7, #256", "bne plain", "movs r7, #0x1b")
    code("plain:", "ldr r9, [r1], #4", "eor r4, r4, r9", "str r4, [r8], #4", "adds r5, r5, #1")
    code("subs r6, r6, #1", "beq expanded", "cmp r5, r3", "bne word", "b group")
    code("expanded:", "movs r4, #0", "movs r5, #0", "strd r4, r5, [r0, #0]")
    code("strd r4, r5, [r0, #8]", "bl encrypt")
    for i in range(4):
        code(f"rev r{8 + i}, r{8 + i}")
    code(f"strd r11, r10, [r0, #{H}]", f"strd r9, r8, [r0, #{H + 8}]", "b streamed")


def _substitute(code: Code) -> None:
    """Replace all bytes of r4; r2 is at the table's column of s."""
    code("mov r9, #0")
    for shift in (24, 16, 8, 0):
        code(f"ubfx r10, r4, #{shift}, #8", "ldrb r10, [r2, r10, lsl #2]")
        code("orr r9, r10, r9, lsl #8")
    code("mov r4, r9")


def _mix(code: Code) -> None:
    code("# mix: XOR up to 16 of r3 bytes at r5 into those at r4", "mix:", "cmp r3, #16")
    code("blt single")
    for offset in range(0, 16, 4):
        code(f"ldr r6, [r5, #{offset}]", f"ldr r7, [r4, #{offset}]", "eors r6, r7")
        code(f"str r6, [r4, #{offset}]")
    code("bx lr", "single:", "ldrb r6, [r5], #1", "ldrb r7, [r4]", "eors r6, r7")
    code("strb r6, [r4], #1", "subs r3, r3, #1", "bne single", "bx lr")


def table() -> list[tuple[int, ...]]:
    """Return the 256 entries."""
    return [(_doubled(s), s, s, _doubled(s) ^ s) for s in map(_substituted, range(256))]


def _doubled(value: int) -> int:
    return value << 1 ^ (0x11B if value & 0x80 else 0)


def _substituted(value: int) -> int:
    """FIPS 197 §5.1.1: the inverse in GF(2^8), then an affine map."""
    inverse = next((b for b in range(256) if _multiplied(value, b) == 1), 0)
    total = 0x63
    for turn in range(5):
        total ^= (inverse << turn | inverse >> 8 - turn) & 0xFF
    return total


def _multiplied(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = _doubled(a), b >> 1
    return product
