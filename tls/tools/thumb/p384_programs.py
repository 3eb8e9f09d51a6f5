"""Programs of the P-384 machine: those of the points are P-256's, the inversion has its own power.

See `p256_programs` for what an operation is. Quotients modulo n are not made here: the kernel of
powers has any modulus.
"""

from __future__ import annotations

from thumb.p256_programs import INVERSE, MUL, POINTS, SQUARE, T0, T1, T2, TX, H, Z

P = (1 << 384) - (1 << 128) - (1 << 96) + (1 << 32) - 1
N = (1 << 384) - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D

# INVERSE = Z^(p - 2): 2^k - 1 is built for k = 2, 3, 6, 12, 15, 30, 32, 60, 120, 240, 255; p - 2 is
# 255 ones, a zero, 32 ones, 64 zeros, 30 ones, a zero and a one.
INVERT = (
    (SQUARE + 1, T0, Z, Z), (MUL, T0, T0, Z), (SQUARE + 1, T1, T0, T0), (MUL, T1, T1, Z),
    (SQUARE + 3, T2, T1, T1), (MUL, T2, T2, T1), (SQUARE + 6, H, T2, T2), (MUL, H, H, T2),
    (SQUARE + 3, H, H, H), (MUL, H, H, T1), (SQUARE + 15, T1, H, H), (MUL, T1, T1, H),
    (SQUARE + 2, T2, T1, T1), (MUL, T2, T2, T0), (SQUARE + 30, T0, T1, T1), (MUL, T0, T0, T1),
    (SQUARE + 60, TX, T0, T0), (MUL, TX, TX, T0), (SQUARE + 60, INVERSE, TX, TX),
    (SQUARE + 60, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, TX),
    (SQUARE + 15, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, H),
    (SQUARE + 33, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, T2),
    (SQUARE + 94, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, T1),
    (SQUARE + 2, INVERSE, INVERSE, INVERSE), (MUL, INVERSE, INVERSE, Z),
)  # fmt: skip

ALL = {**POINTS, "invert": INVERT}
