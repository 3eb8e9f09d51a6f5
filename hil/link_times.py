"""How handshakes did on lossy links: success rate and times, by network, board and peer.

Made from the cells of a report, for its page and its Markdown. A cell belongs to a series: the same
scenario on the same board with the same peer on the same network, with several seeds. A cell that
ended in an error or was skipped says nothing of the code under test: it is counted apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hil import quantities
from hil.document import Document

FIGURE = "handshake_link_ms"
_FAILED = ("fail", "hang")
_DONE = ("pass", "flaky")
_SEED_MARK = "@"


@dataclass
class Series:
    """The cells that differ in the seed only.

    Attributes:
        profile, target, peer, scenario: what they have in common.
        times_ms: of the handshakes that came to be, ascending.
        failed: seeds of those that did not.
        undecided: cells that ended in an error.
    """

    profile: str
    target: str
    peer: str
    scenario: str
    times_ms: list[float] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    undecided: int = 0

    @property
    def tried(self) -> int:
        """How many handshakes were judged."""
        return len(self.times_ms) + len(self.failed)

    @property
    def rate(self) -> str:
        """How many of them came to be: `10 of 10, 100 %`."""
        done = len(self.times_ms)
        return f"{done} of {self.tried}, {quantities.share(done, self.tried)}"

    def quantile_ms(self, share: float) -> float | None:
        """Return the time within which this part of the handshakes that came to be was over."""
        if not self.times_ms:
            return None
        return self.times_ms[math.ceil(share * len(self.times_ms)) - 1]

    def written(self, share: float) -> str:
        """Return a quantile for people."""
        return quantities.in_unit(self.quantile_ms(share), "ms")


def series(cells: Iterable[Document]) -> list[Series]:
    """Return all series of a report, those of one network together."""
    found: dict[tuple[str, ...], Series] = {}
    for cell in cells:
        link = cell.get("link")
        if link is None or cell["verdict"] not in (*_DONE, *_FAILED, "error"):
            continue
        scenario = cell["scenario"].partition(_SEED_MARK)[0]
        key = (link["profile"], scenario, cell["target"], cell["peer"] or "")
        profile, _, target, peer = key
        one = found.setdefault(key, Series(profile, target, peer, scenario))
        _count(one, cell, link["seed"])
    for one in found.values():
        one.times_ms.sort()
    order = list(dict.fromkeys(one.profile for one in found.values()))
    return sorted(found.values(), key=lambda one: order.index(one.profile))


def _count(one: Series, cell: Document, seed: int) -> None:
    time_ms = next(
        (figure["value"] for figure in cell["measurements"] if figure["name"] == FIGURE), None
    )
    if cell["verdict"] in _FAILED:
        one.failed.append(seed)
    elif cell["verdict"] in _DONE and time_ms is not None:
        one.times_ms.append(time_ms)
    else:
        one.undecided += 1


def markdown(cells: Sequence[Document]) -> Iterator[str]:
    """Yield the section of a report in Markdown; nothing where there was no network."""
    found = [one for one in series(cells) if one.tried]
    if not found:
        return
    yield "## Handshakes over networks"
    heads = ["network", "scenario", "target", "peer", "connected", "median", "90 %", "longest"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---|--:|--:|--:|"]
    for one in found:
        times = [one.written(share) for share in (0.5, 0.9, 1.0)]
        words = [one.profile, one.scenario, one.target, one.peer, one.rate, *times]
        lines.append(f"| {' | '.join(word.replace('|', ' ') for word in words)} |")
    yield "\n".join(lines)
