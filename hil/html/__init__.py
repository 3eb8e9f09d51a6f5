"""The HTML report: one file that holds everything it shows, readable without a network.

A document and the folder it lies in go in, text comes out. What is shown is worked out by
`hil.compatibility`, `hil.html.cells`, `hil.html.apart`, `hil.html.boards`, `hil.html.timing`,
`hil.html.links` and `hil.html.history`; how it looks is `templates/`.

What a board or a peer said is not to be trusted. Templates escape everything (jinja2's
autoescape); only what `hil.html.charts` drew, the page's own style sheet and script go in as they
are. Should anything slip through, the page's Content-Security-Policy lets no browser run or load
it: it names this style sheet and this script by their hashes and allows nothing else.

Slow to import (jinja2, drawsvg): `hil.report` does it when a report is written, not before.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2

from hil import compatibility, components, footprint, quantities
from hil.document import Document
from hil.html import apart as html_apart
from hil.html import boards as html_boards
from hil.html import cells as html_cells
from hil.html import history as html_history
from hil.html import links as html_links
from hil.html import timing as html_timing
from hil.tables import MISSING

_TEMPLATES = Path(__file__).resolve().parent / "templates"

# These are what the matrix and the lists of targets, peers and scenarios are made of.
_FILTERS = ("target", "peer", "scenario")
# What is flaky has a section of its own.
_WRONG = tuple(verdict for verdict in html_cells.ATTENTION if verdict != "flaky")


def page(document: Document, directory: Path, earlier: Sequence[Document]) -> str:
    """Return a report as an HTML page.

    Args:
        document: the report.
        directory: its folder; the page links to artefacts in it and shows the end of consoles.
        earlier: reports of earlier runs, oldest first; for what changed, and the sparklines.
    """
    cells = html_cells.views(document, directory, earlier)
    style, script = (_read(f"report.{kind}") for kind in ("css", "js"))
    history = html_history.History([*earlier, document])
    reference = _reference(cells)
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            run=document["run"],
            targets=document["targets"],
            policy=_policy(style, script),
            style=style,
            script=script,
            cells=cells,
            tally=html_cells.tally(cells),
            summary=footprint.summary(document["cells"]),
            peers=_peers(document),
            choices={name: _choices(document, name) for name in _FILTERS},
            compatibility=compatibility.grids(document["cells"]),
            matrix=html_cells.matrix([cell for cell in cells if "matrix" not in cell.document]),
            attention=html_cells.findings(cells, _WRONG),
            flaky=html_apart.flaky(cells),
            quarantined=html_apart.quarantined(document["targets"], cells),
            skipped=html_cells.findings(cells, ("skip",)),
            mended=[cell for cell in cells if _is_mended(cell)],
            groups=html_cells.groups(cells),
            off_scale=_off_scale(document["targets"]),
            memory=html_boards.memory(document["targets"], cells),
            flash=html_boards.flash(document["targets"]),
            modules=html_boards.modules(document["targets"]),
            boards=_boards_with_components(document),
            timings=html_timing.timings(cells),
            networks=html_links.networks(cells),
            uncounted=html_timing.uncounted(cells),
            history=history,
            followed=html_history.FOLLOWED,
            moved=_moved(history, reference),
            reference=reference,
            before=earlier[-1]["run"] if earlier else None,
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["exactly"] = quantities.exactly
    environment.filters["in_kb"] = compatibility.in_kb
    environment.filters["size"] = quantities.size
    environment.filters["backends"] = footprint.backends
    environment.globals["MISSING"] = MISSING
    environment.globals["OUTCOMES"] = {"pass": "works", "skip": "not run"}
    environment.globals["FIGURES"] = (*html_cells.VIEWS,)
    return environment


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows this style sheet, this script and no more."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _choices(document: Document, name: str) -> list[str]:
    return list(dict.fromkeys(cell[name] for cell in document["cells"] if cell[name]))


def _peers(document: Document) -> list[str]:
    """Return the peers of a run, each with the versions it had."""
    found: dict[str, list[str]] = {}
    for cell in document["cells"]:
        if cell["peer"]:
            versions = found.setdefault(cell["peer"], [])
            if cell["peer_version"] and cell["peer_version"] not in versions:
                versions.append(cell["peer_version"])
    return [" ".join([name, " and ".join(versions)]).strip() for name, versions in found.items()]


def _is_mended(cell: html_cells.CellView) -> bool:
    return cell.document["verdict"] == "pass" and cell.before in html_cells.ATTENTION


def _off_scale(targets: Sequence[Document]) -> list[str]:
    drawn = html_boards.on_scale(targets)
    return [target["name"] for target in targets if target not in drawn]


def _boards_with_components(document: Document) -> list[str]:
    return [
        target["name"]
        for target in document["targets"]
        if components.flash_bytes((target["firmware"] or {}).get("components", []))
    ]


def _moved(history: html_history.History, reference: Sequence[html_cells.CellView]) -> list[str]:
    """Return the followed figures that have a history."""
    return [
        name
        for name in html_history.FOLLOWED
        if any(history.trend(cell.document, name) for cell in reference)
    ]


def _reference(cells: Sequence[html_cells.CellView]) -> list[html_cells.CellView]:
    """Return a cell per target, of the scenario most targets passed: it stands for the board."""
    passed = [cell for cell in cells if cell.document["verdict"] == "pass"]
    measured = [cell for cell in passed if cell.figures["heap"] != MISSING]
    scenarios: dict[str, dict[str, html_cells.CellView]] = {}
    for cell in measured:
        own = scenarios.setdefault(cell.document["scenario"], {})
        own.setdefault(cell.document["target"], cell)
    best = max(scenarios.values(), key=len, default={})
    return list(best.values())
