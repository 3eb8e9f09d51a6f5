"""The client's handshake: what completes, and how it treats what its caller gave it."""

import pytest
import server_identity
from server_messages import HANDSHAKE, P256, P384, X25519, vector

from tlscore import states
from tlscore.errors import PeerMisbehaved, UsageError

INTERNAL_ERROR = 80


# --- what completes


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303, 0x1304, 0x1305])
@pytest.mark.parametrize("group", [X25519, P256, P384])
def test_every_suite_and_group_completes(pair, suite, group):
    both = pair(config={"groups": (group,), "suites": (suite,)}, suite=suite, group=group)
    both.connect()
    assert (both.client.version, both.client.suite) == (0x0304, suite)
    assert (both.client.group, both.client.signature_scheme) == (group, 0x0403)
    assert both.client.signatures_verified == 2
    assert both.client.state == states.CONNECTED


@pytest.mark.parametrize("scheme", server_identity.SCHEMES)
@pytest.mark.parametrize("suite", [0x1301, 0x1302])
def test_every_kind_of_server_key_is_verified(identities, pair, scheme, suite):
    both = pair(identity=identities(scheme), suite=suite).connect()
    assert both.client.signature_scheme == scheme
    assert both.client.signatures_verified == 2


@pytest.mark.parametrize("scheme", server_identity.SCHEMES)
def test_a_signature_of_any_kind_with_one_bit_changed_is_refused(identities, pair, scheme):
    def flip(fields):
        fields.signature = fields.signature[:-1] + bytes([fields.signature[-1] ^ 1])

    both = pair(identity=identities(scheme), edit={"certificate_verify": flip})
    both.hello()
    flight = b"".join(both.server.flight())
    assert both.refusal_protected(flight) == ("certificate_verify.bad_signature", 51)


@pytest.mark.parametrize(
    ("retry_group", "cookie"),
    [(P256, None), (P256, b"c"), (None, b"c"), (None, bytes(range(256))), (P256, bytes(300))],
)
def test_hello_retry_request_is_answered(pair, retry_group, cookie):
    both = pair(retry_group=retry_group, cookie=cookie)
    both.connect()
    first, second = both.server.client_messages[:2]
    assert both.client.group == (retry_group or X25519)
    before, after = extensions_of(both, first), extensions_of(both, second)
    assert after.get(44) == (None if cookie is None else vector(2, cookie))
    # RFC 8446 §4.1.2: nothing else may change.
    for kind in (0, 10, 13, 43):
        assert before[kind] == after[kind]
    assert first[4:][:67] == second[4:][:67], "version, random and session id"


def extensions_of(both, client_hello):
    both.server.client_messages.append(client_hello)
    try:
        return both.server.client_hello()[3]
    finally:
        both.server.client_messages.pop()


def test_both_shares_are_sent_when_asked_for(pair):
    both = pair(config={"key_share_groups": (X25519, P256)}, group=P256)
    both.client_speaks()
    assert list(both.server.client_shares()) == [X25519, P256]
    both.tell_plain(both.server.server_hello())
    both.tell_protected(b"".join(both.server.flight()))
    assert both.client.group == P256


@pytest.mark.parametrize("compatible", [True, False])
@pytest.mark.parametrize("retry", [True, False])
def test_one_change_cipher_spec_goes_before_the_second_flight(pair, retry, compatible):
    both = pair(
        config={"middlebox_compatibility": compatible}, retry_group=P256 if retry else None
    ).connect()
    assert len(both.server.client_hello_session_id) == (32 if compatible else 0)
    records = both.server.client_records
    expected = [22, 22, 23] if retry else [22, 23]
    if compatible:
        expected.insert(1, 20)
    assert records == expected


@pytest.mark.parametrize("chosen", [b"h2", b"http/1.1", None])
def test_alpn_is_negotiated(pair, chosen):
    both = pair(config={"alpn": (b"h2", b"http/1.1")}, alpn=chosen).connect()
    assert both.client.alpn == chosen


def test_a_certificate_request_gets_an_empty_certificate(pair):
    both = pair(request_certificate=True).connect()
    assert both.server.client_messages[-2] == bytes.fromhex("0b00000400000000")


def test_client_authentication_and_retry_combine(pair):
    pair(request_certificate=True, retry_group=P256, cookie=b"crumb").connect()


def test_the_exporter_agrees(pair):
    both = pair().connect()
    for label, context, length in ((b"EXPORTER-hil", b"", 32), (b"x", b"context", 100)):
        exported = both.client.export(label, context, length)
        assert exported == both.server.exporter(label, context, length)


def test_secrets_are_logged_only_when_asked_for(pair):
    log = []
    both = pair(config={"keylog": lambda *row: log.append(row)}).connect()
    assert [row[0] for row in log] == [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    ]
    assert log[0][2] == both.server.client_secret
    assert log[1][2] == both.server.server_secret
    assert log[2][2] == both.server.receive_key.secret
    assert log[3][2] == both.server.send_key.secret
    assert {row[1] for row in log} == {both.server.client_messages[0][6:38]}


def test_checkpoints_come_in_order(pair):
    names = []
    pair(config={"checkpoint": names.append}).connect()
    assert names == [
        "client_hello",
        "server_hello",
        "key_schedule",
        "encrypted_extensions",
        "certificate",
        "certificate_verify",
        "finished",
    ]


def test_the_same_entropy_gives_the_same_client_hello(pair):
    assert bytes(pair().client.to_send()) == bytes(pair().client.to_send())


# --- what the caller gave


class Refusing:
    """An entropy source or clock that is not ready."""

    def __init__(self, good_calls=0, source=None):
        self.good_calls = good_calls
        self.source = source

    def fill(self, buffer):
        self.good_calls -= 1
        if self.good_calls < 0:
            raise UsageError("entropy.not_seeded")
        self.source.fill(buffer)

    def utc_seconds(self):
        raise UsageError("clock.not_set")


def test_entropy_that_refuses_stops_the_construction(pair):
    with pytest.raises(UsageError, match=r"entropy\.not_seeded"):
        pair(config={"entropy": Refusing()})


def test_entropy_that_refuses_later_ends_with_internal_error(pair, client_config):
    entropy = Refusing(3, client_config().entropy)
    both = pair(config={"entropy": entropy}, retry_group=P256)
    both.client_speaks()
    with pytest.raises(UsageError, match=r"entropy\.not_seeded"):
        both.tell_plain(both.server.hello_retry_request())
    both.client_speaks()
    assert both.server.alerts == [(2, INTERNAL_ERROR)]
    assert both.client.state == states.FAILED


def test_a_clock_that_refuses_ends_with_internal_error(pair):
    both = pair(config={"clock": Refusing()})
    both.hello()
    with pytest.raises(UsageError, match=r"clock\.not_set"):
        both.tell_protected(b"".join(both.server.flight()))
    both.client_speaks()
    assert both.server.alerts == [(2, INTERNAL_ERROR)]


def test_private_keys_are_wiped_after_use(pair):
    both = pair()
    share = both.client._hello.shares[0]
    assert any(share._private)
    both.hello()
    assert not any(share._private)


def test_a_failed_handshake_wipes_its_private_keys(pair):
    both = pair()
    share = both.client._hello.shares[0]
    both.client_speaks()
    with pytest.raises(PeerMisbehaved):
        both.tell_plain(b"\x00", HANDSHAKE - 1)
    assert not any(share._private)
