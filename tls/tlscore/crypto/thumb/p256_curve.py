"""P-256 by the kernel `p256_machine`, which says how it works and what it costs.

Here numbers become the kernel's slots and digits. Where the kernel gives Z = 0, because a partial
sum was plus or minus a table entry or the result is infinity, the portable code does it again.

RAM: 512 bytes for a multiple of the generator, 1,248 for the others, given back after the call;
148 bytes of stack.
"""

from tlscore.compat import const
from tlscore.crypto.p256 import CURVE as PORTABLE
from tlscore.crypto.thumb.p256_machine import COMB, multiply
from tlscore.crypto.weierstrass import Curve

# Where the kernel has what: slots of 32 bytes.
_SLOT = const(32)
_Y = const(32)
_Z = const(64)
_CONSTANTS = const(288)
_SIGNS = const(416)
_COMB_SIGNS = const(448)
_TABLE = const(512)
_ALL = const(1248)
# What it shall do.
_WINDOW = const(1)
_USE_COMB = const(2)
_AFFINE = const(4)
_SCALARS = const(8)
_ONE_PRODUCT = const(16)
_COMB_TOP = const(51)
_WINDOW_TOP = const(252)

_N = const(0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551)
# With R = 2^256: R^2 modulo p, R modulo p, 1; and R^2 modulo n.
_FIELD = (
    b"\x03\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xfb\xff\xff\xff"
    b"\xfe\xff\xff\xff\xff\xff\xff\xff\xfd\xff\xff\xff\x04\x00\x00\x00"
    b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff\x00\x00\x00\x00"
    b"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)
_ORDER = (
    b"\xa2\xee\x79\xbe\x95\x4c\x24\x83\xa6\x6f\xbd\x49\x9c\x79\x99\x46"
    b"\x59\xec\x6b\x2b\x39\xb2\x45\x28\x20\x56\xd9\xf3\x94\x2d\xe1\x66"
)
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
        workspace = _workspace(_TABLE)
        _put_comb_digits(workspace, k, self.n)
        multiply(workspace, COMB, _COMB_TOP, _USE_COMB | _AFFINE)
        return _affine(workspace) or PORTABLE.multiply_base(k)

    def multiply(self, k: int, point: tuple) -> tuple:
        """Return k times an affine `point` or its negative, affine."""
        workspace = _workspace(_ALL)
        _put_window_digits(workspace, (self.n - k, k)[k & 1], point[0], point[1])
        multiply(workspace, COMB, _WINDOW_TOP, _WINDOW | _AFFINE)
        return _affine(workspace) or PORTABLE.multiply(k, point)

    def combine(self, u1: int, u2: int, point: tuple) -> tuple:
        """Return u1 times the generator plus u2 times an affine `point`."""
        x, y, _ = point
        k = u2
        if not k & 1:
            k, y = self.n - k, self.p - y
        workspace = _workspace(_ALL)
        _put_window_digits(workspace, k, x, y)
        _put_comb_digits(workspace, u1, self.n)
        multiply(workspace, COMB, _WINDOW_TOP, _WINDOW | _USE_COMB)
        z = _number(workspace, _Z)
        if z == 0:
            return PORTABLE.combine(u1, u2, point)
        return _number(workspace, 0), _number(workspace, _Y), z

    def affine(self, point: tuple) -> tuple:
        """Return (x, y) of a point that is not infinity."""
        return point[:2] if point[2] == 1 else Curve.affine(self, point)

    def quotients(self, a: int, b: int, divisor: int) -> tuple:
        """Return a and b divided by `divisor`, modulo n."""
        workspace = bytearray(_ALL)
        _put(workspace, 0, a)
        _put(workspace, _Y, b)
        _put(workspace, _Z, divisor)
        workspace[_CONSTANTS : _CONSTANTS + _SLOT] = _ORDER
        multiply(workspace, COMB, 0, _SCALARS)
        return _number(workspace, 0), _number(workspace, _Y)


CURVE = MachineCurve("p256", 32, (PORTABLE.p, PORTABLE.n, PORTABLE.b), PORTABLE._comb)


def passes() -> bool:
    """Known-answer test: the field operations and the one modulo n, with operands that carry."""
    workspace = _workspace(_TABLE)
    workspace[_COMB_SIGNS : _COMB_SIGNS + 33] = b"\x55" * 33
    multiply(workspace, COMB, 1, _USE_COMB)
    if workspace[:_SLOT] != _KNOWN_X:
        return False
    _put(workspace, 0, (1 << 256) - 1)
    _put(workspace, _Y, _N - 1)
    multiply(workspace, COMB, 0, _ONE_PRODUCT)
    return workspace[:_SLOT] == _KNOWN_PRODUCT


def _workspace(size: int) -> bytearray:
    workspace = bytearray(size)
    workspace[_CONSTANTS : _CONSTANTS + 3 * _SLOT] = _FIELD
    return workspace


def _put_comb_digits(workspace: bytearray, k: int, n: int) -> None:
    """Write the signs of the 260 digits +1 and -1 that make an odd number congruent to k."""
    k += (n, 0)[k & 1]
    signs = (k + (1 << 260) - 1) >> 1
    workspace[_COMB_SIGNS : _COMB_SIGNS + 33] = signs.to_bytes(33, "little")


def _put_window_digits(workspace: bytearray, k: int, x: int, y: int) -> None:
    """Write the point and the signs of the 256 digits +1 and -1 of an odd k."""
    _put(workspace, _TABLE, x)
    _put(workspace, _TABLE + _SLOT, y)
    _put(workspace, _SIGNS, (k + (1 << 256) - 1) >> 1)


def _put(workspace: bytearray, start: int, number: int) -> None:
    workspace[start : start + _SLOT] = number.to_bytes(_SLOT, "little")


def _number(workspace: bytearray, start: int) -> int:
    return int.from_bytes(workspace[start : start + _SLOT], "little")


def _affine(workspace: bytearray) -> "tuple | None":
    """Return the point of the result, None if the kernel could not tell it."""
    if _number(workspace, _Z) == 0:
        return None
    return _number(workspace, 0), _number(workspace, _Y), 1
