"""The keys a target file may have, and the check of one file against them.

`TABLES` and `DRIVER_ARGUMENTS` are the whole grammar: one row per key. A file is parsed by
the TOML library, checked row by row, and every offence becomes a `TargetFileError` with file,
line and key. The TOML library keeps no line numbers; `_line_of` finds one by parsing ever longer
beginnings of the file, which is exact for any TOML syntax and only done when there is an error.
Meaning across keys (what a board can do) belongs to `hil.target`.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.errors import TargetFileError

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10
    import tomli as tomllib

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Key:
    """One key of a target file: its type and what its value may be."""

    kind: type
    required: bool = False
    choices: tuple[object, ...] = ()
    minimum: float | None = None
    pattern: str | None = None


def _count(*, required: bool = False, minimum: int = 1) -> Key:
    return Key(int, required=required, minimum=minimum)


# The keys of each table; "" is the top of the file. Tables themselves are checked apart.
TABLES: Mapping[str, Mapping[str, Key]] = {
    "": {
        "name": Key(str, required=True, pattern=r"[a-z0-9]+(-[a-z0-9]+)*"),
        "description": Key(str, required=True),
        "class": Key(str, required=True, choices=("emulated", "attached", "process")),
        "cpu": Key(str, required=True),
        "isa": Key(str, required=True),
        "endian": Key(str, required=True, choices=("little", "big")),
        "word_bits": Key(int, required=True, choices=(32, 64)),
        "clock_hz": _count(),
        "ticks_cpu_hz": _count(),
        "ram_bytes": _count(),
        "flash_bytes": _count(),
        "image": Key(str, required=True),
    },
    "boot": {"driver": Key(str, required=True, choices=("qemu", "unix_port"))},
    "console": {"driver": Key(str, required=True, choices=("raw_repl", "socketpair"))},
    "link": {"driver": Key(str, required=True, choices=("uart", "socketpair"))},
    "identify": {
        "usb_vendor_id": _count(minimum=0),
        "usb_product_id": _count(minimum=0),
        "usb_serial": Key(str),
        "usb_path": Key(str),
        "probe_id": Key(str),
        "hub_port": Key(str),
    },
    "flash": {"method": Key(str, required=True)},
    "timeouts": {"boot_s": Key(float, minimum=0.1), "job_s": Key(float, minimum=0.1)},
}
REQUIRED_TABLES = ("boot", "console", "link")

# What else a table may hold, depending on its driver.
DRIVER_ARGUMENTS: Mapping[tuple[str, str], Mapping[str, Key]] = {
    ("boot", "qemu"): {
        "program": Key(str, required=True, pattern=r"qemu-system-[a-z0-9]+"),
        "machine": Key(str, required=True),
        "cpu": Key(str),
        "icount_shift": Key(int, minimum=0),
        "heap_bytes": _count(required=True, minimum=4096),
    },
    ("boot", "unix_port"): {"heap_bytes": _count(required=True, minimum=4096)},
    ("link", "uart"): {"uart": _count(required=True, minimum=0)},
}

# The class says what kind of thing a board is, so it decides which boot drivers make sense.
BOOT_DRIVERS: Mapping[str, tuple[str, ...]] = {
    "emulated": ("qemu",),
    "process": ("unix_port",),
    "attached": (),
}

# Budgets of one scenario: `[limits.<scenario>]`.
LIMITS: Mapping[str, Key] = {
    "heap_bytes": _count(),
    "stack_bytes": _count(),
    "instructions": _count(),
}

_KIND_NAMES = {str: "a string", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Document:
    """A target file whose keys have all been checked."""

    path: Path
    text: str
    values: Mapping[str, object] = field(repr=False)

    def table(self, name: str) -> Mapping[str, object]:
        """Return a table of the file, empty when the file has none of that name."""
        table = self.values.get(name, {})
        if not isinstance(table, dict):
            raise self.error((name,), f"must be a table [{name}], not {_shown(table)}")
        return table

    def error(self, key: KeyPath, problem: str) -> TargetFileError:
        """Make the error for a key, with the line the key (or else its table) is on."""
        return TargetFileError(self.path, _line_of(self.text, key), ".".join(key), problem)


def read(path: Path) -> Document:
    """Parse and check one target file.

    Raises:
        TargetFileError: see the message; it names file, line and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetFileError(path, None, "file", f"cannot be read: {error}") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place.group(1)) if place else len(text.splitlines())
        raise TargetFileError(path, line, "TOML", str(error)) from error
    document = Document(path, text, values)
    _check_top(document)
    for name in TABLES:
        if name and (name in values or name in REQUIRED_TABLES):
            _check_driver_table(document, name)
    _check_limits(document)
    _check_class(document)
    return document


