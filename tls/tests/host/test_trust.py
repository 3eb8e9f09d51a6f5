"""Trust anchors in memory, and anchors made of certificates."""

import ast
import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from tlscore.crypto.signature import KEY_EC_P256
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.trust import PinnedKeys, TrustAnchors, anchor_from_certificate

NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
CA = x509.BasicConstraints(ca=True, path_length=None)
KEY_USAGE = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
KEY_USAGE_DER = bytes.fromhex("03020106")
KEY_USAGE_NOT_DER = bytes.fromhex("03020006")


def certificate(*extensions, key=None):
    """Return a self-signed certificate in DER and its public key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime(2025, 1, 1)
    builder = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(9))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    algorithm = None if isinstance(key, ed448.Ed448PrivateKey) else hashes.SHA256()
    der = builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)
    if algorithm is None:
        return der, None
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return der, point


def test_anchors_are_found_by_the_hash_of_their_name_only():
    rows = [(bytes(32), (1, b"a")), (b"\x01" * 32, (1, b"b")), (bytes(32), (1, b"c"))]
    store = TrustAnchors(rows)
    assert list(store.anchors(bytes(32))) == [(1, b"a"), (1, b"c")]
    assert list(store.anchors(b"\x02" * 32)) == []


def test_a_store_without_anchors_is_refused():
    with pytest.raises(UsageError) as refused:
        TrustAnchors([])
    assert refused.value.reason == "trust.empty"


@pytest.mark.parametrize(
    "row", [(bytes(32),), (bytes(31), (1, b"a")), (bytes(32), (1,)), (bytes(32), (1, b"", b"", 0))]
)
def test_a_malformed_row_is_refused(row):
    with pytest.raises(UsageError) as refused:
        TrustAnchors([row])
    assert refused.value.reason == "trust.malformed_row"


@pytest.mark.parametrize("pins", [[b""], [bytes(31)], ["00" * 32], [bytes(32), bytes(33)]])
def test_a_pin_that_is_no_digest_is_refused(pins):
    for make in (PinnedKeys, lambda pins: TrustAnchors([(bytes(32), (1, b"a"))], pins)):
        with pytest.raises(UsageError) as refused:
            make(pins)
        assert refused.value.reason == "trust.malformed_pin"


def test_pinning_nothing_is_refused():
    for make in (PinnedKeys, lambda pins: TrustAnchors([(bytes(32), (1, b"a"))], pins)):
        with pytest.raises(UsageError) as refused:
            make([])
        assert refused.value.reason == "trust.empty"


def test_a_key_usage_with_trailing_zero_bits_is_no_reason_to_distrust_an_anchor():
    der, _ = certificate(CA, KEY_USAGE)
    loose = der.replace(KEY_USAGE_DER, KEY_USAGE_NOT_DER)
    assert len(loose) == len(der)
    assert loose != der
    assert anchor_from_certificate(loose) == anchor_from_certificate(der)


def test_limits_that_are_not_der_are_refused_because_the_chain_could_not_read_them():
    der, _ = certificate(x509.BasicConstraints(ca=True, path_length=0), KEY_USAGE)
    assert len(anchor_from_certificate(der)[1]) == 3
    with pytest.raises(PeerMisbehaved) as refused:
        anchor_from_certificate(der.replace(KEY_USAGE_DER, KEY_USAGE_NOT_DER))
    assert refused.value.reason == "certificate.der.bit_string"


def test_an_unconstrained_authority_becomes_its_name_and_key():
    der, point = certificate(CA)
    anchor = anchor_from_certificate(der)
    assert anchor == (hashlib.sha256(NAME.public_bytes()).digest(), (KEY_EC_P256, point))


def test_an_anchor_is_made_of_plain_literals():
    der, _ = certificate(x509.BasicConstraints(ca=True, path_length=1))
    anchor = anchor_from_certificate(der)
    assert ast.literal_eval(repr(anchor)) == anchor


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (x509.BasicConstraints(ca=False, path_length=None),),
        (x509.BasicConstraints(ca=True, path_length=0),),
        (CA, x509.NameConstraints([x509.DNSName("example")], None)),
        (CA, x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH])),
    ],
)
def test_what_limits_an_authority_is_kept(extensions):
    der, point = certificate(*extensions)
    _, key = anchor_from_certificate(der)
    assert key[:2] == (KEY_EC_P256, point)
    parsed = x509.load_der_x509_certificate(der)
    for extension in parsed.extensions:
        assert extension.value.public_bytes() in key[2]


def test_serial_number_validity_and_signature_of_an_anchor_are_not_judged():
    der, point = certificate(CA)
    damaged = der[:-1] + bytes([der[-1] ^ 1])
    assert anchor_from_certificate(damaged)[1] == (KEY_EC_P256, point)


def test_a_key_of_an_unknown_kind_is_refused():
    der, _ = certificate(CA, key=ed448.Ed448PrivateKey.generate())
    with pytest.raises(PeerMisbehaved) as refused:
        anchor_from_certificate(der)
    assert refused.value.reason == "certificate.unsupported_key"


@pytest.mark.parametrize(
    "damage", [lambda der: der[:-1], lambda der: der + b"\0", lambda _der: b""]
)
def test_a_malformed_certificate_is_refused(damage):
    der, _ = certificate(CA)
    with pytest.raises(PeerMisbehaved) as refused:
        anchor_from_certificate(damage(der))
    assert refused.value.reason.startswith("certificate.der.")
