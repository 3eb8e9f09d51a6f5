"""The frame of the kernels of points, and what differs between their curves.

`point_machine` and `point_sums` write the code that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from thumb import p256_programs as programs
from thumb.assembler import Code

WINDOW, COMB, AFFINE, SCALARS, ONE_PRODUCT, SUM, VERIFY = 1, 2, 4, 8, 16, 32, 64
COMB_ENTRIES = 16
# Words of the frame.
WORKSPACE, COMB_TABLE, PLACE, WHAT, RETURN, ENTRY, EMPTY, INDEX = range(0, 32, 4)
SIGN, SELECT_RETURN, LAST, MEMBERS, RESULT, BUFFER, DIFFERENT, STATUS = range(32, 64, 4)
STATES = 64  # of two scalars' digits, three words each
SLOTS_BASE = 88


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
        prime, order: of the field and of the group.
        width: bits of a digit of the generator's scalar in sums; there are 2^(width - 2) multiples.
        begin_verify: writes the code at `verify`, which checks its input, makes the scalars, and
            goes on at `table` with the point as the first entry; None if there is none.
        end_verify: writes what follows the sum.
        constants: words of constants behind R^2, R and 1, which go to the table's end.
        squares: whether there is a subroutine for squares.
        signs: the slots of the buffer with the signs of the digits of a point's scalar, and of the
            generator's; the scalars of a sum are at the first and behind it.
    """

    words: int
    spacing: int
    part: tuple[str, ...]
    parts: int
    programs: Mapping[str, tuple[programs.Line, ...]]
    finish_y: Callable[[Code], None]
    prime: int
    order: int
    width: int
    begin_verify: Callable[[Code], None] | None = None
    end_verify: Callable[[Code], None] | None = None
    constants: int = 0
    squares: bool = False
    signs: tuple[int, int] = (3, 4)

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
        return self.place(programs.SLOTS)

    @property
    def constants_at(self) -> int:
        """Where the table has R^2, R and 1, in bytes from its start."""
        return 2 * self.slot * COMB_ENTRIES

    @property
    def comb_bytes(self) -> int:
        """The bytes of the table in front of the generator's odd multiples."""
        return self.constants_at + 3 * self.slot + 4 * self.constants

    def place(self, slot: int) -> int:
        """Return where a slot is, in bytes above the stack pointer."""
        return SLOTS_BASE + self.slot * slot
