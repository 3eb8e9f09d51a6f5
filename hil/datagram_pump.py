"""Carries datagrams between a board's link and a peer's UDP port, through the weather of a profile.

Theory of operation. One thread owns both sides. Whatever an end sends is given to the weather of
its direction, which says what arrives of it and when; that waits in a heap until it is due. A
board's frames come over its stream (`hil.datagram_frames`); datagrams for the board are put into
that stream whole, and wait there while the board is busy: up to `_BOARD_QUEUE_BYTES`, what comes
then is lost and counted, as in any receive buffer. On the peer's side is one UDP socket on
loopback. A peer in the server's role is known by its address from the start; one in the client's
role is whoever sends first, and every further address gets the next number.

The weather lasts until both ends have said that their handshake is over: the board in a control
frame, the peer to its supervisor, who calls `peer_is_connected`. Then the link is calm, the board
is told to begin with its data, and `handshake_ms` is known. So no data is lost, and nobody has to
send any twice.

What it does not do: know what is in a datagram, or open and close the board's link.
"""

from __future__ import annotations

import heapq
import select
import socket
import time
from collections.abc import Callable
from typing import Protocol

from hil.carrier import Carrier
from hil.datagram_frames import BEGIN, CONNECTED, CONTROL, Deframer, Frame
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk, Direction, LinkEndpoint
from hil.link_profile import Account, LinkProfile, Weather

_READ_BYTES = 65_536
_BOARD_QUEUE_BYTES = 65_536

# Addresses of the board's other ends from here on are nobody's port: a mishap speaks for them.
STRANGERS = 200

Address = tuple[str, int]


class Mishap(Protocol):
    """Treats some datagrams in its own way.

    Attributes:
        moves_at: from its datagram with this number on the peer is at another address, for the
            board; None: it stays where it is.
    """

    moves_at: int | None

    def __call__(self, direction: Direction, datagram: bytes) -> list[tuple[float, bytes]] | None:
        """Return [(delay in ms, datagram)] of what arrives, None for what the weather leaves.

        Args:
            direction: of the datagram.
            datagram: its octets.
        """

    def strangers(self, address: int | None, datagram: bytes) -> list[Frame]:
        """Return what others than the peer send to the board now.

        Args:
            address: of the stranger that the board has sent this to, STRANGERS or more; None when
                it is the peer that has sent it.
            datagram: its octets.
        """


