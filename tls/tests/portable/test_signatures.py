"""What the published vectors do not cover of curves, larger hashes and the signature schemes.

Plain asserts and no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
"""

from binascii import unhexlify

from tlscore.crypto import ecdsa, ecdsa_sign, ed25519, hashes, p384, signature
from tlscore.crypto.hashes import SHA256, SHA384, SHA512

ED25519_ORDER = (1 << 252) + 27742317777372353535851937790883648493
ED25519_PRIME = (1 << 255) - 19
P384_ORDER = (1 << 384) - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D
P384_PRIME = (1 << 384) - (1 << 128) - (1 << 96) + (1 << 32) - 1


class Counting:
    """Entropy that is none: bytes that count up, so that a test can be repeated."""

    def __init__(self):
        self.calls = 0

    def fill(self, buffer):
        self.calls += 1
        for i in range(len(buffer)):
            buffer[i] = (self.calls * 31 + i * 7) & 0xFF


def refusal(function, *arguments):
    """Return the reason with which a call is refused."""
    try:
        function(*arguments)
    except (ValueError, ImportError) as error:
        return error.args[0]
    raise AssertionError("not refused")


def integer(value):
    size = 1
    while value >> (8 * size - 1):
        size += 1
    return tlv(2, value.to_bytes(size, "big"))


def tlv(tag, body):
    size = len(body)
    if size < 128:
        return bytes((tag, size)) + body
    if size < 256:
        return bytes((tag, 0x81, size)) + body
    return bytes((tag, 0x82, size >> 8, size & 255)) + body


def test_sha512_goes_on_after_a_digest_and_can_be_copied():
    from tlscore.crypto import sha512

    message = bytes([i & 0xFF for i in range(400)])
    for split in (0, 1, 111, 112, 127, 128, 129, 255, 256, 399, 400):
        running = sha512.sha512(message[:split])
        assert running.digest() == SHA512.new(message[:split]).digest()
        copy = running.copy()
        running.update(memoryview(message)[split:])
        assert running.digest() == SHA512.new(message).digest()
        assert copy.digest() == SHA512.new(message[:split]).digest()


def test_hashes_are_found_by_the_size_of_their_digests():
    assert [hashes.of_size(size) for size in (32, 48, 64)] == [SHA256, SHA384, SHA512]
    assert hashes.of_size(0) is None
    assert hashes.of_size(20) is None
    assert hashes.has_sha512()


def test_reusable_hashes_go_on_after_a_digest():
    for row in (SHA256, SHA384, SHA512):
        assert row.reusable is (row is not SHA256)
        if row.reusable:
            running = row.new(b"a")
            assert running.digest() == row.new(b"a").digest()
            running.update(b"b")
            assert running.digest() == row.new(b"ab").digest()


