"""Multiplication of points on y^2 = x^3 - 3 x + b: the part of a kernel that such curves share.

`p256` and `p384` say how it works. Here is the walk over the digits, the table of multiples, and
the interpreter of the programs in `p256_programs` and `p384_programs`; what knows the prime
(product, sum, difference, half, and taking p - y) is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from thumb import p256_programs as programs
from thumb.assembler import Code

WINDOW, COMB, AFFINE, SCALARS, ONE_PRODUCT = 1, 2, 4, 8, 16
COMB_ENTRIES = 16
# Words of the frame.
WORKSPACE, _COMB, _PLACE, _WHAT, _PROGRAM, _RETURN, _COUNT, _EMPTY = range(0, 32, 4)
_INDEX, SIGN, _SELECT_RETURN, _ENTRY, _LAST, _MEMBERS, RESULT, _BUFFER = range(32, 64, 4)
_SLOTS_BASE = 64


@dataclass(frozen=True)
class Shape:
    """What differs between the curves.

    Attributes:
        words: of a field element; a slot has as many.
        spacing: places between two digits of an entry of the comb.
        part: registers that hold a part of a slot while it is copied, as instructions list them.
        parts: how many parts a slot has.
        programs: label -> lines.
        finish_y: writes the code that takes the last part of an entry's y from the registers and
            negates y if the word `SIGN` of the frame says so; r0 points to the workspace then.
        modulo_n: whether the programs have operations modulo the order of the group.
    """

    words: int
    spacing: int
    part: tuple[str, ...]
    parts: int
    programs: Mapping[str, tuple[tuple[int, int, int, int], ...]]
    finish_y: Callable[[Code], None]
    modulo_n: bool

    @property
    def slot(self) -> int:
        """The bytes of a slot."""
        return 4 * self.words

    @property
    def list(self) -> str:
        """The registers of a part as LDM takes them."""
        return f"{{{self.part[0]}-{self.part[-1]}}}"

    @property
    def frame(self) -> int:
        """The bytes of the kernel's frame."""
        return _SLOTS_BASE + self.slot * programs.SLOTS


def write(code: Code, shape: Shape) -> None:
    """Append everything but the field operations."""
    _main(code, shape)
    _table(code, shape)
    _digits(code, shape)
    _select(code, shape)
    programs.write(code, shape.programs, shape.slot)
    _run(code, shape)


def _index(code: Code, register: str, index: str, size: int) -> None:
    """Add `index` times `size` bytes to a register."""
    for bit in range(size.bit_length() - 1, -1, -1):
        if size >> bit & 1:
            code(f"add {register}, {register}, {index}, lsl #{bit}")


def _program(code: Code, name: str) -> None:
    code(f"lea r3, {name}", "bl run")


def _main(code: Code, shape: Shape) -> None:
    slot = shape.slot
    code("# entry: the slots on the stack, filled from the buffer and the table")
    code("push {r8-r11}", f"sub sp, #{shape.frame}", "mov r12, r3", "mov r3, r0")
    code(f"str r0, [sp, #{_BUFFER}]", f"add r0, sp, #{_SLOTS_BASE}", "mov lr, r1")
    code("stmia sp, {r0-r2}", f"str r12, [sp, #{_WHAT}]", "mov r2, r0", "mov r1, r3")
    _copy(code, shape, 3)
    code(f"add r0, r2, #{slot * programs.SIGNS}")
    _copy(code, shape, 3)
    code(f"add r0, r2, #{slot * programs.TABLE}", "mov r1, r3")
    _copy(code, shape, 2)
    code("# the constants, word by word: bytes in flash may lie at any address")
    code(f"add r0, r2, #{slot * programs.RR}", f"add r1, lr, #{2 * slot * COMB_ENTRIES}")
    code(f"movs r3, #{3 * shape.words}")
    if shape.modulo_n:
        code("mov r2, r12", f"tst r2, #{SCALARS}", "beq constants", "adds r1, #96", "movs r3, #8")
    code("constants:", "ldr r4, [r1], #4", "str r4, [r0], #4", "subs r3, r3, #1", "bne constants")
    code("mov r3, r12")
    if shape.modulo_n:
        code(f"tst r3, #{SCALARS}", "beq points")
        _program(code, "invert_scalar")
        code("b finished", "points:", f"tst r3, #{ONE_PRODUCT}", "beq no_single")
        _program(code, "scalar_product")
        code("b finished", "no_single:")
    code("movs r2, #1", f"str r2, [sp, #{_EMPTY}]", f"tst r3, #{WINDOW}", "beq walk", "b table")
    code("# the walk over the digits", "walk:")
    code(f"ldr r2, [sp, #{_PLACE}]", f"ldr r3, [sp, #{_WHAT}]")
    code(f"tst r3, #{WINDOW}", "beq no_window", "tst r2, #3", "bne no_window", "bl window")
    code("no_window:", f"ldr r2, [sp, #{_PLACE}]", f"ldr r3, [sp, #{_WHAT}]")
    code(f"tst r3, #{COMB}", "beq no_comb", f"cmp r2, #{shape.spacing}", "bhs no_comb", "bl comb")
    code("no_comb:", f"ldr r2, [sp, #{_PLACE}]", "subs r2, r2, #1", f"str r2, [sp, #{_PLACE}]")
    code("bmi walked")
    _program(code, "double")
    code("b walk", "walked:", f"ldr r3, [sp, #{_WHAT}]", f"tst r3, #{AFFINE}", "beq deliver_it")
    _program(code, "invert")
    _program(code, "to_affine")
    code("deliver_it:")
    _program(code, "deliver")
    code("# the result to the buffer, zeros to the slots", "finished:")
    code(f"ldr r0, [sp, #{_BUFFER}]", f"add r1, sp, #{_SLOTS_BASE}")
    _copy(code, shape, 3)
    for word in shape.part:
        code(f"mov {word}, #0")
    code(f"add r0, sp, #{_SLOTS_BASE}", f"movs r1, #{shape.parts * programs.SLOTS}", "clearing:")
    code(f"stmia r0!, {shape.list}", "subs r1, r1, #1", "bne clearing")
    code(f"add sp, #{shape.frame}", "pop {r8-r11}", "movs r0, #0", "b end")


