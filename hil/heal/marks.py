"""Marks of wedged boards: a file beside the lease of a board that nothing has healed.

Written and removed only while the board is held, so no lock of its own is needed; written under
another name first, so that who looks meanwhile sees all of it or nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from hil.errors import HilError
from hil.lab import lease

SUFFIX = ".wedged.json"


@dataclass(frozen=True)
class Mark:
    """A board that nothing has healed.

    Attributes:
        board: what it was called when it was marked.
        key: what it is, as `hil.lab.lease.key_of` says.
        since_utc: ISO 8601, to the second.
        reason: what it does, or does not.
        tried: what was done to it, beside what every boot does.
    """

    board: str
    key: str
    since_utc: str
    reason: str
    tried: tuple[str, ...]


def read(folder: Path, key: str) -> Mark | None:
    """Return the mark of a board; None when it has none.

    Args:
        folder: of the leases.
        key: what the board is.

    Raises:
        HilError: there is one, and it cannot be read.
    """
    return _read(lease.file_of(folder, key, SUFFIX))


def write(folder: Path, board: str, key: str, reason: str, tried: tuple[str, ...]) -> None:
    """Mark a board; one that is marked keeps the time since when.

    Raises:
        HilError: the file cannot be written.
    """
    path = lease.file_of(folder, key, SUFFIX)
    earlier = read(folder, key)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    mark = Mark(board, key, earlier.since_utc if earlier else now, reason, tried)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(asdict(mark), indent=2) + "\n", encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise HilError(f"{path}: the mark of {board} cannot be written: {error}") from error


def clear(folder: Path, key: str) -> None:
    """Take the mark of a board away, if it has one.

    Raises:
        HilError: the file cannot be removed.
    """
    path = lease.file_of(folder, key, SUFFIX)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise HilError(f"{path}: the mark cannot be removed: {error}") from error


def listed(folder: Path) -> list[Mark]:
    """Return the marks of all boards, by name of the board."""
    found = [_read(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    return sorted((mark for mark in found if mark is not None), key=lambda mark: mark.board)


def _read(path: Path) -> Mark | None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return Mark(**{**facts, "tried": tuple(facts["tried"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise HilError(f"{path}: no readable mark of a board ({error}); delete the file") from error
