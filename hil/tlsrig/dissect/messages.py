"""The messages of TLS 1.3 as a grammar (RFC 8446 §4, §6); those of TLS 1.2 are in tls12_messages.

`message` names every byte of a whole handshake message; `alert` and `change_cipher_spec` do the
same for what goes without a handshake header. A hello tells by itself what it is of; of the others
their reader knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hil.tlsrig import names, wire
from hil.tlsrig.dissect import tls12_messages
from hil.tlsrig.dissect.certificate import certificate, public_key_info
from hil.tlsrig.dissect.extensions import extensions
from hil.tlsrig.dissect.grammar import (
    Cursor,
    Field,
    Rule,
    bounded,
    counted,
    group,
    joined,
    number,
    opaque,
    rest,
    vector,
)

TLS_1_3 = 0x0304
RAW_PUBLIC_KEY = 2

# What a message is for, and where that is said.
ABOUT: Mapping[str, tuple[str, str]] = {
    "client_hello": (
        "RFC 8446 §4.1.2",
        "The client opens the handshake: what it can do, in order of preference, a random number, "
        "and a public key on the chance that the server takes its group.",
    ),
    "server_hello": (
        "RFC 8446 §4.1.3",
        "The server chooses version, suite and group and sends its own public key. From here on "
        "both ends can compute the handshake keys: everything after it is encrypted.",
    ),
    "hello_retry_request": (
        "RFC 8446 §4.1.4",
        "A ServerHello that asks for another ClientHello: with a share for another group, or with "
        "a cookie. It is told apart by its random, which is a constant.",
    ),
    "encrypted_extensions": (
        "RFC 8446 §4.3.1",
        "The server's answers to extensions that nobody else needs to see; the first message under "
        "encryption.",
    ),
    "certificate_request": (
        "RFC 8446 §4.3.2",
        "The server asks for the client's certificate, and says which signatures it can check.",
    ),
    "certificate": (
        "RFC 8446 §4.4.2",
        "The sender shows who it is: its own certificate first, then the authorities above it. It "
        "is no proof yet: anybody may send a copy.",
    ),
    "certificate_verify": (
        "RFC 8446 §4.4.3",
        "The proof: a signature with the certificate's key over the hash of all messages so far, "
        "so it is good for this handshake only.",
    ),
    "finished": (
        "RFC 8446 §4.4.4",
        "A MAC over all messages so far, under a key that only the two ends have: it shows that "
        "both have seen the same handshake and have the same secrets.",
    ),
    "new_session_ticket": (
        "RFC 8446 §4.6.1",
        "The server gives the client something to resume this connection with later; it may come "
        "at any time after the handshake.",
    ),
    "key_update": (
        "RFC 8446 §4.6.3",
        "The sender goes over to its next keys; everything it sends after this is under them.",
    ),
    "end_of_early_data": (
        "RFC 8446 §4.5",
        "The client's 0-RTT data ends here; it goes over to the handshake keys.",
    ),
    "alert": (
        "RFC 8446 §6",
        "The sender ends its side of the connection in order (close_notify), or breaks it off and "
        "says why.",
    ),
    "change_cipher_spec": (
        "RFC 8446 §5, appendix D.4",
        "Means nothing in TLS 1.3: it is sent so that boxes in the middle which know only TLS 1.2 "
        "take the connection for a resumed one.",
    ),
    "application_data": ("RFC 8446 §5.1", "What all of this is for: the users' own bytes."),
}

_LEGACY_VERSION = number(
    "legacy_version",
    2,
    "RFC 8446 §4.1.2",
    "frozen at TLS 1.2, since too many servers choked on newer ones; see supported_versions",
    names=names.VERSIONS,
)
_RANDOM = opaque(
    "random",
    32,
    "RFC 8446 §4.1.2",
    "fresh for every connection, so that no two handshakes have the same messages; the client's is "
    "what key logs know a connection by",
    kind="random",
)
_SESSION_ID = counted(
    "legacy_session_id",
    1,
    rest(
        "session_id",
        "RFC 8446 §4.1.2",
        "meant resumption once; now filled so that the handshake looks like TLS 1.2, and echoed",
        kind="random",
    ),
    value=False,
)
_SESSION_ID_ECHO = counted(
    "legacy_session_id_echo",
    1,
    rest("session_id", "RFC 8446 §4.1.3", "the client's, given back as it came", kind="random"),
    value=False,
)
_SUITE_NAMES = {**names.SUITES, **names.OLDER_SUITES}
_SUITE = number(
    "cipher_suite", 2, "RFC 8446 §B.4", "AEAD and hash of the key schedule", names=_SUITE_NAMES
)
_COMPRESSION = number("compression_method", 1, "RFC 8446 §4.1.2", names={0: "null", 1: "DEFLATE"})


def _optional(rule: Rule) -> Rule:
    """Return the rule of something that older versions leave out at the end of a message."""

    def read(cursor: Cursor) -> Field:
        return rule(cursor) if cursor.left else Field("no extensions", b"")

    return read


_CLIENT_HELLO = group(
    "client_hello",
    _LEGACY_VERSION,
    _RANDOM,
    _SESSION_ID,
    vector("cipher_suites", 2, _SUITE, "RFC 8446 §4.1.2", "in order of preference"),
    vector(
        "legacy_compression_methods",
        1,
        _COMPRESSION,
        "RFC 8446 §4.1.2",
        "compression under TLS gave secrets away; only null is left",
    ),
    _optional(extensions("client_hello")),
)


def _server_hello(place: str, random_about: str) -> Rule:
    return group(
        place,
        _LEGACY_VERSION,
        opaque("random", 32, "RFC 8446 §4.1.3", random_about, kind="random"),
        _SESSION_ID_ECHO,
        _SUITE,
        number("legacy_compression_method", 1, "RFC 8446 §4.1.3", "always null", names={0: "null"}),
        _optional(
            extensions("hello_retry_request" if place == "hello_retry_request" else "server_hello")
        ),
    )


_HELLOS = {
    False: _server_hello("server_hello", "the server's own; fresh for every connection"),
    True: _server_hello("hello_retry_request", "SHA-256 of “HelloRetryRequest”: a marker"),
}


def _entry(cursor: Cursor, inner: Rule) -> Field:
    about = "as its owner had it signed, in DER"
    body = counted("cert_data", 3, inner, "RFC 8446 §4.4.2", about)(cursor)
    return joined("certificate_entry", (body, extensions("certificate")(cursor)))


def _certificate(raw: bool) -> Rule:
    inner = public_key_info if raw else certificate
    context = counted(
        "certificate_request_context",
        1,
        rest("context", "RFC 8446 §4.4.2", "which request this answers; empty in the handshake"),
    )
    entries = vector(
        "certificate_list",
        3,
        lambda cursor: _entry(cursor, inner),
        "RFC 8446 §4.4.2",
        "the sender's own first, then each one's issuer; the root is left out, it must be known",
    )
    return group("certificate", context, entries)


_CERTIFICATE_VERIFY = group(
    "certificate_verify",
    number("algorithm", 2, "RFC 8446 §4.2.3", "how it is signed", names=names.SIGNATURES),
    counted(
        "signature",
        2,
        rest("signature_bytes", "RFC 8446 §4.4.3", "made with the certificate's key", kind="proof"),
    ),
)
_NEW_SESSION_TICKET = group(
    "new_session_ticket",
    number(
        "ticket_lifetime",
        4,
        "RFC 8446 §4.6.1",
        "how long it is good for; never more than seven days",
        kind="time",
        unit="seconds",
    ),
    number(
        "ticket_age_add",
        4,
        "RFC 8446 §4.6.1",
        "the client adds it to the age it shows, so that nobody can tell two connections related",
        kind="random",
    ),
    counted(
        "ticket_nonce",
        1,
        rest(
            "nonce",
            "RFC 8446 §4.6.1",
            "makes each ticket's key another: PSK = HKDF-Expand-Label(resumption_master_secret, "
            "“resumption”, ticket_nonce, Hash.length)",
            kind="random",
        ),
    ),
    counted(
        "ticket",
        2,
        rest(
            "ticket_bytes",
            "RFC 8446 §4.6.1",
            "only the server can read it: usually the connection's state, sealed with its own key",
        ),
    ),
    extensions("new_session_ticket"),
)
_BODIES: Mapping[int, Rule] = {
    1: _CLIENT_HELLO,
    4: _NEW_SESSION_TICKET,
    5: rest("end_of_early_data"),
    8: group("encrypted_extensions", extensions("encrypted_extensions")),
    13: group(
        "certificate_request",
        counted("certificate_request_context", 1, rest("context", "RFC 8446 §4.3.2")),
        extensions("certificate_request"),
    ),
    15: _CERTIFICATE_VERIFY,
    20: rest("verify_data", "RFC 8446 §4.4.4", "HMAC(finished_key, transcript hash)", kind="proof"),
    24: number(
        "request_update",
        1,
        "RFC 8446 §4.6.3",
        "whether the other end shall do the same",
        names={0: "update_not_requested", 1: "update_requested"},
    ),
}
_TYPE = number("msg_type", 1, "RFC 8446 §4", "which message it is", names=names.HANDSHAKE_TYPES)
_LENGTH = number("length", 3, "RFC 8446 §4", "of the message", kind="length", unit="bytes")


def name_of(data: bytes) -> str:
    """Return the name of a handshake message by its bytes."""
    if data[:1] == b"\x02" and data[6:38] == wire.HELLO_RETRY_RANDOM:
        return "hello_retry_request"
    return names.HANDSHAKE_TYPES.get(data[0], f"handshake message {data[0]}")


def about(*, is_older: bool) -> Mapping[str, tuple[str, str]]:
    """Return what messages are for, and where that is said: in TLS 1.3, or in older versions."""
    return {**ABOUT, **tls12_messages.ABOUT} if is_older else ABOUT


def sent_certificates(message: Field) -> list[bytes]:
    """Return what a Certificate message holds, of any version: certificates in DER, or a key."""
    entries = [*message.all("cert_data"), *message.all("ASN.1Cert")]
    return [entry.data[3:] for entry in entries]


def message(
    data: bytes,
    version: int | None = TLS_1_3,
    *,
    raw_public_key: bool = False,
    suite: int | None = None,
) -> Field:
    """Name every byte of a handshake message.

    Args:
        data: the whole message, its 4-byte header included.
        version: of the connection, None while it is not known.
        raw_public_key: a Certificate holds a bare key (RFC 7250).
        suite: of the connection; in TLS 1.2 the form of a key exchange depends on it.
    """
    cursor = Cursor(data)
    kind, size = _TYPE(cursor), _LENGTH(cursor)
    name = name_of(data)
    rule = _BODIES.get(data[0])
    older = version is not None and version < TLS_1_3
    if name in ("client_hello", "server_hello"):
        as_older = tls12_messages.hello(data[0], data[4:])
        older = as_older is not None
        rule = as_older or rule or _HELLOS[False]
    elif name == "hello_retry_request":
        rule = _HELLOS[True]
    elif older and version is not None:
        rule = tls12_messages.body(data[0], suite, version)
    elif data[0] == 11:
        rule = _certificate(raw_public_key)
    body = bounded(rule or rest("body"), cursor.rest())
    inside = body.parts if body.parts and body.name == name else (body,)
    rfc, purpose = about(is_older=older).get(name, ("", ""))
    if older:
        kind, size = (replace(one, rfc="RFC 5246 §7.4") for one in (kind, size))
    if not body.data:
        inside = ()
    named = replace(joined(name, (kind, size, *inside), rfc=rfc, about=purpose), value="")
    return tls12_messages.sourced(named) if older else named


_ALERT = group(
    "alert",
    number(
        "level",
        1,
        "RFC 8446 §6",
        "means nothing any more in TLS 1.3: every alert but two is fatal",
        names={1: "warning", 2: "fatal"},
    ),
    number("description", 1, "RFC 8446 §6", "what happened", names=names.ALERTS),
)
_CHANGE_CIPHER_SPEC = number(
    "change_cipher_spec", 1, "RFC 8446 §5", "always 1", names={1: "change_cipher_spec"}
)


def alert(data: bytes, *, is_older: bool = False) -> Field:
    """Name the bytes of an alert."""
    rfc, purpose = about(is_older=is_older)["alert"]
    read = tls12_messages.alert(data) if is_older else bounded(_ALERT, data)
    return replace(read, rfc=rfc, about=purpose)


def change_cipher_spec(data: bytes, *, is_older: bool = False) -> Field:
    """Name the byte of a change_cipher_spec."""
    if is_older:
        return tls12_messages.change_cipher_spec(data)
    return bounded(_CHANGE_CIPHER_SPEC, data)
