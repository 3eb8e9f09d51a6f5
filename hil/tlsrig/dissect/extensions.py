"""The extensions of TLS 1.3 as a grammar: what every byte of each is called and is for.

The same extension has another form in another message (RFC 8446 §4.2), so rules are found by
extension and by the message it stands in. One without a rule keeps its bytes as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from hil.tlsrig import names
from hil.tlsrig.dissect.grammar import (
    Cursor,
    Field,
    Rule,
    bounded,
    counted,
    group,
    joined,
    length,
    number,
    rest,
    text,
    vector,
)

Place = Literal[
    "client_hello",
    "server_hello",
    "hello_retry_request",
    "encrypted_extensions",
    "certificate_request",
    "certificate",
    "new_session_ticket",
]

# What an extension is for, in a sentence, and where that is said.
ABOUT: Mapping[int, tuple[str, str]] = {
    0: ("RFC 6066 §3", "the name of the server that is wanted: one address may serve many"),
    1: ("RFC 6066 §4", "the older way to ask for short records"),
    5: ("RFC 6066 §8, RFC 8446 §4.4.2.1", "asks for a proof that the certificate is not revoked"),
    10: ("RFC 8446 §4.2.7", "the groups for key exchange, the preferred one first"),
    11: ("RFC 8422 §5.1.2", "how points of curves are written; means nothing any more in TLS 1.3"),
    13: ("RFC 8446 §4.2.3", "the signature schemes that may be used in CertificateVerify"),
    16: ("RFC 7301", "which protocol shall be spoken inside of TLS (ALPN)"),
    18: ("RFC 6962 §3.3", "proofs that the certificate was logged in public"),
    19: ("RFC 7250 §3", "in what form the client may prove who it is"),
    20: ("RFC 7250 §3", "in what form the server may prove who it is"),
    21: ("RFC 7685", "bytes that only make the message longer"),
    22: ("RFC 7366", "concerns CBC suites of TLS 1.2 only"),
    23: ("RFC 7627", "concerns TLS 1.2 only; TLS 1.3 always works like this"),
    27: ("RFC 8879", "how certificates may be compressed"),
    28: ("RFC 8449 §4", "the longest record the sender has room for: small devices need it"),
    35: ("RFC 5077 §3.2", "session tickets of TLS 1.2"),
    41: ("RFC 8446 §4.2.11", "keys that both ends have already, from before or from a ticket"),
    42: ("RFC 8446 §4.2.10", "data is sent before the handshake is over (0-RTT)"),
    43: ("RFC 8446 §4.2.1", "the real negotiation of the version; the older field is frozen"),
    44: ("RFC 8446 §4.2.2", "what the server would have to remember, carried by the client"),
    45: ("RFC 8446 §4.2.9", "whether a pre-shared key is used alone or with a key exchange"),
    47: ("RFC 8446 §4.2.4", "the authorities that the other end trusts"),
    48: ("RFC 8446 §4.2.5", "what the client's certificate must contain"),
    49: ("RFC 8446 §4.2.6", "the client may be asked for a certificate later on"),
    50: ("RFC 8446 §4.2.3", "the signature schemes that may be used inside of certificates"),
    51: ("RFC 8446 §4.2.8", "public keys for the key exchange: from here the shared secret comes"),
    0xFF01: ("RFC 5746 §3.2", "concerns TLS 1.2 and older; empty in a first handshake"),
}

_GROUP = number("group", 2, "RFC 8446 §4.2.7", "which curve or field", names=names.GROUPS)
_SCHEME = number(
    "signature_scheme", 2, "RFC 8446 §4.2.3", "algorithm and hash", names=names.SIGNATURES
)
_VERSION = number("version", 2, "RFC 8446 §4.2.1", names=names.VERSIONS)
_PROTOCOL = counted(
    "protocol_name", 1, rest("name", "RFC 7301 §3.1", "the protocol's name", kind="text", show=text)
)
_SHARE = group(
    "key_share_entry",
    _GROUP,
    counted(
        "key_exchange",
        2,
        rest(
            "public_key",
            "RFC 8446 §4.2.8.2, RFC 7748",
            "the public half of a key made for this connection alone",
            kind="key",
        ),
    ),
)
_SERVER_NAME = group(
    "server_name_entry",
    number("name_type", 1, "RFC 6066 §3", names={0: "host_name"}),
    counted(
        "host_name", 2, rest("name", "RFC 6066 §3", "the server's name", kind="text", show=text)
    ),
)
_IDENTITY = group(
    "psk_identity",
    counted(
        "identity",
        2,
        rest(
            "identity_bytes",
            "RFC 8446 §4.2.11",
            "the name of an external key, or a session ticket exactly as the server gave it",
            kind="text",
            show=lambda data: text(data) if data.isascii() and len(data) < 64 else "a ticket",
        ),
    ),
    number(
        "obfuscated_ticket_age",
        4,
        "RFC 8446 §4.2.11.1",
        "milliseconds since the ticket came, plus its ticket_age_add modulo 2^32; "
        "0 for an external key",
        kind="time",
    ),
)
_BINDER = counted(
    "binder",
    1,
    rest(
        "binder_bytes",
        "RFC 8446 §4.2.11.2",
        "HMAC over the ClientHello up to the binders: proves that the client has the key",
        kind="proof",
    ),
)
_CERTIFICATE_TYPE = number("certificate_type", 1, "RFC 7250 §3", names=names.CERTIFICATE_TYPES)
_RECORD_SIZE = number(
    "record_size_limit",
    2,
    "RFC 8449 §4",
    "of a record's plaintext, its content type included",
    kind="length",
    unit="bytes",
)
_EMPTY = rest("nothing")
_DISTINGUISHED_NAME = counted(
    "authority", 2, rest("distinguished_name", "RFC 5280 §4.1.2.4", "an X.501 Name in DER")
)
_SHARES = vector("client_shares", 2, _SHARE, "RFC 8446 §4.2.8", "in order of preference")
_COOKIE = counted(
    "cookie", 2, rest("cookie_bytes", "RFC 8446 §4.2.2", "only the server can read it")
)
_PRE_SHARED_KEYS = group(
    "offered_psks",
    vector("identities", 2, _IDENTITY, "RFC 8446 §4.2.11", "the keys the client could use"),
    vector("binders", 2, _BINDER, "RFC 8446 §4.2.11.2", "one for each identity, in order"),
)

# (extension, message): rule. None: in every message where there is no rule of its own.
_RULES: Mapping[tuple[int, Place | None], Rule] = {
    (0, "client_hello"): vector("server_name_list", 2, _SERVER_NAME, "RFC 6066 §3"),
    (1, None): number(
        "max_fragment_length",
        1,
        "RFC 6066 §4",
        names={1: "512 bytes", 2: "1024 bytes", 3: "2048 bytes", 4: "4096 bytes"},
    ),
    (5, "client_hello"): group(
        "status_request",
        number("status_type", 1, "RFC 6066 §8", names={1: "ocsp"}),
        counted("responder_id_list", 2, rest("responder_ids")),
        counted("request_extensions", 2, rest("extensions")),
    ),
    (10, None): vector("named_group_list", 2, _GROUP, "RFC 8446 §4.2.7"),
    (11, None): vector(
        "ec_point_format_list",
        1,
        number(
            "ec_point_format",
            1,
            "RFC 8422 §5.1.2",
            names={
                0: "uncompressed",
                1: "ansiX962_compressed_prime",
                2: "ansiX962_compressed_char2",
            },
        ),
    ),
    (13, None): vector("supported_signature_algorithms", 2, _SCHEME, "RFC 8446 §4.2.3"),
    (50, None): vector("supported_signature_algorithms", 2, _SCHEME, "RFC 8446 §4.2.3"),
    (16, None): vector("protocol_name_list", 2, _PROTOCOL, "RFC 7301 §3.1"),
    (19, "client_hello"): vector("certificate_types", 1, _CERTIFICATE_TYPE),
    (20, "client_hello"): vector("certificate_types", 1, _CERTIFICATE_TYPE),
    (19, "encrypted_extensions"): _CERTIFICATE_TYPE,
    (20, "encrypted_extensions"): _CERTIFICATE_TYPE,
    (21, None): rest("padding_bytes", "RFC 7685 §3", "all zero"),
    (28, None): _RECORD_SIZE,
    (35, None): rest("ticket", "RFC 5077 §3.2"),
    (41, "client_hello"): _PRE_SHARED_KEYS,
    (41, "server_hello"): number(
        "selected_identity",
        2,
        "RFC 8446 §4.2.11",
        "which of the offered keys is used, counted from 0",
    ),
    (42, "new_session_ticket"): number(
        "max_early_data_size", 4, "RFC 8446 §4.6.1", kind="length", unit="bytes"
    ),
    (43, "client_hello"): vector("versions", 1, _VERSION, "RFC 8446 §4.2.1"),
    (43, None): number(
        "selected_version",
        2,
        "RFC 8446 §4.2.1",
        "the version of this connection",
        names=names.VERSIONS,
    ),
    (44, None): _COOKIE,
    (45, "client_hello"): vector(
        "ke_modes", 1, number("psk_key_exchange_mode", 1, "RFC 8446 §4.2.9", names=names.PSK_MODES)
    ),
    (47, None): vector("authorities", 2, _DISTINGUISHED_NAME, "RFC 8446 §4.2.4"),
    (51, "client_hello"): _SHARES,
    (51, "server_hello"): _SHARE,
    (51, "hello_retry_request"): number(
        "selected_group",
        2,
        "RFC 8446 §4.2.8",
        "the group that the client shall send a share for",
        names=names.GROUPS,
    ),
    (0xFF01, None): counted("renegotiated_connection", 1, rest("verify_data", kind="proof")),
}
_TYPE = number(
    "extension_type", 2, "RFC 8446 §4.2", "which extension it is", names=names.EXTENSIONS
)
_LENGTH = length(2, "the extension")


def extension(place: Place) -> Rule:
    """Return the rule of one extension of a message."""

    def read(cursor: Cursor) -> Field:
        kind, size = _TYPE(cursor), _LENGTH(cursor)
        assert kind.code is not None
        assert size.code is not None
        data = cursor.take(size.code)
        rfc, about = ABOUT.get(kind.code, ("", ""))
        parts = [kind, size]
        if data:
            rule = _RULES.get((kind.code, place)) or _RULES.get((kind.code, None))
            parts.append(bounded(rule or rest("extension_data"), data))
        name = names.EXTENSIONS.get(kind.code, "unlisted extension")
        said = parts[2].value if data else "(empty)"
        return replace(joined(name, tuple(parts), rfc=rfc, about=about), value=said)

    return read


def extensions(place: Place) -> Rule:
    """Return the rule of a message's extensions, their length in front."""
    about = "what was added to the message since TLS 1.2, one after the other, each with its length"
    rule = vector("extensions", 2, extension(place), "RFC 8446 §4.2", about)

    def read(cursor: Cursor) -> Field:
        return replace(rule(cursor), value="")

    return read
