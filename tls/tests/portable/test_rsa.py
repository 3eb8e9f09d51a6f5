"""What the published vectors do not cover of RSA: keys, padding, faults.

Plain asserts and no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
"""

from tlscore.crypto import rsa, rsa_sign, signature
from tlscore.crypto.hashes import SHA256
from tlscore.crypto.modular import inverse_public

# An RSA key for tests only: two primes of 1,024 bits, drawn from a generator with a fixed seed.
RSA_P = int(
    "ee30f90906ce3cafc6217703a1af7aa35e6626b9d41777786c19f7609e9e9836"
    "cc8498cc33a21b62f21f41718ed4322cd472539b0cd72c101a439b7da20ce57e"
    "b1d3c4e7cc23574ad399bd6bcfb0a2cf4d3bb6c62fe7346560c993af0d68be12"
    "cebce381ec7a732f3fe1c166cb3f2ed1477be617fa5bceab2d00b92136cc843b",
    16,
)
RSA_Q = int(
    "c8b2f85fa3d864bb2a053c5a0b146b50b1df29614d4bf9d196d0c4c9d941440b"
    "aeee5c9050916ce53109cb4fe99bcf70716238775df294ead771fa63a3849773"
    "fbbbb729869175fd67f638304a5e7799a8e60ef93fc5fe059557049420a0ee49"
    "2663e378785540dce672764c48bd4cfea8e29303277f967fd767282e353158ab",
    16,
)
RSA_N = RSA_P * RSA_Q


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


def public_der(n, e=65537):
    return tlv(0x30, integer(n) + integer(e))


def rsa_numbers(e=65537):
    """Return [n, e, d, p, q, d mod (p - 1), d mod (q - 1), 1/q mod p]."""
    d = inverse_public(e, (RSA_P - 1) * (RSA_Q - 1))
    reduced = [d % (RSA_P - 1), d % (RSA_Q - 1), inverse_public(RSA_Q, RSA_P)]
    return [RSA_N, e, d, RSA_P, RSA_Q] + reduced


def rsa_private(fault=0, version=0):
    numbers = rsa_numbers()
    numbers[5] ^= fault
    body = b"".join([integer(number) for number in [version] + numbers])
    return (signature.KEY_RSA, tlv(0x30, body))


def raw_signature(encoded):
    """Return what the key's owner makes of an encoded message, right or wrong."""
    message = int.from_bytes(encoded, "big")
    return rsa_sign._private_power(rsa_numbers(), message).to_bytes(256, "big")


def verify_pkcs1(encoded, digest):
    key = (signature.KEY_RSA, public_der(RSA_N))
    return signature.verify_certificate(0x0401, key, digest, raw_signature(encoded))


def test_rsa_public_keys_are_strict_der_of_acceptable_numbers():
    good = public_der(RSA_N)
    assert rsa.public_numbers(good) == (RSA_N, 65537)
    assert rsa.public_numbers(public_der(RSA_N, 3)) == (RSA_N, 3)
    assert rsa.public_numbers(public_der(RSA_N, (1 << 32) - 1)) == (RSA_N, (1 << 32) - 1)
    for n, e in (
        (RSA_N, 1),
        (RSA_N, 2),
        (RSA_N, 65536),
        (RSA_N, (1 << 32) + 1),
        (RSA_N - 1, 65537),
        (RSA_N >> 1 | 1, 65537),  # 2,047 bits
        (RSA_N << 2049 | 1, 65537),  # 4,097 bits
        (0, 65537),
    ):
        assert rsa.public_numbers(public_der(n, e)) is None
    modulus = integer(RSA_N)
    exponent = integer(65537)
    for wrong in (
        b"",
        b"\x30",
        good[:-1],
        good + b"\x00",
        b"\x31" + good[1:],
        tlv(0x30, modulus),
        tlv(0x30, modulus + exponent + exponent),
        tlv(0x30, modulus + exponent + b"\x05\x00"),
        tlv(0x30, modulus + b"\x02\x00"),
        tlv(0x30, modulus + b"\x02\x04\x00\x01\x00\x01"),  # padded
        tlv(0x30, modulus + b"\x02\x03\x81\x00\x01"),  # negative
        tlv(0x30, modulus + b"\x02\x81\x03\x01\x00\x01"),  # length not in its shortest form
        tlv(0x30, modulus + b"\x03\x03\x01\x00\x01"),
        tlv(0x30, tlv(2, RSA_N.to_bytes(256, "big")) + exponent),  # negative
        b"\x30\x83\x00" + good[2:],
        b"\x30\x80" + good[4:] + b"\x00\x00",
    ):
        assert rsa.public_numbers(wrong) is None


