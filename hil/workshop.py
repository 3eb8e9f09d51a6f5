"""Where an image is made: lays out the inputs, runs make, and keeps what the next time can use.

A workshop is one folder of the cache. Its files are only rewritten when they differ, so that make's
own comparison of times holds; a change of something make does not track (a Makefile, the compiler,
the source tree) empties the folder first. What a build means and when one is needed is the business
of `hil.build`, which also holds the lock.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from hil import locks
from hil.errors import BuildError
from hil.image import RECIPE_FILE, Image

Progress = Callable[[str], None]

_JOBS = "-j2"
_TAIL_LINES = 25
# How GNU ld says that a memory of the linker script is full.
_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes")
# Sources that make tracks by itself; a change of any other recipe file starts from nothing.
_TRACKED_BY_MAKE = (".c", ".h", ".S", ".ld")
# make splits words at blanks and has no way to quote them.
_PATH_FOR_MAKE = re.compile(r"[A-Za-z0-9_./+@%=,~-]+")


class Workshop:
    """The folder in which one image is made, and made again."""

    def __init__(self, recipe: Image, folder: Path, say: Progress) -> None:
        self._recipe = recipe
        self._say = say
        self.folder = folder

    def prepare(
        self, origin: str, recipe_files: Mapping[str, bytes], frozen: Mapping[str, bytes]
    ) -> None:
        """Lay out the inputs, keeping what an earlier build can still use.

        Args:
            origin: what else decides how everything is compiled (source tree and compiler).
        """
        _refuse_path_for_make(self.folder)
        rules = hashlib.sha256(origin.encode())
        for name, content in sorted(recipe_files.items()):
            if not name.endswith(_TRACKED_BY_MAKE):
                rules.update(name.encode() + content)
        stamp = self.folder / "rules"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != rules.hexdigest():
            shutil.rmtree(self.folder, ignore_errors=True)
        _lay_out(self.folder / "recipe", recipe_files)
        if _lay_out(self.folder / "frozen", frozen):
            # Upstream's makemanifest.py compares times only: it does not notice a module gone.
            (self.folder / "build" / "frozen_content.c").unlink(missing_ok=True)
        _lay_out(self.folder / "no-micropython-lib", {"README.md": b""})
        stamp.write_text(rules.hexdigest(), encoding="utf-8")

    def make(self, tree: Path, libraries: Mapping[str, Path], mpy_cross: Path) -> Path:
        """Run make and return the file it was to leave.

        Args:
            tree: MicroPython's source.
            libraries: name -> source of what else the image is made of.
            mpy_cross: the bytecode compiler.
        """
        variables = [
            f"MICROPYTHON={tree}",
            f"FROZEN_MODULES={self.folder / 'frozen'}",
            f"MPY_LIB_DIR={self.folder / 'no-micropython-lib'}",
            *_named(libraries),
        ]
        return self._make(variables, {**_environment(tree), "MICROPY_MPYCROSS": str(mpy_cross)})

    def make_bare(self, libraries: Mapping[str, Path]) -> Path:
        """Run make for an image without MicroPython and return the file it was to leave.

        Args:
            libraries: name -> source of what the image is made of.
        """
        return self._make(_named(libraries), _bare_environment())

    def _make(self, variables: list[str], environment: Mapping[str, str]) -> Path:
        recipe = self.folder / "recipe" / self._recipe.name
        variables = [f"BUILD={self.folder / 'build'}", *variables]
        named = self._recipe.folder / RECIPE_FILE
        try:
            _run_make(recipe, variables, environment, self.folder / "make.log", self._say)
        except BuildError as error:
            overflow = _OVERFLOW.search(str(error))
            if overflow is None:
                raise
            region, missing_bytes = overflow.groups()
            raise BuildError(
                f"{named}: the image does not fit: {region} is {missing_bytes} bytes too small for "
                f"it; leave modules out of its manifest\n{error}"
            ) from error
        product = self.folder / "build" / self._recipe.output
        if not product.is_file():
            raise BuildError(f"{named}: output: make succeeded without leaving {product}")
        return product


def mpy_cross(tree: Path, host_compiler: str, workshops: Path, say: Progress) -> Path:
    """Build the bytecode compiler of this source tree, once, and return its path.

    Args:
        host_compiler: version of the compiler it is built with: another one, another mpy-cross.
        workshops: the folder of all workshops; images of the same source share the result.
    """
    origin = hashlib.sha256(f"{tree} {host_compiler}".encode()).hexdigest()[:12]
    folder = workshops / f"mpy-cross-{origin}"
    _refuse_path_for_make(folder)
    with locks.exclusive(folder.with_suffix(".lock"), lambda: say("waiting for mpy-cross")):
        folder.mkdir(parents=True, exist_ok=True)
        goals = [f"BUILD={folder}", "CFLAGS_EXTRA=-Wno-error"]
        _run_make(tree / "mpy-cross", goals, _environment(tree), folder / "make.log", say)
    return folder / "mpy-cross"


def micropython_version(tree: Path) -> str:
    header = (tree / "py" / "mpconfig.h").read_text(encoding="utf-8")
    numbers = []
    for part in ("MAJOR", "MINOR", "MICRO"):
        found = re.search(rf"^#define MICROPY_VERSION_{part} (\d+)$", header, re.MULTILINE)
        if found is None:
            raise BuildError(f"{tree}/py/mpconfig.h: MICROPY_VERSION_{part} is not defined")
        numbers.append(found.group(1))
    return ".".join(numbers)


def _refuse_path_for_make(folder: Path) -> None:
    if not _PATH_FOR_MAKE.fullmatch(str(folder)):
        raise BuildError(
            f"make cannot work in {folder} (a blank or special character in the path); "
            "set HIL_CACHE to another folder"
        )


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Make `folder` hold exactly these files; touch only those that differ.

    Returns:
        True if a file was there that no longer belongs.
    """
    removed = False
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()
            removed = True
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return removed


def _named(libraries: Mapping[str, Path]) -> list[str]:
    return [f"{name.upper()}={library}" for name, library in libraries.items()]


def _bare_environment() -> dict[str, str]:
    """Return what all of make's environments have: none of the user's CFLAGS or MAKEFLAGS."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"}


def _environment(tree: Path) -> dict[str, str]:
    """Return the environment of make for an image with MicroPython."""
    written = int((tree / "py" / "mpconfig.h").stat().st_mtime)  # for the banner: not today
    fixed = {
        **_bare_environment(),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SOURCE_DATE_EPOCH": str(written),
    }
    if not (tree / ".git").exists():
        # Or upstream's version script asks git about whatever repository the cache is inside of.
        fixed["MICROPY_GIT_TAG"] = f"v{micropython_version(tree)}"
        fixed["MICROPY_GIT_HASH"] = "release"
    return fixed


def _run_make(
    folder: Path, goals: list[str], environment: Mapping[str, str], log: Path, say: Progress
) -> None:
    """Run make in `folder`, keep all it prints in `log`, and raise `BuildError` if it fails."""
    say(f"make in {folder}")
    told = time.monotonic()
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    argv = ["make", _JOBS, "-C", str(folder), *goals]
    with (
        log.open("w", encoding="utf-8") as record,
        subprocess.Popen(
            argv, env=dict(environment), text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process,
    ):  # fmt: skip
        try:
            for line in process.stdout or ():
                record.write(line)
                tail.append(line.rstrip())
                if time.monotonic() - told > 1:
                    told = time.monotonic()
                    say(line.strip()[:100])
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise BuildError(
            f"make failed in {folder}; the end of {log}:\n"
            + "\n".join(f"  {line}" for line in tail)
        )
