"""The link: what carries the bytes under test between a board and its peer.

`LinkEndpoint` is the host's end of a board's link, whatever carries it (a second UART, an inherited
socket; later also frames within a console): always a connected socket, so that whoever uses it can
wait on it. `Pump` is a thread that carries bytes both ways between an endpoint and a peer's socket.

Theory of operation. Each direction is a `_Flow`: source, destination, and the bytes not delivered
yet; while there are too many of those the source is not read. All bytes pass through the pump's
`Tamper`, which sees each direction as a stream and may hold back, change or add bytes. Then they
are in the air for as long as the link's weather says, if there is any. Bytes are counted and
written down as they are delivered, so after all that. The end of a stream travels as
data does: when the last byte has been delivered, the destination is told by shutting down its
sending side. A UART has no such signal (`carries_end=False`): there the end is only noted.

What a board sends is read for as long as the pump lives, even if the peer is gone and it has to be
thrown away: an emulator stands still when nobody reads its UART. The pump ends when both directions
have ended, when its tamper raised, or by `close`.

What it does not do: know what the bytes mean, open or close the two sockets.
"""

from __future__ import annotations

import math
import select
import socket
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, NamedTuple, Protocol

from hil.carrier import Carrier
from hil.errors import LinkError
from hil.stream_weather import StreamWeather

Direction = Literal["board_to_peer", "peer_to_board"]
BOARD_TO_PEER: Direction = "board_to_peer"
PEER_TO_BOARD: Direction = "peer_to_board"

_HIGH_WATER_BYTES = 262_144
_READ_BYTES = 16_384


class Chunk(NamedTuple):
    """Bytes that were delivered together."""

    direction: Direction
    data: bytes
    at_s: float  # of time.monotonic()


class LinkEndpoint:
    """The host's end of a board's link: a connected stream socket in non-blocking mode."""

    def __init__(self, connected: socket.socket, *, carries_end: bool) -> None:
        """Take over a socket.

        Args:
            connected: the socket; `close` closes it.
            carries_end: True when shutting it down tells the board that no more will come; False
                where there is no such signal, or where the link must outlive a peer.
        """
        connected.setblocking(False)
        self.socket = connected
        self.carries_end = carries_end

    def fileno(self) -> int:
        """Return the descriptor, to wait on; -1 when closed."""
        return self.socket.fileno()

    def recv(self, size: int) -> bytes:
        """Return what is there, at most `size` bytes; b"" when the board's end is gone.

        Raises:
            BlockingIOError: there is nothing yet.
        """
        return self.socket.recv(size)

    def receive_exactly(self, size: int, timeout_s: float) -> bytes:
        """Wait for `size` bytes.

        Raises:
            LinkError: the board's end is gone, or not all came within `timeout_s`.
        """
        received = bytearray()
        deadline = time.monotonic() + timeout_s
        while len(received) < size:
            if not _ready(self, select.POLLIN, deadline):
                raise LinkError(f"{len(received)} of {size} bytes came within {timeout_s:g} s")
            piece = self.recv(size - len(received))
            if not piece:
                raise LinkError(f"the board's end is gone after {len(received)} of {size} bytes")
            received += piece
        return bytes(received)

    def sendall(self, data: bytes, timeout_s: float = 10.0) -> None:
        """Send everything.

        Raises:
            LinkError: the board's end is gone, or did not take everything within `timeout_s`.
        """
        view = memoryview(data)
        deadline = time.monotonic() + timeout_s
        while view:
            if not _ready(self, select.POLLOUT, deadline):
                raise LinkError(f"{len(view)} bytes were not taken within {timeout_s:g} s")
            try:
                view = view[self.socket.send(view) :]
            except (BrokenPipeError, ConnectionResetError):
                raise LinkError(f"the board's end is gone before {len(view)} bytes") from None

    def close(self) -> None:
        """Close the socket; idempotent."""
        self.socket.close()


