"""Leases: one user per board on a cable, however many runs there are and however they end.

Theory of operation. A lease is a file locked with flock(2), so the kernel ends it together with the
process that holds it, after `kill -9` too, and there is no such thing as a stale one. Beside the
lock file lies a record in JSON of who holds it; a record without a lock means nothing. Taking,
releasing and looking all happen under one more lock of that board, its guard, held for moments, so
that a look never gets in the way of a taker and a record always belongs to the lock beside it.
Boards have nothing in common: those who wait for one do not slow down anybody else.

A board is known by what its port is, not by what it is called (`key_of`): two names of one device,
or two target files for it, are one board.

Lock files stay: deleting one that another process may be opening would lease a board twice.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import re
import socket
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

from hil.errors import BoardLocked, HilError
from hil.plugged import links_folder

FOLDER_VARIABLE = "HIL_LEASES"
_LOCK, _RECORD = ".lock", ".json"
_GUARD = ".guard"  # locked while the lease of the board is taken, released or looked at
# What else lies there has a suffix more.
_RECORDS = re.compile(r".*-[0-9a-f]{8}\.json")
# Who waits looks less often after a while: there may be hundreds who wait.
_POLL_S, _LONGEST_POLL_S = 0.1, 0.5
_POLL_GROWTH = 1.05
_SLUG_CHARACTERS = 60
_JOB_CHARACTERS = 100  # in messages; `hil locks` has all of it
# Schemes whose host and port are the board, whichever of them it is reached by.
_NETWORK_SCHEMES = ("rfc2217", "socket")


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        board: what the holder calls the board.
        key: what the board is, as `key_of` says.
        job: the command that needs it.
        since_utc: ISO 8601, to the second.
    """

    board: str
    key: str
    pid: int
    user: str
    host: str
    job: str
    since_utc: str

    def __str__(self) -> str:
        job = textwrap.shorten(self.job, _JOB_CHARACTERS, placeholder=" ...")
        return f"{self.user} on {self.host} (pid {self.pid}: {job}) since {self.since_utc}"


