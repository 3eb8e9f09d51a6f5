"""Executes bytecode at build time, as far as the bodies of modules need it.

A stack machine over the values of `values`: it does what py/vm.c does, and calls functions, makes
classes and instances, and catches exceptions. What depends on the board (an attribute of a C
module, say) becomes an `OtherAttribute`; it may be passed around, but a computation with it is a
`PlacementError`, and so is an opcode that has no place in a module body.

How names are found is `world`'s business: modules, attributes, calls.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from rom import c_names
from rom.values import Builtin, Cell, Function, Module, OtherAttribute, PlacementError, Raised

_BUILD_CLASS = object()
_NULL = object()

_UNARY: tuple[Callable[[Any], Any], ...] = (
    operator.pos, operator.neg, operator.invert, operator.not_,
)  # fmt: skip
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "__lt__": operator.lt, "__gt__": operator.gt, "__eq__": operator.eq, "__le__": operator.le,
    "__ge__": operator.ge, "__ne__": operator.ne, "__or__": operator.or_,
    "__xor__": operator.xor, "__and__": operator.and_, "__lshift__": operator.lshift,
    "__rshift__": operator.rshift, "__add__": operator.add, "__sub__": operator.sub,
    "__mul__": operator.mul, "__floordiv__": operator.floordiv, "__mod__": operator.mod,
    "__pow__": operator.pow,
}  # fmt: skip
_PLAIN = (type(None), bool, int, str, bytes, tuple, list, dict, range)


def is_plain(value: Any) -> bool:
    """Whether Python itself can compute with the value."""
    return isinstance(value, _PLAIN)


class Frame:
    """One call: of a module body, a class body or a function."""

    def __init__(self, world: Any, module: Module, code: Any, names: dict[str, Any]) -> None:
        """Begin a call.

        Args:
            world: where modules, attributes and calls are resolved (`world.World`).
            code: mpy-tool's RawCode to run.
            names: what STORE_NAME writes to: the namespace of the module or of the class.
        """
        self._world = world
        self._tool = world.tool
        self._module = module
        self._code = code
        self._names = names
        self._stack: list[Any] = []
        self._handlers: list[tuple[int, int]] = []
        self._fast: list[Any] = [_NULL] * code.prelude_signature[0]
        self._ip = code.offset_opcodes

    def run(self, arguments: tuple[Any, ...] = ()) -> Any:
        """Execute to the end and return the value."""
        code = self._code
        self._fast[: len(arguments)] = arguments
        for local in code.fun_data[code.offset_closure_info : code.offset_opcodes]:
            self._fast[local] = Cell(self._fast[local])
        while True:
            _, size, argument, extra = self._tool.mp_opcode_decode(code.fun_data, self._ip)
            opcode = code.fun_data[self._ip]
            self._ip += size
            name, _, rest = self._tool.Opcode.mapping[opcode].partition(" ")
            if name == "RETURN_VALUE":
                return self._stack.pop()
            if rest:
                argument = int(rest.partition(" ")[0])
            step = getattr(self, "_" + name.lower(), None)
            if step is None:
                raise PlacementError(f"{name} cannot be executed when the firmware is built")
            try:
                step(argument, extra)
            except Raised as error:
                if not self._handlers:
                    raise
                target, depth = self._handlers[-1]
                del self._stack[depth:]
                self._stack.append(error)
                self._ip = target

    def _qstr(self, index: int) -> str:
        text: str = self._code.qstr_table[index].str
        return text

    def _take(self, count: int) -> list[Any]:
        taken = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return taken

    # Loading constants and names.

    def _load_const_false(self, _argument: int, _extra: int) -> None:
        self._stack.append(False)

    def _load_const_true(self, _argument: int, _extra: int) -> None:
        self._stack.append(True)

    def _load_const_none(self, _argument: int, _extra: int) -> None:
        self._stack.append(None)

    def _load_const_small_int(self, argument: int, _extra: int) -> None:
        self._stack.append(argument)

    def _load_const_string(self, argument: int, _extra: int) -> None:
        self._stack.append(self._qstr(argument))

    def _load_const_obj(self, argument: int, _extra: int) -> None:
        self._stack.append(self._code.obj_table[argument])

    def _load_null(self, _argument: int, _extra: int) -> None:
        self._stack.append(_NULL)

    def _load_fast(self, argument: int, _extra: int) -> None:
        if self._fast[argument] is _NULL:
            raise Raised("NameError", "local variable referenced before assignment")
        self._stack.append(self._fast[argument])

    _load_fast_n = _load_fast

    def _load_deref(self, argument: int, _extra: int) -> None:
        self._stack.append(self._fast[argument].value)

    def _load_name(self, argument: int, extra: int) -> None:
        name = self._qstr(argument)
        if name in self._names:
            self._stack.append(self._names[name])
        else:
            self._load_global(argument, extra)

    def _load_global(self, argument: int, _extra: int) -> None:
        name = self._qstr(argument)
        namespace = self._module.namespace
        self._stack.append(namespace[name] if name in namespace else Builtin(name))

    def _load_attr(self, argument: int, _extra: int) -> None:
        self._stack.append(self._world.attribute(self._stack.pop(), self._qstr(argument)))

    def _load_method(self, argument: int, _extra: int) -> None:
        found = self._world.attribute(self._stack.pop(), self._qstr(argument))
        self._stack += [found, _NULL]

    def _load_subscr(self, _argument: int, _extra: int) -> None:
        value, index = self._take(2)
        self._stack.append(_computed(operator.getitem, value, index))

    def _load_build_class(self, _argument: int, _extra: int) -> None:
        self._stack.append(_BUILD_CLASS)

    # Storing.

    def _store_name(self, argument: int, _extra: int) -> None:
        self._names[self._qstr(argument)] = self._stack.pop()

    def _store_global(self, argument: int, _extra: int) -> None:
        self._module.namespace[self._qstr(argument)] = self._stack.pop()

    def _store_fast(self, argument: int, _extra: int) -> None:
        self._fast[argument] = self._stack.pop()

    _store_fast_n = _store_fast

    def _store_deref(self, argument: int, _extra: int) -> None:
        self._fast[argument].value = self._stack.pop()

    def _store_attr(self, argument: int, _extra: int) -> None:
        value, target = self._take(2)
        self._world.set_attribute(target, self._qstr(argument), value)

    def _store_map(self, _argument: int, _extra: int) -> None:
        value, key = self._take(2)
        self._stack[-1][key] = value

    def _store_comp(self, argument: int, _extra: int) -> None:
        if argument & 3:
            raise PlacementError("only list comprehensions are executed when the firmware is built")
        self._stack[-1 - (argument >> 2)].append(self._stack[-1])
        self._stack.pop()

    def _delete_name(self, argument: int, _extra: int) -> None:
        del self._names[self._qstr(argument)]

    # Moving on the stack.

    def _dup_top(self, _argument: int, _extra: int) -> None:
        self._stack.append(self._stack[-1])

    def _dup_top_two(self, _argument: int, _extra: int) -> None:
        self._stack += self._stack[-2:]

    def _pop_top(self, _argument: int, _extra: int) -> None:
        self._stack.pop()

    def _rot_two(self, _argument: int, _extra: int) -> None:
        self._stack[-2:] = [self._stack[-1], self._stack[-2]]

    def _rot_three(self, _argument: int, _extra: int) -> None:
        self._stack[-3:] = [self._stack[-1], self._stack[-3], self._stack[-2]]

    # Jumps, loops, exceptions.

    def _jump(self, argument: int, _extra: int) -> None:
        self._ip += argument

    def _pop_jump_if_true(self, argument: int, _extra: int) -> None:
        self._ip += argument if _truth(self._stack.pop()) else 0

    def _pop_jump_if_false(self, argument: int, _extra: int) -> None:
        self._ip += 0 if _truth(self._stack.pop()) else argument

    def _jump_if_true_or_pop(self, argument: int, _extra: int) -> None:
        if _truth(self._stack[-1]):
            self._ip += argument
        else:
            self._stack.pop()

    def _jump_if_false_or_pop(self, argument: int, _extra: int) -> None:
        if _truth(self._stack[-1]):
            self._stack.pop()
        else:
            self._ip += argument

    def _setup_except(self, argument: int, _extra: int) -> None:
        self._handlers.append((self._ip + argument, len(self._stack)))

    def _pop_except_jump(self, argument: int, _extra: int) -> None:
        self._handlers.pop()
        self._ip += argument

    def _end_finally(self, _argument: int, _extra: int) -> None:
        self._handlers.pop()
        value = self._stack.pop()
        if isinstance(value, Raised):
            raise value
        if value is not None:
            raise PlacementError("finally cannot be executed when the firmware is built")

    def _get_iter(self, _argument: int, _extra: int) -> None:
        self._stack.append(_computed(iter, self._stack.pop()))

    def _get_iter_stack(self, _argument: int, _extra: int) -> None:
        # An iterator takes four places (MP_OBJ_ITER_BUF_NSLOTS), and others count them.
        self._stack += [_NULL, _computed(iter, self._stack.pop()), _NULL, _NULL]

    def _for_iter(self, argument: int, _extra: int) -> None:
        value = next(self._stack[-3], _NULL)
        if value is _NULL:
            self._take(4)
            self._ip += argument
        else:
            self._stack.append(value)

    # Building, operators.

    def _build_tuple(self, argument: int, _extra: int) -> None:
        self._stack.append(tuple(self._take(argument)))

    def _build_list(self, argument: int, _extra: int) -> None:
        self._stack.append(self._take(argument))

    def _build_map(self, _argument: int, _extra: int) -> None:
        self._stack.append({})

    def _unpack_sequence(self, argument: int, _extra: int) -> None:
        values = _computed(list, self._stack.pop())
        if len(values) != argument:
            raise Raised("ValueError", "wrong number of values to unpack")
        self._stack += reversed(values)

    def _unary_op(self, argument: int, _extra: int) -> None:
        value = self._stack.pop()
        self._stack.append(
            not _truth(value) if argument == 3 else _computed(_UNARY[argument], value)
        )

    def _binary_op(self, argument: int, _extra: int) -> None:
        name = self._tool.mp_binary_op_method_name[argument]
        left, right = self._take(2)
        if name == "<is>":
            result: Any = left is right
        elif name == "<exception match>":
            caught = right if isinstance(right, tuple) else (right,)
            result = any(c_names.matches(left.kind, each.name) for each in caught)
        elif name == "<in>":
            result = _computed(operator.contains, right, left)
        else:
            # x += 1 and x + 1 are alike for what may be placed.
            plain = "__" + name[3:] if name.startswith("__i") else name
            result = _computed(_BINARY[plain], left, right)
        self._stack.append(result)

    # Functions, classes, imports.

    def _make_function(self, argument: int, _extra: int) -> None:
        self._stack.append(Function(self._module, self._code.children[argument]))

    def _make_function_defargs(self, argument: int, _extra: int) -> None:
        self._make(argument, self._take(2), ())

    def _make_closure(self, argument: int, extra: int) -> None:
        self._make(argument, [_NULL, _NULL], tuple(self._take(extra)))

    def _make_closure_defargs(self, argument: int, extra: int) -> None:
        cells = tuple(self._take(extra))
        self._make(argument, self._take(2), cells)

    def _make(self, child: int, defaults: list[Any], cells: tuple[Cell, ...]) -> None:
        positional, keywords = (None if each is _NULL else each for each in defaults)
        code = self._code.children[child]
        self._stack.append(Function(self._module, code, positional or (), keywords, cells))

    def _call_function(self, argument: int, _extra: int) -> None:
        arguments, keywords = self._arguments(argument)
        called = self._stack.pop()
        if called is _BUILD_CLASS:
            self._stack.append(self._world.build_class(*arguments))
        else:
            self._stack.append(self._world.call(called, arguments, keywords))

    def _call_method(self, argument: int, _extra: int) -> None:
        arguments, keywords = self._arguments(argument)
        called, _ = self._take(2)
        self._stack.append(self._world.call(called, arguments, keywords))

    def _arguments(self, counts: int) -> tuple[list[Any], dict[str, Any]]:
        flat = self._take(2 * (counts >> 8 & 0xFF))
        keywords = dict(zip(flat[::2], flat[1::2], strict=True))
        return self._take(counts & 0xFF), keywords

    def _import_name(self, argument: int, _extra: int) -> None:
        level, names = self._take(2)
        if level:
            raise PlacementError("a relative import cannot be executed when the firmware is built")
        self._stack.append(self._world.import_name(self._qstr(argument), names is not None))

    def _import_from(self, argument: int, _extra: int) -> None:
        self._stack.append(self._world.import_from(self._stack[-1], self._qstr(argument)))


def _truth(value: Any) -> bool:
    if isinstance(value, OtherAttribute):
        raise PlacementError(f"only the board knows whether {value} is true")
    return bool(value)


def _computed(function: Callable[..., Any], *values: Any) -> Any:
    """Let Python compute; its exceptions become those of the program."""
    for value in values:
        if isinstance(value, OtherAttribute):
            raise PlacementError(f"only the board can compute with {value}")
    try:
        return function(*values)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise Raised(type(error).__name__, str(error)) from error