class Tamper(Protocol):
    """Sees both directions of a pump as streams and decides what is delivered."""

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        """Return what to deliver now: `data`, or less (hold the rest), more, or other bytes."""

    def on_end(self, direction: Direction) -> bytes:
        """Return what was held back and is still to be delivered; the source has ended."""


class PassThrough:
    """The tamper that delivers everything as it comes."""

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:  # noqa: ARG002
        """Return `data`."""
        return data

    def on_end(self, direction: Direction) -> bytes:  # noqa: ARG002
        """Return nothing: nothing was held."""
        return b""


class _Flow:
    """One direction of a pump."""

    def __init__(
        self,
        direction: Direction,
        source: socket.socket,
        destination: socket.socket,
        weather: StreamWeather | None,
        *,
        carries_end: bool,
    ) -> None:
        self.direction: Direction = direction
        self.source = source
        self.destination = destination
        self.pending = bytearray()
        self.delivered_bytes = 0
        self.source_ended = False
        self.destination_gone = False
        self.ended = False
        self._carries_end = carries_end
        self._weather = weather
        self._air: deque[tuple[float, bytes]] = deque()

    @property
    def wants_to_read(self) -> bool:
        waiting_bytes = len(self.pending) + sum(len(data) for _, data in self._air)
        return not self.source_ended and waiting_bytes < _HIGH_WATER_BYTES

    @property
    def next_arrival_ms(self) -> float:
        """When the next of what is in the air arrives; never, if there is nothing."""
        return self._air[0][0] if self._air else math.inf

    def read(self, tamper: Tamper, now_ms: float) -> bool:
        """Take what the source has; return False when there is nothing now."""
        try:
            data = self.source.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if data:
            self._send(tamper.on_bytes(self.direction, data), now_ms)
        else:
            self.end_source(tamper, now_ms)
        return bool(data)

    def end_source(self, tamper: Tamper, now_ms: float) -> None:
        """Note that nothing more will come from the source."""
        if not self.source_ended:
            self.source_ended = True
            self._send(tamper.on_end(self.direction), now_ms)

    def arrive(self, now_ms: float) -> None:
        """Have what has been in the air long enough delivered next."""
        while self._air and self._air[0][0] <= now_ms:
            self.pending += self._air.popleft()[1]

    def _send(self, data: bytes, now_ms: float) -> None:
        if self._weather is None:
            self.pending += data
        else:
            self._air += self._weather.carry(now_ms, data)

    def write(self) -> bytes:
        """Deliver what the destination takes, and return it."""
        piece = b""
        if self.destination_gone:
            self.pending.clear()
            self._air.clear()
        elif self.pending:
            try:
                sent = self.destination.send(self.pending)
            except BlockingIOError:
                sent = 0
            except (BrokenPipeError, ConnectionResetError):
                self.destination_gone = True
                return self.write()
            piece = bytes(self.pending[:sent])
            del self.pending[:sent]
            self.delivered_bytes += sent
        if self.source_ended and not self.pending and not self._air and not self.ended:
            self.ended = True
            if self._carries_end and not self.destination_gone:
                _shut_down(self.destination, socket.SHUT_WR)
        return piece


