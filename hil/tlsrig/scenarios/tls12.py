"""TLS 1.2 with certificates and with external keys, the board in either role.

Both ends speak TLS 1.2 alone, or the board both versions and its peer one of them. Where it is not
said otherwise both have extended master secret (RFC 7627), without which the board would refuse.
The suites of ECDHE_PSK with AES are no peer's that the farm has: they have no scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hil.tlsrig.scenario import (
    BoardSide,
    PeerSide,
    Refusal,
    Resumption,
    Scenario,
    SharedKey,
    Success,
)
from hil.tlsrig.scenarios import AES_128_GCM, CHAIN_SIGNATURES, ECDSA_P256, FOOTPRINT

_ONLY = ("TLSv1.2",)
_BOTH = ("TLSv1.3", "TLSv1.2")
_ECDSA_GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
_RSA_GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
_RSA = "rsa_pss_rsae_sha256"
# Who signs otherwise than the board would, of the schemes that both take: as servers, as clients
# to whom the board's server follows.
_SERVERS_CHOICE: Mapping[str, Mapping[str, str]] = {
    ECDSA_P256: {"tlslite": "ecdsa_secp384r1_sha384"},
    _RSA: {
        "bearssl": "rsa_pkcs1_sha256",
        "mbedtls": "rsa_pkcs1_sha256",
        "tlslite": "rsa_pss_rsae_sha512",
        "deno": "rsa_pss_rsae_sha512",
    },
}
_CLIENTS_CHOICE: Mapping[str, Mapping[str, str]] = {
    ECDSA_P256: {},
    _RSA: {"bearssl": "rsa_pkcs1_sha256", "mbedtls": "rsa_pkcs1_sha256"},
}

_CLIENT = BoardSide(versions=_ONLY)
_SERVER = BoardSide(role="server", versions=_ONLY, key_shares=(), certificates="valid")
_PEER_SERVER = PeerSide(versions=_ONLY, groups=("x25519",))
_PEER_CLIENT = PeerSide(versions=_ONLY, certificates=None)

# Every suite of certificates: name, suite, kind of certificate, how its owner signs.
_SUITES = (
    ("ecdsa-gcm", _ECDSA_GCM, "valid", ECDSA_P256),
    ("ecdsa-gcm256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "valid", ECDSA_P256),
    ("ecdsa-chacha20", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "valid", ECDSA_P256),
    ("ecdsa-ccm", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "valid", ECDSA_P256),
    ("ecdsa-ccm8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "valid", ECDSA_P256),
    ("rsa-gcm", _RSA_GCM, "rsa2048", _RSA),
    ("rsa-gcm256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "rsa2048", _RSA),
    ("rsa-chacha20", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "rsa2048", _RSA),
)
# Every suite of external keys alone, and those with ECDHE that others have as well.
_PSK_SUITES = (
    ("gcm", "TLS_PSK_WITH_AES_128_GCM_SHA256", None),
    ("ccm", "TLS_PSK_WITH_AES_128_CCM", None),
    ("ccm8", "TLS_PSK_WITH_AES_128_CCM_8", None),
    ("chacha20", "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", None),
    ("ecdhe-chacha20", "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "x25519"),
)


def _success(
    suite: str, signature: str | None = ECDSA_P256, signatures_verified: int = CHAIN_SIGNATURES
) -> Success:
    return Success(("TLSv1.2", suite, "x25519", signature), signatures_verified)


def _with_suite(name: str, suite: str, certificates: str, signature: str) -> tuple[Scenario, ...]:
    """Return a suite's scenarios: the board as client, and as server."""
    client = Scenario(
        name=f"tls12-{name}",
        summary=f"{suite}, the board as client",
        board=replace(_CLIENT, suites=(suite,)),
        peer=replace(_PEER_SERVER, suites=(suite,), certificates=certificates),
        expect=_success(suite, signature),
        expect_from=_chosen(_success(suite, signature), _SERVERS_CHOICE),
        measure=FOOTPRINT,
    )
    server = Scenario(
        name=f"tls12-server-{name}",
        summary=f"{suite}, the board as server",
        board=replace(_SERVER, suites=(suite,), certificates=certificates),
        peer=replace(_PEER_CLIENT, suites=(suite,)),
        expect=_success(suite, signature, 0),
        expect_from=_chosen(_success(suite, signature, 0), _CLIENTS_CHOICE),
        measure=FOOTPRINT,
    )
    return client, server


