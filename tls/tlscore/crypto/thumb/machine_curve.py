"""Points of a curve by a kernel, `p256_machine` or `p384_machine`, which say how they work.

Here numbers become the kernel's slots and digits. Where the kernel gives Z = 0, because a partial
sum was plus or minus a table entry or the result is infinity, the portable code does it again.

RAM: 192 bytes for the call, and the kernel's stack.
"""

from tlscore.compat import const
from tlscore.crypto.weierstrass import Curve

_BUFFER_BYTES = const(192)
# What the kernel shall do.
_WINDOW = const(1)
_USE_COMB = const(2)
_AFFINE = const(4)
_QUOTIENTS = const(8)
_SUM = const(32)
# Which slot has what.
_Y = const(1)
_Z = const(2)


class MachineCurve(Curve):
    """A curve with its multiplications in machine code.

    Args:
        portable: the same curve, which does what the kernel cannot.

    Attributes:
        _signs, _comb_signs: slots of the buffer with the signs of a scalar's digits.
    """

    _signs = 3
    _comb_signs = 4

    def __init__(self, portable: Curve) -> None:
        parameters = (portable.p, portable.n, portable.b)
        Curve.__init__(self, portable.name, portable.size, parameters, portable._comb)
        self._portable = portable

    def run(self, buffer: bytearray, first: int, what: int) -> None:
        """Call the kernel."""
        raise NotImplementedError

    def buffer(self) -> bytearray:
        """Return what the kernel works on, empty."""
        return bytearray(_BUFFER_BYTES)

    def multiply_base(self, k: int) -> tuple:
        """Return k times the generator, affine."""
        buffer = self.buffer()
        self._put_comb_digits(buffer, k)
        self.run(buffer, self._spacing - 1, _USE_COMB | _AFFINE)
        return self._affine_point(buffer) or self._portable.multiply_base(k)

    def multiply(self, k: int, point: tuple) -> tuple:
        """Return k times an affine `point` or its negative, affine."""
        buffer = self.buffer()
        self._put_window_digits(buffer, (self.n - k, k)[k & 1], point[0], point[1])
        self.run(buffer, 8 * self.size - 4, _WINDOW | _AFFINE)
        return self._affine_point(buffer) or self._portable.multiply(k, point)

    def combine(self, u1: int, u2: int, point: tuple) -> tuple:
        """Return u1 times the generator plus u2 times an affine `point`."""
        buffer = self.buffer()
        signs = self._signs
        for slot, number in ((0, point[0]), (_Y, point[1]), (signs, u2), (signs + 1, u1)):
            self.put(buffer, slot, number)
        self.run(buffer, 0, _SUM)
        z = self.number(buffer, _Z)
        if z == 0:
            return self._portable.combine(u1, u2, point)
        return self.number(buffer, 0), self.number(buffer, _Y), z

    def quotients(self, a: int, b: int, divisor: int) -> tuple:
        """Return a and b < n divided by `divisor`, modulo n."""
        buffer = self.buffer()
        for slot, number in enumerate((a % self.n, b, divisor)):
            self.put(buffer, slot, number)
        self.run(buffer, 0, _QUOTIENTS)
        return self.number(buffer, 0), self.number(buffer, _Y)

    def affine(self, point: tuple) -> tuple:
        """Return (x, y) of a point that is not infinity."""
        return point[:2] if point[2] == 1 else Curve.affine(self, point)

    def put(self, buffer: bytearray, slot: int, number: int) -> None:
        """Write a number into a slot."""
        size = self.size
        buffer[slot * size : (slot + 1) * size] = number.to_bytes(size, "little")

    def number(self, buffer: bytearray, slot: int) -> int:
        """Return the number in a slot."""
        size = self.size
        return int.from_bytes(buffer[slot * size : (slot + 1) * size], "little")

    def _put_comb_digits(self, buffer: bytearray, k: int) -> None:
        """Write the signs of the digits +1 and -1 that make an odd number congruent to k."""
        signs = self._comb_bits(k)
        start = self._comb_signs * self.size
        buffer[start : start + len(signs)] = signs

    def _put_window_digits(self, buffer: bytearray, k: int, x: int, y: int) -> None:
        """Write the point and the signs of as many digits +1 and -1 of an odd k as it has bits."""
        self.put(buffer, 0, x)
        self.put(buffer, _Y, y)
        self.put(buffer, self._signs, (k + (1 << (8 * self.size)) - 1) >> 1)

    def _affine_point(self, buffer: bytearray) -> "tuple | None":
        """Return the point of the result, None if the kernel could not tell it."""
        if self.number(buffer, _Z) == 0:
            return None
        return self.number(buffer, 0), self.number(buffer, _Y), 1
