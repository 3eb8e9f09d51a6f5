"""The examples of examples/echo: every client with every server, on CPython and the unix port.

On boards secure_echo.py runs as a job over the farm's link, against OpenSSL's programs.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hil import build
from hil.cli import main
from hil.datagram_pump import DatagramPump
from hil.errors import MissingTool
from hil.link import Pump
from hil.link_profile import profile_of
from hil.tlsrig import peers

EXAMPLE = Path(__file__).parents[2] / "examples" / "echo"
IDENTITY, KEY = "device 1", bytes(range(16)).hex()
LINES = ["hello", "what is said comes back"]
WAIT_S = 60
HEAP_BYTES = {32: 131_072, 64: 524_288}
SEED = bytes(range(48))
TLS_PROGRAMS = ("secure_echo", "ssl_echo", "aio_echo")

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl program: apt install openssl"
)


@pytest.fixture(scope="module", params=["cpython", "unix"])
def interpreter(request: pytest.FixtureRequest) -> list[str]:
    """Return how a program is run by either Python."""
    if request.param == "cpython":
        return [sys.executable]
    try:
        return [str(build.ensure("unix").path), "-X", "heapsize=1M"]
    except MissingTool as missing:
        pytest.skip(str(missing))


def free_port(kind: str) -> int:
    """Return a port that nobody has, for TCP or UDP."""
    of = socket.SOCK_STREAM if kind == "tls" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, of) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """One of the examples as a process that ends with the test."""

    def __init__(
        self,
        command: list[str],
        name: str,
        role: str,
        kind: str,
        port: int,
        *more: str,
        psk: tuple[str, str] = (IDENTITY, KEY),
    ):
        words = [kind] if name == "secure_echo" else []
        where = ["127.0.0.1", str(port), *psk, *more]
        self.process = subprocess.Popen(
            [*command, f"{name}.py", role, *words, *where],
            cwd=EXAMPLE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if role == "server":
            assert self.process.stdout is not None
            assert self.process.stdout.readline() == "ready\n"

    def said(self) -> list[str]:
        """Return what it says until it ends, which must be well."""
        output, _ = self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == 0, output
        return output.splitlines()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    running: list[Program] = []
    yield running
    for program in running:
        program.process.kill()
        program.process.communicate()


@pytest.fixture(autouse=True)
def _once(hil_target: Any, request: pytest.FixtureRequest) -> None:
    if "board" not in request.fixturenames and hil_target.name != "unix":
        pytest.skip("has nothing to do with boards")


@pytest.mark.parametrize("serving", TLS_PROGRAMS)
def test_every_client_is_answered_by_every_server(
    interpreter: list[str], programs: list[Program], serving: str
) -> None:
    port = free_port("tls")
    server = Program(interpreter, serving, "server", "tls", port, "3")
    programs.append(server)
    for name in TLS_PROGRAMS:
        client = Program(interpreter, name, "client", "tls", port)
        programs.append(client)
        assert client.said() == LINES
    assert server.said() == []


def test_datagrams_are_echoed_as_well(interpreter: list[str], programs: list[Program]) -> None:
    port = free_port("dtls")
    # A session that is renewed is another to the server.
    server = Program(interpreter, "secure_echo", "server", "dtls", port, "2")
    client = Program(interpreter, "secure_echo", "client", "dtls", port)
    programs += [server, client]
    assert client.said() == LINES
    assert server.said() == []


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority and a server `localhost`."""
    folder = tmp_path_factory.mktemp("pki")
    assert main(["certs", "all", "-o", str(folder), "-q"]) == 0
    root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    (folder / "ca.der").write_bytes(root.public_bytes(serialization.Encoding.DER))
    return folder


@pytest.mark.parametrize("name", ["cpython", "unix-mbedtls"])
def test_the_firmwares_own_tls_is_behind_the_same_api(
    programs: list[Program], files: Path, name: str
) -> None:
    try:
        command = [sys.executable]
        if name != "cpython":
            command = [str(build.ensure(name).path), "-X", "heapsize=2M"]
    except MissingTool as missing:
        pytest.skip(str(missing))
    port = free_port("tls")
    chain, key = str(files / "localhost-chain.pem"), str(files / "localhost-key.pem")
    server = Program(command, "secure_echo", "server", "native", port, "1", psk=(chain, key))
    programs.append(server)
    trusted = (str(files / "ca.der"), "localhost")
    client = Program(command, "secure_echo", "client", "native", port, psk=trusted)
    programs.append(client)
    assert client.said() == LINES
    assert server.said() == []


# --- on boards, over the farm's link


@pytest.fixture
def board(hil_target: Any, dut_factory: Any) -> Any:
    """Return a board that has the example."""
    if hil_target.name not in ("unix", "qemu-cortexm"):
        pytest.skip("a claim about boards whose image has tlscore.sockets")
    booted = dut_factory(heap_bytes=HEAP_BYTES[hil_target.word_bits])
    for name in ("secure_echo", "aio_echo", "farm_job"):
        booted.install(name, (EXAMPLE / f"{name}.py").read_text())
    return booted


def options() -> dict[str, Any]:
    key = (IDENTITY.encode(), bytes.fromhex(KEY))
    lines = tuple(line.encode() + b"\n" for line in LINES)
    return {"seed": SEED, "key": key, "lines": lines, "timeout_ms": 30_000}