def _chosen(expect: Success, choice: Mapping[str, Mapping[str, str]]) -> Mapping[str, Success]:
    """Return how it ends with the peers that sign otherwise."""
    version, suite, group, signature = expect.negotiated
    assert signature is not None
    return {
        peer: replace(expect, negotiated=(version, suite, group, scheme))
        for peer, scheme in choice[signature].items()
    }


def _with_key(name: str, suite: str, group: str | None) -> tuple[Scenario, ...]:
    """Return the scenarios of a suite of external keys: the board as client, and as server."""
    key = SharedKey(mode="psk_ke" if group is None else "psk_dhe_ke")
    expect = Success(("TLSv1.2", suite, group, None), 0, psk=True)
    peer = PeerSide(versions=_ONLY, certificates=None, suites=(suite,), groups=("x25519",))
    client = Scenario(
        name=f"tls12-psk-{name}",
        summary=f"{suite}, the board as client",
        psk=key,
        board=replace(_CLIENT, suites=(suite,)),
        peer=peer,
        expect=expect,
        measure=FOOTPRINT,
    )
    server = Scenario(
        name=f"tls12-server-psk-{name}",
        summary=f"{suite}, the board as server",
        psk=key,
        board=replace(_SERVER, suites=(suite,), certificates=None),
        peer=peer,
        expect=expect,
        measure=FOOTPRINT,
    )
    return client, server


def _without_extended_master(
    name: str, suite: str, certificates: str, signature: str
) -> tuple[Scenario, ...]:
    """Return scenarios with a peer that has none, and a board that was told to bear with it."""
    client = Scenario(
        name=f"tls12-no-ems-{name}",
        summary=f"the server has no extended master secret and the board need not have it; {suite}",
        board=replace(_CLIENT, suites=(suite,), extended_master_secret=False),
        peer=replace(
            _PEER_SERVER, suites=(suite,), certificates=certificates, extended_master_secret=False
        ),
        expect=_success(suite, signature),
        expect_from=_chosen(_success(suite, signature), _SERVERS_CHOICE),
    )
    server = Scenario(
        name=f"tls12-server-no-ems-{name}",
        summary=f"the client has no extended master secret and the board need not have it; {suite}",
        board=replace(
            _SERVER, suites=(suite,), certificates=certificates, extended_master_secret=False
        ),
        peer=replace(_PEER_CLIENT, suites=(suite,), extended_master_secret=False),
        expect=_success(suite, signature, 0),
        expect_from=_chosen(_success(suite, signature, 0), _CLIENTS_CHOICE),
    )
    return client, server


def _refused(name: str, certificates: str, alert: str, reason: str, summary: str) -> Scenario:
    return Scenario(
        name=f"tls12-{name}",
        summary=summary,
        board=replace(_CLIENT, suites=(_ECDSA_GCM,)),
        peer=replace(_PEER_SERVER, certificates=certificates),
        expect=Refusal("board", alert, reason),
    )


_FULL = _success(_ECDSA_GCM)
_ON_P256 = replace(_FULL, negotiated=("TLSv1.2", _ECDSA_GCM, "secp256r1", ECDSA_P256))
_FULL_SERVED = replace(_FULL, signatures_verified=0)

