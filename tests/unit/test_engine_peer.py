"""Engines: a library in a process of its own, its words and its records made a statement."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hil.errors import PeerError
from hil.peer import PeerEnded, Program
from hil.tlsrig.engine_peer import EnginePeer, engine_arguments
from hil.tlsrig.peers import ClientSetup, Psk, ServerSetup

TIMEOUT_S = 10
LISTENING = "import sys; print('listening port=1', flush=True)\n"
MATERIAL = bytes(range(32))
CONNECTED = f"print('connected version=0304 suite=1301 exporter={MATERIAL.hex()}', flush=True)\n"
ENDED = (
    "print('ended alert_sent=-1 alert_received=40 close_sent=1 close_received=0 '"
    "'reason=so_it_goes', flush=True)\n"
)

Engine = Callable[..., EnginePeer]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return what starts a server whose engine is a few lines of Python."""
    made: list[EnginePeer] = []

    def start(lines: str, connections: int = 1) -> EnginePeer:
        setup = ServerSetup(None, connections=connections)
        peer = EnginePeer(
            "doll", Program(sys.executable, "1"), setup, tmp_path, arguments=["-c", lines]
        )
        made.append(peer)
        peer.start()
        return peer

    yield start
    for peer in made:
        peer.close()


def test_what_it_says_becomes_its_statement(engine: Engine) -> None:
    peer = engine(LISTENING + CONNECTED + "print('data bytes=616263', flush=True)\n" + ENDED)
    assert peer.address == ("127.0.0.1", 1)
    assert peer.await_connected(TIMEOUT_S)
    assert peer.echo(2, TIMEOUT_S) == b"ab"
    assert peer.echo(1, TIMEOUT_S) == b"c"
    with pytest.raises(PeerEnded, match="at its end before 1 bytes"):
        peer.echo(1, TIMEOUT_S)
    said = peer.finish(TIMEOUT_S)
    assert (said.witness, said.connected, said.version) == ("doll", True, "TLSv1.3")
    assert (said.suite, said.exporter) == ("TLS_AES_128_GCM_SHA256", MATERIAL)
    assert (said.alert_sent, said.alert_received) == (None, 40)
    assert (said.close_sent, said.close_received) == (True, False)
    assert said.reason == "so it goes"


def test_a_handshake_that_fails_is_no_connection(engine: Engine) -> None:
    peer = engine(LISTENING + ENDED)
    assert not peer.await_connected(TIMEOUT_S)
    said = peer.finish(TIMEOUT_S)
    assert not said.connected
    assert (said.exporter, said.version, said.resumed) == (None, None, None)


def test_every_connection_has_a_statement_of_its_own(engine: Engine) -> None:
    peer = engine(LISTENING + ENDED + CONNECTED + ENDED, connections=2)
    assert not peer.await_connected(TIMEOUT_S)
    assert not peer.finish(TIMEOUT_S).connected
    peer.next_connection()
    assert peer.await_connected(TIMEOUT_S)
    assert peer.finish(TIMEOUT_S).connected


def test_a_crash_of_the_library_is_the_peers_error(engine: Engine) -> None:
    peer = engine(LISTENING + "import os; os.abort()\n")
    with pytest.raises(PeerError, match="peer doll was killed by SIGABRT") as caught:
        peer.await_connected(TIMEOUT_S)
    assert not isinstance(caught.value, PeerEnded)


def test_an_engine_that_hangs_is_named_and_killed(engine: Engine) -> None:
    peer = engine(LISTENING + "import time; time.sleep(600)\n")
    pid = peer.pid
    with pytest.raises(PeerError, match=r"waiting 0\.2 s for the end of its handshake"):
        peer.await_connected(0.2)
    peer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("lines", ["print('hello', flush=True)\n", "raise SystemExit(1)\n"])
def test_anything_else_is_no_verdict(engine: Engine, lines: str) -> None:
    peer = engine(LISTENING + lines)
    with pytest.raises(PeerError, match="the end of its handshake"):
        peer.await_connected(TIMEOUT_S)


def test_its_word_is_held_against_its_own_records(engine: Engine, tmp_path: Path) -> None:
    hello = bytes.fromhex("0303" + "11" * 32 + "00" + "1302" + "00")
    message = b"\x02" + len(hello).to_bytes(3, "big") + hello
    record = b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message
    peer = engine(LISTENING + CONNECTED + ENDED)
    (tmp_path / "doll-server.wire").write_text(f"> {record.hex()}\n", "ascii")
    assert peer.await_connected(TIMEOUT_S)
    with pytest.raises(PeerError, match="says version 0x0304, but its ServerHello 0x0303"):
        peer.finish(TIMEOUT_S)


def test_what_an_engine_is_told_are_code_points_and_files(tmp_path: Path) -> None:
    setup = ClientSetup(
        ("127.0.0.1", 5),
        None,
        "localhost",
        suites=("TLS_AES_128_GCM_SHA256", "TLS_PSK_WITH_AES_128_CCM_8"),
        groups=("x25519",),
        psk=Psk("me", b"\x01\x02", with_dhe=False),
    )
    given = engine_arguments(setup, tmp_path / "keys", tmp_path / "wire")
    assert {"role=client", "port=5", "server_name=localhost", "versions=0304"} <= set(given)
    assert {"suites=1301,c0a8", "groups=001d"} <= set(given)
    assert {"psk=0102", "psk_identity=me", "psk_with_dhe=0", "psk_hash=sha256"} <= set(given)
    assert not [word for word in given if word.startswith(("root", "chain", "signatures"))]


def test_a_client_connects_and_says_goodbye_when_it_is_told(tmp_path: Path) -> None:
    """By the engine of a real library, whose handshake comes to nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        setup = ClientSetup(address, None, "localhost")
        engine = ["-m", "hil.tlsrig.engines.pyopenssl"]
        program = Program(sys.executable, "1")
        with closing(EnginePeer("p", program, setup, tmp_path, arguments=engine)) as peer:
            peer.start()
            connected, _ = listener.accept()
            with connected:
                assert connected.recv(5)[:1] == b"\x16"
                connected.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # handshake_failure
            assert not peer.await_connected(TIMEOUT_S)
            said = peer.finish(TIMEOUT_S)
    assert said.alert_received == 40
    assert not said.close_received
