"""TLS 1.3 with server certificates: the handshakes that must work and those that must not."""

from __future__ import annotations

from hil.tlsrig.scenario import BoardSide, PeerSide, Refusal, Scenario, Success
from hil.tlsrig.scenarios import (
    AES_128_GCM,
    CHACHA20,
    CHAIN_SIGNATURES,
    ECDSA_P256,
    FOOTPRINT,
)

SCENARIOS = (
    Scenario(
        name="tls13-x509-p256",
        summary="root as trust anchor, intermediate, leaf; X25519, AES-128-GCM",
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-chacha20",
        summary="the same with ChaCha20-Poly1305",
        board=BoardSide(suites=(CHACHA20,)),
        expect=Success(("TLSv1.3", CHACHA20, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-hrr",
        summary="the server takes only P-256, the board first offered X25519: HelloRetryRequest",
        peer=PeerSide(groups=("secp256r1",)),
        expect=Success(
            ("TLSv1.3", AES_128_GCM, "secp256r1", ECDSA_P256), CHAIN_SIGNATURES, hello_retries=1
        ),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-hrr-cookie",
        summary="the server keeps no state before the board returns the cookie of its retry",
        # s_server -stateless cannot take the change_cipher_spec before the second ClientHello.
        board=BoardSide(compatible=False),
        peer=PeerSide(cookie=True),
        expect=Success(
            ("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), CHAIN_SIGNATURES, hello_retries=1
        ),
    ),
    Scenario(
        name="tls13-wrong-name",
        summary="a good chain for another host",
        peer=PeerSide(certificates="wrong-name"),
        expect=Refusal("board", "bad_certificate", "certificate.name_mismatch"),
    ),
    Scenario(
        name="tls13-expired",
        summary="the leaf's notAfter has passed",
        peer=PeerSide(certificates="expired"),
        expect=Refusal("board", "certificate_expired", "certificate.expired"),
    ),
    Scenario(
        name="tls13-untrusted-ca",
        summary="a good chain to a root the board does not trust",
        peer=PeerSide(certificates="untrusted-ca"),
        expect=Refusal("board", "unknown_ca", "certificate.unknown_ca"),
    ),
    Scenario(
        name="tls13-tampered-record",
        summary="the link flips a bit in the server's first encrypted record",
        tamper="flip-ciphertext-bit",
        expect=Refusal("board", "bad_record_mac", "record.bad_record_mac"),
    ),
    Scenario(
        name="tls13-tampered-finished",
        summary="the link re-encrypts the server's Finished with one bit of verify_data flipped",
        tamper="flip-finished-bit",
        expect=Refusal("board", "decrypt_error", "finished.bad_verify_data"),
    ),
    Scenario(
        name="tls11-only-server",
        summary="the server speaks nothing newer than TLS 1.1",
        peer=PeerSide(versions=("TLSv1.1",)),
        expect=Refusal("peer", "protocol_version", "alert_received.protocol_version"),
        # GnuTLS takes legacy_version 0x0303 as an offer of TLS 1.1 too (RFC 5246 appendix E.1),
        # and then finds no suite.
        expect_from={
            "gnutls": Refusal("peer", "handshake_failure", "alert_received.handshake_failure")
        },
    ),
)
