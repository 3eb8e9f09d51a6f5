"""Devices of the past: their flights against the recorded octets, their handshake with others."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from hil.errors import PeerError
from hil.tlsrig import names, peers, pki, scenario, tls12_keys, wire
from hil.tlsrig.dissect import messages as grammar
from hil.tlsrig.dissect.grammar import Field
from hil.tlsrig.past import wire_form
from hil.tlsrig.past.devices import AXTLS, BEARSSL, DEVICES, ESP8266, SCHEME, SUITE
from hil.tlsrig.past.tls12 import AlertCame, Broken, Records, Secrets, StreamEnded
from hil.tlsrig.peers import ClientSetup, ServerSetup
from hil.tlsrig.statement import Statement

from .conftest import Traces

TIMEOUT_S = 10


def recorded(traces: Traces, name: str, flight: str) -> bytes:
    return traces[name].facts[flight]


def test_the_esp8266s_first_flight_is_the_published_one(traces: Traces) -> None:
    flight = DEVICES["client", ESP8266].client_flight()
    assert flight == recorded(traces, "axtls149_esp8266_tls11", "flight_00_client")
    assert len(flight) == 56


def test_bearssls_first_flight_of_2018_is_the_published_one(traces: Traces) -> None:
    flight = DEVICES["client", BEARSSL].client_flight()
    assert flight == recorded(traces, "bearssl_2018-03", "flight_00_client")
    assert len(flight) == 193


def test_axtlss_answer_is_the_published_one(traces: Traces) -> None:
    flight = DEVICES["server", AXTLS].server_flight()
    assert flight == recorded(traces, "axtls149_esp8266_tls11", "flight_01_server")
    assert len(flight) == 615


def test_bearssls_answer_of_2018_is_the_published_one(traces: Traces) -> None:
    published = recorded(traces, "bearssl_2018-03", "flight_01_server")
    said = [grammar.message(one, 0x0303) for one in split(published[wire.HEADER_BYTES :])]
    chain = grammar.sent_certificates(said[1])
    exchange = said[2].data[4:]
    share = exchange[4:36]
    parameters = wire_form.exchange_parameters("x25519", share)
    assert exchange.startswith(parameters)
    signature = exchange[len(parameters) + 4 :]
    flight = DEVICES["server", BEARSSL].signed_flight(chain, parameters, signature)
    assert flight == published
    assert len(flight) == 2059


def split(content: bytes) -> list[bytes]:
    """Return the handshake messages in a record's contents."""
    found = []
    while content:
        size = 4 + int.from_bytes(content[1:4], "big")
        found.append(content[:size])
        content = content[size:]
    return found


def hello_of(name: str) -> Field:
    return grammar.message(DEVICES["client", name].client_flight()[wire.HEADER_BYTES :], 0x0303)


def test_what_the_esp8266_offers_has_names() -> None:
    hello = hello_of(ESP8266)
    assert [names.OLDER_SUITES[code] for code in hello.codes("cipher_suite")] == [
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_RC4_128_MD5",
    ]
    assert hello.codes("client_version") == [0x0302]
    assert hello.first("extensions") is None


def test_what_bearssl_offers_has_names() -> None:
    hello = hello_of(BEARSSL)
    assert len(hello.codes("cipher_suite")) == 37
    assert not [code for code in hello.codes("cipher_suite") if code not in names.OLDER_SUITES]
    assert not [code for code in hello.codes("signature_scheme") if code not in names.SIGNATURES]


def test_a_scenario_of_a_device_is_for_who_plays_it_and_nobody_else() -> None:
    known = scenario.load_all()
    for name, one in known.items():
        role = "server" if one.role == "client" else "client"
        able = [peer for peer in peers.names() if peers.lacking(peer, role, one.needs) is None]
        if name.startswith("past-bearssl-now-"):
            assert able == ["bearssl"]
        elif name.startswith("past-"):
            assert able == ["past"]
        else:
            assert "past" not in able, name


@pytest.mark.parametrize("role", ["client", "server"])
def test_every_device_has_a_scenario(role: str) -> None:
    played = {
        one.peer.device
        for one in scenario.load_all().values()
        if one.peer.device is not None and one.role != role
    }
    assert {name for of, name in DEVICES if of == role} <= played


# --- BearSSL's handshake, played against the farm's other peers

