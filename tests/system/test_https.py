"""The example of examples/https on boards, over the farm's link, against a real nginx.

On a process a body has 1 MB, on an emulated board, which takes seconds for each ten kilobytes of
AES in Python, 64 KB. `HIL_HTTPS_BYTES=1048576` gives every board the megabyte, and minutes.
Certificates are what `hil certs` makes. A board with sockets of its own is
tests/system/images/test_board_https.py; the client by itself is tests/unit/test_https_example.py.
"""

import hashlib
import io
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hil.cli import main
from hil.errors import JobFailed, MissingTool, PeerError
from hil.link import Pump
from hil.tlsrig.web_server import Identity, WebServer, program

EXAMPLE = Path(__file__).parents[2] / "examples" / "https"
MODULES = ("tls_stream", "https_client", "connect", "farm_job")
SEED = bytes(range(48))
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
MEGABYTE = 1 << 20
TIMEOUT_S = 6000
# What they are tried with: a board's default, which is also the smallest of a board with 64 KB.
HEAP_BYTES = {32: 65_536, 64: 262_144}

pytestmark = pytest.mark.timeout(TIMEOUT_S)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Return a folder with an authority, a server `localhost` and a device, of P-256."""
    folder = tmp_path_factory.mktemp("pki")
    assert main(["certs", "all", "-o", str(folder), "-q"]) == 0
    return folder


@pytest.fixture(scope="module")
def web(pki, tmp_path_factory):
    """Return a running nginx that knows the device's authority."""
    try:
        program()
    except MissingTool as missing:
        pytest.skip(str(missing))
    chain, key = pki / "localhost-chain.pem", pki / "localhost-key.pem"
    with WebServer(tmp_path_factory.mktemp("web"), Identity(chain, key, pki / "ca.pem")) as server:
        yield server


@pytest.fixture(scope="module")
def device(pki):
    """Return the module of credentials that a board would have frozen."""
    return runpy.run_path(str(pki / "device_credentials.py"))


@pytest.fixture
def body(hil_target, web):
    """Return a body of the size this board is tried with; nginx serves it as `body.bin`."""
    size = MEGABYTE if hil_target.name == "unix" else 65_536
    size = int(os.environ.get("HIL_HTTPS_BYTES", size))
    made = pattern(size)
    (web.files / "body.bin").write_bytes(made)
    return made


