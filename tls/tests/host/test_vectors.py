"""Every published vector on CPython, and random inputs against the `cryptography` package."""

import hashlib
import re
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from tlscore.crypto import aead, ecdsa, hkdf, p256, signature
from tlscore.crypto import hmac as our_hmac
from tlscore.crypto import x25519 as our_x25519
from tlscore.crypto.hashes import SHA256

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "portable"))
try:
    import vector_checks
finally:
    sys.path.pop(0)

FILES = sorted((TESTS / "vectors").glob("*.txt"))
EXPECTED_CASES = {
    "aes_gcm-cavp": 375,
    "aes_gcm-wycheproof": 66,
    "chacha20-rfc8439": 3,
    "chacha20_poly1305-openssl": 5,
    "chacha20_poly1305-wycheproof": 164,
    "ecdh_p256-wycheproof": 177,
    "ecdsa_p256-cavp": 15,
    "ecdsa_p256-wycheproof": 240,
    "hkdf-rfc5869": 3,
    "hkdf-wycheproof": 43,
    "hmac-wycheproof": 88,
    "poly1305-rfc8439": 11,
    "x25519-rfc7748": 2,
    "x25519-wycheproof": 258,
    "x25519_iterated-rfc7748": 2,
}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
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
        (aead.AesGcm(key_32), AESGCM(key_32)),
        (aead.chacha20_poly1305(key_32), ChaCha20Poly1305(key_32)),
    ):
        buffer = bytearray(text) + bytes(16)
        ours.seal(nonce, aad, buffer, 0, len(text))
        assert buffer == theirs.encrypt(nonce, text, aad)
        assert ours.open(nonce, aad, buffer, 0, len(buffer))
        assert buffer[: len(text)] == text


@few
@given(keys_32, nonces, st.binary(min_size=16, max_size=100))
def test_aeads_agree_on_forgeries(key, nonce, sealed):
    for ours, theirs in (
        (aead.AesGcm(key), AESGCM(key)),
        (aead.chacha20_poly1305(key), ChaCha20Poly1305(key)),
    ):
        buffer = bytearray(sealed)
        assert not ours.open(nonce, b"", buffer, 0, len(buffer))
        assert buffer == sealed
        with pytest.raises(InvalidTag):
            theirs.decrypt(nonce, sealed, b"")


@few
@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(1, 300))
def test_hmac_and_hkdf_agree(key, message, length):
    theirs = hmac.HMAC(key, hashes.SHA256())
    theirs.update(message)
    assert our_hmac.hmac(SHA256, key, message) == theirs.finalize()
    derived = HKDF(hashes.SHA256(), length, salt=key, info=message).derive(b"secret")
    assert hkdf.expand(SHA256, hkdf.extract(SHA256, key, b"secret"), message, length) == derived


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
    private = ec.derive_private_key(int.from_bytes(mine, "big"), ec.SECP256R1())
    public = ec.derive_private_key(int.from_bytes(yours, "big"), ec.SECP256R1()).public_key()
    assert p256.public_key(mine) == private.public_key().public_bytes(*UNCOMPRESSED)
    secret = p256.shared_secret(mine, public.public_bytes(*UNCOMPRESSED))
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


def test_comb_table_holds_the_multiples_it_should():
    for entry, point in enumerate(p256._COMB):
        k = 1 << 208
        for tooth in range(4):
            k += (1 if entry >> tooth & 1 else -1) << (52 * tooth)
        numbers = ec.derive_private_key(k % P256_ORDER, ec.SECP256R1()).public_key()
        assert point == (numbers.public_numbers().x, numbers.public_numbers().y)