MEET = [("past", "openssl"), ("past", "gnutls"), ("openssl", "past"), ("gnutls", "past")]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def meet(
    stack: ExitStack, server: str, client: str, tmp_path: Path, root: Path | None = None
) -> tuple[Statement, Statement]:
    """Let them shake hands; the client says goodbye at once."""
    folder = tmp_path / "server"
    folder.mkdir()
    chain = pki.make_chain(int(time.time()), pki.plan_of("rsa2048")).write(folder)
    versions = ("TLSv1.2",)
    setup = ServerSetup(chain, versions=versions, groups=("x25519",), device=BEARSSL)
    serving = stack.enter_context(closing(peers.load(server).serve(setup, tmp_path)))
    serving.start()
    wanted = ClientSetup(
        serving.address, root or chain.root, "localhost", versions=versions, device=BEARSSL
    )
    asking = stack.enter_context(closing(peers.load(client).connect(wanted, tmp_path)))
    asking.start()
    serving.await_connected(TIMEOUT_S)
    if asking.await_connected(TIMEOUT_S):
        asking.end_input()  # type: ignore[attr-defined]
    return serving.finish(TIMEOUT_S), asking.finish(TIMEOUT_S)


@pytest.mark.parametrize(("server", "client"), MEET)
def test_bearssl_of_2018_shakes_hands_with_others(
    stack: ExitStack, tmp_path: Path, server: str, client: str
) -> None:
    ends = meet(stack, server, client, tmp_path)
    for said in ends:
        assert said.connected, said.reason
        assert (said.version, said.suite, said.group) == ("TLSv1.2", SUITE, "x25519")
    played = ends[server != "past"]
    assert played.signature == SCHEME
    assert played.exporter is not None
    assert played.close_received
    assert ends[0].exporter == ends[1].exporter


def test_its_flight_is_one_record_in_segments_of_536(stack: ExitStack, tmp_path: Path) -> None:
    meet(stack, "past", "openssl", tmp_path)
    sent = [
        bytes.fromhex(line[2:])
        for line in (tmp_path / "past-server.wire").read_text("ascii").splitlines()
        if line.startswith(">")
    ]
    # Its certificates are the farm's, so the size is another one than in 2018.
    size = wire.HEADER_BYTES + int.from_bytes(sent[0][3:5], "big")
    assert size > 1608
    flight = b""
    while len(flight) < size:
        flight += sent.pop(0)
        assert len(flight) % 536 == 0 or len(flight) == size
    assert [message[0] for message in split(flight[wire.HEADER_BYTES :])] == [2, 11, 12, 14]
    # change_cipher_spec and Finished, as in 2018: 43 bytes.
    assert len(sent[0]) == 43