class Pump(Carrier):
    """Carries bytes between a board's link and a peer's socket until both ways have ended.

    Attributes:
        transcript: what was delivered.
        began_s: when either end sent its first octet, of time.monotonic(); None until then.

    A context manager: leaving it closes the pump, and raises what its tamper raised. Counts and
    transcript may be read at any time; they are complete when the pump has ended or is closed.
    """

    def __init__(
        self,
        board: LinkEndpoint,
        peer: socket.socket,
        tamper: Tamper | None = None,
        weather: Mapping[Direction, StreamWeather] | None = None,
    ) -> None:
        """Start carrying at once.

        Args:
            board: the board's link; stays open when the pump has ended.
            peer: a connected socket; made non-blocking; the caller closes it after the pump.
            tamper: sees and changes what is carried; nothing is changed when None.
            weather: what makes each direction slow; nothing when None.
        """
        super().__init__("hil-pump")
        peer.setblocking(False)
        self.transcript: list[Chunk] = []
        self.began_s: float | None = None
        self._tamper: Tamper = tamper or PassThrough()
        self._peer = peer
        to_peer, to_board = (
            None if weather is None else weather[direction]
            for direction in (BOARD_TO_PEER, PEER_TO_BOARD)
        )
        self._from_board = _Flow(BOARD_TO_PEER, board.socket, peer, to_peer, carries_end=True)
        self._from_peer = _Flow(
            PEER_TO_BOARD, peer, board.socket, to_board, carries_end=board.carries_end
        )
        self._began_s = time.monotonic()
        self._board_is_done = False
        self._begin()

    def delivered_bytes(self, direction: Direction) -> int:
        """Return how many bytes have been delivered in one direction."""
        return self._flow(direction).delivered_bytes

    def ended(self, direction: Direction) -> bool:
        """Return True when one direction's source has ended and all its bytes were delivered."""
        return self._flow(direction).ended

    def board_is_done(self) -> None:
        """Say that the board's job is over: deliver what it has sent, then end its direction."""
        self._board_is_done = True
        self._rouse()

    def _flow(self, direction: Direction) -> _Flow:
        return self._from_board if direction == BOARD_TO_PEER else self._from_peer

    def _carry_all(self) -> None:
        flows = (self._from_board, self._from_peer)
        while not self._closing and not all(flow.ended for flow in flows):
            self._wait()
            for flow in flows:
                self._carry(flow)

    def _give_up(self) -> None:
        _shut_down(self._peer, socket.SHUT_RDWR)

    def _wait(self) -> None:
        interest = {self._woken.fileno(): select.POLLIN}
        for flow in (self._from_board, self._from_peer):
            if flow.wants_to_read:
                source = flow.source.fileno()
                interest[source] = interest.get(source, 0) | select.POLLIN
            if flow.pending:
                destination = flow.destination.fileno()
                interest[destination] = interest.get(destination, 0) | select.POLLOUT
        poller = select.poll()
        for descriptor, events in interest.items():
            poller.register(descriptor, events)
        # A board that is done has sent everything: look whether there is more, do not wait for it.
        last_look = self._board_is_done and self._from_board.wants_to_read
        next_ms = min(self._from_board.next_arrival_ms, self._from_peer.next_arrival_ms)
        wait_ms = None if next_ms == math.inf else max(0, math.ceil(next_ms - self._now_ms()))
        ready = poller.poll(0 if last_look else wait_ms)
        if any(descriptor == self._woken.fileno() for descriptor, _ in ready):
            self._woken.recv(64)

    def _carry(self, flow: _Flow) -> None:
        if flow.wants_to_read:
            # Asked before reading: what a board sends before it is done is there by then.
            is_done = flow is self._from_board and self._board_is_done
            got_data = flow.read(self._tamper, self._now_ms())
            if is_done and not got_data:
                flow.end_source(self._tamper, self._now_ms())
            if got_data and self.began_s is None:
                self.began_s = time.monotonic()
        flow.arrive(self._now_ms())
        delivered = flow.write()
        if delivered:
            self.transcript.append(Chunk(flow.direction, delivered, time.monotonic()))

    def _now_ms(self) -> float:
        return (time.monotonic() - self._began_s) * 1000


def _ready(endpoint: LinkEndpoint, event: int, deadline: float) -> bool:
    poller = select.poll()
    poller.register(endpoint.fileno(), event)
    return bool(poller.poll(max(0.0, deadline - time.monotonic()) * 1000))


def _shut_down(connected: socket.socket, how: int) -> None:
    with suppress(OSError):  # it has been reset or closed in the meantime: it knows already
        connected.shutdown(how)
