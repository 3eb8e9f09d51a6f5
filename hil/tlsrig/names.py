"""The numbers of TLS and their registered names, as the host side of the rig knows them.

One table per registry (IANA "TLS Parameters"). The rig has its own copy on purpose: it judges
`tlscore`, so it must not learn from it what a number means. Only what a scenario or a peer can
meet is listed; an unknown number is shown as hexadecimal, never hidden.
"""

from __future__ import annotations

from collections.abc import Mapping

VERSIONS: Mapping[int, str] = {
    0x0301: "TLSv1.0",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}

# RFC 8446 §B.4
SUITES: Mapping[int, str] = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}

# RFC 8446 §4.2.7
GROUPS: Mapping[int, str] = {
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001D: "x25519",
    0x001E: "x448",
}

# RFC 8446 §4.2.3
SIGNATURES: Mapping[int, str] = {
    0x0401: "rsa_pkcs1_sha256",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
}

# RFC 8446 §4.2.9
PSK_MODES: Mapping[int, str] = {0: "psk_ke", 1: "psk_dhe_ke"}

# RFC 8446 §B.2, with the RFC 5246 codes a peer of an older version may still send.
ALERTS: Mapping[int, str] = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


def name_of(table: Mapping[int, str], code: int | None) -> str | None:
    """Return the registered name of `code`, `0x…` for an unlisted one, None for None."""
    if code is None:
        return None
    return table.get(code, f"0x{code:04x}")


def code_of(table: Mapping[int, str], name: str) -> int:
    """Return the number registered for `name`; a name the table lacks is a programming error."""
    for code, known in table.items():
        if known == name:
            return code
    raise KeyError(f"{name!r} is none of {', '.join(table.values())}")


def alert_text(code: int | None) -> str:
    """Return an alert as reports show it: `bad_record_mac (20)`, or `no alert`."""
    return "no alert" if code is None else f"{ALERTS.get(code, 'unlisted')} ({code})"
