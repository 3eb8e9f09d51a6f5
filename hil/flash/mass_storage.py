"""Flashing by copying a file to a board's drive: DAPLink and ST-Link boards, and UF2 loaders.

DAPLink (and ST-Link likewise) writes the file to the chip while it is being copied, then takes the
drive away and brings it back without the file. If something went wrong, the drive comes back with a
FAIL.TXT that says what. DETAILS.TXT has the interface firmware's own facts, among them a count of
these returns ("Remount count"). Source: DAPLink's documentation, "MSD commands" and "Interface
Details". The file cannot be read back: the interface's own verification and the version over the
REPL are what there is.

A UF2 loader (RP2040) takes the file and starts the chip: its drive goes away and stays away.

What it does not do: mount a drive.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hil.flash import Done, FlashUsageError, Request, Step

_T = TypeVar("_T")

MOUNTS = Path("/proc/self/mounts")
_LOOK_S = 0.05
_FAIL, _DETAILS, _UF2_FACTS = "FAIL.TXT", "DETAILS.TXT", "INFO_UF2.TXT"
_SUFFIXES = (".bin", ".hex")
_UF2_MAGIC = b"UF2\n"
_REMOUNTS = re.compile(r"^Remount count:\s*(\d+)", re.MULTILINE)
_INTERFACE = re.compile(r"^(?:Interface Version|Version):\s*(.*\S)", re.MULTILINE)
_UNIQUE_ID = re.compile(r"^Unique ID:\s*(\S+)", re.MULTILINE)
_ESCAPE = re.compile(r"\\([0-7]{3})")

_AGAIN = (
    "unplug the board and plug it in again, wait for its drive, and run the same command again; "
    "the interface chip that offers the drive is not written to"
)
_UF2_AGAIN = (
    "hold BOOTSEL while plugging the board in, wait for its drive, and run the same command again; "
    "the loader is in ROM and cannot be overwritten"
)


def flash(request: Request, done: Done) -> None:
    """Copy the file to a DAPLink or ST-Link drive and wait until it has come back.

    Raises:
        FlashUsageError: the file is of no kind that such a drive takes.
        FlashError: a step failed; FAIL.TXT is quoted.
    """
    if request.firmware.suffix.lower() not in _SUFFIXES:
        raise FlashUsageError(f"{request.firmware}: such a drive takes {' and '.join(_SUFFIXES)}")
    drive = _find(request, _AGAIN)
    before = _read(drive / _DETAILS) or ""
    interface = _INTERFACE.search(before)
    of = f", interface firmware {interface.group(1)}" if interface else ""
    done("connect", f"drive {drive}{of}")
    _copy(request, drive, _AGAIN)
    done("write", f"{request.firmware.stat().st_size} bytes")
    copied = request.firmware.name

    def returned() -> Path | None:
        found = _located(request)
        if found is None or (found / copied).exists():
            return None
        return found if _read(found / _DETAILS) is not None else None

    drive = _await(request, "verify", returned, "the drive did not come back without the file")
    failure = _read(drive / _FAIL)  # on a drive that has come back it is of this time
    if failure is not None:
        raise request.failed("verify", f"{_FAIL} says: {' '.join(failure.split())}", _AGAIN)
    counted = _counted(drive, before)
    if counted is not None and counted <= 0:
        raise request.failed("verify", "the drive's remount count has not changed", _AGAIN)
    done("verify", f"the drive came back without {_FAIL}")


def flash_uf2(request: Request, done: Done) -> None:
    """Copy the file to the drive of a UF2 loader and wait until the chip has left the loader.

    Raises:
        FlashUsageError: the file is no UF2 file.
        FlashError: a step failed.
    """
    with request.firmware.open("rb") as file:
        if file.read(len(_UF2_MAGIC)) != _UF2_MAGIC:
            raise FlashUsageError(f"{request.firmware}: no UF2 file")
    drive = _find(request, _UF2_AGAIN)
    done("connect", f"drive {drive}")
    _copy(request, drive, _UF2_AGAIN)
    done("write", f"{request.firmware.stat().st_size} bytes")
    _await(
        request,
        "restart",
        lambda: None if (drive / _UF2_FACTS).exists() else drive,
        "the drive is still there: the loader did not take the file",
        _UF2_AGAIN,
    )
    done("restart", "the loader's drive has gone")


def _find(request: Request, recovery: str) -> Path:
    drive = _located(request)
    if drive is not None:
        return drive
    if request.drive is not None:
        raise request.failed("connect", f"no drive is mounted at {request.drive}", recovery)
    label = request.fact("label")
    device = Path("/dev/disk/by-label") / label
    if device.exists():
        how = f"mount it (udisksctl mount -b {device.resolve()}), and run the command again"
        raise request.failed("connect", f"the drive {label} is there, but not mounted", how)
    raise request.failed(
        "connect",
        f"no drive called {label} is mounted",
        f"plug the board in, or name the folder of its drive by --drive; {recovery}",
    )


def _located(request: Request) -> Path | None:
    """Return the folder of the board's drive, or None when it is not there just now."""
    if request.drive is not None:
        facts = (request.drive / name for name in (_DETAILS, _UF2_FACTS))
        return request.drive if any(path.is_file() for path in facts) else None
    label = request.fact("label")
    found = [drive for drive in mounted(label) if _is_of(drive, request)]
    if len(found) > 1:
        raise FlashUsageError(
            f"{len(found)} drives are called {label}: {', '.join(map(str, found))}; "
            "choose one by --drive, or give the board's identify.probe_id"
        )
    return found[0] if found else None


