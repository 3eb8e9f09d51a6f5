"""A recording of datagrams: frames in its file, datagrams in figures, places in words."""

from __future__ import annotations

import json
from pathlib import Path

from hil.datagram_frames import BEGIN, CONNECTED, CONTROL, Frame
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.tlsrig import cassette, datagram_replay
from hil.tlsrig.cassette import Cassette, Taped, Turn

HELLO, ANSWER = Frame(0, b"hello"), Frame(0, b"verify")
CONNECTED_WORD, BEGIN_WORD = Frame(CONTROL, CONNECTED), Frame(CONTROL, BEGIN)
SAID = HELLO.encode() + CONNECTED_WORD.encode()
HEARD = ANSWER.encode() + BEGIN_WORD.encode()
TAPED = Taped(
    {"seed": b"1", "datagram_bytes": 300},
    {"connected": True, "reason": None},
    (Turn("board", SAID), Turn("peer", HEARD)),
)


def test_a_frame_is_a_line_of_the_file_and_comes_back(tmp_path: Path) -> None:
    path = cassette.write(Cassette("some", "openssl", "1", (TAPED,)), tmp_path)
    (entry,) = json.loads(path.read_text())["connections"]
    assert entry["exchange"][0] == {
        "board": [HELLO.encode().hex(), CONNECTED_WORD.encode().hex()],
    }
    assert cassette.read(path).connections == (TAPED,)


def test_what_is_cut_within_a_frame_comes_back_as_well(tmp_path: Path) -> None:
    turns = (Turn("board", SAID[:-2]), Turn("peer", HEARD), Turn("board", SAID[-2:]))
    taped = Taped(TAPED.options, TAPED.result, turns)
    path = cassette.write(Cassette("some", "openssl", "1", (taped,)), tmp_path)
    assert cassette.read(path).connections == (taped,)


def test_a_board_is_not_told_where_a_recorded_peer_of_datagrams_waits() -> None:
    assert TAPED.over_datagrams
    assert TAPED.reads == ()
    stream = Taped({"seed": b"1"}, TAPED.result, TAPED.exchange)
    assert not stream.over_datagrams
    assert stream.reads == (len(HEARD),)


def test_datagrams_are_found_whatever_the_pieces() -> None:
    transcript = [
        *(Chunk(BOARD_TO_PEER, SAID[at : at + 3], at) for at in range(0, len(SAID), 3)),
        Chunk(PEER_TO_BOARD, HEARD, 100.0),
    ]
    found = datagram_replay.datagrams(transcript)
    assert found == [
        Chunk(BOARD_TO_PEER, b"hello", 6),
        Chunk(PEER_TO_BOARD, b"verify", 100.0),
    ]
    account = datagram_replay.account(found)
    assert (account.to_peer.sent, account.to_peer.sent_bytes, account.to_peer.lost) == (1, 5, 0)
    assert (account.to_board.sent, account.to_board.sent_bytes) == (1, 6)
    assert account.handshake_ms is None


def test_a_place_is_told_by_frame_and_byte() -> None:
    places = [datagram_replay.place(SAID, position) for position in (1, 4, 11, 19)]
    assert places == [
        "byte 1 of the header of frame 1 (a datagram of 5 bytes)",
        "byte 1 of frame 1 (a datagram of 5 bytes)",
        "byte 0 of frame 2 (a word to the host of 9 bytes)",
        "byte 8 of frame 2 (a word to the host of 9 bytes)",
    ]
    assert datagram_replay.place(SAID, 20) == "byte 0 after the last whole frame"
