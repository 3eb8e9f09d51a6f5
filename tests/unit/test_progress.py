"""What long work shows: a line that changes on a terminal, nothing in a log, lines with -v."""

import os
import pty
import subprocess
import sys

import pytest

from hil.progress import Display

WORK = """
import sys
from hil.progress import on_stderr
with on_stderr(int(sys.argv[1])) as display:
    display("unix: [compiling]")
    display("unix: [compiling]")
    display("unix: linking")
print("done")
"""


def lines_of(verbosity):
    lines = []
    with Display(lines.append, verbosity=verbosity) as display:
        for step in ("fetching", "compiling", "compiling", "linking"):
            display(step)
    return lines


def test_a_log_stays_quiet_unless_asked():
    assert lines_of(-1) == []
    assert lines_of(0) == []


def test_verbose_leaves_a_line_for_each_step():
    assert lines_of(1) == ["fetching", "compiling", "linking"]


def on_a_terminal(verbosity):
    """Return what a terminal on standard error is sent."""
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", WORK, str(verbosity)],
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
            timeout=60,
        )
        os.set_blocking(ours, False)
        try:
            return os.read(ours, 65536).decode()
        except BlockingIOError:
            return ""
    finally:
        os.close(ours)
        os.close(theirs)


def test_on_a_terminal_a_line_changes_and_is_gone_at_the_end():
    shown = on_a_terminal(0)
    assert "unix: [compiling]" in shown
    assert "0:00:00" in shown
    assert shown.rstrip("\r\n").endswith("\x1b[2K")  # the line erased


@pytest.mark.parametrize("verbosity", [-1, 1])
def test_on_a_terminal_quiet_and_verbose_are_as_in_a_log(verbosity):
    shown = on_a_terminal(verbosity)
    wanted = "unix: [compiling]\r\nunix: linking\r\n" if verbosity > 0 else ""
    assert shown == wanted
