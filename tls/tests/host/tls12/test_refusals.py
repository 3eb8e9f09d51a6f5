"""What a peer of TLS 1.2 must not do: one field is changed, and the refusal is named."""

import pytest
from server_messages import vector
from tls12_wire import Hello, flight, messages, record

from tlscore import states
from tlscore.errors import AlertReceived, PeerMisbehaved

UNEXPECTED, MAC, OVERFLOW, FAILURE, UNSUPPORTED_CERTIFICATE = 10, 20, 22, 40, 43
ILLEGAL, DECODE, DECRYPT, VERSION, EXTENSION = 47, 50, 51, 70, 110
BOTH = (0x0304, 0x0303)


def server_hello(pair):
    """Return the server's flight, its hello taken apart."""
    parts = pair.answer()
    assert parts[0][0] == 2
    return Hello(parts[0][1], of_client=False), parts[1:]


def changed_hello(change, **options):
    def refusal(pair12):
        pair = pair12(**options)
        hello, _ = server_hello(pair)
        change(hello)
        return pair.refusal(pair.client, flight([(2, hello.body())]))

    return refusal


def setting(**fields):
    def change(hello):
        for name, value in fields.items():
            setattr(hello, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "reason", "alert"),
    [
        (setting(version=b"\x03\x02"), "version_not_supported", VERSION),
        (setting(version=b"\x03\x04"), "version_not_supported", VERSION),
        (setting(suites=b"\xc0\x30"), "unoffered_suite", ILLEGAL),
        (setting(suites=b"\xc0\x09"), "unoffered_suite", ILLEGAL),
        (setting(compressions=b"\x01"), "compression", ILLEGAL),
        (lambda hello: hello.drop(23), "no_extended_master_secret", FAILURE),
        (lambda hello: hello.drop(0xFF01), "no_secure_renegotiation", FAILURE),
        (lambda hello: hello.put(0xFF01, b"\x01a"), "renegotiated_connection", FAILURE),
        (lambda hello: hello.put(0xFF01, b"\x00\x00"), "trailing_data", DECODE),
        (lambda hello: hello.put(23, b"\x00"), "trailing_data", DECODE),
        (lambda hello: hello.put(35, b""), "unsolicited_extension", EXTENSION),
        (lambda hello: hello.put(22, b""), "unsolicited_extension", EXTENSION),
        (lambda hello: hello.put(16, b"\x00\x03\x02h2"), "unsolicited_extension", EXTENSION),
        (lambda hello: hello.extensions.append((23, b"")), "duplicate_extension", ILLEGAL),
        (lambda hello: hello.put(11, b"\x01\x01"), "point_formats", ILLEGAL),
        (lambda hello: hello.put(43, b"\x03\x03"), "version_not_supported", VERSION),
    ],
)
def test_a_server_hello_is_refused(pair12, change, reason, alert):
    suites = {"suites": (0xC02B, 0xC02C)}
    refusal = changed_hello(change, client=suites)(pair12)
    assert refusal == ("server_hello." + reason, alert)


@pytest.mark.parametrize("ending", [b"DOWNGRD\x01", b"DOWNGRD\x00"])
def test_a_downgrade_sentinel_is_heeded_by_who_knows_better(pair12, ending):
    def change(hello):
        hello.random = hello.random[:24] + ending

    refusal = changed_hello(change, client={"versions": BOTH})(pair12)
    assert refusal == ("server_hello.downgrade", ILLEGAL)
    pair = pair12()
    hello, _ = server_hello(pair)
    change(hello)
    pair.tell(pair.client, flight([(2, hello.body())]))
    assert pair.client.state == states.WAIT_CERTIFICATE


def test_a_server_that_echoes_an_id_that_stands_for_nothing_is_refused(pair12):
    pair = pair12(client={"versions": BOTH})
    offered = pair.hello()
    pair.tell(pair.server, flight([(1, offered.body())]))
    parts = messages(pair.say(pair.server))
    hello = Hello(parts[0][1], of_client=False)
    hello.session_id = offered.session_id
    refusal = pair.refusal(pair.client, flight([(2, hello.body())]))
    assert refusal == ("server_hello.session_id", ILLEGAL)