def test_its_client_refuses_a_root_it_was_not_given(stack: ExitStack, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = pki.make_chain(int(time.time()), pki.plan_of("rsa2048")).write(folder)
    server, client = meet(stack, "openssl", "past", tmp_path, other.root)
    assert not client.connected
    assert names.ALERTS[client.alert_sent or 0] == "unknown_ca"
    assert server.alert_received == client.alert_sent


def test_its_server_says_what_it_has_not_in_common(stack: ExitStack, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    chain = pki.make_chain(int(time.time()), pki.plan_of("rsa2048")).write(folder)
    setup = ServerSetup(chain, versions=("TLSv1.2",), device=BEARSSL)
    serving = stack.enter_context(closing(peers.load("past").serve(setup, tmp_path)))
    serving.start()
    wanted = ClientSetup(
        serving.address,
        chain.root,
        "localhost",
        versions=("TLSv1.2",),
        suites=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
    )
    asking = stack.enter_context(closing(peers.load("openssl").connect(wanted, tmp_path)))
    asking.start()
    assert not serving.await_connected(TIMEOUT_S)
    said = serving.finish(TIMEOUT_S)
    assert names.ALERTS[said.alert_sent or 0] == "handshake_failure"
    assert said.reason == "the client offers no cipher suite 0xcca8"


def test_a_device_that_got_an_answer_it_cannot_have_got_says_so(
    stack: ExitStack, tmp_path: Path
) -> None:
    # TLS 1.1 with somebody who takes it: what is known of the device ends there.
    folder = tmp_path / "server"
    folder.mkdir()
    chain = pki.make_chain(int(time.time()), pki.plan_of("rsa2048")).write(folder)
    setup = ServerSetup(chain, versions=("TLSv1.2",))
    serving = stack.enter_context(closing(peers.load("openssl").serve(setup, tmp_path)))
    serving.start()
    wanted = ClientSetup(serving.address, chain.root, "localhost", device=ESP8266)
    asking = stack.enter_context(closing(peers.load("past").connect(wanted, tmp_path)))
    asking.start()
    assert not asking.await_connected(TIMEOUT_S)
    said = asking.finish(TIMEOUT_S)
    assert names.ALERTS[said.alert_received or 0] in ("protocol_version", "handshake_failure")


# --- the arithmetic

SECRETS = Secrets(bytes(32), bytes([1]) * 32, bytes([2]) * 32)


def records(*pieces: bytes) -> Records:
    left = list(pieces)
    return Records(lambda: left.pop(0) if left else b"")


def test_the_prf_gives_the_published_octets() -> None:
    # P_SHA256, a vector of 2008 from the IETF's TLS mailing list.
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    made = tls12_keys.prf("sha256", secret, b"test label", seed, 100)
    assert made.hex().startswith("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a")
    assert len(made) == 100


@pytest.mark.parametrize(
    ("suite", "sizes"),
    [
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", (32, 12, 0, 16)),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", (32, 4, 8, 16)),
        ("TLS_PSK_WITH_AES_128_CCM_8", (16, 4, 8, 8)),
    ],
)
def test_a_record_is_sealed_and_opened(suite: str, sizes: tuple[int, ...]) -> None:
    facts = tls12_keys.row(names.code_of(names.OLDER_SUITES, suite))
    block = tls12_keys.key_block(facts, bytes(48), bytes(32), bytes(32))
    keys = tls12_keys.RecordKeys(facts, block, of_client=True)
    assert (len(keys.key), len(keys.iv), keys.explicit_bytes, keys.tag_bytes) == sizes
    header = b"\x17\x03\x03"
    body = keys.seal(7, header, b"hello")
    assert len(body) == 5 + keys.explicit_bytes + keys.tag_bytes
    assert keys.open(7, header, body) == b"hello"
    for short in (b"", body[: keys.explicit_bytes], body[:-6]):
        with pytest.raises(InvalidTag):
            keys.open(7, header, short)
    other = tls12_keys.RecordKeys(facts, block, of_client=False)
    assert (other.key, other.iv) != (keys.key, keys.iv)


def test_a_suite_without_an_aead_has_no_keys() -> None:
    assert tls12_keys.find(0x002F) is None
    assert tls12_keys.find(0x1301) is None
    assert tls12_keys.find(None) is None
    with pytest.raises(PeerError, match="suite 0x002f has no cipher"):
        tls12_keys.row(0x002F)


def test_a_message_over_two_records_is_one() -> None:
    head = b"\x16\x03\x03\x00"
    found = records(head + b"\x02\x01\x00" + head + b"\x03\x00", b"\x01\x63")
    assert found.expect(1) == b"c"
    assert found.transcript == b"\1\0\0\1c"


def test_what_breaks_a_handshake_is_told() -> None:
    with pytest.raises(AlertCame, match="70"):
        records(bytes.fromhex("15030300020246")).next()
    with pytest.raises(StreamEnded):
        records(b"\x16\x03").next()
    with pytest.raises(Broken, match="finished where server_hello was awaited"):
        records(bytes.fromhex("160303000414000000")).expect(wire.SERVER_HELLO)
    with pytest.raises(Broken, match="a record of type 23 in the handshake"):
        records(bytes.fromhex("170303000100")).message()
    with pytest.raises(Broken, match="no change_cipher_spec"):
        records(bytes.fromhex("140303000102")).expect_change_cipher_spec()
    sealed = records(bytes.fromhex("1703030014") + bytes(20))
    sealed.read_with(SECRETS.keys(of_client=True))
    with pytest.raises(Broken, match="does not open"):
        sealed.next()


def test_both_directions_have_keys_and_finished_of_their_own() -> None:
    digest = hashlib.sha256(b"messages").digest()
    assert SECRETS.finished(b"messages", of_client=True) == tls12_keys.verify_data(
        tls12_keys.row(names.code_of(names.OLDER_SUITES, SUITE)),
        SECRETS.master,
        digest,
        of_client=True,
    )
    both = {SECRETS.finished(b"messages", of_client=role) for role in (True, False)}
    assert len(both) == 2
    changed = Secrets(bytes(31) + b"\1", bytes([1]) * 32, bytes([2]) * 32)
    assert changed.exported("EXPORTER-hil") != SECRETS.exported("EXPORTER-hil")


def test_a_description_that_differs_gives_other_octets() -> None:
    device = DEVICES["client", ESP8266]
    hello = replace(device.hello, suites=device.hello.suites[:3])
    shorter = replace(device, hello=hello).client_flight()
    assert len(shorter) == 54
    assert shorter != device.client_flight()
