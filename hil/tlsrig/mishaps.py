"""What happens to some datagrams of a handshake whatever the link profile: the field's failures.

A mishap knows the records of DTLS 1.2 that travel in the clear, and lets the rest of the link be as
it is. Each is made for one connection, and says whether it has happened: a scenario that its mishap
never met has proved nothing. What this file does not do: tamper with content; what arrives is what
somebody has sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from hil.datagram_frames import Frame
from hil.datagram_pump import STRANGERS
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Direction
from hil.tlsrig import wire

HELLO_VERIFY_REQUEST = 3
SERVER_HELLO_DONE = 14

_HEADER_BYTES = 13
_MESSAGE_HEADER_BYTES = 12
# More than a board of the farm has slots.
_VANISHING = 3
_RANDOM_AT = 12 + 2  # behind the message's header and the version


class Record(NamedTuple):
    """A record of DTLS 1.2 as sent (RFC 6347 §4.1)."""

    content_type: int
    epoch: int
    octets: bytes

    @property
    def message(self) -> int | None:
        """The handshake message in it, None if it is none or cannot be read."""
        is_clear = self.content_type == wire.HANDSHAKE and self.epoch == 0
        return self.octets[_HEADER_BYTES] if is_clear and len(self.octets) > _HEADER_BYTES else None

    @property
    def is_finished(self) -> bool:
        """Whether it is a handshake message under keys: in DTLS 1.2 that is Finished."""
        return self.content_type == wire.HANDSHAKE and self.epoch == 1


def records(datagram: bytes) -> Iterator[Record]:
    """Yield the records of a datagram; nothing of one that is none of DTLS 1.2."""
    while len(datagram) >= _HEADER_BYTES and datagram[1] == 0xFE:
        end = _HEADER_BYTES + int.from_bytes(datagram[11:_HEADER_BYTES], "big")
        yield Record(datagram[0], int.from_bytes(datagram[3:5], "big"), datagram[:end])
        datagram = datagram[end:]


class Mishap:
    """One mishap in one connection: call it as `hil.datagram_pump.Mishap`.

    Attributes:
        applied: it has happened.
        moves_at: from its datagram with this number on the peer is at another address; None: it
            stays.
    """

    def __init__(
        self, change: Callable[[Direction, list[Record]], list[tuple[float, list[Record]]] | None]
    ) -> None:
        """Make one.

        Args:
            change: given the records of a datagram: [(delay in ms, records)] of what arrives in
                its place, once; None as long as it is another datagram.
        """
        self.applied = False
        self.moves_at: int | None = None
        self._change = change

    def __call__(
        self,
        direction: Direction,
        datagram: bytes,
    ) -> list[tuple[float, bytes]] | None:
        """Return what arrives of a datagram, None for whatever the link makes of it."""
        if self.applied:
            return None
        instead = self._change(direction, list(records(datagram)))
        if instead is None:
            return None
        self.applied = True
        return [
            (delay_ms, b"".join(record.octets for record in kept))
            for delay_ms, kept in instead
            if kept
        ]

    def strangers(self, _address: int | None, _datagram: bytes) -> list[Frame]:
        """Return what others than the peer send to the board: nothing."""
        return []


class VanishingClients(Mishap):
    """Clients of other addresses return their cookie and are never heard of again.

    They are more than the board has slots, and come before the peer, whose ClientHello they use:
    until all of them have gone, what it says is lost.
    """

    def __init__(self) -> None:
        super().__init__(lambda _direction, _found: None)
        self._hello = b""
        self._gone = 0

    def __call__(self, direction: Direction, _datagram: bytes) -> list[tuple[float, bytes]] | None:
        """Lose what the peer says for as long as there are others."""
        self.applied = self._gone == _VANISHING
        return [] if direction == PEER_TO_BOARD and not self.applied else None

    def strangers(self, address: int | None, datagram: bytes) -> list[Frame]:
        """Return the ClientHellos of all of them, and of each the one with its cookie."""
        first = next(records(datagram), None)
        if address is None:
            if self._hello or first is None or first.message != wire.CLIENT_HELLO:
                return []
            self._hello = datagram
            return [Frame(STRANGERS + number, datagram) for number in range(_VANISHING)]
        if first is None or first.message != HELLO_VERIFY_REQUEST:
            return []
        # RFC 6347 §4.2.1: behind the message's header a version, then the cookie.
        start = _HEADER_BYTES + _MESSAGE_HEADER_BYTES + 2
        cookie = datagram[start : start + 1 + datagram[start]]
        self._gone += 1
        return [Frame(address, _with_cookie(self._hello, cookie))]


def _with_cookie(hello: bytes, cookie: bytes) -> bytes:
    """Return the second ClientHello of a client, by its first one and the cookie's vector."""
    body = hello[_HEADER_BYTES + _MESSAGE_HEADER_BYTES :]
    at = 2 + 32  # behind version and random: the session id, then the cookie, empty so far
    at += 1 + body[at]
    body = body[:at] + cookie + body[at + 1 :]
    size = len(body).to_bytes(3, "big")
    message = bytes([wire.CLIENT_HELLO]) + size + b"\x00\x01" + bytes(3) + size + body
    # Type and version as they were; epoch 0, number 1.
    return hello[:3] + bytes(7) + b"\x01" + len(message).to_bytes(2, "big") + message


