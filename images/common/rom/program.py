"""Puts the parts together: .mpy files in, one C file and the list of its symbols out."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rom import c_names, members, names
from rom.names import Names
from rom.values import Builtin, Class, Function, Module, Wrapped
from rom.writer import Writer

# The owner of what all modules share, in the list of symbols.
_SHARED = "(names)"

_HEAD = """\
// Written by images/common/rom when the firmware was built.
#include "py/mpconfig.h"
#include "py/builtin.h"
#include "py/objint.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/objtype.h"
#include "py/objfun.h"
#include "py/objmodule.h"
#include "py/emitglue.h"
#include "py/nativeglue.h"
#include "common/rom.h"
#pragma GCC diagnostic ignored "-Wunused-const-variable"  // headers of code nobody calls by them
"""
# Machine code, which mpy-tool.py puts into one section: each function gets one that bears its name,
# by which its size is told, and begins at a word's border.
_MACHINE_CODE = re.compile(
    r'(fun_data_\w+)(\[\d+\] __attribute__\(\(section\("\.text),(.*aligned) \([24]\)\)\)'
)
_IN_ITS_OWN_SECTION = r"\1\2.\1,\3 (4)))"
# Written into every class by the compiler, read by nothing in MicroPython.
_UNUSED = ("__module__", "__qualname__")
_FLAGS = (
    "MP_TYPE_FLAG_EQ_NOT_REFLEXIVE", "MP_TYPE_FLAG_EQ_CHECKS_OTHER_TYPE",
    "MP_TYPE_FLAG_EQ_HAS_NEQ_TEST", "MP_TYPE_FLAG_ITER_IS_GETITER", "MP_TYPE_FLAG_INSTANCE_TYPE",
)  # fmt: skip
_SLOTS = (
    "make_new, rom_instance_make_new", "print, rom_instance_print",
    "call, mp_obj_instance_call", "unary_op, rom_instance_unary_op",
    "binary_op, rom_instance_binary_op", "attr, rom_instance_attr",
    "subscr, rom_instance_subscr", "iter, mp_obj_instance_getiter",
    "buffer, rom_instance_get_buffer",
)  # fmt: skip
# Flags of types end below this bit; above it is how many attributes an instance will have.
_MEMBERS_SHIFT = 10


class Program:
    """The C file of all frozen modules: those placed, and those executed on the board."""

    def __init__(
        self, tool: Any, interned: Names, writer: Writer, conditions: list[str], builtins: bool
    ) -> None:
        """Begin.

        Args:
            builtins: whether modules also have those builtins as names that they use.
        """
        self._tool = tool
        self._builtins = builtins
        self._names = interned
        self._writer = writer
        self._conditions = conditions
        self._parts: list[str] = []
        self._symbols: dict[str, str] = {}
        self._subclassed: set[int] = set()

    def write(
        self, placed: list[Module], on_board: Mapping[str, Any], output: Path, symbols: Path
    ) -> None:
        """Write both files.

        Args:
            placed: the modules with their namespaces.
            on_board: module name -> CompiledModule of those executed on the board.
        """
        classes = _classes(placed)
        self._subclassed = {id(base) for each in classes for base in each.bases}
        for module in placed:
            self._writer.declare(module)
        dictionaries = {
            module.name: self._writer.dictionary(self._globals(module), module.name, "globals")
            for module in placed
        }
        for each in classes:
            self._class(each)
        for module in placed:
            self._code(module.name, self._writer.functions.get(module.name, []))
        for module in placed:
            self._module(module, dictionaries[module.name])
        for name, compiled in on_board.items():
            self._frozen(name, compiled)
        self._lists(placed, on_board)
        text = [_HEAD, *self._conditions, self._names.pool(), *self._writer.declarations]
        text += [*self._parts, *self._writer.definitions, *self._tail]
        output.write_text("\n".join(text) + "\n", encoding="utf-8")
        self._symbols.update(self._writer.symbols)
        lines = [f"{symbol} {module}" for symbol, module in sorted(self._symbols.items())]
        lines += [f"{names.POOL}_{part} {_SHARED}" for part in names.PARTS]
        symbols.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _globals(self, module: Module) -> dict[str, Any]:
        if not self._builtins:
            return module.namespace
        return {**_builtins(self._tool, module), **module.namespace}

    def _class(self, value: Class) -> None:
        writer, module = self._writer, value.module.name
        symbol = writer.declare(value)
        flags = list(_FLAGS)
        if _has_special_accessors(value):
            flags.append("MP_TYPE_FLAG_HAS_SPECIAL_ACCESSORS")
        if id(value) in self._subclassed:
            flags.append("MP_TYPE_FLAG_IS_SUBCLASSED")
        flags.append(f"{members.count(self._tool, value)} << {_MEMBERS_SHIFT}")
        slots = [*_SLOTS]
        namespace = {name: each for name, each in value.namespace.items() if name not in _UNUSED}
        dictionary = writer.dictionary(namespace, module, value.name)
        slots.append(f"locals_dict, &{dictionary}")
        if len(value.bases) == 1:
            base = writer.reference(value.bases[0], module, value.name)
            slots.append(f"parent, {base.removeprefix('MP_ROM_PTR')}")
        elif value.bases:
            bases = writer.reference(value.bases, module, f"{value.name}_bases")
            slots.append(f"parent, {bases.removeprefix('MP_ROM_PTR')}")
        name = self._names.use(value.name)
        head = f"{symbol}, {name}, {' | '.join(flags)}"
        body = ",\n    ".join([head, *slots])
        writer.definitions.append(f"static MP_DEFINE_CONST_OBJ_TYPE(\n    {body}\n    );")

    def _code(self, module: str, codes: Iterable[Any]) -> None:
        """Write the bytecode of functions and of what is inside them."""
        for code in codes:
            self._parts.append(_MACHINE_CODE.sub(_IN_ITS_OWN_SECTION, _printed(code.freeze)))
            for each in _with_children(code):
                for stem in ("fun_data", "children", "proto_fun"):
                    self._symbols[f"{stem}_{each.escaped_name}"] = module

    def _module(self, module: Module, dictionary: str) -> None:
        constants = self._constants(
            module.name,
            module.compiled,
            [
                each
                for code in self._writer.functions.get(module.name, [])
                for each in _with_children(code)
            ],
        )
        self._writer.definitions.append(
            f"static const mp_module_context_t {self._writer.declare(module)} = {{\n"
            f"    .module = {{ {{ &mp_type_module }}, (mp_obj_dict_t *)&{dictionary} }},\n"
            f"    .constants = {constants},\n}};"
        )

    def _constants(self, name: str, compiled: Any, codes: list[Any] | None) -> str:
        """Write the tables bytecode refers to by index; what no code refers to stays empty.

        Args:
            codes: all code there is, or None if the module is there as a whole.
        """
        used_names, used_objects = _used(self._tool, compiled, codes)
        tables = []
        if used_names:
            lines = [
                self._names.use(entry.str) if i in used_names else "MP_QSTRnull"
                for i, entry in enumerate(compiled.qstr_table[: max(used_names) + 1])
            ]
            table = self._writer.define("qstr_short_t", name, "names", lines)
            tables.append(f".qstr_table = (qstr_short_t *){table}")
        if used_objects:
            values = []
            for i, value in enumerate(compiled.obj_table[: max(used_objects) + 1]):
                if isinstance(value, self._tool.MPFunTable):
                    values.append("MP_ROM_PTR(&mp_fun_table)")
                elif i in used_objects:
                    values.append(self._writer.reference(value, name, f"constant_{i}"))
                else:
                    values.append("MP_ROM_NONE")
            table = self._writer.define("mp_rom_obj_t", name, "constants", values)
            tables.append(f".obj_table = (mp_obj_t *){table}")
        return f"{{ {', '.join(tables) or '0'} }}"

    def _frozen(self, name: str, compiled: Any) -> None:
        """Write a module that is executed on the board."""
        self._code(name, [compiled.raw_code])
        constants = self._constants(name, compiled, None)
        lines = [f".constants = {constants}"]
        lines.append(f".proto_fun = &proto_fun_{compiled.raw_code.escaped_name}")
        self._writer.definitions.append(
            f"static const mp_frozen_module_t frozen_module_{compiled.escaped_name} = {{\n    "
            + ",\n    ".join(lines)
            + "\n};"
        )
        self._symbols[f"frozen_module_{compiled.escaped_name}"] = name

    def _lists(self, placed: list[Module], on_board: Mapping[str, Any]) -> None:
        """Write by what names modules are found."""
        table = self._writer.table({module.name: module for module in placed}, _SHARED, "modules")
        files = [compiled.source_file.str for compiled in on_board.values()]
        contents = [f"&frozen_module_{each.escaped_name}" for each in on_board.values()]
        self._tail = [
            f"const mp_map_t rom_modules = {table};",
            "const uint32_t mp_frozen_str_sizes[] = { 0 };  // no module is frozen as text",
            "const char mp_frozen_str_content[] = { 0 };",
            "const char mp_frozen_names[] = {",
            *(f'    "{name}\\0"' for name in files),
            '    "\\0"',
            "};",
            "const mp_frozen_module_t *const mp_frozen_mpy_content[] = {",
            *(f"    {each}," for each in contents),
            *([] if contents else ["    NULL,"]),
            "};",
        ]


def _classes(placed: list[Module]) -> list[Class]:
    """Return all classes that can be reached from namespaces, bases first."""
    found: dict[int, Class] = {}

    def visit(value: Any) -> None:
        if isinstance(value, Class) and id(value) not in found:
            for base in value.bases:
                visit(base)
            found[id(value)] = value
            for each in value.namespace.values():
                visit(each)
        elif isinstance(value, Function):
            for cell in value.closed_over:
                visit(cell.value)
        elif isinstance(value, tuple):
            for each in value:
                visit(each)
        elif getattr(value, "of", None) is not None:
            visit(value.of)

    for module in placed:
        for value in module.namespace.values():
            visit(value)
    return list(found.values())


def _builtins(tool: Any, module: Module) -> dict[str, Any]:
    """Return what a module uses of `builtins`: it is found sooner among the module's own names."""
    used: dict[str, Any] = {}
    for code in _with_children(module.compiled.raw_code):
        at = code.offset_opcodes if code.code_kind == tool.MP_CODE_BYTECODE else len(code.fun_data)
        while at < len(code.fun_data):
            _, size, argument, _ = tool.mp_opcode_decode(code.fun_data, at)
            if tool.Opcode.mapping[code.fun_data[at]] == "LOAD_GLOBAL":
                name = code.qstr_table[argument].str
                if name in c_names.FUNCTIONS or name in c_names.TYPES:
                    used[name] = Builtin(name)
            at += size
    return used


