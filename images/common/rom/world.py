"""Executes the bodies of all placed modules, each once, and resolves what they ask for.

The order is that of the program: a module's body runs when it is first imported. What is found for
a name is decided here: modules that are placed, modules of the board (in C, or executed there),
attributes, and what a call gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rom import c_names
from rom.machine import Frame, is_plain
from rom.values import (
    Builtin,
    Cell,
    Class,
    Function,
    Instance,
    Module,
    OtherAttribute,
    OtherModule,
    PlacementError,
    Raised,
    Wrapped,
)

# What a property has, in the order MicroPython keeps them.
_ACCESSORS = ("getter", "setter", "deleter")

# What `module.__file__` says of a placed module: there is no file, and no execution either.
FILE = ".rom"


class World:
    """All modules of a firmware, as far as they are executed when it is built."""

    def __init__(
        self,
        tool: Any,
        placed: Iterable[Module],
        on_board: Iterable[str],
        in_c: Iterable[str],
        facts: Mapping[tuple[str, str], Any],
    ) -> None:
        """Take what there is.

        Args:
            tool: upstream's mpy-tool, as a module.
            placed: modules to execute here.
            on_board: names of the modules that are executed on the board.
            in_c: names of the modules written in C.
            facts: attributes of those that are known beforehand, like sys.maxsize.
        """
        self.tool = tool
        self._placed = {module.name: module for module in placed}
        self._begun: set[str] = set()
        self._others = {name: OtherModule(name, in_c=False) for name in on_board}
        self._others.update({name: OtherModule(name, in_c=True) for name in in_c})
        self._facts = facts

    def execute(self) -> list[Module]:
        """Execute all modules and return them, sorted by name.

        Raises:
            PlacementError: one cannot be executed; the text begins with its name.
        """
        for name in self._placed:
            self._import(name)
        for name, module in self._placed.items():
            parent, _, last = name.rpartition(".")
            if parent in self._placed:
                known = self._placed[parent].namespace.setdefault(last, module)
                if known is not module:
                    raise PlacementError(f"{parent}: {last}: is a submodule and something else")
        return [self._placed[name] for name in sorted(self._placed)]

    def _import(self, name: str) -> Any:
        if name in self._others:
            return self._others[name]
        module = self._placed.get(name)
        if module is None:
            raise Raised("ImportError", f"no module named {name!r}")
        if name not in self._begun:
            self._begun.add(name)
            parent, _, last = name.rpartition(".")
            if parent:
                self._import(parent)
            module.namespace.update({"__name__": name, "__file__": FILE})
            if module.is_package:
                module.namespace["__path__"] = name.replace(".", "/")
            self._execute(module)
            if parent:
                self._placed[parent].namespace[last] = module
        return module

    def _execute(self, module: Module) -> None:
        code = module.compiled.raw_code
        try:
            Frame(self, module, code, module.namespace).run()
        except PlacementError as error:
            last = list(module.namespace)[-1]
            text = str(error)
            if not text.startswith("in "):
                text = f"in {module.name}, behind {last}: {text}"
            raise PlacementError(text) from error
        except Raised as error:
            raise PlacementError(f"in {module.name}: its body raises {error}") from error

    def import_name(self, name: str, leaf: bool) -> Any:
        """Import the module with that dotted name; return it, or the first of the dotted names."""
        found = self._import(name)
        return found if leaf else self._import(name.partition(".")[0])

    def import_from(self, module: Any, name: str) -> Any:
        """Return what `from module import name` binds."""
        try:
            return self.attribute(module, name)
        except Raised:
            if isinstance(module, Module) and module.is_package:
                return self._import(f"{module.name}.{name}")
            raise Raised("ImportError", f"cannot import name {name!r}") from None

    def attribute(self, value: Any, name: str) -> Any:
        """Return `value.name`."""
        if isinstance(value, OtherModule):
            fact = self._facts.get((value.name, name))
            return OtherAttribute(value, name) if fact is None else fact
        if isinstance(value, OtherAttribute):
            return OtherAttribute(value, name)
        if isinstance(value, Module) and name in value.namespace:
            return value.namespace[name]
        if isinstance(value, Instance) and name in value.attributes:
            return value.attributes[name]
        if isinstance(value, (Class, Instance)):
            return self._class_attribute(value, name)
        if isinstance(value, Wrapped) and name in _ACCESSORS:
            return Accessor(value, name)
        owner = c_names.PURE.get(value.name) if isinstance(value, Builtin) else value
        if is_plain(owner) or isinstance(owner, type):
            found = getattr(owner, name, None)
            if found is not None:
                return found
        raise Raised("AttributeError", f"{value} has no attribute {name!r}")

    @staticmethod
    def _class_attribute(value: Class | Instance, name: str) -> Any:
        of = value.of if isinstance(value, Instance) else value
        try:
            found = of.lookup(name)
        except KeyError:
            raise Raised("AttributeError", f"{of.name} has no attribute {name!r}") from None
        if isinstance(value, Instance) and isinstance(found, Function):
            return Bound(found, value)
        return found

    @staticmethod
    def set_attribute(target: Any, name: str, value: Any) -> None:
        """Execute `target.name = value`."""
        if isinstance(target, Instance):
            target.attributes[name] = value
        elif isinstance(target, (Class, Module)):
            target.namespace[name] = value
        else:
            raise PlacementError(f"cannot set attribute {name} of {target}")

    def build_class(self, body: Function, name: str, *bases: Any) -> Class:
        """Execute a class statement."""
        namespace: dict[str, Any] = {}
        cell = Frame(self, body.module, body.code, namespace).run(body.closed_over)
        made = Class(body.module, name, bases, namespace)
        if isinstance(cell, Cell):
            cell.value = made
        return made

    def call(self, called: Any, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Call something and return what it returns."""
        if isinstance(called, Bound):
            return self.call(called.function, [called.instance, *arguments], keywords)
        if isinstance(called, Accessor):
            return called.added(arguments[0])
        if isinstance(called, Function):
            values = _bind(called, arguments, keywords)
            return Frame(self, called.module, called.code, {}).run(values)
        if isinstance(called, Class):
            made = Instance(called)
            constructor = self.attribute(made, "__init__")
            self.call(constructor, arguments, keywords)
            return made
        if isinstance(called, Builtin):
            if called.name in ("property", "staticmethod", "classmethod"):
                return Wrapped(called.name, tuple(arguments))
            called = c_names.PURE.get(called.name, called)
        if isinstance(called, OtherAttribute) and str(called) == "micropython.const":
            return arguments[0]
        if callable(called) and all(map(is_plain, [*arguments, *keywords.values()])):
            try:
                return called(*arguments, **keywords)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise Raised(type(error).__name__, str(error)) from error
        text = called.name if isinstance(called, Builtin) else str(called)
        raise PlacementError(f"calls {text}, which only the board can do")


