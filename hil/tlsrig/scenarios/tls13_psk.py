"""TLS 1.3 with external pre-shared keys instead of certificates, and resumption by tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from hil.tlsrig.scenario import (
    BoardSide,
    PeerSide,
    Refusal,
    Resumption,
    Scenario,
    SharedKey,
    Success,
)
from hil.tlsrig.scenarios import (
    AES_128_GCM,
    AES_256_GCM,
    CHAIN_SIGNATURES,
    ECDSA_P256,
    FOOTPRINT,
)

_X25519 = ("TLSv1.3", AES_128_GCM, "x25519", None)
_P256 = ("TLSv1.3", AES_128_GCM, "secp256r1", None)
_KEY_ALONE = ("TLSv1.3", AES_128_GCM, None, None)
_FULL_SHA384 = Success(("TLSv1.3", AES_256_GCM, "x25519", ECDSA_P256), 0)
_FULL = ("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256)

_NO_CERTIFICATE = PeerSide(certificates=None, suites=(AES_128_GCM,))
_SERVER = BoardSide(role="server", key_shares=())
# A handshake without certificates is small, and a device that has no room for them has none for
# large records: this is what the least costs.
_SMALL_RECORD_BYTES = 2048
_SMALL = BoardSide(max_record_bytes=_SMALL_RECORD_BYTES)
_SMALL_PEER = replace(_NO_CERTIFICATE, max_record_bytes=_SMALL_RECORD_BYTES)
_ONLY_AES_128 = PeerSide(suites=(AES_128_GCM,))


def _refusal(alert: str) -> Refusal:
    return Refusal("peer", alert, f"alert_received.{alert}")


def _refused_client(
    wrong: Literal["identity", "key"],
    alert: str,
    summary: str,
    alert_from: Mapping[str, str],
) -> Scenario:
    return Scenario(
        name=f"tls13-psk-wrong-{wrong}",
        summary=summary,
        psk=SharedKey(wrong=wrong),
        peer=_NO_CERTIFICATE,
        expect=_refusal(alert),
        expect_from={peer: _refusal(alert) for peer, alert in alert_from.items()},
    )


def _resumed_client(spoiled: Literal["forged", "expired"] | None, summary: str) -> Scenario:
    full = Success(_FULL, CHAIN_SIGNATURES)
    resumed = Success(_X25519, 0, resumed=True)
    return Scenario(
        name="-".join(filter(None, ("tls13-resumption", spoiled))),
        summary=summary,
        resumption=Resumption(full, spoiled=spoiled),
        peer=_ONLY_AES_128,
        expect=full if spoiled else resumed,
        # A ticket of wolfSSL's ends with bytes that it never looks at.
        expect_from={"wolfssl": resumed} if spoiled == "forged" else {},
        measure=() if spoiled else FOOTPRINT,
    )


def _refused_server(
    wrong: Literal["identity", "key", "hash"], reason: str, summary: str
) -> Scenario:
    return Scenario(
        name=f"tls13-server-psk-wrong-{wrong}",
        summary=summary,
        psk=SharedKey(wrong=wrong),
        board=_SERVER,
        peer=_NO_CERTIFICATE,
        expect=Refusal("board", "decrypt_error", f"client_hello.{reason}"),
    )


def _resumed_server(spoiled: Literal["forged", "expired"] | None, summary: str) -> Scenario:
    full = Success(_FULL, 0)
    return Scenario(
        name="-".join(filter(None, ("tls13-server-resumption", spoiled))),
        summary=summary,
        # gnutls-cli leaves a connection that it made for its ticket without waiting for an answer.
        resumption=Resumption(full, {"gnutls": replace(full, answered=False)}, spoiled),
        board=BoardSide(role="server", certificates="valid"),
        peer=_NO_CERTIFICATE,
        expect=full if spoiled else Success(_X25519, 0, resumed=True),
        measure=() if spoiled else FOOTPRINT,
    )


SCENARIOS = (
    Scenario(
        name="tls13-psk",
        summary="an external key with X25519 (psk_dhe_ke), no certificates",
        psk=SharedKey(),
        board=_SMALL,
        peer=_SMALL_PEER,
        expect=Success(_X25519, 0, psk=True),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-psk-ke",
        summary="an external key alone (psk_ke)",
        psk=SharedKey(mode="psk_ke"),
        board=replace(_SMALL, groups=(), key_shares=()),
        peer=_SMALL_PEER,
        expect=Success(_KEY_ALONE, 0, psk=True),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-psk-hrr",
        summary="an external key, and a HelloRetryRequest for P-256: the binder is made anew",
        psk=SharedKey(),
        peer=PeerSide(certificates=None, suites=(AES_128_GCM,), groups=("secp256r1",)),
        expect=Success(_P256, 0, psk=True, hello_retries=1),
        measure=FOOTPRINT,
    ),
    # A server that takes no key looks for a way to use certificates: OpenSSL and Mbed TLS then
    # miss signature_algorithms. GnuTLS makes a key up for a name it does not know, so that both
    # cases look the same.
    _refused_client(
        "identity",
        "missing_extension",
        "the server knows another identity",
        {"gnutls": "illegal_parameter", "tlslite": "handshake_failure"},
    ),
    # A binder that does not verify (RFC 8446 §6.2); OpenSSL has said so since 3.4.
    _refused_client(
        "key",
        "decrypt_error",
        "the server knows another key",
        dict.fromkeys(("openssl<3.4", "gnutls", "tlslite", "wolfssl"), "illegal_parameter"),
    ),
    Scenario(
        name="tls13-psk-wrong-hash",
        summary="the server takes only AES-256-GCM with SHA-384, the key is for SHA-256",
        psk=SharedKey(),
        board=BoardSide(suites=(AES_256_GCM, AES_128_GCM)),
        peer=PeerSide(certificates=None, suites=(AES_256_GCM,)),
        expect=_refusal("missing_extension"),
        expect_from={
            "gnutls": _refusal("handshake_failure"),
            "mbedtls": _refusal("decrypt_error"),
            "tlslite": _refusal("handshake_failure"),
        },
    ),
    _resumed_client(None, "the second connection resumes the first by its ticket, with X25519"),
    Scenario(
        name="tls13-resumption-sha384",
        summary="the same with AES-256-GCM and SHA-384",
        resumption=Resumption(replace(_FULL_SHA384, signatures_verified=CHAIN_SIGNATURES)),
        board=BoardSide(suites=(AES_256_GCM,)),
        expect=Success(("TLSv1.3", AES_256_GCM, "x25519", None), 0, resumed=True),
    ),
    _resumed_client("forged", "a bit of the ticket is flipped: a full handshake instead"),
    _resumed_client("expired", "the ticket is a week old: a full handshake instead"),
    Scenario(
        name="tls13-server-psk",
        summary="an external key with X25519 (psk_dhe_ke), no certificates",
        psk=SharedKey(),
        board=_SERVER,
        peer=PeerSide(certificates=None, suites=(AES_128_GCM,), groups=("x25519",)),
        expect=Success(_X25519, 0, psk=True),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-server-psk-ke",
        summary="an external key alone (psk_ke)",
        psk=SharedKey(mode="psk_ke"),
        board=_SERVER,
        peer=_NO_CERTIFICATE,
        expect=Success(_KEY_ALONE, 0, psk=True),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-server-psk-hrr",
        summary="an external key, and a HelloRetryRequest for P-256: the binder is made anew",
        psk=SharedKey(),
        board=BoardSide(role="server", groups=("secp256r1",), key_shares=()),
        peer=PeerSide(certificates=None, suites=(AES_128_GCM,), groups=("x25519", "secp256r1")),
        expect=Success(_P256, 0, psk=True, hello_retries=1),
        measure=FOOTPRINT,
    ),
    _refused_server("identity", "unknown_psk", "the client's identity is unknown"),
    _refused_server("key", "wrong_binder", "the client has another key"),
    _refused_server("hash", "unknown_psk", "the board's key is for SHA-384, the client's is not"),
    _resumed_server(None, "the board gives a ticket and resumes by it, with X25519"),
    Scenario(
        name="tls13-server-resumption-sha384",
        summary="the same with AES-256-GCM and SHA-384",
        resumption=Resumption(_FULL_SHA384, {"gnutls": replace(_FULL_SHA384, answered=False)}),
        board=BoardSide(role="server", suites=(AES_256_GCM,), certificates="valid"),
        peer=PeerSide(certificates=None),
        expect=Success(("TLSv1.3", AES_256_GCM, "x25519", None), 0, resumed=True),
    ),
    _resumed_server("forged", "a ticket sealed with other keys: a full handshake instead"),
    _resumed_server("expired", "the ticket is a week old: a full handshake instead"),
)
