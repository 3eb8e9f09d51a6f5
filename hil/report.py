"""The report of one run: cells, the boards they ran on, and the files that say so.

A `Run` collects records while tests run and writes `report.json` (schema `hil-report/1`),
`report.md`, `report.html` and `junit.xml` into one folder, with the artefacts of its cells beside
them. The document is validated before it is written (`hil.document`); what else is written is a
view of it (`hil.footprint`, `hil.html`, `hil.junit`).

This module does not decide verdicts (`hil.cells` does) and does not compare reports.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from operator import itemgetter
from pathlib import Path
from uuid import uuid4

from hil import footprint, junit, provenance
from hil.document import SCHEMA_NAME, Document, ReportError, validate
from hil.image import Firmware
from hil.measure import Measurement
from hil.target import Target


@dataclass
class Cell:
    """One scenario on one target against one peer, and how it went.

    Attributes:
        target: name of the target.
        peer: name of the reference peer; None for a scenario without one.
        peer_version: as the peer itself says it; None when it was never asked.
        scenario: name of the scenario.
        role: what the board was, `client` or `server`; None where that means nothing.
        verdict: one of `hil.document.VERDICTS`; None while the cell is open.
        reason: why the verdict is what it is; required for every verdict but `pass`.
        explanation: why it failed or was refused, in words for people; several lines.
        negotiated: `version`, `suite`, `group`, `signature` and what else both ends agreed on;
            `alert` is the one that ended it, and whose it was.
        measurements: figures, each with its method.
        artefacts: name -> file; copied into the report's folder.
        test: the test that filled the cell, set by the plugin.
        backends: which code the board's firmware computes each primitive with; a fact of the board,
            so it stands with its target in the report. None where nobody asked.
        link: profile and seed of the network between the ends; None for the board's link alone.
    """

    target: str
    peer: str | None
    peer_version: str | None
    scenario: str
    role: str | None = None
    verdict: str | None = None
    reason: str | None = None
    explanation: str | None = None
    negotiated: dict[str, str | int | bool | None] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    artefacts: dict[str, str] = field(default_factory=dict)
    test: str | None = None
    backends: dict[str, str] | None = None
    link: dict[str, str | int] | None = None

    @property
    def name(self) -> str:
        """The cell's name within the run: target, peer and scenario, as in the test's id."""
        return "-".join(part for part in (self.target, self.peer, self.scenario) if part)

    def document(self) -> Document:
        """Return the cell as `report.json` holds it."""
        return {
            "target": self.target,
            "peer": self.peer,
            "peer_version": self.peer_version,
            "scenario": self.scenario,
            "role": self.role,
            "verdict": self.verdict,
            "reason": self.reason,
            "explanation": self.explanation,
            "negotiated": dict(self.negotiated),
            "measurements": [_measurement(measurement) for measurement in self.measurements],
            "artefacts": dict(self.artefacts),
            "test": self.test,
            **({} if self.link is None else {"link": dict(self.link)}),
        }


def _measurement(measurement: Measurement) -> Document:
    return {
        "name": measurement.name,
        "value": measurement.value,
        "unit": measurement.unit,
        "method": measurement.method,
        "n": measurement.n,
        "mad": measurement.mad,
        "reason": measurement.reason,
    }


def describe_target(
    target: Target, firmware: Firmware | None, backends: Mapping[str, str] | None = None
) -> Document:
    """Return a target as `report.json` holds it.

    Args:
        target: the board's facts.
        firmware: what it ran; None when it never got that far.
        backends: which code computes each primitive there; None when nobody asked the board.
    """
    return {
        "name": target.name,
        "class": target.klass,
        "cpu": target.cpu,
        "isa": target.isa,
        "endian": target.endian,
        "word_bits": target.word_bits,
        "clock_hz": target.clock_hz,
        "ram_bytes": target.ram_bytes,
        "flash_bytes": target.flash_bytes,
        **({} if target.verified else {"verified": False}),
        **({} if target.stack == "tlscore" else {"stack": target.stack}),
        **({"quarantine": target.place.quarantine} if target.quarantine and target.place else {}),
        "firmware": firmware
        and {
            "micropython": firmware.micropython,
            "image": firmware.image,
            "image_sha256": firmware.sha256,
            "components": [asdict(component) for component in firmware.components],
        },
        **({"backends": dict(backends)} if backends else {}),
    }


class Run:
    """One run of the farm, from its first cell to its report.

    Args:
        project: folder whose git commit the run is of.
        started: when the run began; now when None.
        run_id: name of the run; made from the time when None.

    Attributes:
        id: name of the run.
        mode: `live` against the peers themselves, `replay` against recordings of them,
            `correctness` live on boards whose instructions nobody counts.
        interrupted: it was stopped before all of its tests had run.
        passed: whether it passed as a whole, tests without cells included; None when nobody said.
        problems: what is wrong with it besides its cells.
    """

    def __init__(
        self, project: Path, started: datetime | None = None, run_id: str | None = None
    ) -> None:
        self._started = started or datetime.now(timezone.utc)
        self.id = run_id or f"{self._started:%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
        self._project = project
        self._targets: dict[str, Document] = {}
        self._cells: list[tuple[int, Document]] = []
        self.mode = "live"
        self.interrupted = False
        self.passed: bool | None = None
        self.problems: list[str] = []

    @property
    def cells(self) -> list[Document]:
        """The cells added so far, as `report.json` will hold them: in the order of their tests."""
        return [cell for _, cell in sorted(self._cells, key=itemgetter(0))]

    def add(self, cell: Cell, target: Target, firmware: Firmware | None) -> None:
        """Add one finished cell and the board it ran on."""
        self.add_documents(cell.document(), describe_target(target, firmware, cell.backends))

    def add_documents(self, cell: Document, target: Document, position: int = 0) -> None:
        """Add one finished cell in the form another process sent it.

        Args:
            position: of its test among all tests: several processes finish theirs in any order.
        """
        known = self._targets.get(target["name"])
        if known is None or known["firmware"] is None:
            self._targets[target["name"]] = target
        elif "backends" in target:  # an earlier cell may have ended before its board was asked
            self._targets[target["name"]] = {**known, "backends": target["backends"]}
        self._cells.append((position, cell))

    def document(self) -> Document:
        """Return the whole report as `report.json` holds it."""
        commit, dirty = provenance.git_state(self._project)
        cells = self.cells
        names = dict.fromkeys(cell["target"] for cell in cells)
        return {
            "schema": SCHEMA_NAME,
            "run": {
                "id": self.id,
                "started_utc": f"{self._started:%Y-%m-%dT%H:%M:%SZ}",
                "interrupted": self.interrupted,
                **({} if self.passed is None else {"passed": self.passed}),
                **({"problems": self.problems} if self.problems else {}),
                "mode": self.mode,
                "git_commit": commit,
                "dirty": dirty,
                "host": provenance.host(),
                "versions": provenance.versions(),
            },
            "targets": [self._targets[name] for name in names],
            "cells": cells,
        }

    def write(self, directory: Path) -> Document:
        """Write the report as `write` does, and return the document written."""
        document = self.document()
        write(document, directory)
        return document


def write(document: Document, directory: Path) -> None:
    """Validate a report and write it: `report.json`, `.md`, `.html`, and `junit.xml`.

    Reports of earlier runs in folders beside `directory` become the history in `report.html`.

    Raises:
        ReportError: the document breaks the schema (it is kept as `report-rejected.json`,
            so that the figures are not lost), or the folder cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            validate(document)
        except ReportError as error:
            rejected = directory / "report-rejected.json"
            rejected.write_text(json.dumps(document, indent=2, default=repr), encoding="utf-8")
            raise ReportError(f"{error}; kept as {rejected}") from error
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (directory / "report.json").write_text(text + "\n", encoding="utf-8")
        (directory / "report.md").write_text(footprint.markdown(document), encoding="utf-8")
        (directory / "junit.xml").write_text(junit.document(document), encoding="utf-8")
        write_page(document, directory)
    except OSError as error:
        raise ReportError(f"the report cannot be written: {error}") from error


