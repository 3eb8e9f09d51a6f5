"""Quotients modulo an odd number by division steps: a macro for kernels.

Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (TCHES 2019), with
delta beginning at 1/2: f = modulus, g = divisor, and until g is 0 in any case

    if delta > 0 and g odd:  delta, f, g = 1 - delta, g, (g - f) / 2
    else:                    delta, g    = 1 + delta, (g + (g mod 2) f) / 2

Then f is 1 or -1. Numbers b bits long need (45907 b + 26313) / 19929 steps. The lowest 30 bits of
f and g alone say what 30 steps do, so these are done on single registers and noted as a matrix
(u v; q r) / 2^30, which is then applied to f and g and, modulo the modulus, to d and e. These keep
d = +-f c / divisor and e = +-g c / divisor with the numerator c: d begins as 0, e as c, and in the
end d is the quotient or its negative. 0 divides everything to 0.

Numbers are limbs of 30 bits, the highest one with a sign: d, e and the modulus in turn, then f and
g in turn. |u| + |v| and |q| + |r| are at most 2^30, d and e stay between -2 times the modulus and
the modulus, so sums of three products fit 64 bits. What makes a sum divisible by 2^30 is a multiple
of the modulus chosen by its inverse.

Timing: the same instructions and addresses for all numbers.
"""

from __future__ import annotations

from thumb.assembler import Code

_BITS = 30
_PUSHED = 12 + 12
_ZETA, _BATCHES, _INVERSE, _RESULT, _CONSTANTS = 0, 4, 8, 12, 16


