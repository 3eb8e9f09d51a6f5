"""The kernel of powers modulo any odd number: Montgomery products of numbers of any size.

{interface}

Theory of operation. With R = 2^(32 words), the product of x and b is x b / R mod n. It is built in
one pass for each word a of x: t + a b + m n is divided by 2^32, where m = (t + a b) (-1/n) mod 2^32
makes its lowest word 0. -1/n comes from four of Newton's steps, each of which doubles the number of
right bits, beginning with the three that n as its own inverse has. After all words n is taken away
once, under a mask. The entry is read from the table by reading all of it under masks.

Bounds. x < R and b < n. t < n + b < 2 n before and after each pass, because (t + a b + m n) / 2^32
< (n + b + (2^32 - 1) (b + n)) / 2^32 = n + b; so its highest word is 0 or 1, and one subtraction
reduces it fully. A word takes two products, each with the word and the carry (2^32 - 1)^2 +
2 (2^32 - 1) = 2^64 - 1 at most, so that UMLAL does not overflow.

Registers. In a pass: r0 = a, r1 = m, r2, r3 and r4 point to b, n and t, r5 = 0, r6 and r7 are the
carries of a b and of m n, r8 and r9 two words of b or n, r12 and lr two of t, r10 what is left.
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
each, little-endian: n, odd; x, below n; the entries of a table. x becomes its square / R modulo n
`squarings` times, then, if `choice` is not 0, its product with an entry / R modulo n. `words` is a
multiple of 4; `choice` is the number of entries times 256, plus which one, from 0."""

# The frame; behind it t with a word before it and one behind it, and the chosen entry.
_CONTEXT, _WORDS, _SQUARINGS, _CHOICE, _X, _T, _ENTRY, _INVERSE = range(0, 32, 4)
_RETURN, _A, _B, _ROWS = range(32, 48, 4)
_HEADER = 48
_FRAME = _HEADER + 8


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
    code("# entry", "push {r8-r11}", "sub sp, sp, r1, lsl #3", f"sub sp, #{_FRAME}")
    code(f"strd r0, r1, [sp, #{_CONTEXT}]", f"strd r2, r3, [sp, #{_SQUARINGS}]")
    code("add r4, r0, r1, lsl #2", f"add r5, sp, #{_HEADER}", f"strd r4, r5, [sp, #{_X}]")
    code("add r5, r5, r1, lsl #2", "adds r5, #8", f"str r5, [sp, #{_ENTRY}]")
    code("# -1/n modulo 2^32", "ldr r4, [r0]", "mov r5, r4")
    for _ in range(4):
        code("mul r6, r4, r5", "rsb r6, r6, #2", "mul r5, r5, r6")
    code("rsbs r5, r5, #0", f"str r5, [sp, #{_INVERSE}]")
    code("squaring:", f"ldr r2, [sp, #{_SQUARINGS}]", "subs r2, r2, #1", "bmi squared")
    code(f"str r2, [sp, #{_SQUARINGS}]", f"ldr r1, [sp, #{_X}]", "bl product", "b squaring")


def _choose(code: Code) -> None:
    code("# the chosen entry, all being read", "squared:", f"ldr r3, [sp, #{_CHOICE}]")
    code("lsrs r2, r3, #8", "beq finished", "uxtb r3, r3", f"ldr r4, [sp, #{_ENTRY}]")
    code(f"ldrd r1, r5, [sp, #{_CONTEXT}]", "add r1, r1, r5, lsl #3", "mov r0, r5", "movs r7, #0")
    code("empty:", "str r7, [r4], #4", "subs r0, r0, #1", "bne empty")
    code("entry:", "eor r6, r7, r3", "subs r6, r6, #1", "sbc r6, r6, r6")
    code(f"ldr r4, [sp, #{_ENTRY}]", "mov r0, r5")
    code("entry_words:", "ldmia r1!, {r8, r9}", "ldrd r10, r11, [r4]")
    code("and r8, r8, r6", "and r9, r9, r6", "orr r10, r10, r8", "orr r11, r11, r9")
    code("stmia r4!, {r10, r11}", "subs r0, r0, #2", "bne entry_words")
    code("adds r7, r7, #1", "cmp r7, r2", "bne entry")
    code(f"ldr r1, [sp, #{_ENTRY}]", "bl product")


def _leave(code: Code) -> None:
    code("# zeros to what was used", "finished:", f"ldr r1, [sp, #{_WORDS}]")
    code(f"ldr r4, [sp, #{_T}]", "lsls r0, r1, #1", "adds r0, #2", "movs r2, #0")
    code("clearing:", "str r2, [r4], #4", "subs r0, r0, #1", "bne clearing")
    code(f"add sp, #{_FRAME}", "add sp, sp, r1, lsl #3", "pop {r8-r11}", "movs r0, #0", "b end")


def _product(code: Code) -> None:
    code("# product: x = x [r1] / R modulo n", "product:", f"str lr, [sp, #{_RETURN}]")
    code(f"ldr r4, [sp, #{_T}]", f"ldr r6, [sp, #{_WORDS}]", f"ldr r0, [sp, #{_X}]")
    code(f"strd r0, r1, [sp, #{_A}]", f"str r6, [sp, #{_ROWS}]", "adds r6, #2", "movs r5, #0")
    code("zero:", "str r5, [r4], #4", "subs r6, r6, #1", "bne zero")
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
    code(f"ldr lr, [sp, #{_RETURN}]", "bx lr")
