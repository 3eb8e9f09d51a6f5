"""ECDSA signatures (FIPS 186-5 §6.4.1) with nonces that cannot repeat (RFC 6979).

The nonce of a signature comes out of HMAC_DRBG, seeded with the private key and the digest. With
no entropy given it is RFC 6979's, the same for the same digest; with entropy 32 random bytes are
mixed in (§3.6), so that a fault provoked during a second, equal signature gives nothing away,
while a random source that fails still leaves the nonce secret and different for each digest.

Timing: the multiplication of the generator is a fixed sequence of operations (`weierstrass.py`).
Nonce and private key are multiplied by a second number from the same generator before anything
else is done with them, so what the inversion and the big integers give away is about random values.
"""

from tlscore.crypto.ecdsa import curve_of, leftmost_bits
from tlscore.crypto.hmac import hmac

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash
    from tlscore.crypto.weierstrass import Curve


def public_of(private_key: tuple) -> bytes:
    """Return the uncompressed public point of a private key (kind, scalar).

    Raises:
        ValueError: "<curve>.scalar_size", "<curve>.scalar_range".
    """
    return curve_of(private_key).public_key(private_key[1])


def sign(hash_function: "Hash", private_key: tuple, digest: bytes, entropy=None) -> bytes:
    """Return the DER Ecdsa-Sig-Value over a digest of `hash_function`.

    Args:
        private_key: (kind, scalar).
        entropy: source with `fill(buffer)`; None for the deterministic signature of RFC 6979.

    Raises:
        ValueError: "<curve>.scalar_size", "<curve>.scalar_range".
    """
    curve = curve_of(private_key)
    n = curve.n
    d = curve.scalar(private_key[1])
    e = leftmost_bits(curve, digest)
    extra = b""
    if entropy is not None:
        extra = bytearray(32)
        entropy.fill(extra)
    # RFC 6979 §3.2, steps b to g; bits2octets takes the digest modulo n (§2.3.4).
    reduced = (e % n).to_bytes(curve.size, "big")
    state = (bytes(hash_function.size), b"\x01" * hash_function.size)
    for step in (b"\x00", b"\x01"):
        state = _rekey(hash_function, state, step, private_key[1], reduced, extra)
    while True:
        k, state = _draw(hash_function, curve, state)
        x, _ = curve.affine(curve.multiply_base(k))
        r = x % n
        # Numerator and denominator of (e + r d) / k both times a number nobody knows.
        blind, state = _draw(hash_function, curve, state)
        numerator = (e * blind + r * (d * blind % n)) % n
        s, _ = curve.quotients(numerator, 0, k * blind % n)
        if r and s:
            return _encoded(r, s)


def _draw(hash_function: "Hash", curve: "Curve", state: tuple) -> tuple:
    """Return a number in 1..n-1 and the state for the next one (RFC 6979 §3.2 step h)."""
    size = curve.size
    while True:
        key, value = state
        data = b""
        while len(data) < size:
            value = hmac(hash_function, key, value)
            data += value
        state = _rekey(hash_function, (key, value), b"\x00")
        if curve.is_scalar(data[:size]):
            return int.from_bytes(data[:size], "big"), state


def _rekey(hash_function: "Hash", state: tuple, *parts: bytes) -> tuple:
    key, value = state
    key = hmac(hash_function, key, value, *parts)
    return key, hmac(hash_function, key, value)


def _encoded(r: int, s: int) -> bytes:
    body = _integer(r) + _integer(s)
    return bytes((0x30, len(body))) + body


def _integer(value: int) -> bytes:
    size = 1
    while value >> (8 * size - 1):
        size += 1
    return bytes((2, size)) + value.to_bytes(size, "big")
