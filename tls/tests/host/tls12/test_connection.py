"""Our client and our server in one process, TLS 1.2."""

import pytest
from server_identity import private_key
from tls12_wire import flight, messages, records

from tlscore import states
from tlscore.clock import FixedClock
from tlscore.connection import EVENT_CLOSED
from tlscore.crypto.signature import hash_of, public_of, verify_certificate
from tlscore.errors import AlertReceived, PeerMisbehaved, UsageError
from tlscore.trust import TrustAnchors, anchor_from_certificate

BY_CURVE = (0xC02B, 0xC02C, 0xCCA9, 0xC0AC, 0xC0AE)
BY_RSA = (0xC02F, 0xC030, 0xCCA8)
BY_KEY = (0x00A8, 0xC0A4, 0xC0A8, 0xCCAB)
BY_KEY_AND_EXCHANGE = (0xD001, 0xD003, 0xD005, 0xCCAC)
GROUPS = (0x001D, 0x0017, 0x0018)
PAYLOAD = bytes(range(256)) * 3


def check_both(pair, suite, group, scheme):
    """Check what two connected ends say, and that they understand each other."""
    for end in (pair.client, pair.server):
        assert (end.version, end.suite, end.group) == (0x0303, suite, group)
        assert (end.state, end.signature_scheme) == (states.CONNECTED, scheme)
        assert end.extended_master_secret
    for context in (None, b"", b"context"):
        exported = pair.client.export(b"EXPORTER-test", context, 40)
        assert exported == pair.server.export(b"EXPORTER-test", context, 40)
    assert pair.client.write(PAYLOAD[:600]) == 600
    assert pair.server.write(PAYLOAD[:333]) == 333
    assert pair.carry() == (PAYLOAD[:333], PAYLOAD[:600])


@pytest.mark.parametrize("suite", BY_CURVE)
def test_every_suite_of_a_curve_completes(pair12, suite):
    check_both(pair12(client={"suites": (suite,)}, suites=(suite,)).connect(), suite, 0x1D, 0x0403)


@pytest.mark.parametrize("suite", BY_RSA)
def test_every_suite_of_rsa_completes(pair12, suite):
    pair = pair12(scheme=0x0804, client={"suites": (suite,)}, suites=(suite,)).connect()
    check_both(pair, suite, 0x1D, 0x0804)


@pytest.mark.parametrize("suite", BY_KEY + BY_KEY_AND_EXCHANGE)
def test_every_suite_of_a_key_completes(pair12, suite):
    pair = pair12(psk=True, client={"suites": (suite,)}, suites=(suite,)).connect()
    check_both(pair, suite, None if suite in BY_KEY else 0x1D, None)
    assert pair.client.psk_identity == pair.server.psk_identity == b"device 1"


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_completes(pair12, group):
    check_both(pair12(client={"groups": (group,)}).connect(), 0xC02B, group, 0x0403)


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        (0x0403, 0x0403),
        (0x0403, 0x0503),
        (0x0503, 0x0403),  # TLS 1.2 ties no curve to a hash
        (0x0503, 0x0503),
        *[(0x0804, scheme) for scheme in (0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601)],
        (0x0807, 0x0807),
    ],
)
def test_every_kind_of_key_signs_by_every_scheme(pair12, kind, scheme):
    pair = pair12(scheme=kind)
    hello = pair.hello().put(13, b"\x00\x02" + scheme.to_bytes(2, "big"))
    pair.tell(pair.server, flight([(1, hello.body())]))
    exchange = dict(messages(pair.say(pair.server)))[12]
    assert exchange[36:38] == scheme.to_bytes(2, "big")
    # The client of another pair offers all schemes, and judges what comes of one.
    assert pair.server.signature_scheme == scheme
    randoms, signed = pair.server._randoms, exchange[:36]
    digest = hash_of(scheme).new(randoms + signed).digest() if hash_of(scheme) else randoms + signed
    key = public_of(pair.server._config.private_key)
    assert verify_certificate(scheme, key, digest, exchange[40:])


@pytest.mark.parametrize("piece_bytes", [1, 7, 5000])
def test_any_split_of_the_bytes_connects(pair12, piece_bytes):
    pair = pair12()
    pair.carry(piece_bytes)
    assert pair.client.state == pair.server.state == states.CONNECTED


def test_a_flight_in_one_record_is_digested_in_small_pieces(pair12):
    # As BearSSL sends it: ServerHello to ServerHelloDone in one record.
    pair = pair12()
    pair.tell(pair.server, pair.say(pair.client))
    content = b"".join(part for _, part in records(pair.say(pair.server)))
    whole = bytes((22, 3, 3)) + len(content).to_bytes(2, "big") + content
    pair.tell(pair.client, whole, piece_bytes=53)
    pair.connect()