def test_a_server_of_tls_1_3_must_not_answer_what_tls_1_2_alone_has(pair12):
    pair = pair12(client={"versions": BOTH}, versions=BOTH)
    pair.tell(pair.server, pair.say(pair.client))
    hello = Hello(messages(pair.say(pair.server))[0][1], of_client=False).put(23, b"")
    refusal = pair.refusal(pair.client, flight([(2, hello.body())]))
    assert refusal == ("server_hello.unsolicited_extension", EXTENSION)


def exchange_fields(body):
    """Return [curve type, group, share, scheme, signature] of a ServerKeyExchange."""
    end = 4 + body[3]
    return [body[:1], body[1:3], body[4:end], body[end : end + 2], body[end + 4 :]]


def exchange_body(fields):
    kind, group, share, scheme, signature = fields
    return kind + group + vector(1, share) + scheme + vector(2, signature)


@pytest.mark.parametrize(
    ("field", "value", "reason", "alert"),
    [
        (0, b"\x01", "curve_type", ILLEGAL),
        (1, b"\x00\x18", "unoffered_group", ILLEGAL),
        (1, b"\x00\x17", "bad_signature", DECRYPT),
        (2, bytes(range(32)), "bad_signature", DECRYPT),
        (2, b"", "bad_length", DECODE),
        (3, b"\x02\x03", "unoffered_scheme", ILLEGAL),  # ecdsa_sha1
        (3, b"\x08\x07", "bad_signature", DECRYPT),
        (4, bytes(70), "bad_signature", DECRYPT),
        (4, b"", "bad_signature", DECRYPT),
    ],
)
def test_a_server_key_exchange_is_refused(pair12, field, value, reason, alert):
    pair = pair12(client={"groups": (0x1D, 0x17)})
    parts = pair.answer()
    fields = exchange_fields(parts[2][1])
    fields[field] = value
    parts[2] = (12, exchange_body(fields))
    refusal = pair.refusal(pair.client, flight(parts))
    assert refusal == ("server_key_exchange." + reason, alert)


def test_an_all_zero_secret_is_refused(pair12):
    # RFC 8422 §5.11: "the client and server ... MUST check whether the shared secret is zero".
    pair = pair12()
    pair.tell(pair.client, flight(pair.answer()))
    parts = messages(pair.say(pair.client))
    assert [kind for kind, _ in parts] == [16]
    refusal = pair.refusal(pair.server, flight([(16, vector(1, bytes(32)))]))
    assert refusal == ("key_share.invalid", ILLEGAL)


def test_a_certificate_of_another_kind_than_the_suites_is_refused(pair12, identities):
    curve = pair12(client={"suites": (0xC02F, 0xC02B)}, suites=(0xC02B,))
    parts = curve.answer()
    hello = Hello(parts[0][1], of_client=False)
    hello.suites = b"\xc0\x2f"
    refusal = curve.refusal(curve.client, flight([(2, hello.body()), parts[1]]))
    assert refusal == ("certificate_message.wrong_key", UNSUPPORTED_CERTIFICATE)


def test_an_empty_certificate_of_a_server_is_refused(pair12):
    pair = pair12()
    parts = pair.answer()
    parts[1] = (11, vector(3, b""))
    assert pair.refusal(pair.client, flight(parts))[1] == DECODE


def test_messages_left_out_or_twice_are_refused(pair12):
    kinds = {}
    for left_out in (1, 2):
        pair = pair12()
        parts = pair.answer()
        del parts[left_out]
        kinds[left_out] = pair.refusal(pair.client, flight(parts))
    assert set(kinds.values()) == {("handshake.unexpected_message", UNEXPECTED)}
    pair = pair12()
    parts = pair.answer()
    refusal = pair.refusal(pair.client, flight([*parts[:3], parts[2]]))
    assert refusal == ("handshake.unexpected_message", UNEXPECTED)


def test_a_key_exchange_is_a_must_where_the_suite_has_one(pair12):
    pair = pair12(psk=True)
    parts = pair.answer()
    assert [kind for kind, _ in parts] == [2, 12, 14]
    refusal = pair.refusal(pair.client, flight([parts[0], parts[2]]))
    assert refusal == ("handshake.unexpected_message", UNEXPECTED)


