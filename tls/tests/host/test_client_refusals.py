"""Each offence of a server in the handshake is refused by name.

The offences are changes of one field, made by the server double before it encodes, so everything
around the field is right. Every refusal is checked with its reason and with the alert that arrived
at the server.
"""

import pytest
from server_messages import P256, X25519, key_update, message, vector

P521 = 0x0019
ILLEGAL_PARAMETER, UNKNOWN_CA, DECODE_ERROR, DECRYPT_ERROR = 47, 48, 50, 51
UNEXPECTED_MESSAGE, PROTOCOL_VERSION, INTERNAL_ERROR = 10, 70, 80
MISSING_EXTENSION, UNSUPPORTED_EXTENSION = 109, 110


def setting(**fields):
    """Return an edit that sets fields of a message."""

    def edit(target):
        for name, value in fields.items():
            assert hasattr(target, name)
            setattr(target, name, value)

    return edit


def replacing(kind, body):
    """Return an edit of a ServerHello that replaces or removes (None) an extension."""
    return lambda hello: hello.replace(kind, body)


def adding(kind, body=b""):
    """Return an edit that adds an extension to whatever extensions are there."""
    return lambda target: target.extensions.append((kind, body))


def flipping(field):
    """Return an edit that flips the lowest bit of the last byte of a field."""

    def edit(target):
        value = bytearray(getattr(target, field))
        value[-1] ^= 1
        setattr(target, field, bytes(value))

    return edit


# --- offences in ServerHello

SERVER_HELLO = [
    ("session_id", setting(session_id=bytes(32)), "session_id", ILLEGAL_PARAMETER),
    ("no session_id", setting(session_id=b""), "session_id", ILLEGAL_PARAMETER),
    ("long session_id", setting(session_id=bytes(33)), "bad_length", DECODE_ERROR),
    ("unoffered suite", setting(suite=0x1305), "unoffered_suite", ILLEGAL_PARAMETER),
    ("compression", setting(compression=1), "compression", ILLEGAL_PARAMETER),
    ("legacy SSL 2", setting(legacy_version=0x0002), "version_not_supported", PROTOCOL_VERSION),
    ("legacy SSL 3", setting(legacy_version=0x0300), "version_not_supported", PROTOCOL_VERSION),
    ("TLS 1.2", replacing(43, None), "version_not_supported", PROTOCOL_VERSION),
    (
        "TLS 1.1",
        setting(legacy_version=0x0302, extensions=None),
        "version_not_supported",
        PROTOCOL_VERSION,
    ),
    (
        "TLS 1.2 with its extensions",
        setting(extensions=[(0xFF01, b"\x00"), (23, b""), (35, b"")]),
        "version_not_supported",
        PROTOCOL_VERSION,
    ),
    (
        "downgrade to 1.2",
        setting(extensions=None, random=bytes(24) + b"DOWNGRD\x01"),
        "downgrade",
        ILLEGAL_PARAMETER,
    ),
    (
        "downgrade to 1.1",
        setting(legacy_version=0x0302, extensions=[], random=bytes(24) + b"DOWNGRD\x00"),
        "downgrade",
        ILLEGAL_PARAMETER,
    ),
    ("selects 1.2", replacing(43, b"\x03\x03"), "unoffered_version", ILLEGAL_PARAMETER),
    ("selects 1.4", replacing(43, b"\x03\x05"), "unoffered_version", ILLEGAL_PARAMETER),
    ("half a version", replacing(43, b"\x03"), "truncated", DECODE_ERROR),
    ("long version", replacing(43, b"\x03\x04\x00"), "trailing_data", DECODE_ERROR),
    ("two versions", adding(43, b"\x03\x04"), "duplicate_extension", ILLEGAL_PARAMETER),
    ("pre_shared_key", adding(41, b"\x00\x00"), "unsolicited_extension", UNSUPPORTED_EXTENSION),
    ("unknown extension", adding(0x1234), "unsolicited_extension", UNSUPPORTED_EXTENSION),
    ("ALPN", adding(16, b"\x00\x03\x02h2"), "misplaced_extension", ILLEGAL_PARAMETER),
    ("cookie", adding(44, b"\x00\x01c"), "misplaced_extension", ILLEGAL_PARAMETER),
    ("no key_share", replacing(51, None), "no_key_share", MISSING_EXTENSION),
    (
        "unshared group",
        replacing(51, b"\x00\x17" + vector(2, b"\x04" + bytes(64))),
        "unoffered_group",
        ILLEGAL_PARAMETER,
    ),
    ("empty key_share", replacing(51, b""), "truncated", DECODE_ERROR),
    ("empty share", replacing(51, b"\x00\x1d\x00\x00"), "bad_length", DECODE_ERROR),
    ("long key_share", replacing(51, b"\x00\x1d\x00\x01\x09\x00"), "trailing_data", DECODE_ERROR),
    ("trailing data", setting(trailing=b"\x00"), "trailing_data", DECODE_ERROR),
]


