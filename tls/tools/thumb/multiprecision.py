"""Arithmetic on numbers of 32-bit words, the least significant first: macros for kernels.

A core without UMAAL adds a product and two words to 64 bits with three instructions, because
(2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1:

    adds acc, acc, carry        the carry of the column before
    adc carry, zero, #0
    umlal acc, carry, a, b      cannot overflow

All macros use fixed sequences of instructions: neither branch nor address depends on an operand.
How long UMULL and UMLAL take depends on operands on a Cortex-M3 (3 to 5 and 4 to 7 cycles; Arm
DDI 0337, "instruction timings"), not on M4, M7 and M33.
"""

from __future__ import annotations

from thumb.assembler import Code

LOW = tuple(f"r{i}" for i in range(4, 12))  # where a number of eight words is held
_ACCUMULATORS = ("r8", "r9", "r10", "r11", "r12")
_FACTORS = ("r4", "r5", "r6", "r7")


def multiply(code: Code, words: int = 8) -> None:
    """Multiply the words at [r1] by those at [r2]; twice as many of product go to [sp].

    Four words of the second factor are held in registers while those of the first pass by: rows of
    4 columns, for each four. A row's lowest column is complete when the row is done and is stored;
    the others move down by one column, and the register that becomes free takes the next carry.
    What the fours before left in a column is added when it is a row's lowest, where there is no
    carry from a column before.

    Keeps r0; r3 is 0 afterwards; everything else is lost. 230 instructions for 8 words, 522 for 12.
    """
    code("mov r3, #0")
    for block in range(0, words, 4):
        code("ldmia r2!, {r4-r7}")
        columns = _first_row(code, block)
        for row in range(1, words):
            columns = _row(code, columns, row, row + block, block > 0)
        for i in range(4):
            code(f"str {columns[i]}, [sp, #{4 * (block + words + i)}]")


def _first_row(code: Code, block: int) -> tuple[str, ...]:
    """The row of the first factor's word 0; nothing is there yet to be added in the first block."""
    sums = _ACCUMULATORS
    code("ldr lr, [r1, #0]")
    if block:
        code(f"ldr {sums[0]}, [sp, #{4 * block}]", f"mov {sums[1]}, #0")
    code(f"{'umlal' if block else 'umull'} {sums[0]}, {sums[1]}, lr, r4")
    code(f"str {sums[0]}, [sp, #{4 * block}]")
    for i in range(1, 4):
        code(f"mov {sums[i + 1]}, #0", f"umlal {sums[i]}, {sums[i + 1]}, lr, {_FACTORS[i]}")
    return (*sums[1:], sums[0])


def _row(
    code: Code, columns: tuple[str, ...], row: int, lowest: int, continued: bool = False
) -> tuple[str, ...]:
    """Add one word times four; return which register holds which column afterwards."""
    carry = columns[4]
    code(f"ldr lr, [r1, #{4 * row}]")
    if continued:
        code(f"ldr {carry}, [sp, #{4 * lowest}]", f"adds {columns[0]}, {columns[0]}, {carry}")
        code(f"adc {carry}, r3, #0")
    else:
        code(f"mov {carry}, #0")
    code(f"umlal {columns[0]}, {carry}, lr, r4", f"str {columns[0]}, [sp, #{4 * lowest}]")
    for i in range(1, 4):
        _product(code, columns[i], carry, "lr", _FACTORS[i])
    return (*columns[1:4], carry, columns[0])


def _product(code: Code, column: str, carry: str, first: str, second: str) -> None:
    """Add a carry and a product to a column; the carry is that to the next one then."""
    code(f"adds {column}, {column}, {carry}", f"adc {carry}, r3, #0")
    code(f"umlal {column}, {carry}, {first}, {second}")


