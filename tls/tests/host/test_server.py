"""Our server and our client in one process, and the server alone against a bench."""

import hashlib

import pytest
from client_messages import ClientHello
from server_messages import P256, X25519, message, plain_record, vector

from tlscore import states
from tlscore.clock import FixedClock
from tlscore.connection import (
    EVENT_CLOSED,
    EVENT_CONNECTED,
    EVENT_KEY_UPDATE,
    RECEIVE,
    WRITE,
)
from tlscore.crypto.signature import public_of
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError, UsageError
from tlscore.trust import TrustAnchors, anchor_from_certificate


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303, 0x1304, 0x1305])
@pytest.mark.parametrize("group", [X25519, P256, 0x0018])
def test_every_suite_and_group_completes(loopback, suite, group):
    both = loopback(client={"groups": (group,), "suites": (suite,)}, suites=(suite,)).connect()
    for end in (both.client, both.server):
        assert (end.version, end.suite, end.group) == (0x0304, suite, group)
        assert (end.state, end.signature_scheme) == (states.CONNECTED, 0x0403)
    context = (b"EXPORTER-test", b"context", 40)
    assert both.client.export(*context) == both.server.export(*context)


@pytest.mark.parametrize("scheme", [0x0403, 0x0503, 0x0804, 0x0807])
def test_every_kind_of_key_signs(loopback, scheme):
    both = loopback(scheme=scheme).connect()
    assert both.client.signature_scheme == both.server.signature_scheme == scheme


@pytest.mark.parametrize("piece_bytes", [1, 7, 5000])
def test_any_split_of_the_bytes_connects(loopback, piece_bytes):
    both = loopback()
    both.carry(piece_bytes)
    assert both.client.state == both.server.state == states.CONNECTED


def test_a_chain_larger_than_the_send_buffer_is_sent_from_where_it_lies(bench, identity):
    ballast = [bytes([0x30, 0x82, 0x07, 0xD0]) + bytes([number]) * 2000 for number in range(3)]
    chain = (*identity.chain, *ballast)
    one = bench(certificates=chain, send_buffer_bytes=256)
    one.hello()
    entries = b"".join(vector(3, der) + b"\x00\x00" for der in chain)
    assert one.flight[2] == message(11, b"\x00" + vector(3, entries))
    one.send(one.finished())
    assert one.server.state == states.CONNECTED


def test_the_server_prefers_a_group_it_need_not_ask_for(loopback):
    client = {"groups": (X25519, P256), "key_share_groups": (X25519,)}
    both = loopback(client=client, groups=(P256, X25519)).connect()
    assert (both.server.group, both.server.retried) == (X25519, False)


def test_the_groups_the_server_would_rather_have_are_told(bench):
    # RFC 8446 §4.2.7, with all groups "regardless of whether they are currently supported by the
    # client".
    groups = (0x0018, P256, X25519)
    said = bytes.fromhex("000a 0008 0006 0018 0017 001d")
    assert bench(groups=groups).hello().flight[1] == message(8, vector(2, said))
    assert bench(groups=groups[::-1]).hello().flight[1] == message(8, vector(2, b""))


def test_the_server_asks_for_a_share_of_its_group(loopback):
    both = loopback(client={"groups": (X25519, P256)}, groups=(P256,)).connect()
    assert (both.client.group, both.server.group, both.server.retried) == (P256, P256, True)
    assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)


def test_a_client_without_any_share_is_asked_for_one(bench):
    one = bench().hello(ClientHello().put(51, vector(2, b"")))
    assert one.server.retried
    retry = one.flight[0]
    assert retry[6:38] == hashlib.sha256(b"HelloRetryRequest").digest()
    assert retry[-2:] == b"\x00\x1d"
    one.hello()
    assert [flight[0] for flight in one.flight] == [2, 2, 8, 11, 15, 20]
    # RFC 8446 §D.4: one change_cipher_spec, after the first message of the server.
    assert one.content_types[:3] == [22, 20, 22]
    assert one.content_types.count(20) == 1


def test_change_cipher_spec_is_for_clients_with_a_session_id(bench):
    assert bench().hello().content_types[:2] == [22, 20]
    assert 20 not in bench().hello(ClientHello(session_id=b"")).content_types


def test_the_session_id_is_echoed(bench):
    for session_id in (b"", b"abc", bytes(32)):
        one = bench().hello(ClientHello(session_id=session_id))
        assert one.flight[0][38 : 39 + len(session_id)] == vector(1, session_id)


def test_alpn_is_chosen_by_the_server(loopback):
    both = loopback(client={"alpn": (b"http/1.1", b"h2")}, alpn=(b"h2", b"http/1.1")).connect()
    assert both.client.alpn == both.server.alpn == b"h2"
    assert loopback(client={"alpn": (b"h2",)}).connect().client.alpn is None
    assert loopback(alpn=(b"h2",)).connect().server.alpn is None