@pytest.mark.parametrize(
    ("edit", "reason", "alert"),
    [row[1:] for row in SERVER_HELLO],
    ids=[row[0] for row in SERVER_HELLO],
)
def test_offence_in_server_hello(pair, edit, reason, alert):
    both = pair(edit={"server_hello": edit})
    both.client_speaks()
    refusal = both.refusal_plain(both.server.server_hello())
    assert refusal == ("server_hello." + reason, alert)


@pytest.mark.parametrize("version", [0x0301, 0x0304, 0x0505])
def test_the_legacy_version_is_ignored(pair, version):
    # RFC 8446 §4.2.1: "clients MUST ignore the ServerHello.legacy_version value".
    both = pair(edit={"server_hello": setting(legacy_version=version)}).connect()
    assert both.client.version == 0x0304


@pytest.mark.parametrize(
    ("group", "share", "reason"),
    [
        (X25519, bytes(31), "bad_length"),
        (X25519, bytes(33), "bad_length"),
        (X25519, bytes(32), "invalid"),  # of order 1: all-zero secret
        (X25519, b"\x01" + bytes(31), "invalid"),
        (P256, b"\x04" + bytes(64), "invalid"),  # not on the curve
        (P256, b"\x02" + b"\x11" * 64, "invalid"),
        (P256, b"\x04" + b"\xff" * 64, "invalid"),
        (P256, b"\x02" + bytes(32), "bad_length"),  # compressed
        (P256, b"\x00", "bad_length"),  # the point at infinity
    ],
)
def test_bad_share_is_refused(pair, group, share, reason):
    body = group.to_bytes(2, "big") + vector(2, share)
    both = pair(
        config={"groups": (group,)}, group=group, edit={"server_hello": replacing(51, body)}
    )
    both.client_speaks()
    refusal = both.refusal_plain(both.server.server_hello())
    assert refusal == ("key_share." + reason, ILLEGAL_PARAMETER)


# --- offences in HelloRetryRequest

RETRY = [
    ("no change", replacing(51, None), "hello_retry_request.no_change", ILLEGAL_PARAMETER),
    (
        "unoffered group",
        replacing(51, P521.to_bytes(2, "big")),
        "hello_retry_request.unoffered_group",
        ILLEGAL_PARAMETER,
    ),
    (
        "group already shared",
        replacing(51, X25519.to_bytes(2, "big")),
        "hello_retry_request.group_already_shared",
        ILLEGAL_PARAMETER,
    ),
    ("a whole share", replacing(51, b"\x00\x17\x00\x01\x00"), "server_hello.trailing_data", 50),
    ("empty cookie", adding(44, b"\x00\x00"), "server_hello.bad_length", DECODE_ERROR),
    ("long cookie", adding(44, b"\x00\x01c\x00"), "server_hello.trailing_data", DECODE_ERROR),
    (
        "endless cookie",
        adding(44, vector(2, bytes(1000))),
        "hello_retry_request.cookie_too_long",
        INTERNAL_ERROR,
    ),
    ("other extension", adding(0x1234), "server_hello.unsolicited_extension", 110),
    ("server_name", adding(0), "server_hello.misplaced_extension", ILLEGAL_PARAMETER),
    ("unoffered suite", setting(suite=0x1305), "server_hello.unoffered_suite", ILLEGAL_PARAMETER),
    ("session_id", setting(session_id=b"other"), "server_hello.session_id", ILLEGAL_PARAMETER),
    ("TLS 1.2", replacing(43, None), "server_hello.version_not_supported", PROTOCOL_VERSION),
    ("compression", setting(compression=1), "server_hello.compression", ILLEGAL_PARAMETER),
]


@pytest.mark.parametrize(
    ("edit", "reason", "alert"), [row[1:] for row in RETRY], ids=[row[0] for row in RETRY]
)
def test_offence_in_hello_retry_request(pair, edit, reason, alert):
    both = pair(retry_group=P256, edit={"hello_retry_request": edit})
    both.client_speaks()
    assert both.refusal_plain(both.server.hello_retry_request()) == (reason, alert)


