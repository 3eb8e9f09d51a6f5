"""The kernel of Poly1305 (RFC 8439 §2.5): a range of a buffer into the sum in one call.

`absorb(context, buffer, start, end)`: `context` is a bytearray of 40 bytes, the sum (20), r (16),
what to do with a broken last block (4): 1, fill it up with zeros; 0, end the message (§2.5.1).
Takes `buffer[start:end]` into the sum, which stays below 5 * 2^128.

Theory of operation. The sum h has five words, r four, of which RFC 8439 clears the bits that let
products be added without carries: r0 is below 2^28, the others too and multiples of 4. With s = 5
r / 4 for these, because 2^130 = 5, the product has the words

    d0 = h0 r0 + h1 s3 + h2 s2 + h3 s1               d1 = h0 r1 + h1 r0 + h2 s3 + h3 s2 + h4 s1
    d2 = h0 r2 + h1 r1 + h2 r0 + h3 s3 + h4 s2       d3 = h0 r3 + h1 r2 + h2 r1 + h3 r0 + h4 s3
    d4 = h4 r0

Bounds. h4 is at most 4 between blocks and at most 6 with a block added. Each d is below
4 * 2^32 * 1.25 * 2^28 + 6 * 1.25 * 2^28 < 2^63, and so is its sum with the carry from below. d4 is
below 6 * 2^28 and h4 before the last step below 2^32; 5 (h4 / 4) goes to the bottom, which leaves
h4 at 3 and a carry.

Registers. r4-r8 are h, r9-r12 r and then s, r2 and r3 one d, r0 and lr another.

Timing: the same instructions and addresses for the same number of bytes; see `multiprecision` for
UMULL and UMLAL on a Cortex-M3.

Cost, in instructions counted by an emulator, without the call:

- code: 326 bytes
- 1,024 bytes: 4,303
- stack: 64 bytes; heap: the context

Written by tls/tools/make_kernels.py from the assembly in tls/tools/thumb: change it there. A
test makes this file again and compares, and assembles the same text with GNU as.
"""

# ruff: noqa: ARG001, F821

import micropython


@micropython.asm_thumb
def absorb(r0, r1, r2, r3):
    clz(r4, r4)  # does nothing here, but is not compiled for an ARMv6-M
    # entry
    data(2, 0xE92D, 0x0F00, 0xB08C, 0x1889, 0x1A9B, 0x9000, 0x9302, 0xE890, 0x01F0)
    # one block
    data(2, 0x9B02, 0x2B00, 0xF340, 0x808F, 0x2201, 0x2B10, 0xF280, 0x801D)
    # the last one, broken: copied
    data(2, 0xF10D, 0x0920, 0xF04F, 0x0A00, 0xF8C9, 0xA000, 0xF8C9, 0xA004, 0xF8C9, 0xA008, 0xF8C9)
    data(2, 0xA00C, 0xF811, 0xAB01, 0xF809, 0xAB01, 0x3B01, 0xF47F, 0xAFF9, 0x9800, 0x6A42, 0xF082)
    data(2, 0x0A01, 0x2A00, 0xF040, 0x8002, 0xF889, 0xA000, 0xA908, 0xF851, 0x9B04, 0xEB14, 0x0409)
    data(2, 0xF851, 0x9B04, 0xEB55, 0x0509, 0xF851, 0x9B04, 0xEB56, 0x0609, 0xF851, 0x9B04, 0xEB57)
    data(2, 0x0709, 0xEB48, 0x0802, 0x9101, 0x9800, 0xE9D0, 0x9A05, 0xE9D0, 0xBC07)
    # products
    data(2, 0xFBA4, 0x230C, 0xFBE5, 0x230B, 0xFBE6, 0x230A, 0xFBE7, 0x2309, 0xEB0C, 0x0C9C, 0xFBE8)
    data(2, 0x230C, 0xE9CD, 0x2306, 0xFBA4, 0x230B, 0xFBE5, 0x230A, 0xFBE6, 0x2309, 0xFBE7, 0x230C)
    data(2, 0xEB0B, 0x0B9B, 0xFBE8, 0x230B, 0x4611, 0x9305, 0xFBA4, 0x230A, 0xFBE5, 0x2309, 0xFBE6)
    data(2, 0x230C, 0xFBE7, 0x230B, 0xEB0A, 0x0A9A, 0xFBE8, 0x230A, 0xFBA4, 0x0E09, 0xFBE5, 0x0E0C)
    data(2, 0xFBE6, 0x0E0B, 0xFBE7, 0x0E0A, 0xFB08, 0xF809)
    # carries
    data(2, 0x4604, 0xEB12, 0x050E, 0xF143, 0x0300, 0x9A05, 0x18CE, 0xF142, 0x0200, 0xE9DD, 0x0306)
    data(2, 0x1887, 0xF143, 0x0300, 0x4498, 0xEA4F, 0x0298, 0xEB02, 0x0282, 0xF008, 0x0803, 0x18A4)
    data(2, 0xF155, 0x0500, 0xF156, 0x0600, 0xF157, 0x0700, 0xF148, 0x0800, 0xE9DD, 0x1201, 0x3A10)
    data(2, 0x9202, 0xF7FF, 0xBF6D, 0x9800, 0xE880, 0x01F0, 0xB00C, 0xE8BD, 0x0F00, 0x2000)
