"""What a client must not say, and the reason and alert it gets: one field wrong at a time."""

import pytest
from client_messages import EXTENSIONS, SHARE, Bench, ClientHello, codes, share
from server_messages import message, plain_record, vector

from tlscore import states
from tlscore.clock import FixedClock
from tlscore.trust import TrustAnchors, anchor_from_certificate

UNEXPECTED, HANDSHAKE_FAILURE, ILLEGAL, DECODE, VERSION = 10, 40, 47, 50, 70
MISSING, UNRECOGNIZED_NAME, NO_PROTOCOL = 109, 112, 120
PSK = (41, vector(2, vector(2, b"identity") + bytes(4)) + vector(2, vector(1, bytes(32))))


def put(kind, body):
    return lambda hello: hello.put(kind, body)


def field(**values):
    def change(hello):
        for name, value in values.items():
            setattr(hello, name, value)

    return change


def extensions(*more, without=()):
    kept = [pair for pair in EXTENSIONS if pair[0] not in without]
    return field(extensions=[*kept, *more])


# RFC 8446 §4.1.2, §4.2, §9.2: (change, reason after "client_hello.", alert)
FORM = [
    (field(legacy_version=0x0300), "version_not_supported", VERSION),
    (field(extensions=None), "version_not_supported", VERSION),
    (field(extensions=[]), "version_not_supported", VERSION),
    (put(43, None), "version_not_supported", VERSION),
    (put(43, vector(1, b"\x03\x03\x03\x02")), "version_not_supported", VERSION),
    (put(43, vector(1, b"\x7f\x1c\x0a\x0a")), "version_not_supported", VERSION),
    (put(43, vector(1, b"")), "bad_length", DECODE),
    (put(43, vector(1, b"\x03\x04\x03")), "bad_length", DECODE),
    (put(43, vector(1, b"\x03\x04") + b"\x00"), "trailing_data", DECODE),
    (field(session_id=bytes(33)), "bad_length", DECODE),
    (field(suites=vector(2, b"")), "bad_length", DECODE),
    (field(suites=vector(2, b"\x13\x01\x13")), "bad_length", DECODE),
    (field(compression=b"\x00"), "bad_length", DECODE),
    (field(compression=b"\x02\x00\x01"), "compression", ILLEGAL),
    (field(compression=b"\x02\x01\x00"), "compression", ILLEGAL),
    (field(compression=b"\x01\x01"), "compression", ILLEGAL),
    (field(trailing=b"\x00"), "trailing_data", DECODE),
    (extensions((0x1234, b""), (0x1234, b"")), "duplicate_extension", ILLEGAL),
    (extensions((10, codes(0x001D))), "duplicate_extension", ILLEGAL),
    (extensions((48, b"\x00\x00")), "misplaced_extension", ILLEGAL),
    (put(10, None), "missing_extension", MISSING),
    (put(13, None), "missing_extension", MISSING),
    (put(51, None), "missing_extension", MISSING),
    (extensions(without=(10, 51)), "missing_extension", MISSING),
    (extensions(PSK, without=(45,)), "missing_extension", MISSING),
    (extensions(PSK, (0x1234, b"")), "pre_shared_key_not_last", ILLEGAL),
    (put(10, vector(2, b"")), "bad_length", DECODE),
    (put(10, vector(2, b"\x00\x1d\x00")), "bad_length", DECODE),
    (put(10, codes(0x001D) + b"\x00"), "trailing_data", DECODE),
    (put(13, vector(2, b"")), "bad_length", DECODE),
    (put(13, b""), "truncated", DECODE),
    (put(50, vector(2, b"\x04")), "bad_length", DECODE),
    (put(45, vector(1, b"")), "bad_length", DECODE),
    (put(51, vector(2, share(key=b""))), "bad_length", DECODE),
    (put(51, vector(2, share()[:-1])), "truncated", DECODE),
    (put(51, vector(2, share(0x0018, bytes(97)))), "share_without_group", ILLEGAL),
    (put(51, vector(2, share() + share())), "duplicate_share", ILLEGAL),
    (put(16, vector(2, b"")), "bad_length", DECODE),
    (put(16, vector(2, b"\x00")), "bad_length", DECODE),
    (put(16, vector(2, b"\x02h2\x00")), "bad_length", DECODE),
    (put(16, vector(2, b"\x03h2")), "truncated", DECODE),
    (put(0, b""), "truncated", DECODE),
    (put(0, vector(2, b"")), "bad_length", DECODE),
    (put(0, vector(2, b"\x00" + vector(2, b""))), "bad_length", DECODE),
    (put(0, vector(2, (b"\x00" + vector(2, b"a")) * 2)), "duplicate_server_name", ILLEGAL),
    (put(0, vector(2, b"\x00" + vector(2, b"a\x00b"))), "server_name", ILLEGAL),
    (put(28, b"\x00\x3f"), "record_size_limit", ILLEGAL),
    (put(28, b"\x40"), "truncated", DECODE),
    (put(47, vector(2, b"\x00")), "bad_length", DECODE),
    (put(47, vector(2, b"\x00\x00\x00\x01a")), "bad_length", DECODE),
    (put(47, vector(2, vector(2, b"name")) + b"\x00"), "trailing_data", DECODE),
    (put(1, b"\x00"), "max_fragment_length", ILLEGAL),
    (put(1, b"\x05"), "max_fragment_length", ILLEGAL),
    (put(1, b""), "truncated", DECODE),
    (put(1, b"\x01\x01"), "trailing_data", DECODE),
    (put(19, vector(1, b"")), "bad_length", DECODE),
    (put(19, vector(1, b"\x02") + b"\x00"), "trailing_data", DECODE),
    (put(20, vector(1, b"")), "bad_length", DECODE),
    (put(20, b"\x02\x02"), "truncated", DECODE),
    (put(42, b"\x00"), "trailing_data", DECODE),
    (put(49, b"\x00"), "trailing_data", DECODE),
    (put(44, vector(2, b"")), "bad_length", DECODE),
    (put(44, vector(2, b"cookie")), "unsolicited_cookie", ILLEGAL),
]