def test_rsa_signatures_have_the_size_of_the_modulus_and_are_less():
    digest = SHA256.new(b"m").digest()
    key = (signature.KEY_RSA, public_der(RSA_N))
    good = raw_signature(rsa.pkcs1_encoding(SHA256, digest, 256))
    assert signature.verify_certificate(0x0401, key, digest, good)
    # The same number modulo n; for this message there is room for it in as many octets.
    other = (int.from_bytes(good, "big") + RSA_N).to_bytes(256, "big")
    for wrong in (
        other,
        good[1:],
        b"\x00" + good,
        good + b"\x00",
        b"",
        b"\x00" + other,
        RSA_N.to_bytes(256, "big"),
        bytes(256),
        bytes(255) + b"\x01",
        b"\xff" * 256,
    ):
        assert not signature.verify_certificate(0x0401, key, digest, wrong)
        assert not signature.verify_certificate(0x0804, key, digest, wrong)


def test_pkcs1_padding_has_one_form():
    # Few cases, for a board takes a second for each; the published vectors have more.
    digest = SHA256.new(b"m").digest()
    good = rsa.pkcs1_encoding(SHA256, digest, 256)
    assert len(good) == 256
    assert verify_pkcs1(good, digest)
    info = good[-51:]
    filled = b"\xff" * 202
    for wrong in (
        b"\x00\x02" + filled + b"\x00" + info,
        b"\x00\x01" + filled[:-1] + b"\xfe\x00" + info,
        b"\x00\x01" + b"\xff" * 8 + b"\x00" + info + b"\xaa" * 194,  # Bleichenbacher 2006
        b"\x00\x01" + b"\xff" * 221 + b"\x00" + digest,  # no DigestInfo
    ):
        assert len(wrong) == 256
        assert wrong != good
        assert not verify_pkcs1(wrong, digest)


def test_pss_signatures_verify_and_take_a_salt_and_a_blind_each():
    key = rsa_private()
    public = signature.public_of(key)
    assert public == (signature.KEY_RSA, public_der(RSA_N))
    entropy = Counting()
    seen = []
    for scheme in (0x0804, 0x0804, 0x0806):
        digest = signature.hash_of(scheme).new(b"message").digest()
        signed = signature.sign(scheme, key, digest, entropy)
        assert signed not in seen
        seen.append(signed)
        assert signature.verify(scheme, public, digest, signed)
        other = bytearray(digest)
        other[0] ^= 1
        assert not signature.verify(scheme, public, other, signed)
        assert not signature.verify(0x0805, public, digest, signed)
    assert entropy.calls == 6


def test_pss_refuses_every_other_salt_and_padding():
    digest = SHA256.new(b"m").digest()
    key = (signature.KEY_RSA, public_der(RSA_N))
    for salt_bytes, trailer, first, good in (
        (32, b"\xbc", 0, True),
        (31, b"\xbc", 0, False),
        (0, b"\xbc", 0, False),
        (32, b"\xbd", 0, False),
        (32, b"\xbc", 0x80, False),
    ):
        salt = bytes(range(salt_bytes))
        h = rsa.pss_hash(SHA256, digest, salt)
        mask = int.from_bytes(rsa.pss_mask(SHA256, h, 223), "big")
        block = (mask ^ (1 << 8 * salt_bytes | int.from_bytes(salt, "big"))) & (1 << 1783) - 1
        encoded = bytearray(block.to_bytes(223, "big") + h + trailer)
        encoded[0] |= first
        if int.from_bytes(encoded, "big") >= RSA_N:
            assert first
            continue
        assert signature.verify(0x0804, key, digest, raw_signature(encoded)) is good
    one = bytearray(223)
    one[190] = 2  # where 0x01 separates padding and salt
    mask = int.from_bytes(rsa.pss_mask(SHA256, h, 223), "big")
    block = (mask ^ int.from_bytes(one, "big")) & (1 << 1783) - 1
    encoded = block.to_bytes(223, "big") + rsa.pss_hash(SHA256, digest, bytes(32)) + b"\xbc"
    assert not signature.verify(0x0804, key, digest, raw_signature(encoded))


def test_rsa_never_lets_a_faulty_signature_out():
    digest = SHA256.new(b"m").digest()
    key = rsa_private(fault=1 << 700)
    assert refusal(signature.sign, 0x0804, key, digest, Counting()) == "rsa.fault"


def test_rsa_private_keys_that_are_none_are_refused():
    _, der = rsa_private()
    for wrong in (
        b"",
        der[:-1],
        der + b"\x00",
        der[:20] + bytes((der[20] ^ 1,)) + der[21:],  # not the product of the primes
        rsa_private(version=1)[1],
        public_der(RSA_N),
    ):
        key = (signature.KEY_RSA, wrong)
        assert refusal(rsa_sign.public_of, key) == "rsa.private_key"
        assert refusal(signature.sign, 0x0804, key, bytes(32), Counting()) == "rsa.private_key"


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
