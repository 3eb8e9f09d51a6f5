"""A secret of a key schedule as it is shown: where it comes from, and its value if it is known."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = "in no key log"


@dataclass(frozen=True)
class Secret:
    """One secret of the schedule.

    Attributes:
        depth: how many steps below the start, for drawing.
        name: as the RFC has it.
        formula: how it comes about.
        value: None where nobody wrote it down.
        source: where the value is from.
        about: what it is for.
    """

    depth: int
    name: str
    formula: str
    value: bytes | None
    source: str
    about: str = ""
