"""`hil trust`: the store it builds is the one a board reads, and complaints name their place."""

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hil.tlsrig.pki import make_root
from tlscore.trust import anchor_from_certificate
from tlscore.trust_store import TrustStore

NOW = int(datetime.datetime.now(datetime.timezone.utc).timestamp())


@pytest.fixture(scope="module")
def roots():
    """Three roots of different kinds, PEM."""
    made = [make_root(f"root {kind}", NOW, kind) for kind in ("p256", "rsa2048", "ed25519")]
    return [root.certificate.public_bytes(serialization.Encoding.PEM) for root in made]


def anchors(pems):
    """Return what the core makes of certificates."""
    loaded = [x509.load_pem_x509_certificate(pem) for pem in pems]
    encoded = [each.public_bytes(serialization.Encoding.DER) for each in loaded]
    return sorted(anchor_from_certificate(der) for der in encoded)


def self_signed(key, ended, algorithm=None):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old or odd")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key())
    builder = builder.not_valid_before(datetime.datetime(2001, 1, 1)).not_valid_after(ended)
    return builder.sign(key, algorithm or hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_every_certificate_of_several_bundles_is_in_the_store(hil, roots, tmp_path):
    (tmp_path / "a.pem").write_bytes(b"# some roots\n" + roots[0] + b"text between\n" + roots[1])
    der = x509.load_pem_x509_certificate(roots[2]).public_bytes(serialization.Encoding.DER)
    (tmp_path / "b.der").write_bytes(der)
    store = tmp_path / "trust.bin"
    status, out, err = hil("trust", "build", tmp_path / "a.pem", tmp_path / "b.der", "-o", store)
    assert status == 0
    assert f"{store}: 3 anchors" in out
    assert err.count("taken") == 3
    built = TrustStore(store.read_bytes())
    assert [built.row(number) for number in range(built.count)] == anchors(roots)


def test_duplicates_are_merged_and_named(hil, roots, tmp_path):
    bundle, store = tmp_path / "roots.pem", tmp_path / "trust.bin"
    bundle.write_bytes(roots[0] + roots[1] + roots[0])
    status, out, err = hil("trust", "build", bundle, "-o", store)
    assert (status, TrustStore(store.read_bytes()).count) == (0, 2)
    assert "1 duplicates merged" in out
    assert f"{bundle}: certificate 3: the same anchor as {bundle}: certificate 1" in err


def test_what_a_board_could_not_use_is_left_out_with_its_place_and_reason(hil, roots, tmp_path):
    bundle, store = tmp_path / "roots.pem", tmp_path / "trust.bin"
    odd = self_signed(ec.generate_private_key(ec.SECP521R1()), datetime.datetime(2099, 1, 1))
    bundle.write_bytes(odd + roots[0])
    status, out, err = hil("trust", "build", "-q", bundle, "-o", store)
    assert (status, TrustStore(store.read_bytes()).count) == (0, 1)
    assert "1 left out" in out
    place = f"left out   {bundle}: certificate 1: CN=old or odd: certificate.unsupported_key"
    assert err.splitlines() == [place]


def test_an_expired_root_is_left_out_unless_it_is_wanted(hil, roots, tmp_path):
    bundle, store = tmp_path / "roots.pem", tmp_path / "trust.bin"
    key = ec.generate_private_key(ec.SECP256R1())
    bundle.write_bytes(self_signed(key, datetime.datetime(2011, 1, 1)) + roots[0])
    _, _, err = hil("trust", "build", bundle, "-o", store)
    assert "certificate 1: CN=old or odd: expired on 2011-01-01" in err
    assert TrustStore(store.read_bytes()).count == 1
    hil("trust", "build", "--keep-expired", bundle, "-o", store)
    assert TrustStore(store.read_bytes()).count == 2


def test_a_root_with_a_serial_number_of_zero_is_an_anchor_like_any_other(hil, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = self_signed(key, datetime.datetime(2099, 1, 1))
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    file, store = tmp_path / "zero.der", tmp_path / "trust.bin"
    file.write_bytes(der.replace(b"\x02\x01\x01\x30", b"\x02\x01\x00\x30", 1))
    assert hil("trust", "build", file, "-o", store)[0] == 0


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda pem: pem.replace(b"a", b"!"), "certificate 2: bad base64"),
        (lambda pem: pem[:-40], "certificate 2 has no END line"),
    ],
)
def test_a_damaged_bundle_is_refused_with_the_certificates_number(
    hil, roots, tmp_path, damage, complaint
):
    bundle, store = tmp_path / "roots.pem", tmp_path / "trust.bin"
    bundle.write_bytes(roots[0] + damage(roots[1]))
    status, _, err = hil("trust", "build", bundle, "-o", store)
    assert status == 1
    assert f"hil: {bundle}: {complaint}" in err
    assert not store.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "No such file"), (b"nothing", "holds no certificate"), (b"0\x03abc", "no store was")],
)
def test_a_file_without_anchors_is_refused(hil, tmp_path, content, complaint):
    file, store = tmp_path / "roots.pem", tmp_path / "trust.bin"
    if content is not None:
        file.write_bytes(content)
    status, _, err = hil("trust", "build", file, "-o", store)
    assert status == 1
    assert complaint in err
    assert not store.exists()


def test_a_list_shows_kinds_and_the_names_it_is_given_certificates_for(hil, roots, tmp_path):
    bundle, store = tmp_path / "roots.pem", tmp_path / "trust.bin"
    bundle.write_bytes(b"".join(roots))
    hil("trust", "build", bundle, "-o", store)
    status, out, _ = hil("trust", "list", store)
    assert status == 0
    assert out.splitlines()[-1] == "3 anchors"
    assert {line.split("  ")[1] for line in out.splitlines()[:-1]} == {
        "P-256",
        "RSA 2048",
        "Ed25519",
    }
    subject = x509.load_pem_x509_certificate(roots[1]).subject
    assert hashlib.sha256(subject.public_bytes()).hexdigest()[:16] in out
    assert "CN=root rsa2048" not in out
    assert "RSA 2048  CN=root rsa2048" in hil("trust", "list", store, bundle)[1]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda data: data[:-1], "is cut off"),
        (lambda data: data[:-1] + b"?", "is damaged"),
        (lambda _data: b"something else", "is no trust store"),
        (lambda data: data[:9] + b"\x09" + data[10:], "is a trust store of another version"),
    ],
)
def test_a_store_that_was_damaged_is_not_listed(hil, roots, tmp_path, damage, complaint):
    bundle, store = tmp_path / "roots.pem", tmp_path / "trust.bin"
    bundle.write_bytes(roots[0])
    hil("trust", "build", bundle, "-o", store)
    store.write_bytes(damage(store.read_bytes()))
    status, _, err = hil("trust", "list", store)
    assert status == 1
    assert f"hil: {store}: {complaint}" in err
