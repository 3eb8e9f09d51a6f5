"""What counts as a regression: the words of `--fail-on`.

A gate is `WHAT` or `WHAT:TOLERANCE`. WHAT names figures: one by its name, several by a glob, or a
family. TOLERANCE is how much they may grow beside the noise that their method has: a number in the
figure's unit, or a percentage of the earlier value. Of several gates that name a figure the last
one holds, so that `any,heap:256` is everything exactly, but 256 bytes more of heap.
"""

from __future__ import annotations

import difflib
import fnmatch
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hil.compare.figures import NotComparable

FAMILIES = {
    "heap": ("heap_*",),
    "stack": ("stack_*",),
    "ram": ("ram_*", "ram.*"),
    "flash": ("flash_*", "flash.*"),
    "instructions": ("*instructions",),
    "time": ("handshake_cpu_us",),
}
ANY, LIVE, NONE, CELLS = "any", "live", "none", "cells"

# Each live run has keys and certificates of its own, whose encodings differ in length, and whether
# one more garbage collection falls into the handshake is chance. The cells of two runs of the same
# tree on five emulated boards lay within 1.0 % in instructions, 80 bytes of live heap and 112 bytes
# of stack; a collection that moves from one phase to another can double a small one, so that only
# their sum is judged.
_LIVE_SCATTER = "handshake_instructions:2%,heap:256,stack:256,heap_min_bytes:1024,ram,flash,time:5%"

HELP = """\
what counts as a regression (--fail-on):
  a comma list of WHAT or WHAT:TOLERANCE; of several that name a figure the last one holds
  WHAT       any (default: all families below), none (only show), a figure by its name or a glob
             (handshake_instructions, 'phase.*', 'flash.tlscore.x509.*'), or a family:
             heap, stack, ram, flash (the last two with their modules), instructions (with their
             phases), time (of boards on a cable)
             cells: a cell that ran before and did not run now
             live: heap, stack and instructions with what live runs of the same tree were seen
             to differ by (256 bytes, 2% of the sum, phases not judged), the others exactly
  TOLERANCE  growth that is let pass: 256 (in the figure's unit) or 0.5% (of the earlier value);
             without it, what the method's noise allows: nothing for replay runs, sizes, heap and
             stack; 0.1 % for instructions of live runs; for boards on a cable 3 standard errors
             of the medians, from the median absolute deviations
  examples   --fail-on any,heap:256   --fail-on handshake_instructions:0.5%,flash:256
  A cell that passed and now fails, hangs or ends in an error is a regression unless `none`.
"""


@dataclass(frozen=True)
class Gate:
    """Figures that may not grow, or by so much only.

    Attributes:
        word: as the user wrote what it names.
        patterns: of the names of figures.
        absolute: in the figure's unit.
        share: of the earlier value.
    """

    word: str
    patterns: tuple[str, ...]
    absolute: float = 0.0
    share: float = 0.0

    def names(self, figure: str) -> bool:
        """Whether the gate is about a figure."""
        return any(fnmatch.fnmatchcase(figure, pattern) for pattern in self.patterns)

    def tolerance(self, before: float) -> float:
        """Return how much a figure may grow."""
        return max(self.absolute, abs(before) * self.share)


def is_cost(figure: str) -> bool:
    """Whether more of a figure is worse by itself: `any` is about these."""
    patterns = [pattern for family in FAMILIES.values() for pattern in family]
    return any(fnmatch.fnmatchcase(figure, pattern) for pattern in patterns)


class Gates:
    """All that counts as a regression.

    Args:
        words: as `--fail-on` has them; everything when there are none.

    Raises:
        NotComparable: a tolerance is no number.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        items = [item.strip() for word in words for item in word.split(",") if item.strip()]
        items = items or [ANY]
        plain = {item.partition(":")[0] for item in items}
        self.text = ",".join(items)
        self.only_shows = NONE in plain
        self.cells = CELLS in plain and not self.only_shows
        self._gates = [gate for item in items for gate in _gates(item)]

    def of(self, figure: str) -> Gate | None:
        """Return the gate that holds for a figure; None when it may change as it likes."""
        if self.only_shows:
            return None
        holding = [gate for gate in self._gates if gate.names(figure)]
        return holding[-1] if holding else None

    def require_known(self, figures: Iterable[str]) -> None:
        """Refuse a gate that no figure goes through: it would be open for ever.

        Raises:
            NotComparable: names it, and what comes near.
        """
        known = sorted(set(figures))
        for gate in self._gates:
            if gate.word not in (ANY, LIVE, *FAMILIES) and not any(map(gate.names, known)):
                near = difflib.get_close_matches(gate.word, [*known, *FAMILIES], n=3)
                hint = f"did you mean {', '.join(near)}?" if near else "--help explains its words"
                raise NotComparable(
                    f"--fail-on: the reports have no figure {gate.word!r} in common; {hint}"
                )


def _gates(item: str) -> list[Gate]:
    word, colon, text = item.partition(":")
    if word in (NONE, CELLS, LIVE) and colon:
        raise NotComparable(f"--fail-on: {word} takes no tolerance")
    if word in (NONE, CELLS):
        return []
    if word == LIVE:
        parts = [gate for part in _LIVE_SCATTER.split(",") for gate in _gates(part)]
        return [replace(gate, word=LIVE) for gate in parts]
    absolute, share = _tolerance(text, item) if colon else (0.0, 0.0)
    if word == ANY:
        patterns = tuple(pattern for family in FAMILIES.values() for pattern in family)
    else:
        patterns = FAMILIES.get(word, (word,))
    return [Gate(word, patterns, absolute, share)]


def _tolerance(text: str, item: str) -> tuple[float, float]:
    """Return a tolerance as (in the unit, share of the earlier value)."""
    number, percent = (text[:-1], True) if text.endswith("%") else (text, False)
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise NotComparable(
            f"--fail-on: {item!r}: the tolerance is a number (256) or a percentage (0.5%)"
        )
    return (0.0, value / 100) if percent else (value, 0.0)
