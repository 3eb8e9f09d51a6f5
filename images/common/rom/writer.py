"""Writes values as constant C objects, each once, for use by MicroPython in place.

`reference` returns the C expression of a value and sees to it that what it points to is written.
Modules and classes are declared before anything else, since they are pointed to by what they hold.
Dictionaries are open-addressed hash tables laid out as py/map.c looks keys up (`layout`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rom import c_names, layout
from rom.names import Names
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
    Wrapped,
)

_PROXIES = 3  # of a property: getter, setter, deleter


class Writer:
    """The C text of all placed objects, and which symbol belongs to which module."""

    def __init__(
        self, tool: Any, names: Names, modules_in_c: Mapping[str, str], pointer_bytes: int
    ) -> None:
        """Begin.

        Args:
            tool: upstream's mpy-tool, as a module.
            names: the interned strings of the firmware.
            modules_in_c: name of each module written in C -> its C object.
            pointer_bytes: size of an object reference on the board.
        """
        self._tool = tool
        self._names = names
        self._modules_in_c = modules_in_c
        self._small_int_limit = 1 << (8 * pointer_bytes - 2)
        self._known: dict[Any, str] = {}
        self._kept: list[Any] = []  # what _known knows by identity must stay alive
        self._taken: set[str] = set()
        self.declarations: list[str] = []
        self.definitions: list[str] = []
        self.symbols: dict[str, str] = {}
        self.functions: dict[str, list[Any]] = {}

    def reference(self, value: Any, module: str, label: str) -> str:
        """Return the C expression (`mp_rom_obj_t`) of a value.

        Args:
            module: name of the module the value's space is counted for, if it is new.
            label: what the value is called there: for names in C and in messages.

        Raises:
            PlacementError: such a value cannot be constant.
        """
        if value is None or isinstance(value, bool):
            return {None: "MP_ROM_NONE", False: "MP_ROM_FALSE", True: "MP_ROM_TRUE"}[value]
        if isinstance(value, int) and -self._small_int_limit <= value < self._small_int_limit:
            return f"MP_ROM_INT({value})"
        if isinstance(value, str) and self._names.is_interned(value):
            return f"MP_ROM_QSTR({self._names.use(value)})"
        if isinstance(value, (Builtin, OtherAttribute, OtherModule)):
            return self._foreign(value, module, label)
        key = _key(value)
        if key not in self._known:
            self._kept.append(value)
            self._known[key] = self._write(value, module, label)
        return f"MP_ROM_PTR({self._known[key]})"

    def declare(self, value: Module | Class) -> str:
        """Reserve the C name of a module or class that is defined later, and return it."""
        key = _key(value)
        if key not in self._known:
            self._kept.append(value)
            if isinstance(value, Module):
                symbol = self._symbol(value.name, "module")
                self.declarations.append(f"static const mp_module_context_t {symbol};")
            else:
                symbol = self._symbol(value.module.name, value.name)
                self.declarations.append(f"static const mp_obj_type_t {symbol};")
            self._known[key] = f"&{symbol}"
        return self._known[key][1:]

    def table(self, entries: Mapping[str, Any], module: str, label: str) -> str:
        """Write the table of a map from names to values; return the map's C initialiser."""
        hashes = {name: self._names.hash_of(name) for name in entries}
        slots = layout.slots(hashes)
        lines = []
        for name in slots:
            if name is None:
                lines.append("{ 0, 0 }")
            else:
                value = self.reference(entries[name], module, f"{label}.{name}")
                lines.append(f"{{ MP_ROM_QSTR({self._names.use(name)}), {value} }}")
        symbol = "NULL"
        if slots:
            symbol = self._define(
                "mp_rom_map_elem_t", self._symbol(module, f"{label}_table"), lines, array=True
            )
        return (
            "{ .all_keys_are_qstrs = 1, .is_fixed = 1, .is_ordered = 0, "
            f".used = {len(entries)}, .alloc = {len(slots)}, "
            f".table = (mp_map_elem_t *){symbol} }}"
        )

    def dictionary(self, entries: Mapping[str, Any], module: str, label: str) -> str:
        """Write a dictionary from names to values and return its C name."""
        table = self.table(entries, module, label)
        return self._define(
            "mp_obj_dict_t", self._symbol(module, f"{label}_dict"), ["{ &mp_type_dict }", table]
        )

    def objects(self, values: Iterable[Any], module: str, label: str) -> str:
        """Write an array of values and return its C name."""
        lines = [self.reference(each, module, f"{label}_{i}") for i, each in enumerate(values)]
        return self._define("mp_rom_obj_t", self._symbol(module, label), lines, array=True)

    def define(self, kind: str, module: str, label: str, lines: list[str]) -> str:
        """Write one C array of ready expressions and return its name."""
        return self._define(kind, self._symbol(module, label), lines, array=True)

    def _write(self, value: Any, module: str, label: str) -> str:
        if isinstance(value, (Module, Class)):
            return "&" + self.declare(value)
        if isinstance(value, (str, bytes)):
            return self._write_text(value, module, label)
        if isinstance(value, int):
            return self._write_integer(value, module, label)
        if isinstance(value, tuple):
            return self._write_tuple(value, module, label)
        if isinstance(value, Function):
            return "&" + self._write_function(value, label)
        if isinstance(value, Cell):
            held = self.reference(value.value, module, label)
            lines = ["{ &mp_type_object }", f"(mp_obj_t){held}"]
            return "&" + self._define("mp_obj_cell_t", self._symbol(module, f"{label}_cell"), lines)
        if isinstance(value, Wrapped):
            return "&" + self._write_wrapped(value, module, label)
        if isinstance(value, Instance):
            of = self.reference(value.of, module, label).removeprefix("MP_ROM_PTR")
            lines = [f"{{ {of} }}", self.table(value.attributes, module, label)]
            return "&" + self._define("mp_obj_instance_t", self._symbol(module, label), lines)
        raise PlacementError(f"in {module}: {label}: a {type(value).__name__} cannot be constant")

    def _write_text(self, value: str | bytes, module: str, label: str) -> str:
        if not value:
            return "&mp_const_empty_bytes_obj"
        octets = value.encode() if isinstance(value, str) else value
        kind = "mp_type_str" if isinstance(value, str) else "mp_type_bytes"
        data = self._define(
            "byte", self._symbol(module, f"{label}_data"), [str(b) for b in octets], array=True
        )
        lines = [f"{{ &{kind} }}", str(self._names.hash_of(octets)), str(len(octets)), data]
        return "&" + self._define("mp_obj_str_t", self._symbol(module, label), lines)

    def _write_integer(self, value: int, module: str, label: str) -> str:
        bits = self._tool.config.MPZ_DIG_SIZE
        rest, digits = abs(value), []
        while rest:
            digits.append(f"{rest & ((1 << bits) - 1):#x}")
            rest >>= bits
        data = self._define(
            f"uint{bits}_t", self._symbol(module, f"{label}_digits"), digits, array=True
        )
        number = (
            f"{{ .neg = {int(value < 0)}, .fixed_dig = 1, .alloc = {len(digits)}, "
            f".len = {len(digits)}, .dig = (uint{bits}_t *){data} }}"
        )
        lines = ["{ &mp_type_int }", number]
        return "&" + self._define("mp_obj_int_t", self._symbol(module, label), lines)

    def _write_tuple(self, value: tuple[Any, ...], module: str, label: str) -> str:
        if not value:
            return "&mp_const_empty_tuple_obj"
        items = [self.reference(each, module, f"{label}_{i}") for i, each in enumerate(value)]
        lines = ["{ &mp_type_tuple }", str(len(items)), f"{{ {', '.join(items)} }}"]
        return "&" + self._define("mp_rom_obj_tuple_t", self._symbol(module, label), lines)

    def _write_wrapped(self, value: Wrapped, module: str, label: str) -> str:
        functions = [self.reference(each, module, label) for each in value.functions]
        symbol = self._symbol(module, f"{label}_{value.kind}")
        if value.kind == "property":
            functions += ["MP_ROM_NONE"] * (_PROXIES - len(functions))
            lines = ["{ &mp_type_property }", f"{{ {', '.join(functions[:_PROXIES])} }}"]
            return self._define("rom_property_t", symbol, lines)
        lines = [f"{{ &mp_type_{value.kind} }}", functions[0]]
        return self._define("mp_rom_obj_static_class_method_t", symbol, lines)

    def _write_function(self, value: Function, label: str) -> str:
        module = value.module.name
        code = value.code
        self.functions.setdefault(module, []).append(code)
        tool = self._tool
        data = f"fun_data_{code.escaped_name}"
        symbol = self._symbol(module, f"{label}_closed" if value.closed_over else label)
        if code.code_kind == tool.MP_CODE_NATIVE_ASM:
            lines = ["{ &mp_type_fun_asm }", str(code.n_pos_args), data, str(code.type_sig)]
            return self._define("mp_obj_fun_asm_t", symbol, lines)
        generator = code.scope_flags & tool.MP_SCOPE_FLAG_GENERATOR
        kind = {
            tool.MP_CODE_BYTECODE: "gen_wrap" if generator else "fun_bc",
            tool.MP_CODE_NATIVE_PY: "native_gen_wrap" if generator else "fun_native",
            tool.MP_CODE_NATIVE_VIPER: "fun_viper",
        }[code.code_kind]
        children = f"&children_{code.escaped_name}" if code.children else "NULL"
        if code.code_kind == tool.MP_CODE_NATIVE_PY and not code.children:
            children = f"{data}_prelude_macro"
        extra = [
            f"(mp_obj_t){self.reference(each, module, f'{label}_default_{i}')}"
            for i, each in enumerate(value.defaults)
        ]
        if value.keyword_defaults:
            defaults = self.dictionary(value.keyword_defaults, module, f"{label}_defaults")
            extra.append(f"(mp_obj_t)MP_ROM_PTR(&{defaults})")
        lines = [
            f"{{ &mp_type_{kind} }}",
            f"&{self.declare(value.module)}",
            f"(struct _mp_raw_code_t *const *){children}",
            data,
        ]
        if extra:
            lines.append(f".extra_args = {{ {', '.join(extra)} }}")
        function = self._define("mp_obj_fun_bc_t", symbol, lines)
        return self._write_closure(value, function, label) if value.closed_over else function

    def _write_closure(self, value: Function, function: str, label: str) -> str:
        module = value.module.name
        cells = [self.reference(cell, module, label) for cell in value.closed_over]
        lines = [
            "{ &mp_type_closure }",
            f"MP_ROM_PTR(&{function})",
            str(len(cells)),
            f"{{ {', '.join(cells)} }}",
        ]
        return self._define("rom_closure_t", self._symbol(module, label), lines)

    def _foreign(self, value: Any, module: str, label: str) -> str:
        symbol: str | None = None
        if isinstance(value, Builtin):
            symbol = c_names.builtin(value.name)
            hint = "it is no class of MicroPython's"
        elif isinstance(value, OtherModule):
            symbol = self._modules_in_c.get(value.name)
            hint = "it is executed on the board; import it where it is used"
        else:
            owner = getattr(value.owner, "name", None)
            symbol = c_names.ATTRIBUTES.get((owner, value.name))
            hint = "write `import module` and look the attribute up where it is used"
        if symbol is None:
            name = str(value) if isinstance(value, OtherAttribute) else value.name
            raise PlacementError(f"in {module}: {label}: {name} cannot be referred to: {hint}")
        if isinstance(value, OtherAttribute):
            # Under a name of our own: some are declared in headers and some are not.
            declaration = f'extern const mp_obj_base_t rom_{symbol} __asm__("{symbol}");'
            if declaration not in self.declarations:
                self.declarations.append(declaration)
            symbol = f"rom_{symbol}"
        return f"MP_ROM_PTR(&{symbol})"

    def _symbol(self, module: str, label: str) -> str:
        stem = "rom_" + "".join(c if c.isalnum() else "_" for c in f"{module}__{label}")
        symbol, count = stem, 1
        while symbol in self._taken:
            count += 1
            symbol = f"{stem}_{count}"
        self._taken.add(symbol)
        self.symbols[symbol] = module
        return symbol

    def _define(self, kind: str, symbol: str, lines: list[str], array: bool = False) -> str:
        size = f"[{len(lines)}]" if array else ""
        body = ",\n    ".join(lines)
        self.definitions.append(f"static const {kind} {symbol}{size} = {{\n    {body}\n}};")
        return symbol


def _key(value: Any) -> Any:
    """Return what two values have in common that can share one object."""
    if isinstance(value, (str, bytes, int)):
        return type(value), value
    if isinstance(value, tuple):
        return tuple, tuple(_item_key(each) for each in value)
    return "identity", id(value)


def _item_key(value: Any) -> Any:
    return (type(value), value) if value is None or isinstance(value, bool) else _key(value)
