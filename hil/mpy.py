"""Modules compiled to `.mpy` files for boards that have other firmware than ours.

The compiler is the mpy-cross that images are built with; what it makes is kept in the cache by the
content of the source. A `.mpy` file has a version: bytecode of another version is refused by the
board, with "incompatible .mpy file", so that is found out here, before anything is sent.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hil import build, paths
from hil.errors import BuildError

# Fields of sys.implementation._mpy, and names of architectures by number: MicroPython 1.25,
# docs/reference/mpyfiles.rst.
_ARCHITECTURES = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp",
    "xtensa", "xtensawin", "rv32imc",
)  # fmt: skip
# The first byte of every .mpy file; the second is its version.
_MAGIC = ord("M")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Format:
    """What `.mpy` files a board takes.

    Attributes:
        version: of bytecode.
        architecture: of native code, as mpy-cross names it; None for a board that takes none.
    """

    version: int
    architecture: str | None


def format_of(mpy: int) -> Format:
    """Return what the number `sys.implementation._mpy` of a board says."""
    number = mpy >> 10
    known = number < len(_ARCHITECTURES)
    return Format(mpy & 0xFF, _ARCHITECTURES[number] if known else None)


def compiled(
    modules: Mapping[str, Path], wanted: Format, progress: Progress | None = None
) -> dict[str, bytes]:
    """Compile modules.

    Args:
        modules: path below the root of imports -> source file.
        wanted: what the board takes.
        progress: told what a build of the compiler is doing.

    Returns:
        path below the root, ending in `.mpy` -> content.

    Raises:
        BuildError: a module cannot be compiled, or the board takes another version.
    """
    compiler = build.bytecode_compiler(progress)
    made = {}
    for name, source in modules.items():
        content = _compiled(compiler, name, source, wanted.architecture)
        if content[0] != _MAGIC or content[1] != wanted.version:
            raise BuildError(
                f"mpy-cross makes .mpy files of version {content[1]}, the board takes version "
                f"{wanted.version}: its firmware is not of the MicroPython version that "
                "images/sources.lock.toml names; flash one that is"
            )
        made[f"{name.removesuffix('.py')}.mpy"] = content
    return made


def _compiled(compiler: Path, name: str, source: Path, architecture: str | None) -> bytes:
    text = source.read_bytes()
    key = hashlib.sha256(f"{compiler} {name} {architecture}\n".encode() + text).hexdigest()
    kept = paths.cache_dir() / "mpy" / key
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f"{key}.{os.getpid()}")
        argv = [str(compiler), "-s", name, "-o", str(new)]
        if architecture is not None:
            argv.append(f"-march={architecture}")
        done = subprocess.run([*argv, str(source)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(f"mpy-cross does not compile {source}: {done.stderr.strip()}")
        new.replace(kept)
    return kept.read_bytes()
