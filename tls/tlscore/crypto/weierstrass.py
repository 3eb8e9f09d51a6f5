"""Arithmetic on the prime curves of NIST SP 800-186, y^2 = x^3 - 3x + b, for keys and signatures.

Theory of operation. Points are triples (X, Y, Z) in Jacobian coordinates, x = X / Z^2 and
y = Y / Z^3; Z = 0 is the point at infinity. One addition serves all: it knows the exceptional
cases (infinity, equal and opposite points), so every result is right, whatever the operands.

- `multiply_base` uses a signed comb: five teeth over a table of 16 multiples of the generator, so
  that one addition and one doubling do five bits. Every digit is +1 or -1, never 0.
- `multiply` uses windows of four bits with odd signed digits, never 0, over a table of the odd
  multiples of the point. The table is made affine with one inversion (Montgomery's trick: one
  inverse of the product of all Z), because an addition of Z = 1 takes 11 products and not 16.
- `combine` is for verification of signatures: the windows for the peer's point and the comb for
  the generator share the doublings.

Timing. `multiply_base` and `multiply` take secret scalars; points are public. All three run a
fixed sequence of doublings and additions and choose table entries by index, so that one handshake
costs what the next one costs. The sequence differs only where a partial sum is plus or minus a
table entry, which a handful of scalars out of 2^256 bring about. Big integers leak what
`tlscore.crypto` says they leak; a look-up by index can be seen through a data cache, where the
core has one.
"""

from tlscore.crypto.modular import inverse_public, inverse_secret

_TEETH = 5
_INFINITY = (0, 1, 0)


