"""Attacks on the link, carried out on a real handshake between s_client and s_server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, LinkEndpoint, Pump
from hil.tlsrig import keylog, pki, wire
from hil.tlsrig.peers import ClientSetup, ServerSetup, openssl
from hil.tlsrig.statement import Statement
from hil.tlsrig.tamper import Attack, FlipCiphertextBit, FlipFinishedBit

TIMEOUT_S = 10
NOW = 1_768_478_400


class Watched:
    """Notes what goes into an attack and what comes out of it, towards the board."""

    def __init__(self, attack: Attack) -> None:
        self._attack = attack
        self.before = bytearray()
        self.after = bytearray()

    def on_bytes(self, direction: str, data: bytes) -> bytes:
        out = self._attack.on_bytes(direction, data)  # type: ignore[arg-type]
        if direction == PEER_TO_BOARD:
            self.before += data
            self.after += out
        else:
            assert out == data
        return out

    def on_end(self, direction: str) -> bytes:
        return self._attack.on_end(direction)  # type: ignore[arg-type]


Meet = Callable[[Attack, openssl.OpenSslServer], tuple[Statement, Statement, Watched]]


@pytest.fixture
def files(tmp_path: Path) -> pki.ChainFiles:
    return pki.make_chain(NOW).write(tmp_path)


@pytest.fixture(params=["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"])
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["x25519", "secp256r1"], ids=["direct", "after-retry"])
def server(
    files: pki.ChainFiles, suite: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[openssl.OpenSslServer]:
    setup = ServerSetup(files, suites=(suite,), groups=(request.param,))
    with closing(openssl.serve(setup, tmp_path)) as running:
        running.start()
        yield running


@pytest.fixture
def meet(files: pki.ChainFiles, tmp_path: Path) -> Meet:
    def run(attack: Attack, server: openssl.OpenSslServer) -> tuple[Statement, Statement, Watched]:
        watched = Watched(attack)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            setup = ClientSetup(listener.getsockname(), files.root, "localhost", utc_seconds=NOW)
            with closing(openssl.connect(setup, tmp_path)) as client:
                client.start()
                board, _ = listener.accept()
                with (
                    closing(LinkEndpoint(board, carries_end=True)) as endpoint,
                    socket.create_connection(server.address) as connected,
                    Pump(endpoint, connected, watched),
                ):
                    if client.await_connected(TIMEOUT_S):
                        client.end_input()
                    return client.finish(TIMEOUT_S), server.finish(TIMEOUT_S), watched

    return run


def flipped_bits(before: bytes, after: bytes) -> int:
    assert len(before) == len(after)
    return sum((a ^ b).bit_count() for a, b in zip(before, after, strict=True))


def test_one_flipped_ciphertext_bit_is_a_bad_record_mac(
    meet: Meet, server: openssl.OpenSslServer
) -> None:
    attack = FlipCiphertextBit()
    client, peer, watched = meet(attack, server)
    assert attack.applied
    assert client.alert_sent == peer.alert_received == 20
    assert not client.connected
    assert flipped_bits(watched.before, watched.after) == 1


def test_a_resealed_finished_fails_its_own_check_and_nothing_before(
    meet: Meet, server: openssl.OpenSslServer
) -> None:
    attack = FlipFinishedBit(server.artefacts["key_log"])
    client, peer, watched = meet(attack, server)
    assert attack.applied
    assert client.alert_sent == peer.alert_received == 51
    assert not client.connected
    changed = [
        (before.content_type, before.header == after.header)
        for before, after in zip(records(watched.before), records(watched.after), strict=True)
        if before != after
    ]
    assert changed == [(wire.APPLICATION_DATA, True)]


def test_a_clients_finished_is_resealed_too(
    files: pki.ChainFiles, server: openssl.OpenSslServer, tmp_path: Path
) -> None:
    """The same pair, the other way round: the server stands for the board."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        setup = ClientSetup(listener.getsockname(), files.root, "localhost", utc_seconds=NOW)
        with closing(openssl.connect(setup, tmp_path)) as client:
            attack = FlipFinishedBit(client.artefacts["key_log"])
            client.start()
            peer, _ = listener.accept()
            with (
                peer,
                socket.create_connection(server.address) as board,
                closing(LinkEndpoint(board, carries_end=True)) as endpoint,
                Pump(endpoint, peer, attack),
            ):
                assert not server.await_connected(TIMEOUT_S)
                refusal = server.finish(TIMEOUT_S)
                told = client.finish(TIMEOUT_S)
    assert attack.applied
    assert refusal.alert_sent == told.alert_received == 51


