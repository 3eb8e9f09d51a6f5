"""Says what long work is doing: one line that changes on a terminal, and nothing in a log.

On a terminal the line has a spinner and the time since the first step, and is gone when the work
ends. Verbose, every step leaves a line, wherever the output goes. Quiet, there is nothing. Work
reports its steps by calling the display with a line of text, and needs to know nothing of it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress


class Display:
    """Shows steps of long work: call it with a line of text for each.

    Safe to call from several threads. Leaving it as a context manager ends it; a step after
    that begins anew.

    Args:
        write_line: writes a line that stays.
        terminal: where a line can be changed; None in a log. It belongs to the caller and must
            not be redirected while a line is shown.
        prepare: called before a changing line appears.
        verbosity: below 0 nothing is shown, above 0 every step leaves a line.
    """

    def __init__(
        self,
        write_line: Callable[[str], None],
        *,
        terminal: TextIO | None = None,
        prepare: Callable[[], object] = lambda: None,
        verbosity: int = 0,
    ) -> None:
        self._write_line = write_line
        self._terminal = terminal
        self._prepare = prepare
        self._verbosity = verbosity
        self._lock = threading.Lock()
        self._shown: Progress | None = None
        self._last: str | None = None

    def __call__(self, step: str) -> None:
        """Say that a step begins or goes on."""
        with self._lock:
            if self._verbosity > 0 and step != self._last:
                self._write_line(step)
            elif self._verbosity == 0 and self._terminal is not None:
                self._show(step, self._terminal)
            self._last = step

    def end(self) -> None:
        """Take the line away; harmless when there is none."""
        with self._lock:
            shown, self._shown = self._shown, None
            self._last = None
            if shown is not None:
                shown.stop()

    def __enter__(self) -> Display:
        """Return the display."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def _show(self, step: str, terminal: TextIO) -> None:
        from rich.markup import escape  # noqa: PLC0415  (rich is slow to import)

        if self._shown is None:
            self._prepare()
            self._shown = _line(terminal)
            self._shown.add_task(escape(step), total=None)
            self._shown.start()
        else:
            self._shown.update(self._shown.task_ids[0], description=escape(step))


def on_stderr(verbosity: int = 0) -> Display:
    """Return a display for a command whose result goes to standard output."""

    def write_line(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    terminal = sys.stderr if sys.stderr.isatty() else None
    return Display(write_line, terminal=terminal, verbosity=verbosity)


def _line(terminal: TextIO) -> Progress:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(file=terminal, force_terminal=True, highlight=False)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
