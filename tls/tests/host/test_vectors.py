"""Every published vector on CPython, and random inputs against the `cryptography` package."""

import hashlib
import re
from pathlib import Path

import pytest
import vector_checks
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tlscore.crypto import aead, ecdsa, ecdsa_sign, hkdf, p256, p384, sha512, signature
from tlscore.crypto import ed25519 as our_ed25519
from tlscore.crypto import hmac as our_hmac
from tlscore.crypto import x25519 as our_x25519
from tlscore.crypto.hashes import SHA256, SHA384
from tlscore.entropy import SystemEntropy

FILES = sorted((Path(__file__).parents[1] / "vectors").glob("*.txt"))
EXPECTED_CASES = {
    "aes_ccm-cavp": 587,
    "aes_ccm-wycheproof": 190,
    "aes_gcm-cavp": 375,
    "aes_gcm-wycheproof": 66,
    "chacha20-rfc8439": 3,
    "chacha20_poly1305-openssl": 5,
    "chacha20_poly1305-wycheproof": 164,
    "ecdh_p256-wycheproof": 177,
    "ecdsa_mixed-cavp": 30,
    "ecdsa_p256-cavp": 15,
    "ecdsa_p256-wycheproof": 240,
    "ecdsa_p384-cavp": 15,
    "ecdsa_p384-wycheproof": 252,
    "ecdsa_sign-rfc6979": 12,
    "ed25519-wycheproof": 83,
    "ed25519_sign-bernstein": 65,
    "hkdf-rfc5869": 3,
    "hkdf-wycheproof": 43,
    "hkdf_label-boringssl": 4,
    "hkdf_sha384-wycheproof": 42,
    "hmac-wycheproof": 88,
    "hmac_sha384-wycheproof": 89,
    "poly1305-rfc8439": 11,
    "rsa_pkcs1-cavp": 71,
    "rsa_pkcs1-wycheproof2048": 128,
    "rsa_pkcs1-wycheproof3072": 84,
    "rsa_pss-wycheproof2048": 54,
    "rsa_pss-wycheproof3072": 54,
    "sha256-cavp": 75,
    "sha384-cavp": 139,
    "sha512-cavp": 139,
    "x25519-rfc7748": 2,
    "x25519-wycheproof": 258,
    "x25519_iterated-rfc7748": 2,
}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# RFC 8032 §5.1: B, given by y = 4/5 and an even x.
BASE_POINT = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
UNCOMPRESSED = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

few = settings(max_examples=25, deadline=None)
nonces = st.binary(min_size=12, max_size=12)
keys_16 = st.binary(min_size=16, max_size=16)
keys_32 = st.binary(min_size=32, max_size=32)
# Values near the borders as often as ordinary ones: that is where carries are lost.
private_keys = st.one_of(
    st.integers(1, P256_ORDER - 1),
    st.integers(1, 40),
    st.integers(1, 40).map(lambda k: P256_ORDER - k),
    st.integers(0, 255).map(lambda k: 1 << k),
).map(lambda k: k.to_bytes(32, "big"))


