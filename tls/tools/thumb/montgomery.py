"""The kernel of powers modulo any odd number: Montgomery products of numbers of any size.

{interface}

Theory of operation. With R = 2^(32 words), the product of x and b is x b / R mod n. It is built in
one pass for each word a of b: t + a x + m n is divided by 2^32, where m = (t + a b) (-1/n) mod 2^32
makes its lowest word 0. -1/n comes from four of Newton's steps, each of which doubles the number of
right bits, beginning with the three that n as its own inverse has. After all words n is taken away
once, under a mask. The entry is read from the table by reading all of it under masks. As each word
of b is wanted once, b comes in two halves, one after the other in the same place.

Bounds. b < R and x < n. t < n + x < 2 n before and after each pass, because (t + a x + m n) / 2^32
< (n + x + (2^32 - 1) (x + n)) / 2^32 = n + x; so its highest word is 0 or 1, and one subtraction
reduces it fully. A word takes two products, each with the word and the carry (2^32 - 1)^2 +
2 (2^32 - 1) = 2^64 - 1 at most, so that UMLAL does not overflow.

Registers. In a pass: r0 = a, r1 = m, r2, r3 and r4 point to x, n and t, r5 = 0, r6 and r7 are the
carries of a x and of m n, r8 and r9 two words of x or n, r12 and lr two of t, r10 what is left.
t begins one word early: each word is written one place below where it was read.

Timing: the same instructions and addresses for the same sizes and the same numbers of squarings and
entries, whatever the numbers and the chosen entry are.
"""

from __future__ import annotations

from thumb.assembler import Code

NAME = "advance"
ARGUMENTS = 4
INTERFACE = """\
`advance(context, words, squarings, choice)`: `context` is a bytearray of numbers of `words` words
each, little-endian: n, odd; x, below n; t, with 8 bytes more; the entries of a table. x becomes its
square / R modulo n `squarings` times, then, if `choice` is not 0, its product with an entry / R
modulo n. `words` is a multiple of 4; `choice` is the number of entries times 256, plus which one,
from 0. With 65,536 the one entry is the lower half of a factor, and x stays as it is; the next call
is with 131,072, no squarings, and the upper half."""

# The frame; behind it half of the chosen entry, if there is a choice.
_CONTEXT, _WORDS, _SQUARINGS, _CHOICE, _X, _T, _ENTRY, _INVERSE = range(0, 32, 4)
_RETURN, _A, _B, _ROWS, _PARTS, _TABLE, _EXTRA, _STEP = range(32, 64, 4)
_FRAME = 64
_LOWER, _UPPER = 1, 2  # the parts of a factor
# What `choice` is where one entry comes in halves.
LOWER_HALF, UPPER_HALF = _LOWER << 16 | 1 << 8, _UPPER << 16 | 1 << 8


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    _enter(code)
    _choose(code)
    _leave(code)
    _product(code)
    _reduce_once(code)
    code("end:")
    return code


def _enter(code: Code) -> None:
    code("# entry", "push {r8-r11}", "lsls r5, r1, #1", "ubfx r4, r3, #8, #8", "cmp r4, #2")
    code("bhs choice", "movs r5, #0", "choice:", "sub sp, sp, r5", f"sub sp, #{_FRAME}")
    code(f"str r5, [sp, #{_EXTRA}]", f"add r4, sp, #{_FRAME}", f"str r4, [sp, #{_ENTRY}]")
    code(f"strd r0, r1, [sp, #{_CONTEXT}]", f"strd r2, r3, [sp, #{_SQUARINGS}]")
    code("add r4, r0, r1, lsl #2", "add r5, r0, r1, lsl #3", f"strd r4, r5, [sp, #{_X}]")
    code("add r5, r5, r1, lsl #2", "adds r5, #8", f"str r5, [sp, #{_TABLE}]")
    code("# -1/n modulo 2^32", "ldr r4, [r0]", "mov r5, r4")
    for _ in range(4):
        code("mul r6, r4, r5", "rsb r6, r6, #2", "mul r5, r5, r6")
    code("rsbs r5, r5, #0", f"str r5, [sp, #{_INVERSE}]")
    code("squaring:", f"ldr r2, [sp, #{_SQUARINGS}]", "subs r2, r2, #1", "bmi squared")
    code(f"str r2, [sp, #{_SQUARINGS}]", f"ldr r1, [sp, #{_X}]", f"ldr r2, [sp, #{_WORDS}]")
    code("movs r3, #0", "bl product", "b squaring")