def folder(of_lab: Path | None = None) -> Path:
    """Return where leases are: `HIL_LEASES`, that of the lab, or a folder of the user's own.

    Neither `HIL_CACHE` nor `XDG_RUNTIME_DIR` changes it: runs of one user must meet, whether they
    were started from a desk, by cron or by tox.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().resolve()
    if of_lab is not None:
        return of_lab
    return Path.home() / ".cache" / "pytest-hil" / "leases"


def places(by_path: Path | None = None) -> dict[Path, str]:
    """Return where the devices of this machine are plugged in: device -> name of the place.

    Args:
        by_path: folder of links to devices, named by where they are plugged in; udev's when None.
    """
    by_path = links_folder() / "by-path" if by_path is None else by_path
    found: dict[Path, str] = {}
    for link in by_path.iterdir() if by_path.is_dir() else ():
        device = link.resolve()
        # udev may give a place two names.
        found[device] = min(link.name, found.get(device, link.name))
    return found


def key_of(port: str, by_path: Path | None = None, known: Mapping[Path, str] | None = None) -> str:
    """Say what board a port is.

    Args:
        port: a device, or a URL of pyserial.
        by_path: folder of links to devices, named by where they are plugged in; udev's when None.
        known: what `places` has said, for who asks about many ports; looked up when None.

    Returns:
        `host:port` of a network port; for a device, this machine and the place where it is plugged
        in, which stays the same when the device comes back under another name.
    """
    parts = urlsplit(port)
    if parts.scheme in _NETWORK_SCHEMES and parts.hostname:
        host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
        return f"{host}:{parts.netloc.rpartition(':')[2]}"
    if parts.scheme:
        return port
    device = Path(port)
    by_path = links_folder() / "by-path" if by_path is None else by_path
    real = device.resolve()
    place = str(real)
    if device.parent == by_path:  # and not there at the moment, or it is found below
        place = device.name
    place = (places(by_path) if known is None else known).get(real, place)
    return f"{socket.gethostname()}:{place}"


def file_of(folder: Path, key: str, suffix: str) -> Path:
    """Return where a fact about a board lies beside its lease, whatever the board is called.

    Args:
        folder: of the leases.
        key: what the board is, as `key_of` says.
        suffix: of the file, with its dot: `.lock` and `.json` are the lease's own.
    """
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", key).strip("-")[-_SLUG_CHARACTERS:]
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return folder / f"{slug}-{digest}{suffix}"


class Leases:
    """The leases that this process holds.

    Args:
        folder: where all processes that share boards keep theirs; made if it does not exist.
        job: what this process does, for those who want a board meanwhile.
        wait_s: how long to wait for the holder of a board; once for each board, so that the many
            tests of one that stays locked do not wait one after the other.
        pid: of the process to name as the holder, if this one keeps them for another.
    """

    def __init__(
        self, folder: Path, job: str, wait_s: float = 0.0, *, pid: int | None = None
    ) -> None:
        self._folder = folder
        self._job = job
        self._pid = pid or os.getpid()
        self._wait_s = wait_s
        self._held: dict[str, int] = {}  # key -> open file
        self._in_vain: dict[str, BoardLocked] = {}  # key -> why it was not had

    def hold(self, board: str, key: str, waiting: Callable[[str], None] | None = None) -> None:
        """Take a lease; nothing happens if this process has it.

        Args:
            board: what the board is called.
            key: what it is, as `key_of` says.
            waiting: told once who holds it, before waiting.

        Raises:
            BoardLocked: another process has it; says who, since when, and for what.
            HilError: the folder cannot be used.
        """
        if key in self._held:
            return
        deadline = time.monotonic() + self._wait_s
        holder = self._try(board, key)
        if holder is not None and key in self._in_vain:
            raise self._in_vain[key].with_traceback(None)
        if holder is not None and self._wait_s > 0 and waiting is not None:
            waiting(f"{board}: waiting up to {self._wait_s:g} s for {holder}")
        poll_s = _POLL_S
        while holder is not None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                self._in_vain[key] = BoardLocked(_locked(board, holder, self._wait_s))
                raise self._in_vain[key]
            time.sleep(min(poll_s, left_s))
            poll_s = min(poll_s * _POLL_GROWTH, _LONGEST_POLL_S)
            holder = self._try(board, key)

    def release(self, key: str) -> None:
        """Give a lease back; nothing happens if this process does not have it."""
        handle = self._held.pop(key, None)
        if handle is None:
            return
        with ExitStack() as ends:
            # Before the guard's own end, so that there is no lock without a record.
            ends.callback(os.close, handle)
            with _guarded(file_of(self._folder, key, _GUARD)):
                with suppress(OSError):
                    file_of(self._folder, key, _RECORD).unlink(missing_ok=True)
                ends.close()

    def release_all(self) -> None:
        """Give every lease back."""
        for key in list(self._held):
            self.release(key)

    def _try(self, board: str, key: str) -> Holder | str | None:
        """Take the lease, or return who has it."""
        _made(self._folder)
        lock = file_of(self._folder, key, _LOCK)
        with _guarded(file_of(self._folder, key, _GUARD)), ExitStack() as unless_had:
            handle = _opened(lock)
            unless_had.callback(os.close, handle)
            if not _locks(handle, lock):
                record = _recorded(file_of(self._folder, key, _RECORD))
                return record or "a program that left no record"
            self._record(board, key)
            unless_had.pop_all()
            self._held[key] = handle
            return None

    def _record(self, board: str, key: str) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        here = socket.gethostname()
        holder = Holder(board, key, self._pid, _user(), here, self._job, now)
        path = file_of(self._folder, key, _RECORD)
        new = path.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)  # of a process, perhaps another user's, that was killed
            new.write_text(json.dumps(asdict(holder), indent=2) + "\n", encoding="utf-8")
            new.chmod(_mode_of_files(path.parent))
            new.replace(path)
        except OSError as error:
            raise HilError(f"{path}: the lease of {board} cannot be written: {error}") from error


def holders(folder: Path) -> list[Holder]:
    """Return who holds which board now, by name of the board.

    Raises:
        HilError: the folder cannot be used.
    """
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.glob(f"*{_RECORD}")):
        if _RECORDS.fullmatch(path.name) is None:
            continue
        with _guarded(path.with_suffix(_GUARD)):
            holder = _recorded(path)
            if holder is not None and _is_locked(path.with_suffix(_LOCK)):
                found.append(holder)
    return sorted(found, key=lambda holder: holder.board)


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HilError(f"{folder}: no folder for leases: {error.strerror}") from error


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    handle = _opened(path)
    try:
        _lock(handle, path, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """Open a lock file, created if need be; that of another user at least for reading."""
    try:
        with suppress(FileExistsError):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(handle, _mode_of_files(path.parent))
            return handle
        try:
            return os.open(path, os.O_RDWR)
        except PermissionError:
            return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise HilError(f"{path}: no lease without this file: {error.strerror}") from error


def _mode_of_files(folder: Path) -> int:
    """Return who may use a file in the folder: those who may use the folder, whatever the umask."""
    return folder.stat().st_mode & 0o666


def _lock(handle: int, path: Path, operation: int) -> None:
    try:
        fcntl.flock(handle, operation)
    except BlockingIOError:
        raise
    except OSError as error:
        # Over NFS, EBADF: a lock needs a file that may be written; ENOLCK: its server locks none.
        problem = f"cannot be locked, so that no lease is safe: {error.strerror}"
        raise HilError(f"{path}: {problem}") from error


def _locks(handle: int, path: Path) -> bool:
    try:
        _lock(handle, path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    handle = _opened(path)
    try:
        return not _locks(handle, path)
    finally:
        os.close(handle)


def _recorded(path: Path) -> Holder | None:
    """Return what a record says; None if it says nothing, as after a disk was full."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _locked(board: str, holder: Holder | str, wait_s: float) -> str:
    waited = f" and was not free within {wait_s:g} s" if wait_s else ""
    return (
        f"{board} is locked by {holder}{waited}; `hil locks` lists all, "
        "--wait-for-board=SECONDS waits"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user on this machine, as in a container
        return str(os.getuid())
