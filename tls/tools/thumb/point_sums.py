"""The sum of two multiples for public scalars: the part of a kernel of points for verification.

A scalar k is the sum of e(i) 2^i with e(i) = k(i - 1) - k(i), of its bits, which is one of -1, 0
and 1. From the top, places with e = 0 are passed over; where there is another, it and the places
behind it, as many as a digit is wide, make a number whose odd part is the digit, at the place of
its lowest bit. So there is a digit for every width + 1 places on average, and an addition for it.

Branches and addresses depend on the scalars.
"""

from __future__ import annotations

from thumb import p256_programs as programs
from thumb.assembler import Code
from thumb.point_frame import BUFFER, COMB_TABLE, EMPTY, PLACE, STATES, Shape

_WIDTH = programs.ENTRIES.bit_length() + 1  # bits of a digit of the point's scalar
_PENDING, _DIGIT, _NEXT = 0, 4, 8  # words of a state: the digit, its place, where to look next


def write(code: Code, shape: Shape) -> None:
    """Append the walk; it begins with the point's table made and goes on at `deliver_it`.

    The scalars are copied between zeros: bits below and above them are looked at.
    """
    scalars = programs.HISTORY + 1, programs.HISTORY + 3
    code("# the walk over public scalars: between zeros with them")
    for word in shape.part:
        code(f"mov {word}, #0")
    code(f"add r0, sp, #{shape.place(programs.HISTORY)}")
    code(*[f"stmia r0!, {shape.list}"] * (5 * shape.parts))
    code(f"ldr r1, [sp, #{BUFFER}]", f"adds r1, #{shape.slot * shape.signs[0]}")
    for target in scalars:
        code(f"add r0, sp, #{shape.place(target)}")
        for _ in range(shape.parts):
            code(f"ldmia r1!, {shape.list}", f"stmia r0!, {shape.list}")
    code(f"mov r3, #{32 * shape.words}", f"str r3, [sp, #{PLACE}]")
    widths = _WIDTH, shape.width
    states = STATES, STATES + 12
    for state, scalar, width in zip(states, scalars, widths, strict=True):
        code(f"str r3, [sp, #{state + _NEXT}]")
        _look(code, shape, state, scalar, width)
        code(f"mov r3, #{32 * shape.words}")
    code("sum_place:")
    for name, state, scalar, width in zip("pg", states, scalars, widths, strict=True):
        code(f"ldr r2, [sp, #{PLACE}]", f"ldr r3, [sp, #{state + _PENDING}]")
        code("cmp r2, r3", f"bne not_{name}", f"ldr r3, [sp, #{state + _DIGIT}]")
        code("asrs r4, r3, #31", "eors r3, r4", "subs r3, r3, r4", "lsrs r3, r3, #1")
        if name == "p":
            code(f"add r1, sp, #{shape.place(programs.TABLE)}")
        else:
            code(f"ldr r1, [sp, #{COMB_TABLE}]", f"addw r1, r1, #{shape.comb_bytes}")
        code(f"movs r2, #{(1 << width - 2) - 1}", "bl select")
        _look(code, shape, state, scalar, width)
        code(f"not_{name}:")
    code(f"ldr r2, [sp, #{PLACE}]", "subs r2, r2, #1", f"str r2, [sp, #{PLACE}]")
    code("bmi summed", f"ldr r2, [sp, #{EMPTY}]", "cmp r2, #0", "bne sum_place")
    code("bl double", "b sum_place")
    _next_digit(code)
    code("summed:")
    if shape.end_verify:
        shape.end_verify(code)
    code("b deliver_it")


def _look(code: Code, shape: Shape, state: int, scalar: int, width: int) -> None:
    code(f"add r2, sp, #{state}", f"add r0, sp, #{shape.place(scalar)}", f"movs r1, #{width}")
    code("bl next_digit")


def _next_digit(code: Code) -> None:
    code("# next_digit: of the scalar at r0, r1 bits wide, to the state at r2", "next_digit:")
    code(f"ldr r3, [r2, #{_NEXT}]", "passing:", "cmp r3, #0", "blt no_digit")
    code("subs r4, r3, r1", "adds r4, #32", "lsrs r5, r4, #3", "adds r5, r5, r0")
    code("ldr r6, [r5, #-4]", "and r4, r4, #7", "lsrs r6, r4", "rsb r7, r1, #31", "lsls r6, r7")
    code("lsrs r6, r7", "subs r3, r3, #1", "eor r4, r6, r6, lsl #1", "lsrs r4, r1", "tst r4, #1")
    code("beq passing", "movs r5, #1", "lsls r5, r1", "subs r5, r5, #1", "ands r5, r6")
    code("sub r5, r5, r6, lsr #1", "rbit r6, r5", "clz r6, r6", "asrs r5, r6", "adds r6, r6, r3")
    code("subs r6, r6, r1", "adds r6, #2", f"strd r6, r5, [r2, #{_PENDING}]", "adds r3, #1")
    code("subs r3, r3, r1", f"str r3, [r2, #{_NEXT}]", "bx lr")
    code("no_digit:", "mov r3, #-1", f"str r3, [r2, #{_PENDING}]", "bx lr")
