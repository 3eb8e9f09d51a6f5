"""What the least memory is that a TLS 1.3 client does with: small buffers, short payloads."""

from __future__ import annotations

from hil.tlsrig.scenario import BoardSide, PeerSide, Scenario, SharedKey, Success
from hil.tlsrig.scenarios import AES_128_GCM, CHAIN_SIGNATURES, ECDSA_P256, FOOTPRINT

_RECORD_BYTES = 2048
_KEYS_RECORD_BYTES = 512
SCENARIOS = (
    Scenario(
        name="tls13-x509-p256-small",
        summary="root as trust anchor, intermediate, leaf; records of 2 KB, a send buffer of 512 B",
        board=BoardSide(max_record_bytes=_RECORD_BYTES, small_buffers=True),
        peer=PeerSide(max_record_bytes=_RECORD_BYTES),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", ECDSA_P256), CHAIN_SIGNATURES),
        echo_bytes=(1, 64, 2500),
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls13-psk-small",
        summary="an external key with X25519 (psk_dhe_ke); all buffers of 512 B",
        psk=SharedKey(),
        board=BoardSide(
            max_record_bytes=_KEYS_RECORD_BYTES,
            max_fragment_bytes=_KEYS_RECORD_BYTES,
            small_buffers=True,
        ),
        peer=PeerSide(
            certificates=None, suites=(AES_128_GCM,), max_record_bytes=_KEYS_RECORD_BYTES
        ),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", None), 0, psk=True),
        echo_bytes=(1, 64, 1000),
        measure=FOOTPRINT,
    ),
)
