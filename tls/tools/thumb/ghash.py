"""GHASH (NIST SP 800-38D §6.4), a part of the kernel of `gcm`: a range of a buffer into the sum.

The theory, the registers and what timing tells are in `gcm`, which also has the slots of the stack.
"""

from __future__ import annotations

from thumb.assembler import Code

# Slots of the stack that every part of the kernel knows.
CONTEXT, POINTER, LEFT, PLACE, BLOCK = 0, 4, 8, 12, 16
_FACTORS_H, _FACTORS_Y, _PRODUCTS = 32, 68, 104
ABSORB_LINK, FRAME = 176, 180
# Places of the context.
SUM, H = 40, 56
_MASKS = ("0x11111111", "0x22222222", "0x44444444", "0x88888888")


def absorb(code: Code) -> None:
    """Write the routine `absorb`: r3 bytes at r1 into the sum."""
    code("# absorb: r3 bytes at r1 into the sum", "absorb:", f"str lr, [sp, #{ABSORB_LINK}]")
    code(f"strd r1, r3, [sp, #{POINTER}]", f"ldr r0, [sp, #{CONTEXT}]")
    code(f"ldrd r4, r5, [r0, #{H}]", f"ldrd r7, r8, [r0, #{H + 8}]")
    code(f"add r0, sp, #{_FACTORS_H}", "bl spread")
    _block(code)
    _products(code)
    _combine(code)
    _reduce(code)
    code(f"ldrd r4, r3, [sp, #{POINTER}]", "adds r4, #16", "subs r3, #16")
    code(f"strd r4, r3, [sp, #{POINTER}]", "b absorb_block", "absorbed:")
    code(f"ldr lr, [sp, #{ABSORB_LINK}]", "bx lr")
    _spread(code)
    _three(code)
    _word_product(code)


def _block(code: Code) -> None:
    """XOR a block into the sum and spread it."""
    code("absorb_block:", f"ldrd r1, r3, [sp, #{POINTER}]", "cmp r3, #0", "ble absorbed")
    code("cmp r3, #16", "bge whole", "movs r4, #0", f"add r5, sp, #{BLOCK}")
    for offset in range(0, 16, 4):
        code(f"str r4, [r5, #{offset}]")
    code("filling:", "ldrb r4, [r1], #1", "strb r4, [r5], #1", "subs r3, r3, #1", "bne filling")
    code(f"add r1, sp, #{BLOCK}", "whole:", f"ldr r0, [sp, #{CONTEXT}]")
    for offset, word in ((12, "r4"), (8, "r5"), (4, "r7"), (0, "r8")):
        code(f"ldr {word}, [r1, #{offset}]", f"ldr r2, [r0, #{SUM + 12 - offset}]")
        code(f"rev {word}, {word}", f"eor {word}, {word}, r2")
    code(f"add r0, sp, #{_FACTORS_Y}", "bl spread")


def _products(code: Code) -> None:
    code("movs r4, #0", "# nine products", "next:", f"str r4, [sp, #{PLACE}]", "add r4, sp")
    code(f"ldr r0, [r4, #{_FACTORS_Y}]", f"ldr r1, [r4, #{_FACTORS_H}]", "bl word_product")
    code(f"ldr r4, [sp, #{PLACE}]", "mov r5, sp", "add r5, r5, r4, lsl #1")
    code(f"strd r2, r3, [r5, #{_PRODUCTS}]", "adds r4, #4", "cmp r4, #36", "bne next")


def _combine(code: Code) -> None:
    """Put the nine together: r0-r3 and r8-r11 are the words of the product, lowest first."""
    code("# three halves of 128 bits, then the whole", f"add r0, sp, #{_PRODUCTS}", "bl three")
    code(f"add r1, sp, #{_PRODUCTS}", "stmia r1!, {r4-r7}", "bl three", "stmia r1!, {r4-r7}")
    code("bl three", f"add r1, sp, #{_PRODUCTS}")
    for _ in range(2):
        code("ldmia r1!, {r8-r11}")
        for i in range(4):
            code(f"eor r{4 + i}, r{4 + i}, r{8 + i}")
    code("eor r8, r8, r6", "eor r9, r9, r7", f"add r0, sp, #{_PRODUCTS}", "ldmia r0, {r0-r3}")
    code("eors r2, r4", "eors r3, r5")


def _reduce(code: Code) -> None:
    words = ("r0", "r1", "r2", "r3", "r8", "r9", "r10", "r11")
    code("# doubled, then the low half folded into the high one")
    for i, word in enumerate(words):
        code(f"{'adcs' if i else 'adds'} {word}, {word}, {word}")
    for i in range(4):
        low, beside, above = words[i], words[i + 3], words[i + 4]
        code(f"eor {above}, {above}, {low}")
        for shift in (1, 2, 7):
            code(f"eor {above}, {above}, {low}, lsr #{shift}")
        for shift in (31, 30, 25):
            code(f"eor {beside}, {beside}, {low}, lsl #{shift}")
    code(f"ldr r0, [sp, #{CONTEXT}]", f"adds r0, #{SUM}", "stmia r0, {r8-r11}")


def _spread(code: Code) -> None:
    code("# spread: r4, r5, r7, r8 and their sums as nine factors to r0", "spread:")
    code("eor r6, r4, r5", "eor r9, r7, r8", "eor r10, r4, r7", "eor r11, r5, r8")
    code("eor r12, r10, r11", "stmia r0, {r4-r12}", "bx lr")


def _three(code: Code) -> None:
    code("# three: r4-r7 = the product of 64 bits of three at r0", "three:")
    code("ldmia r0!, {r4-r9}", "eor r8, r8, r4", "eor r8, r8, r6", "eor r9, r9, r5")
    code("eor r9, r9, r7", "eor r5, r5, r8", "eor r6, r6, r9", "bx lr")


def _word_product(code: Code) -> None:
    code("# word_product: r2, r3 = r0 times r1 without carries", "word_product:", "push {lr}")
    for i, mask in enumerate(_MASKS):
        code(f"and r{4 + i}, r1, #{mask}", f"and r{8 + i}, r0, #{mask}")
    for place, mask in enumerate(_MASKS):
        low, high = ("r0", "r1") if place else ("r2", "r3")
        for i in range(4):
            factors = f"r{8 + i}, r{4 + (place - i) % 4}"
            if i == 0:
                code(f"umull {low}, {high}, {factors}")
            else:
                code(f"umull r12, lr, {factors}", f"eor {low}, {low}, r12")
                code(f"eor {high}, {high}, lr")
        code(f"and {low}, {low}, #{mask}", f"and {high}, {high}, #{mask}")
        if place:
            code("orrs r2, r0", "orrs r3, r1")
    code("pop {pc}")
