"""hil.tlsrig.baselines.table: figures side by side, ratios, and what is missing."""

from __future__ import annotations

from pathlib import Path

from hil.image import Firmware
from hil.link_map import Component
from hil.measure import Measurement
from hil.report import Cell
from hil.tables import MISSING
from hil.tlsrig.baselines.table import Entry, table


def entry(title: str, library: str, **figures: int | None) -> Entry:
    cell = Cell("board", "openssl", "3", "scenario", verdict="pass")
    cell.negotiated = {"version": "TLSv1.3"}
    cell.measurements = [
        Measurement(name, value, "bytes", f"how {name}", reason=None if value is not None else "no")
        for name, value in figures.items()
    ]
    parts = (
        Component("libraries", f"{library}.one", 1000, 24, 5),
        Component("libraries", f"{library}.two", 500, 0, 0),
        Component("libraries", f"{library}x.three", 9000, 0, 0),
    )
    firmware = Firmware("image", Path("f.elf"), "0" * 64, "none", {}, 9999, 1, parts)
    return Entry(title, cell, firmware, library)


def row(text: str, title: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(title)]
    return line[len(title) :].split()


def test_ours_is_first_and_so_many_times_theirs():
    ours = entry("ours", "tlscore", handshake_instructions=250_000_000, heap_min_bytes=3000)
    theirs = entry("Other", "other", handshake_instructions=100_000_000, heap_min_bytes=1000)
    text = table([ours, theirs], 140)
    assert row(text, "instructions of the handshake") == ["250,000,000", "100,000,000", "2.50", "x"]
    assert row(text, "flash of the library, bytes") == ["1,524", "1,524", "1.00", "x"]


def test_memory_is_added_up_only_when_all_of_it_was_measured():
    memory = {"heap_min_bytes": 100, "stack_peak_bytes": 20, "ram_static_bytes": 3}
    whole, part = (
        entry("ours", "a", **memory),
        entry("b", "b", **{**memory, "heap_min_bytes": None}),
    )
    assert row(table([whole, part], 140), "heap + stack + static, bytes") == [
        "123",
        MISSING,
        MISSING,
    ]


def test_nothing_is_divided_by_a_heap_of_nothing():
    text = table([entry("ours", "a", heap_min_bytes=5), entry("b", "b", heap_min_bytes=0)], 140)
    assert row(text, "heap needed, bytes") == ["5", "0", MISSING]


def test_a_cell_that_failed_says_so_with_its_reason():
    failed = entry("Other", "other")
    failed.cell.verdict, failed.cell.reason = "fail", "it refused"
    text = table([entry("ours", "a"), failed], 140)
    assert row(text, "version") == ["TLSv1.3", "fail"]
    assert "Other: fail: it refused" in text


def test_the_method_of_each_heap_is_told():
    text = table([entry("ours", "a", heap_min_bytes=5)], 140)
    assert "ours, heap: how heap_min_bytes" in text