def test_a_hint_without_key_exchange_is_read_past(pair12):
    pair = pair12(psk=True, psk_modes=(0,), client={"psk_modes": (0,)})
    parts = pair.answer()
    assert [kind for kind, _ in parts] == [2, 14]
    hinted = [parts[0], (12, vector(2, b"a hint")), parts[1]]
    pair.tell(pair.client, flight(hinted))
    assert [kind for kind, _ in messages(pair.say(pair.client))] == [16]


# --- change_cipher_spec and Finished


@pytest.mark.parametrize("content", [b"\x01", b"\x02", b"\x01\x01"])
def test_an_early_change_cipher_spec_is_refused(pair12, content):
    # CVE-2014-0224: keys before there is a secret to make them of.
    for told in range(4):
        pair = pair12()
        parts = pair.answer()
        pair.tell(pair.client, flight(parts[:told]))
        if told:
            refusal = pair.refusal(pair.client, record(20, content))
            assert refusal == ("change_cipher_spec.unexpected", UNEXPECTED)
    pair = pair12()
    pair.answer()
    refusal = pair.refusal(pair.server, record(20, content))
    assert refusal == ("change_cipher_spec.unexpected", UNEXPECTED)


def test_a_finished_in_the_clear_is_refused(pair12):
    pair = pair12()
    pair.tell(pair.client, flight(pair.answer()))
    said = pair.say(pair.client)
    pair.tell(pair.server, flight(messages(said)))
    refusal = pair.refusal(pair.server, flight([(20, bytes(12))]))
    assert refusal == ("handshake.unexpected_message", UNEXPECTED)


@pytest.mark.parametrize("of_client", [True, False])
def test_a_wrong_finished_is_refused(pair12, of_client, monkeypatch):
    pair = pair12()
    liar, victim = (pair.client, pair.server) if of_client else (pair.server, pair.client)
    monkeypatch.setattr(liar, "_verify_data", lambda label, digest: bytes(12))
    if not of_client:  # so that the liar is content with the other's
        right = type(pair.server)._verify_data
        monkeypatch.setattr(
            liar,
            "_verify_data",
            lambda label, digest: (
                bytes(12) if label[:6] == b"server" else right(liar, label, digest)
            ),
        )
    with pytest.raises(PeerMisbehaved) as caught:
        pair.carry()
    assert (caught.value.reason, caught.value.alert) == ("finished.bad_verify_data", DECRYPT)
    assert victim.state == states.FAILED


def test_data_before_finished_is_refused(pair12):
    pair = pair12()
    pair.tell(pair.client, flight(pair.answer()))
    assert pair.refusal(pair.client, record(23, b"data"))[1] == UNEXPECTED


# --- what a server refuses


def changed_client_hello(pair12, change, **options):
    pair = pair12(**options)
    hello = pair.hello()
    change(hello)
    return pair.refusal(pair.server, flight([(1, hello.body())]))


@pytest.mark.parametrize(
    ("change", "reason", "alert"),
    [
        (setting(version=b"\x03\x02"), "version_not_supported", VERSION),
        (setting(version=b"\x03\x00"), "version_not_supported", VERSION),
        (lambda hello: hello.put(43, b"\x02\x03\x04"), "version_not_supported", VERSION),
        (setting(suites=b"\x00\x2f\xc0\x09\x00\xff"), "no_common_suite", FAILURE),
        (setting(suites=b"\xc0\x2f\x00\xa8"), "no_common_suite", FAILURE),
        (setting(suites=b"\xc0"), "bad_length", DECODE),
        (setting(compressions=b"\x01"), "compression", ILLEGAL),
        (lambda hello: hello.drop(23), "no_extended_master_secret", FAILURE),
        (lambda hello: hello.put(23, b"\x00"), "trailing_data", DECODE),
        (lambda hello: hello.put(0xFF01, b"\x01a"), "renegotiated_connection", FAILURE),
        (lambda hello: hello.drop(13), "no_common_suite", FAILURE),  # SHA-1 is what is left
        (lambda hello: hello.put(13, b"\x00\x02\x02\x03"), "no_common_suite", FAILURE),
        (lambda hello: hello.put(10, b"\x00\x02\x00\x19"), "no_common_suite", FAILURE),
        (lambda hello: hello.put(11, b"\x01\x01"), "point_formats", ILLEGAL),
        (lambda hello: hello.extensions.append((23, b"")), "duplicate_extension", ILLEGAL),
        (lambda hello: hello.drop(28).put(1, b"\x05"), "max_fragment_length", ILLEGAL),
    ],
)
def test_a_client_hello_is_refused(pair12, change, reason, alert):
    assert changed_client_hello(pair12, change) == ("client_hello." + reason, alert)


