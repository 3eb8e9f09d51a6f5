"""P-384 by the kernel `p384_machine`, which says how it works and what it costs."""

from tlscore.compat import const
from tlscore.crypto.p384 import CURVE as PORTABLE
from tlscore.crypto.thumb.machine_curve import MachineCurve
from tlscore.crypto.thumb.p384_machine import TABLE, multiply

# What the kernel shall do, and where it has what.
_USE_COMB = const(2)
_SLOT = const(48)
_COMB_SIGNS = const(96)

# The known answer: X of one doubling and one addition.
_KNOWN_X = (
    b"\x6f\x1a\xca\xc5\x61\xe5\x58\xad\x0e\x8c\xd9\x7c\x2f\xd7\x53\x79\xbf\xe4\x86\x99\xbb\xe7\x60\xf8"
    b"\xce\x54\x98\xcb\x76\x6c\xb5\x9d\xeb\xac\x23\x93\x66\x3f\xb4\xe8\x65\x3d\x08\x6f\xaa\x77\x00\xd7"
)


class Curve384(MachineCurve):
    """The curve with its multiplications and quotients in machine code."""

    _signs = 2
    _comb_signs = 2

    def run(self, buffer: bytearray, first: int, what: int) -> None:
        """Call the kernel."""
        multiply(buffer, TABLE, first, what)


CURVE = Curve384(PORTABLE)


def passes() -> bool:
    """Known-answer test: the field operations, with operands that carry."""
    buffer = CURVE.buffer()
    buffer[_COMB_SIGNS : _COMB_SIGNS + 49] = b"\x55" * 49
    CURVE.run(buffer, 1, _USE_COMB)
    return buffer[:_SLOT] == _KNOWN_X