def test_every_vector_file_is_known():
    assert [path.stem for path in FILES] == sorted(EXPECTED_CASES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_vectors(path):
    lines = path.read_text().splitlines()
    stated = re.search(r"^# cases: (\d+) ", path.read_text(), re.MULTILINE)
    passed, failed = vector_checks.run(path.stem, lines)
    assert failed == []
    assert passed == int(stated[1]) == EXPECTED_CASES[path.stem]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_spoilt_vector_is_reported(path):
    vectors = [line.split() for line in path.read_text().splitlines() if " valid " in line]
    words = vectors[0]
    result = max(i for i in range(3, len(words)) if words[i] != "-")
    words[result] = ("1" if words[result][0] == "0" else "0") + words[result][1:]
    assert vector_checks.run(path.stem, [" ".join(words)]) == (0, [words[0]])


@pytest.mark.parametrize("budget", [0, 7, 100, 10_000])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sample_keeps_every_flag_and_a_quarter(path, budget):
    lines = path.read_text().splitlines()
    vectors = [line for line in lines if not line.startswith("#")]
    chosen = vector_checks.sample(lines, budget)
    assert len(set(chosen)) == len(chosen)
    assert [line for line in vectors if line in set(chosen)] == chosen
    assert len(chosen) >= min(len(vectors), max(budget, len(vectors) / 4))

    def classes(some):
        return {(flag, line.split()[2]) for line in some for flag in line.split()[1].split(",")}

    assert classes(chosen) == classes(vectors)


def test_a_line_that_is_no_vector_is_an_error():
    with pytest.raises(ValueError, match="not a vector"):
        vector_checks.run("hmac-test", ["1 - maybe 00 00 00"])
    with pytest.raises(ValueError, match="no check for vectors named md5"):
        vector_checks.run("md5-test", [])


@few
@given(keys_16, keys_32, nonces, st.binary(max_size=40), st.binary(max_size=600))
def test_aeads_agree(key_16, key_32, nonce, aad, text):
    for ours, theirs in (
        (aead.aes_128_gcm(key_16), AESGCM(key_16)),
        (aead.aes_256_gcm(key_32), AESGCM(key_32)),
        (aead.chacha20_poly1305(key_32), ChaCha20Poly1305(key_32)),
        (aead.aes_128_ccm(key_16), AESCCM(key_16)),
        (aead.aes_128_ccm_8(key_16), AESCCM(key_16, 8)),
    ):
        buffer = bytearray(text) + bytes(ours.tag_size)
        ours.seal(nonce, aad, buffer, 0, len(text))
        assert buffer == theirs.encrypt(nonce, text, aad)
        assert ours.open(nonce, aad, buffer, 0, len(buffer))
        assert buffer[: len(text)] == text


@few
@given(keys_32, nonces, st.binary(min_size=16, max_size=100))
def test_aeads_agree_on_forgeries(key, nonce, sealed):
    for ours, theirs in (
        (aead.aes_256_gcm(key), AESGCM(key)),
        (aead.chacha20_poly1305(key), ChaCha20Poly1305(key)),
        (aead.aes_128_ccm(key[:16]), AESCCM(key[:16])),
    ):
        buffer = bytearray(sealed)
        assert not ours.open(nonce, b"", buffer, 0, len(buffer))
        assert buffer == sealed
        with pytest.raises(InvalidTag):
            theirs.decrypt(nonce, sealed, b"")


@few
@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(1, 300))
def test_hmac_and_hkdf_agree(key, message, length):
    for ours, theirs in ((SHA256, hashes.SHA256()), (SHA384, hashes.SHA384())):
        mac = hmac.HMAC(key, theirs)
        mac.update(message)
        assert our_hmac.hmac(ours, key, message) == mac.finalize()
        derived = HKDF(theirs, length, salt=key, info=message).derive(b"secret")
        assert hkdf.expand(ours, hkdf.extract(ours, key, b"secret"), message, length) == derived


@few
@given(st.lists(st.binary(max_size=300), max_size=5))
def test_sha384_and_sha512_agree_whatever_the_pieces(pieces):
    for ours, theirs in (
        (sha512.sha384(), hashlib.sha384(b"".join(pieces))),
        (sha512.sha512(), hashlib.sha512(b"".join(pieces))),
    ):
        for piece in pieces:
            ours.update(piece)
        assert ours.digest() == theirs.digest()


@few
@given(keys_32, keys_32)
def test_x25519_agrees(mine, yours):
    private = x25519.X25519PrivateKey.from_private_bytes(mine)
    public = x25519.X25519PrivateKey.from_private_bytes(yours).public_key()
    assert our_x25519.public_key(mine) == private.public_key().public_bytes_raw()
    assert our_x25519.x25519(mine, public.public_bytes_raw()) == private.exchange(public)


@few
@given(private_keys, private_keys)
def test_p256_key_exchange_agrees(mine, yours):
    key_exchange_agrees(p256, ec.SECP256R1(), mine, yours)


