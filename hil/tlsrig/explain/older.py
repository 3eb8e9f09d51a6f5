"""What there is to tell of ends older than TLS 1.3: what they lack, and what alerts mean there.

`needs` says what a device of the past would need to be let in, as its own hello shows it. `words`
are those for what looks otherwise in TLS 1.2 than in TLS 1.3: a pre-shared key that is not the same
shows only when the first protected record does not open (RFC 4279 §2), and a missing client
certificate is a handshake_failure (RFC 5246 §7.4.6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import SignatureAlgorithmOID

from hil.tlsrig import names
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.dissect.messages import TLS_1_3, sent_certificates
from hil.tlsrig.explain import facts
from hil.tlsrig.explain.reasons import Words

TLS_1_2 = 0x0303
# RFC 8446 §4.2.3, NIST SP 800-131A: shorter ones are not accepted any more.
_RSA_BITS = 2048
_NO_CERTIFICATE = Words(
    "the server demands a certificate, and the client has shown none: in TLS 1.2 the alert for "
    "that is no other than for lists that do not meet (RFC 5246 §7.4.6)",
    "give the client a certificate and its key, or let the server not demand one",
)
_OTHER_KEY = Words(
    "the two ends do not have the same pre-shared key: nothing shows it before the first protected "
    "record, which does not open. A server that does not know the identity may go on with a random "
    "key, so that it looks the same to whoever tries names (RFC 4279 §2)",
    "compare identity and key of both ends: a typing error, or a text taken for hexadecimal, is "
    "usual",
)
# What the end that notices it says, by its reason and by the alert it sends.
_UNOPENED = ("record.bad_record_mac", "finished.bad_verify_data")
_UNOPENED_ALERTS = ("bad_record_mac", "decrypt_error", "decryption_failed")
_FORGEABLE = {
    SignatureAlgorithmOID.RSA_WITH_MD5: "MD5",
    SignatureAlgorithmOID.RSA_WITH_SHA1: "SHA-1",
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: "SHA-1",
}
# (what is wrong with a suite, how to tell)
_WEAKNESSES: Sequence[tuple[str, Callable[[str], bool]]] = (
    (
        "a key exchange without forward secrecy (static RSA or ECDH)",
        lambda suite: suite.startswith(("TLS_RSA_", "TLS_ECDH_")),
    ),
    ("RC4 (forbidden by RFC 7465)", lambda suite: "_RC4_" in suite),
    ("CBC with a MAC before encryption", lambda suite: "_CBC_" in suite),
)


def words(exchange: Exchange, reason: str | None, alert: int | None) -> Words | None:
    """Return what a reason or alert means in TLS 1.2; None where it is the same everywhere.

    Args:
        exchange: the connection.
        reason: the board's, as it gives it.
        alert: that ended the connection.
    """
    if exchange.version is None or exchange.version >= TLS_1_3:
        return None
    name = names.ALERTS.get(alert, "") if alert is not None else ""
    suite = names.name_of(names.OLDER_SUITES, exchange.suite) or ""
    over = len(exchange.of("finished")) == 2
    if "PSK_" in suite and not over and (reason in _UNOPENED or name in _UNOPENED_ALERTS):
        return _OTHER_KEY
    sent = exchange.of("certificate", from_client=True)
    is_empty = bool(sent) and not sent_certificates(sent[0].field)
    if is_empty and name == "handshake_failure":
        return _NO_CERTIFICATE
    return None


def needs(exchange: Exchange, client: str, server: str) -> list[str]:
    """Say what an end that is too old would need, in sentences; nothing if neither is.

    Args:
        exchange: with the hello of the old end.
        client, server: what to call the ends.
    """
    for message in exchange.of("server_hello"):
        if exchange.version is not None and exchange.version < TLS_1_2:
            return _of_server(exchange, message.field.codes("cipher_suite"), server)
    for message in exchange.of("client_hello")[-1:]:
        hello = message.field
        if not hello.codes("version") and facts.newest_of(hello) < TLS_1_2:
            return _of_client(exchange, client)
    return []


def _of_client(exchange: Exchange, client: str) -> list[str]:
    hello = exchange.of("client_hello")[-1].field
    suites = facts.suites_of(hello)
    newest = names.name_of(names.VERSIONS, facts.newest_of(hello))
    weak = _weak(suites)
    good = [one for one in suites if not any(is_weak(one) for _, is_weak in _WEAKNESSES)]
    lines = [f"How old {client} is: it speaks {newest} at most, which is withdrawn (RFC 8996)."]
    if suites and not good:
        lines.append(
            f"Of its {len(suites)} cipher suites not one can be accepted in any version: {weak}."
        )
    lacks = [
        what
        for what, extension in (
            ("the server's name (SNI)", "server_name"),
            ("groups", "supported_groups"),
            ("signature schemes", "signature_algorithms"),
        )
        if hello.first(extension) is None
    ]
    if lacks:
        lines.append(f"It does not say {', '.join(lacks)}: a modern server needs these to choose.")
    lines.append(_stack(client))
    return lines


def _of_server(exchange: Exchange, codes: Sequence[int], server: str) -> list[str]:
    version = names.name_of(names.VERSIONS, exchange.version)
    suites = [names.name_of(names.ALL_SUITES, code) or "" for code in codes]
    lines = [f"How old {server} is: it chose {version}, which is withdrawn (RFC 8996)."]
    if weak := _weak(suites):
        lines.append(f"The suite it chose, {', '.join(suites)}, has {weak}.")
    certificate = _certificate(exchange)
    if certificate:
        lines.append(f"{certificate}.")
    lines.append(_stack(server))
    return lines


def _certificate(exchange: Exchange) -> str:
    """Say what is too weak about a server's certificate."""
    for certificate in facts.chain_of(exchange, False, None)[:1]:
        said = []
        key, signed = certificate.public_key(), certificate.signature_algorithm_oid
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _RSA_BITS:
            said.append(
                f"its RSA key has {key.key_size:,} bits ({_RSA_BITS:,} are the least today)"
            )
        if signed in _FORGEABLE:
            said.append(f"it is signed with {_FORGEABLE[signed]}, which can be forged")
        if said:
            return f"Its certificate would not do either: {' and '.join(said)}"
    return ""


def _weak(suites: Sequence[str]) -> str:
    """Say which weaknesses how many of the suites have."""
    said = []
    for what, is_weak in _WEAKNESSES:
        count = sum(is_weak(suite) for suite in suites)
        if count:
            said.append(what if len(suites) == 1 else f"{count} with {what}")
    return " and ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else "".join(said)


def _stack(who: str) -> str:
    return (
        f"What {who} would need: a TLS stack with TLS 1.2 or 1.3, a key exchange on a curve (ECDHE "
        "with X25519 or P-256), AES-GCM or ChaCha20-Poly1305, and certificates of 2,048-bit RSA or "
        "P-256 with SHA-256; for TLS 1.2 also extended master secret (RFC 7627), or a board that "
        "was told to bear with its absence. Update its SDK or firmware to one that has such a "
        "stack (Mbed TLS and wolfSSL fit on small devices; so does BearSSL, but without extended "
        "master secret); where there is none, let a gateway beside the device speak for it. "
        "Nothing on the board is to be changed for this."
    )
