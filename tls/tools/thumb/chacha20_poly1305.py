"""The kernel of ChaCha20-Poly1305 (RFC 8439): a record in one call, or a part of one.

{interface}

Theory of operation of ChaCha20. Rows a and b of the state are in r0-r7, row d in r12, lr, r10 and
r11, half of c in r8 and r9; the halves of c change places twice in a double round, and all ten of
these are unrolled. No rotation is an
instruction of its own: a word is left unrotated, and who uses it next says by how much as it shifts
the operand,

    add a, a, b, ror #25    eor d, a, d, ror #24    add c, c, d, ror #16    eor b, c, b, ror #25
    add a, a, b, ror #20    eor d, a, d, ror #16    add c, c, d, ror #24    eor b, c, b, ror #20

after which b is due to be rotated by 25 and d by 24 again; in the first round they are not. Words
of the buffer may lie at any address; a broken last block goes through the stack.

Theory of operation of Poly1305. The sum h has five words, r four, of which RFC 8439 clears the bits
that let products be added without carries: r0 is below 2^28, the others too and multiples of 4.
With s = 5 r / 4 for these, because 2^130 = 5, the product has the words

    d0 = h0 r0 + h1 s3 + h2 s2 + h3 s1               d1 = h0 r1 + h1 r0 + h2 s3 + h3 s2 + h4 s1
    d2 = h0 r2 + h1 r1 + h2 r0 + h3 s3 + h4 s2       d3 = h0 r3 + h1 r2 + h2 r1 + h3 r0 + h4 s3
    d4 = h4 r0

Bounds. h4 is at most 4 between blocks and at most 6 with a block added. Each d is below
4 * 2^32 * 1.25 * 2^28 + 6 * 1.25 * 2^28 < 2^63, and so is its sum with the carry from below. d4 is
below 6 * 2^28 and h4 before the last step below 2^32; 5 (h4 / 4) goes to the bottom, which leaves
h4 at 3 and a carry. r4-r8 are h, r9 is r0, r10-r12 are s and then the other r; d0 to d3 overlap in
r0-r3 and lr: the upper word of each is where the next begins, and nothing is carried later.

Timing: the same instructions and addresses for the same number of bytes, whatever the tag; see
`multiprecision` for UMULL and UMLAL on a Cortex-M3.
"""

from __future__ import annotations

from thumb import chacha20, poly1305, records
from thumb.assembler import Code
from thumb.chacha20 import CONTEXT

NAME = "protect"
ARGUMENTS = 4
INTERFACE = """\
`protect(context, buffer, start, end)`: `context` is a bytearray of 164 bytes: the state of RFC 8439
§2.3 (64), additional data filled up with zeros (16), the lengths of it and of the text (8 each,
little-endian), the sum of Poly1305 (20, below 5 * 2^128), r and s (16 each), what to do (1),
whether records are counted (1 and 2 unused), what to do with a broken last block (4): 1, fill it up
with zeros; 0, end the message (§2.5.1); the last four bytes of the IV and the number of the next
record (4, little-endian). What to do, bits in the order in which they are done:

- 1: begin a message: the nonce is in the state; the one-time key is made and the counter 1. Where
  records are counted (RFC 8446 §5.2, §5.3) the nonce is made of the IV and the number, which grows,
  and the five bytes before `start` are the additional data: the header, which with 16 is written
- 2: XOR `buffer[start:end]` with the key stream, and count the blocks in the state
- 4: take `buffer[start:end]` into the sum
- 8: make the tag, where the sum was
- 16: with 8: write the tag behind `end`; without it what is there is compared, and if it is another
  one the answer is 1 instead of 0 and nothing more is done
- 32: as 2"""

_AAD, _LENGTHS, _TASK, _IV = 64, 80, 148, 156
START, SIZE, TASKS = chacha20.FRAME, chacha20.FRAME + 4, chacha20.FRAME + 8
FRAME = chacha20.FRAME + 12


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    code("# entry", "push {r8-r11}", f"sub sp, #{FRAME}", "adds r1, r1, r2", "subs r3, r3, r2")
    code(f"str r0, [sp, #{CONTEXT}]", f"str r1, [sp, #{START}]", f"str r3, [sp, #{SIZE}]")
    code(f"ldrb r4, [r0, #{_TASK}]", f"str r4, [sp, #{TASKS}]")
    _begin(code)
    _text(code, 2, "key_stream")
    _text(code, 4, "absorb")
    _count(code)
    _tag(code)
    _text(code, 32, "key_stream")
    code("movs r0, #0", "answer:", f"add sp, #{FRAME}", "pop {r8-r11}", "b end")
    chacha20.key_stream(code)
    poly1305.absorb(code)
    code("end:")
    return code


def _begin(code: Code) -> None:
    """RFC 8439 §2.6, §2.8: the key is of block 0, the text begins with 1."""
    code("# begin", "tst r4, #1", "beq begun")
    records.count(code, _TASK + 1, _IV, 60, _AAD, START, SIZE, TASKS)
    code("movs r4, #0", "str r4, [r0, #48]")
    for offset in range(0, 32, 4):
        code(f"str r4, [r0, #{poly1305.R + offset}]")
    code(f"str r4, [r0, #{_LENGTHS + 8}]", f"add r1, r0, #{poly1305.R}", "movs r3, #32")
    code("bl key_stream", f"ldr r0, [sp, #{CONTEXT}]")
    poly1305.key(code)
    code(f"add r1, r0, #{_AAD}", f"ldr r3, [r0, #{_LENGTHS}]", "bl absorb", "begun:")


def _text(code: Code, bit: int, routine: str) -> None:
    """Let a routine go over the text if the tasks say so."""
    skip = code.label("skip")
    code(f"# {routine}, if {bit} is set", f"ldr r4, [sp, #{TASKS}]", f"tst r4, #{bit}")
    code(f"beq {skip}", f"ldr r1, [sp, #{START}]", f"ldr r3, [sp, #{SIZE}]", f"bl {routine}")
    code(f"{skip}:")


def _count(code: Code) -> None:
    """Add what was absorbed to the length of the text."""
    code("# count", f"ldr r4, [sp, #{TASKS}]", "tst r4, #4", "beq counted")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"ldr r3, [sp, #{SIZE}]", f"ldr r5, [r0, #{_LENGTHS + 8}]")
    code("adds r5, r5, r3", f"str r5, [r0, #{_LENGTHS + 8}]", "counted:")


def _tag(code: Code) -> None:
    """RFC 8439 §2.8: the lengths at last; the tag is written or compared."""
    code("# tag", f"ldr r4, [sp, #{TASKS}]", "tst r4, #8", "beq tagged")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"add r1, r0, #{_LENGTHS}", "movs r3, #16", "bl absorb")
    code(f"ldr r0, [sp, #{CONTEXT}]")
    poly1305.tag(code)
    code(f"add r1, r0, #{poly1305.SUM}", "stmia r1, {r4-r7}")
    code("# written, or compared in the same time whatever it is", f"ldr r1, [sp, #{START}]")
    code(f"ldr r3, [sp, #{SIZE}]", "adds r1, r1, r3", f"ldr r2, [sp, #{TASKS}]", "tst r2, #16")
    code("beq compare")
    for i in range(4):
        code(f"str r{4 + i}, [r1, #{4 * i}]")
    code("b tagged", "compare:", "movs r0, #0")
    for i in range(4):
        code(f"ldr r2, [r1, #{4 * i}]", f"eor r2, r2, r{4 + i}", "orrs r0, r2")
    code("rsb r2, r0, #0", "orrs r0, r2", "lsrs r0, r0, #31", "bne answer", "tagged:")
