"""A program as the text of a `.py` file: one `@micropython.asm_thumb` function of raw encodings."""

from __future__ import annotations

from types import ModuleType

from thumb.assembler import Program

_NUMBERS_PER_LINE = 11
_OCTETS_PER_LINE = 22
_STATEMENTS = 50  # more in a function have to be excused to the linter


def text(kernel: ModuleType, program: Program, costs: list[str], tables: dict[str, bytes]) -> str:
    """Return the file.

    Args:
        kernel: the module that makes it, with NAME, ARGUMENTS, INTERFACE and its theory in the
            docstring.
        costs: lines that say what it takes.
        tables: names and contents of constants to define behind the function.
    """
    lines = ['"""' + _theory(kernel), "", *_wrapped_costs(costs), "", *_ORIGIN, '"""', ""]
    lines += ["@RULES@", "", "import micropython", "", ""]
    registers = ", ".join(f"r{i}" for i in range(kernel.ARGUMENTS))
    lines += ["@micropython.asm_thumb", f"def {kernel.NAME}({registers}):"]
    # The one instruction MicroPython knows by name: it refuses it where the core is no ARMv7-M.
    lines.append("    clz(r4, r4)  # does nothing here, but is not compiled for an ARMv6-M")
    for part in program.parts:
        if part.heading:
            lines.append(f"    # {part.heading}")
        for start in range(0, len(part.halfwords), _NUMBERS_PER_LINE):
            words = part.halfwords[start : start + _NUMBERS_PER_LINE]
            lines.append("    data(2, " + ", ".join(f"0x{word:04X}" for word in words) + ")")
    statements = sum(line.startswith("    data(") for line in lines) + 1
    rules = "ARG001, F821" + (", PLR0915" if statements > _STATEMENTS else "")
    lines[lines.index("@RULES@")] = f"# ruff: noqa: {rules}"
    for name, octets in tables.items():
        lines += ["", "", f"{name} = ("]
        for start in range(0, len(octets), _OCTETS_PER_LINE):
            row = octets[start : start + _OCTETS_PER_LINE]
            lines.append('    b"' + "".join(f"\\x{octet:02x}" for octet in row) + '"')
        lines.append(")")
    return "\n".join(lines) + "\n"


_ORIGIN = (
    "Written by tls/tools/make_kernels.py from the assembly in tls/tools/thumb: change it there. A",
    "test makes this file again and compares, and assembles the same text with GNU as.",
)


def _theory(kernel: ModuleType) -> str:
    return (kernel.__doc__ or "").strip().format(interface=kernel.INTERFACE)


def _wrapped_costs(costs: list[str]) -> list[str]:
    return [
        "Cost, in instructions counted by an emulator, without the call:",
        "",
        *(f"- {c}" for c in costs),
    ]
