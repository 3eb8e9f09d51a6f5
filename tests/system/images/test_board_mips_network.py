"""The MIPS image's Ethernet: real TCP/IP with the small segments and window of a router board.

The card is QEMU's; its network is QEMU's user network, cut off from the host but for one address,
10.0.2.100, whose port 4433 ends in a socket of this test. What was on the wire is read from the
dump QEMU keeps, by tshark.
"""

import hashlib
import json
import random
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.only_on("mips")

MSS, WINDOW = 536, 2144
CARD = "ne2k_isa,iobase=0x300,irq=5,netdev=net"
UP = """
import network, socket, hashlib
lan = network.LAN()
lan.active(True)
lan.ifconfig("dhcp")
def connected():
    link = socket.socket()
    link.connect(("10.0.2.100", 4433))
    return link
"""
TAKE = """
def take(link, total):
    buffer = bytearray(1000)
    digest = hashlib.sha256()
    while total:
        n = link.readinto(memoryview(buffer)[:total])
        if n == 0:
            break
        digest.update(memoryview(buffer)[:n])
        total -= n
    return total, digest.digest()
"""


class Wire:
    """A board on the network, the far end of its connection, and the dump."""

    def __init__(self, machine, folder):
        self.dump = folder / "wire.pcap"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "peer"))
        listener.listen()
        forwarded = "guestfwd=tcp:10.0.2.100:4433-chardev:peer"
        more = ["-chardev", f"socket,id=peer,path={folder}/peer"]
        more += ["-netdev", f"user,id=net,restrict=on,{forwarded}", "-device", CARD]
        more += ["-object", f"filter-dump,id=dump,netdev=net,file={self.dump}"]
        self.board = machine(more=more)
        self.peer, _ = listener.accept()
        self.peer.settimeout(30)
        listener.close()
        self.board.start().raw_repl()

    def packets(self, *fields, only="tcp"):
        """Return fields of the packets that were on the wire, in order."""
        argv = ["tshark", "-r", str(self.dump), "-T", "json", "-Y", only]
        for field in fields:
            argv += ["-e", field]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


@pytest.fixture
def wire(machine, tmp_path_factory):
    made = Wire(machine, Path(tmp_path_factory.mktemp("wire")))
    yield made
    made.peer.close()


def test_an_address_is_leased_in_under_a_second_of_the_boards_time(wire):
    taken = wire.board.run(
        "import time\nbegin = time.ticks_ms()\n"
        + UP
        + "print(time.ticks_diff(time.ticks_ms(), begin))"
    )
    assert int(taken) < 1000
    assert wire.board.evaluate("lan.ifconfig()[:2]") == ("10.0.2.15", "255.255.255.0")
    assert wire.board.evaluate("lan.isconnected(), lan.active()") == (True, True)


def test_300_kilobytes_arrive_on_the_board_unchanged(wire):
    payload = random.Random(3).randbytes(300_000)
    wire.board.run(UP + TAKE + "link = connected()")
    sender = threading.Thread(target=wire.peer.sendall, args=(payload,))
    sender.start()
    left, digest = wire.board.evaluate(f"take(link, {len(payload)})")
    sender.join()
    assert (left, digest) == (0, hashlib.sha256(payload).digest())


def test_100_kilobytes_arrive_on_the_host_unchanged(wire):
    expected = b"".join(
        bytes((block * 7 + j * j) & 255 for j in range(500)) for block in range(200)
    )
    wire.board.run(UP + "link = connected()")
    wire.board.send(
        "for block in range(200):\n"
        "    link.write(bytes((block * 7 + j * j) & 255 for j in range(500)))\n"
        "print('sent')"
    )
    got = b""
    while len(got) < len(expected):
        got += wire.peer.recv(65536)
    assert got == expected
    assert wire.board.answer() == ("sent\r\n", "")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="apt-get install tshark")
def test_the_wire_shows_small_segments_and_a_small_window(wire):
    wire.board.run(UP + TAKE + "link = connected()")
    wire.peer.sendall(bytes(20_000))
    wire.board.run("take(link, 20000)\nlink.write(bytes(5000))\nlink.close()")
    board = "ip.src == 10.0.2.15 && tcp"
    first, *_ = wire.packets("tcp.options.mss_val", "tcp.flags.syn", only=board)
    assert first["tcp.options.mss_val"] == [str(MSS)]
    windows = [
        int(p["tcp.window_size_value"][0])
        for p in wire.packets("tcp.window_size_value", only=board)
    ]
    assert max(windows) == WINDOW
    lengths = [int(packet["tcp.len"][0]) for packet in wire.packets("tcp.len")]
    assert max(lengths) == MSS
    assert sum(lengths) >= 25_000


def test_the_board_reaches_nothing_but_its_peer(wire):
    wire.board.run(UP)
    wire.board.send("link = socket.socket()\nlink.settimeout(2)\nlink.connect(('10.0.2.2', 22))")
    assert "OSError" in wire.board.answer()[1]


def test_a_board_without_the_card_says_so(board):
    board.send("import network\nnetwork.LAN()")
    assert "OSError: no Ethernet controller found" in board.answer()[1]


def test_a_soft_reboot_ends_connections_and_the_network_comes_up_again(wire):
    wire.board.run(UP + "link = connected()\nlink.write(b'first')")
    assert wire.peer.recv(100) == b"first"
    wire.board.console.sendall(b"\x04")
    wire.board.until(b"raw REPL; CTRL-B to exit\r\n>")
    wire.board.run(UP + "link = connected()\nlink.write(b'second')")
    assert wire.peer.recv(100) == b"second"


def test_a_lost_segment_is_repeated_while_the_board_sleeps(wire):
    wire.board.run(UP + "import select\nlink = connected()\nlink.write(b'first')\n")
    assert wire.peer.recv(100) == b"first"
    wire.board.qmp("set_link", name="net", up=False)
    wire.board.run("link.write(b'lost')\npoll = select.poll()\npoll.register(link, 1)")
    wire.board.qmp("set_link", name="net", up=True)
    wire.board.send("print(poll.poll(20000))")
    assert wire.peer.recv(100) == b"lost"
    wire.peer.sendall(b"thanks")
    assert wire.board.answer()[0].startswith("[(<socket")


def test_waiting_for_the_network_costs_the_host_nothing(wire):
    def used_ticks():
        fields = Path(f"/proc/{wire.board.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    wire.board.run(
        UP + "import select\nlink = connected()\npoll = select.poll()\npoll.register(link, 1)"
    )
    before = used_ticks()
    assert wire.board.evaluate("poll.poll(1000)") == []
    assert used_ticks() - before < 60
