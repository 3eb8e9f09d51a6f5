"""Boots MicroPython's unix port: a process of this machine, the fastest board there is.

It has no raw REPL, so the agent runs as its main program: calls and answers travel over one
inherited socket pair, the bytes under test over another, and what a job prints goes to a log file
that nobody has to drain.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from hil import console, process
from hil.agent import ChannelClosed, ChannelTimeout
from hil.boot.agent_board import ProcessBoard
from hil.boot.request import BootRequest
from hil.link import LinkEndpoint

_READ_BYTES = 65_536
# Only frozen code may be imported: the current directory comes first otherwise.
_PROGRAM = "import sys;sys.path[:]=['.frozen'];import hil_agent;hil_agent.serve({}, {}, {})"


def boot(request: BootRequest) -> ProcessBoard:
    """Start the process; see `hil.boot.boot`."""
    request.refuse_unknown({"heap_bytes"})
    log = console.fresh_log(request.log_dir, "console")
    with ExitStack() as host_ends:
        with ExitStack() as board_ends:
            calls, board_calls = _socket_pair(host_ends, board_ends)
            link, board_link = _socket_pair(host_ends, board_ends)
            # The agent never waits on its link; the mode belongs to what both processes share.
            board_link.setblocking(False)
            board_answers = board_ends.enter_context(board_calls.dup())
            inherited = [end.fileno() for end in (board_calls, board_answers, board_link)]
            output = board_ends.enter_context(log.open("ab"))
            child = process.supervised(
                _command(request, inherited), stdout=output, stderr=output, pass_fds=inherited
            )
        host_ends.callback(process.stop, child, grace_s=0)
        board = UnixPortBoard(request, child, SocketChannel(calls), link, log)
        host_ends.callback(board.close)
        board.verify()
        host_ends.pop_all()
    return board


class SocketChannel:
    """A `hil.agent.Channel` over a socket to `hil_agent.serve`."""

    def __init__(self, connected: socket.socket, *, step_timeout_s: float = 5.0) -> None:
        """Take over the host's end."""
        self._socket = connected
        self._step_timeout_s = step_timeout_s

    def submit(self, token: str, function: str, arguments: tuple[object, ...]) -> None:
        """Send one call; see `hil.agent.Channel`."""
        self._socket.settimeout(self._step_timeout_s)
        try:
            self._socket.sendall(f"{token}\n{(function, arguments)!r}\n".encode())
        except TimeoutError:
            raise ChannelTimeout("the agent takes no call") from None
        except (BrokenPipeError, ConnectionResetError):
            raise ChannelClosed("the agent is gone") from None

    def receive(self, timeout_s: float) -> bytes:
        """Return what the agent said; see `hil.agent.Channel`."""
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            return b""
        except ConnectionResetError:
            data = b""
        if not data:
            raise ChannelClosed("the agent is gone")
        return data

    def settle(self) -> None:
        """Do nothing: after an answer the agent waits for the next call."""

    def close(self) -> None:
        """Close the socket; idempotent."""
        self._socket.close()


class UnixPortBoard(ProcessBoard):
    """A running unix port."""

    program = "micropython"

    def __init__(
        self,
        request: BootRequest,
        child: process.Child,
        channel: SocketChannel,
        link: socket.socket,
        log: Path,
    ) -> None:
        """Take over the child and the host's ends of its sockets."""
        # The link outlives a peer: the next job on this board uses it again.
        endpoint = LinkEndpoint(link, carries_end=False)
        super().__init__(request, child=child, channel=channel, link=endpoint, console_log=log)
        self._channel = channel

    def close(self) -> None:
        """End the process and close its sockets; see `hil.boot.Board`."""
        super().close()
        self._channel.close()


def _socket_pair(
    host_ends: ExitStack, board_ends: ExitStack
) -> tuple[socket.socket, socket.socket]:
    host, board = socket.socketpair()
    return host_ends.enter_context(host), board_ends.enter_context(board)


def _command(request: BootRequest, inherited: Sequence[int]) -> list[str]:
    micropython = str(request.firmware.path)
    program = _PROGRAM.format(*inherited)
    return [micropython, "-X", f"heapsize={request.heap_bytes}", "-c", program]
