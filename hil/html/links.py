"""What the HTML report says of networks: success rates, and times as a plot.

One plot for each network: a row for each scenario, board and peer, a mark for each handshake at the
time at which both ends were connected, on a common scale. Handshakes that failed stand in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil import link_times, quantities
from hil.html import charts
from hil.html.cells import CellView
from hil.link_times import Series


@dataclass(frozen=True)
class LinkRow:
    """The handshakes of one series.

    Attributes:
        series: whose they are.
        chart: their times, as SVG.
        written: median, 90 % and longest, for people.
        failed: which seeds came to nothing, in words; empty for none.
    """

    series: Series
    chart: str
    written: tuple[str, str, str]
    failed: str


@dataclass(frozen=True)
class Network:
    """All handshakes on one network, with the scale they share."""

    profile: str
    rate: str
    axis: str
    rows: Sequence[LinkRow]


def networks(cells: Iterable[CellView]) -> list[Network]:
    """Return the networks of a report on which handshakes were judged."""
    found = [one for one in link_times.series(cell.document for cell in cells) if one.tried]
    profiles = dict.fromkeys(one.profile for one in found)
    return [_network(name, [one for one in found if one.profile == name]) for name in profiles]


def _network(profile: str, members: Sequence[Series]) -> Network:
    longest = max((time for one in members for time in one.times_ms), default=0.0)
    step = charts.step(max(longest, 10.0) / 4)
    ticks = [step * count for count in range(int(longest / step) + 2)]
    scale = ticks[-1]
    together = Series(profile, "", "", "")
    for one in members:
        together.times_ms += one.times_ms
        together.failed += one.failed
    axis = charts.axis([(tick, _written(tick)) for tick in ticks], scale)
    return Network(profile, together.rate, axis, [_row(one, scale, ticks) for one in members])


def _row(one: Series, scale: float, ticks: Sequence[float]) -> LinkRow:
    written = tuple(one.written(share) for share in (0.5, 0.9, 1.0))
    failed = f"failed with seed {', '.join(map(str, sorted(one.failed)))}" if one.failed else ""
    words = [f"{one.scenario} on {one.target} with {one.peer}: {one.rate} connected"]
    words.append("median {}, 90 % within {}, longest {}".format(*written))
    title = ", ".join([*words, *filter(None, [failed])])
    marks = [(time, quantities.in_unit(time, "ms")) for time in one.times_ms]
    chart = charts.strip(title, marks, scale, middle=one.quantile_ms(0.5), ticks=ticks)
    return LinkRow(one, chart, (written[0], written[1], written[2]), failed)


def _written(time_ms: float) -> str:
    return f"{time_ms / 1000:g} s" if time_ms >= 1000 else f"{time_ms:g} ms"
