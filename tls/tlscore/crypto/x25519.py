"""X25519 key exchange (RFC 7748 §5).

Theory of operation. The Montgomery ladder on big integers modulo p = 2^255 - 19. Products are
not divided but folded at bit 256, where 2^256 = 38 (mod p): once where the result is used in one
more product only, twice where it is carried to the next step. Bounds, in bits: coordinates
carried from step to step stay below 257; sums of two below 258, so their squares fold to 266 and
the others follow; nothing exceeds 550 bits. Differences may be negative: `&` and `>>` of Python
integers round down, so folding is right for them too.

Where the back end in machine code works it does all of this (`thumb/`). Without it multiples of the
base point are `x25519_base`'s, which is three times as fast, unless an image leaves that out.

Timing: 255 steps of the same operations; the conditional swap is a choice out of a pair by index.
What remains is the big integers' own: an operand that happens to be short is multiplied sooner.
TLS uses a fresh scalar for each handshake.

Not here: the check for an all-zero result (RFC 7748 §6.1), which RFC 8446 §7.4.2 demands of the
key exchange that calls this.
"""

from tlscore.compat import const
from tlscore.crypto import installed, load
from tlscore.crypto.modular import inverse_secret
from tlscore.crypto.selftest import kernel

_PRIME = const((1 << 255) - 19)
_LOW_256 = const((1 << 256) - 1)
_LOW_255 = const((1 << 255) - 1)


def x25519(scalar: bytes, u: bytes) -> bytes:
    """Return the u-coordinate of `scalar` times the point with u-coordinate `u`, 32 bytes.

    Raises:
        ValueError: "x25519.scalar_size", "x25519.point_size".
    """
    if len(u) != 32:
        raise ValueError("x25519.point_size")
    clamped = _clamped(scalar)
    machine = kernel("curve25519")
    if machine is not None:
        return machine.multiply(clamped, u)
    return _multiply(clamped, u)


def public_key(scalar: bytes) -> bytes:
    """Return the public key of a private one: `scalar` times the base point 9, 32 bytes.

    Raises:
        ValueError: "x25519.scalar_size".
    """
    clamped = _clamped(scalar)
    machine = kernel("curve25519")
    if machine is not None:
        return machine.multiply_base(clamped)
    if installed("x25519_base"):
        return load("x25519_base", "multiply")(clamped)
    return _multiply(clamped, b"\x09" + bytes(31))


def _clamped(scalar: bytes) -> bytearray:
    """Return a private key as the number it stands for (RFC 7748 §5)."""
    if len(scalar) != 32:
        raise ValueError("x25519.scalar_size")
    clamped = bytearray(scalar)
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    return clamped


def _multiply(clamped: bytearray, u: bytes) -> bytes:
    """Return the product by the ladder below."""
    # RFC 7748 §5: the top bit of u MUST be ignored and non-canonical values accepted.
    x, z = _ladder(clamped, int.from_bytes(u, "little") & _LOW_255)
    return (x * inverse_secret(z, _PRIME) % _PRIME).to_bytes(32, "little")


def _ladder(scalar: bytearray, x1: int) -> tuple:
    """Return the projective u-coordinate (X, Z) of the product, not fully reduced."""
    low = _LOW_256
    x2, z2, x3, z3 = 1, 0, x1, 1
    previous = 0
    for i in range(254, -1, -1):
        bit = scalar[i >> 3] >> (i & 7) & 1
        swap = previous ^ bit
        previous = bit
        pair = (x2, x3)
        x2, x3 = pair[swap], pair[1 - swap]
        pair = (z2, z3)
        z2, z3 = pair[swap], pair[1 - swap]
        # The names are those of RFC 7748 §5.
        a = x2 + z2
        b = x2 - z2
        da = (x3 - z3) * a
        da = (da & low) + (da >> 256) * 38
        cb = (x3 + z3) * b
        cb = (cb & low) + (cb >> 256) * 38
        aa = a * a
        aa = (aa & low) + (aa >> 256) * 38
        bb = b * b
        bb = (bb & low) + (bb >> 256) * 38
        e = aa - bb
        x2 = aa * bb
        x2 = (x2 & low) + (x2 >> 256) * 38
        x2 = (x2 & low) + (x2 >> 256) * 38
        z2 = e * (e * 121665 + aa)
        z2 = (z2 & low) + (z2 >> 256) * 38
        z2 = (z2 & low) + (z2 >> 256) * 38
        x3 = da + cb
        x3 *= x3
        x3 = (x3 & low) + (x3 >> 256) * 38
        x3 = (x3 & low) + (x3 >> 256) * 38
        z3 = da - cb
        z3 *= z3
        z3 = ((z3 & low) + (z3 >> 256) * 38) * x1
        z3 = (z3 & low) + (z3 >> 256) * 38
        z3 = (z3 & low) + (z3 >> 256) * 38
    pair = (x2, x3)
    x2 = pair[previous]
    pair = (z2, z3)
    return x2, pair[previous]
