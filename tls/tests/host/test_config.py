"""What cannot work is refused when it is configured, by name, and before anything is sent."""

import pytest

from tlscore import key_exchange, suites
from tlscore.client import ClientConnection
from tlscore.client_hello import bytes_max
from tlscore.errors import UsageError


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"entropy": None}, "no_entropy"),
        ({"clock": None}, "no_clock"),
        ({"trust": None}, "no_trust"),
        ({"server_name": None}, "no_server_name"),
        ({"server_name": ""}, "no_server_name"),
        ({"server_name": b"bytes"}, "no_server_name"),
        ({"server_name": "trailing.dot."}, "server_name"),
        ({"server_name": "m\u00fcller.example"}, "server_name"),
        ({"server_name": "with space"}, "server_name"),
        ({"server_name": "a" * 254}, "server_name"),
        ({"alpn": (b"",)}, "alpn"),
        ({"alpn": (b"x" * 256,)}, "alpn"),
        ({"alpn": ("h2",)}, "alpn"),
        ({"suites": ()}, "no_suites"),
        ({"suites": (0x1301, 0xC02B)}, "unknown_suite"),
        ({"groups": ()}, "no_groups"),
        ({"groups": (0x001D, 0x0100)}, "unknown_group"),
        ({"groups": (0x001D,), "key_share_groups": (0x0017,)}, "key_share_groups"),
        ({"groups": (0x1D, 0x17), "key_share_groups": (0x17, 0x1D)}, "key_share_groups"),
        ({"groups": (0x1D, 0x17), "key_share_groups": (0x1D, 0x1D)}, "key_share_groups"),
        ({"signature_schemes": ()}, "no_signature_schemes"),
        ({"signature_schemes": (0x0201,)}, "unknown_signature_scheme"),
        ({"signature_schemes": (0x0401,)}, "no_signature_schemes"),  # for certificates only
        ({"record_buffer_bytes": 85}, "record_buffer_bytes"),
        ({"record_buffer_bytes": 16646}, "record_buffer_bytes"),
        ({"send_buffer_bytes": 200}, "send_buffer_bytes"),
        ({"send_buffer_bytes": 1024, "alpn": (b"x" * 250,) * 4}, "send_buffer_bytes"),
        ({"handshake_buffer_bytes": 191}, "handshake_buffer_bytes"),
    ],
)
def test_what_cannot_work_is_refused(client_config, changes, reason):
    with pytest.raises(UsageError) as caught:
        client_config(**changes)
    assert caught.value.reason == "config." + reason


@pytest.mark.parametrize("name", ["192.0.2.1", "2001:db8::1"])
def test_an_address_is_not_sent_as_server_name(client_config, name):
    # RFC 6066 §3
    assert client_config(server_name=name).host_name is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"server_name": ".".join(["a" * 62] * 4)},
        {"server_name": "192.0.2.1"},
        {"alpn": (b"h2", b"http/1.1")},
        {"groups": (0x0017,)},
        {"key_share_groups": (0x001D, 0x0017)},
    ],
)
def test_the_smallest_send_buffer_holds_the_client_hello(client_config, changes):
    size = bytes_max(client_config(**changes)) + 6 + 22 + 24
    with pytest.raises(UsageError):
        client_config(send_buffer_bytes=size - 1, **changes)
    config = client_config(send_buffer_bytes=size, **changes)
    assert config.cookie_bytes_max == 0
    assert len(ClientConnection(config).to_send()) < size


def test_the_longest_cookie_fits_the_send_buffer(pair):
    both = pair(retry_group=0x0017)
    longest = both.client._config.cookie_bytes_max
    both.server.cookie = bytes(longest)
    both.connect()
    both = pair(retry_group=0x0017, cookie=bytes(longest + 1))
    both.client_speaks()
    refusal = both.refusal_plain(both.server.hello_retry_request())
    assert refusal == ("hello_retry_request.cookie_too_long", 80)


def test_small_buffers_are_enough_for_a_handshake(pair):
    small = {
        "record_buffer_bytes": 1024,
        "send_buffer_bytes": 420,
        "handshake_buffer_bytes": 192,
    }
    pair(config=small).connect()


@pytest.fixture
def left_out(monkeypatch):
    """Return a function that makes modules of crypto/ absent, as in an image without them."""

    def leave_out(*modules):
        for table in (suites, key_exchange):
            monkeypatch.setattr(table, "installed", lambda module: module not in modules)

    return leave_out


def test_what_the_image_has_not_is_not_offered(client_config, left_out):
    assert client_config().suites == (0x1301, 0x1303, 0x1302, 0x1304)
    assert client_config().groups == (0x001D, 0x0017, 0x0018)
    left_out("ccm", "chacha20_poly1305", "p384", "x25519")
    assert client_config().suites == (0x1301, 0x1302)
    assert client_config().groups == (0x0017,)


@pytest.mark.parametrize(
    ("module", "changes", "reason"),
    [
        ("gcm", {"suites": (0x1301,)}, "config.unknown_suite"),
        ("ccm", {"suites": (0x1301, 0x1305)}, "config.unknown_suite"),
        ("p384", {"groups": (0x001D, 0x0018)}, "config.unknown_group"),
    ],
)
def test_asking_for_what_the_image_has_not_is_refused(
    client_config, left_out, module, changes, reason
):
    left_out(module)
    with pytest.raises(UsageError) as caught:
        client_config(**changes)
    assert caught.value.reason == reason
