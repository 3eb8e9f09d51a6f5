"""How many attributes the instances of a class have once they are made.

A dictionary that grows with each attribute takes a table of its own for each of nine sizes on the
way to 37. So the instances of a placed class get room for what their constructor stores, at once
(rom_objtype.c): counted here are the names that `__init__` stores into its first argument, and the
methods it calls on it, by name, with those of its bases' constructors where it calls one. What it
does only sometimes, behind a jump, does not count: attributes that come later make the table grow
as usual.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rom.values import Class, Function

# What fits into the flags of a type (program.py).
MOST = 63

_CONSTRUCTOR = "__init__"


def count(tool: Any, value: Class) -> int:
    """Return for how many attributes an instance is to have room."""
    stored: set[str] = set()
    _collect(tool, value, value, _CONSTRUCTOR, stored, set())
    return min(len(stored), MOST)


def _collect(
    tool: Any, of: Class, place: Class, method: str, stored: set[str], seen: set[int]
) -> None:
    """Add what a method stores.

    Args:
        of: the class of the instance, where methods it calls are looked up.
        place: where this one is looked up: `of`, or one of its bases.
    """
    try:
        function = place.lookup(method)
    except KeyError:
        return
    if not isinstance(function, Function) or id(function) in seen:
        return
    seen.add(id(function))
    instance = f"LOAD_FAST {len(function.closed_over)}"  # what it shares with others comes first
    for before, operation, name in _operations(tool, function.code):
        if operation == "STORE_ATTR" and before == instance:
            stored.add(name)
        elif operation == "LOAD_METHOD" and before == instance:
            _collect(tool, of, of, name, stored, seen)
        elif operation in ("LOAD_SUPER_METHOD", "LOAD_ATTR", "LOAD_METHOD") and name == method:
            for base in of.bases:
                if isinstance(base, Class):
                    _collect(tool, of, base, method, stored, seen)


def _operations(tool: Any, code: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each operation on a name that no jump leads past, after the name of the one before."""
    if code.code_kind != tool.MP_CODE_BYTECODE:
        return
    before, at, joined = "", code.offset_opcodes, 0
    while at < len(code.fun_data):
        kind, size, argument, _ = tool.mp_opcode_decode(code.fun_data, at)
        operation = tool.Opcode.mapping[code.fun_data[at]]
        if kind == tool.MP_BC_FORMAT_QSTR and at >= joined:
            yield before, operation, code.qstr_table[argument].str
        before = operation
        at += size
        if kind == tool.MP_BC_FORMAT_OFFSET:
            joined = max(joined, at + argument)
