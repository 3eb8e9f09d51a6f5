"""What a recording of datagrams is, frame by frame: for figures, captures and words about it.

A board that hears a recording gets the frames of its link as they were written down
(`hil.datagram_frames`), words between host and job included; the player knows bytes alone
(`hil.tlsrig.replay`).
"""

from __future__ import annotations

from collections.abc import Sequence

from hil.datagram_frames import CONTROL, Deframer
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk, Direction
from hil.link_profile import Account, Tally


def datagrams(transcript: Sequence[Chunk]) -> list[Chunk]:
    """Return the datagrams of a link's transcript, each when its last byte was delivered."""
    frames = {BOARD_TO_PEER: Deframer(), PEER_TO_BOARD: Deframer()}
    return [
        Chunk(chunk.direction, frame.datagram, chunk.at_s)
        for chunk in transcript
        for frame in frames[chunk.direction].push(chunk.data)
        if frame.address != CONTROL
    ]


def account(delivered: Sequence[Chunk]) -> Account:
    """Return what the link did: it delivered all that was said.

    Args:
        delivered: the datagrams.
    """
    return Account(
        "a recording", 0, None, _tally(delivered, BOARD_TO_PEER), _tally(delivered, PEER_TO_BOARD)
    )


def _tally(delivered: Sequence[Chunk], direction: Direction) -> Tally:
    sizes = [len(chunk.data) for chunk in delivered if chunk.direction == direction]
    return Tally(sent=len(sizes), sent_bytes=sum(sizes), delivered=len(sizes))


def place(said: bytes, position: int) -> str:
    """Say which byte of which datagram is at a position of what one end says."""
    start = 0
    for number, frame in enumerate(Deframer().push(said), 1):
        end = start + len(frame.encode())
        if position < end:
            within = position - (end - len(frame.datagram))
            kind = "a word to the host" if frame.address == CONTROL else "a datagram"
            where = f"frame {number} ({kind} of {len(frame.datagram)} bytes)"
            if within < 0:
                return f"byte {position - start} of the header of {where}"
            return f"byte {within} of {where}"
        start = end
    return f"byte {position - start} after the last whole frame"
