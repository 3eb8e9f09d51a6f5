"""Programs of the P-256 and P-384 machines: point formulas and checks as lines of field operations.

An operation is what to do, the slot of the result and those of two operands, counted from the start
of the workspace, or a slot and the number of a constant for it. `write` makes subroutines of them:
three addresses and a call for each line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from thumb.assembler import Code

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

MUL, ADD, SUB, HALF, MUL_N = "product", "sum", "difference", "half", "product_of_scalars"
SAME = "same"  # notes whether two slots differ; the result is none
LOAD = "constant"  # one of those in the table, by its number
QUOTIENT, QUOTIENT_N = "field", "order"  # second operand by first, modulo what is at this label

# The point (X : Y : Z), temporaries, the affine point to add (TX, TY); what stays: an inverse, the
# table, the H of its additions.
X, Y, Z, T0, T1, T2, H, TX, TY, INVERSE, TABLE = range(11)
# Constants modulo p, in the table in flash: R^2, R and 1.
RR, R, ONE = range(3)
ENTRIES = 8
HISTORY = TABLE + 2 * ENTRIES
SLOTS = HISTORY + ENTRIES - 1
# Quotients want T0 to TY to themselves. Before there is a table: R modulo n, and b of the equation.
RN, EQUATION_B = HISTORY, HISTORY + 1
DIGEST, SIGNATURE_R, SIGNATURE_S = X, Y, Z

Line = tuple[str, int, int, int] | tuple[str, int, int]

# 8 products: Z3 = 2 Y Z, a = 3 (X - Z^2)(X + Z^2), b = 4 X Y^2, X3 = a^2 - 2 b,
# Y3 = a (b - X3) - 8 Y^4.
DOUBLE: tuple[Line, ...] = (
    (MUL, T0, Z, Z), (SUB, T1, X, T0), (ADD, T0, X, T0), (MUL, T1, T1, T0), (ADD, T0, T1, T1),
    (ADD, T1, T1, T0), (ADD, Y, Y, Y), (MUL, Z, Y, Z), (MUL, Y, Y, Y), (MUL, T0, X, Y),
    (MUL, Y, Y, Y), (HALF, Y, Y, Y), (MUL, X, T1, T1), (SUB, X, X, T0), (SUB, X, X, T0),
    (SUB, T0, T0, X), (MUL, T0, T0, T1), (SUB, Y, T0, Y),
)  # fmt: skip
# 11 products: H = TX Z^2 - X, r = TY Z^3 - Y, Z3 = Z H, V = X H^2, X3 = r^2 - H^3 - 2 V,
# Y3 = r (V - X3) - Y H^3. H = 0, where the sum needs another formula, makes Z 0 for good.
ADDITION: tuple[Line, ...] = (
    (MUL, T0, Z, Z), (MUL, T1, T0, Z), (MUL, H, TX, T0), (MUL, T1, TY, T1), (SUB, H, H, X),
    (SUB, T1, T1, Y), (MUL, Z, Z, H), (MUL, T0, H, H), (MUL, T2, T0, H), (MUL, T0, T0, X),
    (MUL, X, T1, T1), (SUB, X, X, T2), (SUB, X, X, T0), (SUB, X, X, T0), (SUB, T0, T0, X),
    (MUL, T0, T0, T1), (MUL, T2, T2, Y), (SUB, Y, T0, T2),
)  # fmt: skip
# The point to Montgomery form, into (X : Y : 1).
PREPARE: tuple[Line, ...] = (
    (LOAD, T2, RR), (MUL, TABLE, TABLE, T2), (MUL, TABLE + 1, TABLE + 1, T2), (LOAD, Z, R),
    (MUL, X, TABLE, Z), (MUL, Y, TABLE + 1, Z),
)  # fmt: skip
# With 2 P = (X : Y : Z): on the curve that is larger by Z it is affine, so that the formula above
# adds it, and P is (x Z^2 : y Z^3 : 1). INVERSE keeps Z, by which to return.
BEGIN_TABLE: tuple[Line, ...] = (
    (LOAD, T2, R), (MUL, TX, X, T2), (MUL, TY, Y, T2), (MUL, T0, Z, Z), (MUL, T1, T0, Z),
    (MUL, X, TABLE, T0), (MUL, Y, TABLE + 1, T1), (MUL, INVERSE, Z, T2), (LOAD, Z, R),
)  # fmt: skip
RETURN: tuple[Line, ...] = ((MUL, Z, Z, INVERSE),)
INVERT: tuple[Line, ...] = ((LOAD, INVERSE, RR), (QUOTIENT, INVERSE, Z, INVERSE))
# One entry made affine; the inverse of its Z times its H is the inverse of the Z before.
AFFINE_ENTRY: tuple[Line, ...] = (
    (MUL, T0, INVERSE, INVERSE), (MUL, X, X, T0), (MUL, T0, T0, INVERSE), (MUL, Y, Y, T0),
    (MUL, INVERSE, INVERSE, H),
)  # fmt: skip
TO_AFFINE: tuple[Line, ...] = (
    (MUL, T0, INVERSE, INVERSE), (MUL, X, X, T0), (MUL, T0, T0, INVERSE), (MUL, Y, Y, T0),
)  # fmt: skip
# Out of Montgomery form.
DELIVER: tuple[Line, ...] = (
    (LOAD, T0, ONE), (MUL, X, X, T0), (MUL, Y, Y, T0), (MUL, Z, Z, T0),
)  # fmt: skip

# Coordinates below p, and y^2 = (x^2 - 3) x + b.
CHECK: tuple[Line, ...] = (
    (LOAD, T2, RR), (MUL, TX, TABLE, T2), (MUL, TY, TABLE + 1, T2), (LOAD, T2, ONE),
    (MUL, T0, TX, T2), (SAME, 0, T0, TABLE), (MUL, T0, TY, T2), (SAME, 0, T0, TABLE + 1),
    (LOAD, T2, R), (MUL, T0, TX, TX), (SUB, T0, T0, T2), (SUB, T0, T0, T2), (SUB, T0, T0, T2),
    (MUL, T0, T0, TX), (ADD, T0, T0, EQUATION_B), (MUL, T1, TY, TY), (SAME, 0, T0, T1),
)  # fmt: skip
# The scalars of a verification, and the x-coordinate r against X / Z^2.
SCALARS: tuple[Line, ...] = (
    (QUOTIENT_N, Z, SIGNATURE_S, RN), (MUL_N, T0, SIGNATURE_R, Z), (MUL_N, T1, DIGEST, Z),
)  # fmt: skip
COMPARE: tuple[Line, ...] = (
    (LOAD, T1, RR), (MUL, TX, TX, T1), (MUL, T0, Z, Z), (MUL, T0, T0, TX), (SAME, 0, T0, X),
)  # fmt: skip
# Two quotients modulo n.
DIVIDE: tuple[Line, ...] = ((QUOTIENT_N, Z, Z, RN), (MUL_N, X, X, Z), (MUL_N, Y, Y, Z))
POINTS: dict[str, tuple[Line, ...]] = {
    "double": DOUBLE, "addition": ADDITION, "prepare": PREPARE, "begin_table": BEGIN_TABLE,
    "return_": RETURN, "invert": INVERT, "affine_entry": AFFINE_ENTRY, "to_affine": TO_AFFINE,
    "deliver": DELIVER,
}  # fmt: skip
ALL = {
    **POINTS, "divide": DIVIDE, "scalar_product": ((MUL_N, X, X, Y),), "check": CHECK,
    "scalars": SCALARS, "compare": COMPARE,
}  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """Where a kernel has its slots and its return address, in bytes above the stack pointer.

    Attributes:
        slots: the first one.
        slot: the bytes of one.
        link: the word that keeps where a program returns to.
        constants: where the table has constants, in bytes from its start.
    """

    slots: int
    slot: int
    link: int
    constants: int


def write(
    code: Code, lines_of: Mapping[str, tuple[Line, ...]], frame: Frame, squares: bool
) -> None:
    """Append all programs as subroutines.

    Args:
        squares: whether there is a subroutine for squares.
    """
    for name, lines in lines_of.items():
        code(f"# program {name}", f"{name}:", f"str lr, [sp, #{frame.link}]")
        for operation, *slots in lines:
            if operation == LOAD:
                slot, number = slots
                code(f"add r0, sp, #{frame.slots + frame.slot * slot}")
                code(f"movw r1, #{frame.constants + frame.slot * number}", f"bl {LOAD}")
                continue
            for register, slot in zip(("r0", "r1", "r2"), slots, strict=True):
                code(f"add {register}, sp, #{frame.slots + frame.slot * slot}")
            if operation in (QUOTIENT, QUOTIENT_N):
                code(f"lea r3, {operation}", "bl quotient")
            elif operation == MUL and slots[1] == slots[2] and squares:
                code("bl square")
            else:
                code(f"bl {operation}")
        code(f"ldr pc, [sp, #{frame.link}]")
