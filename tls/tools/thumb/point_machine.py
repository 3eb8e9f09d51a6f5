"""Multiplication of points on y^2 = x^3 - 3 x + b: the part of a kernel that such curves share.

`p256` and `p384` say how it works. Here is the walk over the digits of a secret scalar, the table
of multiples, and the table's entries under masks; `point_sums` has the walk over public scalars.
What knows the prime (product, sum, difference, half, and taking p - y) is the curves' own.
"""

from __future__ import annotations

from thumb import division_steps, point_sums
from thumb import p256_programs as programs
from thumb.assembler import Code
from thumb.point_frame import (
    AFFINE,
    BUFFER,
    COMB_ENTRIES,
    COMB_TABLE,
    DIFFERENT,
    EMPTY,
    ENTRY,
    INDEX,
    LAST,
    MEMBERS,
    ONE_PRODUCT,
    PLACE,
    RETURN,
    SCALARS,
    SELECT_RETURN,
    SIGN,
    SLOTS_BASE,
    STATUS,
    SUM,
    VERIFY,
    WHAT,
    WINDOW,
    WORKSPACE,
    Shape,
)


def write(code: Code, shape: Shape) -> None:
    """Append everything but the field operations."""
    _main(code, shape)
    _table(code, shape)
    _digits(code, shape)
    _select(code, shape)
    frame = programs.Frame(SLOTS_BASE, shape.slot, RETURN, shape.constants_at)
    programs.write(code, shape.programs, frame, shape.squares)
    code(
        "# constant: what is r1 bytes behind the table's start, which may lie at any address, to r0"
    )
    code(f"{programs.LOAD}:", f"ldr r2, [sp, #{COMB_TABLE}]", "add r1, r2")
    code(f"movs r3, #{shape.words}", "loading:", "ldr r2, [r1], #4", "str r2, [r0], #4")
    code("subs r3, r3, #1", "bne loading", "bx lr")
    code("# p and n as limbs, and their inverses", "field:")
    code(division_steps.constants(shape.prime, shape.words), "order:")
    code(division_steps.constants(shape.order, shape.words))
    division_steps.write(code, shape.words, shape.place(programs.T0))


def _index(code: Code, register: str, index: str, size: int) -> None:
    """Add `index` times `size` bytes to a register."""
    for bit in range(size.bit_length() - 1, -1, -1):
        if size >> bit & 1:
            code(f"add {register}, {register}, {index}, lsl #{bit}")


def _main(code: Code, shape: Shape) -> None:
    code("# entry: the slots on the stack, filled from the buffer and the table")
    code("push {r8-r11}", f"sub sp, #{shape.frame}", "mov r12, r3", "mov r3, r0")
    code(f"str r0, [sp, #{BUFFER}]", f"add r0, sp, #{SLOTS_BASE}", "mov lr, r1")
    code("stmia sp, {r0-r2}", f"str r12, [sp, #{WHAT}]")
    if shape.constants:
        code(f"add r0, sp, #{shape.place(programs.HISTORY)}", f"movs r5, #{shape.constants}")
        code(f"add r1, lr, #{shape.constants_at + 3 * shape.slot}", "copying:")
        code("ldr r4, [r1], #4", "str r4, [r0], #4", "subs r5, r5, #1", "bne copying")
    code("movs r2, #1", f"str r2, [sp, #{EMPTY}]", "movs r2, #0", f"str r2, [sp, #{DIFFERENT}]")
    code(f"str r2, [sp, #{STATUS}]", "mov r2, r12")
    if shape.begin_verify:
        code(f"tst r2, #{VERIFY}", "bne verify")
    code("mov r1, r3", f"add r0, sp, #{shape.place(programs.X)}")
    _copy(code, shape, 3)
    code(f"add r0, sp, #{shape.place(programs.TABLE)}", "mov r1, r3")
    _copy(code, shape, 2)
    code("mov r3, r12", f"tst r3, #{SCALARS}", "beq no_division", "bl divide", "b finished")
    code("no_division:")
    if "scalar_product" in shape.programs:
        code(f"tst r3, #{ONE_PRODUCT}", "beq no_single", "bl scalar_product", "b finished")
        code("no_single:")
    code(f"tst r3, #{WINDOW + SUM}", "bne table")
    _walk(code)
    _finish(code, shape)
    if shape.begin_verify:
        shape.begin_verify(code)