def test_a_chain_larger_than_the_send_buffer_is_sent_from_where_it_lies(pair12, identity):
    ballast = [bytes([0x30, 0x82, 0x07, 0xD0]) + bytes([number]) * 2000 for number in range(3)]
    pair = pair12(certificates=(*identity.chain, *ballast), send_buffer_bytes=400)
    flight = pair.answer()
    assert [kind for kind, _ in flight] == [2, 11, 12, 14]
    assert len(flight[1][1]) > 6000


def test_alpn_is_chosen_by_the_server(pair12):
    pair = pair12(client={"alpn": (b"http/1.1", b"h2")}, alpn=(b"h2", b"http/1.1")).connect()
    assert pair.client.alpn == pair.server.alpn == b"h2"
    assert pair12(client={"alpn": (b"h2",)}).connect().client.alpn is None


def test_the_name_asked_for_is_known_to_the_server(pair12):
    assert pair12().connect().server.server_name == b"server.example"
    assert pair12(server_names=(b"server.example",)).connect()


def sizes_of(pair, payload):
    """Return how long the records of the server are that carry a payload."""
    view, found = memoryview(payload), []
    while view:
        view = view[pair.server.write(view) :]
        said = pair.say(pair.server)
        found += [len(content) for _, content in records(said)]
        pair.tell(pair.client, said)
    return found


def test_record_size_limit_counts_the_content(pair12):
    # RFC 8449 §4: in TLS 1.2 it is the plaintext without content type.
    pair = pair12(client={"record_buffer_bytes": 100 + 29}).connect()
    assert sizes_of(pair, bytes(250)) == [8 + 100 + 16, 8 + 100 + 16, 8 + 50 + 16]


def test_max_fragment_length_is_kept_by_both(pair12):
    client = {"max_fragment_bytes": 512, "record_buffer_bytes": 16645}
    pair = pair12(client=client).connect()
    assert max(sizes_of(pair, bytes(1500))) == 8 + 512 + 16
    pair.server._receiver.plaintext_limit = 512
    assert pair.client.write(bytes(700)) == 512


def test_without_a_limit_records_are_as_long_as_the_buffer(pair12):
    pair = pair12(client={"record_buffer_bytes": 16645}, send_buffer_bytes=20000).connect()
    assert sizes_of(pair, bytes(16384)) == [8 + 16384 + 16]


@pytest.fixture
def client_identity(identities):
    return {
        scheme: {
            "certificates": tuple(identities(scheme).chain),
            "private_key": private_key(identities(scheme).key),
        }
        for scheme in (0x0403, 0x0804)
    }


def asking(identities, **more):
    """Return what makes a server ask for certificates."""
    roots = [identities(scheme).root for scheme in (0x0403, 0x0804)]
    trust = TrustAnchors([anchor_from_certificate(root) for root in roots])
    return {"trust": trust, "clock": FixedClock(identities(0x0403).utc_seconds), **more}


@pytest.mark.parametrize("suite", [0xC02B, 0xC02C])
@pytest.mark.parametrize("scheme", [0x0403, 0x0804])
def test_a_client_shows_its_certificate(pair12, identities, client_identity, suite, scheme):
    client = {**client_identity[scheme], "suites": (suite,), "send_buffer_bytes": 3000}
    pair = pair12(client=client, **asking(identities)).connect()
    key = client_identity[scheme]["private_key"]
    assert pair.server.client_key == public_of(key)
    assert pair.server.signatures_verified == 2


def test_a_client_without_certificate_is_refused_or_not(pair12, identities):
    pair = pair12(**asking(identities))
    with pytest.raises(PeerMisbehaved) as caught:
        pair.carry()
    assert (caught.value.reason, caught.value.alert) == ("certificate_message.required", 40)
    pair = pair12(**asking(identities, certificate_required=False)).connect()
    assert pair.server.client_key is None


def test_closing_is_told_both_ways(pair12):
    pair = pair12().connect()
    pair.client.close()
    pair.carry()
    assert pair.events(pair.server) == [EVENT_CLOSED]
    pair.server.close()
    pair.carry()
    assert pair.client.state == pair.server.state == states.CLOSED
    assert pair.client.wants == pair.server.wants == 0


def test_there_is_no_key_update(pair12):
    with pytest.raises(UsageError, match="no_key_update"):
        pair12().connect().client.update_keys()


