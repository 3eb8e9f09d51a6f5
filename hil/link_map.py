"""Where the bytes of a firmware come from: its sections, divided among the parts it was linked of.

Theory of operation. The ELF file says which sections occupy memory, and how large they are; nothing
is counted that is not in it. The linker's map says which object file each piece of a section is
from, and the build has one section for each function and each constant. The object that holds our
Python modules is divided further by the list of its symbols which the build leaves: lines "symbol
module", and "+number module" for bytes without a symbol. What no piece accounts for is room the
linker left between pieces, or reserved; so the components always add up to the sections.

Equal strings of all objects are merged by the linker, which shows them under the first object:
they are a component of their own. A piece that was merged away keeps its size in the map, but the
next one begins at its address: a piece reaches to the beginning of the next one at most.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.errors import BuildError

MICROPYTHON, PORT, PYTHON = "MicroPython", "port", "Python modules"
LIBRARIES, REST = "libraries", "rest"
# Folders of MicroPython's source tree, as they are in a build folder.
_FOLDERS = {
    "py": "core",
    "extmod": "extmod",
    "shared": "shared runtime",
    "lib": "bundled libraries",
}
# Libraries of which each object file is a component, where they are the whole firmware.
_BY_OBJECT = ("bearssl", "mbedtls")
_OBJECTS_OF_MODULES = ("rom_modules.o", "frozen_content.o")
_SYMBOLS_FILE = "rom_symbols.txt"
NAMES = "(names)"  # how that list calls what all modules share
_STRINGS = "merged strings"

# Executable and Linkable Format, System V ABI: section header fields.
_SHT_NOBITS = 8
_SHF_WRITE, _SHF_ALLOC = 1, 2

_OUTPUT = re.compile(r"^(\.\S+)(?:\s+0x[0-9a-f]+\s+0x[0-9a-f]+.*)?$")
_PIECE = re.compile(r"^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$")
_LONG_NAME = re.compile(r"^ (\.\S+)$")


@dataclass(frozen=True)
class Section:
    """A section of an ELF file that occupies memory; its kind is "text", "data" or "bss"."""

    name: str
    kind: str
    address: int
    size: int


@dataclass(frozen=True)
class Piece:
    """What one object file has in one section."""

    section: str
    name: str
    address: int
    size: int
    origin: str


@dataclass(frozen=True)
class Component:
    """A part of a firmware and what it occupies.

    Attributes:
        group: `MICROPYTHON`, `PORT`, `PYTHON`, `LIBRARIES` or `REST`.
        name: of the part, for example "core" or "tlscore.client".
        text_bytes: code and constants.
        data_bytes: variables with initial values: RAM, and as many bytes of flash.
        bss_bytes: RAM without initial values, a reserved stack included.
    """

    group: str
    name: str
    text_bytes: int
    data_bytes: int
    bss_bytes: int


def components(product: Path, build: Path) -> tuple[Component, ...]:
    """Divide an ELF file; nothing is returned when its build left no map.

    Args:
        product: the ELF file.
        build: the folder it was built in, with one `.map` file.

    Raises:
        BuildError: the map is not that of the ELF file.
    """
    maps = sorted(build.glob("*.map"))
    if not maps:
        return ()
    modules = _modules(build / _SYMBOLS_FILE)
    in_section: dict[str, list[Piece]] = {}
    for piece in pieces(maps[0].read_text("utf-8", "replace")):
        if piece.size:
            in_section.setdefault(piece.section, []).append(piece)
    totals: dict[tuple[str, str], Counter[str]] = {}
    for section in sections(product):
        left = section.size
        for piece, size in clipped(section, in_section.get(section.name, []), maps[0]):
            part = _part(piece, str(build), modules)
            totals.setdefault(part, Counter())[section.kind] += size
            left -= size
        part = (REST, "stack" if section.name == ".stack" else "gaps and reserve")
        totals.setdefault(part, Counter())[section.kind] += left
    # The characters of shared names are strings like others; the build says how many there are.
    merged = totals.get((REST, _STRINGS), Counter())
    characters = min(sum(int(row) for row in modules if row.startswith("+")), merged["text"])
    merged["text"] -= characters
    totals.setdefault((PYTHON, NAMES), Counter())["text"] += characters
    found = [
        Component(*part, count["text"], count["data"], count["bss"])
        for part, count in totals.items()
        if count.total()
    ]
    order = (MICROPYTHON, PORT, PYTHON, LIBRARIES, REST)
    return tuple(sorted(found, key=lambda each: (order.index(each.group), each.name)))


def clipped(section: Section, found: list[Piece], map_file: Path) -> list[tuple[Piece, int]]:
    """Return the pieces of a section with the sizes they really have in it."""
    end = section.address + section.size
    ordered = sorted(found, key=lambda piece: piece.address)
    outside = [piece for piece in ordered if not section.address <= piece.address <= end]
    if outside:
        raise BuildError(
            f"{map_file} is not the map of this firmware: {outside[0].name} of {outside[0].origin} "
            f"is not inside of {section.name}"
        )
    following = [*(piece.address for piece in ordered[1:]), end]
    return [
        (piece, min(piece.size, after - piece.address))
        for piece, after in zip(ordered, following, strict=False)
    ]


def sections(product: Path) -> Iterator[Section]:
    """Yield the sections of an ELF file that occupy memory.

    Raises:
        BuildError: this is no ELF file.
    """
    content = product.read_bytes()
    if content[:4] != b"\x7fELF":
        raise BuildError(f"{product} is no ELF file")
    is_64_bit, order = content[4] == 2, "<" if content[5] == 1 else ">"
    if is_64_bit:
        (at,) = struct.unpack_from(f"{order}Q", content, 40)
        size, count, names = struct.unpack_from(f"{order}3H", content, 58)
        layout = f"{order}2I4Q"
    else:
        (at,) = struct.unpack_from(f"{order}I", content, 32)
        size, count, names = struct.unpack_from(f"{order}3H", content, 46)
        layout = f"{order}6I"
    headers = [struct.unpack_from(layout, content, at + size * index) for index in range(count)]
    strings = headers[names][4]
    for name, kind, flags, address, _, length in headers:
        if flags & _SHF_ALLOC and length:
            start = strings + name
            text = content[start : content.index(b"\0", start)].decode()
            loaded = "data" if flags & _SHF_WRITE else "text"
            yield Section(text, "bss" if kind == _SHT_NOBITS else loaded, address, length)


def pieces(text: str) -> Iterator[Piece]:
    """Yield each piece of a map of GNU ld.

    Names too long for their column stand on a line of their own, and the rest on the next.
    """
    output, long_name = "", ""
    for line in text.partition("\nLinker script and memory map\n")[2].splitlines():
        if line.startswith("."):
            found = _OUTPUT.match(line)
            output, long_name = (found.group(1) if found else ""), ""
            continue
        alone = _LONG_NAME.match(line)
        if alone:
            long_name = alone.group(1)
            continue
        piece = _PIECE.match(line)
        name = (piece.group(1) or long_name) if piece else ""
        long_name = ""
        # Lines without a name are symbols.
        if piece and name and not name.startswith("*"):
            address, size = (int(piece.group(index), 16) for index in (2, 3))
            yield Piece(output, name, address, size, piece.group(4))


def _modules(path: Path) -> Mapping[str, str]:
    """Read the list "symbol module"; without one, all modules are one component."""
    if not path.is_file():
        return {}
    rows = (line.partition(" ") for line in path.read_text("utf-8").splitlines())
    return {symbol: module for symbol, _, module in rows}


def _symbol(piece: str) -> str:
    """Return what `.rodata.SYMBOL`, or `.data.SYMBOL.0` where the compiler numbers it, holds.

    Machine code of a module is in `.text.SYMBOL`.
    """
    return piece.lstrip(".").partition(".")[2].partition(".")[0]


def _part(piece: Piece, build: str, modules: Mapping[str, str]) -> tuple[str, str]:
    """Return group and name of the component that a piece belongs to."""
    if piece.name.startswith(".rodata.") and ".str" in piece.name:
        return REST, _STRINGS
    path = Path(piece.origin)
    if not path.is_relative_to(build):
        return LIBRARIES, "C library"
    inside = path.relative_to(build)
    if inside.name in _OBJECTS_OF_MODULES:
        module = modules.get(_symbol(piece.name))
        if module is None:
            return PYTHON, "(lists)" if modules else "all"
        return PYTHON, module
    folder = inside.parts[0]
    if folder == "lwip":
        return LIBRARIES, folder
    if folder in _BY_OBJECT:
        return LIBRARIES, f"{folder}.{inside.stem}"
    if folder in _FOLDERS and len(inside.parts) > 1:
        return MICROPYTHON, _FOLDERS[folder]
    return PORT, folder if len(inside.parts) > 1 else "main"
