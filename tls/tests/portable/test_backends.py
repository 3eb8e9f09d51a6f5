"""The back ends an interpreter has chosen against the portable code, on CPython and on boards.

Plain asserts and no fixtures: pytest runs this on CPython, where both are the same; a board is sent
the file and runs `job`. The published vectors go through what is chosen.
"""

import sys

from tlscore.crypto import (
    aes,
    ecdsa_sign,
    gcm,
    ghash,
    hashes,
    hmac,
    p256,
    p384,
    rsa,
    rsa_sign,
    selftest,
    x25519,
)
from tlscore.crypto.back_ends import used
from tlscore.crypto.modular import inverse_secret

FIELD_25519 = (1 << 255) - 19
FIELD_256 = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1
ONES = b"\xff" * 32


def test_every_back_end_has_a_name():
    found = used()
    names = "aes chacha20 chacha20_poly1305 gcm ghash p256 p384 poly1305 rsa sha256 sha512 x25519"
    assert sorted(found) == names.split()
    assert found.pop("sha256") == ("thumb" if found["sha512"] == "thumb" else "hashlib")
    assert set(found.values()) in (
        {"portable"}, {"thumb"}, {"portable", "viper"}, {"portable", "tables"}
    )  # fmt: skip
    assert found["aes"] == found["ghash"] == found["gcm"]
    assert found["chacha20"] == found["poly1305"] == found["chacha20_poly1305"]
    if "tables" not in found.values():
        assert found["gcm"] == found["chacha20_poly1305"]
    if sys.implementation.name == "cpython":
        assert found["p256"] == "portable"


def test_x25519_with_points_that_carry():
    for u in (0, 1, 2, FIELD_25519 - 1, FIELD_25519, FIELD_25519 + 1, (1 << 256) - 1, 1 << 224):
        point = u.to_bytes(32, "little")
        scalar = bytearray(ONES)
        chosen = x25519.x25519(scalar, point)
        scalar[0] &= 248
        scalar[31] = 127
        x, z = x25519._ladder(scalar, u & ((1 << 255) - 1))
        expected = x * inverse_secret(z, FIELD_25519) % FIELD_25519
        assert chosen == expected.to_bytes(32, "little")


def test_curves_with_scalars_at_the_ends():
    for curve in (p256, p384):
        chosen, portable = curve.curve(), curve.CURVE
        n = portable.n
        base = portable.affine(portable.multiply_base(n - 7))
        for k in (1, 2, 3, 16, 17, n >> 1, n - 17, n - 2, n - 1):
            ours, theirs = chosen.multiply_base(k), portable.multiply_base(k)
            assert chosen.affine(ours) == portable.affine(theirs)
        for k in (1, 2, n - 2, n - 1, 1 << 255):
            ours = chosen.affine(chosen.multiply(k, (base[0], base[1], 1)))
            theirs = portable.affine(portable.multiply(k, (base[0], base[1], 1)))
            assert ours[0] == theirs[0]


def test_sums_whose_points_meet():
    for curve in (p256, p384):
        chosen, portable = curve.curve(), curve.CURVE
        n = portable.n
        base = portable.affine(portable.multiply_base(1))
        for u1, u2 in ((0, 1), (1, 1), (n - 1, 1), (n - 1, 2), (5, n - 3)):
            ours = chosen.combine(u1, u2, (base[0], base[1], 1))
            theirs = portable.combine(u1, u2, (base[0], base[1], 1))
            assert (ours[2] == 0) == (theirs[2] == 0)
            if theirs[2]:
                assert chosen.affine(ours) == portable.affine(theirs)


def test_quotients_modulo_the_orders():
    for curve in (p256, p384):
        chosen, portable = curve.curve(), curve.CURVE
        n, top = portable.n, 1 << (8 * portable.size)
        for a, b, c in ((0, 1, 1), (top - 1, n - 1, n - 1), (n, n >> 1, 3)):
            assert chosen.quotients(a, b, c) == portable.quotients(a, b, c)


def test_powers_modulo_odd_numbers():
    for bits in (2048, 2080, 3072):
        n = (1 << bits) - (1 << (bits - 33)) + 1
        for base in (0, 1, 2, n - 1, n >> 1, (1 << (bits - 32)) - 1):
            assert rsa.power_public(base, 3, n) == base * base % n * base % n
            assert rsa.power_public(base, 65537, n) == _by_squaring(base, 16, n)
    p = (1 << 521) - 1
    assert rsa_sign._power(3, p - 1, p) == 1
    assert rsa_sign._power(p - 1, 0xF0F, p) == p - 1


def _by_squaring(base: int, count: int, n: int) -> int:
    """Return base^(2^count + 1) modulo n."""
    result = base
    for _ in range(count):
        result = result * result % n
    return result * base % n


def test_aes_and_ghash_in_all_places_of_a_buffer():
    chosen = selftest.select(gcm._AES, selftest.aes_passes)
    chosen_hash = selftest.select(gcm._GHASH, selftest.ghash_passes)
    for key in (bytes(range(16)), ONES):
        for start in (0, 1, 2, 3):
            for size in (0, 1, 15, 16, 17, 33):
                buffer = bytearray(range(40))
                expected = bytearray(buffer)
                counter = ONES[:16]
                chosen(key).xor_key_stream(counter[:12] + bytes(4), buffer, start, start + size)
                aes.AES(key).xor_key_stream(counter[:12] + bytes(4), expected, start, start + size)
                assert buffer == expected
                mac, expected_mac = bytearray(counter), bytearray(counter)
                chosen(key).cbc_mac(mac, buffer, start, start + size)
                aes.AES(key).cbc_mac(expected_mac, buffer, start, start + size)
                assert mac == expected_mac
                running, expected_sum = chosen_hash(key[:16]), ghash.Ghash(key[:16])
                for each in (running, expected_sum):
                    each.update(ONES, 0, 32)
                    each.update(buffer, start, start + size)
                assert running.digest() == expected_sum.digest()


