"""Engines in C: built once from a pinned source package, kept in the cache by their content.

The library's tree comes as those of firmware images do (`hil.sources`: apt, signature, SHA-256);
the Makefile beside the engines compiles it with the engine of ours. A changed engine, flag or
source leads to another folder, so what is found there is always what is asked for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from hil import locks, paths, sources
from hil.errors import BuildError, MissingTool
from hil.peer import Program

_NATIVE = paths.package_dir() / "tlsrig" / "engines" / "native"
_BUILD_TIMEOUT_S = 1200
_TAIL_LINES = 15


def built(name: str, install: str) -> Program:
    """Return the engine in the cache.

    Args:
        name: of the engine and its source.
        install: the command that builds it, for the error.

    Raises:
        MissingTool: it was not built yet, or something it is made of has changed since.
    """
    source = sources.load(name)
    folder = _folder(source)
    if not (folder / name).is_file():
        raise MissingTool(f"the peer {name}", install)
    return _program(source, folder)


def _program(source: sources.Source, folder: Path) -> Program:
    version = source.version.partition("-")[0].partition("+")[0]
    return Program(str(folder / source.name), version)


def ensure(name: str, progress: sources.Progress = lambda _: None) -> Program:
    """Return the engine; build it if need be.

    Args:
        name: of the engine and its source.
        progress: told of each step.

    Raises:
        MissingTool: there is no compiler or no make.
        BuildError: the source cannot be had, or the build failed.
    """
    for tool, package in (("cc", "gcc"), ("make", "make")):
        if shutil.which(tool) is None:
            raise MissingTool(tool, f"apt-get install {package}")
    source = sources.load(name)
    folder = _folder(source)
    with locks.exclusive(folder.with_suffix(".lock"), lambda: progress("waiting for a build")):
        if not (folder / name).is_file():
            tree = sources.tree(source, progress)
            progress(f"building {source.package} {source.version} and its engine")
            _make(name, tree, folder)
    return _program(source, folder)


def _make(name: str, tree: Path, folder: Path) -> None:
    """Build in a folder that takes its name when all is done, and else leaves nothing behind."""
    making = folder.with_suffix(".part")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    command = ["make", "-s", f"-j{os.cpu_count() or 1}", "-f", str(_NATIVE / "Makefile")]
    given = [f"ENGINE={name}", f"SOURCE={tree}", f"OUT={making}"]
    try:
        _run([*command, *given], name)
        shutil.rmtree(making / "library")
        making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"the peer {name} was not built within {_BUILD_TIMEOUT_S} s") from None
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL_LINES:])
        raise BuildError(f"the peer {name} could not be built:\n{tail}")


def _folder(source: sources.Source) -> Path:
    seen = hashlib.sha256(sources.identity(source).encode())
    for path in sorted(_NATIVE.iterdir()):
        if path.stem in ("Makefile", "channel") or path.stem.startswith(source.name):
            seen.update(path.read_bytes())
    return paths.cache_dir() / "peers" / f"{source.name}-{seen.hexdigest()[:16]}"
