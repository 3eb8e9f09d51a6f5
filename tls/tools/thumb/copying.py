"""The kernel that copies bytes: from any place of one buffer to any place of another.

{interface}

A slice of a buffer is an object on the heap, and MicroPython copies byte by byte where two places
do not lie alike. This takes words from any address, and nothing from the heap.

Registers. r0 and r1 are where to and where from, r3 how many are left, r4-r7 what is carried.

Timing: the same instructions for the same number of bytes.
"""

from __future__ import annotations

from thumb.assembler import Code

NAME = "copy"
ARGUMENTS = 4
INTERFACE = """\
`copy(target, source, places, size)`: copies `size` bytes to `target` from `source`; where they
begin is told by `places`, in `source` by its 15 low bits, in `target` by the others. The two do not
overlap."""


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    code(
        "# entry", "ubfx r4, r2, #0, #15", "adds r1, r1, r4", "lsrs r2, r2, #15", "adds r0, r0, r2"
    )
    code("# sixteen at a time", "words:", "subs r3, #16", "blt rest")
    for i in range(4):
        code(f"ldr r{4 + i}, [r1, #{4 * i}]")
    for i in range(4):
        code(f"str r{4 + i}, [r0, #{4 * i}]")
    code("adds r0, #16", "adds r1, #16", "b words")
    code("# what is left", "rest:", "adds r3, #16", "beq finished", "single:", "ldrb r4, [r1], #1")
    code("strb r4, [r0], #1", "subs r3, r3, #1", "bne single", "finished:", "movs r0, #0", "end:")
    return code
