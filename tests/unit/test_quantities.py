"""How values are written for people."""

from __future__ import annotations

import pytest

from hil import quantities
from hil.tables import MISSING


@pytest.mark.parametrize(
    ("value", "unit", "short", "exact"),
    [
        (14_176, "bytes", "14,176 B", "14,176 B"),
        (276_570_123, "instructions", "276.57 M", "276,570,123 instructions"),
        (99_999, "instructions", "99,999", "99,999 instructions"),
        (64.275, "ms", "64.3 ms", "64.275 ms"),
        (331.2, "ms", "331 ms", "331.2 ms"),
        (2_201.3, "ms", "2.20 s", "2,201.3 ms"),
        (18, "count", "18", "18"),
        (1_500, "us", "1,500 µs", "1,500 µs"),
        (0, "bytes", "0 B", "0 B"),
        (None, "bytes", MISSING, MISSING),
    ],
)
def test_a_value_is_written_with_its_unit(value, unit, short, exact):
    assert quantities.in_unit(value, unit) == short
    assert quantities.exactly(value, unit) == exact


@pytest.mark.parametrize(
    ("value", "written"),
    [(100, "100 B"), (65_536, "64 KB"), (1_536, "1.5 KB"), (4_194_304, "4 MB")],
)
def test_a_size_is_written_as_data_sheets_do(value, written):
    assert quantities.size(value) == written


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        (100, 100, "="),
        (1000, 1001, "+0.10 %"),
        (100, 90, "\N{MINUS SIGN}10.0 %"),
        (0, 5, "new"),
        (0, 0, "="),
    ],
)
def test_a_change_is_signed(before, after, written):
    assert quantities.change(before, after) == written


def test_a_small_share_keeps_a_decimal():
    assert quantities.share(25, 4096) == "0.6 %"
    assert quantities.share(22, 64) == "34 %"
    assert quantities.share(1, 0) == "0.0 %"
