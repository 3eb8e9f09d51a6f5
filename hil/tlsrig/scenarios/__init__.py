"""Declared scenarios, one file per topic; each offers `SCENARIOS`.

Here is what their files share: the figures taken, and what a TLS 1.3 handshake usually agrees on.
"""

from __future__ import annotations

_OF_BOARD = (
    "heap_live_peak_bytes",
    "heap_min_bytes",
    "stack_peak_bytes",
    "ram_static_bytes",
    "flash_image_bytes",
    "flash_tlscore_bytes",
    "handshake_instructions",
    "echo_instructions",
    "handshake_wall_ms",
)
FOOTPRINT = (
    *_OF_BOARD,
    "bytes_sent",
    "bytes_received",
    "records_sent",
    "records_received",
)

# The same over datagrams.
DATAGRAM_FIGURES = (
    *_OF_BOARD,
    "handshake_link_ms",
    "bytes_sent",
    "bytes_received",
    "datagrams_sent",
    "datagrams_received",
    "datagrams_lost",
)
# One datagram each; what every peer can show whole.
DATAGRAM_ECHOES = (1, 64, 127)

AES_128_GCM = "TLS_AES_128_GCM_SHA256"
AES_256_GCM = "TLS_AES_256_GCM_SHA384"
CHACHA20 = "TLS_CHACHA20_POLY1305_SHA256"
AES_128_CCM = "TLS_AES_128_CCM_SHA256"
AES_128_CCM_8 = "TLS_AES_128_CCM_8_SHA256"
ECDSA_P256 = "ecdsa_secp256r1_sha256"

# Leaf by intermediate, intermediate by root, and CertificateVerify by leaf: the root is the
# trust anchor, so its own signature is not looked at (RFC 5280 §6.1.1 d).
CHAIN_SIGNATURES = 3
