"""Puts files into the filesystem of an attached board, and sends only what is not there yet.

Everything goes below one folder of ours, `hil-farm` in the board's own start folder; the rest of
the filesystem is not touched. A manifest in that folder has the SHA-256 of each file: what it names
and has the right size is kept. While files change, the manifest names only those that do not, so
that a transfer that is cut short is noticed. The raw REPL has no checksum, so every file that was
sent is read back as a hash, and sent again if that is wrong.

What it does not do: compile (`hil.mpy`), or know what the files are for.
"""

from __future__ import annotations

import ast
import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.agent import ChannelTimeout, Refused
from hil.errors import BootError
from hil.rawrepl import RawRepl

_FOLDER = "hil-farm"
_MANIFEST = "manifest"
# A chunk becomes a literal on the board; boards with 40 KB of heap have room for that.
_CHUNK_BYTES = 768
_NAMES_AT_ONCE = 24
_TRIES = 4

_SURVEY = """
try:
 import os
 d=os.getcwd()
 v=os.statvfs(d)
 print((d,v[0],v[3]))
except (ImportError,AttributeError,OSError) as e:
 print((None,type(e).__name__,str(e)))
"""
# hil_sum: SHA-256 of a file; hil_size: its size, -1 when there is none.
_TOOLS = """
import os,hashlib,binascii
def hil_sum(p):
 h=hashlib.sha256();b=bytearray(256);m=memoryview(b)
 with open(p,'rb') as f:
  while 1:
   n=f.readinto(b)
   if not n:break
   h.update(m[:n])
 return binascii.hexlify(h.digest()).decode()
def hil_size(p):
 try:
  return os.stat(p)[6]
 except OSError:
  return -1
def hil_room(p):
 try:
  os.mkdir(p)
 except OSError:
  pass
"""


@dataclass(frozen=True)
class Installed:
    """What became of an installation.

    Attributes:
        folder: where the files are on the board, for `sys.path`.
        sent, kept: how many files were sent, and how many were there already.
    """

    folder: str
    sent: int
    kept: int