def write_page(document: Document, directory: Path) -> None:
    """Write `report.html`; again when what it links to has changed.

    Args:
        document: the report.
        directory: its folder; folders beside it may hold reports of earlier runs.

    Raises:
        ReportError: the page cannot be written.
    """
    from hil import html  # noqa: PLC0415  (slow to import)
    from hil.html import history as html_history  # noqa: PLC0415  (slow to import)

    try:
        earlier = html_history.earlier(directory.parent, document["run"])
        page = html.page(document, directory, earlier)
        (directory / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"the page of the report cannot be written: {error}") from error


def keep_artefacts(
    cell: Cell, extra: Iterable[tuple[str, Path]], directory: Path
) -> Mapping[str, str]:
    """Copy the artefacts of a cell below the report's folder.

    Args:
        cell: its `artefacts` name files anywhere on this machine.
        extra: more of them, as (name, file); a name already taken gets a number.
        directory: the report's folder.

    Returns:
        Name -> path relative to `directory`, for the cell's document.

    Raises:
        ReportError: a file is gone or cannot be copied.
    """
    wanted = {name: Path(file) for name, file in cell.artefacts.items()}
    for name, file in extra:
        unique, number = name, 2
        while unique in wanted:
            unique, number = f"{name}-{number}", number + 1
        wanted[unique] = file
    kept: dict[str, str] = {}
    folder = directory / "artefacts" / cell.name
    for name, file in wanted.items():
        destination = folder / f"{name}{file.suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, destination)
        except OSError as error:
            raise ReportError(f"artefact {name} of {cell.name} cannot be kept: {error}") from error
        kept[name] = destination.relative_to(directory).as_posix()
    return kept
