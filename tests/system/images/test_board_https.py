"""The example of examples/https on a board with sockets of its own: lwIP, real TCP/IP, nginx.

The board's network is QEMU's user network, cut off from the host but for one address and port,
10.0.2.100:443, which the farm connects to an nginx on loopback. The credentials are the module
that `hil certs device` makes; they trust an authority that has certified that address.
"""

import hashlib
import runpy
import socket
import tempfile
import time
from pathlib import Path

import pytest

from hil.cli import main
from hil.errors import MissingTool
from hil.link import LinkEndpoint, Pump
from hil.tlsrig.web_server import Identity, WebServer, program

pytestmark = pytest.mark.only_on("mips")

EXAMPLE = Path(__file__).parents[3] / "examples" / "https"
MODULES = ("tls_stream", "https_client", "connect", "board")
ADDRESS = "10.0.2.100"
CARD = "ne2k_isa,iobase=0x300,irq=5,netdev=net"
BODY = bytes(range(251)) * 64
SESSION = """
import network
network.LAN().active(True)
network.LAN().ifconfig("dhcp")
from tlscore.clock import FixedClock
from tlscore.entropy import HmacDrbg
import sys
sys.modules["board"].main({address!r}, 443, HmacDrbg({seed!r}), FixedClock({now}), "/body.bin")
"""


@pytest.fixture
def pki(tmp_path):
    """Return a folder with an authority, a server of that address and a device."""
    assert main(["certs", "all", "-o", str(tmp_path), "-q", "--server-name", ADDRESS]) == 0
    return tmp_path


@pytest.fixture
def web(pki, tmp_path_factory):
    """Return a running nginx that proves itself as that address."""
    try:
        program()
    except MissingTool as missing:
        pytest.skip(str(missing))
    identity = Identity(pki / f"{ADDRESS}-chain.pem", pki / f"{ADDRESS}-key.pem")
    with WebServer(tmp_path_factory.mktemp("web"), identity) as server:
        (server.files / "body.bin").write_bytes(BODY)
        yield server


@pytest.fixture
def board(machine):
    """Return a board at its raw REPL whose network leads to `far`, a socket of ours."""
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/far")
            listener.listen()
            forwarded = f"guestfwd=tcp:{ADDRESS}:443-chardev:far"
            more = ["-chardev", f"socket,id=far,path={folder}/far", "-device", CARD]
            more += ["-netdev", f"user,id=net,restrict=on,{forwarded}"]
            started = machine(more=more, heap_bytes=131_072)
            started.far, _ = listener.accept()
        with started.far:
            yield started.start().raw_repl()


def test_get_and_put_over_the_boards_own_sockets(board, pki, web):
    sources = {name: (EXAMPLE / f"{name}.py").read_text() for name in MODULES}
    credentials = pki / "device_credentials.py"
    assert runpy.run_path(str(credentials))["ANCHORS"]
    board.run("import hil_agent")
    for name, source in {"device_credentials": credentials.read_text(), **sources}.items():
        board.run(f"hil_agent.install(None, {name!r}, {source!r})")
    seed = bytes(range(48))
    link = LinkEndpoint(board.far, carries_end=False)
    with web.connect() as peer, Pump(link, peer):
        said = board.run(SESSION.format(address=ADDRESS, seed=seed, now=int(time.time())))
    digest = hashlib.sha256(BODY).hexdigest()
    assert said.splitlines() == [f"GET 200 {len(BODY)} {digest}", "PUT 201"]
    lines = b"".join(b"reading %d\n" % number for number in reversed(range(20)))
    assert (web.files / "upload" / "readings.txt").read_bytes() == lines
    assert [line.split('"')[1].split()[0] for line in web.requests()] == ["GET", "PUT"]
