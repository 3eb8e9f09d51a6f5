"""What GnuTLS calls things, and what its programs print and log of a connection.

Of one that stands they print `- Description:` with version, group, signature and cipher. Their
debug log at level 5 tells alerts, handshake messages and records as the library sent or saw them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hil.tlsrig import names
from hil.tlsrig.statement import Statement

_DESCRIPTION = re.compile(r"^- Description: (\(.*\))\s*$", re.MULTILINE)
_ALERT_SENT = re.compile(r"REC: Sending Alert\[\d+\|(\d+)\]")
_ALERT_RECEIVED = re.compile(r"REC\[\w+\]: Alert\[\d+\|(\d+)\] - .* - was received")
_RETRY = re.compile(r"HSK\[\w+\]: HELLO RETRY REQUEST (?:\(\d+\) was received|was queued)")
_KEY_UPDATE_SENT = re.compile(r"HSK\[\w+\]: KEY_UPDATE was queued")
_KEY_UPDATE_RECEIVED = re.compile(r"HSK\[\w+\]: KEY_UPDATE \(\d+\) was received")
_SHARED_KEY = re.compile(r"EXT\[\w+\]: (?:client|server) generated (\S+) shared key")
RESUMED = "*** This is a resumed session"
_ERRORS = re.compile(
    r"^(?:\*\*\* Fatal error|Error in handshake|\*\*\* Received alert[^:]*): (.*)$", re.MULTILINE
)

VERSIONS = {
    "TLSv1.1": "TLS1.1",
    "TLSv1.2": "TLS1.2",
    "TLSv1.3": "TLS1.3",
    "DTLSv1.2": "DTLS1.2",
}
# RFC 8446 §B.4 in GnuTLS's words: in TLS 1.3 a cipher is used with one hash only.
CIPHERS = {
    "TLS_AES_128_GCM_SHA256": "AES-128-GCM",
    "TLS_AES_256_GCM_SHA384": "AES-256-GCM",
    "TLS_CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "TLS_AES_128_CCM_SHA256": "AES-128-CCM",
    "TLS_AES_128_CCM_8_SHA256": "AES-128-CCM-8",
}
GROUPS = {name: name.upper() for name in names.GROUPS.values()}
SIGNATURES = {
    "ecdsa_secp256r1_sha256": "ECDSA-SECP256R1-SHA256",
    "ecdsa_secp384r1_sha384": "ECDSA-SECP384R1-SHA384",
    "rsa_pss_rsae_sha256": "RSA-PSS-RSAE-SHA256",
    "rsa_pss_rsae_sha384": "RSA-PSS-RSAE-SHA384",
    "rsa_pss_rsae_sha512": "RSA-PSS-RSAE-SHA512",
    "ed25519": "EdDSA-Ed25519",
}
# RFC 5246 §7.4.1.4.1: in TLS 1.2 a hash and a kind of key, without a curve.
_SIGNATURES_OF_TLS12 = {
    "ecdsa_secp256r1_sha256": "ECDSA-SHA256",
    "ecdsa_secp384r1_sha384": "ECDSA-SHA384",
    "ecdsa_secp521r1_sha512": "ECDSA-SHA512",
    "rsa_pkcs1_sha256": "RSA-SHA256",
    "rsa_pkcs1_sha384": "RSA-SHA384",
    "rsa_pkcs1_sha512": "RSA-SHA512",
}
ALL_SIGNATURES = {**SIGNATURES, **_SIGNATURES_OF_TLS12}
# How its log calls the suites of TLS 1.2.
_SUITES_OF_TLS12 = {
    suite: suite.replace("TLS_", "GNUTLS_", 1)
    .replace("_WITH_", "_")
    .replace("POLY1305_SHA256", "POLY1305")
    for suite in names.OLDER_SUITES.values()
}
_CHOSEN_SUITE = re.compile(r"HSK\[\w+\]: (?:Cipher Suite|Selected cipher suite): (\S+)")


def statement(witness: str, text: str, *, exporter: bytes | None) -> Statement:
    """Turn what a program printed and logged of one connection into the common form."""
    version, suite, group, signature = describe(text)
    sent, received = alerts(text)
    error = _ERRORS.search(text)
    return Statement(
        witness=witness,
        connected=exporter is not None,
        version=version,
        suite=suite,
        group=group,
        signature=signature,
        exporter=exporter,
        exporter_method="printed by --keymatexport" if exporter is not None else None,
        alert_sent=next((code for code in sent if code), None),
        alert_received=next((code for code in received if code), None),
        close_sent=0 in sent,
        close_received=0 in received,
        reason=error.group(1).strip() if error else None,
        hello_retries=len(_RETRY.findall(text)),
        resumed=RESUMED in text if exporter is not None else None,
        key_updates_sent=len(_KEY_UPDATE_SENT.findall(text)),
        key_updates_received=len(_KEY_UPDATE_RECEIVED.findall(text)),
    )


def alerts(text: str) -> tuple[list[int], list[int]]:
    """Return the codes of the alerts that were sent, and of those that were received."""
    found = (pattern.findall(text) for pattern in (_ALERT_SENT, _ALERT_RECEIVED))
    sent, received = ([int(code) for code in codes] for codes in found)
    return sent, received


def chosen_suite(text: str) -> str | None:
    """Return the suite of TLS 1.2 that a debug log tells of last."""
    return ours(_SUITES_OF_TLS12, _CHOSEN_SUITE.findall(text)[-1:])


def describe(text: str) -> tuple[str | None, str | None, str | None, str | None]:
    """Read version, suite, group and signature out of what it prints; None what it does not say.

    It is like `(TLS1.3-X.509)-(ECDHE-X25519)-(ECDSA-SECP256R1-SHA256)-(AES-128-GCM)`.
    """
    match = _DESCRIPTION.search(text)
    words = re.findall(r"\(([^()]*)\)", match.group(1)) if match else []
    version = ours(VERSIONS, [word.partition("-")[0] for word in words[:1]])
    if version in ("TLSv1.2", "DTLSv1.2"):
        return version, *_describe_tls12(text, words)
    suite = ours(CIPHERS, words[-1:])
    # With a PSK the description leaves the group out.
    group = ours(GROUPS, _SHARED_KEY.findall(text)[-1:])
    return version, suite, group, ours(SIGNATURES, words)


def _describe_tls12(text: str, words: list[str]) -> tuple[str | None, str | None, str | None]:
    """Read suite, group and signature of a connection of TLS 1.2.

    Its description is like `(TLS1.2-X.509)-(ECDHE-X25519)-(ECDSA-SHA256)-(AES-128-GCM)`; of a
    resumed connection it tells what the first one had, so that is left out.
    """
    suite = chosen_suite(text)
    if RESUMED in text:
        return suite, None, None
    group = ours(GROUPS, [word.removeprefix("ECDHE-").removeprefix("PSK-") for word in words])
    return suite, group, ours(ALL_SIGNATURES, words)


def ours(table: Mapping[str, str], words: list[str]) -> str | None:
    """Return our name for the first of our names whose other name is among the words."""
    return next((ours for ours, its in table.items() if its in words), None)
