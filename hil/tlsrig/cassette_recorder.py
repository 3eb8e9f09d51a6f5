"""Writes down what board and peer say, in the order in which they said it, while they say it.

A `Recorder` is a tamper of the link's pump (`hil.link.Tamper`) around the scenario's attack: it
notes what the board says before the attack sees it, and what the peer says as the attack delivers
it. So the recording is what the board said and heard, also where a peer was gone before it heard
all.

The order is a safe one to play back: what the board says is noted at the latest when it has been
said, what it hears is noted at the earliest when it can be delivered. What this file does not do:
keep it in a file (`hil.tlsrig.cassette`).
"""

from __future__ import annotations

from collections.abc import Mapping

from hil.link import BOARD_TO_PEER, Direction, PassThrough, Tamper
from hil.tlsrig.cassette import Speaker, Taped, Turn

# What of a job's result is no fact of the connection.
_MEASURED = "marks"


class Recorder:
    """Notes both directions of a connection as turns; changes nothing itself."""

    def __init__(self, attack: Tamper | None = None) -> None:
        """Record around an attack, or on an honest link."""
        self.turns: list[Turn] = []
        self._attack: Tamper = attack or PassThrough()

    def on_bytes(self, direction: Direction, data: bytes) -> bytes:
        """Note the bytes, and return what the attack makes of them."""
        if direction == BOARD_TO_PEER:
            self._note("board", data)
            return self._attack.on_bytes(direction, data)
        delivered = self._attack.on_bytes(direction, data)
        self._note("peer", delivered)
        return delivered

    def on_end(self, direction: Direction) -> bytes:
        """Note and return what the attack held back."""
        rest = self._attack.on_end(direction)
        if direction != BOARD_TO_PEER:
            self._note("peer", rest)
        return rest

    def _note(self, speaker: Speaker, data: bytes) -> None:
        if not data:
            return
        if self.turns and self.turns[-1].speaker == speaker:
            data = self.turns.pop().data + data
        self.turns.append(Turn(speaker, data))


def taped(options: Mapping[str, object], result: Mapping[str, object], turns: list[Turn]) -> Taped:
    """Return a connection as a cassette holds it.

    Args:
        options: of the board's job, without its circumstances.
        result: of the job.
        turns: as the recorder noted them.
    """
    facts = {name: value for name, value in result.items() if name != _MEASURED}
    return Taped(dict(options), facts, tuple(turns))