def limbs(words: int) -> int:
    """Return the limbs of a number of so many words."""
    return -(-32 * words // _BITS)


def workspace_bytes(words: int) -> int:
    """Return what `write` wants to have."""
    return 20 * limbs(words)


def constants(modulus: int, words: int) -> str:
    """Return a modulus as data: its limbs and its inverse modulo 2^30."""
    mask = (1 << _BITS) - 1
    numbers = [modulus >> _BITS * i & mask for i in range(limbs(words))]
    numbers.append(pow(modulus, -1, 1 << _BITS))
    octets = b"".join(number.to_bytes(4, "little") for number in numbers)
    return ".byte " + ", ".join(map(str, octets))


def write(code: Code, words: int, place: int) -> None:
    """Append `quotient`: [r0] = [r2] / [r1] modulo the number whose `constants` r3 points to.

    Args:
        words: of the numbers, 8 or 12. Divisor and numerator are below the modulus.
        place: where `workspace_bytes` are, in bytes above the stack pointer at the call. Divisor
            and numerator are not there, the result may be.
    """
    count = limbs(words)
    pairs = place + _PUSHED
    steps = pairs + 12 * count
    code("# quotient: [r0] = [r2] / [r1] modulo the number at r3", "quotient:")
    code("push {r0, r3, lr}", "sub sp, #12", "mov r0, r2")
    code(f"add r2, sp, #{steps + 4}", "movs r3, #8", "bl to_limbs")
    code("mov r1, r0", f"add r2, sp, #{pairs + 4}", "movs r3, #12", "bl to_limbs")
    code(f"ldr r1, [sp, #{_CONSTANTS}]", f"add r2, sp, #{pairs}", f"add r3, sp, #{steps}")
    code("movs r4, #0", f"movs r5, #{count}", "of_modulus:", "ldr r6, [r1], #4")
    code("str r6, [r2, #8]", "str r4, [r2], #12", "str r6, [r3], #8", "subs r5, r5, #1")
    code("bne of_modulus", "ldr r6, [r1]", f"str r6, [sp, #{_INVERSE}]")
    code("mov r6, #-1", f"movs r7, #{_batches(words)}", f"strd r6, r7, [sp, #{_ZETA}]")
    _steps(code, steps)
    _update_pairs(code, pairs, count)
    _update_steps(code, steps, count)
    code(f"ldr r1, [sp, #{_BATCHES}]", "subs r1, r1, #1", f"str r1, [sp, #{_BATCHES}]")
    code("bne batch")
    _normalize(code, pairs, steps, count)
    _to_words(code, words, pairs)
    _to_limbs(code, words)


def _batches(words: int) -> int:
    steps = -(-(45907 * 32 * words + 26313) // 19929)
    return -(-steps // _BITS)


def _steps(code: Code, steps: int) -> None:
    """Thirty steps: f, g in r0, r1, the matrix in r2-r5, -(delta + 1/2) in r6."""
    code("# thirty steps on the lowest limbs", "batch:", f"ldrd r0, r1, [sp, #{steps}]")
    code(f"ldr r6, [sp, #{_ZETA}]", "movs r2, #1", "movs r3, #0", "movs r4, #0", "movs r5, #1")
    code("mov r10, #10", "three_steps:")
    for _ in range(3):
        code("asrs r7, r6, #31", "sbfx r8, r1, #0, #1", "orr r9, r7, #1", "and r9, r9, r8")
        code("mla r1, r0, r9, r1", "mla r4, r2, r9, r4", "mla r5, r3, r9, r5", "and r7, r7, r8")
        code("eors r6, r7", "subs r6, r6, #1", "mls r0, r1, r7, r0", "mls r2, r4, r7, r2")
        code("mls r3, r5, r7, r3", "lsrs r1, r1, #1", "adds r2, r2, r2", "adds r3, r3, r3")
    code("subs r10, r10, #1", "bne three_steps", f"str r6, [sp, #{_ZETA}]")


def _products(code: Code, first: str) -> None:
    """Add u, v and q, r times the limbs r1 and r12."""
    code(f"{first} r8, r9, r2, r1", "smlal r8, r9, r3, r12")
    code(f"{first} r10, r11, r4, r1", "smlal r10, r11, r5, r12")


def _shift(code: Code) -> None:
    for low, high in (("r8", "r9"), ("r10", "r11")):
        code(f"lsr {low}, {low}, #30", f"orr {low}, {low}, {high}, lsl #2")
        code(f"asr {high}, {high}, #30")


def _update_pairs(code: Code, pairs: int, count: int) -> None:
    code("# the matrix times d and e; what is negative gets the modulus added")
    code(f"ldrd r0, r1, [sp, #{pairs + 12 * (count - 1)}]", "asrs r0, r0, #31", "asrs r1, r1, #31")
    code("and r6, r2, r0", "and r12, r3, r1", "add r6, r12", "and r7, r4, r0")
    code("and r12, r5, r1", "add r7, r12", f"add r0, sp, #{pairs}", "ldmia r0!, {r1, r12, lr}")
    _products(code, "smull")
    code(f"ldr r1, [sp, #{_INVERSE}]")
    for total, factor in (("r8", "r6"), ("r10", "r7")):
        code(f"mul r12, {total}, r1", f"add r12, {factor}", "bic r12, r12, #0xC0000000")
        code(f"sub {factor}, {factor}, r12")
    for step in range(2):
        if step:
            code("next_pair:", "ldmia r0!, {r1, r12, lr}")
            _products(code, "smlal")
        code("smlal r8, r9, lr, r6", "smlal r10, r11, lr, r7")
        if step:
            code("bic r1, r8, #0xC0000000", "bic r12, r10, #0xC0000000", "strd r1, r12, [r0, #-24]")
        _shift(code)
    code(f"add r1, sp, #{pairs + 12 * count}", "cmp r0, r1", "bne next_pair")
    code("strd r8, r10, [r0, #-12]")


def _update_steps(code: Code, steps: int, count: int) -> None:
    code("# the matrix times f and g", f"add r0, sp, #{steps}", "ldrd r1, r12, [r0], #8")
    _products(code, "smull")
    _shift(code)
    code(f"movs r6, #{count - 1}", "next_step:", "ldrd r1, r12, [r0], #8")
    _products(code, "smlal")
    code("bic r1, r8, #0xC0000000", "bic r12, r10, #0xC0000000", "strd r1, r12, [r0, #-16]")
    _shift(code)
    code("subs r6, r6, #1", "bne next_step", "strd r8, r10, [r0, #-8]")


def _normalize(code: Code, pairs: int, steps: int, count: int) -> None:
    code("# d times f, between 0 and the modulus")
    code(f"ldr r4, [sp, #{steps + 8 * (count - 1)}]", "asrs r4, r4, #31")
    code(f"ldr r5, [sp, #{pairs + 12 * (count - 1)}]", "movs r3, #1", "once_more:")
    code("asrs r5, r5, #31", f"add r0, sp, #{pairs}", f"movs r7, #{count}", "movs r6, #0")
    code("of_quotient:", "ldr r1, [r0]", "ldr r2, [r0, #8]", "ands r2, r5", "adds r1, r1, r2")
    code("eors r1, r4", "subs r1, r1, r4", "adds r1, r1, r6", "asrs r6, r1, #30")
    code("bic r1, r1, #0xC0000000", "str r1, [r0], #12", "subs r7, r7, #1", "bne of_quotient")
    code("mov r5, r6", "movs r4, #0", "subs r3, r3, #1", "bpl once_more")


def _to_words(code: Code, words: int, pairs: int) -> None:
    code(f"ldr r0, [sp, #{_RESULT}]", f"ldr r1, [sp, #{pairs}]")
    current, following = "r1", "r2"
    for i in range(words):
        code(f"ldr {following}, [sp, #{pairs + 12 * (i + 1)}]")
        if i:
            code(f"lsrs {current}, {current}, #{2 * i}")
        code(f"orr {current}, {current}, {following}, lsl #{_BITS - 2 * i}")
        code(f"str {current}, [r0, #{4 * i}]")
        current, following = following, current
    code("add sp, #12", "pop {r0, r3, pc}")


def _to_limbs(code: Code, words: int) -> None:
    code("# to_limbs: the words at r1 to every r3rd byte from r2", "to_limbs:", "ldr r4, [r1]")
    code("bic r6, r4, #0xC0000000", "str r6, [r2]")
    current, following = "r4", "r5"
    for i in range(1, limbs(words)):
        code("add r2, r3", f"lsr r6, {current}, #{32 - 2 * i}")
        if i < words:
            code(f"ldr {following}, [r1, #{4 * i}]", f"orr r6, r6, {following}, lsl #{2 * i}")
            code("bic r6, r6, #0xC0000000")
        code("str r6, [r2]")
        current, following = following, current
    code("bx lr")
