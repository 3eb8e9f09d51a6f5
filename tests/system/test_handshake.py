"""Every chosen scenario on every chosen board against every chosen reference peer."""

from __future__ import annotations

from collections.abc import Callable

from hil.report import Cell


def test_handshake(tls_cell: Callable[[], Cell], hil_record: Callable[[Cell], None]) -> None:
    cell = tls_cell()
    hil_record(cell)
    assert cell.verdict == "pass", f"{cell.verdict}: {cell.reason}"