def test_second_hello_retry_request_is_refused(pair):
    both = pair(retry_group=P256)
    both.client_speaks()
    both.tell_plain(both.server.hello_retry_request())
    both.client_speaks()
    refusal = both.refusal_plain(both.server.hello_retry_request())
    assert refusal == ("server_hello.second_retry", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (setting(suite=0x1303), "server_hello.suite_changed"),
        (
            replacing(51, b"\x00\x1d" + vector(2, b"\x09" + bytes(31))),
            "server_hello.unoffered_group",
        ),
    ],
    ids=["suite", "group"],
)
def test_server_hello_must_keep_to_the_retry(pair, edit, reason):
    both = pair(retry_group=P256, edit={"server_hello": edit})
    both.client_speaks()
    both.tell_plain(both.server.hello_retry_request())
    both.client_speaks()
    assert both.refusal_plain(both.server.server_hello()) == (reason, ILLEGAL_PARAMETER)


# --- offences in the protected flight

FLIGHT = [
    ("ee signature_algorithms", "encrypted_extensions", adding(13, b"\x00\x02\x04\x03"),
     "encrypted_extensions.misplaced_extension", ILLEGAL_PARAMETER),
    ("ee key_share", "encrypted_extensions", adding(51, b""),
     "encrypted_extensions.misplaced_extension", ILLEGAL_PARAMETER),
    ("ee unknown", "encrypted_extensions", adding(0x1234),
     "encrypted_extensions.unsolicited_extension", UNSUPPORTED_EXTENSION),
    ("ee early_data", "encrypted_extensions", adding(42),
     "encrypted_extensions.unsolicited_extension", UNSUPPORTED_EXTENSION),
    ("ee unoffered ALPN", "encrypted_extensions", adding(16, b"\x00\x03\x02h2"),
     "encrypted_extensions.unsolicited_extension", UNSUPPORTED_EXTENSION),
    ("ee duplicate", "encrypted_extensions", adding(10, b"\x00\x02\x00\x1d"),
     "encrypted_extensions.duplicate_extension", ILLEGAL_PARAMETER),
    ("ee server_name with content", "encrypted_extensions", setting(extensions=[(0, b"\x00")]),
     "encrypted_extensions.trailing_data", DECODE_ERROR),
    ("ee odd groups", "encrypted_extensions", setting(extensions=[(10, b"\x00\x03\x00\x1d\x00")]),
     "encrypted_extensions.bad_length", DECODE_ERROR),
    ("ee groups and more", "encrypted_extensions", setting(extensions=[(10, b"\0\2\0\x1d\0")]),
     "encrypted_extensions.trailing_data", DECODE_ERROR),
    ("ee trailing", "encrypted_extensions", setting(trailing=b"\x00"),
     "encrypted_extensions.trailing_data", DECODE_ERROR),
    ("cr context", "certificate_request", setting(context=b"c"),
     "certificate_request.context", ILLEGAL_PARAMETER),
    ("cr without algorithms", "certificate_request", setting(extensions=[(0x0A0A, b"")]),
     "certificate_request.missing_extension", MISSING_EXTENSION),
    ("cr no extensions", "certificate_request", setting(extensions=[]),
     "certificate_request.bad_length", DECODE_ERROR),
    ("cr odd algorithms", "certificate_request", setting(extensions=[(13, b"\0\3\4\3\x08")]),
     "certificate_request.bad_length", DECODE_ERROR),
    ("cr no algorithms", "certificate_request", setting(extensions=[(13, b"\x00\x00")]),
     "certificate_request.bad_length", DECODE_ERROR),
    ("cr duplicate", "certificate_request", adding(0x0A0A),
     "certificate_request.duplicate_extension", ILLEGAL_PARAMETER),
    ("cr misplaced", "certificate_request", adding(51),
     "certificate_request.misplaced_extension", ILLEGAL_PARAMETER),
    ("cr trailing", "certificate_request", setting(trailing=b"\x00"),
     "certificate_request.trailing_data", DECODE_ERROR),
    ("cert context", "certificate", setting(context=b"c"),
     "certificate_message.context", ILLEGAL_PARAMETER),
    ("cert empty", "certificate", setting(entries=[]),
     "certificate_message.empty", DECODE_ERROR),
    ("cert of no bytes", "certificate", setting(entries=[(b"", [])]),
     "certificate_message.bad_length", DECODE_ERROR),
    ("cert trailing", "certificate", setting(trailing=b"\x00"),
     "certificate_message.trailing_data", DECODE_ERROR),
    ("cert entry unsolicited", "certificate", lambda c: c.entries[0][1].append((5, b"\x01")),
     "certificate_message.unsolicited_extension", UNSUPPORTED_EXTENSION),
    ("cert entry misplaced", "certificate", lambda c: c.entries[0][1].append((16, b"")),
     "certificate_message.misplaced_extension", ILLEGAL_PARAMETER),
    ("cv flipped", "certificate_verify", flipping("signature"),
     "certificate_verify.bad_signature", DECRYPT_ERROR),
    ("cv empty", "certificate_verify", setting(signature=b""),
     "certificate_verify.bad_signature", DECRYPT_ERROR),
    ("cv PKCS#1 v1.5, for certificates only", "certificate_verify", setting(scheme=0x0401),
     "certificate_verify.unoffered_scheme", ILLEGAL_PARAMETER),
    ("cv for RSA, with another key", "certificate_verify", setting(scheme=0x0804),
     "certificate_verify.wrong_key", ILLEGAL_PARAMETER),
    ("cv for P-384, with a P-256 key", "certificate_verify", setting(scheme=0x0503),
     "certificate_verify.wrong_key", ILLEGAL_PARAMETER),
    ("cv SHA-1", "certificate_verify", setting(scheme=0x0203),
     "certificate_verify.unoffered_scheme", ILLEGAL_PARAMETER),
    ("cv trailing", "certificate_verify", setting(trailing=b"\x00"),
     "certificate_verify.trailing_data", DECODE_ERROR),
    ("finished flipped", "finished", flipping("verify_data"),
     "finished.bad_verify_data", DECRYPT_ERROR),
    ("finished short", "finished", setting(verify_data=bytes(31)),
     "finished.truncated", DECODE_ERROR),
    ("finished long", "finished", setting(verify_data=bytes(33)),
     "finished.trailing_data", DECODE_ERROR),
    ("finished empty", "finished", setting(verify_data=b""),
     "finished.truncated", DECODE_ERROR),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "edit", "reason", "alert"), [row[1:] for row in FLIGHT], ids=[row[0] for row in FLIGHT]
)
def test_offence_in_the_protected_flight(pair, name, edit, reason, alert):
    both = pair(request_certificate=name == "certificate_request", edit={name: edit})
    both.hello()
    assert both.refusal_protected(b"".join(both.server.flight())) == (reason, alert)