def _walk(code: Code) -> None:
    code("# the walk over the digits", "walk:", f"ldr r2, [sp, #{PLACE}]")
    code(f"ldr r3, [sp, #{WHAT}]", f"tst r3, #{WINDOW}", "beq no_window", "tst r2, #3")
    code("bne next_place", "bl window", "b next_place", "no_window:", "bl comb", "next_place:")
    code(f"ldr r2, [sp, #{PLACE}]", "subs r2, r2, #1", f"str r2, [sp, #{PLACE}]", "bmi walked")
    code("bl double", "b walk", "walked:", f"ldr r3, [sp, #{WHAT}]", f"tst r3, #{AFFINE}")
    code("beq deliver_it", "bl invert", "bl to_affine", "deliver_it:", "bl deliver")


def _finish(code: Code, shape: Shape) -> None:
    code("# the result to the buffer, zeros to the slots", "finished:")
    code(f"ldr r0, [sp, #{BUFFER}]", f"add r1, sp, #{SLOTS_BASE}")
    _copy(code, shape, 3)
    code("clear:")
    for word in shape.part:
        code(f"mov {word}, #0")
    code(f"add r0, sp, #{SLOTS_BASE}", f"movs r1, #{shape.parts * programs.SLOTS}", "clearing:")
    code(f"stmia r0!, {shape.list}", "subs r1, r1, #1", "bne clearing", f"ldr r0, [sp, #{STATUS}]")
    code(f"add sp, #{shape.frame}", "pop {r8-r11}", "b end")


def _copy(code: Code, shape: Shape, slots: int) -> None:
    """Copy slots from r1 to r0, both of which move on."""
    for _ in range(slots * shape.parts):
        code(f"ldmia r1!, {shape.list}", f"stmia r0!, {shape.list}")


def _table(code: Code, shape: Shape) -> None:
    """The table of odd multiples, affine."""
    slot = shape.slot
    code("# the table: 3 P, 5 P, ... in turn, each with the H of its addition", "table:")
    code(
        "bl prepare", "bl double", "bl begin_table", "movs r2, #0", "next_entry:", "adds r2, r2, #1"
    )
    code(f"str r2, [sp, #{ENTRY}]", "bl addition")
    code(f"ldr r1, [sp, #{WORKSPACE}]", f"ldr r2, [sp, #{ENTRY}]")
    code(f"add r0, r1, #{slot * programs.TABLE}")
    _index(code, "r0", "r2", 2 * slot)
    _copy(code, shape, 2)
    code(f"ldr r3, [sp, #{WORKSPACE}]", f"add r1, r3, #{slot * programs.H}")
    code(f"add r0, r3, #{slot * (programs.HISTORY - 1)}")
    _index(code, "r0", "r2", slot)
    _copy(code, shape, 1)
    code(f"cmp r2, #{programs.ENTRIES - 1}", "bne next_entry")
    code("bl return_", "bl invert")
    code("# backwards, each made affine", f"movs r2, #{programs.ENTRIES - 1}", "last_entry:")
    code(f"str r2, [sp, #{ENTRY}]", f"ldr r0, [sp, #{WORKSPACE}]")
    code(f"add r1, r0, #{slot * (programs.HISTORY - 1)}")
    _index(code, "r1", "r2", slot)
    code("mov r3, r0", f"add r0, r0, #{slot * programs.H}")
    _copy(code, shape, 1)
    code("mov r0, r3", f"add r1, r0, #{slot * programs.TABLE}")
    _index(code, "r1", "r2", 2 * slot)
    _copy(code, shape, 2)
    code("bl affine_entry")
    code(f"ldr r1, [sp, #{WORKSPACE}]", f"ldr r2, [sp, #{ENTRY}]")
    code(f"add r0, r1, #{slot * programs.TABLE}")
    _index(code, "r0", "r2", 2 * slot)
    _copy(code, shape, 2)
    code("subs r2, r2, #1", "bne last_entry")
    code(f"ldr r3, [sp, #{WHAT}]", f"tst r3, #{WINDOW}", "bne walk")
    point_sums.write(code, shape)


