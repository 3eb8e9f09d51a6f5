"""What can be configured of TLS 1.2, and what is refused before anything is sent."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from server_messages import vector
from tls12_wire import Hello, messages

import tlscore
from tlscore.clock import FixedClock
from tlscore.entropy import HmacDrbg
from tlscore.errors import UsageError
from tlscore.session import Session
from tlscore.tls12 import suites
from tlscore.tls12.config import ClientConfig
from tlscore.tls12.server_config import ServerConfig

BOTH = (0x0304, 0x0303)
NEVER = {0x000A, 0x002F, 0x0035, 0x003C, 0x009C, 0x0005, 0x0004, 0xC009, 0xC013, 0xC023, 0xC027}


def offered(pair):
    hello = pair.hello()
    return [
        int.from_bytes(hello.suites[at : at + 2], "big") for at in range(0, len(hello.suites), 2)
    ]


def test_what_is_offered_by_default(pair12):
    by_certificate = [0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC02C, 0xC030, 0xC0AC]
    assert offered(pair12()) == by_certificate
    assert offered(pair12(client={"versions": BOTH})) == [
        *(0x1301, 0x1303, 0x1302, 0x1304),
        *by_certificate,
    ]
    assert offered(pair12(psk=True)) == [0xD001, 0xCCAC, 0xD005]
    assert offered(pair12(psk=True, client={"psk_modes": (0,)})) == [0x00A8, 0xCCAB, 0xC0A4]


def test_what_is_never_offered(pair12):
    assert not NEVER & set(suites.codes((1, 2, 3)))
    hello = pair12().hello()
    assert hello.compressions == b"\x00"
    assert hello.version == b"\x03\x03"
    schemes = dict(hello.extensions)[13][2:]
    assert not {schemes[at] for at in range(0, len(schemes), 2)} & {1, 2, 3}  # MD5, SHA-1, SHA-224
    # Encrypt-then-MAC is for CBC.
    assert not {22, 15} & set(dict(hello.extensions))


def test_the_order_of_suites_is_the_callers(pair12):
    asked = (0xCCA9, 0x1301, 0xC02B)
    assert offered(pair12(client={"versions": BOTH, "suites": asked})) == list(asked)


def test_the_first_hello_of_tls_1_2_alone_has_nothing_of_tls_1_3(pair12):
    hello = pair12().hello()
    assert hello.session_id == b""
    assert not {43, 45, 51, 41} & set(dict(hello.extensions))
    kinds = dict(pair12(client={"versions": BOTH}).hello().extensions)
    assert kinds[43] == b"\x04\x03\x04\x03\x03"
    assert {23, 0xFF01, 11} <= set(kinds)


def test_a_fallback_is_said(pair12):
    assert offered(pair12(client={"fallback": True}))[-1] == 0x5600


def test_the_largest_hello_fits_what_is_reckoned_with(pair12):
    from tlscore.tls12.client_hello import bytes_max

    for client in ({}, {"versions": BOTH}, {"alpn": (b"h2",), "ticket_bytes_max": 9}):
        pair = pair12(client=client)
        said = pair.say(pair.client)
        assert len(said) - 5 <= bytes_max(pair.client._config)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"versions": ()}, "config.versions"),
        ({"versions": (0x0304,)}, "config.versions"),
        ({"versions": (0x0303, 0x0302)}, "config.versions"),
        ({"versions": BOTH, "fallback": True}, "config.fallback"),
        ({"suites": (0x1301,)}, "config.no_suites"),
        ({"suites": (0xC02B, 0xC009)}, "config.unknown_suite"),
        ({"suites": (0x00A8,)}, "config.psk_suite"),
        ({"certificate_types": (2,)}, "config.no_suites"),
        ({"groups": ()}, "config.no_groups"),
        ({"send_buffer_bytes": 250}, "config.send_buffer_bytes"),
        ({"record_buffer_bytes": 90}, "config.record_buffer_bytes"),
        ({"max_fragment_bytes": 512, "record_buffer_bytes": 540}, "config.max_fragment_bytes"),
        (
            {"session": Session(b"t", bytes(32), 9, 0, 0, 9, "server.example", None)},
            "config.session_version",
        ),
    ],
)
def test_a_client_that_cannot_be_is_refused(pair12, changes, reason):
    with pytest.raises(UsageError) as caught:
        pair12(client=changes)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"versions": (0x0304,)}, "config.versions"),
        ({"suites": (0x00A8,)}, "config.psk_suite"),
        ({"suites": (0x1301,)}, "config.no_suites"),
        ({"suites": (0xC02B, 0x0005)}, "config.unknown_suite"),
        ({"send_buffer_bytes": 200}, "config.send_buffer_bytes"),
    ],
)
def test_a_server_that_cannot_be_is_refused(pair12, changes, reason):
    with pytest.raises(UsageError) as caught:
        pair12(**changes)
    assert caught.value.reason == reason


def test_a_certificate_suite_wants_a_certificate_or_trust():
    entropy = HmacDrbg(b"seed of the tests of TLS 1.2....")
    chosen = {"versions": (0x0303,), "suites": (0xC02B, 0x00A8)}
    with pytest.raises(UsageError, match="no_certificate"):
        ServerConfig(entropy, psk=lambda _: None, **chosen)
    keys = ((b"name", bytes(32), 32),)
    with pytest.raises(UsageError, match="no_trust"):
        ClientConfig(entropy, FixedClock(0), None, None, psks=keys, **chosen)


@pytest.mark.parametrize("role", ["client", "server"])
def test_the_smallest_send_buffer_will_do(pair12, role):
    """What the checks let pass is enough for a handshake."""
    for size in range(200, 1200, 8):
        try:
            options = {"send_buffer_bytes": size}
            pair = pair12(client=options) if role == "client" else pair12(**options)
        except UsageError:
            continue
        pair.connect()
        return
    raise AssertionError("none")


def test_an_image_without_tls_1_2_speaks_tls_1_3(tmp_path):
    shutil.copytree(Path(tlscore.__file__).parent, tmp_path / "tlscore")
    shutil.rmtree(tmp_path / "tlscore" / "tls12")
    modules = "client server config server_config tickets session psk_offer server_psk"
    program = "import sys; sys.path.insert(0, {!r})\n".format(str(tmp_path)) + "".join(
        "import tlscore.{}\n".format(name) for name in modules.split()
    )
    subprocess.run([sys.executable, "-I", "-c", program], check=True)


def test_the_hello_helper_is_faithful(pair12):
    """What the other tests change fields with gives back what it was given."""
    pair = pair12(client={"versions": BOTH, "alpn": (b"h2",)})
    said = pair.say(pair.client)
    ((_, body),) = messages(said)
    assert Hello(body, of_client=True).body() == body
    assert vector(1, b"a") == b"\x01a"