# What can be said and cannot be met.
CHOICE = [
    (field(suites=codes(0x1302, 0xC02B)), "client_hello.no_common_suite", HANDSHAKE_FAILURE),
    (
        lambda hello: hello.put(10, codes(0x0100)).put(51, vector(2, b"")),
        "client_hello.no_common_group",
        HANDSHAKE_FAILURE,
    ),
    (put(13, codes(0x0804, 0x0401)), "client_hello.no_common_scheme", HANDSHAKE_FAILURE),
    (extensions(PSK, without=(10, 51)), "client_hello.psk_only", HANDSHAKE_FAILURE),
    # §4.2.3: no certificate without signature_algorithms.
    (extensions(PSK, without=(10, 51, 13)), "client_hello.missing_extension", MISSING),
    (extensions(PSK, without=(13,)), "client_hello.missing_extension", MISSING),
    (put(16, vector(2, b"\x02h3")), "client_hello.no_common_protocol", NO_PROTOCOL),
    (
        put(0, vector(2, b"\x00" + vector(2, b"other.example"))),
        "client_hello.unknown_server_name",
        UNRECOGNIZED_NAME,
    ),
    (put(51, vector(2, share(key=SHARE + b"\x00"))), "key_share.bad_length", ILLEGAL),
    (put(51, vector(2, share(key=bytes(32)))), "key_share.invalid", ILLEGAL),
    (
        put(51, vector(2, share(0x0017, b"\x04" + bytes(64)))),
        "key_share.invalid",
        ILLEGAL,
    ),
    (
        put(51, vector(2, share(0x0017, b"\x02" + bytes(64)))),
        "key_share.invalid",
        ILLEGAL,
    ),
]


def refusal(bench, change, **config):
    hello = ClientHello()
    change(hello)
    return bench(**config).refusal_of(hello.encode())


@pytest.mark.parametrize(("change", "reason", "alert"), FORM)
def test_a_client_hello_that_breaks_a_rule_is_refused(bench, change, reason, alert):
    assert refusal(bench, change) == ("client_hello." + reason, alert)