def test_p384_generator_has_the_order_of_the_group():
    generator = p384.public_key((1).to_bytes(48, "big"))
    opposite = p384.public_key((P384_ORDER - 1).to_bytes(48, "big"))
    assert opposite[1:49] == generator[1:49]
    y = int.from_bytes(generator[49:], "big")
    assert int.from_bytes(opposite[49:], "big") == P384_PRIME - y
    assert p384.CURVE.combine(P384_ORDER - 1, 1, p384.CURVE.decode(generator))[2] == 0
    for value in (2, 3, 15, 16, 17, P384_ORDER // 2, P384_ORDER - 2):
        private = value.to_bytes(48, "big")
        assert p384.shared_secret(private, generator) == p384.public_key(private)[1:49]


def test_p384_combination_is_right_where_additions_are_exceptional():
    curve = p384.CURVE
    generator = curve.decode(p384.public_key((1).to_bytes(48, "big")))
    for u1, u2 in ((0, 1), (1, 1), (2, 2), (P384_ORDER - 3, 4), (15, 16), (16, 1)):
        x, y = curve.affine(curve.combine(u1, u2, generator))
        expected = p384.public_key(((u1 + u2) % P384_ORDER).to_bytes(48, "big"))
        assert b"\x04" + x.to_bytes(48, "big") + y.to_bytes(48, "big") == expected
    for u1 in (0, 1, 16, P384_ORDER - 1):
        nothing = curve.combine(u1, (P384_ORDER - u1) % P384_ORDER, generator)
        assert nothing[2] == 0
        assert not curve.has_x(nothing, 1)


def test_p384_refuses_bad_scalars_and_points():
    one = (1).to_bytes(48, "big")
    for value in (0, P384_ORDER, P384_ORDER + 1, (1 << 384) - 1):
        private = value.to_bytes(48, "big")
        assert not p384.valid_private(private)
        assert refusal(p384.public_key, private) == "p384.scalar_range"
    assert p384.valid_private(one)
    assert refusal(p384.public_key, bytes(32)) == "p384.scalar_size"
    assert refusal(p384.shared_secret, one, bytes(97)) == "p384.point_format"
    assert refusal(p384.shared_secret, one, b"\x04" + bytes(64)) == "p384.point_format"
    assert refusal(p384.shared_secret, one, b"\x04" + bytes(96)) == "p384.not_on_curve"
    assert refusal(p384.shared_secret, one, b"\x04" + b"\xff" * 96) == "p384.point_range"


def test_ecdsa_signatures_are_hedged_with_entropy_and_verify():
    for kind, scheme, size in ((1, 0x0403, 32), (3, 0x0503, 48)):
        key = (kind, bytes(range(1, size + 1)))
        public = signature.public_of(key)
        digest = signature.hash_of(scheme).new(b"message").digest()
        fixed = ecdsa_sign.sign(signature.hash_of(scheme), key, digest)
        assert fixed == ecdsa_sign.sign(signature.hash_of(scheme), key, digest)
        entropy = Counting()
        hedged = [signature.sign(scheme, key, digest, entropy) for _ in range(2)]
        assert entropy.calls == 2
        assert fixed != hedged[0] != hedged[1]
        for signed in (fixed, hedged[0], hedged[1]):
            assert signature.verify(scheme, public, digest, signed)
            r, s = ecdsa.parse_signature(signed)
            other = tlv(0x30, integer(r) + integer(s ^ 1))
            assert not signature.verify(scheme, public, digest, other)


def test_ecdsa_refuses_scalars_that_are_none():
    for kind, size, name in ((1, 32, "p256"), (3, 48, "p384")):
        zero = (kind, bytes(size))
        for function in (signature.public_of, lambda key: ecdsa_sign.sign(SHA256, key, bytes(32))):
            assert refusal(function, zero) == name + ".scalar_range"
            assert refusal(function, (kind, b"\xff" * size)) == name + ".scalar_range"
            assert refusal(function, (kind, b"\x01" * (size - 1))) == name + ".scalar_size"


def test_certificates_may_pair_any_curve_with_any_hash_but_handshakes_may_not():
    digests = {0x0403: SHA256.new(b"m").digest(), 0x0503: SHA384.new(b"m").digest()}
    for kind, size, own in ((1, 32, 0x0403), (3, 48, 0x0503)):
        key = (kind, b"\x11" * size)
        public = signature.public_of(key)
        for scheme in (0x0403, 0x0503):
            digest = digests[scheme]
            signed = ecdsa_sign.sign(signature.hash_of(scheme), key, digest)
            assert signature.verify_certificate(scheme, public, digest, signed)
            assert signature.verify(scheme, public, digest, signed) is (scheme == own)


def test_ed25519_numbers_out_of_range_are_refused():
    key = (signature.KEY_ED25519, bytes(range(32)))
    public = signature.public_of(key)
    signed = signature.sign(0x0807, key, b"message", None)
    assert signature.verify(0x0807, public, b"message", signed)
    s = int.from_bytes(signed[32:], "little")
    for value in (s + ED25519_ORDER, ED25519_ORDER, (1 << 256) - 1, s + 1, 0):
        wrong = signed[:32] + value.to_bytes(32, "little")
        assert not signature.verify(0x0807, public, b"message", wrong)
    for wrong in (b"", signed[:-1], signed + b"\x00"):
        assert not signature.verify(0x0807, public, b"message", wrong)
    assert refusal(ed25519.public_of, (4, bytes(31))) == "ed25519.seed_size"
    assert refusal(signature.sign, 0x0807, (4, bytes(33)), b"", None) == "ed25519.seed_size"


def test_ed25519_keys_have_one_encoding():
    # The neutral point as key: R = S B for every message, so only the encoding can refuse it.
    one = (1).to_bytes(32, "little")
    signed = signature.public_of((4, bytes(32)))[1]
    scalar = int.from_bytes(SHA512.new(bytes(32)).digest()[:32], "little")
    scalar = (scalar & (1 << 254) - 8 | 1 << 254) % ED25519_ORDER
    signed += scalar.to_bytes(32, "little")
    assert signature.verify(0x0807, (4, one), b"any", signed)
    for value in (
        ED25519_PRIME + 1,  # the same y, not reduced
        1 | 1 << 255,  # x = 0 with the sign of minus
        ED25519_PRIME,
        (1 << 255) - 1,
        2,  # no point has this y
    ):
        public = value.to_bytes(32, "little")
        assert not signature.verify(0x0807, (4, public), b"any", signed)
    for size in (0, 31, 33):
        assert not signature.verify(0x0807, (4, bytes(size)), b"any", signed)


def test_schemes_are_offered_with_their_hashes():
    offered = signature.schemes()
    for scheme, size in (
        (0x0403, 32),
        (0x0503, 48),
        (0x0804, 32),
        (0x0805, 48),
        (0x0806, 64),
        (0x0401, 32),
        (0x0501, 48),
        (0x0601, 64),
    ):
        assert scheme in offered
        assert signature.hash_of(scheme).size == size
        assert signature.is_for_handshake(scheme) is (scheme & 0xFF != 1)
    assert 0x0807 in offered
    assert signature.hash_of(0x0807) is None
    assert signature.is_for_handshake(0x0807)
    assert refusal(signature.is_for_handshake, 0x0201) == "signature.unknown_scheme"


def test_keys_sign_with_the_schemes_of_their_kind_only():
    assert signature.signing_schemes(signature.KEY_EC_P256) == (0x0403,)
    assert signature.signing_schemes(signature.KEY_EC_P384) == (0x0503,)
    assert signature.signing_schemes(signature.KEY_ED25519) == (0x0807,)
    assert signature.signing_schemes(signature.KEY_RSA) == (0x0804, 0x0805, 0x0806)
    assert signature.signing_schemes(0) == ()
    assert signature.signing_schemes(99) == ()
    key = (signature.KEY_EC_P256, b"\x11" * 32)
    for scheme in (0x0503, 0x0807, 0x0804, 0x0401):
        assert refusal(signature.sign, scheme, key, bytes(32), None) == "signature.wrong_key"
    assert refusal(signature.sign, 0x0401, (0, b""), bytes(32), None) == "signature.wrong_key"
    assert refusal(signature.sign, 0x0201, key, bytes(32), None) == "signature.unknown_scheme"
    for kind in (0, 99):
        assert refusal(signature.public_of, (kind, bytes(32))) == "signature.wrong_key"


def test_no_scheme_verifies_with_a_key_of_another_kind():
    points = (
        signature.public_of((signature.KEY_EC_P256, b"\x11" * 32)),
        signature.public_of((signature.KEY_EC_P384, b"\x11" * 48)),
        signature.public_of((signature.KEY_ED25519, b"\x11" * 32)),
        (signature.KEY_RSA, tlv(0x30, integer((1 << 2048) - 1) + integer(65537))),
        (0, b""),
        (99, b""),
    )
    der = unhexlify("3006020101020101")
    for scheme in signature.schemes():
        for key in points:
            for signed in (b"", der, bytes(64), bytes(256)):
                assert signature.verify(scheme, key, bytes(32), signed) is False
                assert signature.verify_certificate(scheme, key, bytes(32), signed) is False


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
