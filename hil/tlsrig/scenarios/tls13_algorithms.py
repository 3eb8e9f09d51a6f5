"""TLS 1.3 with every cipher suite, group and kind of certificate the board has, as client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hil.tlsrig.scenario import BoardSide, PeerSide, Scenario, Success
from hil.tlsrig.scenarios import (
    AES_128_CCM,
    AES_128_CCM_8,
    AES_128_GCM,
    AES_256_GCM,
    CHAIN_SIGNATURES,
    ECDSA_P256,
    FOOTPRINT,
)


def _suite(name: str, suite: str, summary: str) -> Scenario:
    return Scenario(
        name=name,
        summary=summary,
        board=BoardSide(suites=(suite,)),
        peer=PeerSide(suites=(suite,)),
        expect=Success(("TLSv1.3", suite, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    )


def _certificates(
    variant: str, signature: str, summary: str, signature_from: Mapping[str, str] | None = None
) -> Scenario:
    """`signature_from`: the scheme that the peers named here choose of those the board takes."""
    expect = Success(("TLSv1.3", AES_128_GCM, "x25519", signature), CHAIN_SIGNATURES)
    return Scenario(
        name=f"tls13-x509-{variant}",
        summary=summary,
        peer=PeerSide(certificates=variant),
        expect=expect,
        expect_from={
            peer: replace(expect, negotiated=(*expect.negotiated[:3], chosen))
            for peer, chosen in (signature_from or {}).items()
        },
        measure=FOOTPRINT,
    )


SCENARIOS = (
    _suite("tls13-aes256", AES_256_GCM, "AES-256-GCM with SHA-384"),
    _suite("tls13-ccm", AES_128_CCM, "AES-128-CCM"),
    _suite("tls13-ccm8", AES_128_CCM_8, "AES-128-CCM with short tags"),
    _certificates(
        "rsa2048",
        "rsa_pss_rsae_sha256",
        "root, intermediate and leaf with RSA-2048",
        {"tlslite": "rsa_pss_rsae_sha512", "deno": "rsa_pss_rsae_sha512"},
    ),
    _certificates("ed25519", "ed25519", "root, intermediate and leaf with Ed25519"),
    _certificates("p384", "ecdsa_secp384r1_sha384", "root, intermediate and leaf with P-384"),
    _certificates("mixed", ECDSA_P256, "a P-384 root, an RSA-2048 intermediate, a P-256 leaf"),
    Scenario(
        name="tls13-group-p256",
        summary="key exchange on P-256 at the first attempt",
        board=BoardSide(groups=("secp256r1",), key_shares=("secp256r1",)),
        expect=Success(("TLSv1.3", AES_128_GCM, "secp256r1", ECDSA_P256), CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-group-p384",
        summary="key exchange on P-384",
        board=BoardSide(groups=("secp384r1",), key_shares=("secp384r1",)),
        peer=PeerSide(groups=("secp384r1",)),
        expect=Success(("TLSv1.3", AES_128_GCM, "secp384r1", ECDSA_P256), CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-key-update",
        summary="the board updates its key between data, twice, and asks for the same",
        board=BoardSide(key_updates=2),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
    ),
    Scenario(
        name="tls13-raw-public-key",
        summary="the server shows its bare key, which the board has pinned (RFC 7250)",
        raw_public_keys=("server",),
        # CertificateVerify alone: there is no chain.
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), 1),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-mutual-raw-public-key",
        summary="both show their bare keys",
        raw_public_keys=("server", "client"),
        board=BoardSide(certificates="client"),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), 1),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-record-size-limit",
        summary="the board takes records of 512 bytes, the chain is twelve times as long",
        board=BoardSide(max_record_bytes=512),
        peer=PeerSide(certificates="large", max_record_bytes=None),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    ),
)
