"""One firmware image: what its `image.toml` says, and the firmware a build of it leaves.

An image is a folder of `images/` with an `image.toml` (facts), a `Makefile` (how) and whatever C,
linker script and manifest it needs. This module reads the facts and nothing else: fetching
sources is `hil.sources`, building is `hil.build`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil import paths
from hil.errors import BuildError
from hil.link_map import PYTHON, Component

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10
    import tomli as tomllib

RECIPE_FILE = "image.toml"
# In place of its version, in firmware that is a program in C.
NO_MICROPYTHON = "none"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True)
class Image:
    """The recipe of one firmware image.

    Attributes:
        name: the folder's name, which `image.toml` must repeat.
        source: the entry of `sources.lock.toml` it is built from.
        output: the file `make` leaves in its build directory.
        compiler: the program whose version is part of the firmware's identity.
        shares: other folders of `images/` whose files go into it.
        libraries: further entries of `sources.lock.toml`; make is told where each is by a variable
            of its name in capitals.
        requires: what the build needs: program name, or absolute path of a file -> the Debian
            package that brings it.
        nm: the program that lists the symbols of the output; None when nothing is exported.
        exports: symbol names beginning with this are the link-time facts of the firmware.
        leave_out: modules not to freeze, by dotted names or globs: what this firmware's devices
            never use.
        kernels: kinds of back ends it has, of `build.KERNELS`.
        bare: a program in C without MicroPython: nothing is frozen into it, and make is told of
            `source` as it is of libraries.
        optional: built only when it is named.
        native_tls: the firmware has MicroPython's own `ssl`; the jobs for it are frozen as well.
        archives: static libraries of this machine that go into it; what is in them is part of the
            firmware's identity.
        folder: where the recipe is.
        sockets: what moves the bytes that tlscore does not, tlscore.sockets and tlscore.aio, is
            frozen too.
    """

    name: str
    description: str
    source: str
    output: str
    compiler: str
    shares: tuple[str, ...]
    libraries: tuple[str, ...]
    requires: Mapping[str, str]
    nm: str | None
    exports: str
    leave_out: tuple[str, ...]
    kernels: tuple[str, ...]
    bare: bool
    optional: bool
    native_tls: bool
    archives: tuple[str, ...]
    folder: Path
    sockets: bool = False


@dataclass(frozen=True)
class Firmware:
    """One built image, ready to boot.

    Attributes:
        image: the name of the image it was built from.
        path: the executable (`unix`) or ELF file (boards).
        sha256: of that file.
        micropython: version of MicroPython in it, for example "1.25.0"; `NO_MICROPYTHON` in a bare
            one.
        symbols: exported link-time facts, for example `hil_stack_bottom`; empty for `unix`.
        flash_bytes: what the image occupies in flash (code, constants and the initial values of
            variables); None for a process.
        ram_static_bytes: variables (data and bss), without stack and heap; None for a process.
        components: what all bytes of the file are of, adding up to its sections.
    """

    image: str
    path: Path
    sha256: str
    micropython: str
    symbols: Mapping[str, int]
    flash_bytes: int | None
    ram_static_bytes: int | None
    components: tuple[Component, ...] = ()

    @property
    def interpreter(self) -> str:
        """What runs Python in it, for people."""
        if self.micropython == NO_MICROPYTHON:
            return "no MicroPython"
        return f"MicroPython {self.micropython}"

    @property
    def flash_by_module(self) -> Mapping[str, int]:
        """Bytes of flash of each Python module in it, the largest first; empty for a process.

        Strings that serve as names are shared by all modules and counted once, as "(names)".
        """
        found = [
            (part.text_bytes + part.data_bytes, part.name)
            for part in self.components
            if part.group == PYTHON
        ]
        return {name: size for size, name in sorted(found, reverse=True)}


def available(directory: Path | None = None) -> list[str]:
    """Return the names of all images that have a recipe, sorted."""
    base = directory or paths.images_dir()
    return sorted(entry.parent.name for entry in base.glob(f"*/{RECIPE_FILE}"))


def by_default(directory: Path | None = None) -> list[str]:
    """Return the names of the images that are built when none is named: all but optional ones."""
    return [name for name in available(directory) if not load(name, directory).optional]


def load(name: str, directory: Path | None = None) -> Image:
    """Read the recipe of one image.

    Args:
        name: name of its folder.
        directory: the folder of recipes; the farm's own when None.

    Raises:
        BuildError: there is no such image, or its `image.toml` is not understood; the message
            names the file and the key.
    """
    base = directory or paths.images_dir()
    path = base / name / RECIPE_FILE
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(available(base)) or "none"
        raise BuildError(f"no image is called {name!r} in {base}; there are: {known}")
    table = read_toml(path)
    facts = _Facts(path, table)
    image = Image(
        name=facts.text("name"),
        description=facts.text("description"),
        source=facts.text("source"),
        output=facts.text("output"),
        compiler=facts.text("compiler"),
        shares=facts.texts("shares"),
        libraries=facts.texts("libraries"),
        requires=facts.table_of_texts("requires"),
        nm=facts.optional_text("nm"),
        exports=facts.optional_text("exports") or "",
        leave_out=facts.texts("leave_out"),
        kernels=facts.texts("kernels"),
        bare=facts.flag("bare"),
        optional=facts.flag("optional"),
        native_tls=facts.flag("native_tls"),
        archives=facts.texts("archives"),
        folder=path.parent,
        sockets=facts.flag("sockets"),
    )
    facts.refuse_the_rest()
    if image.name != name:
        raise BuildError(f"{path}: name: is {image.name!r}, but the folder is called {name!r}")
    for shared in image.shares:
        if not (base / shared).is_dir():
            raise BuildError(f"{path}: shares: there is no folder {base / shared}")
    return image


def read_toml(path: Path) -> dict[str, object]:
    """Read one TOML file; a syntax error is a `BuildError` naming the file and the place."""
    try:
        table: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: not valid TOML: {error}") from error
    return table


class _Facts:
    """Typed access to one TOML table; remembers what was asked for, to refuse the rest."""

    def __init__(self, path: Path, table: Mapping[str, object]) -> None:
        self._path = path
        self._table = table
        self._asked: set[str] = set()

    def optional_text(self, key: str) -> str | None:
        self._asked.add(key)
        value = self._table.get(key)
        if value is not None and not (isinstance(value, str) and value):
            self._refuse(key, "must be a non-empty string", value)
        return value if isinstance(value, str) else None

    def text(self, key: str) -> str:
        value = self.optional_text(key)
        if value is None:
            raise BuildError(f"{self._path}: {key}: is missing")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        self._asked.add(key)
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._refuse(key, "must be a list of strings", value)
            return ()
        return tuple(value)

    def flag(self, key: str) -> bool:
        self._asked.add(key)
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self._refuse(key, "must be true or false", value)
        return bool(value)

    def table_of_texts(self, key: str) -> Mapping[str, str]:
        self._asked.add(key)
        value = self._table.get(key)
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            self._refuse(key, "must be a table of strings", value)
            return {}
        return dict(value)

    def refuse_the_rest(self) -> None:
        unknown = sorted(set(self._table) - self._asked)
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise BuildError(f"{self._path}: {unknown[0]}: unknown key; known are: {known}")

    def _refuse(self, key: str, rule: str, value: object) -> None:
        raise BuildError(f"{self._path}: {key}: {rule}, not {value!r}")
