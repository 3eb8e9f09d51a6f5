"""Handshakes with several seeds on one network are a series: its rate and times are reported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hil import footprint, html, link_times, report, target
from hil.document import Document
from hil.html import charts
from hil.measure import Measurement
from hil.target import Target

STARTED = datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def boards() -> Mapping[str, Target]:
    return target.load_all()


def cell(seed: int, time_ms: float | None, verdict: str = "pass", **more: str) -> report.Cell:
    """Return a cell; `profile`, `peer` and `scenario` where they are not the usual ones."""
    profile, scenario = more.get("profile", "lossy-30"), more.get("scenario", "dtls12-psk-ccm8")
    made = report.Cell(
        "unix", more.get("peer", "openssl"), "3.0.17", f"{scenario}@{profile}.{seed}", "client"
    )
    made.verdict, made.reason = verdict, None if verdict == "pass" else "because"
    made.link = {"profile": profile, "seed": seed}
    if time_ms is not None:
        made.measurements = [Measurement(link_times.FIGURE, time_ms, "ms", "clock of the link")]
    return made


def document(boards: Mapping[str, Target], *cells: report.Cell) -> Document:
    run = report.Run(Path("/nowhere"), STARTED, "this")
    for one in cells:
        run.add(one, boards["unix"], None)
    return run.document()


def test_seeds_are_one_series_with_its_rate_and_times(boards: Mapping[str, Target]) -> None:
    times = [4000, 1000, 3000, 2000, 5000, 7000, 6000, 9000, 8000]
    cells = [cell(seed, time_ms) for seed, time_ms in enumerate(times)]
    (one,) = link_times.series(document(boards, *cells, cell(9, None, "hang"))["cells"])
    assert (one.profile, one.target, one.peer, one.scenario) == (
        *("lossy-30", "unix", "openssl"),
        "dtls12-psk-ccm8",
    )
    assert (one.rate, one.failed) == ("9 of 10, 90 %", [9])
    assert [one.quantile_ms(share) for share in (0.5, 0.9, 1.0)] == [5000, 9000, 9000]


def test_an_error_says_nothing_of_the_code_and_a_skip_nothing_at_all(
    boards: Mapping[str, Target],
) -> None:
    cells = [cell(0, 10), cell(1, None, "error"), cell(2, None, "skip")]
    (one,) = link_times.series(document(boards, *cells)["cells"])
    assert (one.rate, one.undecided) == ("1 of 1, 100 %", 1)


def test_series_of_one_network_stand_together(boards: Mapping[str, Target]) -> None:
    cells = [cell(0, 1), cell(0, 2, profile="clean"), cell(0, 3, peer="gnutls")]
    found = link_times.series(document(boards, *cells)["cells"])
    assert [(one.profile, one.peer) for one in found] == [
        ("lossy-30", "openssl"),
        ("lossy-30", "gnutls"),
        ("clean", "openssl"),
    ]


def test_the_markdown_has_a_table_of_them_and_nothing_without_datagrams(
    boards: Mapping[str, Target],
) -> None:
    text = footprint.markdown(document(boards, cell(0, 1500), cell(1, 61, "fail")))
    assert "| lossy-30 | dtls12-psk-ccm8 | unix | openssl | 1 of 2, 50 % | 1.50 s |" in text
    stream = cell(0, 1)
    stream.link = None
    assert "over datagrams" not in footprint.markdown(document(boards, stream))


def test_the_page_has_a_plot_for_each_network(boards: Mapping[str, Target]) -> None:
    cells = [cell(0, 1500), cell(1, 2500), cell(2, None, "fail"), cell(0, 4, profile="clean")]
    page = html.page(document(boards, *cells), Path("/nowhere"), ())
    section = page.partition('<section id="links"')[2].partition("</section>")[0]
    assert re.findall("<h3>([^<]*)</h3>", section) == ["lossy-30", "clean"]
    assert "2 of 3, 67 % connected" in section
    assert "failed with seed 2" in section
    assert section.count("<circle") == 3
    assert "median 1.50 s, 90 % within 2.50 s, longest 2.50 s" in section


def test_marks_stand_at_their_values_and_say_them() -> None:
    marks = [(1000.0, "1.00 s"), (4000.0, "4.00 s")]
    root = ElementTree.fromstring(charts.strip("a title", marks, 4000, middle=1000))
    assert [dot.get("cx") for dot in root.iter("circle")] == ["25.00%", "100.00%"]
    assert [title.text for title in root.iter("title")] == ["a title", "1.00 s", "4.00 s"]
    (line,) = [shape for shape in root.iter("rect") if shape.get("class") == "limit"]
    assert line.get("x") == "25.00%"
