"""Peers that keep to no size: a chain of 10 KB in one record, the board's buffer a part of that.

tls/LARGE_RECORDS.md is the policy. What is echoed fits the buffers.
"""

from __future__ import annotations

from dataclasses import replace

from hil.tlsrig.scenario import BoardSide, PeerSide, Refusal, Scenario, Success
from hil.tlsrig.scenarios import (
    AES_128_CCM_8,
    AES_128_GCM,
    CHACHA20,
    CHAIN_SIGNATURES,
    ECDSA_P256,
    FOOTPRINT,
)

_ECHO_BYTES = (1, 64, 400)
_BOARD = BoardSide(max_record_bytes=2048, small_buffers=True, takes_larger=True)
_PEER = PeerSide(certificates="huge", max_record_bytes=None)
_NEGOTIATED = ("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256)
_TLS12 = ("TLSv1.2",)
_ECDSA_GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"


def _with_suite(kind: str, suite: str, summary: str) -> Scenario:
    return Scenario(
        name=f"tls13-large-records-{kind}",
        summary=summary,
        board=replace(_BOARD, suites=(suite,)),
        peer=replace(_PEER, suites=(suite,)),
        expect=Success(("TLSv1.3", suite, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
        echo_bytes=_ECHO_BYTES,
    )


SCENARIOS = (
    Scenario(
        name="tls13-large-records",
        summary="the server's chain of 10 KB comes in one record, the buffer has 2 KB",
        board=_BOARD,
        peer=_PEER,
        expect=Success(_NEGOTIATED, CHAIN_SIGNATURES),
        echo_bytes=_ECHO_BYTES,
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-large-records-512",
        summary="the same with a buffer of 512 bytes",
        board=replace(_BOARD, max_record_bytes=512),
        peer=_PEER,
        expect=Success(_NEGOTIATED, CHAIN_SIGNATURES),
        echo_bytes=_ECHO_BYTES,
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-large-data",
        summary="data in records of up to 6 KB, read before they are verified; the buffer has 2 KB",
        board=replace(_BOARD, staged_data=True),
        peer=replace(_PEER, certificates="valid"),
        expect=Success(_NEGOTIATED, CHAIN_SIGNATURES),
        echo_bytes=(1, 64, 6000),
        measure=FOOTPRINT,
    ),
    _with_suite("chacha20", CHACHA20, "the same under ChaCha20-Poly1305, 2 KB"),
    _with_suite("ccm-8", AES_128_CCM_8, "the same under AES-CCM with a tag of 8 bytes, 2 KB"),
    Scenario(
        name="tls13-large-records-tampered",
        summary="the link flips the last bit of the record's tag",
        board=_BOARD,
        peer=_PEER,
        tamper="flip-large-record-tag",
        expect=Refusal("board", "bad_record_mac", "record.bad_record_mac"),
    ),
    Scenario(
        name="tls13-server-large-records",
        summary="the client's chain of 10 KB comes in one record, the buffer has 2 KB",
        board=BoardSide(
            role="server", certificates="valid", max_record_bytes=2048, takes_larger=True
        ),
        peer=PeerSide(certificates="client-huge", max_record_bytes=None),
        expect=Success(_NEGOTIATED, CHAIN_SIGNATURES),
        echo_bytes=_ECHO_BYTES,
    ),
    Scenario(
        name="tls12-large-records",
        summary="TLS 1.2: the server's chain of 10 KB comes in one record in the clear",
        board=replace(_BOARD, versions=_TLS12, suites=(_ECDSA_GCM,)),
        peer=replace(_PEER, versions=_TLS12, suites=(_ECDSA_GCM,), groups=("x25519",)),
        expect=Success(("TLSv1.2", _ECDSA_GCM, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
        echo_bytes=_ECHO_BYTES,
    ),
)
