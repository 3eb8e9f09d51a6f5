"""What the published vectors do not cover of the primitives: edges, refusals, buffers.

Plain asserts and no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
"""

from binascii import unhexlify

from tlscore.crypto import ecdsa, hkdf, p256, selftest, signature
from tlscore.crypto.aes import AES
from tlscore.crypto.chacha20 import ChaCha20
from tlscore.crypto.ghash import Ghash
from tlscore.crypto.hashes import SHA256
from tlscore.crypto.hmac import equal, hmac
from tlscore.crypto.modular import inverse_public, inverse_secret
from tlscore.crypto.poly1305 import Poly1305
from tlscore.crypto.x25519 import public_key as x25519_public_key
from tlscore.crypto.x25519 import x25519

P256_PRIME = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_GENERATOR = unhexlify(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def refusal(function, *arguments):
    """Return the reason with which a call is refused."""
    try:
        function(*arguments)
    except (ValueError, ImportError) as error:
        return error.args[0]
    raise AssertionError("not refused")


def scalar(k):
    return k.to_bytes(32, "big")


def test_sha256_of_abc():
    digest = unhexlify("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert SHA256.new(b"abc").digest() == digest
    running = SHA256.new()
    running.update(b"a")
    running.update(memoryview(b"abc")[1:])
    assert running.digest() == digest


def test_hmac_joins_its_parts():
    whole = hmac(SHA256, b"key", b"one two")
    assert hmac(SHA256, b"key", b"one", b"", b" two") == whole
    assert hmac(SHA256, b"key") == hmac(SHA256, b"key", b"")


def test_hmac_key_of_a_block_is_used_as_it_is_and_a_longer_one_hashed():
    block = bytes(range(64))
    assert hmac(SHA256, block, b"m") != hmac(SHA256, SHA256.new(block).digest(), b"m")
    longer = block + b"\x00"
    assert hmac(SHA256, longer, b"m") == hmac(SHA256, SHA256.new(longer).digest(), b"m")


def test_equal_sees_every_bit_and_the_length():
    tag = bytes(range(16))
    assert equal(tag, bytearray(tag))
    assert not equal(tag, tag[:15])
    assert not equal(tag, tag + b"\x00")
    for i in range(128):
        other = bytearray(tag)
        other[i >> 3] ^= 1 << (i & 7)
        assert not equal(tag, other)


def test_hkdf_gives_any_length_up_to_255_blocks():
    longest = hkdf.expand(SHA256, bytes(32), b"", 255 * 32)
    assert len(longest) == 255 * 32
    for length in (0, 1, 31, 32, 33, 64):
        assert hkdf.expand(SHA256, bytes(32), b"", length) == longest[:length]
    assert refusal(hkdf.expand, SHA256, bytes(32), b"", 255 * 32 + 1) == "hkdf.length"
    assert refusal(hkdf.expand, SHA256, bytes(32), b"", -1) == "hkdf.length"


def test_aes_gives_the_answers_of_fips_197():
    block = unhexlify("00112233445566778899aabbccddeeff")
    assert AES(bytes(range(16))).encrypt(block) == unhexlify("69c4e0d86a7b0430d8cdb78070b4c55a")
    assert AES(bytes(range(32))).encrypt(block) == unhexlify("8ea2b7ca516745bfeafc49904b496089")


def test_aes_gives_the_answers_of_sp_800_38a():
    cipher = AES(unhexlify("2b7e151628aed2a6abf7158809cf4f3c"))
    for plain, encrypted in (
        ("6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97"),
        ("ae2d8a571e03ac9c9eb76fac45af8e51", "f5d3d58503b9699de785895a96fdbaaf"),
        ("30c81c46a35ce411e5fbc1191a0a52ef", "43b1cd7f598ece23881b00e3ed030688"),
        ("f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4"),
    ):
        assert cipher.encrypt(unhexlify(plain)) == unhexlify(encrypted)


def test_aes_leaves_its_key_alone_and_refuses_other_sizes():
    key = bytearray(range(16))
    AES(key)
    assert key == bytes(range(16))
    for size in (0, 15, 17, 24, 31, 33):
        assert refusal(AES, bytes(size)) == "aes.key_size"


def test_ghash_of_zero_is_zero_and_of_one_is_h():
    h = bytes(range(1, 17))
    ghash = Ghash(h)
    ghash.update(bytes(16), 0, 16)
    assert ghash.digest() == bytes(16)
    ghash.update(b"\x80", 0, 1)  # the element 1, filled up
    assert ghash.digest() == h


def test_ghash_of_all_ones_agrees_with_bit_by_bit_multiplication():
    ones = (1 << 128) - 1
    for h in (ones, 1, 1 << 127, ones // 31, ones // 3):
        product = 0
        factor = h
        for _ in range(128):  # SP 800-38D algorithm 1, where every bit of the other factor is set
            product ^= factor
            factor = factor >> 1 ^ (0xE1 << 120 if factor & 1 else 0)
        ghash = Ghash(h.to_bytes(16, "big"))
        ghash.update(b"\xff" * 16, 0, 16)
        assert ghash.digest() == product.to_bytes(16, "big")


def test_chacha20_is_the_same_in_one_call_and_block_by_block():
    cipher = ChaCha20(bytes(range(32)))
    nonce = bytes(range(12))
    size = 20 * 64 + 5
    whole = bytearray(size)
    cipher.xor_key_stream(7, nonce, whole, 0, size)
    pieces = bytearray(size)
    for start in range(0, size, 64):
        end = min(size, start + 64)
        cipher.xor_key_stream(7 + start // 64, nonce, pieces, start, end)
    assert whole == pieces


def test_chacha20_counter_wraps_inside_its_word():
    cipher = ChaCha20(bytes(range(32)))
    wrapped = bytearray(128)
    cipher.xor_key_stream(0xFFFFFFFF, bytes(12), wrapped, 0, 128)
    zero = bytearray(64)
    cipher.xor_key_stream(0, bytes(12), zero, 0, 64)
    assert wrapped[64:] == zero


def test_poly1305_of_nothing_is_s():
    assert Poly1305(bytes(range(32))).digest() == bytes(range(16, 32))


def test_poly1305_fills_a_broken_block_with_zeros_when_asked():
    key = bytes(range(1, 33))
    filled = Poly1305(key)
    filled.update(b"\x01\x02\x03", 0, 3, True)
    spelled_out = Poly1305(key)
    spelled_out.update(b"\x01\x02\x03" + bytes(13), 0, 16)
    plain = Poly1305(key)
    plain.update(b"\x01\x02\x03", 0, 3)
    assert filled.digest() == spelled_out.digest()
    assert plain.digest() != spelled_out.digest()


def test_x25519_ignores_the_bits_that_clamping_sets():
    u = x25519_public_key(b"\x55" * 32)
    plain = bytearray(b"\xaa" * 32)
    other = bytearray(plain)
    other[0] ^= 7
    other[31] ^= 0x80
    assert x25519(plain, u) == x25519(other, u)
    other[31] ^= 1
    assert x25519(plain, u) != x25519(other, u)


def test_x25519_gives_zero_for_points_of_low_order():
    prime = (1 << 255) - 19
    for u in (0, 1, prime - 1, prime, prime + 1):
        assert x25519(b"\x55" * 32, u.to_bytes(32, "little")) == bytes(32)


def test_x25519_public_keys_are_the_ladders():
    for scalar in (bytes(32), b"\xff" * 32, b"\x08" + bytes(31), bytes(range(32)), b"\xa7" * 32):
        assert x25519_public_key(scalar) == x25519(scalar, b"\x09" + bytes(31))


def test_x25519_refuses_wrong_sizes():
    for size in (0, 31, 33):
        assert refusal(x25519, bytes(size), bytes(32)) == "x25519.scalar_size"
        assert refusal(x25519, bytes(32), bytes(size)) == "x25519.point_size"


def test_inverses_agree_and_are_inverses():
    for prime in (P256_PRIME, P256_ORDER, (1 << 255) - 19):
        for a in (1, 2, 3, prime - 1, prime // 3, (1 << 254) + 12345, (1 << 128) - 1):
            inverse = inverse_public(a, prime)
            assert inverse * a % prime == 1
            assert inverse_secret(a, prime) == inverse
    assert inverse_secret(0, P256_PRIME) == 0


def test_p256_generator_has_the_order_of_the_group():
    assert p256.public_key(scalar(1)) == P256_GENERATOR
    opposite = p256.public_key(scalar(P256_ORDER - 1))
    assert opposite[1:33] == P256_GENERATOR[1:33]
    y = int.from_bytes(P256_GENERATOR[33:], "big")
    assert int.from_bytes(opposite[33:], "big") == P256_PRIME - y
    # n * G: the last addition meets two opposite points.
    assert p256.CURVE.combine(P256_ORDER - 1, 1, p256.CURVE.decode(P256_GENERATOR))[2] == 0


def test_p256_base_and_variable_point_multiplication_agree():
    for k in (1, 2, 3, 4, 15, 16, 17, 30, 31, 32, 33, P256_ORDER // 2):
        for value in (k, P256_ORDER - k):
            public = p256.public_key(scalar(value))
            assert p256.shared_secret(scalar(value), P256_GENERATOR) == public[1:33]


def test_p256_both_sides_share_the_secret():
    mine = bytes(range(1, 33))
    yours = bytes(range(101, 133))
    secret = p256.shared_secret(mine, p256.public_key(yours))
    assert secret == p256.shared_secret(yours, p256.public_key(mine))


def test_p256_combination_is_right_where_additions_are_exceptional():
    curve = p256.CURVE
    generator = curve.decode(P256_GENERATOR)
    for u1, u2 in ((0, 1), (1, 0), (1, 1), (2, 2), (5, 3), (P256_ORDER - 3, 4), (15, 16), (16, 1)):
        x, y = curve.affine(curve.combine(u1, u2, generator))
        expected = p256.public_key(scalar((u1 + u2) % P256_ORDER))
        assert b"\x04" + scalar(x) + scalar(y) == expected
    for u1 in (0, 1, 2, 15, 16, P256_ORDER - 1):
        nothing = curve.combine(u1, (P256_ORDER - u1) % P256_ORDER, generator)
        assert nothing[2] == 0
        assert not curve.has_x(nothing, 1)


def test_p256_accepts_a_signature_whose_x_exceeds_the_order():
    # x = r + n is a field element only for r < p - n; has_x must look there too.
    curve = p256.CURVE
    for z in (1, 2, P256_PRIME - 1):
        x = (P256_ORDER + 5) * z * z % P256_PRIME
        assert curve.has_x((x, 1, z), 5)
        assert not curve.has_x((x, 1, z), 6)


def test_p256_refuses_bad_scalars():
    for value in (0, P256_ORDER, P256_ORDER + 1, (1 << 256) - 1):
        assert not p256.valid_private(scalar(value))
        assert refusal(p256.public_key, scalar(value)) == "p256.scalar_range"
        assert refusal(p256.shared_secret, scalar(value), P256_GENERATOR) == "p256.scalar_range"
    assert p256.valid_private(scalar(1))
    assert p256.valid_private(scalar(P256_ORDER - 1))
    for size in (0, 31, 33):
        assert not p256.valid_private(b"\x01" * size)
        assert refusal(p256.public_key, b"\x01" * size) == "p256.scalar_size"


def test_p256_refuses_bad_points():
    one = scalar(1)
    x = P256_GENERATOR[1:33]
    y = P256_GENERATOR[33:]
    for point in (b"", b"\x00", b"\x02" + x, b"\x03" + x, b"\x06" + x + y, b"\x04" + x, x + y):
        assert refusal(p256.shared_secret, one, point) == "p256.point_format"
    assert refusal(p256.shared_secret, one, P256_GENERATOR + b"\x00") == "p256.point_format"
    # x = 0 is on the curve, and x = p would be the same point if it were not refused.
    root = unhexlify("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4")
    assert p256.shared_secret(one, b"\x04" + bytes(32) + root) == bytes(32)
    for too_big in (scalar(P256_PRIME) + root, x + scalar(P256_PRIME), b"\xff" * 64):
        assert refusal(p256.shared_secret, one, b"\x04" + too_big) == "p256.point_range"
    assert refusal(p256.shared_secret, one, b"\x04" + y + x) == "p256.not_on_curve"
    assert refusal(p256.shared_secret, one, b"\x04" + bytes(64)) == "p256.not_on_curve"


def test_der_of_signatures_is_strict():
    assert ecdsa.parse_signature(unhexlify("3006020101020102")) == (1, 2)
    assert ecdsa.parse_signature(unhexlify("300802020080020200ff")) == (128, 255)
    for wrong in (
        "",
        "30",
        "3000",
        "3003020101",
        "3005020101020102",  # length too short
        "3007020101020102",  # length too long
        "300602010102010200",  # garbage behind
        "30070201010201020500",  # garbage behind, in a length that does not count it
        "3008020101020102" + "0500",  # a third element
        "308106020101020102",  # length not in the short form
        "3106020101020102",  # a set
        "3006030101020102",  # not an integer
        "3006020181020102",  # negative
        "300702020001020102",  # padded
        "30050200020102",  # empty integer
        "3006020101020202",  # second integer cut off
        "3080020101020102" + "0000",  # indefinite length
    ):
        assert ecdsa.parse_signature(unhexlify(wrong)) is None, wrong


def test_signature_table_refuses_what_it_does_not_know():
    assert 0x0403 in signature.schemes()
    assert signature.hash_of(0x0403) is SHA256
    assert refusal(signature.hash_of, 0x0201) == "signature.unknown_scheme"
    key = (signature.KEY_EC_P256, P256_GENERATOR)
    assert refusal(signature.verify, 0x0201, key, bytes(32), b"") == "signature.unknown_scheme"
    assert signature.verify(0x0403, (-1, P256_GENERATOR), bytes(32), b"") is False


def test_signature_by_a_point_off_the_curve_is_no_signature():
    der = unhexlify("3006020101020101")
    key = (signature.KEY_EC_P256, b"\x04" + bytes(64))
    assert signature.verify(0x0403, key, bytes(32), der) is False


def test_selection_passes_over_what_is_missing_or_wrong():
    class WrongAes(AES):
        def encrypt(self, block):
            return bytes(16)

    assert not selftest.aes_passes(WrongAes)
    candidates = (
        ("tlscore.crypto.no_such_kernel", "AES"),
        ("tlscore.crypto.ghash", "Ghash"),
        ("tlscore.crypto.aes", "AES"),
    )
    assert selftest.select(candidates, lambda backend: backend is AES) is AES
    # The portable code, which comes last, is taken as it is; without it there is none.
    assert selftest.select(candidates, lambda _: False) is AES
    reason = refusal(selftest.select, candidates[:1], lambda _: True)
    assert reason == "no back end: tlscore.crypto.no_such_kernel"


def run_all():
    """Call every test of this module, on a board; return their number."""
    count = 0
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
            count += 1
    return count


def job(link):
    """Run as a job of the on-board agent; see `run_all`."""
    return run_all()