def _copy(code: Code, shape: Shape, slots: int) -> None:
    """Copy slots from r1 to r0, both of which move on."""
    for _ in range(slots * shape.parts):
        code(f"ldmia r1!, {shape.list}", f"stmia r0!, {shape.list}")


def _table(code: Code, shape: Shape) -> None:
    """The table of odd multiples, affine."""
    slot = shape.slot
    code("# the table: 3 P, 5 P, ... in turn, each with the H of its addition", "table:")
    for name in ("prepare", "double", "begin_table"):
        _program(code, name)
    code("movs r2, #0", "next_entry:", "adds r2, r2, #1", f"str r2, [sp, #{_ENTRY}]")
    _program(code, "addition")
    code(f"ldr r1, [sp, #{WORKSPACE}]", f"ldr r2, [sp, #{_ENTRY}]")
    code(f"add r0, r1, #{slot * programs.TABLE}")
    _index(code, "r0", "r2", 2 * slot)
    _copy(code, shape, 2)
    code(f"ldr r3, [sp, #{WORKSPACE}]", f"add r1, r3, #{slot * programs.H}")
    code(f"add r0, r3, #{slot * (programs.HISTORY - 1)}")
    _index(code, "r0", "r2", slot)
    _copy(code, shape, 1)
    code(f"cmp r2, #{programs.ENTRIES - 1}", "bne next_entry")
    for name in ("return_", "invert"):
        _program(code, name)
    code("# backwards, each made affine", f"movs r2, #{programs.ENTRIES - 1}", "last_entry:")
    code(f"str r2, [sp, #{_ENTRY}]", f"ldr r0, [sp, #{WORKSPACE}]")
    code(f"add r1, r0, #{slot * (programs.HISTORY - 1)}")
    _index(code, "r1", "r2", slot)
    code("mov r3, r0", f"add r0, r0, #{slot * programs.H}")
    _copy(code, shape, 1)
    code("mov r0, r3", f"add r1, r0, #{slot * programs.TABLE}")
    _index(code, "r1", "r2", 2 * slot)
    _copy(code, shape, 2)
    _program(code, "affine_entry")
    code(f"ldr r1, [sp, #{WORKSPACE}]", f"ldr r2, [sp, #{_ENTRY}]")
    code(f"add r0, r1, #{slot * programs.TABLE}")
    _index(code, "r0", "r2", 2 * slot)
    _copy(code, shape, 2)
    code("subs r2, r2, #1", "bne last_entry", "b walk")


def _digits(code: Code, shape: Shape) -> None:
    """Entry and sign of the digit at place r2, then `select` adds it."""
    slot = shape.slot
    code("# window: four signs in a row", "window:", f"ldr r0, [sp, #{WORKSPACE}]")
    code(f"add r1, r0, #{slot * programs.SIGNS}", "lsrs r3, r2, #3", "ldrb r3, [r1, r3]")
    code("and r4, r2, #4", "lsrs r3, r4", "and r3, r3, #15", "lsrs r4, r3, #3", "subs r4, r4, #1")
    code("eors r3, r4", "and r3, r3, #7", f"movs r2, #{programs.ENTRIES - 1}")
    code(f"add r1, r0, #{slot * programs.TABLE}", "b select")
    code("# comb: five signs far apart", "comb:", f"ldr r0, [sp, #{WORKSPACE}]")
    code(f"add r1, r0, #{slot * programs.COMB_SIGNS}", f"add r2, r2, #{4 * shape.spacing}")
    code("movs r3, #0", "movs r6, #5", "tooth:", "lsrs r4, r2, #3", "ldrb r4, [r1, r4]")
    code("and r5, r2, #7", "lsrs r4, r5", "and r4, r4, #1", "adds r3, r3, r3", "orrs r3, r4")
    code(f"subs r2, r2, #{shape.spacing}", "subs r6, r6, #1", "bne tooth")
    code("lsrs r4, r3, #4", "subs r4, r4, #1", "eors r3, r4", "and r3, r3, #15")
    code(f"movs r2, #{COMB_ENTRIES - 1}", f"ldr r1, [sp, #{_COMB}]")


