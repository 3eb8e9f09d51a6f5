"""P-256 by the kernel `p256_machine`, which says how it works and what it costs."""

from tlscore.compat import const
from tlscore.crypto.p256 import CURVE as PORTABLE
from tlscore.crypto.thumb.machine_curve import MachineCurve
from tlscore.crypto.thumb.p256_machine import TABLE, multiply

# What the kernel shall do, and where it has what.
_USE_COMB = const(2)
_SCALARS = const(8)
_ONE_PRODUCT = const(16)
_SLOT = const(32)
_COMB_SIGNS = const(128)

# The known answers: X of one doubling and one addition, and a product modulo n.
_KNOWN_X = (
    b"\x6a\xe7\x55\xb0\xef\x1a\x47\x4c\x95\x04\x3f\x95\x0a\x2d\xce\x2e"
    b"\x64\xf6\x7e\x7b\xf6\x3a\xb2\x9d\xc0\xec\x56\xd2\x01\xd3\xff\x26"
)
_KNOWN_PRODUCT = (
    b"\x78\x7c\x19\x9c\xf7\xc8\x1b\xce\xaf\x6f\x56\x43\xe2\xf3\xde\xba"
    b"\x25\x77\x60\x1e\x04\xb6\xf8\x07\xe9\xc1\x05\x49\x33\x66\xd0\x60"
)


class Curve256(MachineCurve):
    """The curve with its multiplications, and quotients modulo n, in machine code."""

    def run(self, buffer: bytearray, first: int, what: int) -> None:
        """Call the kernel."""
        multiply(buffer, TABLE, first, what)

    def quotients(self, a: int, b: int, divisor: int) -> tuple:
        """Return a and b divided by `divisor`, modulo n."""
        buffer = self.buffer()
        for slot, number in enumerate((a, b, divisor)):
            self.put(buffer, slot, number)
        self.run(buffer, 0, _SCALARS)
        return self.number(buffer, 0), self.number(buffer, 1)


CURVE = Curve256(PORTABLE)


def passes() -> bool:
    """Known-answer test: the field operations and the one modulo n, with operands that carry."""
    buffer = CURVE.buffer()
    buffer[_COMB_SIGNS : _COMB_SIGNS + 33] = b"\x55" * 33
    CURVE.run(buffer, 1, _USE_COMB)
    if buffer[:_SLOT] != _KNOWN_X:
        return False
    CURVE.put(buffer, 0, (1 << 256) - 1)
    CURVE.put(buffer, 1, PORTABLE.n - 1)
    CURVE.run(buffer, 0, _ONE_PRODUCT)
    return buffer[:_SLOT] == _KNOWN_PRODUCT