@few
@given(private_keys, private_keys, st.integers(0, 255))
def test_p384_key_exchange_agrees(mine, yours, top):
    mine = mine[:16] + mine
    yours = yours + yours[-15:] + bytes((top,))
    assume(p384.valid_private(mine) and p384.valid_private(yours))
    key_exchange_agrees(p384, ec.SECP384R1(), mine, yours)


def key_exchange_agrees(curve, theirs, mine, yours):
    private = ec.derive_private_key(int.from_bytes(mine, "big"), theirs)
    public = ec.derive_private_key(int.from_bytes(yours, "big"), theirs).public_key()
    assert curve.public_key(mine) == private.public_key().public_bytes(*UNCOMPRESSED)
    secret = curve.shared_secret(mine, public.public_bytes(*UNCOMPRESSED))
    assert secret == private.exchange(ec.ECDH(), public)


def der_integer(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(data))) + data


tlv = st.one_of(
    st.integers(0, 1 << 384).map(der_integer),
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=8)).map(
        lambda parts: bytes(parts[:2]) + parts[2]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(tlv, max_size=3).map(b"".join), st.integers(-1, 1), st.binary(max_size=2))
def test_a_signature_parses_only_from_its_one_encoding(body, length_error, behind):
    der = bytes((0x30, (len(body) + length_error) & 0xFF)) + body + behind
    integers = ecdsa.parse_signature(der)
    if integers is not None:
        encoded = b"".join(map(der_integer, integers))
        assert der == bytes((0x30, len(encoded))) + encoded


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=140))
def test_any_bytes_as_signature_or_point_are_refused_without_accident(data):
    key = (signature.KEY_EC_P256, p256.public_key(bytes(31) + b"\x02"))
    assert signature.verify(0x0403, key, bytes(32), data) is False
    with pytest.raises(ValueError, match=r"^p256\."):
        p256.CURVE.decode(b"\x04" + data)


@few
@given(private_keys, st.binary(max_size=64), st.integers(0, 255))
def test_ecdsa_signatures_verify_and_changed_ones_do_not(private, message, bit):
    signer = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    der = signer.sign(message, ec.ECDSA(hashes.SHA256()))
    key = (signature.KEY_EC_P256, signer.public_key().public_bytes(*UNCOMPRESSED))
    digest = hashlib.sha256(message).digest()
    assert signature.verify(0x0403, key, digest, der)
    other = bytearray(digest)
    other[bit >> 3] ^= 1 << (bit & 7)
    assert not signature.verify(0x0403, key, bytes(other), der)
    longer = digest + b"longer hashes are cut"
    assert signature.verify(0x0403, key, longer, der)


@few
@given(private_keys, st.binary(max_size=64), st.booleans())
def test_our_ecdsa_signatures_are_the_deterministic_ones_and_verify_elsewhere(
    private, message, large
):
    kind, scheme, curve, theirs = 1, 0x0403, ec.SECP256R1(), hashes.SHA256()
    if large:
        kind, scheme, curve, theirs = 3, 0x0503, ec.SECP384R1(), hashes.SHA384()
        private = bytes(16) + private
    key = (kind, private)
    signer = ec.derive_private_key(int.from_bytes(private, "big"), curve)
    digest = hashlib.new(theirs.name, message).digest()
    expected = signer.sign(message, ec.ECDSA(theirs, deterministic_signing=True))
    assert ecdsa_sign.sign(signature.hash_of(scheme), key, digest) == expected
    hedged = signature.sign(scheme, key, digest, SystemEntropy())
    signer.public_key().verify(hedged, message, ec.ECDSA(theirs))
    assert signature.public_of(key)[1] == signer.public_key().public_bytes(*UNCOMPRESSED)


@pytest.mark.parametrize("digest", [bytes(32), b"\xff" * 32, P256_ORDER.to_bytes(32, "big")])
def test_digests_beyond_the_order_are_signed_as_others_sign_them(digest):
    private = bytes(range(1, 33))
    signer = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    algorithm = ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True)
    signed = ecdsa_sign.sign(SHA256, (signature.KEY_EC_P256, private), digest)
    assert signed == signer.sign(digest, algorithm)


