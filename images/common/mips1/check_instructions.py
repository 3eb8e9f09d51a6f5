#!/usr/bin/env python3
"""Refuse a MIPS program that a Lexra core could not run: every instruction is looked at.

    check_instructions.py [--allow FUNCTION=0xWORD]... FILE

A Lexra core has the instructions of MIPS-I without lwl, lwr, swl and swr, and some of its pipelines
show. The emulator's core has all of MIPS32 and hides its pipeline, so it would run without a word
what the real one cannot. Compiler flags alone do not prevent such code. Hence this check of the
linked file, of each word in its executable sections:

- It is one of the instructions below, and the bits this instruction does not use are zero (newer
  processors gave them meanings: srl became rotr, mfc0 got a second number).
- A register that was just loaded, from memory or a coprocessor, is not used by the next
  instruction: it does not have its new value yet.
- No multiplication or division starts within two instructions of mfhi or mflo.
- None of these, and no jump, stands behind a jump: what it meets at the target cannot be seen.

Data must therefore not be mixed with code. `--allow` lets one word pass in one function, for what
only a board without such a core executes. Exit status: 0, or 1 with the places listed.

Source: Kane and Heinrich, "MIPS RISC Architecture", appendix A (encodings), chapter 1.4 (delays).
Not checked: the waits coprocessor 0 wants between its own instructions.
"""

from __future__ import annotations

import argparse
import struct
import sys
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

# Operation (bits 26 to 31) -> bits that must be zero.
OPERATIONS = {
    **dict.fromkeys((2, 3), 0),  # j, jal
    **dict.fromkeys((4, 5), 0),  # beq, bne
    **dict.fromkeys((6, 7), 0x001F0000),  # blez, bgtz
    **dict.fromkeys(range(8, 15), 0),  # addi, addiu, slti, sltiu, andi, ori, xori
    15: 0x03E00000,  # lui
    **dict.fromkeys((32, 33, 35, 36, 37), 0),  # lb, lh, lw, lbu, lhu
    **dict.fromkeys((40, 41, 43), 0),  # sb, sh, sw
}
# Operation 0: function (bits 0 to 5) -> bits that must be zero.
FUNCTIONS = {
    **dict.fromkeys((0, 2, 3), 0x03E00000),  # sll, srl, sra
    **dict.fromkeys((4, 6, 7), 0x000007C0),  # sllv, srlv, srav
    8: 0x001FFFC0,  # jr
    9: 0x001F07C0,  # jalr
    **dict.fromkeys((12, 13), 0),  # syscall, break
    **dict.fromkeys((16, 18), 0x03FF07C0),  # mfhi, mflo
    **dict.fromkeys((17, 19), 0x001FFFC0),  # mthi, mtlo
    **dict.fromkeys((24, 25, 26, 27), 0x0000FFC0),  # mult, multu, div, divu
    **dict.fromkeys((*range(32, 40), 42, 43), 0x000007C0),  # add to nor, slt, sltu
}
BRANCHES_ON_SIGN = (0, 1, 16, 17)  # operation 1, bits 16 to 20: bltz, bgez, bltzal, bgezal
# Operation 16 with bit 25, bits 0 to 5: tlbr, tlbwi, tlbwr, tlbp, rfe.
SYSTEM_FUNCTIONS = (1, 2, 6, 8, 16)
MOVE_FROM, MOVE_TO = 0, 4  # operation 16, bits 21 to 25: mfc0, mtc0

# For the message only: what is met most among the forbidden.
FORBIDDEN_NAMES = {
    17: "coprocessor 1", 20: "beql", 21: "bnel", 22: "blezl", 23: "bgtzl", 28: "mul, madd or clz",
    31: "ext, ins or seb", 34: "lwl", 38: "lwr", 42: "swl", 46: "swr", 47: "cache", 48: "ll",
    51: "pref", 56: "sc",
}  # fmt: skip


def is_known(word: int) -> bool:
    """Tell whether this is an instruction of a Lexra core."""
    operation, function = word >> 26, word & 63
    if operation == 0:
        return function in FUNCTIONS and not word & FUNCTIONS[function]
    if operation == 1:
        return register_t(word) in BRANCHES_ON_SIGN
    if operation == 16:
        if word >> 25 & 1:
            return function in SYSTEM_FUNCTIONS and not word & 0x01FFFFC0
        return register_s(word) in (MOVE_FROM, MOVE_TO) and not word & 0x7FF
    return operation in OPERATIONS and not word & OPERATIONS[operation]


def register_s(word: int) -> int:
    return word >> 21 & 31


def register_t(word: int) -> int:
    return word >> 16 & 31


def is_jump(word: int) -> bool:
    operation = word >> 26
    return 1 <= operation <= 7 or (operation == 0 and word & 63 in (8, 9))


def loaded_register(word: int) -> int:
    """Return the register whose new value is not there for the next instruction; 0: none."""
    operation = word >> 26
    is_load = 32 <= operation <= 37 or (operation == 16 and register_s(word) == MOVE_FROM)
    return register_t(word) if is_load else 0


