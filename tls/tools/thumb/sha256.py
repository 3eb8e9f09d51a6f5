"""The kernel of SHA-256 (FIPS 180-4 §6.2) and HMAC (RFC 2104): a hash that is plain bytes.

{interface}

Theory of operation. The eight working words stay in registers, and their names move on by one in
each round, so that sixteen rounds are unrolled and no word is ever moved. A sum of three rotations
is rotated once more where it is added: Sigma1(e) = (e + e >>> 5 + e >>> 19) >>> 6. The majority of
a, b and c is b unless both others differ from it, and what a differs from b by is what b differs
from c by one round later. The sixteen words of the schedule lie on the stack and are replaced in
place, two at a time, by the next sixteen: the two before them are still in registers.

A key's two pads (RFC 2104 §2) are one block each, so what follows from them is kept instead: two
states of 32 bytes, from which any number of messages starts.

Bounds. The caller's are not checked: `size` is what `buffer` has, 64 at most for a key, 32 for a
digest. Messages are shorter than 4 GiB. Buffers may lie at any address, the context at a word's.

Registers. r4 to r11 are a to h in the order of the round, r2 points to the constants, r3 is free,
r12 and lr take turns with the difference of a and b; r0 and r1 have two words of the schedule.

Timing: the same instructions and addresses for the same sizes.
"""

from __future__ import annotations

from thumb.assembler import Code

NAME = "work"
ARGUMENTS = 4
INTERFACE = """\
`work(context, buffer, size, what)`: `context` is a bytearray of 100 bytes: the state (32), the
number of bytes taken in so far (4), and those of them that fill no block yet (64); for HMAC 64
more, the states behind the inner and the outer pad. `what` is a sum of these, done in this order:

- 1: a new hash;
- 2: `buffer` is a key, of 64 bytes at most: makes the states behind its pads;
- 4: a new hash from behind the inner pad;
- 8: takes in `buffer`;
- 16: writes the digest to `buffer`; more may be taken in afterwards;
- 32: with 16, the digest goes through the outer pad first: the HMAC."""

START, KEY, INNER, TAKE, DIGEST, OUTER = 1, 2, 4, 8, 16, 32
_COUNT, _PENDING, _INNER, _OUTER = 32, 36, 100, 132
# On the stack: the schedule, a block to be padded, a state, and what is needed again.
_BLOCK, _STATE = 64, 128
_HASHED, _END, _RETURN, _CONTEXT, _BUFFER, _SIZE, _WHAT, _POINTER = range(160, 192, 4)
_FRAME = 192
_WORKING = tuple(f"r{i}" for i in range(4, 12))


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    _begin(code)
    _key(code)
    _take(code)
    _digest(code)
    _copies(code)
    _blocks(code)
    code("# the start and the constants", "start:")
    for label, words in (("constants", _start()), ("constants_end", constants())):
        for word in words:
            code(".byte " + ", ".join(map(str, word.to_bytes(4, "little"))))
        code(f"{label}:")
    code("end:")
    return code


def constants() -> list[int]:
    """Return the constants of the 64 rounds (§4.2.2)."""
    return [_root_bits(prime, 3) for prime in _primes(64)]


def _start() -> list[int]:
    """Return the words a hash begins with (§5.3.3)."""
    return [_root_bits(prime, 2) for prime in _primes(8)]


def _primes(count: int) -> list[int]:
    return [n for n in range(2, 312) if all(n % divisor for divisor in range(2, n))][:count]


def _root_bits(number: int, degree: int) -> int:
    """Return the first 32 bits of the fractional part of a root."""
    target = number << 32 * degree
    low, high = 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= target else (low, middle)
    return low & 0xFFFFFFFF


def _begin(code: Code) -> None:
    code("# entry", "push {r8-r11}", f"sub sp, #{_FRAME}", f"strd r0, r1, [sp, #{_CONTEXT}]")
    code(f"strd r2, r3, [sp, #{_SIZE}]", "# a new hash", f"tst r3, #{START}", "beq no_start")
    code("mov r1, r0", "bl begin", "movs r3, #0", f"str r3, [r1, #{_COUNT - 32}]")
    code("no_start:")


def _key(code: Code) -> None:
    """Write the states behind the pads."""
    code("# the states behind a key's pads", f"ldr r3, [sp, #{_WHAT}]", f"tst r3, #{KEY}")
    code("beq no_key", "bl empty_block", f"ldrd r1, r5, [sp, #{_BUFFER}]", "bl copy")
    # The second time what the block has already been combined with is taken out again.
    for place, pad in ((_INNER, 0x36), (_OUTER, 0x36 ^ 0x5C)):
        code(f"add r1, sp, #{_BLOCK}", "movs r2, #16", f"mov r3, #{pad * 0x01010101}")
        again = code.label("pad")
        code(f"{again}:", "ldr r4, [r1]", "eors r4, r3", "str r4, [r1], #4")
        code("subs r2, #1", f"bne {again}", f"ldr r1, [sp, #{_CONTEXT}]", f"adds r1, #{place}")
        code("bl begin", "sub r0, r1, #32", f"add r1, sp, #{_BLOCK}")
        code("add r3, r1, #64", "bl blocks")
    code("no_key:", "# a new hash from behind the inner pad", f"ldr r3, [sp, #{_WHAT}]")
    code(
        f"tst r3, #{INNER}", "beq no_inner", f"ldr r0, [sp, #{_CONTEXT}]", f"add r1, r0, #{_INNER}"
    )
    code("ldmia r1, {r4-r11}", "stmia r0!, {r4-r11}", "movs r3, #64", "str r3, [r0]", "no_inner:")


