"""The bytes of a firmware, shown: nothing is lost between groups, and the totals are sums."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hil import components
from hil.image import Firmware
from hil.link_map import Component
from hil.tables import MISSING

PARTS = (
    Component("MicroPython", "core", 100_000, 0, 900),
    Component("MicroPython", "extmod", 8_000, 0, 0),
    Component("port", "common", 6_000, 8, 500),
    Component("Python modules", "(names)", 30_000, 0, 0),
    Component("Python modules", "hil_agent", 3_000, 0, 0),
    Component("Python modules", "tlscore", 500, 0, 0),
    Component("Python modules", "tlscore.client", 5_000, 0, 0),
    Component("Python modules", "tlscore.x509.chain", 2_000, 0, 0),
    Component("rest", "stack", 0, 0, 16_384),
)


@pytest.fixture
def firmware():
    return Firmware(
        "cortexm", Path("/x"), "ab" * 32, "1.25.0", {}, 154_508, 1_400, components=PARTS
    )


def lines(text: str) -> dict[str, list[str]]:
    """Return the figures of each line by its name."""
    rows = [line.split() for line in text.splitlines()]
    return {" ".join(row[:-3]): row[-3:] for row in rows if len(row) > 3}


def test_a_line_per_component_and_sums_per_group_and_package(firmware):
    shown = lines(components.table(firmware, 100))
    assert shown["MicroPython"] == ["108,000", MISSING, "900"]
    assert shown["tlscore.x509.chain"] == ["2,000", MISSING, MISSING]
    assert shown["other Python modules"] == ["33,000", MISSING, MISSING]
    assert shown["total"] == ["154,500", "8", "17,784"]
    assert "tlscore                 7,500" in components.table(firmware, 100)  # the package's sum


def test_without_packages_the_modules_are_one_group(firmware):
    parts = (Component("Python modules", "all", 5, 6, 0),)
    shown = lines(components.table(replace(firmware, components=parts), 100))
    assert shown["Python modules"] == shown["all"] == shown["total"] == ["5", "6", MISSING]


def test_an_image_without_a_map_says_so(firmware):
    assert "no map" in components.table(replace(firmware, components=()), 100)


def test_json_has_every_component_and_the_totals(firmware):
    (image,) = json.loads(components.document([firmware]))
    assert image["image"] == "cortexm"
    assert image["total"] == {"text_bytes": 154_500, "data_bytes": 8, "bss_bytes": 17_784}
    assert [Component(**row) for row in image["components"]] == list(PARTS)


def test_markdown_has_a_column_per_board_and_a_row_per_component(firmware):
    rows = [asdict(part) for part in PARTS]
    targets = [
        {"name": "qemu-cortexm", "firmware": {"components": rows}},
        {"name": "small", "firmware": {"components": rows[:1]}},
        {"name": "never-built", "firmware": None},
        {"name": "unknown", "firmware": {"components": []}},
    ]
    text = "\n\n".join(components.markdown(targets))
    assert "| bytes | qemu-cortexm | small |" in text
    assert "| MicroPython | 108,000 | 100,000 |" in text
    assert f"| tlscore | 7,500 | {MISSING} |" in text
    assert "| total | 154,508 | 100,000 |" in text  # flash: text and data
    assert f"| tlscore | `tlscore.client` | 5,000 | {MISSING} |" in text
    assert "stack" not in text  # takes no flash


def test_a_report_without_such_figures_has_no_such_part():
    assert components.markdown([{"name": "unix", "firmware": None}]) == []
