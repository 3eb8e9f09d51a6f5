"""TLS 1.3 with certificates of both ends, the board in either role."""

from __future__ import annotations

from hil.tlsrig.scenario import BoardSide, PeerSide, Refusal, Scenario, Success
from hil.tlsrig.scenarios import AES_128_GCM, CHAIN_SIGNATURES, ECDSA_P256, FOOTPRINT

_NEGOTIATED = ("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256)
_SERVER = BoardSide(role="server", certificates="valid")


def _as_client(kind: str, summary: str) -> Scenario:
    return Scenario(
        name=f"tls13-mutual{kind}",
        summary=summary,
        board=BoardSide(certificates=f"client{kind}"),
        expect=Success(_NEGOTIATED, CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    )


def _as_server(kind: str, summary: str) -> Scenario:
    return Scenario(
        name=f"tls13-server-mutual{kind}",
        summary=summary,
        board=_SERVER,
        peer=PeerSide(certificates=f"client{kind}"),
        expect=Success(_NEGOTIATED, CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    )


def _refused_client(variant: str, alert: str, reason: str, summary: str) -> Scenario:
    return Scenario(
        name=f"tls13-server-{variant}",
        summary=summary,
        board=_SERVER,
        peer=PeerSide(certificates=variant),
        expect=Refusal("board", alert, reason, late=True),
    )


SCENARIOS = (
    _as_client("", "the server asks for a certificate, the board shows leaf and intermediate"),
    _as_client("-rsa2048", "the board proves itself with RSA-2048"),
    _as_client("-ed25519", "the board proves itself with Ed25519"),
    Scenario(
        name="tls13-mutual-no-certificate",
        summary="the server demands a certificate, the board has none",
        board=BoardSide(certificates="client", withholds=True),
        expect=Refusal(
            "peer", "certificate_required", "alert_received.certificate_required", late=True
        ),
    ),
    _as_server("", "the board asks for a certificate and verifies the client's chain"),
    _as_server("-rsa2048", "the same with a client chain of RSA-2048"),
    _as_server("-ed25519", "the same with a client chain of Ed25519"),
    Scenario(
        name="tls13-server-client-without-certificate",
        summary="the board demands a certificate, the client has none",
        board=_SERVER,
        peer=PeerSide(certificates="client", withholds=True),
        expect=Refusal("board", "certificate_required", "certificate_message.required", late=True),
    ),
    _refused_client(
        "client-expired", "certificate_expired", "certificate.expired", "an expired client leaf"
    ),
    _refused_client(
        "client-untrusted-ca",
        "unknown_ca",
        "certificate.unknown_ca",
        "a client chain to a root the board does not trust",
    ),
    _refused_client(
        "client-wrong-purpose",
        "unsupported_certificate",
        "certificate.extended_key_usage",
        "the client shows a certificate for servers",
    ),
)