@few
@given(keys_32, st.binary(max_size=300), st.integers(0, 511))
def test_ed25519_agrees(seed, message, bit):
    signer = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    key = (signature.KEY_ED25519, seed)
    public = signature.public_of(key)
    assert public[1] == signer.public_key().public_bytes_raw()
    signed = bytearray(signature.sign(0x0807, key, message, None))
    assert signed == signer.sign(message)
    assert signature.verify(0x0807, public, message, signed)
    signed[bit >> 3] ^= 1 << (bit & 7)
    assert not signature.verify(0x0807, public, message, signed)


@few
@given(st.binary(min_size=32, max_size=32))
def test_ed25519_decodes_the_points_others_decode(data):
    point = our_ed25519._decode(data)
    if point is None:
        return
    x, y = point
    assert (y * y - x * x - 1 - our_ed25519._D * x * x * y * y) % our_ed25519._P == 0
    assert y | (x & 1) << 255 == int.from_bytes(data, "little")


@pytest.mark.parametrize("bits", [2048, 2049, 2055, 2056, 2057, 3072, 4096])
def test_rsa_agrees(bits):
    signer = rsa.generate_private_key(65537, bits)
    private = signer.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = signature.public_of((signature.KEY_RSA, private))
    assert public[1] == signer.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    )
    for pss, pkcs1, hash_ in (
        (0x0804, 0x0401, hashes.SHA256()),
        (0x0805, 0x0501, hashes.SHA384()),
        (0x0806, 0x0601, hashes.SHA512()),
    ):
        digest = hashlib.new(hash_.name, b"message").digest()
        padded = padding.PSS(padding.MGF1(hash_), hash_.digest_size)
        ours = signature.sign(pss, (signature.KEY_RSA, private), digest, SystemEntropy())
        signer.public_key().verify(ours, b"message", padded, hash_)
        for scheme, theirs in ((pss, padded), (pkcs1, padding.PKCS1v15())):
            signed = signer.sign(b"message", theirs, hash_)
            assert signature.verify_certificate(scheme, public, digest, signed)
            assert signature.verify(scheme, public, digest, signed) is (scheme == pss)
            assert not signature.verify_certificate(scheme, public, digest[::-1], signed)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600), st.binary(max_size=600))
def test_any_bytes_as_key_or_signature_are_refused_without_accident(key, signed):
    for scheme in signature.schemes():
        for kind in range(6):
            assert signature.verify_certificate(scheme, (kind, key), bytes(32), signed) is False


def test_comb_table_holds_the_multiples_it_should():
    for module, curve, spacing in ((p256, ec.SECP256R1(), 52), (p384, ec.SECP384R1(), 77)):
        for entry, point in enumerate(module._COMB):
            k = comb_scalar(entry, spacing) % module._N
            numbers = ec.derive_private_key(k, curve).public_key().public_numbers()
            assert point == (numbers.x, numbers.y)


def test_comb_table_of_ed25519_holds_the_multiples_it_should():
    prime = our_ed25519._P
    for entry, (plus, minus, product, twice_z) in enumerate(our_ed25519._COMB):
        k = comb_scalar(entry, 51) % our_ed25519._L
        # Doubling and adding the base point, which is what entry 0 of no table can vouch for.
        total = our_ed25519._NEUTRAL
        base = our_ed25519._prepared((*BASE_POINT, 1, BASE_POINT[0] * BASE_POINT[1] % prime))
        for bit in range(252, -1, -1):
            total = our_ed25519._double(total)
            if k >> bit & 1:
                total = our_ed25519._add(total, base)
        inverse = pow(total[2], -1, prime)
        x, y = total[0] * inverse % prime, total[1] * inverse % prime
        expected = ((y + x) % prime, (y - x) % prime, 2 * our_ed25519._D * x * y % prime, 2)
        assert (plus, minus, product, twice_z) == expected


def comb_scalar(entry, spacing):
    k = 1 << (4 * spacing)
    for tooth in range(4):
        k += (1 if entry >> tooth & 1 else -1) << (spacing * tooth)
    return k