def registers_read(word: int) -> tuple[int, ...]:
    operation = word >> 26
    if operation in (2, 3, 15):
        return ()
    if operation == 16:
        return (register_t(word),) if register_s(word) == MOVE_TO else ()
    if operation in (0, 4, 5) or operation >= 40:
        return (register_s(word), register_t(word))
    return (register_s(word),)


def reads_product(word: int) -> bool:
    return word >> 26 == 0 and word & 63 in (16, 18)


def changes_product(word: int) -> bool:
    return word >> 26 == 0 and word & 63 in (17, 19, 24, 25, 26, 27)


def problem(before: tuple[int, int], word: int) -> str | None:
    """Say what is wrong with an instruction.

    Args:
        before: the two instructions before it, the nearer one last.
        word: the instruction.
    """
    if not is_known(word):
        name = FORBIDDEN_NAMES.get(word >> 26)
        return "not an instruction of a Lexra core" + (f": {name}" if name else "")
    if is_jump(before[1]):
        for what, is_it in (
            ("jump", is_jump(word)),
            ("load", loaded_register(word) != 0),
            ("mfhi or mflo", reads_product(word)),
        ):
            if is_it:
                return f"{what} in the delay slot of a jump"
    loaded = loaded_register(before[1])
    if loaded and loaded in registers_read(word):
        return f"uses ${loaded}, which the instruction before is still loading"
    if changes_product(word) and any(map(reads_product, before)):
        return "changes hi and lo within two instructions of mfhi or mflo"
    return None


class Program:
    """A 32-bit big-endian MIPS ELF file, linked or not: its code, and names for places in it."""

    def __init__(self, content: bytes) -> None:
        """Take the file's content.

        Raises:
            ValueError: it is something else.
        """
        if content[:6] != b"\x7fELF\x01\x02" or content[18:20] != b"\x00\x08":
            raise ValueError("not a big-endian 32-bit MIPS ELF file")
        self._content = content
        (at,) = struct.unpack_from(">I", content, 32)
        size, count = struct.unpack_from(">HH", content, 46)
        # name, type, flags, address, offset, size, link, information, alignment, entry size
        self._sections = [struct.unpack_from(">10I", content, at + i * size) for i in range(count)]

    def code(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Yield the executable sections: number, address, instructions."""
        for number, (_, kind, flags, address, offset, size, *_) in enumerate(self._sections):
            if kind == 1 and flags & 4:
                yield number, address, struct.unpack_from(f">{size // 4}I", self._content, offset)

    def functions(self, section: int, base: int) -> list[tuple[int, str]]:
        """Return the global and function symbols of a section, by address."""
        linked = struct.unpack_from(">H", self._content, 16)[0] == 2
        found = []
        for _, kind, _, _, offset, size, link, *_ in self._sections:
            if kind != 2:
                continue
            names = self._sections[link][4]
            for at in range(offset, offset + size, 16):
                name, value, _, info, _, place = struct.unpack_from(">IIIBBH", self._content, at)
                if place == section and (info >> 4 == 1 or info & 15 == 2):
                    end = self._content.index(b"\0", names + name)
                    text = self._content[names + name : end].decode()
                    found.append((value if linked else base + value, text))
        return sorted(found)


def check(program: Program, allowed: set[tuple[str, int]]) -> tuple[int, list[str]]:
    """Check all code.

    Returns:
        the number of instructions, and one line for each that is refused.
    """
    refused = []
    total = 0
    for section, base, words in program.code():
        total += len(words)
        functions = program.functions(section, base)
        before = (0, 0)
        for i, word in enumerate(words):
            wrong = problem(before, word)
            if wrong is not None:
                address = base + 4 * i
                nearest = bisect_right(functions, (address, "\x7f")) - 1
                start, name = functions[nearest] if nearest >= 0 else (base, "?")
                if (name, word) not in allowed:
                    place = f"{address:08x} <{name}+{address - start:#x}>"
                    refused.append(f"{place}: {word:08x}: {wrong}")
            before = (before[1], word)
    return total, refused


def exception(text: str) -> tuple[str, int]:
    name, _, word = text.partition("=")
    return name, int(word, 16)


def main() -> int:
    parser = argparse.ArgumentParser(description="Refuse what a Lexra core could not run.")
    parser.add_argument("--allow", action="append", default=[], type=exception)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    try:
        total, refused = check(Program(arguments.file.read_bytes()), set(arguments.allow))
    except ValueError as error:
        total, refused = 0, [str(error)]
    if not total and not refused:
        refused = ["no instructions in it"]
    for line in refused[:20]:
        sys.stderr.write(f"{arguments.file}: {line}\n")
    if refused:
        sys.stderr.write(f"{arguments.file}: {len(refused)} refused of {total} instructions\n")
        return 1
    sys.stdout.write(f"{total} instructions, all of which a Lexra core has\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
