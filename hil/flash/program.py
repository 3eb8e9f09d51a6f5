"""Runs a flashing tool as a program of its own and hands on what it says, line by line."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO, cast

from hil import process
from hil.errors import HilError

_READ_BYTES = 4096
# Tools redraw a line of progress by a carriage return.
_LINE_END = re.compile(rb"[\r\n]+")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class TooSlow(HilError):
    """The tool did not end within its time."""


def run(argv: Sequence[str], timeout_s: float, heard: Callable[[str], None]) -> int:
    """Run a tool and return its exit status.

    Args:
        argv: program and arguments.
        timeout_s: it is ended when it takes longer.
        heard: called with every line of its output, errors included, without colours.

    Raises:
        TooSlow: it did not end by itself.
    """
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "500"}
    environment["PYTHONUNBUFFERED"] = "1"
    child = process.supervised(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    try:
        assert child.stdout is not None
        if not _listen(cast(BinaryIO, child.stdout), time.monotonic() + timeout_s, heard):
            raise TooSlow(f"no end after {timeout_s:g} s")
        return child.wait()
    finally:
        process.stop(child)


def _listen(stream: BinaryIO, deadline_s: float, heard: Callable[[str], None]) -> bool:
    """Hand on lines until the stream ends; return False if the time was over before."""
    unfinished = b""
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        while (left_s := deadline_s - time.monotonic()) > 0:
            if not ready.select(left_s):
                continue
            data = os.read(stream.fileno(), _READ_BYTES)
            *lines, unfinished = _LINE_END.split(unfinished + data)
            for line in lines if data else [*lines, unfinished]:
                text = _COLOUR.sub("", line.decode("utf-8", "replace")).strip()
                if text:
                    heard(text)
            if not data:
                return True
    return False
