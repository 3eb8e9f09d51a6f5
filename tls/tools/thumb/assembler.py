"""Lines and labels -> a program of halfwords.

A kernel is written by Python functions that call `Code` with one line of assembly at a time. Labels
are lines that end in a colon. `Code.label` makes names for loops inside of macros that are used
more than once.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from thumb.encoding import AssemblyError, branch, encode, is_branch


@dataclass(frozen=True)
class Part:
    """What stands between two headings of a program."""

    heading: str
    halfwords: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """An assembled kernel, without the entry and exit MicroPython puts around it.

    Attributes:
        parts: the code in the order of the headings.
        labels: their distances from the start, in bytes.
    """

    parts: tuple[Part, ...]
    labels: Mapping[str, int]

    @property
    def octets(self) -> bytes:
        """The machine code."""
        words = [word for part in self.parts for word in part.halfwords]
        return struct.pack(f"<{len(words)}H", *words)


class Code:
    """The lines of a kernel, in their order."""

    def __init__(self) -> None:
        """Begin with none."""
        self.lines: list[str] = []
        self._labels = 0

    def __call__(self, *lines: str) -> None:
        """Append lines: `name:`, an instruction, `.byte n, n, ...` or `# heading`.

        `lea register, label` is for a label further down: the address, wherever the code lies.
        """
        self.lines += lines

    def label(self, stem: str) -> str:
        """Return a name for a label that no other has."""
        self._labels += 1
        return f"{stem}_{self._labels}"

    def assemble_so_far(self) -> bytes:
        """Return as many bytes as there are up to here; branches are not resolved."""
        sized = [line for line in self.lines if not line.endswith(":") and line[0] != "#"]
        return bytes(sum(2 * len(_encoded(line, 0, None)) for line in sized))

    def gnu_source(self) -> str:
        """Return the same text for GNU as, which a test compares with."""
        lines = [".syntax unified", ".cpu cortex-m3", ".thumb", ".text"]
        addresses = self._addresses()
        address = 0
        for line in self.lines:
            name, _, rest = line.partition(" ")
            if line.startswith("#"):
                continue
            if name == "lea":
                register, label = rest.split(", ")
                distance = addresses[label] - address - 4
                lines += [f"mov {register}, pc", f"addw {register}, {register}, #{distance}"]
            else:
                wide = is_branch(name) and "." not in name and name != "bl"
                lines.append(f"{name}.w {rest}" if wide else line)
            if not line.endswith(":"):
                address += 2 * len(_encoded(line, 0, None))
        return "\n".join(lines) + "\n"

    def assemble(self) -> Program:
        """Return the program.

        Raises:
            AssemblyError: names the line; also a label that is missing or there twice.
        """
        addresses = self._addresses()
        parts: list[Part] = []
        heading, words, address = "", [], 0
        for line in self.lines:
            if line.startswith("#"):
                if words:
                    parts.append(Part(heading, tuple(words)))
                heading, words = line[1:].strip(), []
                continue
            if line.endswith(":"):
                continue
            encoded = _encoded(line, address, addresses)
            words += encoded
            address += 2 * len(encoded)
        return Program((*parts, Part(heading, tuple(words))), addresses)

    def _addresses(self) -> dict[str, int]:
        addresses: dict[str, int] = {}
        address = 0
        for line in self.lines:
            if line.endswith(":"):
                if line[:-1] in addresses:
                    raise AssemblyError(f"the label {line} is there twice")
                addresses[line[:-1]] = address
            elif not line.startswith("#"):
                address += 2 * len(_encoded(line, 0, None))
        return addresses


def _encoded(line: str, address: int, addresses: dict[str, int] | None) -> tuple[int, ...]:
    """Return the halfwords of one line; of the right number only, if addresses is None."""
    name, _, rest = line.partition(" ")
    if name == ".byte":
        octets = bytes(int(part, 0) for part in rest.split(","))
        return struct.unpack(f"<{len(octets) // 2}H", octets)
    if name == "lea":
        register, label = rest.split(", ")
        distance = 0 if addresses is None else addresses[label] - address - 4
        return encode(f"mov {register}, pc") + encode(f"addw {register}, {register}, #{distance}")
    if not is_branch(name):
        return encode(line)
    if addresses is None:
        return (0,) if name.endswith(".n") else (0, 0)
    if rest not in addresses:
        raise AssemblyError(f"{line}: there is no such label")
    return branch(name, addresses[rest] - address - 4)