def _has_special_accessors(value: Class) -> bool:
    """Whether instances need the slow way to attributes (`check_for_special_accessors`)."""
    if any(isinstance(base, Class) and _has_special_accessors(base) for base in value.bases):
        return True
    return any(
        name in ("__setattr__", "__delattr__")
        or (isinstance(each, Wrapped) and each.kind == "property")
        for name, each in value.namespace.items()
    )


def _with_children(code: Any) -> list[Any]:
    return [code, *(inner for child in code.children for inner in _with_children(child))]


def _used(tool: Any, compiled: Any, codes: list[Any] | None) -> tuple[set[int], set[int]]:
    """Return the indices into both tables that the code uses; machine code may use any."""
    everything = set(range(len(compiled.qstr_table))), set(range(len(compiled.obj_table)))
    if codes is None or any(code.code_kind != tool.MP_CODE_BYTECODE for code in codes):
        return everything
    names: set[int] = {0} if codes else set()  # the file's name, for tracebacks
    objects: set[int] = set()
    for code in codes:
        names.update(code.names)
        at = code.offset_opcodes
        while at < len(code.fun_data):
            kind, size, argument, _ = tool.mp_opcode_decode(code.fun_data, at)
            if kind == tool.MP_BC_FORMAT_QSTR:
                names.add(argument)
            elif code.fun_data[at] == tool.Opcode.MP_BC_LOAD_CONST_OBJ:
                objects.add(argument)
            at += size
    return names, objects


def _printed(function: Any) -> str:
    """Return what a function of mpy-tool prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        function()
    return text.getvalue()
