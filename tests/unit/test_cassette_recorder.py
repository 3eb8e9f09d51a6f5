"""The recorder: both directions as turns, what the board said and what it heard."""

from __future__ import annotations

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Direction
from hil.tlsrig import cassette_recorder
from hil.tlsrig.cassette import Turn
from hil.tlsrig.cassette_recorder import Recorder


class Holding:
    """Keeps the peer's bytes until there are four, spoils the board's, and answers at the end."""

    def __init__(self) -> None:
        self._held = b""

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        if direction == BOARD_TO_PEER:
            return data.upper()
        self._held += data
        whole = len(self._held) // 4 * 4
        delivered, self._held = self._held[:whole], self._held[whole:]
        return delivered

    def on_end(self, direction: Direction) -> bytes:
        return self._held if direction == PEER_TO_BOARD else b"?"


def test_what_one_side_says_at_a_stretch_is_one_turn() -> None:
    recorder = Recorder()
    for direction, data in (
        (BOARD_TO_PEER, b"a"),
        (BOARD_TO_PEER, b"b"),
        (PEER_TO_BOARD, b"c"),
        (BOARD_TO_PEER, b"d"),
    ):
        assert recorder.on_bytes(direction, data) == data
    assert recorder.turns == [Turn("board", b"ab"), Turn("peer", b"c"), Turn("board", b"d")]


def test_an_attack_is_recorded_as_what_the_board_heard() -> None:
    recorder = Recorder(Holding())
    assert recorder.on_bytes(BOARD_TO_PEER, b"hello") == b"HELLO"
    assert recorder.on_bytes(PEER_TO_BOARD, b"12") == b""
    assert recorder.on_bytes(BOARD_TO_PEER, b"again") == b"AGAIN"
    assert recorder.on_bytes(PEER_TO_BOARD, b"3456") == b"1234"
    assert recorder.on_end(BOARD_TO_PEER) == b"?"
    assert recorder.on_end(PEER_TO_BOARD) == b"56"
    assert recorder.turns == [Turn("board", b"helloagain"), Turn("peer", b"123456")]


def test_marks_are_no_fact_of_a_connection() -> None:
    result = {"connected": True, "reason": None, "marks": {"wall_us": 17}}
    taped = cassette_recorder.taped({"seed": b"1"}, result, [Turn("peer", b"x")])
    assert taped.result == {"connected": True, "reason": None}
