"""Datagrams go between a board's frames and a peer's port, through weather, until both connect."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from hil.datagram_frames import BEGIN, CONNECTED, CONTROL, Deframer, Frame
from hil.datagram_pump import DatagramPump
from hil.errors import LinkError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Direction, LinkEndpoint
from hil.link_profile import LinkProfile, profile_of

Tape = Callable[[Direction, bytes], object]
LOST = LinkProfile("lost", "everything is lost", loss=1.0)
CLEAN = profile_of("clean")


class Ends:
    """A board's end, and a peer's UDP socket, to be joined by a pump."""

    def __init__(self) -> None:
        host, self.board = socket.socketpair()
        self.endpoint = LinkEndpoint(host, carries_end=False)
        self.transport, self.peer = (udp() for _ in range(2))
        self.board.settimeout(10)
        self._frames = Deframer()
        self._waiting: list[Frame] = []

    def pump(
        self, profile: LinkProfile = CLEAN, *, is_server: bool = True, tape: Tape | None = None
    ) -> DatagramPump:
        server = self.peer.getsockname() if is_server else None
        return DatagramPump(self.endpoint, self.transport, profile, 0, server=server, tape=tape)

    def say(self, datagram: bytes, address: int = 0) -> None:
        self.board.sendall(Frame(address, datagram).encode())

    def hear(self) -> Frame:
        while not self._waiting:
            self._waiting += self._frames.push(self.board.recv(4096))
        return self._waiting.pop(0)

    def close(self) -> None:
        self.endpoint.close()
        for end in (self.board, self.transport, self.peer):
            end.close()


def udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def test_datagrams_keep_their_bounds_both_ways(ends: Ends) -> None:
    with ends.pump() as pump:
        for size in (0, 1, 1400):
            ends.say(bytes(size))
            assert ends.peer.recv(2048) == bytes(size)
        for size in (1400, 0, 1):
            ends.peer.sendto(b"x" * size, ends.transport.getsockname())
            assert ends.hear() == Frame(0, b"x" * size)
        sizes = [(chunk.direction, len(chunk.data)) for chunk in pump.transcript]
    assert sizes == [
        *[(BOARD_TO_PEER, size) for size in (0, 1, 1400)],
        *[(PEER_TO_BOARD, size) for size in (1400, 0, 1)],
    ]


def test_whoever_sends_first_is_the_client_and_others_get_numbers(ends: Ends) -> None:
    with ends.pump(is_server=False), udp() as other:
        ends.peer.sendto(b"one", ends.transport.getsockname())
        assert ends.hear() == Frame(0, b"one")
        other.sendto(b"two", ends.transport.getsockname())
        assert ends.hear() == Frame(1, b"two")
        ends.say(b"for two", 1)
        assert other.recv(100) == b"for two"


def test_nobody_but_the_server_is_heard_by_a_client(ends: Ends) -> None:
    with ends.pump(), udp() as stranger:
        stranger.sendto(b"forged", ends.transport.getsockname())
        ends.peer.sendto(b"genuine", ends.transport.getsockname())
        assert ends.hear() == Frame(0, b"genuine")


def test_the_weather_ends_when_both_are_connected_and_the_board_is_told(ends: Ends) -> None:
    with ends.pump(LOST) as pump:
        ends.say(b"lost")
        ends.say(CONNECTED, CONTROL)
        assert pump.handshake_ms is None
        pump.peer_is_connected()
        assert ends.hear() == Frame(CONTROL, BEGIN)
        assert pump.handshake_ms is not None
        ends.say(b"data")
        assert ends.peer.recv(100) == b"data"
        account = pump.account()
    assert (account.to_peer.sent, account.to_peer.lost, account.to_peer.delivered) == (2, 1, 1)


def test_the_tape_has_what_the_board_said_and_heard_words_and_all(ends: Ends) -> None:
    taped: list[tuple[Direction, bytes]] = []
    with ends.pump(tape=lambda direction, octets: taped.append((direction, octets))) as pump:
        ends.say(b"hello")
        assert ends.peer.recv(100) == b"hello"
        ends.peer.sendto(b"verify", ends.transport.getsockname())
        assert ends.hear() == Frame(0, b"verify")
        pump.peer_is_connected()
        ends.say(CONNECTED, CONTROL)
        assert ends.hear() == Frame(CONTROL, BEGIN)
    assert taped == [
        (BOARD_TO_PEER, Frame(0, b"hello").encode()),
        (PEER_TO_BOARD, Frame(0, b"verify").encode()),
        (BOARD_TO_PEER, Frame(CONTROL, CONNECTED).encode()),
        (PEER_TO_BOARD, Frame(CONTROL, BEGIN).encode()),
    ]


def test_a_frame_is_on_the_tape_when_it_is_whole_though_the_peer_spoke_meanwhile(
    ends: Ends,
) -> None:
    taped: list[tuple[Direction, bytes]] = []
    hello = Frame(0, b"hello").encode()
    with ends.pump(tape=lambda direction, octets: taped.append((direction, octets))):
        ends.board.sendall(hello[:4])
        ends.peer.sendto(b"early", ends.transport.getsockname())
        assert ends.hear() == Frame(0, b"early")
        ends.board.sendall(hello[4:])
        assert ends.peer.recv(100) == b"hello"
    assert taped == [(PEER_TO_BOARD, Frame(0, b"early").encode()), (BOARD_TO_PEER, hello)]


def test_what_is_lost_is_not_on_the_tape(ends: Ends) -> None:
    taped: list[bytes] = []
    with ends.pump(LOST, tape=lambda _direction, octets: taped.append(octets)) as pump:
        ends.peer.sendto(b"lost", ends.transport.getsockname())
        ends.say(CONNECTED, CONTROL)
        pump.peer_is_connected()
        assert ends.hear() == Frame(CONTROL, BEGIN)
    assert taped == [Frame(CONTROL, CONNECTED).encode(), Frame(CONTROL, BEGIN).encode()]


def test_one_end_alone_changes_nothing(ends: Ends) -> None:
    with ends.pump(LOST) as pump:
        pump.peer_is_connected()
        ends.say(b"lost")
        ends.say(b"lost")
        ends.say(CONNECTED, CONTROL)
        assert ends.hear() == Frame(CONTROL, BEGIN)
        assert pump.account().to_peer.lost == 2


def test_junk_comes_to_the_board_alone(ends: Ends) -> None:
    with ends.pump(LinkProfile("junk", "", junk_per_s=1000)) as pump:
        ends.say(b"first")
        assert ends.peer.recv(1000) == b"first"
        assert len([ends.hear() for _ in range(20)]) == 20
        assert pump.account().to_board.junk >= 20
        assert pump.account().to_peer.junk == 0


def test_a_board_that_does_not_read_loses_what_its_buffer_cannot_hold(ends: Ends) -> None:
    with ends.pump() as pump:
        ends.peer.settimeout(None)
        for _ in range(2000):
            ends.peer.sendto(bytes(1400), ends.transport.getsockname())
            ends.say(b"x")  # so that the kernel's own buffer is read in between
            ends.peer.recv(10)
        tally = pump.account().to_board
    assert tally.reasons.keys() == {"receive buffer full"}
    assert tally.delivered + tally.lost <= tally.sent
    assert tally.lost > 1000


def test_a_peer_that_is_gone_is_only_silent(ends: Ends) -> None:
    with ends.pump() as pump:
        ends.peer.close()
        ends.say(b"one")
        ends.say(b"two")
        ends.say(CONNECTED, CONTROL)
        pump.peer_is_connected()
        assert ends.hear() == Frame(CONTROL, BEGIN)
        assert not pump.join(0)


def test_bytes_that_are_no_frames_are_an_error(ends: Ends) -> None:
    pump = ends.pump()
    ends.board.sendall(b"\x00\xff\xff")
    with pytest.raises(LinkError, match="speaks no frames"), pump:
        assert pump.join(10)


def test_frames_are_cut_whatever_the_pieces() -> None:
    frames = [Frame(0, b"abc"), Frame(255, b""), Frame(1, bytes(300))]
    stream = b"".join(frame.encode() for frame in frames)
    deframer = Deframer()
    found = [frame for i in range(len(stream)) for frame in deframer.push(stream[i : i + 1])]
    assert found == frames