def _without(wanted: Callable[[Record], bool]) -> Mishap:
    """Return the mishap that loses the first such records of a datagram, and nothing else."""

    def change(
        _direction: Direction, found: list[Record]
    ) -> list[tuple[float, list[Record]]] | None:
        kept = [record for record in found if not wanted(record)]
        return None if len(kept) == len(found) else [(0, kept)]

    return Mishap(change)


def lost_hello_verify_request() -> Mishap:
    """Lose the server's first question for a cookie."""
    return _without(lambda record: record.message == HELLO_VERIFY_REQUEST)


def lost_server_hello_done() -> Mishap:
    """Lose the ServerHelloDone alone."""
    return _without(lambda record: record.message == SERVER_HELLO_DONE)


def _lost_final_flight(server: Direction) -> Mishap:
    def change(
        direction: Direction, found: list[Record]
    ) -> list[tuple[float, list[Record]]] | None:
        if direction != server or not any(record.is_finished for record in found):
            return None
        return []

    return Mishap(change)


def lost_final_flight_of_board() -> Mishap:
    """Lose the datagram with the board's Finished, which as a server is the last of all."""
    return _lost_final_flight(BOARD_TO_PEER)


def lost_final_flight_of_peer() -> Mishap:
    """Lose the datagram with the peer's Finished, which as a server is the last of all."""
    return _lost_final_flight(PEER_TO_BOARD)


def change_cipher_spec_after_finished() -> Mishap:
    """Let a change_cipher_spec be overtaken by what follows it."""

    def change(
        _direction: Direction, found: list[Record]
    ) -> list[tuple[float, list[Record]]] | None:
        late = [record for record in found if record.content_type == wire.CHANGE_CIPHER_SPEC]
        kept = [record for record in found if record not in late]
        return [(0, kept), (_LATE_MS, late)] if late else None

    return Mishap(change)


def two_client_hellos() -> Mishap:
    """Let a ClientHello come after one of the same client with another random.

    As from a device that was reset between the two.
    """

    def change(
        _direction: Direction, found: list[Record]
    ) -> list[tuple[float, list[Record]]] | None:
        if not found or found[0].message != wire.CLIENT_HELLO:
            return None
        octets = bytearray(found[0].octets)
        octets[_HEADER_BYTES + _RANDOM_AT] ^= 0xFF
        other = found[0]._replace(octets=bytes(octets))
        return [(0, [other]), (0, found)]

    return Mishap(change)


def client_hello_fragmented() -> Mishap:
    """Do nothing: happen when a ClientHello comes that is not whole."""

    def change(
        _direction: Direction, found: list[Record]
    ) -> list[tuple[float, list[Record]]] | None:
        is_part = any(
            record.message == wire.CLIENT_HELLO and _is_part(record.octets) for record in found
        )
        return [(0, found)] if is_part else None

    return Mishap(change)


def _is_part(octets: bytes) -> bool:
    message = octets[_HEADER_BYTES:]
    return message[1:4] != message[9:12]  # its length, and that of the fragment


def cookie_after_address_change() -> Mishap:
    """Let a client be at another address from its second datagram on."""

    def change(
        direction: Direction, found: list[Record]
    ) -> list[tuple[float, list[Record]]] | None:
        is_hello = any(record.message == wire.CLIENT_HELLO for record in found)
        if direction != PEER_TO_BOARD or not is_hello:
            return None
        hellos.append(0)
        return [(0, found)] if len(hellos) > 1 else None

    hellos: list[int] = []
    made = Mishap(change)
    made.moves_at = 1
    return made


_LATE_MS = 150

MISHAPS: Mapping[str, Callable[[], Mishap]] = {
    "lost-hello-verify-request": lost_hello_verify_request,
    "lost-server-hello-done": lost_server_hello_done,
    "lost-final-flight-of-board": lost_final_flight_of_board,
    "lost-final-flight-of-peer": lost_final_flight_of_peer,
    "change-cipher-spec-after-finished": change_cipher_spec_after_finished,
    "two-client-hellos": two_client_hellos,
    "peer-vanishes": VanishingClients,
    "client-hello-fragmented": client_hello_fragmented,
    "cookie-after-address-change": cookie_after_address_change,
}
