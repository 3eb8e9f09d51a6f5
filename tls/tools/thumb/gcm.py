"""The kernel of AES and GCM (FIPS 197, NIST SP 800-38D): a record in one call, or a part of one.

{interface}

Theory of operation of AES. The state is four words in r4-r7, a column each with its first byte
lowest, as they lie in memory. A round takes each column from four table entries: T[x] holds the
products 2 s, s, s, 3 s of the substituted byte s = S(x) that MixColumns adds to a column; turned by
a byte for each row further down it serves all four rows. The last round has no MixColumns and takes
s alone, from the second byte of the same entries. Words of the buffer may lie at any address; a
broken last block goes byte by byte. r2 is the table, r1 passes over the round keys, r3 counts
rounds, r4-r7 are the state and r8-r11 the next one, which begins as the round key.

Theory of operation of GHASH. A block is a number, its first byte the highest, that stands for a
polynomial with its bits in reversed order. The product of two words without carries is made by
UMULL: with every fourth bit of both factors kept at most 8 bits meet in a place, which do not reach
the next place kept, so that parity stands in the place itself; four parts of one factor times four
of the other, XORed by the sum of their places and masked. 128 bits are nine such products
(Karatsuba twice). The product of reversed polynomials comes out one bit too low and is doubled;
then the low half, the terms of degree 128 and more, is folded into the high one with
x^128 = x^7 + x^2 + x + 1. In a product of words r4-r7 are the parts of one factor, r8-r11 those of
the other, r0 and r1, r12 and lr products, r2 and r3 the result. Everything else waits on the stack.

Timing: the same instructions for the same number of bytes, whatever the tag. GHASH touches the same
addresses as well; UMULL may show operands on a Cortex-M3, see `multiprecision`. The addresses of
AES's table entries depend on key and data, as they do in the portable code. That shows nothing
where memory answers in constant time (Cortex-M3, M4 and M33 without a cache for flash); it can
where flash is cached.
"""

from __future__ import annotations

from thumb import aes, ghash, records
from thumb.assembler import Code
from thumb.ghash import CONTEXT

NAME = "protect"
ARGUMENTS = 4
INTERFACE = """\
`protect(context, buffer, start, end)`: `context` is a bytearray: the block (16 bytes), room for a
block (16), the number of rounds less one (4), what to do (1), whether records are counted (1 and 2
unused), the sum of GHASH and H (16 each, as little-endian numbers), additional data filled up with
zeros (16), the lengths of it and of the text in bits (8 each, big-endian), the last four bytes of
the IV and the number of the next record (4, little-endian), the round keys. What to do, bits in the
order in which they are done:

- 128, alone: expand the round keys from the key that they begin with, and make H of them
- 64, alone: take `buffer[start:end]` into the block, a CBC-MAC, the last piece filled up with zeros
- 1: begin a message: the nonce is in the block, of which the last four bytes are set to 2. Where
  records are counted (RFC 8446 §5.2, §5.3) the nonce is made of the IV and the number, which grows,
  and the five bytes before `start` are the additional data: the header, which with 16 is written
- 2: XOR `buffer[start:end]` with the key stream of the block, a counter in its last four bytes
- 4: take `buffer[start:end]` into the sum, the last block filled up with zeros
- 8: make the tag, in the room; the block is then that of the text's beginning again
- 16: with 8: write the tag behind `end`; without it what is there is compared, and if it is another
  one the answer is 1 instead of 0 and nothing more is done
- 32: as 2"""

_TASK, _AAD, _LENGTHS, _IV = 36, 72, 88, 104
START, SIZE, TASKS = aes.MASK_LINK + 4, aes.MASK_LINK + 8, aes.MASK_LINK + 12
FRAME = aes.MASK_LINK + 16


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    code("# entry", "push {r8-r11}", f"sub sp, #{FRAME}", "adds r1, r1, r2", "subs r3, r3, r2")
    code(f"str r0, [sp, #{CONTEXT}]", f"str r1, [sp, #{START}]", f"str r3, [sp, #{SIZE}]")
    code(f"ldrb r4, [r0, #{_TASK}]", f"str r4, [sp, #{TASKS}]", "tst r4, #128", "beq no_key")
    code("bl expand", "b done", "no_key:", "tst r4, #64", "beq no_mac", "bl mac", "b done")
    _begin(code)
    _text(code, 2, "key_stream")
    _text(code, 4, "absorb")
    _count(code)
    _tag(code)
    _text(code, 32, "key_stream")
    code("done:", "movs r0, #0", "answer:", f"add sp, #{FRAME}", "pop {r8-r11}", "b end")
    aes.key_stream(code)
    aes.mac(code)
    aes.encrypt(code)
    aes.expand(code)
    ghash.absorb(code)
    if len(code.assemble_so_far()) % 4 != 2:
        code("nop")  # behind six bytes of MicroPython's and python_file's the table is aligned
    code("# table: 2 s, s, s, 3 s for every byte", "table:")
    for row in aes.table():
        code(".byte " + ", ".join(map(str, row)))
    code("end:")
    return code