@pytest.mark.parametrize(
    ("names", "reason", "alert"),
    [
        (vector(2, vector(1, b"spdy")), "unoffered_protocol", ILLEGAL_PARAMETER),
        (vector(2, vector(1, b"h2") + vector(1, b"x")), "trailing_data", DECODE_ERROR),
        (vector(2, b"\x00"), "bad_length", DECODE_ERROR),
        (vector(2, vector(1, b"")), "bad_length", DECODE_ERROR),
        (b"\x00\x00", "bad_length", DECODE_ERROR),
        (vector(2, vector(1, b"h2")) + b"\x00", "trailing_data", DECODE_ERROR),
    ],
)
def test_bad_alpn_answer_is_refused(pair, names, reason, alert):
    both = pair(config={"alpn": (b"h2",)}, edit={"encrypted_extensions": adding(16, names)})
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions." + reason, alert)


def test_a_signature_by_another_key_is_refused(pair, identity):
    other = type(identity)(identity.name)
    both = pair()
    both.hello()
    flight = both.server.flight()[:2]
    both.tell_protected(b"".join(flight))
    both.server.identity = other
    refusal = both.refusal_protected(both.server.certificate_verify())
    assert refusal == ("certificate_verify.bad_signature", DECRYPT_ERROR)


def test_an_unknown_authority_is_refused(pair, identity):
    both = pair()
    both.server.identity = type(identity)(identity.name, root_name="another root")
    both.hello()
    refusal = both.refusal_protected(b"".join(both.server.flight()))
    assert refusal == ("certificate.unknown_ca", UNKNOWN_CA)


@pytest.mark.parametrize("reached", [8, 11])
def test_finished_before_its_turn_is_refused(pair, reached):
    both = pair()
    both.hello()
    both.tell_until(reached)
    refusal = both.refusal_protected(message(20, bytes(32)))
    assert refusal == ("handshake.unexpected_message", UNEXPECTED_MESSAGE)


def test_key_update_before_finished_is_refused(pair):
    both = pair()
    both.hello()
    refusal = both.refusal_protected(key_update(0))
    assert refusal == ("handshake.unexpected_message", UNEXPECTED_MESSAGE)


def test_a_post_handshake_certificate_request_is_refused(pair):
    # RFC 8446 §4.6.2: "MUST send an "unexpected_message" fatal alert"
    both = pair().connect()
    refusal = both.refusal_protected(both.server.certificate_request())
    assert refusal == ("handshake.unexpected_message", UNEXPECTED_MESSAGE)
