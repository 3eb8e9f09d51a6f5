"""What the HTML report says of boards: memory and flash, as bars on common scales.

Bars of one section share a scale, so that boards compare at a glance; a board's own RAM or flash
is a mark on its bar where it fits on the scale, and a share in words where it does not. A figure
that is missing is missing in the sum too, and the row says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hil import components, quantities
from hil.document import Document
from hil.html import bars as html_bars
from hil.html import charts
from hil.html.bars import Row, Section
from hil.html.cells import CellView
from hil.html.charts import Part
from hil.tables import MISSING

# What RAM is of: name, its class, and what it means.
MEMORY = (
    ("static", "m0", "variables of the image, without heap and stack"),
    ("stack", "m1", "deepest use of the painted stack"),
    ("live heap", "m2", "largest live heap at the checkpoints: modules, agent and connection"),
    ("heap to spare", "m3", "what the smallest sufficient heap needs beyond what is live"),
)

_KB = 1024


def memory(targets: Iterable[Document], cells: Sequence[CellView]) -> Section | None:
    """Return the RAM of each board in its hungriest cell; None when no cell measured any."""
    found = {}
    for target in on_scale(targets):
        name = target["name"]
        own = [(_ram(cell), cell) for cell in cells if cell.document["target"] == name]
        live = "heap_live_peak_bytes"  # which is 0 where a program allocates nothing
        own = [pair for pair in own if html_bars.value(pair[1].document, live) is not None]
        if own:
            found[name] = (target, *max(own, key=lambda pair: html_bars.length(pair[0])))
    if not found:
        return None
    largest = max(html_bars.length(parts) for _, parts, _ in found.values())
    rams = [target["ram_bytes"] for target, _, _ in found.values() if target["ram_bytes"]]
    scale = _scale(largest, rams, reach=4)
    looks = {part.look for _, parts, _ in found.values() for part in parts}
    rows = [_memory_row(target, parts, cell, scale) for target, parts, cell in found.values()]
    return Section(rows, _axis(scale), [entry for entry in MEMORY if entry[1] in looks])


def on_scale(targets: Iterable[Document]) -> list[Document]:
    """Return the targets whose figures are a board's own.

    A process of the host has 64-bit objects and no flash: on one scale with boards it would make
    their bars short and say nothing. It has the scale for itself in a run without boards.
    """
    targets = list(targets)
    return [target for target in targets if target["class"] != "process"] or targets


def _ram(cell: CellView) -> list[Part]:
    static, stack, live, smallest = (
        html_bars.value(cell.document, name)
        for name in (
            "ram_static_bytes",
            "stack_peak_bytes",
            "heap_live_peak_bytes",
            "heap_min_bytes",
        )
    )
    spare = None
    if smallest is not None:
        live = min(live or 0, smallest)
        spare = smallest - live
    values = (static, stack, live, spare)
    return [
        Part(name, value, f"{quantities.count(value)} B", look)
        for (name, look, _), value in zip(MEMORY, values, strict=True)
        if value
    ]


def _memory_row(target: Document, parts: list[Part], cell: CellView, scale: float) -> Row:
    total, ram = html_bars.length(parts), target["ram_bytes"]
    share = f"{quantities.share(total, ram)} of {quantities.size(ram)}" if ram else ""
    written = f"{total / _KB:,.1f} KB"
    words = ", ".join(f"{part.name} {part.written}" for part in parts)
    return Row(
        target,
        charts.bar(
            f"{target['name']}: {written} of RAM {share}: {words}",
            parts,
            scale,
            limit=ram,
            ticks=_ticks(scale),
        ),
        written,
        share,
        notes=html_bars.missing(cell.document, ("ram_static_bytes", "stack_peak_bytes")),
        cell=cell,
        figures={part.name: part.written for part in parts},
    )


def flash(targets: Iterable[Document]) -> Section | None:
    """Return the flash of each board's image by component; None without a single figure."""
    images = {
        target["name"]: (target, components.by_group(rows))
        for target, rows in ((target, _components(target)) for target in on_scale(targets))
        if components.flash_bytes(rows)
    }
    if not images:
        return None
    names = list(dict.fromkeys(group for _, groups in images.values() for group in groups))
    looks = {name: charts.colour(index) for index, name in enumerate(names)}
    totals = [components.flash_bytes(_components(target)) for target, _ in images.values()]
    sizes = [target["flash_bytes"] for target, _ in images.values() if target["flash_bytes"]]
    scale = _scale(max(totals), sizes, reach=2)
    rows = [_flash_row(target, groups, looks, scale) for target, groups in images.values()]
    return Section(rows, _axis(scale), [(name, look, "") for name, look in looks.items()])


def _flash_row(
    target: Document,
    groups: Mapping[str, list[Document]],
    looks: Mapping[str, str],
    scale: float,
) -> Row:
    sizes = {name: components.flash_bytes(groups.get(name, [])) for name in looks}
    parts = [
        Part(name, size, f"{quantities.count(size)} B", looks[name])
        for name, size in sizes.items()
        if size
    ]
    total, room = html_bars.length(parts), target["flash_bytes"]
    share = f"{quantities.share(total, room)} of {quantities.size(room)}" if room else ""
    words = ", ".join(f"{part.name} {part.written}" for part in parts)
    title = f"{target['name']}: {quantities.count(total)} B of flash {share}: {words}"
    return Row(
        target,
        charts.bar(title, parts, scale, limit=room, ticks=_ticks(scale)),
        f"{total / _KB:,.1f} KB",
        share,
        figures={part.name: part.written for part in parts},
    )


def modules(targets: Iterable[Document]) -> list[tuple[str, str, list[str]]]:
    """Return every component with its bytes of flash on each board: group, name, bytes."""
    boards = [components.by_group(rows) for rows in map(_components, targets) if rows]
    names = dict.fromkeys(
        (group, row["name"]) for board in boards for group, rows in board.items() for row in rows
    )
    found = []
    for group, name in names:
        sizes = [
            components.flash_bytes(row for row in board.get(group, []) if row["name"] == name)
            for board in boards
        ]
        if any(sizes):
            written = [quantities.count(size) if size else MISSING for size in sizes]
            found.append((group, name, written))
    order = list(dict.fromkeys(group for group, _, _ in found))
    return sorted(found, key=lambda entry: order.index(entry[0]))


def _components(target: Document) -> list[Document]:
    found: list[Document] = (target["firmware"] or {}).get("components", [])
    return found


def _scale(largest: float, limits: Iterable[float], reach: float) -> float:
    """Return the right end of a scale in bytes: above all values, and the next limit if near."""
    step = _KB
    while step * 8 < largest:
        step *= 2
    end = step * -(-largest // step)
    near = [limit for limit in limits if end < limit <= reach * largest]
    return min(near, default=end)


def _ticks(scale: float) -> list[float]:
    step = _KB
    while scale / step > 5:
        step *= 2
    return [step * count for count in range(int(scale // step) + 1)]


def _axis(scale: float) -> str:
    return charts.axis([(tick, quantities.size(tick)) for tick in _ticks(scale)], scale)
