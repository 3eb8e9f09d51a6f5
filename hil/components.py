"""What the bytes of a firmware are of, shown: for a terminal, as JSON, and in Markdown reports.

The figures are made when a firmware is (`hil.link_map`). Text is code and constants, data are
variables with initial values, bss those without; flash holds text and data, RAM data and bss.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from rich.text import Text

from hil import tables
from hil.document import Document
from hil.image import Firmware
from hil.link_map import PYTHON

_KINDS = ("text_bytes", "data_bytes", "bss_bytes")
_NO_MAP = "its build leaves no map of it"


def table(firmware: Firmware, width: int) -> str:
    """Return the table that `hil size` prints: a line per group and, indented, per component."""
    title = Text(f"{firmware.image}, {firmware.interpreter}", style="bold")
    if not firmware.components:
        return tables.render([title, Text(_NO_MAP)], width)
    sized = tables.empty_table()
    sized.add_column("component", no_wrap=True)
    for heading in ("text", "data", "bss"):
        sized.add_column(heading, justify="right", no_wrap=True)
    rows = [asdict(component) for component in firmware.components]
    for group, members in by_group(rows).items():
        sized.add_row(group, *_cells(members), style="bold")
        if len(members) > 1 or members[0]["name"] != group:
            for row in members:
                sized.add_row(f"  {row['name']}", *_cells([row]))
    sized.add_row("total", *_cells(rows), style="bold")
    return tables.render([title, sized], width)


def document(firmwares: Iterable[Firmware]) -> str:
    """Return what `hil size --format json` prints: a list with an object per image."""
    found = []
    for firmware in firmwares:
        rows = [asdict(component) for component in firmware.components]
        found.append(
            {
                "image": firmware.image,
                "image_sha256": firmware.sha256,
                "micropython": firmware.micropython,
                "total": {kind: _sum(rows, kind) for kind in _KINDS},
                "components": rows,
            }
        )
    return json.dumps(found, indent=2) + "\n"


def markdown(targets: Iterable[Document]) -> list[str]:
    """Return the parts of a report that show the flash of each board; none without figures."""
    boards: dict[str, list[Document]] = {}
    for target in targets:
        rows = (target["firmware"] or {}).get("components")
        if rows:
            boards[target["name"]] = rows
    if not boards:
        return []
    grouped = {name: by_group(rows) for name, rows in boards.items()}
    groups = list(dict.fromkeys(group for found in grouped.values() for group in found))
    parts = list(
        dict.fromkeys(
            (group, row["name"])
            for group in groups
            for found in grouped.values()
            for row in found.get(group, [])
        )
    )
    heads = [[flash_bytes(found.get(group, [])) for found in grouped.values()] for group in groups]
    totals = [flash_bytes(rows) for rows in boards.values()]
    lines = [
        [group, *(_bytes(count) for count in counts)]
        for group, counts in zip(groups, heads, strict=True)
    ]
    details = []
    for group, name in parts:
        counts = [
            flash_bytes([row for row in found.get(group, []) if row["name"] == name])
            for found in grouped.values()
        ]
        if any(counts):
            details.append([group, name, *(_bytes(count) for count in counts)])
    return [
        "## Flash by component",
        _markdown_table(["bytes", *boards], [*lines, ["total", *map(_bytes, totals)]], left=1),
        "<details><summary>every component</summary>",
        _markdown_table(["part of", "component", *boards], details, left=2),
        "</details>",
    ]


def by_group(rows: Iterable[Document]) -> Mapping[str, list[Document]]:
    """Sort rows into groups; the packages among the Python modules are groups of their own."""
    rows = list(rows)
    modules = [row["name"] for row in rows if row["group"] == PYTHON]
    packages = {name.partition(".")[0] for name in modules if "." in name}
    found: dict[str, list[Document]] = {}
    for row in rows:
        group = row["group"]
        if group == PYTHON and packages:
            package = row["name"].partition(".")[0]
            group = package if package in packages else "other Python modules"
        found.setdefault(group, []).append(row)
    return found


def _sum(rows: Iterable[Document], kind: str) -> int:
    return sum(int(row[kind]) for row in rows)


def flash_bytes(rows: Iterable[Document]) -> int:
    """Return what components take in flash: text and data."""
    return sum(row["text_bytes"] + row["data_bytes"] for row in rows)


def _cells(rows: list[Document]) -> list[str]:
    return [_bytes(_sum(rows, kind)) for kind in _KINDS]


def _bytes(count: int) -> str:
    return f"{count:,}" if count else tables.MISSING


def _markdown_table(titles: list[str], rows: list[list[str]], left: int) -> str:
    marks = ["---"] * left + ["--:"] * (len(titles) - left)
    lines = [titles, marks, *([_code(text) for text in row[:left]] + row[left:] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`" if "." in text or "_" in text else text
