"""P-256 by the kernel `p256_machine`, which says how it works and what it costs.

Here numbers become the kernel's slots and digits. Where the kernel gives Z = 0, because a partial
sum was plus or minus a table entry or the result is infinity, the portable code does it again.

RAM: 192 bytes for the call, and the kernel's stack.
"""

from tlscore.compat import const
from tlscore.crypto.p256 import CURVE as PORTABLE
from tlscore.crypto.thumb.p256_machine import TABLE, multiply
from tlscore.crypto.weierstrass import Curve

# Where the kernel has what.
_SLOT = const(32)
_Y = const(32)
_Z = const(64)
_SIGNS = const(96)
_COMB_SIGNS = const(128)
_ALL = const(192)
# What it shall do.
_WINDOW = const(1)
_USE_COMB = const(2)
_AFFINE = const(4)
_SCALARS = const(8)
_ONE_PRODUCT = const(16)
_COMB_TOP = const(51)
_WINDOW_TOP = const(252)

_N = const(0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551)
# The known answers: X of one doubling and one addition, and a product modulo n.
_KNOWN_X = (
    b"\x6a\xe7\x55\xb0\xef\x1a\x47\x4c\x95\x04\x3f\x95\x0a\x2d\xce\x2e"
    b"\x64\xf6\x7e\x7b\xf6\x3a\xb2\x9d\xc0\xec\x56\xd2\x01\xd3\xff\x26"
)
_KNOWN_PRODUCT = (
    b"\x78\x7c\x19\x9c\xf7\xc8\x1b\xce\xaf\x6f\x56\x43\xe2\xf3\xde\xba"
    b"\x25\x77\x60\x1e\x04\xb6\xf8\x07\xe9\xc1\x05\x49\x33\x66\xd0\x60"
)


class MachineCurve(Curve):
    """The curve with its multiplications in machine code."""

    def multiply_base(self, k: int) -> tuple:
        """Return k times the generator, affine."""
        buffer = bytearray(_ALL)
        _put_comb_digits(buffer, k, self.n)
        multiply(buffer, TABLE, _COMB_TOP, _USE_COMB | _AFFINE)
        return _affine(buffer) or PORTABLE.multiply_base(k)

    def multiply(self, k: int, point: tuple) -> tuple:
        """Return k times an affine `point` or its negative, affine."""
        buffer = bytearray(_ALL)
        _put_window_digits(buffer, (self.n - k, k)[k & 1], point[0], point[1])
        multiply(buffer, TABLE, _WINDOW_TOP, _WINDOW | _AFFINE)
        return _affine(buffer) or PORTABLE.multiply(k, point)

    def combine(self, u1: int, u2: int, point: tuple) -> tuple:
        """Return u1 times the generator plus u2 times an affine `point`."""
        x, y, _ = point
        k = u2
        if not k & 1:
            k, y = self.n - k, self.p - y
        buffer = bytearray(_ALL)
        _put_window_digits(buffer, k, x, y)
        _put_comb_digits(buffer, u1, self.n)
        multiply(buffer, TABLE, _WINDOW_TOP, _WINDOW | _USE_COMB)
        z = _number(buffer, _Z)
        if z == 0:
            return PORTABLE.combine(u1, u2, point)
        return _number(buffer, 0), _number(buffer, _Y), z

    def affine(self, point: tuple) -> tuple:
        """Return (x, y) of a point that is not infinity."""
        return point[:2] if point[2] == 1 else Curve.affine(self, point)

    def quotients(self, a: int, b: int, divisor: int) -> tuple:
        """Return a and b divided by `divisor`, modulo n."""
        buffer = bytearray(_ALL)
        _put(buffer, 0, a)
        _put(buffer, _Y, b)
        _put(buffer, _Z, divisor)
        multiply(buffer, TABLE, 0, _SCALARS)
        return _number(buffer, 0), _number(buffer, _Y)


CURVE = MachineCurve("p256", 32, (PORTABLE.p, PORTABLE.n, PORTABLE.b), PORTABLE._comb)


def passes() -> bool:
    """Known-answer test: the field operations and the one modulo n, with operands that carry."""
    buffer = bytearray(_ALL)
    buffer[_COMB_SIGNS : _COMB_SIGNS + 33] = b"\x55" * 33
    multiply(buffer, TABLE, 1, _USE_COMB)
    if buffer[:_SLOT] != _KNOWN_X:
        return False
    _put(buffer, 0, (1 << 256) - 1)
    _put(buffer, _Y, _N - 1)
    multiply(buffer, TABLE, 0, _ONE_PRODUCT)
    return buffer[:_SLOT] == _KNOWN_PRODUCT


def _put_comb_digits(buffer: bytearray, k: int, n: int) -> None:
    """Write the signs of the 260 digits +1 and -1 that make an odd number congruent to k."""
    k += (n, 0)[k & 1]
    signs = (k + (1 << 260) - 1) >> 1
    buffer[_COMB_SIGNS : _COMB_SIGNS + 33] = signs.to_bytes(33, "little")


def _put_window_digits(buffer: bytearray, k: int, x: int, y: int) -> None:
    """Write the point and the signs of the 256 digits +1 and -1 of an odd k."""
    _put(buffer, 0, x)
    _put(buffer, _Y, y)
    _put(buffer, _SIGNS, (k + (1 << 256) - 1) >> 1)


def _put(buffer: bytearray, start: int, number: int) -> None:
    buffer[start : start + _SLOT] = number.to_bytes(_SLOT, "little")


def _number(buffer: bytearray, start: int) -> int:
    return int.from_bytes(buffer[start : start + _SLOT], "little")


def _affine(buffer: bytearray) -> "tuple | None":
    """Return the point of the result, None if the kernel could not tell it."""
    if _number(buffer, _Z) == 0:
        return None
    return _number(buffer, 0), _number(buffer, _Y), 1
