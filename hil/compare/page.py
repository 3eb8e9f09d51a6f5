"""Shows a comparison as one HTML page that needs nothing beside it.

The page is for reading: all figures are in it, those that did not change are hidden until asked
for, by a check box that needs no script.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hil.compare import text
from hil.compare.judgement import Comparison

_TEMPLATES = Path(__file__).resolve().parent


def html(comparison: Comparison) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    groups = [
        (str(place), [(change, text.row(change)) for change in changes])
        for place, changes in groupby(comparison.changes, key=lambda change: change.place)
    ]
    loud = text.shown(comparison, every=False)
    loud_places = {change.place for change in loud}
    return environment.get_template("page.html.j2").render(
        comparison=comparison,
        runs=(("before", comparison.before), ("after", comparison.after)),
        summary=text.summary(comparison),
        regressions=text.verdict_lines(comparison),
        groups=groups,
        loud=loud,
        loud_places={str(place) for place in loud_places},
        hint=text.LIVE_HINT if text.wants_hint(comparison) else None,
    )
