"""A pump carries every byte, in order, both ways, and ends as its sockets do."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from hil.errors import LinkError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Direction, LinkEndpoint, Pump


class Ends:
    """A board's end and a peer's end, to be joined by a pump."""

    def __init__(self, *, carries_end: bool = True) -> None:
        host, self.board = socket.socketpair()
        self.endpoint = LinkEndpoint(host, carries_end=carries_end)
        self.peer_side, self.peer = socket.socketpair()
        for end in (self.board, self.peer):
            end.settimeout(10)

    def close(self) -> None:
        self.endpoint.close()
        for end in (self.board, self.peer, self.peer_side):
            end.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


@pytest.fixture
def uart_ends() -> Iterator[Ends]:
    made = Ends(carries_end=False)
    yield made
    made.close()


def _read_all(end: socket.socket) -> bytes:
    received = bytearray()
    while piece := end.recv(65536):
        received += piece
    return bytes(received)


def _read_exactly(end: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        received += end.recv(size - len(received))
    return bytes(received)


def test_two_megabytes_of_every_byte_value_pass_unchanged_both_ways_at_once(ends: Ends) -> None:
    outward, inward = os.urandom(2_000_000), os.urandom(2_000_001)
    with Pump(ends.endpoint, ends.peer_side) as pump:

        def talk(end: socket.socket, data: bytes) -> None:
            end.sendall(data)
            end.shutdown(socket.SHUT_WR)

        talkers = [
            threading.Thread(target=talk, args=(ends.board, outward)),
            threading.Thread(target=talk, args=(ends.peer, inward)),
        ]
        received: dict[str, bytes] = {}
        listener = threading.Thread(target=lambda: received.update(board=_read_all(ends.board)))
        for thread in [*talkers, listener]:
            thread.start()
        assert _read_all(ends.peer) == outward
        for thread in [*talkers, listener]:
            thread.join()
        assert received["board"] == inward
        assert pump.join(10)
        assert pump.delivered_bytes(BOARD_TO_PEER) == len(outward)
        assert pump.delivered_bytes(PEER_TO_BOARD) == len(inward)


def test_the_transcript_is_what_was_delivered_in_each_direction(ends: Ends) -> None:
    with Pump(ends.endpoint, ends.peer_side) as pump:
        ends.board.sendall(b"question")
        assert _read_exactly(ends.peer, 8) == b"question"
        ends.peer.sendall(b"answer")
        assert _read_exactly(ends.board, 6) == b"answer"
    assert [(chunk.direction, chunk.data) for chunk in pump.transcript] == [
        (BOARD_TO_PEER, b"question"),
        (PEER_TO_BOARD, b"answer"),
    ]
    times = [chunk.at_s for chunk in pump.transcript]
    assert times == sorted(times)


def test_the_end_of_one_direction_leaves_the_other_open(ends: Ends) -> None:
    with Pump(ends.endpoint, ends.peer_side) as pump:
        ends.peer.sendall(b"all")
        ends.peer.shutdown(socket.SHUT_WR)
        assert _read_all(ends.board) == b"all"
        assert pump.ended(PEER_TO_BOARD)
        ends.board.sendall(b"still here")
        assert _read_exactly(ends.peer, 10) == b"still here"
        assert not pump.join(0.05)
        ends.board.shutdown(socket.SHUT_WR)
        assert _read_all(ends.peer) == b""
        assert pump.join(10)


def test_a_uart_hears_no_end_and_serves_the_next_peer(uart_ends: Ends) -> None:
    ends = uart_ends
    with Pump(ends.endpoint, ends.peer_side) as pump:
        ends.peer.sendall(b"one")
        ends.peer.shutdown(socket.SHUT_WR)
        assert _read_exactly(ends.board, 3) == b"one"
        ends.board.sendall(b"reply")
        pump.board_is_done()
        assert _read_all(ends.peer) == b"reply"
        assert pump.join(10)
    next_side, next_peer = socket.socketpair()
    with next_side, next_peer, Pump(ends.endpoint, next_side):
        next_peer.sendall(b"two")
        assert _read_exactly(ends.board, 3) == b"two"


def test_a_board_that_is_done_has_its_last_bytes_delivered_first(ends: Ends) -> None:
    ends.board.sendall(b"x" * 100_000)
    with Pump(ends.endpoint, ends.peer_side) as pump:
        pump.board_is_done()
        assert _read_all(ends.peer) == b"x" * 100_000
        assert pump.ended(BOARD_TO_PEER)


def test_a_board_is_still_drained_when_its_peer_is_gone(ends: Ends) -> None:
    with Pump(ends.endpoint, ends.peer_side) as pump:
        ends.peer.close()
        ends.board.sendall(b"x" * 2_000_000)
        assert not pump.join(0)
        ends.board.shutdown(socket.SHUT_WR)
        assert pump.join(10)


def test_a_board_that_vanishes_ends_its_direction(ends: Ends) -> None:
    with Pump(ends.endpoint, ends.peer_side) as pump:
        ends.board.close()
        assert _read_all(ends.peer) == b""
        assert pump.ended(BOARD_TO_PEER)
        ends.peer.close()
        assert pump.join(10)


class FlipThird:
    """Flips a bit of the third byte from the peer, having held back the first two."""

    def __init__(self) -> None:
        self.held = b""

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        if direction == BOARD_TO_PEER:
            return data
        self.held += data
        if len(self.held) < 3:
            return b""
        out = self.held[:2] + bytes([self.held[2] ^ 1]) + self.held[3:]
        self.held = b""
        return out

    def on_end(self, direction: Direction) -> bytes:
        return self.held if direction == PEER_TO_BOARD else b""


def test_a_tamper_holds_and_alters_one_direction_only(ends: Ends) -> None:
    with Pump(ends.endpoint, ends.peer_side, FlipThird()) as pump:
        ends.board.sendall(b"abc")
        assert _read_exactly(ends.peer, 3) == b"abc"
        ends.peer.sendall(b"a")
        ends.board.settimeout(0.05)
        with pytest.raises(TimeoutError):
            ends.board.recv(1)
        ends.board.settimeout(10)
        ends.peer.sendall(b"bc")
        assert _read_exactly(ends.board, 3) == b"abb"
    assert pump.delivered_bytes(PEER_TO_BOARD) == 3


def test_what_a_tamper_still_holds_is_delivered_at_the_end(ends: Ends) -> None:
    with Pump(ends.endpoint, ends.peer_side, FlipThird()):
        ends.peer.sendall(b"a")
        ends.peer.shutdown(socket.SHUT_WR)
        assert _read_all(ends.board) == b"a"


class Broken:
    """A tamper with a fault of its own."""

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        raise KeyError("no such record")

    def on_end(self, direction: Direction) -> bytes:
        return b""


def test_what_a_tamper_raises_reaches_the_caller_and_ends_the_peer(ends: Ends) -> None:
    pump = Pump(ends.endpoint, ends.peer_side, Broken())
    ends.board.sendall(b"x")
    assert _read_all(ends.peer) == b""
    with pytest.raises(KeyError, match="no such record"):
        pump.join(10)
    with pytest.raises(KeyError, match="no such record"), pump:
        pass


def test_closing_stops_a_pump_in_the_middle_and_is_idempotent(ends: Ends) -> None:
    pump = Pump(ends.endpoint, ends.peer_side)
    ends.board.sendall(b"x" * 100)
    pump.close()
    pump.close()
    assert pump.join(0)


def test_sendall_to_a_board_that_takes_nothing_is_an_error_in_time(ends: Ends) -> None:
    with pytest.raises(LinkError, match=r"were not taken within 0\.1 s"):
        ends.endpoint.sendall(b"x" * 10_000_000, timeout_s=0.1)


def test_reading_from_a_board_that_is_gone_says_how_much_came(ends: Ends) -> None:
    ends.board.sendall(b"abc")
    ends.board.close()
    with pytest.raises(LinkError, match="gone after 3 of 5 bytes"):
        ends.endpoint.receive_exactly(5, timeout_s=5)
    with pytest.raises(LinkError, match="gone"):
        ends.endpoint.sendall(b"x")
