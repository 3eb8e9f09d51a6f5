"""Plots of the HTML report, as inline SVG: stacked bars on a common scale, strips of marks, and
sparklines.

Drawn with drawsvg. What else was tried, here with Python 3.11:

- matplotlib takes 0.9 s to import and brings 80 MB with numpy; its SVG has fixed colours, so that
  a dark page needs every plot twice, and text as outlines.
- pygal is small (0.11 s), but a plot of one bar is 16 KB, most of it a style sheet of its own with
  an id in every selector, and it scales its text with the plot: unreadable on a phone.
- drawsvg imports in 0.13 s, needs no other package, and a bar of nine parts is 1 KB in 0.3 ms. It
  writes shapes with classes, so colours are variables of the page's style sheet (light, dark,
  print), and lengths in percent, so a bar is as wide as its place while its text keeps its size.
  It writes `<title>` of the whole and of each part: the accessible name, and what a mouse shows.

Colours alone say nothing here: neighbours differ in lightness as well, wide parts carry their
share, and every plot stands beside its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import drawsvg

# How many colours there are; see `.part` in templates/report.css.
COLOURS = 10

_HEIGHT = 20
_BASELINE = 14
_CHARACTER_PX = 6.4
_MARGIN_PX = 8
_MARK_RADIUS = 3.5

# A bar is at least so wide (px) on a phone and on a desk; the style sheet switches at WIDE.
_NARROW = 230
_WIDE = 520

_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_MARGIN = 110, 22, 3


@dataclass(frozen=True)
class Part:
    """One part of a stacked bar.

    Attributes:
        name: what it is of.
        value: how long it is, in the unit of the bar's scale.
        written: the value for people, unit included.
        look: class in the style sheet, `p0` and so on, or one of a meaning.
    """

    name: str
    value: float
    written: str
    look: str


def colour(index: int) -> str:
    """Return the class of the index-th part; after the last colour they begin again."""
    return f"p{index % COLOURS}"


def bar(
    title: str,
    parts: Sequence[Part],
    scale: float,
    *,
    limit: float | None = None,
    ticks: Sequence[float] = (),
) -> str:
    """Return a stacked horizontal bar as an SVG element.

    Args:
        title: says the same in words.
        parts: from left to right.
        scale: value at the right end of the plot, the same in plots that are compared.
        limit: draws a mark there, if it is on the scale.
        ticks: values with a thin line behind the bar.
    """
    drawing = drawsvg.Drawing("100%", _HEIGHT, viewBox=None, class_="bar", role="img")
    drawing.append_title(title)
    scale = scale or 1.0
    for tick in ticks:
        drawing.append(_line(tick / scale, "tick"))
    start, whole = 0.0, sum(part.value for part in parts)
    for part in parts:
        drawing.extend(_segment(part, start / scale, part.value / scale, whole))
        start += part.value
    if limit is not None and limit <= scale:
        drawing.append(_line(limit / scale, "limit"))
    return _svg(drawing)


def strip(
    title: str,
    marks: Sequence[tuple[float, str]],
    scale: float,
    *,
    middle: float | None = None,
    ticks: Sequence[float] = (),
) -> str:
    """Return values as marks on a line, as an SVG element.

    Args:
        title: says the same in words.
        marks: each value, and how it is written.
        scale: value at the right end of the plot.
        middle: draws a line there.
        ticks: values with a thin line behind the marks.
    """
    drawing = drawsvg.Drawing("100%", _HEIGHT, viewBox=None, class_="bar strip", role="img")
    drawing.append_title(title)
    scale = scale or 1.0
    for tick in ticks:
        drawing.append(_line(tick / scale, "tick"))
    for value, written in marks:
        dot = drawsvg.Circle(_percent(value / scale), _HEIGHT / 2, _MARK_RADIUS, class_="mark")
        dot.append_title(written)
        drawing.append(dot)
    if middle is not None:
        drawing.append(_line(middle / scale, "limit"))
    return _svg(drawing)


def step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is not below `least`: how far ticks are apart."""
    power = 1.0
    while power * 10 <= least:
        power *= 10
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def axis(ticks: Sequence[tuple[float, str]], scale: float) -> str:
    """Return the scale above bars: a label at each tick; hidden from screen readers."""
    drawing = drawsvg.Drawing("100%", 14, viewBox=None, class_="axis", aria_hidden="true")
    for value, label in ticks:
        share = value / (scale or 1.0)
        anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
        drawing.append(drawsvg.Text(label, 10.5, _percent(share), 11, text_anchor=anchor))
    return _svg(drawing)


def sparkline(title: str, values: Sequence[float]) -> str:
    """Return a small line over the runs, oldest first; the last one has a dot."""
    drawing = drawsvg.Drawing(_SPARK_WIDTH, _SPARK_HEIGHT, class_="spark", role="img")
    drawing.append_title(title)
    low, high = min(values), max(values)
    width, height = _SPARK_WIDTH - 2 * _SPARK_MARGIN, _SPARK_HEIGHT - 2 * _SPARK_MARGIN
    points: list[float] = []
    for index, value in enumerate(values):
        along = index / (len(values) - 1) if len(values) > 1 else 1.0
        up = (value - low) / (high - low) if high > low else 0.5
        points.append(round(_SPARK_MARGIN + along * width, 1))
        points.append(round(_SPARK_MARGIN + (1 - up) * height, 1))
    if len(values) > 1:
        drawing.append(drawsvg.Lines(*points, fill="none", class_="line"))
    drawing.append(drawsvg.Circle(points[-2], points[-1], 2.6, class_="dot"))
    return _svg(drawing)


def _segment(part: Part, start: float, length: float, whole: float) -> list[object]:
    """Return a part and what is written on it: more on a wide bar than on a narrow one."""
    share = f"{100 * part.value / whole:.0f} %" if whole else ""
    shape = drawsvg.Rectangle(
        _percent(start), 0, _percent(length), _HEIGHT, class_=f"part {part.look}"
    )
    shape.append_title(f"{part.name}: {part.written}, {share}")
    middle = start + length / 2
    found: list[object] = [shape]
    if _fits(share, length * _NARROW):
        found.append(_label(share, middle, f"on-{part.look} narrow"))
    wide = next(
        (text for text in (f"{part.name} {share}", share) if _fits(text, length * _WIDE)), None
    )
    if wide is not None:
        found.append(_label(wide, middle, f"on-{part.look} wide"))
    return found


def _fits(text: str, room_px: float) -> bool:
    return len(text) * _CHARACTER_PX + _MARGIN_PX <= room_px


def _label(text: str, middle: float, look: str) -> object:
    return drawsvg.Text(
        text, 11, _percent(middle), _BASELINE, text_anchor="middle", class_=f"label {look}"
    )


def _line(share: float, look: str) -> object:
    width = 2 if look == "limit" else 1
    return drawsvg.Rectangle(_percent(share), 0, width, _HEIGHT, class_=look)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _svg(drawing: object) -> str:
    """Return the element without what only a file of its own needs."""
    text: str = drawing.as_svg(header="")  # type: ignore[attr-defined]
    for boilerplate in (
        'xmlns="http://www.w3.org/2000/svg" ',
        'xmlns:xlink="http://www.w3.org/1999/xlink"\n     ',
        "<defs>\n</defs>\n",
    ):
        text = text.replace(boilerplate, "", 1)
    return text.replace(">\n", ">")
