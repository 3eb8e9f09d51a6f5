"""Modules compiled to `.mpy` files for boards that have other firmware than ours.

The compiler is the mpy-cross that images are built with; what it makes is kept in the cache by the
content of the source. A `.mpy` file has a version: bytecode of another version is refused by the
board, with "incompatible .mpy file", so that is found out here, before anything is sent.

A module that has functions in native code (`@micropython.native`, viper, the inline assembler) is
compiled for the board's own architecture. That code has a version of its own, and a board may take
none, or be of an architecture that this compiler does not know: which of these it is says the
error. The architecture is the most that the board's loader takes and not its core's name: a
Cortex-M3 says armv7em, and runs what mpy-cross makes for that, which has no instruction of a
Cortex-M4 in it unless the assembler of a module asks for one.
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

# What mpy-cross says of native code when it is told of no architecture.
_NEEDS_ARCHITECTURE = "invalid arch"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Format:
    """What `.mpy` files a board takes.

    Attributes:
        version: of bytecode.
        architecture: of native code, as mpy-cross names it; None for a board that takes none, or
            one that it does not know.
        native_version: of native code.
        number: of the architecture, 0 for none.
    """

    version: int
    architecture: str | None
    native_version: int = 0
    number: int = 0


def format_of(mpy: int) -> Format:
    """Return what the number `sys.implementation._mpy` of a board says."""
    number = mpy >> 10
    known = number < len(_ARCHITECTURES)
    name = _ARCHITECTURES[number] if known else None
    return Format(mpy & 0xFF, name, mpy >> 8 & 3, number)


def kernels_for(board: Format) -> tuple[str, ...]:
    """Return which kinds of back ends are for a board (`build.KERNELS`), by what it loads.

    Its heap is where they will be. Ciphers in viper take 7 KB of it, kernels for one core 38.
    """
    return () if board.architecture is None else ("viper",)


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
        BuildError: a module cannot be compiled, or has native code that the board does not take,
            or the board takes another version.
    """
    compiler = build.bytecode_compiler(progress)
    made = {}
    for name, source in modules.items():
        content = _compiled(compiler, name, source, wanted)
        if content[0] != _MAGIC or content[1] != wanted.version:
            raise BuildError(
                f"mpy-cross makes .mpy files of version {content[1]}, the board takes version "
                f"{wanted.version}: its firmware is not of the MicroPython version that "
                "images/sources.lock.toml names; flash one that is"
            )
        if _is_native(content) and content[2] & 3 != wanted.native_version:
            raise BuildError(
                f"{name} has native code, of which mpy-cross makes version {content[2] & 3}, "
                f"and the board takes version {wanted.native_version}: flash a firmware of the "
                "version that images/sources.lock.toml names"
            )
        made[f"{name.removesuffix('.py')}.mpy"] = content
    return made


def _is_native(content: bytes) -> bool:
    """Say whether there is native code in a `.mpy` file: only then it names an architecture."""
    return bool(content[2] >> 2)


def _compiled(compiler: Path, name: str, source: Path, wanted: Format) -> bytes:
    text = source.read_bytes()
    architecture = wanted.architecture
    key = hashlib.sha256(f"{compiler} {name} {architecture}\n".encode() + text).hexdigest()
    kept = paths.cache_dir() / "mpy" / key
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f"{key}.{os.getpid()}")
        argv = [str(compiler), "-s", name, "-o", str(new)]
        if architecture is not None:
            argv.append(f"-march={architecture}")
        done = subprocess.run([*argv, str(source)], capture_output=True, text=True, check=False)
        if done.returncode != 0 and architecture is None and _NEEDS_ARCHITECTURE in done.stderr:
            raise BuildError(_no_native_code(name, wanted))
        if done.returncode != 0:
            raise BuildError(f"mpy-cross does not compile {source}: {done.stderr.strip()}")
        new.replace(kept)
    return kept.read_bytes()


def _no_native_code(name: str, wanted: Format) -> str:
    """Say why a module with native code cannot be compiled for a board."""
    if wanted.number == 0:
        why = "the board's firmware takes none: flash one that does, or do without this module"
    else:
        why = (
            f"the board's is for architecture {wanted.number}, which this farm's mpy-cross does "
            f"not know ({', '.join(map(str, _ARCHITECTURES[1:]))}): flash a firmware of the "
            "MicroPython version that images/sources.lock.toml names"
        )
    return f"{name} has native code, and {why}"
