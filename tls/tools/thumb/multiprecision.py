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

    Keeps r0; r3 is 0 afterwards; everything else is lost, and with more than 8 words also the word
    behind the product. 242 instructions for 8 words, 574 for 12.
    """
    code("mov r3, #0", "ldmia r2!, {r4-r7}")
    if words > 8:
        code(f"str r2, [sp, #{8 * words}]")
    columns = _first_row(code)
    for row in range(1, words):
        columns = _row(code, columns, row, row)
    for i in range(4):
        code(f"str {columns[i]}, [sp, #{4 * (words + i)}]")
    for block in range(4, words, 4):
        if block > 4:
            code(f"ldr r2, [sp, #{8 * words}]", f"adds r2, #{4 * block - 16}")
        code("ldmia r2, {r4-r7}", f"add lr, sp, #{4 * block}", "ldmia lr, {r8-r11}")
        columns = _ACCUMULATORS
        for row in range(words):
            columns = _row(code, columns, row, row + block)
            _fifth_column(code, columns[3], row, block, words)
        for i in range(4):
            code(f"str {columns[i]}, [sp, #{4 * (block + words + i)}]")


def _first_row(code: Code) -> tuple[str, ...]:
    """The row of the first factor's word 0: nothing is there yet to be added."""
    sums = _ACCUMULATORS
    code("ldr lr, [r1, #0]", f"umull {sums[0]}, {sums[1]}, lr, r4", f"str {sums[0]}, [sp, #0]")
    for i in range(1, 4):
        code(f"mov {sums[i + 1]}, #0", f"umlal {sums[i]}, {sums[i + 1]}, lr, {_FACTORS[i]}")
    return (*sums[1:], sums[0])


def _row(code: Code, columns: tuple[str, ...], row: int, lowest: int) -> tuple[str, ...]:
    """Add one word times four; return which register holds which column afterwards."""
    carry = columns[4]
    code(f"ldr lr, [r1, #{4 * row}]", f"mov {carry}, #0")
    code(f"umlal {columns[0]}, {carry}, lr, r4", f"str {columns[0]}, [sp, #{4 * lowest}]")
    for i in range(1, 4):
        code(f"adds {columns[i]}, {columns[i]}, {carry}", f"adc {carry}, r3, #0")
        code(f"umlal {columns[i]}, {carry}, lr, {_FACTORS[i]}")
    return (*columns[1:4], carry, columns[0])


def _fifth_column(code: Code, top: str, row: int, block: int, words: int) -> None:
    """Add to a row's carry what the blocks before left there; r2 is the carry between rows."""
    if row < words - 4:
        code(f"ldr lr, [sp, #{4 * (4 + block + row)}]")
        if row:
            code("cmp r2, #1", f"adcs {top}, {top}, lr")  # sets the carry flag from r2
        else:
            code(f"adds {top}, {top}, lr")
        code("adc r2, r3, #0")
    else:
        code(f"adds {top}, {top}, r2")
        if row < words - 1:
            code("adc r2, r3, #0")


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

    Args:
        first, others: `adds` and `adcs`, or `subs` and `sbcs`.
    """
    for i, word in enumerate(LOW):
        code(f"ldr r12, [{pointer}, #{4 * i}]")
        code(f"{others if i else first} {word}, {word}, r12")