SCENARIOS = (
    *(scenario for row in _SUITES for scenario in _with_suite(*row)),
    *(scenario for row in _PSK_SUITES for scenario in _with_key(*row)),
    *(
        scenario
        for row in _SUITES
        if row[0] in ("ecdsa-gcm", "ecdsa-chacha20", "ecdsa-ccm8", "rsa-gcm")
        for scenario in _without_extended_master(*row)
    ),
    Scenario(
        name="tls12-group-p256",
        summary="key exchange on P-256",
        board=replace(_CLIENT, suites=(_ECDSA_GCM,)),
        peer=replace(_PEER_SERVER, groups=("secp256r1",)),
        expect=_ON_P256,
        expect_from=_chosen(_ON_P256, _SERVERS_CHOICE),
    ),
    Scenario(
        name="tls12-mutual",
        summary="the server asks for a certificate, the board shows leaf and intermediate",
        board=replace(_CLIENT, suites=(_ECDSA_GCM,), certificates="client"),
        # In TLS 1.2 the curves of certificates are among the groups (RFC 8422 §5.1.1).
        peer=replace(_PEER_SERVER, groups=("x25519", "secp256r1")),
        expect=_FULL,
        expect_from=_chosen(_FULL, _SERVERS_CHOICE),
    ),
    Scenario(
        name="tls12-server-mutual",
        summary="the board asks for a certificate and verifies the client's chain",
        board=replace(_SERVER, suites=(_ECDSA_GCM,)),
        peer=replace(_PEER_CLIENT, certificates="client"),
        expect=_FULL,
    ),
    Scenario(
        name="tls12-resumption",
        summary="the second connection resumes the first by its ticket (RFC 5077)",
        resumption=Resumption(_FULL, _chosen(_FULL, _SERVERS_CHOICE)),
        board=replace(_CLIENT, suites=(_ECDSA_GCM,)),
        peer=_PEER_SERVER,
        expect=Success(("TLSv1.2", _ECDSA_GCM, None, None), 0, resumed=True),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls12-server-resumption",
        summary="the board gives a ticket and resumes by it (RFC 5077)",
        # gnutls-cli leaves a connection that it made for its ticket without waiting for an answer.
        resumption=Resumption(_FULL_SERVED, {"gnutls": replace(_FULL_SERVED, answered=False)}),
        board=replace(_SERVER, suites=(_ECDSA_GCM,)),
        peer=_PEER_CLIENT,
        expect=Success(("TLSv1.2", _ECDSA_GCM, None, None), 0, resumed=True),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls12-both-older",
        summary="the board speaks both versions, the server only TLS 1.2",
        board=replace(_CLIENT, versions=_BOTH, suites=(AES_128_GCM, _ECDSA_GCM)),
        peer=_PEER_SERVER,
        expect=_FULL,
        expect_from=_chosen(_FULL, _SERVERS_CHOICE),
    ),
    Scenario(
        name="tls12-both-newer",
        summary="both speak both versions: TLS 1.3",
        board=replace(_CLIENT, versions=_BOTH, suites=(AES_128_GCM, _ECDSA_GCM)),
        peer=replace(_PEER_SERVER, versions=_BOTH),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
    ),
    Scenario(
        name="tls12-server-both-older",
        summary="the board speaks both versions, the client only TLS 1.2",
        board=replace(_SERVER, versions=_BOTH, suites=(AES_128_GCM, _ECDSA_GCM)),
        peer=_PEER_CLIENT,
        expect=_FULL_SERVED,
    ),
    Scenario(
        name="tls12-no-ems-refused",
        summary="the server has no extended master secret, which the board demands",
        board=replace(_CLIENT, suites=(_ECDSA_GCM,)),
        peer=replace(_PEER_SERVER, extended_master_secret=False),
        expect=Refusal("board", "handshake_failure", "server_hello.no_extended_master_secret"),
    ),
    _refused(
        "wrong-name",
        "wrong-name",
        "bad_certificate",
        "certificate.name_mismatch",
        "a good chain for another host",
    ),
    _refused(
        "untrusted-ca",
        "untrusted-ca",
        "unknown_ca",
        "certificate.unknown_ca",
        "a good chain to a root the board does not trust",
    ),
)
