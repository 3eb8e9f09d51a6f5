"""How the farm's tables look: one style and one way to turn them into text, by rich.

What stands in a table is the business of the module that makes it.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

# What could not be measured or does not exist.
MISSING = "\N{EN DASH}"

# Width where nothing has an edge to wrap at, as in a pipe or the log of a CI job.
_LOG_COLUMNS = 140


def empty_table() -> Table:
    """Return a table in the farm's style, without columns."""
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1)
    )


def render(parts: Iterable[RenderableType], width: int, *, color: bool = False) -> str:
    """Return tables and lines as text of at most `width` columns, with ANSI colours or plain."""
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def stdout_columns() -> int:
    """Return the width of the terminal on standard output, or a generous one for a log."""
    if "COLUMNS" in os.environ or sys.stdout.isatty():
        return shutil.get_terminal_size(fallback=(80, 24)).columns
    return _LOG_COLUMNS