@needs_openssl
@pytest.mark.parametrize("job", ["client", "aio_client"])
def test_a_board_as_client(board: Any, job: str) -> None:
    port = free_port("tls")
    arguments = ["-accept", f"127.0.0.1:{port}", "-nocert", "-rev"]
    arguments += ["-psk", KEY, "-psk_identity", IDENTITY]
    command = ["openssl", "s_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert b"ACCEPT" in server.stdout.readline() + server.stdout.readline()
            board.reset_link()
            peer = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
            with peer, Pump(board.link, peer):
                answers = board.call(f"farm_job:{job}", options(), timeout_s=WAIT_S)
        finally:
            server.kill()
    assert answers == [line.encode()[::-1] + b"\n" for line in LINES]


@needs_openssl
def test_a_board_as_server(board: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-tls1_3"]
    command += ["-psk", KEY, "-psk_identity", IDENTITY]
    pipe = subprocess.PIPE
    with listener, subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as client:
        try:
            assert client.stdin is not None
            client.stdin.write("\n".join([*LINES, ""]).encode())
            client.stdin.flush()
            board.reset_link()
            with listener.accept()[0] as peer, Pump(board.link, peer):
                job = dict(options(), count=len("".join(LINES)) + len(LINES))
                served = board.call("farm_job:server", job, timeout_s=WAIT_S)
                assert client.stdout is not None
                heard = [client.stdout.readline() for _ in LINES]
        finally:
            client.kill()
    assert heard == [line.encode() + b"\n" for line in LINES]
    assert served == (sum(len(line) + 1 for line in LINES), [])


@needs_openssl
def test_a_board_as_server_with_asyncio(board: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = ["-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-tls1_3", "-quiet"]
        key = ["-psk", KEY, "-psk_identity", IDENTITY]
        with program("openssl", "s_client", *where, "-no_ign_eof", *key) as client:
            assert client.stdin is not None
            client.stdin.write("\n".join([*LINES, ""]).encode())
            client.stdin.close()  # it says close_notify then
            board.reset_link()
            with listener.accept()[0] as peer, Pump(board.link, peer):
                served = board.call("farm_job:aio_server", options(), timeout_s=WAIT_S)
    assert served == sum(len(line) + 1 for line in LINES)


# --- the same over datagrams


@contextmanager
def datagrams(board: Any, server: tuple[str, int] | None) -> Iterator[int]:
    """Carry datagrams between a board and a server, or whoever speaks first; yield the port."""
    board.reset_link()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        with DatagramPump(board.link, port, profile_of("clean"), 0, server=server):
            yield port.getsockname()[1]


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a peer that ends with the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as started:
        try:
            yield started
        finally:
            started.kill()


def await_word(started: subprocess.Popen[bytes], word: bytes) -> None:
    """Read what a program says up to a line with a word in it."""
    assert started.stdout is not None
    for line in started.stdout:
        if word in line:
            return
    raise AssertionError(f"{word!r} was not said")


@pytest.mark.skipif(shutil.which("gnutls-serv") is None, reason="needs gnutls-bin")
def test_a_board_as_client_over_datagrams(board: Any, tmp_path: Path) -> None:
    keys, port = tmp_path / "keys", free_port("dtls")
    keys.write_text(f"{IDENTITY}:{KEY}\n")
    priority = "NORMAL:-VERS-ALL:+VERS-DTLS1.2:+AES-128-CCM-8:+PSK"
    where = ["--udp", "--port", str(port), "--echo", "--priority", priority]
    with program("gnutls-serv", *where, "--pskpasswd", str(keys)) as server:
        await_word(server, b"IPv4")
        with datagrams(board, ("127.0.0.1", port)):
            job = dict(options(), dtls=0x0303)
            answers = board.call("farm_job:client", job, timeout_s=WAIT_S)
    assert answers == [line.encode() + b"\n" for line in LINES]


@needs_openssl
def test_a_board_as_server_over_datagrams(board: Any) -> None:
    with datagrams(board, None) as port:
        where = ["-connect", f"127.0.0.1:{port}", "-dtls1_2", "-quiet"]
        suites = ["-cipher", "ALL:COMPLEMENTOFDEFAULT@SECLEVEL=0"]
        key = ["-psk", KEY, "-psk_identity", IDENTITY]
        with program("openssl", "s_client", *where, *suites, *key) as client:
            assert client.stdin is not None
            client.stdin.write("\n".join([*LINES, ""]).encode())
            client.stdin.flush()
            job = dict(options(), dtls=0x0303, count=len("".join(LINES)) + len(LINES))
            served = board.call("farm_job:server", job, timeout_s=WAIT_S)
            await_word(client, LINES[-1].encode())
    assert served == (sum(len(line) + 1 for line in LINES), [])


def wolfssl() -> str:
    """Return wolfSSL's program for DTLS 1.3; skips where it was not asked for."""
    try:
        return str(Path(peers.load("wolfssl").program().path).with_name("wolfssl_dtls13"))
    except MissingTool as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("role", ["client", "server"])
def test_a_board_over_datagrams_of_version_13(board: Any, role: str) -> None:
    key = [f"psk={KEY}", f"psk_identity={IDENTITY}", "suite=TLS13-AES128-GCM-SHA256"]
    job = dict(options(), dtls=0x0304, count=len(b"hello"))
    if role == "client":
        port = free_port("dtls")
        with program(wolfssl(), "server", str(port), *key) as server:
            await_word(server, b"ready")
            with datagrams(board, ("127.0.0.1", port)):
                answers = board.call("farm_job:client", job, timeout_s=WAIT_S)
        assert answers == [line.encode() + b"\n" for line in LINES]
        return
    with datagrams(board, None) as port, program(wolfssl(), "client", str(port), *key) as client:
        assert board.call("farm_job:server", job, timeout_s=WAIT_S) == (len(b"hello"), [])
        await_word(client, b"heard hello")
