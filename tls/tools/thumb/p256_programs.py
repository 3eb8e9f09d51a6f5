"""Programs of the P-256 machine: point formulas and inversions as lines of field operations.

An operation is four bytes: what to do, the slot of the result and the slots of two operands,
counted from the start of the workspace. The programs of the points are those of P-384 as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from thumb.assembler import Code

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

END, MUL, ADD, SUB, HALF, MUL_N = range(6)
SQUARE, SQUARE_N = 8, 128  # plus how often; fewer than 120 times

# The point (X : Y : Z), temporaries, the affine point to add (TX, TY); what stays: R^2, R and 1
# modulo p, an inverse, the signs of the scalars' digits, the table, the H of its additions.
X, Y, Z, T0, T1, T2, H, TX, TY, RR, R, ONE, INVERSE, SIGNS, COMB_SIGNS = range(15)
TABLE = 16
ENTRIES = 8
HISTORY = TABLE + 2 * ENTRIES
SLOTS = HISTORY + ENTRIES - 1
# The inversion modulo n has the workspace to itself but for R^2 mod n in RR.
DIGEST, SIGNATURE_R, SIGNATURE_S = X, Y, Z

# 8 products: Z3 = 2 Y Z, a = 3 (X - Z^2)(X + Z^2), b = 4 X Y^2, X3 = a^2 - 2 b,
# Y3 = a (b - X3) - 8 Y^4.
DOUBLE = (
    (MUL, T0, Z, Z), (SUB, T1, X, T0), (ADD, T0, X, T0), (MUL, T1, T1, T0), (ADD, T0, T1, T1),
    (ADD, T1, T1, T0), (ADD, Y, Y, Y), (MUL, Z, Y, Z), (MUL, Y, Y, Y), (MUL, T0, X, Y),
    (MUL, Y, Y, Y), (HALF, Y, Y, Y), (MUL, X, T1, T1), (SUB, X, X, T0), (SUB, X, X, T0),
    (SUB, T0, T0, X), (MUL, T0, T0, T1), (SUB, Y, T0, Y),
)  # fmt: skip
# 11 products: H = TX Z^2 - X, r = TY Z^3 - Y, Z3 = Z H, V = X H^2, X3 = r^2 - H^3 - 2 V,
# Y3 = r (V - X3) - Y H^3. H = 0, where the sum needs another formula, makes Z 0 for good.
ADDITION = (
    (MUL, T0, Z, Z), (MUL, T1, T0, Z), (MUL, H, TX, T0), (MUL, T1, TY, T1), (SUB, H, H, X),
    (SUB, T1, T1, Y), (MUL, Z, Z, H), (MUL, T0, H, H), (MUL, T2, T0, H), (MUL, T0, T0, X),
    (MUL, X, T1, T1), (SUB, X, X, T2), (SUB, X, X, T0), (SUB, X, X, T0), (SUB, T0, T0, X),
    (MUL, T0, T0, T1), (MUL, T2, T2, Y), (SUB, Y, T0, T2),
)  # fmt: skip
# The point to Montgomery form, into (X : Y : 1).
PREPARE = (
    (MUL, TABLE, TABLE, RR), (MUL, TABLE + 1, TABLE + 1, RR), (MUL, X, TABLE, R),
    (MUL, Y, TABLE + 1, R), (MUL, Z, R, R),
)  # fmt: skip
# With 2 P = (X : Y : Z): on the curve that is larger by Z it is affine, so that the formula above
# adds it, and P is (x Z^2 : y Z^3 : 1). INVERSE keeps Z, by which to return.
BEGIN_TABLE = (
    (MUL, TX, X, R), (MUL, TY, Y, R), (MUL, T0, Z, Z), (MUL, T1, T0, Z), (MUL, X, TABLE, T0),
    (MUL, Y, TABLE + 1, T1), (MUL, INVERSE, Z, R), (MUL, Z, R, R),
)  # fmt: skip
RETURN = ((MUL, Z, Z, INVERSE),)
# One entry made affine; the inverse of its Z times its H is the inverse of the Z before.
AFFINE_ENTRY = (
    (MUL, T0, INVERSE, INVERSE), (MUL, X, X, T0), (MUL, T0, T0, INVERSE), (MUL, Y, Y, T0),
    (MUL, INVERSE, INVERSE, H),
)  # fmt: skip
# INVERSE = Z^(p - 2): 2^k - 1 is built for k = 2, 3, 6, 12, 15, 30, 32.
INVERT = (
    (SQUARE + 1, T0, Z, Z), (MUL, T0, T0, Z), (SQUARE + 1, T1, T0, T0), (MUL, T1, T1, Z),
    (SQUARE + 3, T2, T1, T1), (MUL, T2, T2, T1), (SQUARE + 6, H, T2, T2), (MUL, H, H, T2),
    (SQUARE + 3, H, H, H), (MUL, H, H, T1), (SQUARE + 15, T2, H, H), (MUL, T2, T2, H),
    (SQUARE + 2, T1, T2, T2), (MUL, T1, T1, T0), (SQUARE + 32, INVERSE, T1, T1),
    (MUL, INVERSE, INVERSE, Z), (SQUARE + 64, INVERSE, INVERSE, INVERSE),
    (SQUARE + 64, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, T1),
    (SQUARE + 32, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, T1),
    (SQUARE + 30, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, T2),
    (SQUARE + 2, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, Z),
)  # fmt: skip
TO_AFFINE = (
    (MUL, T0, INVERSE, INVERSE), (MUL, X, X, T0), (MUL, T0, T0, INVERSE), (MUL, Y, Y, T0),
)  # fmt: skip
# Out of Montgomery form.
DELIVER = ((MUL, X, X, ONE), (MUL, Y, Y, ONE), (MUL, Z, Z, ONE))


def invert_scalar() -> tuple[tuple[int, int, int, int], ...]:
    """Return the program DIGEST / SIGNATURE_S and SIGNATURE_R / SIGNATURE_S modulo n.

    The exponent n - 2 in sliding windows of up to four bits, over the odd powers 1 to 15.
    """
    square, result = HISTORY, HISTORY + 1
    lines = [
        (MUL_N, TABLE, SIGNATURE_S, RR),
        (SQUARE_N + 1, square, TABLE, TABLE),
        *((MUL_N, TABLE + i, TABLE + i - 1, square) for i in range(1, ENTRIES)),
    ]
    bits, source, pending = f"{N - 2:b}", None, 0
    while bits:
        if bits[0] == "0":
            bits, pending = bits[1:], pending + 1
            continue
        window = bits[:4].rstrip("0")
        bits, pending = bits[len(window) :], pending + len(window)
        power = TABLE + (int(window, 2) >> 1)
        if source is None:
            source, pending = power, 0
            continue
        while pending:
            count = min(pending, 100)
            lines.append((SQUARE_N + count, result, source, source))
            source, pending = result, pending - count
        lines.append((MUL_N, result, result, power))
    assert pending == 0  # n - 2 is odd
    lines += [(MUL_N, DIGEST, DIGEST, result), (MUL_N, SIGNATURE_R, SIGNATURE_R, result)]
    return tuple(lines)


POINTS = {
    "double": DOUBLE, "addition": ADDITION, "prepare": PREPARE, "begin_table": BEGIN_TABLE,
    "return_": RETURN, "affine_entry": AFFINE_ENTRY, "to_affine": TO_AFFINE, "deliver": DELIVER,
}  # fmt: skip
ALL = {
    **POINTS, "invert": INVERT, "scalar_product": ((MUL_N, X, X, Y),),
    "invert_scalar": invert_scalar(),
}  # fmt: skip


def write(
    code: Code, lines_of: Mapping[str, tuple[tuple[int, int, int, int], ...]], slot: int
) -> None:
    """Append all programs as data, each behind a label of its name; slots of `slot` bytes.

    A slot's number comes multiplied by a sixteenth of its size: shifted left by 4 it is a place.
    """
    for name, lines in lines_of.items():
        code(f"# program {name}: operation, result, operands", f"{name}:")
        for operation, *slots in lines:
            octets = [operation, *(number * (slot >> 4) for number in slots)]
            code(".byte " + ", ".join(map(str, octets)))
        code(".byte 0, 0, 0, 0")