def test_tables_hold_the_s_box_and_its_multiples():
    try:
        from tlscore.crypto.tables import block_cipher
    except ImportError:  # an image with machine code, or with little flash
        return
    for i in range(256):
        s = aes.SBOX[i]
        two, three = aes.DOUBLE[s], aes.DOUBLE[s] ^ s
        assert block_cipher.TWO_ONE[i] == two << 8 | s
        assert block_cipher.ONE_THREE[i] == s << 8 | three
        assert block_cipher.THREE_TWO[i] == three << 8 | two
        assert block_cipher.ONE_ONE[i] == s << 8 | s


def test_a_key_of_aes_has_16_or_32_bytes():
    chosen = selftest.select(gcm._AES, selftest.aes_passes)
    for size in (16, 32):
        key = bytes(range(size))
        assert chosen(key).encrypt(ONES[:16]) == aes.AES(key).encrypt(ONES[:16])
    for size in (0, 15, 17, 24, 33):
        assert _refusal(chosen, bytes(size)) == "aes.key_size"


def _refusal(function, argument: bytes):
    """Return the reason with which a call is refused, or None."""
    try:
        function(argument)
    except ValueError as error:
        return error.args[0]
    return None


def test_ghash_of_long_texts_in_one_and_in_many_pieces():
    chosen = selftest.select(gcm._GHASH, selftest.ghash_passes)
    text = bytearray()
    for i in range(520):
        text.append(i * 73 + (i >> 3) & 0xFF)
    for h in (bytes(16), ONES[:16], b"\x80" + bytes(15), bytes(15) + b"\x01", bytes(range(16))):
        for size in (255, 256, 257, 320, 513):
            whole, pieces, expected = chosen(h), chosen(h), ghash.Ghash(h)
            whole.update(ONES, 0, 5)
            whole.update(text, 7, 7 + size)
            pieces.update(ONES, 0, 5)
            expected.update(ONES, 0, 5)
            for start in range(7, 7 + size, 16):
                end = min(start + 16, 7 + size)
                pieces.update(text, start, end)
                expected.update(text, start, end)
            assert whole.digest() == pieces.digest() == expected.digest()
            whole.restart()
            whole.update(text, 0, size)
            expected.restart()
            expected.update(text, 0, size)
            assert whole.digest() == expected.digest()


def test_sha512_of_messages_in_pieces():
    from tlscore.crypto import sha512

    message = bytes(range(256)) + ONES * 4
    for size in (0, 1, 111, 112, 127, 128, 129, 255, 256, 257, 384):
        for start in (sha512._START_384, sha512._START_512):
            expected = sha512.Sha512(start, 64, message[:size]).digest()
            for split in (0, 3, 128):
                if split <= size:
                    running = sha512._fastest()(start, 64, memoryview(message)[:split])
                    running.update(memoryview(message)[split:size])
                    other = running.copy()
                    assert running.digest() == expected
                    running.update(ONES)
                    assert other.digest() == expected
                    assert running.digest() != expected


def test_the_fastest_hashes_give_the_same_digests():
    message = ONES * 5 + bytes(range(100))
    for row in (hashes.SHA256, hashes.SHA384, hashes.SHA512):
        fastest = hashes.fastest(row)
        names = (fastest.name, fastest.size, fastest.block)
        assert names == (row.name, row.size, row.block)
        for size in (0, 1, 55, 56, 63, 64, 65, 119, 128, 200, 256):
            expected = row.new(message[:size]).digest()
            for split in (0, 3, 64):
                if split <= size:
                    running = fastest.new(message[:split])
                    running.update(memoryview(message)[split:size])
                    assert running.digest() == expected
                    if fastest.reusable:
                        other = running.copy()
                        running.update(ONES)
                        assert other.digest() == expected
                        assert running.digest() == row.new(message[:size] + ONES).digest()
        for size in (0, 1, 32, row.block, row.block + 1):
            kept = hmac.keyed(fastest, ONES[:1] * size)
            for length in (0, 1, 60, 130):
                expected = hmac.hmac(row, ONES[:1] * size, message[:length])
                assert kept.hmac(message[:length]) == expected
                assert kept.hmac(b"", message[:length][:9], message[:length][9:]) == expected


def test_a_signature_has_the_bytes_of_rfc_6979():
    from tlscore.crypto.hashes import SHA256

    key = (
        b"\xc9\xaf\xa9\xd8\x45\xba\x75\x16\x6b\x5c\x21\x57\x67\xb1\xd6\x93"
        b"\x4e\x50\xc3\xdb\x36\xe8\x9b\x12\x7b\x8a\x62\x2b\x12\x0f\x67\x21"
    )
    signed = ecdsa_sign.sign(SHA256, (1, key), SHA256.new(b"sample").digest())
    # RFC 6979 A.2.5: r and s, both with their highest bit set.
    assert signed[5:37] == (
        b"\xef\xd4\x8b\x2a\xac\xb6\xa8\xfd\x11\x40\xdd\x9c\xd4\x5e\x81\xd6"
        b"\x9d\x2c\x87\x7b\x56\xaa\xf9\x91\xc3\x4d\x0e\xa8\x4e\xaf\x37\x16"
    )


def job(_link) -> int:
    """Run as a job of the on-board agent; return the number of tests that passed."""
    tests = [value for name, value in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
    return len(tests)
