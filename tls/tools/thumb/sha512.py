"""The kernel of SHA-512 and SHA-384 (FIPS 180-4 §6.4): blocks of a buffer into the state.

{interface}

Theory of operation. A word of 64 bits is two of 32, the low one first; a rotation of it is two
shifted operands in each half, and a sum is a pair with a carry. The eight working words lie on the
stack in a window that moves down by one word in each round: the new a is written below the old one,
which thereby becomes b, and d is changed where it lies and becomes e. In the same way the sixteen
words of the message schedule lie in a window that moves up, with the word after them written behind
it. After sixteen rounds both are moved back.

Bounds. `end - start` is a multiple of 128. Words of the buffer may lie at any address, and so may
the constants.

Registers. r0 points to the working words, r1 to the schedule, r2 to the constants, r3 counts the
rounds that are left; a is in r4 and r5, e in r6 and r7, the sum in r8 and r9.

Timing: the same instructions and addresses for the same number of blocks.
"""

from __future__ import annotations

from thumb.assembler import Code

NAME = "compress"
ARGUMENTS = 4
INTERFACE = """\
`compress(context, buffer, start, end)`: `context` is a bytearray of 65 bytes: the eight words of
the state, each big-endian, and a byte that says how many rounds a block takes: 80, or a multiple
of 16 for a known-answer test. Takes in the blocks of `buffer[start:end]`."""

_CONTEXT, _POINTER, _END, _SCHEDULE = 0, 4, 8, 16
_SCHEDULE_BYTES = 256  # the window and sixteen words that follow
_WORKING = _SCHEDULE + _SCHEDULE_BYTES
_WORKING_BYTES = 192  # eight words, and room for sixteen below them
_TOP = _WORKING + _WORKING_BYTES - 64
_FRAME = _WORKING + _WORKING_BYTES


def kernel() -> Code:
    """Return the kernel's code."""
    from tlscore.crypto.sha512 import _K  # noqa: PLC0415 -- whoever makes kernels sets the path

    code = Code()
    _begin(code)
    _sum_of_round(code)
    _a_and_e(code)
    _schedule(code)
    _finish(code)
    code("# the constants", "constants:")
    for word in _K:
        code(".byte " + ", ".join(map(str, word.to_bytes(8, "little"))))
    code("end:")
    return code


def _begin(code: Code) -> None:
    code("# entry", "push {r8-r11}", f"sub sp, #{_FRAME}", f"str r0, [sp, #{_CONTEXT}]")
    code("adds r2, r2, r1", "adds r3, r3, r1", f"strd r2, r3, [sp, #{_POINTER}]")
    code("# one block: its words, and the working words from the state")
    code("block:", f"ldrd r2, r3, [sp, #{_POINTER}]", "cmp r2, r3", "bhs finished")
    code(f"add r1, sp, #{_SCHEDULE}", "movs r3, #16")
    code("load:", "ldr r5, [r2], #4", "ldr r4, [r2], #4", "rev r4, r4", "rev r5, r5")
    code("stmia r1!, {r4, r5}", "subs r3, r3, #1", "bne load", f"str r2, [sp, #{_POINTER}]")
    code(f"ldr r2, [sp, #{_CONTEXT}]", f"add r0, sp, #{_TOP}", "mov r1, r0", "movs r3, #8")
    code("state:", "ldr r5, [r2], #4", "ldr r4, [r2], #4", "rev r4, r4", "rev r5, r5")
    code("stmia r1!, {r4, r5}", "subs r3, r3, #1", "bne state", "ldrb r3, [r2]")
    code("ldrd r4, r5, [r0]", "ldrd r6, r7, [r0, #32]", f"add r1, sp, #{_SCHEDULE}")
    code("lea r2, constants")


def _turned(
    code: Code, target: str, low: str, high: str, rotations: tuple[int, ...], shift: int = 0
) -> None:
    """Make one half of the sum of a word's rotations; the other with low and high exchanged.

    Args:
        shift: of the word to the right, added to the rotations: for the low half, where `high` is
            the other one; negative for the high half, which gets nothing from above.
    """
    terms = []
    for by in rotations:
        first, second = (low, high) if by < 32 else (high, low)
        terms += [f"{first}, lsr #{by % 32}", f"{second}, lsl #{32 - by % 32}"]
    if shift:
        terms.append(f"{low}, lsr #{abs(shift)}")
    if shift > 0:
        terms.append(f"{high}, lsl #{32 - shift}")
    register, amount = terms[0].split(", lsr ")
    code(f"lsr {target}, {register}, {amount}")
    for term in terms[1:]:
        code(f"eor {target}, {target}, {term}")


