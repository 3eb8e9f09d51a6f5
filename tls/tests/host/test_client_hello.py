"""The ClientHello says what was configured, byte by byte as the RFCs want it."""

import pytest
from server_messages import P256, X25519, vector


def hello_of(pair, **config):
    both = pair(config=config)
    both.record = both.client_speaks()
    return both


def test_the_first_record_is_made_for_old_middleboxes(pair):
    both = hello_of(pair)
    # RFC 8446 §5.1, §4.1.2, §D.4
    assert both.record[:3] == b"\x16\x03\x01"
    assert both.server.client_messages[0][4:6] == b"\x03\x03"
    assert len(both.server.client_hello()[1]) == 32


def test_middlebox_compatibility_can_be_left_out(pair):
    assert hello_of(pair, middlebox_compatibility=False).server.client_hello()[1] == b""


def test_extensions_are_what_was_configured(pair):
    both = hello_of(pair, server_name="server.example", alpn=(b"h2", b"http/1.1"))
    _, _, suites, extensions = both.server.client_hello()
    assert suites == bytes.fromhex("1301130313021304"), "CCM_8 is for who asks for it"
    shares = extensions.pop(51)
    assert extensions == {
        0: vector(2, b"\x00" + vector(2, b"server.example")),
        10: bytes.fromhex("0006001d00170018"),
        13: bytes.fromhex("000c 0403 0804 0807 0503 0805 0806"),
        16: vector(2, b"\x02h2\x08http/1.1"),
        28: (4097).to_bytes(2, "big"),
        43: bytes.fromhex("020304"),
        50: bytes.fromhex("0012 0403 0804 0807 0503 0805 0806 0401 0501 0601"),
    }
    assert shares[:6] == bytes.fromhex("0024001d0020")


@pytest.mark.parametrize(("groups", "sizes"), [((X25519,), {X25519: 32}), ((P256,), {P256: 65})])
def test_a_share_is_sent_for_the_first_group_only(pair, groups, sizes):
    both = hello_of(pair, groups=(*groups, X25519 + P256 - groups[0]))
    assert {group: len(share) for group, share in both.server.client_shares().items()} == sizes


def test_no_share_at_all_asks_for_a_retry(pair):
    both = pair(config={"key_share_groups": ()}, retry_group=P256)
    both.connect()
    assert both.client.group == P256


def test_random_session_id_and_share_are_independent(pair):
    both = hello_of(pair)
    random, session_id, _, _ = both.server.client_hello()
    assert len({random, session_id, both.server.client_shares()[X25519]}) == 3


def test_an_address_is_asked_for_without_server_name(pair):
    assert 0 not in hello_of(pair, server_name="192.0.2.1").server.client_hello()[3]


def test_what_is_mandatory_to_implement_is_offered_and_taken(client_config, server_config):
    # RFC 8446 §9.1
    for config in (client_config(), server_config()):
        assert 0x1301 in config.suites
        assert P256 in config.groups
        assert {0x0401, 0x0804, 0x0403} <= set(config.signature_schemes)