@pytest.mark.parametrize(("change", "reason", "alert"), CHOICE)
def test_an_offer_that_cannot_be_met_is_refused(bench, change, reason, alert):
    config = {
        "suites": (0x1301, 0x1303),
        "alpn": (b"h2",),
        "server_names": (b"server.example",),
    }
    assert refusal(bench, change, **config) == (reason, alert)


HARMLESS = [
    lambda hello: None,
    field(legacy_version=0x0304),
    field(legacy_version=0x0301),
    field(session_id=b""),
    field(suites=codes(0x0A0A, 0x00FF, 0x1301)),
    extensions(*[(0x4000 + number, bytes(number % 8)) for number in range(200)]),
    lambda hello: hello.extensions.reverse(),
    put(43, vector(1, b"\x0a\x0a\x03\x04\x03\x03")),
    put(0, None),
    put(0, vector(2, b"\x07" + vector(2, b"\x00\xff") + b"\x00" + vector(2, b"a"))),
    put(45, b"\x02\x00\x07"),
    extensions(PSK),
    put(21, bytes(100)),
    put(49, b""),
    put(47, vector(2, vector(2, b"name") + vector(2, b"another"))),
    put(16, vector(2, b"\x02h3")),
]


@pytest.mark.parametrize("change", HARMLESS)
def test_what_is_unusual_but_right_is_accepted(bench, change):
    hello = ClientHello()
    change(hello)
    one = bench().hello(hello)
    one.send(one.finished())
    assert one.server.state == states.CONNECTED


def test_truncation_anywhere_is_refused(bench):
    body = ClientHello().encode()[4:]
    for size in range(len(body)):
        reason, alert = bench().refusal_of(message(1, body[:size]))
        # Without extensions it is one of an older version.
        assert alert == DECODE or reason == "client_hello.version_not_supported"


# --- the second ClientHello (RFC 8446 §4.1.2, §4.2.8, §4.2.10)

NO_SHARE = put(51, vector(2, b""))
SECOND = [
    (field(random=bytes(32)), "changed_after_retry"),
    (field(session_id=b"t" * 32), "changed_after_retry"),
    (field(suites=codes(0x1301)), "changed_after_retry"),
    (put(13, codes(0x0403)), "changed_after_retry"),
    (put(0, None), "changed_after_retry"),
    (put(16, vector(2, b"\x02h2")), "changed_after_retry"),
    (put(0x0A0A, b"\x00"), "changed_after_retry"),
    (put(0x0A0A, None), "changed_after_retry"),
    (put(42, b""), "early_data_after_retry"),
    (put(44, vector(2, b"cookie")), "unsolicited_cookie"),
    (NO_SHARE, "wrong_share_after_retry"),
    (put(51, vector(2, share(0x0017, bytes(65)))), "wrong_share_after_retry"),
    (put(51, vector(2, share() + share(0x0017, bytes(65)))), "wrong_share_after_retry"),
]


def after_retry(bench):
    hello = ClientHello()
    NO_SHARE(hello)
    one = bench().hello(hello)
    assert one.server.retried
    return one


@pytest.mark.parametrize(("change", "reason"), SECOND)
def test_a_second_client_hello_may_not_change_much(bench, change, reason):
    hello = ClientHello()
    change(hello)
    assert after_retry(bench).refusal_of(hello.encode()) == ("client_hello." + reason, ILLEGAL)


def test_a_second_client_hello_may_bring_padding_and_a_pre_shared_key(bench):
    one = after_retry(bench)
    one.hello(ClientHello().put(21, bytes(50)).put(*PSK))
    assert one.server.version == 0x0304


def test_a_second_client_hello_may_have_its_extensions_in_another_order(bench):
    hello = ClientHello()
    hello.extensions.reverse()
    one = after_retry(bench).hello(hello)
    assert one.server.version == 0x0304


def test_there_is_no_third_client_hello(bench):
    one = after_retry(bench).hello()
    assert one.refusal_of(ClientHello().encode()) == ("handshake.unexpected_message", UNEXPECTED)


# --- other records