class Installer:
    """Installs files over a raw REPL that has been entered."""

    def __init__(
        self,
        name: str,
        repl: RawRepl,
        step_timeout_s: float,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Use a raw REPL.

        Args:
            name: of the board, for messages.
            repl: entered; the names `hil_…` are defined in it.
            step_timeout_s: for one statement on the board.
            progress: told about each file that is sent.
        """
        self._name = name
        self._repl = repl
        self._step_timeout_s = step_timeout_s
        self._progress = progress or (lambda _: None)

    def install(self, files: Mapping[str, bytes]) -> Installed:
        """Make the folder hold these files.

        Args:
            files: path below the folder -> content.

        Raises:
            BootError: the board has no filesystem, no room, or a file does not arrive intact.
            ChannelClosed, ChannelTimeout, Refused: the board does not answer.
        """
        base, block_bytes, free_blocks = self._survey()
        folder = f"{base.rstrip('/')}/{_FOLDER}"
        self._execute(_TOOLS)
        sums = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        present = self._manifest(folder)
        sizes = self._sizes(folder, sorted({*files, *present}))
        kept = {
            path
            for path, content in files.items()
            if present.get(path) == sums[path] and sizes[path] == len(content)
        }
        changed = sorted(files.keys() - kept)
        stale = sorted(path for path in present.keys() - files.keys() if sizes[path] >= 0)
        if not changed and not stale:
            return Installed(folder, 0, len(kept))
        self._require_room(
            {path: files[path] for path in changed}, sizes, stale, block_bytes, free_blocks
        )
        self._execute(f"hil_room({folder!r})")
        self._write(f"{folder}/{_MANIFEST}", _manifest_text(sums, kept))
        for path in stale:
            self._execute(f"os.remove({f'{folder}/{path}'!r})")
        for parent in _parents(changed):
            self._execute(f"hil_room({f'{folder}/{parent}'!r})")
        for number, path in enumerate(changed, 1):
            self._progress(f"{self._name}: sending {path} ({number} of {len(changed)})")
            self._write(f"{folder}/{path}", files[path])
        self._write(f"{folder}/{_MANIFEST}", _manifest_text(sums, files))
        return Installed(folder, len(changed), len(kept))

    def _survey(self) -> tuple[str, int, int]:
        """Return the start folder, and its filesystem's block size and free blocks."""
        found, first, second = self._evaluate(_SURVEY)
        if found is None:
            raise BootError(
                f"{self._name} has no filesystem to install modules in ({first}: {second}); flash "
                "a firmware that has one, or one of ours with the modules in it"
            )
        return found, first, second

    def _manifest(self, folder: str) -> dict[str, str]:
        path = f"{folder}/{_MANIFEST}"
        source = f"if hil_size({path!r})>=0:\n with open({path!r}) as f:print(f.read())\n"
        text = self._execute(source).decode("utf-8", "replace")
        lines = (line.split(" ", 1) for line in text.splitlines() if " " in line)
        return {path.strip(): total for total, path in lines}

    def _sizes(self, folder: str, paths: list[str]) -> dict[str, int]:
        found: list[int] = []
        for start in range(0, len(paths), _NAMES_AT_ONCE):
            names = [f"{folder}/{path}" for path in paths[start : start + _NAMES_AT_ONCE]]
            found += self._evaluate(f"print([hil_size(p) for p in {names!r}])")
        return dict(zip(paths, found, strict=True))

    def _require_room(
        self,
        changed: Mapping[str, bytes],
        sizes: Mapping[str, int],
        stale: Iterable[str],
        block_bytes: int,
        free_blocks: int,
    ) -> None:
        def blocks(size: int) -> int:
            return -(-size // block_bytes) if size > 0 else 0

        needed = sum(blocks(len(content)) for content in changed.values())
        freed = sum(blocks(sizes[path]) for path in (*changed, *stale))
        if needed - freed > free_blocks:
            raise BootError(
                f"{self._name}: not enough room in its filesystem: {len(changed)} modules take "
                f"{needed * block_bytes} bytes, {(free_blocks + freed) * block_bytes} are free; "
                "remove files of yours, or flash a firmware with the modules in it"
            )

    def _write(self, path: str, content: bytes) -> None:
        """Write one file and check that it has arrived, several times if need be."""
        wanted = hashlib.sha256(content).hexdigest()
        problem = ""
        for _ in range(_TRIES):
            try:
                self._execute(f"hil_file=open({path!r},'wb')")
                for start in range(0, len(content), _CHUNK_BYTES):
                    text = base64.b64encode(content[start : start + _CHUNK_BYTES])
                    self._execute(f"hil_n=hil_file.write(binascii.a2b_base64({text!r}))")
                found = self._evaluate(f"hil_file.close()\nprint(repr(hil_sum({path!r})))")
            except (ChannelTimeout, Refused, ValueError, SyntaxError) as error:
                if "ENOSPC" in str(error) or "Errno 28" in str(error):
                    raise BootError(f"{self._name}: its filesystem is full at {path}") from error
                problem = str(error)
                self._repl.enter(self._step_timeout_s)
                continue
            if found == wanted:
                return
            problem = "what arrived is not what was sent"
        raise BootError(f"{self._name}: {path} was not written in {_TRIES} tries: {problem}")

    def _execute(self, source: str) -> bytes:
        return self._repl.execute(source, self._step_timeout_s)

    def _evaluate(self, source: str) -> Any:
        value: Any = ast.literal_eval(self._execute(source).decode().strip())
        return value


def _manifest_text(sums: Mapping[str, str], paths: Iterable[str]) -> bytes:
    return "".join(f"{sums[path]} {path}\n" for path in sorted(paths)).encode()


def _parents(paths: Iterable[str]) -> list[str]:
    """Return all folders that these paths are in, outer ones first."""
    folders: set[str] = set()
    for path in paths:
        parts = path.split("/")[:-1]
        folders.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return sorted(folders)