def _choose(code: Code) -> None:
    code("squared:", f"ldr r3, [sp, #{_CHOICE}]", "ubfx r2, r3, #8, #8", "cmp r2, #0")
    code("beq finished", f"ldr r1, [sp, #{_TABLE}]", "cmp r2, #1", "bne several")
    code("# the one entry, or a half of it", f"ldr r2, [sp, #{_WORDS}]", "lsrs r3, r3, #16")
    code("beq entire", "lsrs r2, r2, #1", "entire:", "bl product", "b finished")
    code("# the chosen entry, all being read: the lower half of each, then the upper", "several:")
    code(f"movs r0, #{_LOWER}", "half:", f"str r0, [sp, #{_STEP}]", f"ldr r5, [sp, #{_WORDS}]")
    code(f"ldr r1, [sp, #{_TABLE}]", f"tst r0, #{_UPPER}", "beq lower")
    code("add r1, r1, r5, lsl #1", "lower:", f"ldr r3, [sp, #{_CHOICE}]", "ubfx r2, r3, #8, #8")
    code("uxtb r3, r3", f"ldr r4, [sp, #{_ENTRY}]", "lsrs r0, r5, #1", "movs r7, #0")
    code("empty:", "str r7, [r4], #4", "subs r0, r0, #1", "bne empty")
    code("entry:", "eor r6, r7, r3", "subs r6, r6, #1", "sbc r6, r6, r6")
    code(f"ldr r4, [sp, #{_ENTRY}]", "lsrs r0, r5, #1")
    code("entry_words:", "ldmia r1!, {r8, r9}", "ldrd r10, r11, [r4]")
    code("and r8, r8, r6", "and r9, r9, r6", "orr r10, r10, r8", "orr r11, r11, r9")
    code("stmia r4!, {r10, r11}", "subs r0, r0, #2", "bne entry_words")
    code("add r1, r1, r5, lsl #1", "adds r7, r7, #1", "cmp r7, r2", "bne entry")
    code(f"ldr r1, [sp, #{_ENTRY}]", "lsrs r2, r5, #1", f"ldr r3, [sp, #{_STEP}]", "bl product")
    code(f"ldr r0, [sp, #{_STEP}]", "adds r0, r0, #1", f"cmp r0, #{_UPPER}", "beq half")


def _leave(code: Code) -> None:
    code("# zeros to the chosen entry", "finished:", f"ldr r1, [sp, #{_EXTRA}]")
    code(f"add r4, sp, #{_FRAME}", "movs r2, #0", "mov r0, r1", "clearing:", "cmp r0, #0")
    code("beq cleared", "str r2, [r4], #4", "subs r0, r0, #4", "b clearing", "cleared:")
    code(f"add sp, #{_FRAME}", "add sp, sp, r1", "pop {r8-r11}", "movs r0, #0", "b end")


def _product(code: Code) -> None:
    code(
        "# product: x = x [r1] / R modulo n; [r1] has r2 words, r3 is which part it is", "product:"
    )
    code(f"str lr, [sp, #{_RETURN}]", f"ldr r0, [sp, #{_X}]", f"str r0, [sp, #{_B}]")
    code(f"str r1, [sp, #{_A}]", f"strd r2, r3, [sp, #{_ROWS}]", "movs r5, #0")
    code(f"tst r3, #{_UPPER}", "bne row", f"ldr r4, [sp, #{_T}]", f"ldr r6, [sp, #{_WORDS}]")
    code("adds r6, #2", "zero:", "str r5, [r4], #4", "subs r6, r6, #1", "bne zero")
    code("row:", f"ldrd r8, r2, [sp, #{_A}]", "ldr r0, [r8], #4", f"str r8, [sp, #{_A}]")
    code(f"ldrd r3, r10, [sp, #{_CONTEXT}]", f"ldr r4, [sp, #{_T}]", "ldr r8, [r2]")
    code("ldr r9, [r4, #4]", "mla r1, r0, r8, r9", f"ldr r8, [sp, #{_INVERSE}]", "mul r1, r1, r8")
    code("movs r6, #0", "movs r7, #0", "words:")
    for _ in range(2):
        code("ldmia r2!, {r8, r9}", "ldrd r12, lr, [r4, #4]")
        _two_words(code, "r6", "r0")
        code("ldmia r3!, {r8, r9}")
        _two_words(code, "r7", "r1")
        code("stmia r4!, {r12, lr}")
    code("subs r10, r10, #4", "bne words")
    code("ldr r8, [r4, #4]", "adds r6, r6, r7", "adc r7, r5, #0", "adds r6, r6, r8")
    code("adc r7, r7, #0", "strd r6, r7, [r4]")
    code(f"ldr r8, [sp, #{_ROWS}]", "subs r8, r8, #1", f"str r8, [sp, #{_ROWS}]", "bne row")
    code(f"ldr r8, [sp, #{_PARTS}]", f"tst r8, #{_LOWER}", "bne left")


def _two_words(code: Code, carry: str, factor: str) -> None:
    """Add a factor times the words in r8 and r9 to those in r12 and lr."""
    for low, word in (("r12", "r8"), ("lr", "r9")):
        code(f"adds {low}, {low}, {carry}", f"adc {carry}, r5, #0")
        code(f"umlal {low}, {carry}, {factor}, {word}")


def _reduce_once(code: Code) -> None:
    code("# x = t - n, or t if that is below n", f"ldrd r3, r10, [sp, #{_CONTEXT}]")
    code(f"ldrd r2, r4, [sp, #{_X}]", "adds r4, #4", "movs r6, #1")
    code("less:", "ldmia r4!, {r0, r1}", "ldmia r3!, {r8, r9}", "cmp r6, #1", "sbcs r0, r0, r8")
    code("sbcs r1, r1, r9", "adc r6, r5, #0", "stmia r2!, {r0, r1}", "subs r10, r10, #2")
    code("bne less", "ldr r8, [r4]", "orr r6, r6, r8", "subs r6, r6, #1")
    code(f"ldr r10, [sp, #{_WORDS}]", f"ldrd r2, r4, [sp, #{_X}]", "adds r4, #4")
    code("select:", "ldmia r4!, {r0, r1}", "ldrd r8, r9, [r2]")
    for word, difference in (("r0", "r8"), ("r1", "r9")):
        code(f"eor {word}, {word}, {difference}", f"and {word}, {word}, r6")
        code(f"eor {word}, {word}, {difference}")
    code("stmia r2!, {r0, r1}", "subs r10, r10, #2", "bne select")
    code("left:", f"ldr lr, [sp, #{_RETURN}]", "bx lr")
