"""Pinned keys: beside anchors, instead of them, and of raw public keys (RFC 7250)."""

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from tlscore.clock import FixedClock
from tlscore.crypto.signature import KEY_EC_P256
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.trust import PinnedKeys, TrustAnchors
from tlscore.x509.chain import ChainVerifier
from tlscore.x509.raw_key import RawKeyVerifier

NOW = 1_768_478_400
NOT_PINNED = ("certificate.not_pinned", 46)


def info(private_key):
    """Return the SubjectPublicKeyInfo of a key."""
    return private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pin(private_key):
    return hashlib.sha256(info(private_key)).digest()


def feed(verifier, entries, piece_bytes):
    """Return the key that is verified, or the reason and alert."""
    try:
        for entry in entries:
            verifier.begin(len(entry))
            for start in range(0, len(entry), piece_bytes):
                verifier.push(memoryview(entry)[start : start + piece_bytes])
            verifier.end()
        return verifier.finish()
    except PeerMisbehaved as refused:
        return refused.reason, refused.alert


def chain_verdict(trust, certificates, name="server.example", now=NOW):
    """Return the number of signatures verified, or the reason and alert."""
    results = set()
    for piece_bytes in (1, 7, 1 << 20):
        verifier = ChainVerifier(trust, FixedClock(now), name)
        result = feed(verifier, certificates, piece_bytes)
        results.add(verifier.signatures_verified if result[0] == KEY_EC_P256 else result)
    assert len(results) == 1
    return results.pop()


class TestPinsBesideAnchors:
    @pytest.mark.parametrize("pinned", ["server.example", "intermediate"])
    def test_a_pinned_key_anywhere_in_the_chain_will_do(self, forge, pinned):
        trust = TrustAnchors([forge.anchor("root")], [bytes(32), pin(forge.key(pinned))])
        assert chain_verdict(trust, [forge.leaf("intermediate"), forge.authority()]) == 2

    def test_a_chain_without_a_pinned_key_is_refused(self, forge):
        trust = TrustAnchors([forge.anchor("root")], [pin(forge.key("elsewhere"))])
        chain = [forge.leaf("intermediate"), forge.authority()]
        assert chain_verdict(trust, chain) == NOT_PINNED

    def test_a_pinned_key_that_is_not_part_of_the_path_does_not_count(self, forge):
        trust = TrustAnchors([forge.anchor("root")], [pin(forge.key("unneeded"))])
        chain = [forge.leaf("intermediate"), forge.authority("unneeded"), forge.authority()]
        assert chain_verdict(trust, chain) == NOT_PINNED

    def test_a_pinned_key_does_not_replace_the_anchor(self, forge):
        trust = TrustAnchors([forge.anchor("other root")], [pin(forge.key("server.example"))])
        assert chain_verdict(trust, [forge.leaf()]) == ("certificate.unknown_ca", 48)


class TestPinsInsteadOfAnchors:
    def test_a_pinned_leaf_needs_no_issuer(self, forge):
        trust = PinnedKeys([pin(forge.key("server.example"))])
        assert chain_verdict(trust, [forge.leaf("anybody")]) == 0
        assert chain_verdict(trust, [forge.leaf("intermediate"), b"not even DER"]) == 0

    def test_an_unpinned_leaf_of_a_pinned_issuer_is_refused(self, forge):
        trust = PinnedKeys([pin(forge.key("intermediate"))])
        chain = [forge.leaf("intermediate"), forge.authority()]
        assert chain_verdict(trust, chain) == NOT_PINNED

    def test_name_and_validity_are_judged_all_the_same(self, forge):
        trust = PinnedKeys([pin(forge.key("server.example"))])
        leaf = [forge.leaf()]
        assert chain_verdict(trust, leaf, "a.b") == ("certificate.name_mismatch", 42)
        assert chain_verdict(trust, leaf, now=1 << 31) == ("certificate.expired", 45)


class TestRawPublicKeys:
    @pytest.mark.parametrize(
        "private_key",
        [
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP384R1()),
            ed25519.Ed25519PrivateKey.generate(),
            rsa.generate_private_key(65537, 2048),
        ],
        ids=["p256", "p384", "ed25519", "rsa2048"],
    )
    @pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
    def test_a_pinned_key_is_returned(self, private_key, piece_bytes):
        trust = PinnedKeys([bytes(32), pin(private_key)])
        _kind, public = feed(RawKeyVerifier(trust), [info(private_key)], piece_bytes)
        assert info(private_key).endswith(public)

    def test_the_pins_of_a_store_with_anchors_do_as_well(self, forge):
        key = forge.key("any")
        trust = TrustAnchors([forge.anchor("root")], [pin(key)])
        assert feed(RawKeyVerifier(trust), [info(key)], 100) == (KEY_EC_P256, forge.point("any"))

    def test_another_key_is_refused(self, forge):
        trust = PinnedKeys([pin(forge.key("any"))])
        assert feed(RawKeyVerifier(trust), [info(forge.key("other"))], 100) == NOT_PINNED

    def test_a_key_of_an_unsupported_kind_is_refused_even_if_it_is_pinned(self):
        key = ed448.Ed448PrivateKey.generate()
        verdict = feed(RawKeyVerifier(PinnedKeys([pin(key)])), [info(key)], 100)
        assert verdict == ("certificate.unsupported_key", 43)

    def test_no_key_and_two_keys_are_refused(self, forge):
        key = forge.key("any")
        trust = PinnedKeys([pin(key)])
        assert feed(RawKeyVerifier(trust), [], 1) == ("certificate.empty_chain", 50)
        two = feed(RawKeyVerifier(trust), [info(key)] * 2, 100)
        assert two == ("certificate.chain_too_long", 42)

    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            (lambda der: der + b"\0", "der.trailing_bytes"),
            (lambda der: der[:-1], "der.length_overrun"),
            (lambda _der: b"", "der.missing_element"),
            (lambda _der: bytes(601), "too_long"),
        ],
    )
    def test_anything_but_one_key_in_der_is_refused(self, forge, damage, reason):
        key = forge.key("any")
        verdict = feed(RawKeyVerifier(PinnedKeys([pin(key)])), [damage(info(key))], 100)
        assert verdict[0] == "certificate." + reason

    def test_a_store_without_pins_is_refused(self, forge):
        with pytest.raises(UsageError) as refused:
            RawKeyVerifier(TrustAnchors([forge.anchor("root")]))
        assert refused.value.reason == "trust.no_pins"