def records(stream: bytes) -> list[wire.Record]:
    return list(wire.RecordSplitter().push(bytes(stream)))


CLIENT_RANDOM = bytes(range(32))
SECRET = bytes(range(32, 64))
CLIENT_HELLO = b"\x16\x03\x01\x00\x26" + b"\x01\x00\x00\x22\x03\x03" + CLIENT_RANDOM
# version, random, no session id, AES_128_GCM, no compression, no extensions
SERVER_HELLO = b"\x02\x00\x00\x28\x03\x03" + bytes(32) + b"\x00\x13\x01\x00\x00\x00"
ENCRYPTED_EXTENSIONS = b"\x08\x00\x00\x02\x00\x00"
EMPTY_MESSAGE = b"\x0e\x00\x00\x00"
FINISHED = b"\x14\x00\x00\x20" + b"\x55" * 32
FLIGHT = ENCRYPTED_EXTENSIONS + EMPTY_MESSAGE + FINISHED


def record(content_type: int, body: bytes) -> bytes:
    return bytes([content_type, 3, 3]) + len(body).to_bytes(2, "big") + body


def sealed(pieces: list[bytes], padding: int) -> bytes:
    keys = keylog.RecordKeys(0x1301, SECRET)
    stream = b""
    for sequence, piece in enumerate(pieces):
        inner = piece + b"\x16" + bytes(padding)
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        stream += header + keys.seal(sequence, header, inner)
    return stream


@pytest.mark.parametrize("padding", [0, 7])
@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 4, 5, 9, 10, 13, 14, 15, 40, len(FLIGHT)])
def test_the_finished_is_found_however_messages_lie_in_records(
    piece_bytes: int, padding: int, tmp_path: Path
) -> None:
    key_log = tmp_path / "log"
    key_log.write_text(keylog.KeyLogLine(keylog.SERVER_HANDSHAKE, CLIENT_RANDOM, SECRET).encode())
    key_log.write_text(key_log.read_text() + "\n")
    pieces = [FLIGHT[i : i + piece_bytes] for i in range(0, len(FLIGHT), piece_bytes)]
    attack = FlipFinishedBit(key_log)
    assert attack.on_bytes(BOARD_TO_PEER, CLIENT_HELLO) == CLIENT_HELLO
    plain = record(wire.HANDSHAKE, SERVER_HELLO) + record(wire.CHANGE_CIPHER_SPEC, b"\1")
    later = record(wire.APPLICATION_DATA, b"under other keys")
    stream = plain + sealed(pieces, padding) + later
    out = b""
    for i in range(0, len(stream), 11):
        out += attack.on_bytes(PEER_TO_BOARD, stream[i : i + 11])
    assert attack.applied
    assert out.startswith(plain)
    assert out.endswith(later)
    keys = keylog.RecordKeys(0x1301, SECRET)
    opened = b""
    for sequence, one in enumerate(records(out)[2:-1]):
        inner = keys.open(sequence, one.header, one.body)
        assert inner.endswith(b"\x16" + bytes(padding))
        opened += inner[: -1 - padding]
    expected = bytearray(FLIGHT)
    expected[-32] ^= 1
    assert opened == bytes(expected)


def test_a_record_cut_by_the_end_of_the_stream_is_forwarded_as_it_is() -> None:
    for attack in (FlipCiphertextBit(), FlipFinishedBit(Path("unused"))):
        assert attack.on_bytes(PEER_TO_BOARD, b"\x17\x03\x03\x00\x05ab") == b""
        assert attack.on_end(PEER_TO_BOARD) == b"\x17\x03\x03\x00\x05ab"
        assert attack.on_end(BOARD_TO_PEER) == b""