def _check_top(document: Document) -> None:
    tables = {name for name in TABLES if name} | {"limits"}
    for name in document.values:
        if name not in TABLES[""] and name not in tables:
            raise document.error((name,), _unknown(name, [*TABLES[""], *sorted(tables)]))
    for name in REQUIRED_TABLES:
        if name not in document.values:
            raise document.error((name,), f"missing; add a table [{name}]")
    _check_keys(document, (), document.values, TABLES[""], ignore=tables)


def _check_driver_table(document: Document, name: str) -> None:
    table = document.table(name)
    keys = dict(TABLES[name])
    if "driver" in keys:
        if "driver" not in table:
            raise document.error((name, "driver"), "missing")
        _check_value(document, (name, "driver"), table["driver"], keys["driver"])
        keys.update(DRIVER_ARGUMENTS.get((name, str(table["driver"])), {}))
    _check_keys(document, (name,), table, keys)


def _check_limits(document: Document) -> None:
    for scenario, budget in document.table("limits").items():
        place = ("limits", scenario)
        if not isinstance(budget, dict):
            raise document.error(place, f"must be a table [limits.{scenario}]")
        _check_keys(document, place, budget, LIMITS)


def _check_class(document: Document) -> None:
    klass = str(document.values["class"])
    driver = str(document.table("boot")["driver"])
    if driver not in BOOT_DRIVERS[klass]:
        able = [name for name, drivers in BOOT_DRIVERS.items() if driver in drivers]
        problem = f"{driver!r} starts boards of class {', '.join(able)}, not {klass!r}"
        raise document.error(("boot", "driver"), problem)


def _check_keys(
    document: Document,
    place: KeyPath,
    table: Mapping[str, object],
    keys: Mapping[str, Key],
    ignore: frozenset[str] | set[str] = frozenset(),
) -> None:
    for name, value in table.items():
        if name in ignore:
            continue
        if name not in keys:
            raise document.error((*place, name), _unknown(name, list(keys)))
        _check_value(document, (*place, name), value, keys[name])
    for name, key in keys.items():
        if key.required and name not in table:
            raise document.error((*place, name), f"missing; it takes {_KIND_NAMES[key.kind]}")


def _check_value(document: Document, place: KeyPath, value: object, key: Key) -> None:
    kinds = (int, float) if key.kind is float else (key.kind,)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise document.error(place, f"must be {_KIND_NAMES[key.kind]}, not {_shown(value)}")
    if key.choices and value not in key.choices:
        near = difflib.get_close_matches(str(value), [str(choice) for choice in key.choices], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        allowed = ", ".join(repr(choice) for choice in key.choices)
        raise document.error(place, f"{value!r} is none of {allowed}{hint}")
    if key.minimum is not None and isinstance(value, (int, float)) and not value >= key.minimum:
        raise document.error(place, f"must be at least {key.minimum}, not {value}")
    if isinstance(value, str) and not value.strip():
        raise document.error(place, "must not be empty")
    if key.pattern and not re.fullmatch(key.pattern, str(value)):
        raise document.error(place, f"{value!r} does not have the form {key.pattern}")


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
    return f"unknown key; {hint}"


def _shown(value: object) -> str:
    kind = {bool: "a boolean", str: "a string", int: "a whole number", float: "a number"}
    return f"{kind.get(type(value), type(value).__name__)} ({value!r})"


def _line_of(text: str, key: KeyPath) -> int | None:
    """Return the line on which a key, or else the innermost table around it, begins.

    Parses ever longer beginnings of the file: the first one that holds the key ends with it,
    and the key's own line follows the longest beginning that parsed without it (a value may
    span lines). Returns None for a missing key at the top of the file.
    """
    lines = text.splitlines()
    for depth in range(len(key), 0, -1):
        complete = 0
        for count in range(1, len(lines) + 1):
            try:
                values = tomllib.loads("\n".join(lines[:count]))
            except tomllib.TOMLDecodeError:
                continue
            if _holds(values, key[:depth]):
                return complete + 1
            complete = count
    return None


def _holds(values: object, key: KeyPath) -> bool:
    for name in key:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True