def test_the_name_asked_for_is_known_and_answered_only_if_it_decides(bench):
    one = bench().hello()
    assert one.server.server_name == b"server.example"
    assert one.flight[1] == message(8, b"\x00\x00")
    one = bench(server_names=(b"Server.Example",)).hello()
    assert one.flight[1] == message(8, vector(2, b"\x00\x00\x00\x00"))


def test_record_size_limit_is_kept_and_answered(loopback, bench, identity):
    one = bench(certificates=tuple(identity.chain) * 3)
    one.hello(ClientHello().put(28, b"\x00\x40"))
    assert one.flight[1] == message(8, vector(2, b"\x00\x1c\x00\x02\x10\x01"))
    one.send(one.finished())
    # The content type is counted: 63 bytes of data in a record.
    assert one.server.write(bytes(500)) == 63
    both = loopback(client={"record_buffer_bytes": 256}).connect()
    assert both.server.write(bytes(1000)) == 256 - 22


def test_data_goes_both_ways_and_each_way_is_closed(loopback):
    both = loopback().connect()
    for size in (0, 1, 700):
        assert both.client.write(b"c" * size) == both.server.write(b"s" * size) == size
        assert both.carry() == (b"s" * size, b"c" * size)
    both.client.close()
    both.carry()
    assert both.server.next_event() == (EVENT_CLOSED,)
    assert both.server.write(b"last words") == 10
    assert both.carry() == (b"last words", b"")
    both.server.close()
    both.carry()
    assert both.client.state == both.server.state == states.CLOSED


def test_nothing_is_written_before_the_handshake_is_over(bench):
    one = bench().hello()
    assert not one.server.wants & WRITE
    with pytest.raises(UsageError, match=r"connection\.not_connected"):
        one.server.write(b"early")


@pytest.mark.parametrize("from_server", [True, False])
def test_keys_are_updated_and_the_peer_asked(loopback, from_server):
    both = loopback().connect()
    asking, asked = both.server, both.client
    if not from_server:
        asking, asked = asked, asking
    asking.update_keys(request_peer=True)
    both.carry()
    assert asking.next_event() == asked.next_event() == (EVENT_KEY_UPDATE,)
    assert both.client.write(b"new") == both.server.write(b"key") == 3
    assert both.carry() == (b"key", b"new")


def test_the_key_log_is_the_clients(loopback):
    ours, theirs = [], []
    both = loopback(
        client={"keylog": lambda *line: ours.append(line)},
        keylog=lambda *line: theirs.append(line),
    )
    both.connect()
    assert len(ours) == 5
    assert sorted(ours) == sorted(theirs)


def test_checkpoints_come_in_order(loopback):
    passed = []
    loopback(checkpoint=passed.append).connect()
    assert passed == [
        *("client_hello", "server_hello", "key_schedule", "encrypted_extensions"),
        *("certificate", "certificate_verify", "finished"),
    ]


def test_a_finished_connection_has_forgotten_the_handshake(bench):
    one = bench().connect()
    assert one.server.next_event() == (EVENT_CONNECTED,)
    gone = ("_schedule", "_transcript", "_certificate", "_client_secret", "_finished_digest")
    assert [getattr(one.server, name) for name in gone] == [None] * 5


# --- a client that fails


def test_alerts_in_the_clear_are_understood_until_a_protected_record_has_come(bench):
    with pytest.raises(AlertReceived, match=r"alert_received\.bad_certificate"):
        bench().hello().server.receive(plain_record(21, b"\x02\x2a"))
    one = bench().connect()
    assert one.refusal(plain_record(21, b"\x02\x2a")) == ("record.unprotected", 10)


def test_a_certificate_the_client_refuses_is_told(loopback):
    both = loopback(client={"server_name": "other.example"})
    with pytest.raises(PeerMisbehaved, match=r"certificate\.name_mismatch"):
        both.carry()
    with pytest.raises(AlertReceived, match=r"alert_received\.bad_certificate"):
        both.carry()


def test_the_server_refuses_to_start_without_random_bytes(server_config, loopback):
    class Empty:
        def fill(self, buffer):
            raise UsageError("entropy.empty")

    both = loopback(entropy=Empty())
    with pytest.raises(UsageError, match=r"entropy\.empty"):
        both.carry()
    with pytest.raises(AlertReceived) as caught:
        both.carry()
    assert caught.value.alert == 80


def test_a_key_that_is_none_ends_the_connection_with_internal_error(loopback):
    both = loopback(private_key=(1, bytes(32)))
    with pytest.raises(TlsError):
        both.carry()
    assert both.server.state == states.FAILED


# --- early data (RFC 8446 §4.2.10): refused, skipped


def early(size, number=0):
    return b"\x17\x03\x03" + vector(2, bytes([number]) * size)