def _add(code: Code, low: str, high: str) -> None:
    code(f"adds r8, r8, {low}", f"adc r9, r9, {high}")


def _sum_of_round(code: Code) -> None:
    code("# h + Sigma1(e) + Ch(e, f, g) + K + W", "round:", "ldrd r8, r9, [r0, #56]")
    _turned(code, "r10", "r6", "r7", (14, 18, 41))
    _turned(code, "r11", "r7", "r6", (14, 18, 41))
    _add(code, "r10", "r11")
    code("ldrd r10, r11, [r0, #40]", "ldrd r12, lr, [r0, #48]")
    for f, g, e in (("r10", "r12", "r6"), ("r11", "lr", "r7")):
        code(f"eor {f}, {f}, {g}", f"and {f}, {f}, {e}", f"eor {f}, {f}, {g}")
    _add(code, "r10", "r11")
    code("ldr r10, [r2], #4", "ldr r11, [r2], #4")
    _add(code, "r10", "r11")
    code("ldrd r10, r11, [r1]")
    _add(code, "r10", "r11")


def _a_and_e(code: Code) -> None:
    code("# the new e, and with Sigma0(a) + Maj(a, b, c) the new a", "ldrd r10, r11, [r0, #24]")
    code("adds r6, r10, r8", "adc r7, r11, r9", "strd r6, r7, [r0, #24]")
    _turned(code, "r10", "r4", "r5", (28, 34, 39))
    _turned(code, "r11", "r5", "r4", (28, 34, 39))
    _add(code, "r10", "r11")
    code("ldrd r10, r11, [r0, #8]", "ldrd r12, lr, [r0, #16]")
    for a, b, c in (("r4", "r10", "r12"), ("r5", "r11", "lr")):
        code(f"eor {c}, {c}, {b}", f"eor {a}, {a}, {b}", f"and {a}, {a}, {c}", f"eor {a}, {a}, {b}")
    code("adds r4, r4, r8", "adc r5, r5, r9", "subs r0, #8", "strd r4, r5, [r0]")


def _schedule(code: Code) -> None:
    code("# the word of the schedule sixteen places on", "cmp r3, #16", "bls scheduled")
    code("ldrd r8, r9, [r1]", "ldrd r10, r11, [r1, #72]")
    _add(code, "r10", "r11")
    for place, rotations, shift in ((8, (1, 8), 7), (112, (19, 61), 6)):
        code(f"ldrd r10, r11, [r1, #{place}]")
        _turned(code, "r12", "r10", "r11", rotations, shift)
        _turned(code, "lr", "r11", "r10", rotations, -shift)
        _add(code, "r12", "lr")
    code("strd r8, r9, [r1, #128]")
    code("scheduled:", "adds r1, #8", "subs r3, r3, #1", "tst r3, #15", "bne round")


def _finish(code: Code) -> None:
    code("# both windows moved back after sixteen rounds", "cmp r3, #0", "beq added", "mov r12, r2")
    code("str r3, [sp, #12]", "mov r2, r0", f"add r0, sp, #{_TOP}", "mov r3, r0")
    for _ in range(2):
        code("ldmia r2!, {r4-r11}", "stmia r3!, {r4-r11}")
    code(f"add r2, sp, #{_SCHEDULE}", "mov r3, r2")
    for _ in range(4):
        code("ldmia r1!, {r4-r11}", "stmia r3!, {r4-r11}")
    code("mov r1, r2", "mov r2, r12", "ldr r3, [sp, #12]")
    code("ldrd r4, r5, [r0]", "ldrd r6, r7, [r0, #32]", "b round")
    code("# the state", "added:", f"ldr r1, [sp, #{_CONTEXT}]", "movs r3, #8", "more:")
    code("ldrd r5, r4, [r1]", "rev r4, r4", "rev r5, r5", "ldmia r0!, {r6, r7}")
    code("adds r4, r4, r6", "adcs r5, r5, r7", "rev r4, r4", "rev r5, r5")
    code("strd r5, r4, [r1], #8", "subs r3, r3, #1", "bne more")
    code("b block", "# zeros to what was used", "finished:")
    for i in range(4, 12):
        code(f"mov r{i}, #0")
    count = (_SCHEDULE_BYTES + _WORKING_BYTES) // 32
    code(f"add r0, sp, #{_SCHEDULE}", f"movs r1, #{count}", "clearing:")
    code("stmia r0!, {r4-r11}", "subs r1, r1, #1", "bne clearing")
    code(f"add sp, #{_FRAME}", "pop {r8-r11}", "movs r0, #0", "b end")
