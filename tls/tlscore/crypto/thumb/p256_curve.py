"""P-256 by the kernel `p256_machine`, which says how it works and what it costs."""

from tlscore.compat import const
from tlscore.crypto.p256 import CURVE as PORTABLE
from tlscore.crypto.thumb.machine_curve import MachineCurve
from tlscore.crypto.thumb.p256_machine import TABLE, multiply

# What the kernel shall do.
_USE_COMB = const(2)
_ONE_PRODUCT = const(16)
_VERIFY = const(64)
_LEAST = 0x4319055358E8617B0C46353D039CDAAE  # p - n: a smaller r stands for two numbers
_RIGHT = const(0)
_WRONG = const(1)

# The known answers, X of one doubling and one addition, and a product modulo n; and the buffer they
# are made from, 2^256 - 1, n - 1, and signs of digits.
_ASKED = (
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\x50\x25\x63\xfc\xc2\xca\xb9\xf3\x84\x9e\x17\xa7\xad\xfa\xe6\xbc"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff"
    + bytes(64)
    + b"U" * 33
    + bytes(31)
)
_KNOWN_X = (
    b"\x6a\xe7\x55\xb0\xef\x1a\x47\x4c\x95\x04\x3f\x95\x0a\x2d\xce\x2e"
    b"\x64\xf6\x7e\x7b\xf6\x3a\xb2\x9d\xc0\xec\x56\xd2\x01\xd3\xff\x26"
)
_KNOWN_PRODUCT = (
    b"\x78\x7c\x19\x9c\xf7\xc8\x1b\xce\xaf\x6f\x56\x43\xe2\xf3\xde\xba"
    b"\x25\x77\x60\x1e\x04\xb6\xf8\x07\xe9\xc1\x05\x49\x33\x66\xd0\x60"
)


class Curve256(MachineCurve):
    """The curve with its multiplications and verification in machine code."""

    def run(self, buffer: bytearray, first: int, what: int) -> None:
        """Call the kernel."""
        multiply(buffer, TABLE, first, what)

    def verifies(self, public: bytes, digest: bytes, r: int, s: int) -> bool:
        """Whether (r, s) is a signature over a digest by an uncompressed point."""
        n = self.n
        verdict = None
        if _LEAST <= r < n and 0 < s < n and len(public) == 65 and public[0] == 4:
            buffer = self.buffer()
            buffer[:64] = memoryview(public)[1:]
            buffer[64:96] = r.to_bytes(32, "big")
            if len(digest) > 32:
                digest = digest[:32]
            buffer[128 - len(digest) : 128] = digest
            buffer[128:160] = s.to_bytes(32, "big")
            verdict = multiply(buffer, TABLE, 0, _VERIFY)
        if verdict in (_RIGHT, _WRONG):
            return verdict == _RIGHT
        # Partial sums the kernel's formula cannot add, the rare r that stands for two numbers.
        return MachineCurve.verifies(self, public, digest, r, s)


CURVE = Curve256(PORTABLE)


def passes() -> bool:
    """Known-answer test: the field operations and the one modulo n, with operands that carry."""
    buffer = bytearray(_ASKED)
    multiply(buffer, TABLE, 0, _ONE_PRODUCT)
    if buffer[:32] != _KNOWN_PRODUCT:
        return False
    multiply(buffer, TABLE, 1, _USE_COMB)
    return buffer[:32] == _KNOWN_X
