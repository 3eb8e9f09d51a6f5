"""Multiples of X25519's base point on the Edwards curve: a part of the kernel of X25519.

-x^2 + y^2 = 1 + d x^2 y^2 with d = -121665/121666 and u = (1 + y) / (1 - y) (RFC 7748 §4.1). The
formulas are those of Hisil, Wong, Carter and Dawson ("Twisted Edwards Curves Revisited", 2008) for
points (X : Y : Z : T) with T = X Y / Z; they are complete, so that no scalar is special. A table's
entry is (y - x, y + x, 2 d x y); its negative has the first two swapped and the third negated.

The scalar k is a multiple of 8. An odd number equal to k / 8 modulo the order of the base point is
written with 256 digits +1 and -1; four of them, 64 places apart, choose an entry and its sign.
There is a table for the digits at the places 0 to 31 of each 64, and one for 32 to 63.
"""

from __future__ import annotations

from thumb.assembler import Code

P = (1 << 255) - 19
ORDER = (1 << 252) + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_BASE_Y = 4 * pow(5, -1, P) % P
COLUMNS = 32
_TEETH = 4
_ENTRIES = 1 << _TEETH - 1
_ENTRY_BYTES = 96
# Slots: an entry's first two, the point, the entry's third. The first two become u's fraction.
E0, E1, X, Y, Z, T, E2 = range(7)
# Words of the frame, as in `curve25519`.
_BUFFER, _COLUMN, _SIGN, _TABLE, _LINK = 0, 4, 8, 16, 20

_DOUBLE = (
    ("square", E0, X), ("square", E1, Y), ("sum", X, X, Y), ("square", X, X), ("square", Z, Z),
    ("sum", Z, Z, Z), ("sum", E2, E0, E1), ("difference", E1, E1, E0), ("difference", X, X, E2),
    ("difference", Z, Z, E1), ("product", T, X, E2), ("product", Y, E1, E2), ("product", X, X, Z),
    ("product", Z, Z, E1),
)  # fmt: skip
_ADD = (
    ("product", E2, T, E2), ("difference", T, Y, X), ("product", E0, T, E0), ("sum", T, Y, X),
    ("product", E1, T, E1), ("sum", Z, Z, Z), ("difference", X, E1, E0), ("sum", Y, E1, E0),
    ("difference", E0, Z, E2), ("sum", E1, Z, E2), ("product", T, X, Y), ("product", X, X, E0),
    ("product", Y, Y, E1), ("product", Z, E0, E1),
)  # fmt: skip


def table() -> bytes:
    """Return the two tables."""
    base = (_x_of(_BASE_Y), _BASE_Y)
    for _ in range(3):
        base = _sum(base, base)
    octets = b""
    for _half in range(2):
        teeth = [base]
        for _ in range(_TEETH - 1):
            teeth.append(_times_power(teeth[-1], 64))
        for entry in range(_ENTRIES):
            total = teeth[-1]
            for tooth in range(_TEETH - 1):
                x, y = teeth[tooth]
                total = _sum(total, (x, y) if entry >> tooth & 1 else (-x % P, y))
            x, y = total
            for number in (y - x, y + x, 2 * _D * x * y):
                octets += (number % P).to_bytes(32, "little")
        base = _times_power(base, COLUMNS)
    return octets