def _digits(code: Code, shape: Shape) -> None:
    """Entry and sign of the digit at place r2, then `select` adds it."""
    slot = shape.slot
    code("# window: four signs in a row", "window:", f"ldr r1, [sp, #{BUFFER}]")
    code(f"adds r1, #{slot * shape.signs[0]}", "lsrs r3, r2, #3", "ldrb r3, [r1, r3]")
    code("and r4, r2, #4", "lsrs r3, r4", "and r3, r3, #15", "lsrs r4, r3, #3", "subs r4, r4, #1")
    code("eors r3, r4", "and r3, r3, #7", f"movs r2, #{programs.ENTRIES - 1}")
    code(f"add r1, sp, #{shape.place(programs.TABLE)}", "b select")
    code("# comb: five signs far apart", "comb:", f"ldr r1, [sp, #{BUFFER}]")
    code(f"adds r1, #{slot * shape.signs[1]}", f"add r2, r2, #{4 * shape.spacing}")
    code("movs r3, #0", "movs r6, #5", "tooth:", "lsrs r4, r2, #3", "ldrb r4, [r1, r4]")
    code("and r5, r2, #7", "lsrs r4, r5", "and r4, r4, #1", "adds r3, r3, r3", "orrs r3, r4")
    code(f"subs r2, r2, #{shape.spacing}", "subs r6, r6, #1", "bne tooth")
    code("lsrs r4, r3, #4", "subs r4, r4, #1", "eors r3, r4", "and r3, r3, #15")
    code(f"movs r2, #{COMB_ENTRIES - 1}", f"ldr r1, [sp, #{COMB_TABLE}]")


def _select(code: Code, shape: Shape) -> None:
    slot = shape.slot
    code("# select: entry r3 of the r2 + 1 at r1, its y negated if r4 is -1; then add it")
    code("select:")
    _index(code, "r1", "r2", 2 * slot)
    code(f"str r3, [sp, #{INDEX}]", f"str r4, [sp, #{SIGN}]", f"str lr, [sp, #{SELECT_RETURN}]")
    code(f"str r1, [sp, #{LAST}]", f"str r2, [sp, #{MEMBERS}]", "bl gather")
    for i in range(1, 2 * shape.parts):
        place = slot * programs.TX + (i - 1) * 4 * len(shape.part)
        code(f"ldr r0, [sp, #{WORKSPACE}]", f"add r0, r0, #{place}", f"stmia r0, {shape.list}")
        code(f"ldr r3, [sp, #{INDEX}]", f"ldr r1, [sp, #{LAST}]", f"ldr r2, [sp, #{MEMBERS}]")
        code(f"adds r1, #{i * 4 * len(shape.part)}", "bl gather")
    shape.finish_y(code)
    code(f"ldr r2, [sp, #{EMPTY}]", "cmp r2, #0", "bne first_digit")
    code("bl addition", f"ldr pc, [sp, #{SELECT_RETURN}]")
    code("first_digit:", "movs r2, #0", f"str r2, [sp, #{EMPTY}]")
    code(f"add r1, r0, #{slot * programs.TX}")
    _copy(code, shape, 2)
    code(f"movw r1, #{shape.constants_at + slot * programs.R}", "bl constant")
    code(f"ldr pc, [sp, #{SELECT_RETURN}]")
    code("# gather: a part of entry r3, all entries being read from the last at r1")
    code("gather:", "push {lr}", f"ldr lr, [sp, #{4 + WHAT}]", f"tst lr, #{SUM + VERIFY}")
    code("bne take")
    for word in shape.part:
        code(f"mov {word}, #0")
    code("member:", "eor lr, r2, r3", "subs lr, lr, #1", "sbc lr, lr, lr")
    for i, word in enumerate(shape.part):
        code(f"ldr r12, [r1, #{4 * i}]", "and r12, r12, lr", f"orr {word}, {word}, r12")
    code(f"subs r1, #{2 * slot}", "subs r2, r2, #1", "bpl member", "pop {pc}")
    code("# the digits of public scalars take theirs at once", "take:", "subs r2, r2, r3")
    code(f"mov r12, #{2 * slot}", "mls r12, r12, r2, r1")
    for i, word in enumerate(shape.part):
        code(f"ldr {word}, [r12, #{4 * i}]")
    code("pop {pc}")