class Curve:
    """One curve with a = -3 and cofactor 1.

    Args:
        name: prefix of the reasons in errors.
        size: bytes of a coordinate and of a scalar.
        parameters: p, the prime of the field; n, the prime order of the group; b, the
            coefficient of the equation.
        comb: 16 affine points; entry m is the sum over the teeth t = 0..4 of
            s(t) * 2^(t * spacing) * G with s(4) = +1 and s(t) = +1 if bit t of m is set, else -1;
            spacing is the size in bits divided by 5, rounded up.
    """

    def __init__(self, name: str, size: int, parameters: tuple, comb: tuple) -> None:
        self.name = name
        self.size = size
        self.p, self.n, self.b = parameters
        self._comb = comb
        self._spacing = (8 * size + _TEETH - 1) // _TEETH

    def public_key(self, private: bytes) -> bytes:
        """Return the public key of a private one, uncompressed.

        Raises:
            ValueError: see `scalar`.
        """
        size = self.size
        x, y = self.affine(self.multiply_base(self.scalar(private)))
        return b"\x04" + x.to_bytes(size, "big") + y.to_bytes(size, "big")

    def shared_secret(self, private: bytes, public: bytes) -> bytes:
        """Return the x-coordinate of `private` times the peer's point (RFC 8446 §7.4.2).

        Raises:
            ValueError: see `scalar` and `decode`.
        """
        point = self.decode(public)
        x, _ = self.affine(self.multiply(self.scalar(private), point))
        return x.to_bytes(self.size, "big")

    def decode(self, data: bytes) -> tuple:
        """Return the point of an uncompressed encoding (SEC 1 §2.3.4), checked (§3.2.2.1).

        The cofactor is 1: a point on the curve that is not infinity has order n.

        Raises:
            ValueError: "<name>.point_format", "<name>.point_range", "<name>.not_on_curve".
        """
        size = self.size
        if len(data) != 1 + 2 * size or data[0] != 4:
            raise ValueError(self.name + ".point_format")
        x = int.from_bytes(data[1 : 1 + size], "big")
        y = int.from_bytes(data[1 + size :], "big")
        if x >= self.p or y >= self.p:
            raise ValueError(self.name + ".point_range")
        if (y * y - (x * x - 3) * x - self.b) % self.p:
            raise ValueError(self.name + ".not_on_curve")
        return x, y, 1

    def is_scalar(self, data: bytes) -> bool:
        """Whether `data` is a private scalar: of the right size, in 1..n-1."""
        return len(data) == self.size and 0 < int.from_bytes(data, "big") < self.n

    def scalar(self, data: bytes) -> int:
        """Return a private scalar, checked to be in 1..n-1.

        Raises:
            ValueError: "<name>.scalar_size", "<name>.scalar_range".
        """
        if len(data) != self.size:
            raise ValueError(self.name + ".scalar_size")
        k = int.from_bytes(data, "big")
        if not 0 < k < self.n:
            raise ValueError(self.name + ".scalar_range")
        return k

    def affine(self, point: tuple) -> tuple:
        """Return (x, y) of a point that is not infinity."""
        x, y, z = point
        inverse = inverse_secret(z, self.p)
        square = inverse * inverse % self.p
        return x * square % self.p, y * square % self.p * inverse % self.p

    def multiply_base(self, k: int) -> tuple:
        """Return k times the generator, 0 < k < n; fixed sequence of operations."""
        bits = self._comb_bits(k)
        column = self._spacing - 1
        total = self._comb_point(bits, column)
        while column:
            column -= 1
            total = self._add(self._double(total), self._comb_point(bits, column))
        return total

    def multiply(self, k: int, point: tuple) -> tuple:
        """Return k times an affine `point` or its negative; fixed sequence of operations.

        The sign is left open because a shared secret has only the x-coordinate. 0 < k < n.
        """
        # One of k and n - k is odd, and an odd scalar has odd digits.
        digits = self._odd_digits((self.n - k, k)[k & 1])
        table = self._odd_multiples(point)
        i = len(digits) - 1
        total = self._multiple(table, digits[i])
        while i:
            i -= 1
            total = self._double(self._double(self._double(self._double(total))))
            total = self._add(total, self._multiple(table, digits[i]))
        return total

    def combine(self, u1: int, u2: int, point: tuple) -> tuple:
        """Return u1 times the generator plus u2 times an affine `point`; u1 < n, 0 < u2 < n."""
        x, y, _ = point
        if not u2 & 1:
            u2, y = self.n - u2, self.p - y
        bits = self._comb_bits(u1)
        digits = self._odd_digits(u2)
        table = self._odd_multiples((x, y, 1))
        last = len(digits) - 1
        total = self._multiple(table, digits[last])
        for i in range(4 * last - 1, -1, -1):
            total = self._double(total)
            if not i & 3:
                total = self._add(total, self._multiple(table, digits[i >> 2]))
            if i < self._spacing:
                total = self._add(total, self._comb_point(bits, i))
        return total

    def verifies(self, public: bytes, digest: bytes, r: int, s: int) -> bool:
        """Whether (r, s) is a signature over a digest by an uncompressed point, unchecked ones too.

        FIPS 186-5 §6.4.2. Of the digest as many of the leftmost bits count as n has; that is a
        multiple of 8 for all curves here.
        """
        if not (0 < r < self.n and 0 < s < self.n):
            return False
        try:
            point = self.decode(public)
        except ValueError:
            return False
        u1, u2 = self.quotients(int.from_bytes(digest[: self.size], "big"), r, s)
        return self.has_x(self.combine(u1, u2, point), r)

    def has_x(self, point: tuple, r: int) -> bool:
        """Whether the x-coordinate of `point`, modulo n, is r (0 < r < n).

        Saves the inversion: X = r * Z^2 is compared instead, also for the few x in n..p-1.
        """
        x, _, z = point
        if z == 0:
            return False
        zz = z * z % self.p
        if (r * zz - x) % self.p == 0:
            return True
        return r + self.n < self.p and ((r + self.n) * zz - x) % self.p == 0

    def quotients(self, a: int, b: int, divisor: int) -> tuple:
        """Return a and b divided by `divisor`, modulo n; the time depends on `divisor`."""
        inverse = inverse_public(divisor, self.n)
        return a * inverse % self.n, b * inverse % self.n

    def _comb_bits(self, k: int) -> bytes:
        """Return the signs of the 5 * spacing binary digits of k, bit 1 for +1 and 0 for -1."""
        k += (self.n, 0)[k & 1]  # digits of +1 and -1 make odd numbers only
        length = _TEETH * self._spacing
        return ((k + (1 << length) - 1) >> 1).to_bytes((length + 7) >> 3, "little")

    def _comb_point(self, bits: bytes, column: int) -> tuple:
        """Return the table's point for the digits in one column."""
        entry = 0
        for tooth in range(_TEETH):
            i = column + tooth * self._spacing
            entry |= (bits[i >> 3] >> (i & 7) & 1) << tooth
        negative = 1 - (entry >> 4)
        x, y = self._comb[(entry ^ -negative) & 15]
        return x, (y, self.p - y)[negative], 1

    def _odd_digits(self, k: int) -> bytearray:
        """Return the digits of an odd k to the base 16, lowest first.

        All are odd and in -15..15, and stored with 16 added so that they fit a byte.
        """
        count = 2 * self.size
        digits = bytearray(count)
        for i in range(count - 1):
            digits[i] = k & 31
            k = (k - (k & 31) + 16) >> 4
        digits[count - 1] = k + 16
        return digits

    def _multiple(self, table: list, digit: int) -> tuple:
        """Return the entry of `_odd_multiples` for a digit as stored by `_odd_digits`."""
        digit -= 16
        negative = digit < 0
        x, y = table[(digit, -digit)[negative] >> 1]
        return x, (y, self.p - y)[negative], 1

    def _odd_multiples(self, point: tuple) -> list:
        """Return the multiples 1, 3, ..., 15 of an affine point as pairs (x, y)."""
        p = self.p
        twice = self._double(point)
        multiples = [point]
        products = [1, 1]  # of the Z of the first 0, 1, 2, ... multiples
        for i in range(7):
            multiples.append(self._add(multiples[i], twice))
            products.append(products[i + 1] * multiples[i + 1][2] % p)
        inverse = inverse_public(products[8], p)
        for i in range(7, -1, -1):
            x, y, z = multiples[i]
            z_inverse = inverse * products[i] % p
            inverse = inverse * z % p
            square = z_inverse * z_inverse % p
            multiples[i] = (x * square % p, y * square % p * z_inverse % p)
        return multiples

    def _double(self, point: tuple) -> tuple:
        """Return twice a point (8 products, for a = -3)."""
        p = self.p
        x, y, z = point
        zz = z * z % p
        yy = y * y % p
        beta = x * yy % p
        alpha = 3 * (x - zz) * (x + zz) % p
        x3 = (alpha * alpha - 8 * beta) % p
        return x3, (alpha * (4 * beta - x3) - 8 * yy * yy) % p, 2 * y * z % p

    def _add(self, first: tuple, second: tuple) -> tuple:
        """Return the sum of any two points (16 products, or 11 if the second has Z = 1)."""
        p = self.p
        x1, y1, z1 = first
        x2, y2, z2 = second
        if z1 == 0:
            return second
        if z2 == 0:
            return first
        z1z1 = z1 * z1 % p
        x2 = x2 * z1z1 % p
        y2 = y2 * z1 % p * z1z1 % p
        if z2 != 1:
            z2z2 = z2 * z2 % p
            x1 = x1 * z2z2 % p
            y1 = y1 * z2 % p * z2z2 % p
            z1 = z1 * z2 % p
        h = x2 - x1
        r = y2 - y1
        if h == 0:
            return self._double(first) if r == 0 else _INFINITY
        hh = h * h % p
        hhh = h * hh % p
        v = x1 * hh % p
        x3 = (r * r - hhh - 2 * v) % p
        return x3, (r * (v - x3) - y1 * hhh) % p, z1 * h % p