def test_a_key_protects_so_many_records_and_no_more(pair12):
    pair = pair12().connect()
    protection = pair.client._outbox.protection
    protection.record_limit = protection.sequence + 3  # the last one is for close_notify
    assert pair.client.write(b"a") + pair.client.write(b"b") == 2
    with pytest.raises(UsageError, match="key_exhausted"):
        pair.client.write(b"c")
    pair.client.close()
    assert pair.carry() == (b"", b"ab")


def test_a_changed_record_is_refused(pair12):
    for suite in (0xC02B, 0xCCA9, 0xC0AE):
        pair = pair12(client={"suites": (suite,)}, suites=(suite,)).connect()
        pair.client.write(b"hello")
        said = bytearray(pair.say(pair.client))
        said[-1] ^= 1
        assert pair.refusal(pair.server, bytes(said))[0] == "record.bad_record_mac"


def test_a_record_repeated_is_refused(pair12):
    pair = pair12().connect()
    pair.client.write(b"hello")
    said = pair.say(pair.client)
    assert pair.tell(pair.server, said) == b"hello"
    assert pair.refusal(pair.server, said)[0] == "record.bad_record_mac"


# --- versions


def test_both_take_tls_1_3_if_they_can(pair12):
    both = (0x0304, 0x0303)
    pair = pair12(client={"versions": both}, versions=both).connect()
    assert pair.client.version == pair.server.version == 0x0304
    assert pair.client.suite == 0x1301
    assert pair.client.export(b"x", None, 32) == pair.server.export(b"x", b"", 32)
    pair.client.update_keys(request_peer=True)
    pair.client.write(b"hello")
    assert pair.carry()[1] == b"hello"


def test_a_client_of_both_takes_what_there_is(pair12):
    pair = pair12(client={"versions": (0x0304, 0x0303)}).connect()
    assert pair.client.version == 0x0303
    pair = pair12(versions=(0x0304, 0x0303)).connect()
    assert pair.client.version == 0x0303


def test_a_client_of_both_is_asked_for_another_share(pair12):
    both = (0x0304, 0x0303)
    pair = pair12(client={"versions": both}, versions=both, groups=(0x0018,)).connect()
    assert (pair.client.version, pair.client.group, pair.server.retried) == (0x0304, 0x18, True)


def test_a_key_goes_with_either_version(pair12):
    both = (0x0304, 0x0303)
    assert pair12(psk=True, client={"versions": both}).connect().client.version == 0x0303
    pair = pair12(psk=True, client={"versions": both}, versions=both).connect()
    assert (pair.client.version, pair.client.psk_identity) == (0x0304, b"device 1")


def test_a_downgrade_is_noticed(pair12):
    # RFC 8446 §4.1.3: somebody has taken TLS 1.3 out of the ClientHello.
    both = (0x0304, 0x0303)
    pair = pair12(client={"versions": both}, versions=both)
    hello = pair.hello().drop(43)
    pair.tell(pair.server, flight([(1, hello.body())]))
    refusal = pair.refusal(pair.client, pair.say(pair.server))
    assert refusal == ("server_hello.downgrade", 47)


def test_a_client_that_has_fallen_back_is_told(pair12):
    pair = pair12(client={"fallback": True}, versions=(0x0304, 0x0303))
    with pytest.raises(PeerMisbehaved) as caught:
        pair.carry()
    assert caught.value.alert == 86
    with pytest.raises(AlertReceived, match="inappropriate_fallback"):
        pair.carry()
    assert pair12(client={"fallback": True}).connect()


@pytest.mark.parametrize("name", [b"known", b"unknown"])
def test_a_wrong_key_and_an_unknown_identity_look_the_same(pair12, name):
    for suite in (0x00A8, 0xCCAC):
        pair = pair12(
            client={"psks": ((name, bytes(32), 32),), "suites": (suite,)},
            suites=(suite,),
            psk={b"known": (bytes(range(32)), 32)}.get,
        )
        pair.tell(pair.server, pair.say(pair.client))
        pair.tell(pair.client, pair.say(pair.server))
        refusal = pair.refusal(pair.server, pair.say(pair.client))
        assert refusal == ("record.bad_record_mac", 51)
        assert pair.server.psk_identity is None


def test_the_modes_decide_which_suites_of_keys_there_are(pair12):
    pair = pair12(psk=True, psk_modes=(0,), client={"psk_modes": (1, 0)}).connect()
    assert (pair.client.suite, pair.client.group) == (0x00A8, None)
    pair = pair12(psk=True).connect()
    assert (pair.client.suite, pair.client.group) == (0xD001, 0x001D)
