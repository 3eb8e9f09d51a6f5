"""The kernel of AES (FIPS 197): counter mode and CBC-MAC over a range of a buffer in one call.

{interface}

Theory of operation. The state is four words in r4-r7, a column each with its first byte lowest, as
they lie in memory. A round takes each column from four table entries: T[x] holds the products 2 s,
s, s, 3 s of the substituted byte s = S(x) that MixColumns adds to a column; turned by a byte for
each row further down it serves all four rows. The last round has no MixColumns and takes s alone,
from the second byte of the same entries. Words of the buffer may lie at any address; a broken last
block goes byte by byte.

Registers. r2 is the table, r1 passes over the round keys, r3 counts rounds, r4-r7 are the state and
r8-r11 the next one, which begins as the round key.

Timing: the same instructions for the same number of bytes, but the addresses of table entries
depend on key and data, as they do in the portable code. That shows nothing where memory answers in
constant time (Cortex-M3, M4 and M33 without a cache for flash); it can where flash is cached.
"""

from __future__ import annotations

from thumb.assembler import Code

NAME = "blocks"
ARGUMENTS = 4
INTERFACE = """\
`blocks(context, buffer, start, end)`: `context` is a bytearray, the block (16 bytes), room for a
block (16), the number of rounds less one (4), what to do (4), the round keys. To do: 0, XOR
`buffer[start:end]` with the key stream that begins at the block, a counter in its last four bytes,
big-endian; 1, take `buffer[start:end]` into the block, a CBC-MAC, the last piece filled up with
zeros; 2, expand the round keys from the key that they begin with."""

_ROOM, _ROUNDS, _TASK, _KEYS = 16, 32, 36, 40
_CONTEXT, _POINTER, _LEFT = 0, 4, 8


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    code("# entry", "push {r8-r11}", "sub sp, #16", "adds r1, r1, r2", "subs r3, r3, r2")
    code("lea r2, table", f"str r0, [sp, #{_CONTEXT}]", "strd r1, r3, [sp, #4]")
    code(f"ldr r4, [r0, #{_TASK}]", "cmp r4, #2", "beq expand")
    code("# one block", "block:", f"ldr r3, [sp, #{_LEFT}]", "cmp r3, #0", "ble finished")
    code(f"ldr r0, [sp, #{_CONTEXT}]", f"ldr r1, [r0, #{_TASK}]", "cmp r1, #0", "beq encrypt")
    code("mov r4, r0", f"ldr r5, [sp, #{_POINTER}]", "bl mix")
    _encrypt(code)
    code(f"ldr r0, [sp, #{_CONTEXT}]", f"ldr r1, [r0, #{_TASK}]", "cmp r1, #0", "beq key_stream")
    code("stmia r0, {r8-r11}", "b advance", "key_stream:", f"add r5, r0, #{_ROOM}")
    code("stmia r5, {r8-r11}", "ldr r4, [r0, #12]", "rev r4, r4", "adds r4, r4, #1", "rev r4, r4")
    code("str r4, [r0, #12]", f"ldrd r4, r3, [sp, #{_POINTER}]", "bl mix")
    code("advance:", f"ldrd r4, r3, [sp, #{_POINTER}]", "adds r4, #16", "subs r3, #16")
    code(f"strd r4, r3, [sp, #{_POINTER}]", "b block")
    _mix(code)
    _expand(code)
    code("finished:", "add sp, #16", "pop {r8-r11}", "movs r0, #0", "b end")
    if len(code.assemble_so_far()) % 4 != 2:
        code("nop")  # behind six bytes of MicroPython's and python_file's the table is aligned
    code("# table: 2 s, s, s, 3 s for every byte", "table:")
    for row in table():
        code(".byte " + ", ".join(map(str, row)))
    code("end:")
    return code


def _encrypt(code: Code) -> None:
    code("# the block at r0 into r8-r11", "encrypt:", f"add r1, r0, #{_KEYS}", "ldmia r0, {r4-r7}")
    code("ldmia r1!, {r8-r11}")
    for i in range(4):
        code(f"eor r{4 + i}, r{4 + i}, r{8 + i}")
    code(f"ldr r3, [r0, #{_ROUNDS}]", "turn:", "ldmia r1!, {r8-r11}")
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


def _bytes_of(column: int) -> tuple[str, ...]:
    """Return the instructions that pick the bytes ShiftRows brings into a column."""
    words = [f"r{4 + (column + row) % 4}" for row in range(4)]
    return (
        f"uxtb r12, {words[0]}",
        f"ubfx r12, {words[1]}, #8, #8",
        f"ubfx r12, {words[2]}, #16, #8",
        f"lsr r12, {words[3]}, #24",
    )


def _expand(code: Code) -> None:
    """FIPS 197 §5.2: each word is the one a key length back and, mostly, the one before it."""
    code("# expand: r1 at the word a key length back, r3 words of key, r4 the word before")
    code("expand:", f"add r1, r0, #{_KEYS}", f"ldr r6, [r0, #{_ROUNDS}]", "subs r3, r6, #5")
    code("adds r6, r6, #2", "lsls r6, r6, #2", "subs r6, r6, r3", "adds r2, r2, #1")
    code("movs r7, #1", "group:", "movs r5, #0", "add r8, r1, r3, lsl #2", "ldr r4, [r8, #-4]")
    code("word:", "cmp r5, #0", "beq turned", "cmp r5, #4", "bne plain", "cmp r3, #8", "bne plain")
    _substitute(code)
    code("b plain", "turned:", "ror r4, r4, #8")
    _substitute(code)
    code("eor r4, r4, r7", "lsls r7, r7, #1", "cmp r7, #256", "bne plain", "movs r7, #0x1b")
    code("plain:", "ldr r9, [r1], #4", "eor r4, r4, r9", "str r4, [r8], #4", "adds r5, r5, #1")
    code("subs r6, r6, #1", "beq finished", "cmp r5, r3", "bne word", "b group")


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