def square(code: Code) -> None:
    """Begin to square the eight words at [r1]: each product of two different words, once.

    Their sum goes to the words 1 to 14 at [sp], its upper half after `square_low`. Wants r3 = 0 and
    keeps it; r1 points to the fifth word afterwards; r0 is kept, everything else lost.
    92 instructions; `square_low` and `square_high` take 26 and 28.
    """
    code("ldmia r1, {r4-r7}", "umull r8, r9, r4, r5", "str r8, [sp, #4]")
    code("mov r10, #0", "umlal r9, r10, r4, r6", "str r9, [sp, #8]")
    code("mov r11, #0", "umlal r10, r11, r4, r7")
    code("mov r12, #0", "umlal r10, r12, r5, r6", "str r10, [sp, #12]")
    _product(code, "r11", "r12", "r5", "r7")
    code("mov r8, #0", "umlal r12, r8, r6, r7")
    code("ldr lr, [r1, #16]", "mov r9, #0", "umlal r11, r9, lr, r4", "str r11, [sp, #16]")
    _product(code, "r12", "r9", "lr", "r5")
    _product(code, "r8", "r9", "lr", "r6")
    code("mov r10, #0", "umlal r9, r10, lr, r7")
    columns: tuple[str, ...] = ("r12", "r8", "r9", "r10", "r11")
    for row in range(5, 8):
        columns = _row(code, columns, row, row)
    eighth, ninth, tenth, eleventh, free = columns
    code("adds r1, #16", "ldmia r1, {r4-r7}", f"str {eighth}, [sp, #32]")
    code(f"mov {free}, #0", f"umlal {ninth}, {free}, r4, r5", f"str {ninth}, [sp, #36]")
    _product(code, tenth, free, "r4", "r6")
    code(f"str {tenth}, [sp, #40]")
    _product(code, eleventh, free, "r4", "r7")
    code(f"mov {eighth}, #0", f"umlal {eleventh}, {eighth}, r5, r6", f"str {eleventh}, [sp, #44]")
    _product(code, free, eighth, "r5", "r7")
    code(f"mov {ninth}, #0", f"umlal {eighth}, {ninth}, r6, r7", f"str {free}, [sp, #48]")
    code(f"str {eighth}, [sp, #52]", f"str {ninth}, [sp, #56]")


def square_low(code: Code) -> None:
    """Twice the sum of `square` and the squares of the words: the lower half, in r4-r11.

    r2 keeps two carries; r12 and lr are lost.
    """
    code("add lr, sp, #4", "ldmia lr, {r5-r11}", "adds r5, r5, r5")
    for word in LOW[2:]:
        code(f"adcs {word}, {word}, {word}")
    code("adc r2, r3, #0", "ldr lr, [r1, #-16]", "umull r4, r12, lr, lr", "adds r5, r5, r12")
    for i in range(1, 4):
        _square(code, i - 4, LOW[2 * i : 2 * i + 2])
    code("adc r12, r3, #0", "orr r2, r2, r12, lsl #1")


def square_high(code: Code) -> None:
    """The upper half, in r4-r11; r12 and lr are lost."""
    code("add lr, sp, #32", "ldmia lr, {r4-r10}", "lsrs r2, r2, #1")
    for word in LOW[:7]:
        code(f"adcs {word}, {word}, {word}")
    code("adc r11, r3, #0", "lsrs r2, r2, #1")
    for i in range(4):
        _square(code, i, LOW[2 * i : 2 * i + 2])


def _square(code: Code, i: int, pair: tuple[str, ...]) -> None:
    code(f"ldr lr, [r1, #{4 * i}]", "umull r12, lr, lr, lr")
    code(f"adcs {pair[0]}, {pair[0]}, r12", f"adcs {pair[1]}, {pair[1]}, lr")


def add_multiple(code: Code, base: str, offset: int, factor: str) -> None:
    """Add `factor` times the eight words at [base, #offset] to r4-r11; r12 takes the ninth word.

    Wants r3 = 0; lr is lost. 32 instructions.
    """
    for i, word in enumerate(LOW):
        code(f"ldr lr, [{base}, #{offset + 4 * i}]")
        if i:
            code(f"adds {word}, {word}, r12", "adc r12, r3, #0")
        else:
            code("mov r12, #0")
        code(f"umlal {word}, r12, lr, {factor}")


def combine(code: Code, first: str, others: str, pointer: str) -> None:
    """Add or subtract the eight words at [pointer] to r4-r11; the carry flag tells the rest.

    The pointer moves on; r1, r3 and r12 are lost.

    Args:
        first, others: `adds` and `adcs`, or `subs` and `sbcs`.
    """
    for start in (0, 3, 6):
        operands = ("r1", "r3", "r12")[: 8 - start]
        code(f"ldmia {pointer}!, {{{', '.join(operands)}}}")
        for word, operand in zip(LOW[start:], operands, strict=False):
            code(f"{others if word != 'r4' else first} {word}, {word}, {operand}")
