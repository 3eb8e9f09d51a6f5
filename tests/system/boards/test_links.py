"""The bytes under test: every one of them arrives, once and in order."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from hil.boot.agent_board import AgentBoard
from hil.link import LinkEndpoint, Pump

# What only one kind of board can do.
process = pytest.mark.parametrize("board_name", ["unix"])


def test_100_kilobytes_of_every_byte_value_are_echoed_unchanged(board: AgentBoard) -> None:
    data = os.urandom(100_000)
    board.start("hil_agent:echo", len(data))
    near, far = socket.socketpair()
    with near, far, Pump(board.link, near) as pump:
        sender = threading.Thread(target=far.sendall, args=(data,))
        sender.start()
        received = bytearray()
        far.settimeout(60)
        while len(received) < len(data):
            received += far.recv(65536)
        sender.join()
        assert board.wait(60) == len(data)
        assert bytes(received) == data
    assert pump.delivered_bytes("board_to_peer") == len(data)
    assert pump.delivered_bytes("peer_to_board") == len(data)


def test_a_board_that_sends_ahead_of_its_peer_waits_and_loses_nothing(board: AgentBoard) -> None:
    size = 400_000
    board.start("jobs:send", size)
    received = board.link.receive_exactly(size, 60)
    assert board.wait(60) == size
    assert received == (bytes(range(256)) * (size // 256 + 1))[:size]


def test_the_link_is_empty_after_a_reset_whatever_was_left_on_it(board: AgentBoard) -> None:
    # More would not fit into the socket: an emulated UART sends every byte as a message.
    assert board.call("jobs:send", 200, timeout_s=30) == 200
    board.link.sendall(b"left behind" * 100)
    board.reset_link()
    board.start("hil_agent:echo", 3)
    board.link.sendall(b"new")
    assert board.link.receive_exactly(3, 10) == b"new"
    assert board.wait(10) == 3


@process
def test_its_link_reads_none_when_nothing_is_there(board: AgentBoard) -> None:
    assert isinstance(board.link, LinkEndpoint)
    board.install("peek", "def peek(link): return link.readinto(bytearray(4))")
    assert board.call("peek:peek", timeout_s=10) is None
    board.link.sendall(b"ab")
    assert board.call("peek:peek", timeout_s=10) == 2
