"""The kernel that copies bytes: from any place of one buffer to any place of another.

`copy(target, source, places, size)`: copies `size` bytes to `target` from `source`; where they
begin is told by `places`, in `source` by its 15 low bits, in `target` by the others. The two do not
overlap.

A slice of a buffer is an object on the heap, and MicroPython copies byte by byte where two places
do not lie alike. This takes words from any address, and nothing from the heap.

Registers. r0 and r1 are where to and where from, r3 how many are left, r4-r7 what is carried.

Timing: the same instructions for the same number of bytes.

Cost, in instructions counted by an emulator, without the call:

- code: 62 bytes
- 1,024 bytes: 841
- stack: none

Written by tls/tools/make_kernels.py from the assembly in tls/tools/thumb: change it there. A
test makes this file again and compares, and assembles the same text with GNU as.
"""

# ruff: noqa: ARG001, F821

import micropython


@micropython.asm_thumb
def copy(r0, r1, r2, r3):
    clz(r4, r4)  # does nothing here, but is not compiled for an ARMv6-M
    # entry
    data(2, 0xF3C2, 0x040E, 0x1909, 0x0BD2, 0x1880)
    # sixteen at a time
    data(2, 0x3B10, 0xF2C0, 0x800C, 0x680C, 0x684D, 0x688E, 0x68CF, 0x6004, 0x6045, 0x6086, 0x60C7)
    data(2, 0x3010, 0x3110, 0xF7FF, 0xBFF1)
    # what is left
    data(2, 0x3310, 0xF000, 0x8007, 0xF811, 0x4B01, 0xF800, 0x4B01, 0x3B01, 0xF47F, 0xAFF9, 0x2000)