def _x_of(y: int) -> int:
    """Return the even x (RFC 8032 §5.1.3)."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x % 2 == 0 else P - x


def _sum(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = first, second
    product = _D * x1 * x2 * y1 * y2
    x = (x1 * y2 + y1 * x2) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def _times_power(point: tuple[int, int], doublings: int) -> tuple[int, int]:
    for _ in range(doublings):
        point = _sum(point, point)
    return point


def write(code: Code, first_slot: int) -> None:
    """Append the code at `base`: the signs of the digits are in the buffer, the table in the frame.

    It goes on at `fraction` with numerator and denominator in the first two slots.

    Args:
        first_slot: where the slots are, in bytes above the stack pointer.
    """

    def call(name: str, *slots: int) -> None:
        for register, slot in zip(("r0", "r1", "r2"), slots, strict=False):
            code(f"add {register}, sp, #{first_slot + 32 * slot}")
        code(f"bl {name}")

    code("# base: from (0 : 1 : 1 : 0)", "base:")
    code(*(f"mov r{i}, #0" for i in range(4, 12)))
    for number, slots in ((0, (X, T)), (1, (Y, Z))):
        code(f"mov r4, #{number}")
        for slot in slots:
            code(f"add r2, sp, #{first_slot + 32 * slot}", "stmia r2, {r4-r11}")
    code("column:")
    for line in _DOUBLE:
        call(*line)
    code(f"ldr r2, [sp, #{_COLUMN}]", f"ldr r1, [sp, #{_TABLE}]", "bl digit")
    code(f"ldr r2, [sp, #{_COLUMN}]", f"adds r2, #{COLUMNS}", f"ldr r1, [sp, #{_TABLE}]")
    code(f"add r1, r1, #{_ENTRIES * _ENTRY_BYTES}", "bl digit")
    code(f"ldr r2, [sp, #{_COLUMN}]", "subs r2, r2, #1", f"str r2, [sp, #{_COLUMN}]", "bpl column")
    call("sum", E0, Z, Y)
    call("difference", E1, Z, Y)
    code("b fraction")
    _digit(code, first_slot)
    for line in _ADD:
        call(*line)
    code(f"ldr pc, [sp, #{_LINK}]")
    _gather(code)


def _digit(code: Code, first_slot: int) -> None:
    """The entry of the digit at place r2 out of the table at r1, to its slots."""
    code(
        "# digit: four signs far apart, an entry, an addition", "digit:", f"str lr, [sp, #{_LINK}]"
    )
    code(f"ldr r0, [sp, #{_BUFFER}]", "movs r3, #0", "adds r2, #192", f"movs r6, #{_TEETH}")
    code("tooth:", "lsrs r4, r2, #3", "ldrb r4, [r0, r4]", "and r5, r2, #7", "lsrs r4, r5")
    code("and r4, r4, #1", "adds r3, r3, r3", "orrs r3, r4", "subs r2, #64", "subs r6, r6, #1")
    code("bne tooth", "lsrs r4, r3, #3", "subs r4, r4, #1", "eors r3, r4", "and r3, r3, #7")
    code(f"str r4, [sp, #{_SIGN}]", f"add r1, r1, #{(_ENTRIES - 1) * _ENTRY_BYTES}")
    for part, slot in enumerate((E0, E1, E2)):
        if part:
            code(f"add r1, r1, #{_ENTRIES * _ENTRY_BYTES + 32}")
        code("bl gather")
        if slot == E2:
            _negate(code)
        code(f"add r0, sp, #{first_slot + 32 * slot}", "stmia r0, {r4-r11}")
    code(f"ldr r3, [sp, #{_SIGN}]", "movs r0, #2")
    for register, slot in (("r1", E0), ("r2", E1)):
        code(f"add {register}, sp, #{first_slot + 32 * slot}")
    code("bl swapping")


def _negate(code: Code) -> None:
    """p less r4-r11 if the sign says so: not x, less 2^255 + 18."""
    code(f"ldr r2, [sp, #{_SIGN}]", *(f"eor r{i}, r{i}, r2" for i in range(4, 12)))
    code("and r12, r2, #18", "subs r4, r4, r12", *(f"sbcs r{i}, r{i}, #0" for i in range(5, 11)))
    code("and r12, r2, #0x80000000", "sbc r11, r11, r12")


def _gather(code: Code) -> None:
    code(
        "# gather: a part of entry r3, all being read, from the last at r1", "gather:", "push {lr}"
    )
    code(*(f"mov r{i}, #0" for i in range(4, 12)), f"movs r2, #{_ENTRIES - 1}")
    code("member:", "eor lr, r2, r3", "subs lr, lr, #1", "sbc lr, lr, lr")
    for i in range(8):
        code(f"ldr r12, [r1, #{4 * i}]", "and r12, r12, lr", f"orr r{4 + i}, r{4 + i}, r12")
    code(f"subs r1, #{_ENTRY_BYTES}", "subs r2, r2, #1", "bpl member", "pop {pc}")
