"""The values a module body works with while it is executed for the firmware.

None, bool, int, str, bytes and tuple are Python's own, list and dict as well (they may come up, but
cannot be placed in flash). Everything else is one of these classes. They are compared by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class PlacementError(Exception):
    """A module cannot be put into flash; the text names it and says why."""


class Raised(Exception):
    """An exception of the program being executed; `kind` is the name of its class."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class _Value:
    """What messages call a value: they may refer to each other in circles."""

    def __repr__(self) -> str:
        return f"{type(self).__name__} {getattr(self, 'name', '')}".rstrip()


@dataclass(eq=False, repr=False)
class Module(_Value):
    """A module that is placed: its namespace grows while its body is executed."""

    name: str
    compiled: Any  # mpy-tool's CompiledModule
    is_package: bool
    namespace: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class OtherModule(_Value):
    """A module that is not placed: written in C, or executed on the board."""

    name: str
    in_c: bool


@dataclass(eq=False, repr=False)
class OtherAttribute(_Value):
    """`owner.name` where `owner` is not placed: what it is, only the board knows."""

    owner: Any
    name: str

    def __str__(self) -> str:
        return f"{getattr(self.owner, 'name', self.owner)}.{self.name}"


@dataclass(eq=False, repr=False)
class Builtin(_Value):
    """A name of the module `builtins`."""

    name: str


@dataclass(eq=False, repr=False)
class Cell(_Value):
    """A variable shared with an inner function; here only ever the class of `super()`."""

    value: Any = None


@dataclass(eq=False, repr=False)
class Function(_Value):
    """A function: its code, and its defaults as they were when it was made."""

    module: Module
    code: Any  # mpy-tool's RawCode
    defaults: tuple[Any, ...] = ()
    keyword_defaults: dict[str, Any] | None = None
    closed_over: tuple[Cell, ...] = ()

    @property
    def name(self) -> str:
        text: str = self.code.simple_name.str
        return text


@dataclass(eq=False, repr=False)
class Wrapped(_Value):
    """A function wrapped by `property`, `staticmethod` or `classmethod`."""

    kind: str
    functions: tuple[Any, ...]


@dataclass(eq=False, repr=False)
class Class(_Value):
    """A class: name, bases and namespace."""

    module: Module
    name: str
    bases: tuple[Any, ...]
    namespace: dict[str, Any]

    def lookup(self, name: str) -> Any:
        """Return the attribute `name` of the class or of a placed base; KeyError if none has it."""
        if name in self.namespace:
            return self.namespace[name]
        for base in self.bases:
            if isinstance(base, Class):
                try:
                    return base.lookup(name)
                except KeyError:
                    continue
        raise KeyError(name)


@dataclass(eq=False, repr=False)
class Instance(_Value):
    """An instance of a placed class, for ever as its constructor left it."""

    of: Class
    attributes: dict[str, Any] = field(default_factory=dict)