@pytest.mark.parametrize("size", [1, 100, 5000, 8000])
def test_early_data_is_skipped(bench, size):
    one = bench().hello(ClientHello().put(42, b""))
    assert one.flight[1] == message(8, b"\x00\x00")
    one.tell(early(size))
    one.tell(early(size, 7))
    one.send(one.finished())
    assert one.server.state == states.CONNECTED
    assert one.server.read() == b""


def test_early_data_is_skipped_after_a_retry(bench):
    one = bench().hello(ClientHello().put(51, vector(2, b"")).put(42, b""))
    one.tell(early(3000))
    one.hello()
    one.send(one_finished(one))
    assert one.server.state == states.CONNECTED


def one_finished(one):
    """Return the right Finished after a retry: the first ClientHello is hashed apart."""
    first = ClientHello().put(51, vector(2, b"")).put(42, b"").encode()
    digest = hashlib.sha256(first).digest()
    rest = one.sent_messages[len(first) :]
    one.sent_messages = message(254, digest) + rest
    return one.finished()


def test_early_data_has_an_end(bench):
    one = bench().hello(ClientHello().put(42, b""))
    one.tell(early(16384))
    assert one.refusal(early(300)) == ("record.bad_record_mac", 20)


def test_undecipherable_records_are_only_skipped_if_announced_and_before_the_first_good(bench):
    assert bench().hello().refusal(early(100)) == ("record.bad_record_mac", 20)
    one = bench().hello(ClientHello().put(42, b"")).server
    assert one.wants & RECEIVE
    one = bench().hello(ClientHello().put(42, b""))
    finished = one.finished()
    one.send(finished[:3])
    assert one.refusal(early(100)) == ("record.bad_record_mac", 20)


# --- certificates of clients


@pytest.fixture
def wants_certificate(identity):
    return {
        "clock": FixedClock(identity.utc_seconds),
        "trust": TrustAnchors([anchor_from_certificate(identity.root)]),
    }


def test_a_client_without_certificate_is_refused_or_let_in(loopback, wants_certificate):
    both = loopback(**wants_certificate)
    with pytest.raises(PeerMisbehaved, match=r"certificate_message\.required") as caught:
        both.carry()
    assert caught.value.alert == 116
    both = loopback(**wants_certificate, certificate_required=False).connect()
    assert both.server.client_key is None
    assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)


def certificate_message(chain):
    entries = b"".join(vector(3, der) + b"\x00\x00" for der in chain)
    return message(11, b"\x00" + vector(3, entries))


def certificate_verify(identity, one, by=b"client"):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    digest = hashlib.sha256(one.sent_messages).digest()
    content = b" " * 64 + b"TLS 1.3, " + by + b" CertificateVerify\x00" + digest
    signed = identity.key.sign(content, ec.ECDSA(hashes.SHA256()))
    return message(15, b"\x04\x03" + vector(2, signed))


def test_a_client_with_certificate_is_known(bench, identity, wants_certificate):
    one = bench(**wants_certificate).hello()
    assert [flight[0] for flight in one.flight] == [2, 8, 13, 11, 15, 20]
    one.send(certificate_message(identity.chain))
    one.send(certificate_verify(identity, one))
    one.send(one.finished())
    assert one.server.state == states.CONNECTED
    from server_identity import private_key

    assert one.server.client_key == public_of(private_key(identity.key))
    assert one.server.signatures_verified == 2


def test_a_client_must_own_its_certificate(bench, identity, wants_certificate):
    one = bench(**wants_certificate).hello()
    one.send(certificate_message(identity.chain))
    wrong = certificate_verify(identity, one, by=b"server")
    assert one.refusal_of(wrong) == ("certificate_verify.bad_signature", 51)


def test_a_stranger_is_refused(bench, identities, wants_certificate):
    one = bench(**wants_certificate).hello()
    stranger = identities(0x0503)
    assert one.refusal_of(certificate_message(stranger.chain)) == ("certificate.bad_signature", 42)


def test_finished_is_checked(bench):
    one = bench().hello()
    assert one.refusal_of(message(20, bytes(32))) == ("finished.bad_verify_data", 51)


@pytest.mark.parametrize("scheme", [0x0403, 0x0807])
def test_our_client_shows_its_certificate_to_our_server(loopback, identities, scheme):
    from server_identity import private_key

    theirs = identities(scheme)
    key = private_key(theirs.key)
    both = loopback(
        client={
            "certificates": tuple(theirs.chain),
            "private_key": key,
            "send_buffer_bytes": 2048,
        },
        clock=FixedClock(theirs.utc_seconds),
        trust=TrustAnchors([anchor_from_certificate(theirs.root)]),
    ).connect()
    assert both.server.client_key == public_of(key)
    assert both.server.signatures_verified == 2
    assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)
