"""The messages of TLS 1.2 and older as a grammar (RFC 5246 §7, RFC 8422 §5, RFC 4279, RFC 5077).

What TLS 1.3 has in another form is here under the names of RFC 5246. A ServerKeyExchange and a
ClientKeyExchange look otherwise with every key exchange, so their rules are found by the suite; of
suites that are not known here, and of TLS 1.1 where it signs otherwise, bodies stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hil.tlsrig import names, wire
from hil.tlsrig.dissect.certificate import certificate
from hil.tlsrig.dissect.extensions import extensions
from hil.tlsrig.dissect.grammar import (
    Cursor,
    Field,
    Rule,
    bounded,
    counted,
    group,
    number,
    opaque,
    rest,
    text,
    vector,
)

TLS_1_2 = 0x0303

# What a message is for, and where that is said; those that are not here are as in TLS 1.3.
ABOUT: Mapping[str, tuple[str, str]] = {
    "hello_request": (
        "RFC 5246 §7.4.1.1",
        "The server asks for a new handshake in the same connection; boards refuse that.",
    ),
    "client_hello": (
        "RFC 5246 §7.4.1.2",
        "The client opens the handshake: the newest version it speaks, its suites in order of "
        "preference, and a random number.",
    ),
    "server_hello": (
        "RFC 5246 §7.4.1.3",
        "The server chooses version and suite. Everything up to change_cipher_spec travels in the "
        "clear: who listens learns both ends' certificates.",
    ),
    "certificate": (
        "RFC 5246 §7.4.2",
        "The sender shows who it is: its own certificate first, then the authorities above it. It "
        "is no proof yet: anybody may send a copy.",
    ),
    "server_key_exchange": (
        "RFC 5246 §7.4.3, RFC 8422 §5.4",
        "The server's public key for this connection, signed together with both randoms, so the "
        "signature is good for this handshake only; with pre-shared keys instead a hint, or both "
        "without a signature (RFC 4279, RFC 5489).",
    ),
    "certificate_request": (
        "RFC 5246 §7.4.4",
        "The server asks for the client's certificate, and says which it can check.",
    ),
    "server_hello_done": ("RFC 5246 §7.4.5", "The server's turn is over; now the client answers."),
    "client_key_exchange": (
        "RFC 5246 §7.4.7, RFC 8422 §5.7",
        "The client's public key, or the name of the pre-shared key that it uses (RFC 4279 §2). "
        "From here on both ends can compute the master secret.",
    ),
    "certificate_verify": (
        "RFC 5246 §7.4.8",
        "The client's proof: a signature with its certificate's key over all messages so far.",
    ),
    "finished": (
        "RFC 5246 §7.4.9",
        "Twelve bytes that the PRF makes of the master secret and the hash of all messages so far: "
        "they show that both ends saw the same handshake and have the same secret. It is the first "
        "message under the new keys.",
    ),
    "new_session_ticket": (
        "RFC 5077 §3.3",
        "The server gives the client something to resume this session with later. It comes before "
        "the server's Finished, which is over it as well.",
    ),
    "certificate_status": ("RFC 6066 §8", "A proof that the certificate is not revoked."),
    "change_cipher_spec": (
        "RFC 5246 §7.1",
        "The sender's records after this one are under the keys just negotiated. It is no "
        "handshake message, so no hash is over it.",
    ),
    "alert": (
        "RFC 5246 §7.2",
        "The sender ends its side of the connection in order (close_notify), or breaks it off and "
        "says why.",
    ),
    "application_data": ("RFC 5246 §10", "What all of this is for: the users' own bytes."),
}

_COMPRESSION = number("compression_method", 1, "RFC 5246 §7.4.1.2", names={0: "null", 1: "DEFLATE"})
_SUITE = number(
    "cipher_suite",
    2,
    "RFC 5246 §A.5",
    "key exchange, signature, cipher, and hash of the PRF",
    names=names.ALL_SUITES,
)


def _random(whose: str) -> Rule:
    about = f"{whose}; its first four bytes were to be the time, which few do any more"
    return opaque("random", 32, "RFC 5246 §7.4.1.2", about, kind="random")


def _session_id(rfc: str, about: str) -> Rule:
    bare = rest("session_id_bytes", kind="random")
    return counted("session_id", 1, bare, rfc, about, value=False)


def _optional(rule: Rule) -> Rule:
    def read(cursor: Cursor) -> Field:
        return rule(cursor) if cursor.left else Field("no extensions", b"")

    return read


CLIENT_HELLO = group(
    "client_hello",
    number(
        "client_version",
        2,
        "RFC 5246 §7.4.1.2",
        "the newest version that the client speaks; older ones are understood (appendix E.1)",
        names=names.VERSIONS,
    ),
    _random("fresh for every connection; what key logs know it by"),
    _session_id("RFC 5246 §7.4.1.2", "the session to be resumed; empty for a new one"),
    vector("cipher_suites", 2, _SUITE, "RFC 5246 §7.4.1.2", "in order of preference"),
    vector(
        "compression_methods",
        1,
        _COMPRESSION,
        "RFC 5246 §7.4.1.2",
        "compression under TLS gave secrets away; only null is left",
    ),
    _optional(extensions("client_hello")),
)
SERVER_HELLO = group(
    "server_hello",
    number(
        "server_version",
        2,
        "RFC 5246 §7.4.1.3",
        "the version of this connection",
        names=names.VERSIONS,
    ),
    _random("the server's own; one that knows TLS 1.3 marks it in the end (RFC 8446 §4.1.3)"),
    _session_id(
        "RFC 5246 §7.4.1.3",
        "the client's own given back: the session goes on; another one: a new session, which may "
        "be resumed by it",
    ),
    _SUITE,
    _COMPRESSION,
    _optional(extensions("server_hello")),
)

_CERTIFICATE = vector(
    "certificate_list",
    3,
    counted("ASN.1Cert", 3, certificate, "RFC 5246 §7.4.2"),
    "RFC 5246 §7.4.2",
    "the sender's own first, then each one's issuer; a client that has none sends an empty list",
)
_PARAMETERS = (
    number(
        "curve_type",
        1,
        "RFC 8422 §5.4",
        "how the curve is told; only names are left",
        names={1: "explicit_prime", 2: "explicit_char2", 3: "named_curve"},
    ),
    number("group", 2, "RFC 8422 §5.1.1", "which curve", names=names.GROUPS),
)


def _point(whose: str) -> Rule:
    about = f"the {whose}'s public key, made for this connection alone"
    return counted("point", 1, rest("public_key", "RFC 8422 §5.4", about, kind="key"))


def _signed(rfc: str, about: str) -> tuple[Rule, ...]:
    return (
        number("algorithm", 2, "RFC 5246 §7.4.1.4.1", "how it is signed", names=names.SIGNATURES),
        counted("signature", 2, rest("signature_bytes", rfc, about, kind="proof")),
    )


_SIGNATURE_ABOUT = "over client_random, server_random and all of the message before it"
_HINT = counted(
    "psk_identity_hint",
    2,
    rest("hint", "RFC 4279 §2", "which key the client may take", kind="text", show=text),
)
_IDENTITY = counted(
    "psk_identity",
    2,
    rest("identity_bytes", "RFC 4279 §2", "the name of the key", kind="text", show=text),
)
_TICKET = group(
    "new_session_ticket",
    number(
        "ticket_lifetime_hint",
        4,
        "RFC 5077 §3.3",
        "how long the server thinks to take it; 0: it does not say",
        kind="time",
        unit="seconds",
    ),
    counted(
        "ticket",
        2,
        rest(
            "ticket_bytes",
            "RFC 5077 §3.3",
            "only the server can read it: usually the session's state, sealed with its own key",
        ),
    ),
)
_REQUEST = group(
    "certificate_request",
    vector(
        "certificate_types",
        1,
        number(
            "certificate_type",
            1,
            "RFC 5246 §7.4.4, RFC 8422 §5.5",
            names={1: "rsa_sign", 2: "dss_sign", 64: "ecdsa_sign"},
        ),
        "RFC 5246 §7.4.4",
        "the kinds of keys it takes",
    ),
    vector(
        "supported_signature_algorithms",
        2,
        number("signature_scheme", 2, "RFC 5246 §7.4.1.4.1", names=names.SIGNATURES),
        "RFC 5246 §7.4.4",
        "the signatures it can verify",
    ),
    vector(
        "certificate_authorities",
        2,
        counted("authority", 2, rest("distinguished_name", "RFC 5246 §7.4.4", "an X.501 Name")),
        "RFC 5246 §7.4.4",
        "whose certificates it takes; empty: it does not say",
    ),
)
_VERIFY = group(
    "certificate_verify",
    *_signed("RFC 5246 §7.4.8", "over all handshake messages before this one"),
)
_DONE = group("server_hello_done")
_FINISHED = rest(
    "verify_data",
    "RFC 5246 §7.4.9",
    "PRF(master_secret, finished_label, Hash(handshake_messages))[0..11]",
    kind="proof",
)
_STATUS = rest("status", "RFC 6066 §8")


# What both versions have, and where RFC 5246 and those beside it say it.
_SOURCES: Mapping[str, str] = {
    "RFC 8446 §3.4": "RFC 5246 §4.3",
    "RFC 8446 §4.2": "RFC 5246 §7.4.1.4",
    "RFC 8446 §4.2.3": "RFC 5246 §7.4.1.4.1",
    "RFC 8446 §4.2.7": "RFC 8422 §5.1.1",
}
_WORDS: Mapping[str, str] = {
    "signature_algorithms": "the signatures that the client can verify",
    "extensions": "what was added to the message, one after the other, each with its length",
}


def sourced(field: Field) -> Field:
    """Return a message of TLS 1.2 with the sources of that version, in all of its parts."""
    return replace(
        field,
        rfc=_SOURCES.get(field.rfc, field.rfc),
        about=_WORDS.get(field.name, field.about),
        parts=tuple(sourced(part) for part in field.parts),
    )


def hello(kind: int, data: bytes) -> Rule | None:
    """Return the rule of a hello that says nothing of TLS 1.3, None for one that does.

    Args:
        kind: 1 or 2, a client's or a server's.
        data: the message without its header.
    """
    rule = CLIENT_HELLO if kind == wire.CLIENT_HELLO else SERVER_HELLO
    read = bounded(rule, data)
    return rule if read.first("supported_versions") is None else None


def body(kind: int, suite: int | None, version: int) -> Rule | None:
    """Return the rule of any other message's body; None if its bytes are shown as they are.

    Args:
        kind: the message's type.
        suite: as negotiated.
        version: of the connection, below TLS 1.3.
    """
    name = names.name_of(names.OLDER_SUITES, suite) or ""
    has_schemes = version >= TLS_1_2
    found: Mapping[int, Rule | None] = {
        0: _DONE,
        4: _TICKET,
        11: _CERTIFICATE,
        12: _server_key_exchange(name) if has_schemes else None,
        13: _REQUEST if has_schemes else None,
        14: _DONE,
        15: _VERIFY if has_schemes else None,
        16: _client_key_exchange(name),
        20: _FINISHED,
        22: _STATUS,
    }
    return found.get(kind)


def _server_key_exchange(suite: str) -> Rule | None:
    signature = _signed("RFC 8422 §5.4", _SIGNATURE_ABOUT)
    if suite.startswith(("TLS_ECDHE_ECDSA_", "TLS_ECDHE_RSA_")):
        return group("server_key_exchange", *_PARAMETERS, _point("server"), *signature)
    if suite.startswith("TLS_ECDHE_PSK_"):
        return group("server_key_exchange", _HINT, *_PARAMETERS, _point("server"))
    if suite.startswith("TLS_PSK_"):
        return group("server_key_exchange", _HINT)
    return None


def _client_key_exchange(suite: str) -> Rule | None:
    if suite.startswith("TLS_ECDHE_PSK_"):
        return group("client_key_exchange", _IDENTITY, _point("client"))
    if suite.startswith("TLS_ECDHE_"):
        return group("client_key_exchange", _point("client"))
    if suite.startswith("TLS_PSK_"):
        return group("client_key_exchange", _IDENTITY)
    if suite.startswith("TLS_RSA_"):
        about = "the premaster secret, encrypted with the key of the server's certificate"
        sealed = rest("pre_master_secret", "RFC 5246 §7.4.7.1", about, kind="sealed")
        return group("client_key_exchange", counted("EncryptedPreMasterSecret", 2, sealed))
    return None


_ALERT = group(
    "alert",
    number(
        "level",
        1,
        "RFC 5246 §7.2",
        "a fatal one ends the connection, and the session may not be resumed",
        names={1: "warning", 2: "fatal"},
    ),
    number("description", 1, "RFC 5246 §7.2", "what happened", names=names.ALERTS),
)
_CHANGE_CIPHER_SPEC = number(
    "type", 1, "RFC 5246 §7.1", "always 1", names={1: "change_cipher_spec"}
)


def alert(data: bytes) -> Field:
    """Name the bytes of an alert."""
    return bounded(_ALERT, data)


def change_cipher_spec(data: bytes) -> Field:
    """Name the byte of a change_cipher_spec."""
    return bounded(_CHANGE_CIPHER_SPEC, data)
