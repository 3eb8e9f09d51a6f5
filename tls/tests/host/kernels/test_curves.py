"""Kernels of P-256 and P-384: multiples, sums, verdicts and signatures."""

import pytest
from kernel_operands import portable

from tlscore.crypto import ecdsa, ecdsa_sign, p256, p384
from tlscore.crypto.hashes import SHA256, SHA384


@pytest.mark.parametrize("module", [p256, p384])
def test_multiples_with_all_kinds_of_scalars(machines, chance, module):
    fast, slow = module.curve(), module.CURVE
    assert fast is not slow
    n = slow.n
    scalars = [1, 2, 3, 16, 17, n - 3, n - 2, n - 1, n >> 1, (n >> 1) + 1, 1 << 208]
    scalars += [(1 << 8 * slow.size) % n, *(chance.randrange(1, n) for _ in range(4))]
    point = slow.affine(slow.multiply_base(chance.randrange(1, n)))
    for k in scalars:
        assert fast.affine(fast.multiply_base(k)) == slow.affine(slow.multiply_base(k))
        x, _ = fast.affine(fast.multiply(k, (*point, 1)))
        assert x == slow.affine(slow.multiply(k, (*point, 1)))[0]


@pytest.mark.parametrize("module", [p256, p384])
def test_sums_where_formulas_fail(machines, chance, module):
    """Points and scalars of an attacker: partial sums that are equal, opposite, infinite."""
    fast, slow = module.curve(), module.CURVE
    n = slow.n
    for small in (1, 2, n - 1, 1 << slow._spacing):
        point = (*slow.affine(slow.multiply_base(small)), 1)
        for u1, u2 in ((0, 1), (1, 1), (n - small, 1), (small, n - 1), (5, 3)):
            ours, theirs = fast.combine(u1 % n, u2, point), slow.combine(u1 % n, u2, point)
            assert (ours[2] == 0) == (theirs[2] == 0)
            if theirs[2]:
                assert fast.affine(ours) == slow.affine(theirs)
    for _ in range(4):
        point = (*slow.affine(slow.multiply_base(chance.randrange(1, n))), 1)
        u1, u2 = chance.randrange(n), chance.randrange(1, n)
        assert fast.affine(fast.combine(u1, u2, point)) == slow.affine(slow.combine(u1, u2, point))


@pytest.mark.parametrize("module", [p256, p384])
def test_verdicts_are_those_of_the_portable_code(machines, chance, module):
    fast, slow = module.curve(), module.CURVE
    n, p, size = slow.n, slow.p, slow.size
    generator = slow.affine(slow.multiply_base(1))
    encoded = b"\x04" + b"".join(x.to_bytes(size, "big") for x in generator)
    # With the private key 1 and a digest equal to r both scalars are k / 2: partial sums are equal.
    k = chance.randrange(1, n)
    r = slow.affine(slow.multiply_base(k))[0] % n
    s = 2 * r * pow(k, -1, n) % n
    digest = r.to_bytes(size, "big")
    assert fast.verifies(encoded, digest, r, s)
    other = b"\x04" + b"".join(x.to_bytes(size, "big") for x in (generator[0], p - generator[1]))
    beyond = b"\x04" + b"".join(x.to_bytes(size, "big") for x in (p + 5, generator[1]))
    for public in (encoded, other, encoded[:-1], encoded[:-1] + b"\x01", b"\x02" + encoded[1:],
                   beyond, b"\x04" + bytes(2 * size), b""):  # fmt: skip
        for pair in ((r, s), (r, n - s), (r ^ 1, s), (5, s), (p - n - 1, s), (0, s), (r, 0), (n, s),
                     (r, n)):  # fmt: skip
            verdict = fast.verifies(public, digest, *pair)
            assert verdict == slow.verifies(public, digest, *pair), (public, pair)
            assert verdict == (public == encoded and pair in ((r, s), (r, n - s)))
    assert fast.verifies(encoded, digest + b"more", r, s)
    assert not fast.verifies(encoded, digest[1:], r, s)


@pytest.mark.parametrize("module", [p256, p384])
def test_quotients_modulo_the_order(machines, chance, module):
    fast, slow = module.curve(), module.CURVE
    n, r = slow.n, 1 << 8 * slow.size
    for a in (0, 1, n - 1, n, r - 1, chance.randrange(r)):
        for divisor in (1, 2, n - 1, n >> 1, chance.randrange(1, n)):
            assert fast.quotients(a, n - 1, divisor) == slow.quotients(a, n - 1, divisor)


@pytest.mark.parametrize(("kind", "curve", "hash_"), [(1, p256, SHA256), (3, p384, SHA384)])
def test_signatures_are_the_same_to_the_byte(machines, chance, monkeypatch, kind, curve, hash_):
    size, n = curve.CURVE.size, curve.CURVE.n
    for _ in range(3):
        key = (kind, chance.randrange(1, n).to_bytes(size, "big"))
        digest = chance.randbytes(size)
        signed = ecdsa_sign.sign(hash_, key, digest)
        assert signed == portable(monkeypatch, ecdsa_sign.sign, hash_, key, digest)
        assert ecdsa.verify(hash_, (kind, ecdsa_sign.public_of(key)), digest, signed)
        changed = bytes((digest[0] ^ 1,)) + digest[1:]
        assert not ecdsa.verify(hash_, (kind, ecdsa_sign.public_of(key)), changed, signed)


def test_secrets_of_p384_are_shared_as_by_the_portable_code(machines, chance, monkeypatch):
    ours, theirs = ((b"\x01" + chance.randbytes(47)) for _ in range(2))
    public = p384.public_key(theirs)
    assert public == portable(monkeypatch, p384.public_key, theirs)
    secret = p384.shared_secret(ours, public)
    assert secret == p384.shared_secret(theirs, p384.public_key(ours))
    assert secret == portable(monkeypatch, p384.shared_secret, ours, public)