def _take(code: Code) -> None:
    """Take in a message's bytes: what fills a block, whole blocks where they lie, the rest."""
    code("# bytes taken in", f"ldr r3, [sp, #{_WHAT}]", f"tst r3, #{TAKE}", "beq no_take")
    code(f"ldr r0, [sp, #{_CONTEXT}]", f"ldrd r1, r2, [sp, #{_BUFFER}]", f"ldr r3, [r0, #{_COUNT}]")
    code("add r4, r3, r2", f"str r4, [r0, #{_COUNT}]", "ands r3, r3, #63", "beq whole")
    code(f"add r4, r0, #{_PENDING}", "add r4, r3", "rsb r5, r3, #64", "cmp r2, r5", "blo last")
    code("subs r2, r2, r5", f"str r2, [sp, #{_SIZE}]", "bl copy", f"str r1, [sp, #{_BUFFER}]")
    code(f"add r1, r0, #{_PENDING}", "add r3, r1, #64", "bl blocks")
    code(f"ldr r0, [sp, #{_CONTEXT}]", f"ldrd r1, r2, [sp, #{_BUFFER}]")
    code("whole:", "bic r3, r2, #63", "add r3, r1", "bl blocks")
    code(f"ldr r0, [sp, #{_CONTEXT}]", f"ldr r2, [sp, #{_SIZE}]", "and r2, r2, #63")
    code(f"add r4, r0, #{_PENDING}", "last:", "mov r5, r2", "bl copy", "no_take:")


def _digest(code: Code) -> None:
    code("# the digest, of a copy", f"ldr r3, [sp, #{_WHAT}]", f"tst r3, #{DIGEST}")
    code("beq finished", "bl empty_block", f"ldr r1, [sp, #{_CONTEXT}]", "ldmia r1!, {r4-r11}")
    code(f"add r0, sp, #{_STATE}", "stmia r0!, {r4-r11}", "ldr r5, [r1], #4")
    code(f"str r5, [sp, #{_SIZE}]", "and r5, r5, #63", f"add r4, sp, #{_BLOCK}", "bl copy")
    code("movs r5, #0x80", "strb r5, [r4]", f"add r0, sp, #{_STATE}")
    code(f"add r1, sp, #{_BLOCK}", "subs r4, r4, r1", f"ldr r2, [sp, #{_SIZE}]", "cmp r4, #56")
    code("blo room", "add r3, r1, #64", "bl blocks")
    code("bl empty_block", f"ldr r2, [sp, #{_SIZE}]", f"add r1, sp, #{_BLOCK}", "room:")
    code("bl length_and_blocks", f"ldr r3, [sp, #{_WHAT}]", f"tst r3, #{OUTER}", "beq written")
    code("# the digest through the outer pad", "bl empty_block", f"add r1, sp, #{_STATE}")
    code("movs r3, #8", "again:", "ldr r5, [r1], #4", "rev r5, r5", "str r5, [r4], #4")
    code("subs r3, #1", "bne again", "movs r5, #0x80", "strb r5, [r4]")
    code(f"ldr r1, [sp, #{_CONTEXT}]", f"adds r1, #{_OUTER}", "ldmia r1, {r4-r11}")
    code(f"add r0, sp, #{_STATE}", "stmia r0, {r4-r11}", "movs r2, #96", f"add r1, sp, #{_BLOCK}")
    code("bl length_and_blocks", "written:", f"add r0, sp, #{_STATE}", f"ldr r1, [sp, #{_BUFFER}]")
    code("movs r3, #8", "words:", "ldr r5, [r0], #4", "rev r5, r5", "str r5, [r1], #4")
    code("subs r3, #1", "bne words", "# zeros to what was used", "finished:")
    for register in _WORKING:
        code(f"mov {register}, #0")
    code("mov r0, sp", f"movs r1, #{_FRAME // 32}", "clearing:", "stmia r0!, {r4-r11}")
    code(
        "subs r1, #1", "bne clearing", f"add sp, #{_FRAME}", "pop {r8-r11}", "movs r0, #0", "b end"
    )