def _is_of(drive: Path, request: Request) -> bool:
    """Say whether a drive may be that of the board, whose probe has an id on some interfaces."""
    wanted = request.target.identify.get("probe_id")
    said = _UNIQUE_ID.search(_read(drive / _DETAILS) or "")
    return wanted is None or said is None or said.group(1) == wanted


def mounted(label: str, mounts: Path | None = None) -> list[Path]:
    """Return the folders where drives of that label are mounted, as desktops name them."""
    named = re.compile(rf"{re.escape(label)}\d*")
    folders = [
        Path(_ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), line.split()[1]))
        for line in (mounts or MOUNTS).read_text(encoding="utf-8").splitlines()
    ]
    return sorted(folder for folder in folders if named.fullmatch(folder.name))


def _copy(request: Request, drive: Path, recovery: str) -> None:
    """Copy the file and push it out of the host's cache."""
    content = request.firmware.read_bytes()
    try:
        with (drive / request.firmware.name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        failure = _read(drive / _FAIL)
        quoted = f"; {_FAIL} says: {' '.join(failure.split())}" if failure else ""
        problem = f"{error.strerror or error}{quoted}"
        raise request.failed("write", problem, recovery) from error


def _await(
    request: Request,
    step: Step,
    look: Callable[[], _T | None],
    problem: str,
    recovery: str = _AGAIN,
) -> _T:
    """Look until there is something to see.

    Raises:
        FlashError: there was nothing within the request's patience.
    """
    deadline_s = time.monotonic() + request.patience_s
    while (seen := look()) is None:
        if time.monotonic() >= deadline_s:
            raise request.failed(step, f"{problem} within {request.patience_s:g} s", recovery)
        time.sleep(_LOOK_S)
    return seen


def _counted(drive: Path, before: str) -> int | None:
    """Return how often the drive has come back since; None where the interface does not count."""
    then = _REMOUNTS.search(before)
    now = _REMOUNTS.search(_read(drive / _DETAILS) or "")
    return int(now.group(1)) - int(then.group(1)) if then and now else None


def _read(path: Path) -> str | None:
    """Return a text of the drive; None when it, or the whole drive, is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
