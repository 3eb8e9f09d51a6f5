"""Numbers that kernels are tried with: edges, patterns of words, chance; and the portable code."""

import kernel_bench as bench

R = 1 << 256
# Words of ones and zeros in all positions find carries that random numbers never meet.
PATTERNS = [sum(0xFFFFFFFF << 32 * i for i in range(8) if bits >> i & 1) for bits in range(256)]
P25519 = (1 << 255) - 19
P, N = bench.p256_programs.P, bench.p256_programs.N
P384 = bench.p384_programs.P


def octets(number):
    return bytearray(number.to_bytes(32, "little"))


def numbers(chance, modulus, count):
    """Return edge values below 2^256 and the modulus, patterns of words, and random numbers."""
    edges = [0, 1, 2, 19, 38, R - 1, R - 2, R - 19, R - 38, R - 39, 1 << 255, (1 << 255) - 1]
    edges += [modulus - 1, modulus, modulus + 1, R - modulus, modulus >> 1]
    return edges + PATTERNS + [chance.getrandbits(256) for _ in range(count)]


def portable(monkeypatch, function, *arguments):
    """Call a function as on an interpreter without kernels."""
    from tlscore.crypto import selftest

    with monkeypatch.context() as patch:
        patch.setattr(selftest, "micropython", None)
        return function(*arguments)


def montgomery_context(size, n, x, *entries):
    """Return what the kernel of powers works on."""
    octets_ = [v.to_bytes(size, "little") for v in (n, x, *entries)]
    return bytearray(b"".join((*octets_[:2], bytes(size + 8), *octets_[2:])))
