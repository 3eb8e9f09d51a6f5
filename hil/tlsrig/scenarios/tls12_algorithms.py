"""TLS 1.2: every group and every kind of certificate, the board in either role."""

from __future__ import annotations

from hil.tlsrig.scenario import AGREED, BoardSide, PeerSide, Scenario, Success
from hil.tlsrig.scenarios import CHAIN_SIGNATURES, FOOTPRINT

_ONLY = ("TLSv1.2",)
_ECDSA_GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
# In TLS 1.2 the curves of certificates are among the groups (RFC 8422 §5.1.1).
_CURVES = ("secp256r1", "secp384r1")


def _success(group: str, signatures_verified: int) -> Success:
    # Peers differ in the hash that they sign with.
    return Success(("TLSv1.2", _ECDSA_GCM, group, AGREED), signatures_verified)


def _client(name: str, summary: str, group: str, certificates: str = "valid") -> Scenario:
    return Scenario(
        name=f"tls12-{name}",
        summary=summary,
        board=BoardSide(
            versions=_ONLY, suites=(_ECDSA_GCM,), groups=("x25519", *_CURVES), key_shares=()
        ),
        peer=PeerSide(versions=_ONLY, groups=(group,), certificates=certificates),
        expect=_success(group, CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    )


def _server(name: str, summary: str, group: str, certificates: str = "valid") -> Scenario:
    return Scenario(
        name=f"tls12-server-{name}",
        summary=summary,
        board=BoardSide(
            role="server",
            versions=_ONLY,
            suites=(_ECDSA_GCM,),
            groups=(group,),
            key_shares=(),
            certificates=certificates,
        ),
        peer=PeerSide(versions=_ONLY, certificates=None),
        expect=_success(group, 0),
        measure=FOOTPRINT,
    )


SCENARIOS = (
    _client("group-p384", "key exchange on P-384", "secp384r1"),
    _client("x509-p384", "the server's keys are on P-384", "x25519", "p384"),
    _client("x509-ed25519", "the server's keys are Ed25519 (RFC 8422 §5.10)", "x25519", "ed25519"),
    _server("group-p256", "the board does key exchange on P-256 alone", "secp256r1"),
    _server("group-p384", "the board does key exchange on P-384 alone", "secp384r1"),
    _server("x509-p384", "the board's keys are on P-384", "x25519", "p384"),
    _server("x509-ed25519", "the board's keys are Ed25519 (RFC 8422 §5.10)", "x25519", "ed25519"),
)
