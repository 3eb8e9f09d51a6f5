"""Plots: what is drawn is what was measured, and says so in words."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from hil.html import charts
from hil.html.charts import Part

PARTS = (Part("key_share", 30, "30 M", "p0"), Part("certificate", 50, "50 M", "p1"))


def rectangles(svg, look):
    found = ElementTree.fromstring(svg).iter("rect")
    return [shape for shape in found if look in shape.get("class").split()]


def test_parts_follow_each_other_on_the_scale():
    shapes = rectangles(charts.bar("title", PARTS, 200), "part")
    assert [(shape.get("x"), shape.get("width")) for shape in shapes] == [
        ("0.00%", "15.00%"),
        ("15.00%", "25.00%"),
    ]


def test_a_bar_and_its_parts_have_names_and_shares():
    root = ElementTree.fromstring(charts.bar("cortexm <x>", PARTS, 80))
    assert root.get("role") == "img"
    titles = [title.text for title in root.iter("title")]
    assert titles == ["cortexm <x>", "key_share: 30 M, 38 %", "certificate: 50 M, 62 %"]


def test_a_part_is_labelled_as_far_as_there_is_room():
    root = ElementTree.fromstring(charts.bar("x", (*PARTS, Part("tiny", 1, "1 M", "p2")), 81))
    labels = {(text.get("class").split()[-1], text.text) for text in root.iter("text")}
    assert ("wide", "certificate 62 %") in labels
    assert ("narrow", "62 %") in labels
    assert not [text for _, text in labels if "tiny" in text]


@pytest.mark.parametrize(("limit", "marks"), [(64, 1), (100, 1), (101, 0), (None, 0)])
def test_a_limit_is_marked_if_it_is_on_the_scale(limit, marks):
    assert len(rectangles(charts.bar("x", PARTS, 100, limit=limit), "limit")) == marks


def test_colours_begin_again_after_the_last():
    assert charts.colour(charts.COLOURS) == charts.colour(0) == "p0"


def test_a_sparkline_goes_up_when_the_figure_does():
    root = ElementTree.fromstring(charts.sparkline("three runs", [5, 7, 6]))
    points = [part.split(",") for part in root.find("path").get("d")[1:].split(" L")]
    (x0, y0), (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in points]
    assert x0 < x1 < x2
    assert y1 < y2 < y0


@pytest.mark.parametrize("values", [[3], [3, 3], [0, 0, 0]])
def test_a_flat_sparkline_is_drawn(values):
    root = ElementTree.fromstring(charts.sparkline("flat", values))
    assert root.find("circle").get("cy") == "11.0"


def test_nothing_measured_makes_an_empty_bar():
    assert rectangles(charts.bar("x", (), 0), "part") == []
