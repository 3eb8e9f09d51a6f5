"""The table that puts our board's figures beside those of C libraries on the same core.

One column a library with ours in front, one row a figure, and how many times theirs ours is.
Memory is comparable only as a whole: what one library allocates another keeps in static buffers.
Flash is shown twice, the library alone and the whole program, because our board has an interpreter
and a serial agent in its image and the others have nothing but what the connection needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from hil import tables
from hil.image import Firmware
from hil.report import Cell

_MEMORY = ("heap_min_bytes", "stack_peak_bytes", "ram_static_bytes")


@dataclass(frozen=True)
class Entry:
    """One column: a cell, what it ran, and which components of that are the library."""

    title: str
    cell: Cell
    firmware: Firmware
    library: str

    def value(self, name: str) -> float | None:
        """Return a figure of the cell, None when it has not been measured."""
        found = [figure.value for figure in self.cell.measurements if figure.name == name]
        return found[-1] if found else None

    @property
    def memory_bytes(self) -> float | None:
        """Heap, stack and static memory together."""
        values = [self.value(name) for name in _MEMORY]
        return None if None in values else sum(value for value in values if value is not None)

    @property
    def library_flash_bytes(self) -> int:
        """What the library's own components occupy in flash."""
        return sum(
            part.text_bytes + part.data_bytes
            for part in self.firmware.components
            if part.name.partition(".")[0] == self.library
        )


def _phases(entry: Entry, *names: str) -> float | None:
    values = [entry.value(f"phase.{name}.instructions") for name in names]
    return None if None in values else sum(value for value in values if value is not None)


def _signatures(entry: Entry) -> float | None:
    theirs = _phases(entry, "signature_verification")
    return _phases(entry, "certificate", "certificate_verify") if theirs is None else theirs


def _key_exchange(entry: Entry) -> float | None:
    theirs = _phases(entry, "key_exchange")
    return _phases(entry, "key_share") if theirs is None else theirs


_Row = tuple[str, Callable[[Entry], "float | None"]]


def _figure(title: str, name: str) -> _Row:
    return title, lambda entry: entry.value(name)


_ROWS: tuple[_Row, ...] = (
    _figure("instructions of the handshake", "handshake_instructions"),
    ("  in signatures", _signatures),
    ("  in the key exchange", _key_exchange),
    _figure("largest live heap, bytes", "heap_live_peak_bytes"),
    _figure("heap needed, bytes", "heap_min_bytes"),
    _figure("stack, bytes", "stack_peak_bytes"),
    _figure("static, bytes", "ram_static_bytes"),
    ("heap + stack + static, bytes", lambda entry: entry.memory_bytes),
    ("flash of the library, bytes", lambda entry: entry.library_flash_bytes),
    _figure("flash of the whole program, bytes", "flash_image_bytes"),
    _figure("bytes sent", "bytes_sent"),
    _figure("bytes received", "bytes_received"),
)


def table(entries: Sequence[Entry], width: int) -> str:
    """Return the table as text.

    Args:
        entries: ours first.
        width: of the terminal.
    """
    ours, *others = entries
    shown = tables.empty_table()
    shown.add_column("", no_wrap=True)
    shown.add_column(ours.title, justify="right", no_wrap=True)
    for other in others:
        shown.add_column(other.title, justify="right", no_wrap=True)
        shown.add_column("ours is", justify="right", no_wrap=True)
    versions = [_named(ours)]
    for other in others:
        versions += [_named(other), ""]
    shown.add_row("version", *versions)
    for title, value in _ROWS:
        cells = [_number(value(ours))]
        for other in others:
            cells += [_number(value(other)), _ratio(value(ours), value(other))]
        shown.add_row(title, *cells)
    return tables.render([shown, *map(Text, _notes(entries))], width)


def _named(entry: Entry) -> str:
    if entry.cell.verdict != "pass":
        return str(entry.cell.verdict)
    return str(entry.cell.negotiated["version"])


def _number(value: float | None) -> str:
    return tables.MISSING if value is None else f"{value:,.0f}"


def _ratio(ours: float | None, theirs: float | None) -> str:
    if ours is None or not theirs:
        return tables.MISSING
    return f"{ours / theirs:.2f} x"


def _notes(entries: Sequence[Entry]) -> list[str]:
    """Say what a row means that is not the same for all, how each heap was found, what failed."""
    ours = entries[0]
    notes = []
    if _signatures(ours) is not None:
        notes.append(f"{ours.title}, in signatures: reading the certificates included")
    for entry in entries:
        notes += [
            f"{entry.title}, heap: {figure.method}"
            for figure in entry.cell.measurements
            if figure.name == "heap_min_bytes"
        ]
        if entry.cell.verdict != "pass":
            notes.append(f"{entry.title}: {entry.cell.verdict}: {entry.cell.reason}")
    return notes
