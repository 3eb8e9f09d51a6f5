"""The command port.mk runs: `python3 -m rom ... -o OUTPUT`."""

from __future__ import annotations

import argparse
import fnmatch
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from rom.names import Names
from rom.program import Program
from rom.values import Module, PlacementError
from rom.world import World
from rom.writer import Writer

_BYTE_ORDERS = {1234: "little", 4321: "big"}
_REGISTERED = re.compile(r"MP_ROM_QSTR\(MP_QSTR_(\w+)\), MP_ROM_PTR\(&(\w+)\)")


def main() -> int:
    """Place the modules of one firmware; exit status 1 and one line of text if one cannot be."""
    options = _parser().parse_args()
    try:
        _place(options)
    except PlacementError as error:
        sys.stderr.write(
            f"rom: {error}\n"
            f"rom: make it constant, or list the module in images/common/{options.executed.name}\n"
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rom", description=__doc__)
    parser.add_argument("--tool", type=Path, required=True, help="upstream's tools/mpy-tool.py")
    parser.add_argument("--sources", type=Path, required=True, help="folder of the .py files")
    parser.add_argument("--compiled", type=Path, required=True, help="folder of the .mpy files")
    parser.add_argument("--headers", type=Path, required=True, help="genhdr of the build")
    parser.add_argument("--executed", type=Path, required=True, help="modules not to be placed")
    parser.add_argument(
        "--package",
        type=Path,
        action="append",
        default=[],
        help="folder of a package of upstream's, executed on the board",
    )
    # As the compiler's macros __SIZEOF_POINTER__ and __BYTE_ORDER__ say it.
    parser.add_argument("--pointer-bytes", type=int, required=True)
    parser.add_argument("--byte-order", type=int, choices=_BYTE_ORDERS, required=True)
    parser.add_argument("--digit-bits", type=int, required=True, help="MPZ_DIG_SIZE of the port")
    parser.add_argument("--symbols", type=Path, required=True, help="list to write for sizes")
    parser.add_argument(
        "--builtins", action="store_true", help="what modules use of them is among their own names"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="C file to write")
    return parser


def _place(options: argparse.Namespace) -> None:
    tool = _load_tool(options.tool, options.digit_bits)
    names = Names(tool, str(options.headers / "qstrdefs.preprocessed.h"))
    in_c = dict(_REGISTERED.findall((options.headers / "moduledefs.h").read_text()))
    patterns = _patterns(options.executed)
    placed, on_board = [], {}
    for package in options.package:
        on_board.update(_package(tool, package, options.compiled))
    for source in sorted(options.sources.rglob("*.py")):
        path = source.relative_to(options.sources)
        compiled = tool.read_mpy(str(options.compiled / path.with_suffix(".mpy")))
        is_package = path.name == "__init__.py"
        name = ".".join((path.parent if is_package else path.with_suffix("")).parts)
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            on_board[name] = compiled
        else:
            placed.append(Module(name, compiled, is_package))
    facts = {
        ("sys", "maxsize"): (1 << (8 * options.pointer_bytes - 1)) - 1,
        ("sys", "byteorder"): _BYTE_ORDERS[options.byte_order],
    }
    world = World(tool, placed, on_board, in_c, facts)
    modules = world.execute()
    writer = Writer(tool, names, in_c, options.pointer_bytes)
    conditions = _conditions(tool, options.pointer_bytes)
    program = Program(tool, names, writer, conditions, options.builtins)
    program.write(modules, on_board, options.output, options.symbols)


def _package(tool: Any, folder: Path, compiled: Path) -> dict[str, Any]:
    """Return the modules of a package by name: those that were compiled, as its manifest says."""
    found = {}
    for source in sorted(folder.glob("*.py")):
        path = compiled / folder.name / source.with_suffix(".mpy").name
        if path.is_file():
            is_package = source.name == "__init__.py"
            name = folder.name if is_package else f"{folder.name}.{source.stem}"
            found[name] = tool.read_mpy(str(path))
    if folder.name not in found:
        raise PlacementError(f"package {folder.name} was not compiled")
    return found


def _load_tool(path: Path, digit_bits: int) -> Any:
    """Import upstream's script: it finds its neighbours through the first entry of sys.path.

    Nothing is written beside it: the tree it is in serves other builds as well.
    """
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("mpy_tool", path)
    if spec is None or spec.loader is None:
        raise PlacementError(f"{path} cannot be imported")
    tool: Any = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(tool)
    finally:
        sys.path.remove(str(path.parent))
    tool.config.MICROPY_LONGINT_IMPL = tool.config.MICROPY_LONGINT_IMPL_MPZ
    tool.config.MPZ_DIG_SIZE = digit_bits
    tool.config.native_arch = tool.MP_NATIVE_ARCH_NONE
    tool.global_qstrs = tool.GlobalQStrList()
    tool.bc_content = tool.raw_code_count = tool.raw_code_content = 0  # what freeze() counts
    return tool


def _patterns(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def _conditions(tool: Any, pointer_bytes: int) -> list[str]:
    """Return the C lines that stop a build this text is not for."""
    wanted = {
        "MICROPY_LONGINT_IMPL": tool.config.MICROPY_LONGINT_IMPL,
        "MPZ_DIG_SIZE": tool.config.MPZ_DIG_SIZE,
        "MICROPY_OBJ_REPR": "MICROPY_OBJ_REPR_A",
        "MICROPY_PY_SYS_SETTRACE": 0,
    }
    lines = []
    for macro, value in wanted.items():
        lines += [f"#if {macro} != {value}", f'#error "rom: {macro} is not {value}"', "#endif"]
    lines.append(
        f'_Static_assert(sizeof(mp_obj_t) == {pointer_bytes}, "rom: --pointer-bytes is wrong");'
    )
    return lines


if __name__ == "__main__":
    sys.exit(main())
