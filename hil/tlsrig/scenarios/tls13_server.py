"""TLS 1.3 with the board as the server: the handshakes that must work and those that must not."""

from __future__ import annotations

from hil.tlsrig.scenario import BoardSide, PeerSide, Refusal, Scenario, Success
from hil.tlsrig.scenarios import (
    AES_128_CCM,
    AES_128_CCM_8,
    AES_128_GCM,
    AES_256_GCM,
    CHACHA20,
    ECDSA_P256,
    FOOTPRINT,
)

_BOARD = BoardSide(role="server", certificates="valid")
_ANYONE = PeerSide(certificates=None)


def _server(name: str, summary: str, suite: str = AES_128_GCM) -> Scenario:
    return Scenario(
        name=f"tls13-server-{name}",
        summary=summary,
        board=BoardSide(role="server", suites=(suite,), certificates="valid"),
        peer=PeerSide(certificates=None, suites=(suite,)),
        expect=Success(("TLSv1.3", suite, "x25519", ECDSA_P256), 0),
        measure=FOOTPRINT,
    )


def _certificates(variant: str, signature: str, summary: str) -> Scenario:
    return Scenario(
        name=f"tls13-server-x509-{variant}",
        summary=summary,
        board=BoardSide(role="server", certificates=variant),
        peer=_ANYONE,
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", signature), 0),
        measure=FOOTPRINT,
    )


SCENARIOS = (
    _server("x509-p256", "the board shows leaf and intermediate; X25519, AES-128-GCM"),
    _server("chacha20", "the same with ChaCha20-Poly1305", CHACHA20),
    _server("aes256", "the same with AES-256-GCM and SHA-384", AES_256_GCM),
    _server("ccm", "the same with AES-128-CCM", AES_128_CCM),
    _server("ccm8", "the same with AES-128-CCM and short tags", AES_128_CCM_8),
    _certificates("rsa2048", "rsa_pss_rsae_sha256", "the board signs with RSA-2048"),
    _certificates("ed25519", "ed25519", "the board signs with Ed25519"),
    _certificates("p384", "ecdsa_secp384r1_sha384", "the board signs with P-384"),
    Scenario(
        name="tls13-server-group-p384",
        summary="key exchange on P-384",
        board=BoardSide(role="server", groups=("secp384r1",), key_shares=(), certificates="valid"),
        peer=PeerSide(certificates=None, groups=("secp384r1",)),
        expect=Success(("TLSv1.3", AES_128_GCM, "secp384r1", ECDSA_P256), 0),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-server-hrr",
        summary="the client first offers X25519, the board takes only P-256: HelloRetryRequest",
        board=BoardSide(
            role="server",
            groups=("secp256r1",),
            key_shares=(),
            certificates="valid",
        ),
        peer=PeerSide(certificates=None, groups=("x25519", "secp256r1")),
        expect=Success(("TLSv1.3", AES_128_GCM, "secp256r1", ECDSA_P256), 0, hello_retries=1),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-server-hrr-cookie",
        summary="the same with a cookie that the client must return",
        board=BoardSide(
            role="server",
            groups=("secp256r1",),
            key_shares=(),
            certificates="valid",
            cookie=True,
        ),
        peer=PeerSide(certificates=None, groups=("x25519", "secp256r1")),
        expect=Success(("TLSv1.3", AES_128_GCM, "secp256r1", ECDSA_P256), 0, hello_retries=1),
    ),
    Scenario(
        name="tls13-server-raw-public-key",
        summary="the board shows its bare key (RFC 7250)",
        raw_public_keys=("server",),
        board=_BOARD,
        peer=_ANYONE,
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), 0),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-server-mutual-raw-public-key",
        summary="both show their bare keys; the board has pinned the client's",
        raw_public_keys=("server", "client"),
        board=_BOARD,
        peer=PeerSide(certificates="client"),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), 1),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-server-key-update",
        summary="the board updates its key between data, twice, and asks for the same",
        board=BoardSide(role="server", certificates="valid", key_updates=2),
        peer=_ANYONE,
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), 0),
    ),
    Scenario(
        name="tls13-server-record-size-limit",
        summary="the client takes records of 512 bytes, the board's chain is twelve times as long",
        board=BoardSide(role="server", certificates="large", max_record_bytes=512),
        peer=PeerSide(certificates=None, max_record_bytes=512),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), 0),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-server-no-common-suite",
        summary="the client offers only ChaCha20-Poly1305, the board has only AES-128-GCM",
        board=_BOARD,
        peer=PeerSide(certificates=None, suites=(CHACHA20,)),
        expect=Refusal("board", "handshake_failure", "client_hello.no_common_suite"),
    ),
    Scenario(
        name="tls13-server-no-common-group",
        summary="the client offers only P-521",
        board=_BOARD,
        peer=PeerSide(certificates=None, groups=("secp521r1",)),
        expect=Refusal("board", "handshake_failure", "client_hello.no_common_group"),
    ),
    Scenario(
        name="tls12-only-client",
        summary="the client speaks nothing newer than TLS 1.2",
        board=_BOARD,
        peer=PeerSide(versions=("TLSv1.2",), certificates=None),
        expect=Refusal("board", "protocol_version", "client_hello.version_not_supported"),
    ),
    Scenario(
        name="tls13-server-untrusted-ca",
        summary="the client does not trust the root of the board's chain",
        board=BoardSide(role="server", certificates="untrusted-ca"),
        peer=_ANYONE,
        expect=Refusal("peer", "unknown_ca", "alert_received.unknown_ca"),
        # gnutls-cli has one alert for everything that is wrong with a chain.
        expect_from={
            "gnutls": Refusal("peer", "bad_certificate", "alert_received.bad_certificate")
        },
    ),
    Scenario(
        name="tls13-server-tampered-record",
        summary="the link flips a bit in the client's first encrypted record",
        board=_BOARD,
        peer=_ANYONE,
        tamper="flip-ciphertext-bit",
        expect=Refusal("board", "bad_record_mac", "record.bad_record_mac", late=True),
    ),
    Scenario(
        name="tls13-server-tampered-finished",
        summary="the link re-encrypts the client's Finished with one bit of verify_data flipped",
        board=_BOARD,
        peer=_ANYONE,
        tamper="flip-finished-bit",
        expect=Refusal("board", "decrypt_error", "finished.bad_verify_data", late=True),
    ),
)