class DatagramPump(Carrier):
    """Carries datagrams until it is closed; a context manager.

    Attributes:
        transcript: every datagram that was delivered.
        handshake_ms: from the first datagram until both ends had said that they were connected;
            None until then.
    """

    def __init__(
        self,
        board: LinkEndpoint,
        peer: socket.socket,
        profile: LinkProfile,
        seed: int,
        *,
        server: Address | None = None,
        mishap: Mishap | None = None,
        tape: Callable[[Direction, bytes], object] | None = None,
    ) -> None:
        """Start carrying at once.

        Args:
            board: the board's link; stays open.
            peer: a bound UDP socket; made non-blocking; the caller closes it after the pump.
            profile: the network between them.
            seed: fixes what chance does.
            server: where a peer in the server's role listens; None for one in the client's role.
            mishap: treats some datagrams in its own way.
            tape: told every frame that goes over the board's link when it is whole, in an order in
                which they can be played back.
        """
        super().__init__("hil-datagrams")
        peer.setblocking(False)
        self.transcript: list[Chunk] = []
        self.handshake_ms: float | None = None
        self._board, self._peer = board.socket, peer
        self._mishap, self._profile, self._seed = mishap, profile, seed
        self._tape = tape
        self._weather: dict[Direction, Weather] = {
            direction: Weather(profile, seed, direction)
            for direction in (BOARD_TO_PEER, PEER_TO_BOARD)
        }
        self._addresses: list[Address] = [] if server is None else [server]
        self._is_open = server is None
        self._frames = Deframer()
        self._to_board = bytearray()
        self._air: list[tuple[float, int, Direction, Frame]] = []
        self._order = 0
        self._began_s: float | None = None
        self._board_connected = self._peer_connected = False
        self._board_has_ended = False
        self._begin()

    def account(self) -> Account:
        """Return what the link has done so far."""
        to_peer, to_board = (
            self._weather[direction].tally for direction in (BOARD_TO_PEER, PEER_TO_BOARD)
        )
        return Account(self._profile.name, self._seed, self.handshake_ms, to_peer, to_board)

    def peer_is_connected(self) -> None:
        """Say that the peer's handshake is over."""
        self._peer_connected = True
        self._rouse()

    def _give_up(self) -> None:
        """Do nothing: a UDP port has no end by which the peer could notice."""

    def _carry_all(self) -> None:
        while not self._closing:
            self._wait()
            self._hear_board()
            self._hear_peer()
            self._add_junk()
            self._deliver()
            self._settle()

    def _now_ms(self) -> float:
        return 0.0 if self._began_s is None else (time.monotonic() - self._began_s) * 1000

    def _wait(self) -> None:
        dues = [self._air[0][0]] if self._air else []
        if self._began_s is not None:
            junk_ms = self._weather[PEER_TO_BOARD].next_junk_ms
            dues += [] if junk_ms is None else [junk_ms]
        timeout_ms = max(0.0, min(dues) - self._now_ms()) if dues else None
        board = (0 if self._board_has_ended else select.POLLIN) | (
            select.POLLOUT if self._to_board else 0
        )
        poller = select.poll()
        for descriptor, events in (
            (self._woken.fileno(), select.POLLIN),
            (self._peer.fileno(), select.POLLIN),
            (self._board.fileno(), board),
        ):
            if events:
                poller.register(descriptor, events)
        ready = poller.poll(timeout_ms)
        if any(descriptor == self._woken.fileno() for descriptor, _ in ready):
            self._woken.recv(64)

    def _hear_board(self) -> None:
        if self._board_has_ended:
            return
        try:
            data = self._board.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self._board_has_ended = not data
        for frame in self._frames.push(data):
            if self._tape is not None:
                self._tape(BOARD_TO_PEER, frame.encode())
            if frame.address == CONTROL:
                self._board_connected |= frame.datagram == CONNECTED
            elif frame.address < len(self._addresses):
                self._carry(BOARD_TO_PEER, frame)
            elif frame.address >= STRANGERS:
                self._let_strangers_speak(frame.address, frame.datagram)

    def _hear_peer(self) -> None:
        while True:
            try:
                datagram, sender = self._peer.recvfrom(_READ_BYTES)
            except BlockingIOError:
                return
            if sender not in self._addresses:
                if not self._is_open:
                    continue
                self._addresses.append(sender)
            self._carry(PEER_TO_BOARD, Frame(self._number_of(sender), datagram))
            self._let_strangers_speak(None, datagram)

    def _let_strangers_speak(self, address: int | None, datagram: bytes) -> None:
        for frame in [] if self._mishap is None else self._mishap.strangers(address, datagram):
            self._put(self._now_ms(), PEER_TO_BOARD, frame)

    def _number_of(self, sender: Address) -> int:
        """Return the number of a sender's address, a new one when it has just moved."""
        moves_at = None if self._mishap is None else self._mishap.moves_at
        if moves_at is not None and self._weather[PEER_TO_BOARD].tally.sent == moves_at:
            self._addresses.append(sender)
        return len(self._addresses) - 1 - self._addresses[::-1].index(sender)

    def _carry(self, direction: Direction, frame: Frame) -> None:
        if self._began_s is None:
            self._began_s = time.monotonic()
        now_ms, weather = self._now_ms(), self._weather[direction]
        arriving = weather.carry(now_ms, frame.datagram)
        if self._mishap is not None:
            instead = self._mishap(direction, frame.datagram)
            if instead is not None:
                arriving = [(now_ms + delay_ms, datagram) for delay_ms, datagram in instead]
        for due_ms, datagram in arriving:
            self._put(due_ms, direction, Frame(frame.address, datagram))

    def _add_junk(self) -> None:
        if self._began_s is None or not self._addresses:
            return
        for datagram in self._weather[PEER_TO_BOARD].junk_until(self._now_ms()):
            self._put(self._now_ms(), PEER_TO_BOARD, Frame(0, datagram))

    def _put(self, due_ms: float, direction: Direction, frame: Frame) -> None:
        self._order += 1
        heapq.heappush(self._air, (due_ms, self._order, direction, frame))

    def _deliver(self) -> None:
        while self._air and self._air[0][0] <= self._now_ms():
            _, _, direction, frame = heapq.heappop(self._air)
            tally = self._weather[direction].tally
            if not self._hand_over(direction, frame):
                tally.lose("receive buffer full")
                continue
            tally.delivered += 1
            self.transcript.append(Chunk(direction, frame.datagram, time.monotonic()))
        self._write()

    def _hand_over(self, direction: Direction, frame: Frame) -> bool:
        if direction == BOARD_TO_PEER:
            try:
                self._peer.sendto(frame.datagram, self._addresses[frame.address])
            except (BlockingIOError, ConnectionRefusedError):
                return False
            return True
        if len(self._to_board) >= _BOARD_QUEUE_BYTES:
            return False
        self._tell_board(frame)
        return True

    def _tell_board(self, frame: Frame) -> None:
        octets = frame.encode()
        self._to_board += octets
        if self._tape is not None:
            self._tape(PEER_TO_BOARD, octets)

    def _write(self) -> None:
        if self._to_board:
            try:
                del self._to_board[: self._board.send(self._to_board)]
            except BlockingIOError:
                pass  # `_wait` waits for room
            except (BrokenPipeError, ConnectionResetError):
                self._to_board.clear()

    def _settle(self) -> None:
        """Let the weather end when both ends are connected."""
        if self.handshake_ms is None and self._board_connected and self._peer_connected:
            self.handshake_ms = self._now_ms()
            for weather in self._weather.values():
                weather.calm = True
            self._tell_board(Frame(CONTROL, BEGIN))
            self._write()