class Bound:
    """A method together with its instance."""

    def __init__(self, function: Function, instance: Instance) -> None:
        self.function = function
        self.instance = instance


class Accessor:
    """`getter`, `setter` or `deleter` of a property: a call makes a property with one more."""

    def __init__(self, wrapped: Wrapped, name: str) -> None:
        self._functions = [*wrapped.functions, *[None] * len(_ACCESSORS)][: len(_ACCESSORS)]
        self._position = _ACCESSORS.index(name)

    def added(self, function: Any) -> Wrapped:
        """Return the property with `function` in its place."""
        self._functions[self._position] = function
        return Wrapped("property", tuple(self._functions))


def _bind(function: Function, arguments: list[Any], keywords: dict[str, Any]) -> tuple[Any, ...]:
    """Put arguments into the order of the function's variables."""
    code = function.code
    _, _, flags, positional, keyword_only, _ = code.prelude_signature
    names = [code.qstr_table[index].str for index in code.names[1:]]
    own = names[len(function.closed_over) : positional]
    if flags & ~1 or keyword_only or len(arguments) > len(own):
        raise PlacementError(f"calls {function.name} in a way not executed here")
    values = dict(zip(own, arguments, strict=False))
    values.update(keywords)
    count = len(function.defaults)
    for name, value in zip(own[len(own) - count :], function.defaults, strict=True):
        values.setdefault(name, value)
    if set(values) != set(own):
        raise PlacementError(f"calls {function.name} with the wrong arguments")
    return (*function.closed_over, *(values[name] for name in own))
