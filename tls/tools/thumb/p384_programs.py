"""Programs of the P-384 machine: those of the points are P-256's; see there."""

from __future__ import annotations

from thumb.p256_programs import POINTS, QUOTIENT_N, Line, X, Y, Z

P = (1 << 384) - (1 << 128) - (1 << 96) + (1 << 32) - 1
N = (1 << 384) - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D

# There is no product modulo n: each quotient is divided by itself.
DIVIDE: tuple[Line, ...] = ((QUOTIENT_N, X, Z, X), (QUOTIENT_N, Y, Z, Y))
ALL = {**POINTS, "divide": DIVIDE}