@pytest.fixture
def importable(monkeypatch):
    """Let the example be imported as its users do, from its folder."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def board(hil_target, dut_factory):
    """Return a board that has the example."""
    if hil_target.name == "qemu-mips" and "HIL_HTTPS_BYTES" not in os.environ:
        pytest.skip("tried with sockets of its own: tests/system/images/test_board_https.py")
    heap_bytes = HEAP_BYTES[hil_target.word_bits]
    if hil_target.ram_bytes is not None and hil_target.ram_bytes <= heap_bytes:
        pytest.skip(f"{hil_target.name} has no room to compile the example: freeze it")
    booted = dut_factory(heap_bytes=heap_bytes)
    for name in MODULES:
        booted.install(name, (EXAMPLE / f"{name}.py").read_text())
    return booted


def pattern(size):
    """Return what farm_job.Pattern says."""
    table = bytes(range(256)) * 2
    blocks = [table[n % 256 : n % 256 + 256] for n in range(size // 256 + 1)]
    return b"".join(blocks)[:size]


def run(board, web, device, *requests, versions=None, proves_itself=False, host="localhost"):
    """Let the board make requests over one connection; return what the job says."""
    options = {
        "host": host,
        "anchors": device["ANCHORS"],
        "certificates": device["CERTIFICATES"],
        "private_key": device["PRIVATE_KEY"] if proves_itself else None,
        "seed": SEED,
        "utc_seconds": int(time.time()),
        "timeout_ms": 60_000,
        "versions": versions,
        "requests": requests,
    }
    board.reset_link()
    with web.connect() as peer, Pump(board.link, peer):
        return board.call("farm_job:job", options, timeout_s=TIMEOUT_S / 3)


def test_a_body_is_fetched_and_stored_over_one_connection(board, web, device, body, hil_target):
    size = len(body)
    (web.files / "upload" / "put.bin").unlink(missing_ok=True)
    requests = [("GET", "/body.bin", 0, False), ("PUT", "/upload/put.bin", size, False)]
    result = run(board, web, device, *requests)
    assert result["version"] == TLS_1_3
    (fetched, stored) = result["responses"]
    assert fetched[:4] == (200, size, hashlib.sha256(body).digest(), True)
    assert stored[:2] == (201, 0)
    written = (web.files / "upload" / "put.bin").read_bytes()
    assert hashlib.sha256(written).digest() == hashlib.sha256(body).digest()
    times = [f"{row[4]} ms" for row in result["responses"]]
    print(f"{hil_target.name}: {size} bytes, GET and PUT by its own clock: {' '.join(times)}")


def test_chunks_come_and_go_and_errors_leave_the_connection_usable(board, web, device):
    body = pattern(5000)
    (web.files / "chunked.bin").write_bytes(body)
    before = len(web.requests())
    result = run(
        board,
        web,
        device,
        ("GET", "/chunked/chunked.bin", 0, False),
        ("GET", "/nowhere", 0, False),
        ("PUT", "/no-place-for-uploads.bin", 3000, True),
        ("PUT", "/upload/chunked.bin", 5000, True),
        ("GET", "/upload/chunked.bin", 0, False),
    )
    expected = (200, 5000, hashlib.sha256(body).digest(), True)
    assert [row[0] for row in result["responses"]] == [200, 404, 405, 201, 200]
    assert result["responses"][0][:4] == expected
    assert result["responses"][4][:4] == expected
    # That the first came in chunks only nginx can tell: it counts them with what is around them.
    sizes = [int(line.split('" ')[1].split()[1]) for line in web.requests()[before:]]
    assert sizes[0] > 5000 == sizes[4]
    (web.files / "upload" / "chunked.bin").unlink()


def test_a_server_may_end_the_connection_and_must_have_the_right_name(board, web, device):
    (web.files / "small.bin").write_bytes(b"small")
    result = run(board, web, device, ("GET", "/once/small.bin", 0, False))
    assert result["responses"][0][:2] == (200, 5)
    assert result["responses"][0][3] is False
    with pytest.raises(JobFailed, match=r"certificate\.name_mismatch"):
        run(board, web, device, ("GET", "/small.bin", 0, False), host="other.example")


class TestOnAProcess:
    """What needs no board of its own: the process says it in no time."""

    @pytest.fixture(autouse=True)
    def _only_there(self, hil_target):
        if hil_target.name != "unix":
            pytest.skip("tried on the process alone")

    def test_tls_1_2(self, board, web, device):
        body = pattern(20_000)
        (web.files / "twelve.bin").write_bytes(body)
        fetch = ("GET", "/twelve.bin", 0, False)
        result = run(board, web, device, fetch, versions=(TLS_1_2,))
        assert result["version"] == TLS_1_2
        assert result["responses"][0][:3] == (200, len(body), hashlib.sha256(body).digest())

    @pytest.mark.parametrize("versions", [None, (TLS_1_2,), (TLS_1_3, TLS_1_2)])
    def test_a_device_certificate_opens_what_is_private(self, board, web, device, versions):
        (web.files / "secret.bin").write_bytes(b"secret")
        fetch = ("GET", "/private/secret.bin", 0, False)
        refused = run(board, web, device, fetch, versions=versions)
        assert refused["responses"][0][0] == 403
        opened = run(board, web, device, fetch, versions=versions, proves_itself=True)
        assert opened["responses"][0][:2] == (200, 6)

    def test_a_server_that_falls_silent_is_noticed(self, board, web, device):
        with web.connect() as peer, Pump(board.link, peer) as pump:
            pump.close()
            options = {"host": "a.example", "anchors": device["ANCHORS"], "certificates": ()}
            options |= {"private_key": None, "seed": SEED, "utc_seconds": int(time.time())}
            options |= {"timeout_ms": 10, "versions": None, "requests": []}
            with pytest.raises(JobFailed, match="ETIMEDOUT"):
                board.call("farm_job:job", options, timeout_s=30)


class TestAtADesk:
    """examples/https/desk.py, with CPython and its own sockets."""

    @pytest.fixture(autouse=True)
    def _once(self, hil_target):
        if hil_target.name != "unix":
            pytest.skip("has nothing to do with boards")

    def desk(self, pki, *arguments, given=b""):
        argv = [sys.executable, str(EXAMPLE / "desk.py"), *map(str, arguments)]
        argv += ["--ca", str(pki / "ca.pem")]
        return subprocess.run(argv, input=given, capture_output=True, check=False, timeout=120)

    def test_a_megabyte_is_fetched_and_stored(self, pki, web, tmp_path):
        body = pattern(MEGABYTE)
        url = f"https://localhost:{web.address[1]}"
        sent, got = tmp_path / "sent", tmp_path / "got"
        sent.write_bytes(body)
        done = self.desk(pki, "put", f"{url}/upload/desk.bin", sent, "--chunked")
        assert (done.returncode, done.stderr) == (0, b"201\n")
        assert (web.files / "upload" / "desk.bin").read_bytes() == body
        done = self.desk(pki, "get", f"{url}/chunked/upload/desk.bin", "-o", got)
        assert (done.returncode, done.stderr) == (0, b"200\n")
        assert got.read_bytes() == body
        (web.files / "upload" / "desk.bin").unlink()

    def test_standard_input_and_output_do_as_well(self, pki, web):
        url = f"https://localhost:{web.address[1]}/upload/piped.txt"
        assert self.desk(pki, "put", url, given=b"through a pipe").stderr == b"201\n"
        assert self.desk(pki, "get", url).stdout == b"through a pipe"

    def test_a_device_proves_itself(self, pki, web):
        (web.files / "secret.bin").write_bytes(b"secret")
        url = f"https://localhost:{web.address[1]}/private/secret.bin"
        assert self.desk(pki, "get", url).returncode == 1
        identity = ("--cert", pki / "device-chain.pem", "--key", pki / "device-key.pem")
        done = self.desk(pki, "get", url, *identity)
        assert (done.returncode, done.stdout) == (0, b"secret")

    def test_what_goes_wrong_is_said_in_a_line(self, pki, web, tmp_path):
        port = web.address[1]
        output = ("-o", tmp_path / "got")
        for url, said, status in (
            (f"https://localhost:{port}/nowhere", "404", 1),
            ("https://localhost:1/", "localhost:1: ", 1),
            (f"https://127.0.0.2:{port}/", f"127.0.0.2:{port}: ", 1),
        ):
            done = self.desk(pki, "get", url, *output)
            lines = done.stderr.decode().splitlines()
            assert (done.returncode, len(lines)) == (status, 1), done.stderr
            assert lines[0].startswith(said)
            assert not (tmp_path / "got").exists()
        done = self.desk(pki, "put", f"https://localhost:{port}/upload/x", tmp_path / "none")
        assert b"none: " in done.stderr

    def test_a_connection_that_is_cut_is_never_a_short_body(self, pki, web, importable):
        import connect
        import https_client
        import tls_stream

        class Credentials:
            ANCHORS = runpy.run_path(str(pki / "ca_trust.py"))["ANCHORS"]

        class Cut(tls_stream.SocketTransport):
            left = 9000

            def readinto(self, buffer):
                count = super().readinto(buffer[: self.left]) if self.left else 0
                self.left -= count
                return count

        from tlscore.clock import SystemClock
        from tlscore.entropy import SystemEntropy
        from tlscore.errors import PeerMisbehaved

        (web.files / "long.bin").write_bytes(pattern(50_000))
        config = connect.configuration("localhost", Credentials, SystemEntropy(), SystemClock())
        stream = connect.over(Cut("localhost", web.address[1]), config)
        response = https_client.HttpClient(stream, "localhost").get("/long.bin")
        with pytest.raises(PeerMisbehaved, match=r"connection\.truncated"):
            response.discard()
        stream.close()


def test_the_board_makes_the_body_that_is_expected(importable):
    import farm_job

    for size in (0, 1, 255, 256, 257, 70_000):
        made, buffer, source = io.BytesIO(), bytearray(1000), farm_job.Pattern(size)
        while count := source.readinto(memoryview(buffer)):
            made.write(buffer[:count])
        assert made.getvalue() == pattern(size)


def test_nothing_of_the_server_is_left(pki, tmp_path):
    try:
        program()
    except MissingTool as missing:
        pytest.skip(str(missing))
    identity = Identity(pki / "localhost-chain.pem", pki / "localhost-key.pem")
    with WebServer(tmp_path, identity) as server:
        with server.connect():
            pass
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        assert not children.exists() or children.read_text() == ""
    assert server.process.poll() is not None
    with pytest.raises(PeerError, match="ended with exit status"):
        server.connect()