def _begin(code: Code) -> None:
    """SP 800-38D §7.1: the counter of the text begins with 2, the sum with the additional data."""
    code("# begin", "no_mac:", "tst r4, #1", "beq begun")
    records.count(code, _TASK + 1, _IV, 8, _AAD, START, SIZE, TASKS)
    code("mov r4, #0x02000000")
    code("str r4, [r0, #12]", "movs r4, #0", "movs r5, #0", f"strd r4, r5, [r0, #{ghash.SUM}]")
    code(f"strd r4, r5, [r0, #{ghash.SUM + 8}]", f"strd r4, r5, [r0, #{_LENGTHS + 8}]")
    code(f"add r1, r0, #{_AAD}", "movs r3, #16", "bl absorb", "begun:")


def _text(code: Code, bit: int, routine: str) -> None:
    """Let a routine go over the text if the tasks say so."""
    skip = code.label("skip")
    code(f"# {routine}, if {bit} is set", f"ldr r4, [sp, #{TASKS}]", f"tst r4, #{bit}")
    code(f"beq {skip}", f"ldr r1, [sp, #{START}]", f"ldr r3, [sp, #{SIZE}]", f"bl {routine}")
    code(f"{skip}:")


def _count(code: Code) -> None:
    """Add what was absorbed to the length of the text: below 2^29 bytes."""
    code("# count", f"ldr r4, [sp, #{TASKS}]", "tst r4, #4", "beq counted")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"ldr r3, [sp, #{SIZE}]", f"ldr r5, [r0, #{_LENGTHS + 12}]")
    code("rev r5, r5", "add r5, r5, r3, lsl #3", "rev r5, r5", f"str r5, [r0, #{_LENGTHS + 12}]")
    code("counted:")


def _tag(code: Code) -> None:
    """SP 800-38D §7.1, §7.2: the sum with the lengths, XORed with the key stream of counter 1."""
    code("# tag", f"ldr r4, [sp, #{TASKS}]", "tst r4, #8", "beq tagged")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"add r1, r0, #{_LENGTHS}", "movs r3, #16", "bl absorb")
    code(f"ldr r0, [sp, #{CONTEXT}]", "mov r4, #0x01000000", "str r4, [r0, #12]", "bl encrypt")
    code("mov r4, #0x02000000", "str r4, [r0, #12]", f"ldrd r4, r5, [r0, #{ghash.SUM + 8}]")
    code(f"ldrd r6, r7, [r0, #{ghash.SUM}]")
    for i, word in enumerate(("r5", "r4", "r7", "r6")):
        code(f"rev {word}, {word}", f"eor r{8 + i}, r{8 + i}, {word}")
    code(f"add r1, r0, #{aes.ROOM}", "stmia r1, {r8-r11}")
    code("# written, or compared in the same time whatever it is", f"ldr r1, [sp, #{START}]")
    code(f"ldr r3, [sp, #{SIZE}]", "adds r1, r1, r3", f"ldr r4, [sp, #{TASKS}]", "tst r4, #16")
    code("beq compare")
    for i in range(4):
        code(f"str r{8 + i}, [r1, #{4 * i}]")
    code("b tagged", "compare:", "movs r0, #0")
    for i in range(4):
        code(f"ldr r4, [r1, #{4 * i}]", f"eor r4, r4, r{8 + i}", "orrs r0, r4")
    code("rsb r4, r0, #0", "orrs r0, r4", "lsrs r0, r0, #31", "bne answer", "tagged:")