def _select(code: Code, shape: Shape) -> None:
    slot = shape.slot
    code("# select: entry r3 of the r2 + 1 at r1, its y negated if r4 is -1; then add it")
    code("select:")
    _index(code, "r1", "r2", 2 * slot)
    code(f"str r3, [sp, #{_INDEX}]", f"str r4, [sp, #{SIGN}]", f"str lr, [sp, #{_SELECT_RETURN}]")
    code(f"str r1, [sp, #{_LAST}]", f"str r2, [sp, #{_MEMBERS}]", "bl gather")
    for i in range(1, 2 * shape.parts):
        place = slot * programs.TX + (i - 1) * 4 * len(shape.part)
        code(f"ldr r0, [sp, #{WORKSPACE}]", f"add r0, r0, #{place}", f"stmia r0, {shape.list}")
        code(f"ldr r3, [sp, #{_INDEX}]", f"ldr r1, [sp, #{_LAST}]", f"ldr r2, [sp, #{_MEMBERS}]")
        code(f"adds r1, #{i * 4 * len(shape.part)}", "bl gather")
    shape.finish_y(code)
    code(f"ldr r2, [sp, #{_EMPTY}]", "cmp r2, #0", "bne first_digit")
    _program(code, "addition")
    code(f"ldr lr, [sp, #{_SELECT_RETURN}]", "bx lr")
    code("first_digit:", "movs r2, #0", f"str r2, [sp, #{_EMPTY}]")
    code("mov r3, r0", f"add r1, r0, #{slot * programs.TX}")
    _copy(code, shape, 2)
    code(f"add r1, r3, #{slot * programs.R}")
    _copy(code, shape, 1)
    code(f"ldr lr, [sp, #{_SELECT_RETURN}]", "bx lr")
    code("# gather: a part of entry r3, all entries being read from the last at r1")
    code("gather:", "push {lr}")
    for word in shape.part:
        code(f"mov {word}, #0")
    code("member:", "eor lr, r2, r3", "subs lr, lr, #1", "sbc lr, lr, lr")
    for i, word in enumerate(shape.part):
        code(f"ldr r12, [r1, #{4 * i}]", "and r12, r12, lr", f"orr {word}, {word}, r12")
    code(f"subs r1, #{2 * slot}", "subs r2, r2, #1", "bpl member", "pop {pc}")


def _run(code: Code, shape: Shape) -> None:
    code("# run: the program at r3", "run:", f"str lr, [sp, #{_RETURN}]")
    code("operation:", f"ldr r5, [sp, #{WORKSPACE}]", "ldr r4, [r3], #4")
    code(f"str r3, [sp, #{_PROGRAM}]", "ubfx r0, r4, #8, #8", "ubfx r1, r4, #16, #8")
    code("lsrs r2, r4, #24", "uxtb r4, r4")
    for register in ("r0", "r1", "r2"):
        code(f"add {register}, r5, {register}, lsl #4")
    code(f"cmp r4, #{programs.ADD}", "bhs no_product", "cmp r4, #0", "beq ended", "bl product")
    code("continued:", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("no_product:", "beq an_addition", f"cmp r4, #{programs.HALF}", "bhi powers", "beq a_half")
    code("bl difference", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("an_addition:", "bl sum", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("a_half:", "bl half", f"ldr r3, [sp, #{_PROGRAM}]", "b operation")
    code("powers:", f"subs r4, r4, #{programs.SQUARE}")
    if shape.modulo_n:
        code("bmi a_product_n", f"cmp r4, #{programs.SQUARE_N - programs.SQUARE}", "bhs squares_n")
    code("squares:", f"str r4, [sp, #{_COUNT}]", "bl product", "mov r1, r0", "mov r2, r0")
    code(f"ldr r4, [sp, #{_COUNT}]", "subs r4, r4, #1", "bne squares", "b continued")
    if shape.modulo_n:
        code("squares_n:", f"subs r4, r4, #{programs.SQUARE_N - programs.SQUARE}", "more_n:")
        code(f"str r4, [sp, #{_COUNT}]", "bl product_of_scalars", "mov r1, r0", "mov r2, r0")
        code(f"ldr r4, [sp, #{_COUNT}]", "subs r4, r4, #1", "bne more_n", "b continued")
        code("a_product_n:", "bl product_of_scalars", "b continued")
    code("ended:", f"ldr lr, [sp, #{_RETURN}]", "bx lr")