def test_change_cipher_spec_has_its_time(bench):
    ccs = plain_record(20, b"\x01")
    assert bench().refusal(ccs) == ("change_cipher_spec.unexpected", UNEXPECTED)
    one = after_retry(bench)
    one.tell(ccs)
    one.hello()
    one.tell(ccs)
    assert bench().connect().refusal(ccs) == ("change_cipher_spec.unexpected", UNEXPECTED)


def test_nothing_may_follow_a_client_hello_in_its_record(bench):
    hello = ClientHello().encode()
    expected = ("handshake.not_at_record_end", UNEXPECTED)
    assert bench().refusal_of(hello + hello) == expected


def test_handshake_before_the_flight_is_written_is_refused(server_config, identity):
    secrets = {}
    config = server_config(
        certificates=tuple(identity.chain) * 5,
        send_buffer_bytes=256,
        keylog=lambda label, _random, secret: secrets.update({label: secret}),
    )
    one = Bench(config, secrets)
    # Nothing of the flight is taken, so most of it is not even written.
    hello = plain_record(22, ClientHello().encode())
    assert one.server.receive(hello) == len(hello)
    one.key = one._key("CLIENT_HANDSHAKE_TRAFFIC_SECRET")
    expected = ("handshake.unexpected_message", UNEXPECTED)
    assert one.refusal_of(message(20, bytes(32))) == expected


def test_application_data_before_finished_is_refused(bench):
    one = bench().hello()
    assert one.refusal_of(b"early", 23) == ("record.early_application_data", UNEXPECTED)


# --- clients of other versions and other protocols


def test_a_client_of_tls_1_1_is_told_the_version(bench):
    # axTLS 1.4.9: version, random, no session, four suites, null compression, no extensions.
    suites = codes(0x002F, 0x0035, 0x0004, 0x0005)
    hello = ClientHello(
        legacy_version=0x0302, session_id=b"", suites=suites, extensions=None
    ).encode()
    expected = ("client_hello.version_not_supported", VERSION)
    assert bench().refusal(plain_record(22, hello, 0x0302)) == expected


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n", b"\x80\x2e\x01\x03\x01\x00\x15", b"\x00" * 5]
)
def test_what_is_not_tls_is_refused(bench, said):
    assert bench().refusal(said) == ("record.unknown_type", UNEXPECTED)


# --- the certificate of a client


@pytest.fixture
def asking(bench, identity):
    trust = TrustAnchors([anchor_from_certificate(identity.root)])
    return bench(clock=FixedClock(identity.utc_seconds), trust=trust).hello()


@pytest.mark.parametrize(
    ("body", "reason", "alert"),
    [
        (b"\x00\x00\x00\x00", "certificate_message.required", 116),
        (b"\x01c\x00\x00\x00", "certificate_message.context", ILLEGAL),
        (b"\x00\x00\x00\x00\x00", "certificate_message.trailing_data", DECODE),
        (b"\x00\x00\x00\x05\x00\x00\x00\x00\x00", "certificate_message.bad_length", DECODE),
        (b"\x00\x00\x00\x05\x00\x00\x09\x30\x00", "certificate_message.truncated", DECODE),
    ],
)
def test_a_malformed_certificate_of_a_client_is_refused(asking, body, reason, alert):
    assert asking.refusal_of(message(11, body)) == (reason, alert)


def test_a_certificate_may_not_be_left_out(asking):
    assert asking.refusal_of(asking.finished()) == ("handshake.unexpected_message", UNEXPECTED)


def test_an_unoffered_scheme_of_a_client_is_refused(asking, identity):
    entries = b"".join(vector(3, der) + b"\x00\x00" for der in identity.chain)
    asking.send(message(11, b"\x00" + vector(3, entries)))
    signed = message(15, b"\x04\x01" + vector(2, bytes(256)))
    assert asking.refusal_of(signed) == ("certificate_verify.unoffered_scheme", ILLEGAL)


def test_an_extension_nobody_asked_for_in_a_clients_certificate_is_refused(asking, identity):
    entry = vector(3, identity.chain[0]) + vector(2, b"\x00\x05\x00\x00")
    refused = asking.refusal_of(message(11, b"\x00" + vector(3, entry)))
    assert refused == ("certificate_message.unsolicited_extension", 110)
