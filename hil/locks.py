"""Locks between processes: one builder or fetcher at a time, however many pytest runs there are.

A lock is a file held with flock(2), so the kernel releases it when its holder dies. Threads of
one process exclude each other too, because every call opens the file anew.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file `path`, created if need be, for the time of the `with` block.

    Args:
        path: the lock file; it is left in place afterwards, because deleting a lock file that
            another process may be opening would hand out the same lock twice.
        waiting: called once, before blocking, when somebody else holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