def _copies(code: Code) -> None:
    code("# r5 bytes from r1 to r4, both moved on", "copy:", "subs r5, #4", "blo bytes")
    code("ldr r6, [r1], #4", "str r6, [r4], #4", "b copy", "bytes:", "adds r5, #4", "beq copied")
    code("next:", "ldrb r6, [r1], #1", "strb r6, [r4], #1", "subs r5, #1", "bne next", "copied:")
    code("bx lr", "# the start to r1, which is moved on", "begin:", "lea r2, start", "movs r3, #8")
    code("words_left:", "ldr r4, [r2], #4", "str r4, [r1], #4", "subs r3, #1", "bne words_left")
    code("bx lr", "# zeros to the block, and r4 to its start", "empty_block:", "movs r5, #0")
    code("movs r6, #0", "mov r7, r5", "mov r8, r5", f"add r4, sp, #{_BLOCK}", "mov r1, r4")
    for _ in range(4):
        code("stmia r1!, {r5-r8}")
    code("bx lr")


def _blocks(code: Code) -> None:
    """Write the subroutine: blocks from r1 to r3 into the state at r0."""
    code("# a length of r2 bytes to the block at r1", "length_and_blocks:", "lsls r5, r2, #3")
    code("lsrs r4, r2, #29", "rev r4, r4", "rev r5, r5", "strd r4, r5, [r1, #56]")
    code("add r3, r1, #64", "# blocks from r1 to r3 into the state at r0", "blocks:")
    code(f"str lr, [sp, #{_RETURN}]", "block:", "cmp r1, r3", "bhs no_block")
    code(f"strd r0, r3, [sp, #{_HASHED}]", "mov r2, sp", "movs r3, #4", "load:")
    for i in range(4, 8):
        code(f"ldr r{i}, [r1], #4")
    for i in range(4, 8):
        code(f"rev r{i}, r{i}")
    code("stmia r2!, {r4-r7}", "subs r3, #1", "bne load", f"str r1, [sp, #{_POINTER}]")
    code("ldmia r0, {r4-r11}", "eor r12, r5, r6", "lea r2, constants")
    code("# sixteen rounds", "rounds:")
    for i in range(16):
        _round(code, i)
    code("# the next sixteen words", "lea r3, constants_end", "cmp r2, r3", "beq added")
    for i in range(0, 16, 2):
        _two_words(code, i)
    code("b rounds", "# the sum of states", "added:", f"ldr r0, [sp, #{_HASHED}]")
    for half in (_WORKING[:4], _WORKING[4:]):
        code("ldmia r0, {r1-r3, r12}")
        for register, old in zip(half, ("r1", "r2", "r3", "r12"), strict=True):
            code(f"add {register}, {register}, {old}")
        code(f"stmia r0!, {{{half[0]}-{half[3]}}}")
    code("subs r0, #32", f"ldr r3, [sp, #{_END}]", f"ldr r1, [sp, #{_POINTER}]", "b block")
    code("no_block:", f"ldr lr, [sp, #{_RETURN}]", "bx lr")


def _round(code: Code, i: int) -> None:
    """Write one round; every second one reads two words of the schedule."""
    a, b, _, d, e, f, g, h = (_WORKING[(place - i) % 8] for place in range(8))
    new, old = ("r12", "lr") if i % 2 else ("lr", "r12")
    if i % 2 == 0:
        code(f"ldrd r0, r1, [sp, #{4 * i}]")
    code("ldr r3, [r2], #4", f"add {h}, {h}, r{i % 2}", f"add {h}, {h}, r3")
    code(f"eor r3, {e}, {e}, ror #5", f"eor r3, r3, {e}, ror #19", f"add {h}, {h}, r3, ror #6")
    code(f"eor r3, {f}, {g}", f"and r3, r3, {e}", f"eor r3, r3, {g}", f"add {h}, {h}, r3")
    code(f"add {d}, {d}, {h}")
    code(f"eor r3, {a}, {a}, ror #11", f"eor r3, r3, {a}, ror #20", f"add {h}, {h}, r3, ror #2")
    code(f"eor {new}, {a}, {b}", f"and {old}, {old}, {new}", f"eor {old}, {old}, {b}")
    code(f"add {h}, {h}, {old}")


def _two_words(code: Code, i: int) -> None:
    """Write two words of the schedule; r0 and r1 have the two before them."""
    for word in ("r0", "r1"):
        code(f"eor r3, {word}, {word}, ror #2", f"lsr {word}, {word}, #10")
        code(f"eor {word}, {word}, r3, ror #17")
    code(f"ldrd r3, lr, [sp, #{4 * i}]", "add r0, r3", "add r1, lr")
    for word in ("r0", "r1"):
        code("eor r3, lr, lr, ror #11", "lsr lr, lr, #3", "eor lr, lr, r3, ror #7")
        code(f"add {word}, lr")
        if word == "r0":
            code(f"ldr lr, [sp, #{4 * ((i + 2) % 16)}]")
    if i == 6:
        code("ldr r3, [sp, #60]", "ldr lr, [sp]")
    else:
        code(f"ldrd r3, lr, [sp, #{4 * ((i + 9) % 16)}]")
    code("add r0, r3", "add r1, lr", f"strd r0, r1, [sp, #{4 * i}]")
