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
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hil import build
from hil.cli import main
from hil.errors import MissingTool
from hil.link import Pump

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
    for name in ("secure_echo", "farm_job"):
        booted.install(name, (EXAMPLE / f"{name}.py").read_text())
    return booted


def options() -> dict[str, Any]:
    key = (IDENTITY.encode(), bytes.fromhex(KEY))
    lines = tuple(line.encode() + b"\n" for line in LINES)
    return {"seed": SEED, "key": key, "lines": lines, "timeout_ms": 30_000}


@needs_openssl
def test_a_board_as_client(board: Any) -> None:
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
                answers = board.call("farm_job:client", options(), timeout_s=WAIT_S)
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