def test_a_client_hello_with_other_compressions_and_versions_is_taken(pair12):
    pair = pair12()
    hello = pair.hello().put(0x0A0A, b"").drop(10, 0xFF01)
    hello.version, hello.compressions = b"\x03\x04", b"\x01\x00"
    hello.suites += b"\x00\xff"
    pair.tell(pair.server, flight([(1, hello.body())]))
    answer = Hello(messages(pair.say(pair.server))[0][1], of_client=False)
    assert answer.version == b"\x03\x03"
    # RFC 5746 §3.6: the signalling suite is as good as the extension.
    assert (0xFF01, b"\x00") in answer.extensions
    assert pair.server.group == 0x0017  # RFC 8422 §4: without groups, what all know


def test_what_tls_1_1_alone_offers_is_refused_by_version(pair12):
    for versions in ((0x0303,), BOTH):
        change = setting(version=b"\x03\x02", suites=b"\x00\x2f\x00\x35")
        refusal = changed_client_hello(pair12, change, versions=versions)
        assert refusal == ("client_hello.version_not_supported", VERSION)


# --- renegotiation, warnings


def test_renegotiation_is_declined_and_the_connection_goes_on(pair12):
    pair = pair12().connect()
    for end, other, kind in ((pair.server, pair.client, 0), (pair.client, pair.server, 1)):
        writer = end._outbox.writer()
        writer.raw(bytes((kind, 0, 0, 0)))
        end._outbox.queue_handshake(writer, None)
        pair.tell(other, pair.say(end))
        answer = pair.say(other)
        assert answer[0] == 21
        pair.tell(end, answer)  # a warning, and no more
        other.write(b"still here")
        assert b"still here" in pair.carry()


def test_renegotiation_asked_for_without_end_is_refused(pair12):
    pair = pair12().connect()
    for _ in range(4):
        writer = pair.server._outbox.writer()
        writer.raw(bytes(4))
        pair.server._outbox.queue_handshake(writer, None)
        pair.tell(pair.client, pair.say(pair.server))
        pair.say(pair.client)
    writer = pair.server._outbox.writer()
    writer.raw(bytes(4))
    pair.server._outbox.queue_handshake(writer, None)
    assert pair.refusal(pair.client, pair.say(pair.server))[0] == "alert.too_many_warnings"


def test_a_warning_about_the_name_does_not_end_a_handshake(pair12):
    pair = pair12()
    parts = pair.answer()
    pair.tell(pair.client, record(21, b"\x01\x70"))
    pair.tell(pair.client, flight(parts))
    pair.connect()
    pair = pair12()
    pair.answer()
    with pytest.raises(AlertReceived, match="unrecognized_name"):
        pair.tell(pair.client, record(21, b"\x02\x70"))


# --- records


def test_records_of_another_version_are_refused_once_it_is_known(pair12):
    pair = pair12()
    parts = pair.answer()
    pair.tell(pair.client, flight(parts[:1]))
    other = b"\x16\x03\x01" + flight(parts[1:2])[3:]
    assert pair.refusal(pair.client, other) == ("record.version", VERSION)


def test_a_record_longer_than_was_agreed_is_refused(pair12):
    pair = pair12(client={"record_buffer_bytes": 300}).connect()
    pair.server._outbox.content_limit = 16384
    pair.client._receiver.plaintext_limit = 200
    pair.server.write(bytes(201))
    refusal = pair.refusal(pair.client, pair.say(pair.server))
    assert refusal == ("record.plaintext_overflow", OVERFLOW)


def test_a_record_that_is_too_long_is_refused_by_its_header(pair12):
    pair = pair12().connect()
    header = b"\x17\x03\x03" + (16384 + 2049).to_bytes(2, "big")
    assert pair.refusal(pair.client, header) == ("record.overflow", OVERFLOW)
    pair = pair12().connect()
    assert pair.refusal(pair.client, b"\x17\x03\x03\x20\x00") == ("record.exceeds_buffer", OVERFLOW)
    pair = pair12().connect()
    assert pair.refusal(pair.client, record(23, bytes(20))) == ("record.bad_record_mac", MAC)
