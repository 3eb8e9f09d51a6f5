"""The page and the tables of a bench run."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from bench import desk, goals, page, tables
from bench.figures import Figure, Figures
from bench.operations import OPERATIONS
from hil.tables import MISSING

BOARDS = ("unix", "qemu-cortexm", "qemu-mips")
FACTS = page.Facts(
    command="python -m bench --write",
    began=datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
    took_s=605.0,
    commit="0123456789abcdef",
    dirty=True,
    versions={"python": "3.11.7", "pytest-hil": "0.1.0"},
)


@pytest.fixture
def figures():
    """A run in which one board leaves something out and another counts nothing."""
    made = Figures(backends={"qemu-cortexm": {"aes": "thumb", "rsa": "portable"}})
    for number, row in enumerate(OPERATIONS):
        for name in BOARDS:
            reason = "no timer counts" if name == "unix" else None
            if (name, row.key) == ("qemu-mips", "ecdsa_p256_sign"):
                reason = "the image leaves out ecdsa_sign"
            value = None if reason else 1_000_000.0 * (number + 1)
            made.add([Figure(name, row.key, value, row.unit, "counted", reason)])
    made.add([Figure("BearSSL", "x25519", 2_000_000, "instructions", "half of a phase")])
    for name, rate in (("CPython", 60.0), ("tlslite-ng", 40.0)):
        made.add([Figure(name, desk.rows()[0].key, rate, desk.A_SECOND, "median")])
    return made


@pytest.fixture
def shown(figures):
    return page.all_tables(figures, BOARDS, desk.rows())


def table(shown, title):
    (found,) = (one for one in shown if one.title.startswith(title))
    return found


def test_the_page_says_when_of_what_and_by_which_command(shown):
    text = page.markdown(FACTS, shown)
    for fact in ("2031-02-03 04:05 UTC", "10 min", "0123456789ab with changes", "python 3.11.7"):
        assert fact in text
    assert "Written by `python -m bench --write`" in text
    assert "How it was measured" in text


def test_goals_are_met_or_missed_by_the_figures(shown):
    rows = {row[0]: row for row in table(shown, "Goals").rows}
    assert rows["X25519, one scalar multiplication"][2:] == ["≤ 1.10 M", "1.00 M", "met"]
    assert rows["ECDSA P-256 signature"][2:] == ["≤ 1.50 M", "3.00 M", "**missed**"]
    ahead = next(title for title in rows if title.startswith("CPython beside"))
    assert rows[ahead][2:] == ["> 1.00 x", "1.50 x", "met"]
    assert rows["smallest heap, certificates, records of 2 KB"][2:] == [
        "≤ 12,288",
        MISSING,
        MISSING,
    ]


def test_a_figure_that_is_missing_says_why_below(shown):
    operations = table(shown, "Single operations")
    assert operations.heads == ["", "qemu-cortexm", "qemu-mips"]
    (signature,) = (row for row in operations.rows if row[0] == "ECDSA P-256 signature")
    assert signature[1:] == ["3.00 M", MISSING]
    notes = " ".join(operations.notes)
    assert "qemu-mips, ECDSA P-256 signature: the image leaves out ecdsa_sign" in notes
    assert "unix: no timer counts" in notes


def test_what_others_take_stands_beside_with_the_ratio(shown):
    rows = {row[0]: row for row in table(shown, "Beside TLS libraries").rows}
    assert rows["one X25519"][1:4] == ["1.00 M", "2.00 M", "0.50 x"]
    assert rows["one X25519"][4:] == [MISSING, MISSING]


def test_what_was_not_measured_has_no_table(shown):
    titles = {one.title for one in shown}
    assert "Handshakes" not in titles
    assert "RAM of the kernels, bytes" not in titles
    assert table(shown, "Back ends").rows == [["qemu-cortexm", "thumb: aes; portable: rsa"]]


def test_every_line_of_a_table_has_as_many_cells(shown):
    text = page.markdown(FACTS, shown)
    blocks = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(blocks) > 4
    for block in blocks:
        assert len({line.count("|") for line in block.strip().splitlines()}) == 1, block


@pytest.mark.parametrize("width", [100, 160])
def test_a_terminal_shows_the_same_figures(shown, width):
    text = page.terminal(FACTS, shown, width)
    assert "1.00 M" in text
    assert "missed" in text
    assert "**" not in text


def test_what_went_wrong_is_said_first(shown):
    facts = page.Facts(**{**vars(FACTS), "complaints": ["qemu-mips tls13-psk: fail: slow"]})
    text = page.markdown(facts, shown)
    assert text.index("qemu-mips tls13-psk: fail: slow") < text.index("## Goals")


def test_handshakes_add_up_their_memory(figures):
    sizes = {"heap_min_bytes": 12_000, "stack_peak_bytes": 3_000, "ram_static_bytes": 1_384}
    for name, size in sizes.items():
        key = f"tls13-x509-p256.{name}"
        figures.add([Figure(goals.CORTEX_M3, key, size, "bytes", "found")])
    (row,) = tables.of_handshakes(figures, BOARDS).rows
    assert row[1:] == ["qemu-cortexm", MISSING, "12,000", "3,000", "1,384", "16,384"]
