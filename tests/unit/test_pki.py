"""Certificates made for a run: they are what their plan says, and OpenSSL's readers accept them."""

import ast
import hashlib
import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hil.errors import HilError
from hil.tlsrig.pki import VARIANTS, Plan, make_chain, make_root, plan_of
from tlscore.clock import FixedClock
from tlscore.errors import PeerMisbehaved
from tlscore.trust import TrustAnchors, anchor_from_certificate
from tlscore.x509.chain import ChainVerifier
from tlscore.x509.extensions import CLIENT_AUTH, SERVER_AUTH

NOW = 1_768_478_400


def verdict(chain, name="localhost", purpose=SERVER_AUTH):
    """Return what the TLS core makes of a chain: signatures verified, or reason and alert."""
    verifier = ChainVerifier(TrustAnchors(chain.anchors), FixedClock(NOW), name, purpose)
    try:
        for certificate in chain.sent:
            verifier.begin(len(certificate))
            verifier.push(certificate)
            verifier.end()
        verifier.finish()
    except PeerMisbehaved as refused:
        return refused.reason, refused.alert
    return verifier.signatures_verified


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("valid", 2),
        ("wrong-name", ("certificate.name_mismatch", 42)),
        ("expired", ("certificate.expired", 45)),
        ("not-yet-valid", ("certificate.not_yet_valid", 45)),
        ("expired-intermediate", ("certificate.expired", 45)),
        ("untrusted-ca", ("certificate.unknown_ca", 48)),
        ("namesake-ca", ("certificate.bad_signature", 42)),
        ("bad-signature", ("certificate.bad_signature", 42)),
        ("rsa2048", 2),
        ("rsa-pss", 2),
        ("p384", 2),
        ("ed25519", 2),
        ("leaf-ed25519", 2),
        ("mixed", 2),
        ("large", 2),
        ("huge", 2),
        ("client-huge", 2),
        ("self-signed", 1),
        ("client", 2),
        ("client-rsa2048", 2),
        ("client-ed25519", 2),
        ("client-expired", ("certificate.expired", 45)),
        ("client-untrusted-ca", ("certificate.unknown_ca", 48)),
        ("client-wrong-purpose", ("certificate.extended_key_usage", 43)),
    ],
)
def test_each_variant_is_good_or_refused_for_its_one_reason(variant, expected):
    chain = make_chain(NOW, plan_of(variant))
    if variant.startswith("client"):
        assert verdict(chain, None, CLIENT_AUTH) == expected
    else:
        assert verdict(chain) == expected


def test_every_variant_is_tried_above():
    tried = test_each_variant_is_good_or_refused_for_its_one_reason.pytestmark[0].args[1]
    assert {variant for variant, _ in tried} == set(VARIANTS)


def test_a_large_chain_fills_more_than_a_record_of_4096_bytes():
    assert sum(map(len, make_chain(NOW, plan_of("large")).sent)) > 4096


def test_a_huge_chain_has_10_kb_and_no_zeros_that_could_be_padding():
    sent = make_chain(NOW, plan_of("huge")).sent
    assert 10_240 < sum(map(len, sent)) < 16_000
    assert bytes(8) not in b"".join(sent)


def test_clients_have_an_authority_of_their_own():
    client, server = make_chain(NOW, plan_of("client")), make_chain(NOW)
    assert client.anchors[0][0] != server.anchors[0][0]


def test_an_unknown_variant_is_refused_with_the_known_ones():
    with pytest.raises(HilError, match=r"'expird'.*not-yet-valid"):
        plan_of("expird")


def test_a_variant_changes_the_plan_it_is_given():
    plan = plan_of("expired", Plan(intermediates=2))
    assert plan.intermediates == 2
    assert plan.leaf_ends_s < 0


@pytest.mark.parametrize("intermediates", [0, 1, 3])
def test_a_chain_has_the_intermediates_asked_for(intermediates):
    chain = make_chain(NOW, Plan(intermediates=intermediates))
    assert len(chain.sent) == 1 + intermediates
    assert verdict(chain) == 1 + intermediates


def test_domain_names_and_addresses_become_alternative_names():
    chain = make_chain(NOW, Plan(server_names=("a.example", "*.b.example", "127.0.0.1", "::1")))
    for name in ("a.example", "c.b.example", "127.0.0.1", "::1"):
        assert verdict(chain, name) == 2
    assert verdict(chain, "b.example") == ("certificate.name_mismatch", 42)


def test_every_run_has_its_own_keys():
    assert make_chain(NOW).anchors != make_chain(NOW).anchors


def test_anchors_are_plain_literals_and_those_of_the_certificate():
    root = make_root("any", NOW)
    assert ast.literal_eval(repr(root.anchor)) == root.anchor
    der = root.certificate.public_bytes(serialization.Encoding.DER)
    assert anchor_from_certificate(der) == root.anchor
    assert root.anchor[0] == hashlib.sha256(root.certificate.subject.public_bytes()).digest()


class TestFiles:
    def test_a_server_can_load_what_is_written(self, tmp_path):
        files = make_chain(NOW).write(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.chain, files.private_key)
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(files.root)
        assert trusting.cert_store_stats()["x509_ca"] == 1

    def test_the_chain_is_the_leaf_and_then_the_intermediates(self, tmp_path):
        chain = make_chain(NOW, Plan(intermediates=2))
        files = chain.write(tmp_path)
        written = x509.load_pem_x509_certificates(files.chain.read_bytes())
        assert [each.public_bytes(serialization.Encoding.DER) for each in written] == list(
            chain.sent
        )
        assert files.intermediates is not None
        together = files.certificate.read_bytes() + files.intermediates.read_bytes()
        assert files.chain.read_bytes() == together

    def test_without_intermediates_there_is_no_file_of_them(self, tmp_path):
        assert make_chain(NOW, Plan(intermediates=0)).write(tmp_path).intermediates is None
        assert not (tmp_path / "intermediates.pem").exists()

    def test_the_root_file_is_the_one_the_board_trusts(self, tmp_path):
        chain = make_chain(NOW, plan_of("untrusted-ca"))
        files = chain.write(tmp_path)
        root = x509.load_pem_x509_certificate(files.root.read_bytes())
        assert root == chain.trusted_root.certificate
        assert root != chain.authorities[-1].certificate

    def test_only_we_can_read_the_private_key(self, tmp_path):
        files = make_chain(NOW).write(tmp_path)
        assert stat.S_IMODE(files.private_key.stat().st_mode) == 0o600

    def test_a_tampered_leaf_is_written_as_it_is(self, tmp_path):
        chain = make_chain(NOW, plan_of("bad-signature"))
        written = x509.load_pem_x509_certificate(chain.write(tmp_path).certificate.read_bytes())
        assert written.public_bytes(serialization.Encoding.DER) == chain.leaf
