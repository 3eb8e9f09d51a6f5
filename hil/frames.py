"""Frames over a board's one console: the host's half, as a machine without a port or a clock.

The form of a frame and the rules of the exchange are told in hil/ontarget/hil_frames.py, the
board's half. `Exchange` is given what came over the line and the time, and says what is to be sent;
`hil.framed_link` gives it a port.

The host is the master. Whatever is lost on the line, in whatever direction, it notices by waiting:
then it asks (POLL), and the board's answer (STATUS, with the number of that POLL) tells what the
board has of what was sent before the question. So a frame is sent again only when it is known to be
lost, and a board that computes for minutes finds no more in its receive buffer than one frame and a
few questions. The waits between questions double, up to two seconds.

Bytes outside of frames are what the board printed. Of a damaged frame nothing is passed on.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from hil.errors import HilError

SYNC = 0xFE
DATA, TALK, POLL, STATUS, ACK, END, NAK = 1, 2, 3, 4, 5, 6, 7
HEADER_BYTES = 6
OVERHEAD_BYTES = HEADER_BYTES + 4
_CAN_TAKE = 0x80
_FROM_BOARD = frozenset((DATA, TALK, STATUS, END, NAK))

# A line on which this many copies of one frame are lost, or this many frames in a row come damaged,
# carries nothing any more.
_COPIES = 24
_DAMAGED_IN_A_ROW = 60
_LONGEST_WAIT_S = 2.0


class LineFailed(HilError):
    """The line loses or damages too much to carry frames."""


@dataclass
class Arrived:
    """What came over the line: link bytes, pieces of answers, and what the board printed."""

    data: bytearray
    talk: bytearray
    text: bytearray


class Exchange:
    """One session with one board.

    Attributes:
        outgoing: bytes to be sent now; whoever sends them empties it.
        deadline_s: when `tick` has something to do, in the time of its caller.
        damaged: frames that came damaged, so far.
        repeated: frames that were sent again, so far.
        begun: the board's half has been heard of.
        ended: it has ended the session.
    """

    def __init__(
        self, session: int, payload_bytes: int, now_s: float, patience_s: float = 0.15
    ) -> None:
        """Begin a session.

        Args:
            session: as told to the board, 32 bits.
            payload_bytes: most that a frame carries, as told to the board.
            now_s: the time.
            patience_s: how long an answer may take before it is asked for: a few times what a
                frame takes on the line.
        """
        self._session = session
        self._payload_bytes = payload_bytes
        self._patience_s = patience_s
        self.outgoing = bytearray()
        self.deadline_s = now_s + patience_s
        self.damaged = 0
        self.repeated = 0
        self.begun = False
        self.ended = False
        self._wait_s = patience_s
        self._now_s = now_s
        self._heard_s = now_s
        self._incoming = bytearray()
        self._spoiled_bytes = 0
        self._damaged_in_a_row = 0
        self._expected = 0
        self._owes_ack = False
        self._calls = bytearray()
        self._data = bytearray()
        self._on_its_way: tuple[int, bytes] | None = None
        self._copies = 0
        self._seq = 0
        self._board_can_take = False
        self._poll_number = 0
        self._poll_is_open = False
        self._poll_is_younger = False

    @property
    def queued_bytes(self) -> int:
        """Link bytes that are still to be sent."""
        return len(self._data)

    @property
    def is_idle(self) -> bool:
        """Nothing is to be sent or acknowledged."""
        return self._on_its_way is None and not self._calls and not self._data

    def call(self, token: str, text: bytes) -> None:
        """Send a call."""
        self._calls += f"{token} {len(text)}\n".encode() + text
        self._send_next()

    def send(self, data: bytes) -> None:
        """Send link bytes."""
        self._data += data
        self._send_next()

    def end(self) -> None:
        """Ask the board to end the session; `ended` tells that it has."""
        self._send(END, 0)

    def receive(self, data: bytes, now_s: float) -> Arrived:
        """Take what came over the line.

        Raises:
            LineFailed: too much of it is damaged, or what is sent does not arrive.
        """
        self._now_s = now_s
        arrived = Arrived(bytearray(), bytearray(), bytearray())
        self._incoming += data
        while self._take(arrived):
            pass
        self._send_next()
        if self._owes_ack:
            self._send(ACK, 0)
        return arrived

    def tick(self, now_s: float) -> None:
        """Do what is due; nothing before `deadline_s`."""
        self._now_s = now_s
        if now_s < self.deadline_s:
            return
        self._ask()
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
        self.deadline_s = now_s + self._wait_s

    def condition(self) -> str:
        """Say in words how the line has done so far."""
        silent_s = self._now_s - self._heard_s
        return (
            f"frames over the console: {self.damaged} came damaged, {self.repeated} were sent "
            f"again, nothing heard of the board for {silent_s:.1f} s"
        )

    def _take(self, arrived: Arrived) -> bool:
        """Take text or one frame from what has come; return False when more must come first."""
        incoming = self._incoming
        start = incoming.find(SYNC)
        if start:
            end = start if start > 0 else len(incoming)
            self._note_text(arrived, bytes(incoming[:end]))
            del incoming[:end]
            return start > 0
        if len(incoming) < HEADER_BYTES:
            return False
        kind, seq, ack, length, check = incoming[1:HEADER_BYTES]
        known = kind & ~_CAN_TAKE in _FROM_BOARD and length <= self._payload_bytes
        if not known or check != _check(kind, seq, ack, length):
            del incoming[0]
            return True
        size = length + OVERHEAD_BYTES
        if len(incoming) < size:
            return False
        crc = int.from_bytes(incoming[size - 4 : size], "little")
        if zlib.crc32(incoming[1 : size - 4], self._session) != crc:
            self._note_damage(size)
            return True
        payload = bytes(incoming[HEADER_BYTES : HEADER_BYTES + length])
        del incoming[:size]
        self._spoiled_bytes = max(0, self._spoiled_bytes - size)
        self._obey(kind, seq, ack, payload, arrived)
        return True

    def _note_text(self, arrived: Arrived, text: bytes) -> None:
        spoiled = min(self._spoiled_bytes, len(text))
        self._spoiled_bytes -= spoiled
        arrived.text += text[spoiled:]

    def _note_damage(self, size: int) -> None:
        del self._incoming[0]
        self._spoiled_bytes = size - 1
        self.damaged += 1
        self._damaged_in_a_row += 1
        if self._damaged_in_a_row > _DAMAGED_IN_A_ROW:
            raise LineFailed(
                f"{self._damaged_in_a_row} frames in a row came damaged: look at cable and baud"
            )
        self._ask_once()

    def _obey(self, kind: int, seq: int, ack: int, payload: bytes, arrived: Arrived) -> None:
        self._damaged_in_a_row = 0
        self._heard_s = self._now_s
        self._wait_s = self._patience_s
        self.begun = True
        can_take, kind = bool(kind & _CAN_TAKE), kind & ~_CAN_TAKE
        if self._on_its_way is not None and ack == (self._seq + 1) & 0xFF:
            self._on_its_way = None
            self._copies = 0
            self._seq = ack
        if self._on_its_way is None and ack == self._seq:
            self._board_can_take = can_take
        self.deadline_s = self._now_s + self._patience_s * (4 if self.is_idle else 1)
        if kind == STATUS and seq and seq == self._poll_number:
            self._poll_is_open = False
            if self._on_its_way is not None and self._poll_is_younger:
                self._repeat()
        elif kind == NAK:
            self._ask_once()
        elif kind == END:
            self.ended = True
        elif kind in (DATA, TALK):
            self._owes_ack = True
            if seq == self._expected:
                self._expected = (seq + 1) & 0xFF
                (arrived.data if kind == DATA else arrived.talk).extend(payload)

    def _ask_once(self) -> None:
        """Ask how the board stands, unless it has been asked and may be about to answer."""
        if not self._poll_is_open:
            self._ask()
            self.deadline_s = self._now_s + self._patience_s

    def _ask(self) -> None:
        self._poll_number = self._poll_number % 255 + 1
        self._poll_is_open = self._poll_is_younger = True
        self._send(POLL, self._poll_number)

    def _repeat(self) -> None:
        assert self._on_its_way is not None
        self._copies += 1
        self.repeated += 1
        if self._copies > _COPIES:
            raise LineFailed(
                f"a frame was lost or damaged on its way to the board {self._copies} times: look "
                "at cable and baud"
            )
        kind, payload = self._on_its_way
        self._poll_is_younger = False
        self._send(kind, self._seq, payload)

    def _send_next(self) -> None:
        if self._on_its_way is not None or self.ended:
            return
        if self._calls:
            kind, queue = TALK, self._calls
        elif self._data and self._board_can_take:
            kind, queue = DATA, self._data
            self._board_can_take = False
        else:
            return
        payload = bytes(queue[: self._payload_bytes])
        del queue[: self._payload_bytes]
        self._on_its_way = kind, payload
        self._poll_is_younger = False
        self.deadline_s = self._now_s + self._patience_s
        self._send(kind, self._seq, payload)

    def _send(self, kind: int, seq: int, payload: bytes = b"") -> None:
        self._owes_ack = False  # every frame acknowledges
        length = len(payload)
        check = _check(kind, seq, self._expected, length)
        covered = bytes((kind, seq, self._expected, length, check)) + payload
        crc = zlib.crc32(covered, self._session)
        self.outgoing += bytes((SYNC,)) + covered + crc.to_bytes(4, "little")


def _check(kind: int, seq: int, ack: int, length: int) -> int:
    return (kind + 3 * seq + 5 * ack + 7 * length + 0x55) & 0xFF
