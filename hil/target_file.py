"""The keys a target file may have, and the check of one file against them.

`TABLES` and `DRIVER_ARGUMENTS` are the whole grammar: one row per key. A file is parsed by
the TOML library, checked row by row, and every offence becomes a `TargetFileError` with file,
line and key: `read` raises the first one, `offences` yields them all. The TOML library keeps no
line numbers; `hil.toml_lines` finds them. Meaning across keys (what a board can do) belongs to
`hil.target`.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.errors import TargetFileError
from hil.toml_lines import KeyPath, line_of

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10
    import tomli as tomllib


@dataclass(frozen=True)
class Key:
    """One key of a target file: its type and what its value, or each item of a list, may be.

    Attributes:
        or_list: a list of strings may be in place of the value.
    """

    kind: type
    required: bool = False
    choices: tuple[object, ...] = ()
    minimum: float | None = None
    pattern: str | None = None
    or_list: bool = False


def _count(*, required: bool = False, minimum: int = 1) -> Key:
    return Key(int, required=required, minimum=minimum)


# What QEMU's -device takes: a name and properties of it; values as QEMU writes them.
_DEVICE = r"[a-z0-9_-]+(,[a-z0-9_-]+=[a-z0-9.-]+)*"

# A hub, as uhubctl calls it, and one of its ports: what switches the power of a board.
HUB_PORT = r"[0-9]+(-[0-9]+(\.[0-9]+)*)?:[0-9]+"

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
        "stack": Key(str, choices=("tlscore", "native")),
        "noise": Key(str, choices=("os.urandom", "adc", "timer")),
        "noise_pin": _count(minimum=0),
        "verified": Key(bool),
    },
    "boot": {"driver": Key(str, required=True, choices=("qemu", "unix_port", "attached"))},
    "console": {"driver": Key(str, required=True, choices=("raw_repl", "socketpair"))},
    "link": {"driver": Key(str, required=True, choices=("uart", "socketpair", "framed"))},
    "identify": {
        "usb_vendor_id": _count(minimum=0),
        "usb_product_id": _count(minimum=0),
        "usb_serial": Key(str),
        "usb_path": Key(str),
        "probe_id": Key(str),
        "hub_port": Key(str, pattern=HUB_PORT),
    },
    "network": {"device": Key(str, pattern=_DEVICE), "radio": Key(str, choices=("wlan",))},
    "flash": {
        "method": Key(
            str, required=True, choices=("esptool", "mass_storage", "mbed_drive", "uf2", "pyocd")
        ),
        "chip": Key(str),
        "address": _count(minimum=0),
        "label": Key(str),
        "firmware": Key(str),
        "stub": Key(bool),
    },
    "timeouts": {
        "boot_s": Key(float, minimum=0.1),
        "job_s": Key(float, minimum=0.1),
        "heal_s": Key(float, minimum=0.1),
    },
}
REQUIRED_TABLES = ("boot", "console", "link")

# What else a table may hold, depending on its driver.
DRIVER_ARGUMENTS: Mapping[tuple[str, str], Mapping[str, Key]] = {
    ("boot", "qemu"): {
        "program": Key(str, required=True, pattern=r"qemu-system-[a-z0-9]+"),
        "machine": Key(str, required=True),
        "cpu": Key(str),
        "icount_shift": Key(int, minimum=0),
        "link_device": Key(str, pattern=_DEVICE),
        "heap_bytes": _count(required=True, minimum=4096),
    },
    ("boot", "unix_port"): {"heap_bytes": _count(required=True, minimum=4096)},
    ("boot", "attached"): {
        "port": Key(str),
        "baud": _count(),
        "reset": Key(str, choices=("esp", "break", "dtr", "none")),
        "micropython": Key(str, pattern=r"[0-9]+\.[0-9]+\.[0-9]+"),
        "uart_bytes": _count(minimum=96),
    },
    ("link", "uart"): {"uart": _count(required=True, minimum=0), "counted": Key(bool)},
}

# The class says what kind of thing a board is, so it decides which boot drivers make sense.
BOOT_DRIVERS: Mapping[str, tuple[str, ...]] = {
    "emulated": ("qemu",),
    "process": ("unix_port",),
    "attached": ("attached",),
}

# Budgets, the highest values of measurements: `[limits]` for every scenario, `[limits.<scenario>]`
# for one. The names are those of a report; phases are `phase.<name>.instructions`.
LIMITS: Mapping[str, Key] = {
    name: _count()
    for name in (
        "heap_live_peak_bytes",
        "heap_min_bytes",
        "stack_peak_bytes",
        "ram_static_bytes",
        "flash_image_bytes",
        "flash_tlscore_bytes",
        "handshake_instructions",
        "echo_instructions",
        "handshake_cpu_us",
        "handshake_wall_ms",
        "bytes_sent",
        "bytes_received",
        "records_sent",
        "records_received",
        "handshake_link_ms",
        "datagrams_sent",
        "datagrams_received",
        "datagrams_lost",
    )
}
_PHASE = re.compile(r"phase\.[a-z0-9_]+\.instructions")

_KIND_NAMES = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    list: "a list of strings",
    dict: "a table of strings",
    bool: "true or false",
}


@dataclass(frozen=True)
class Document:
    """A target file; one that `read` returned has been checked."""

    path: Path
    text: str
    values: Mapping[str, object] = field(repr=False)

    def table(self, name: str) -> Mapping[str, object]:
        """Return a table of a checked file, empty when the file has none of that name."""
        table = self.values.get(name, {})
        assert isinstance(table, dict)
        return table

    def limits(self) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        """Return the limits of a checked file: those of every scenario, and by scenario."""
        general: dict[str, int] = {}
        of_scenario: dict[str, dict[str, int]] = {}
        for scenario, value in self.table("limits").items():
            if isinstance(value, dict) and scenario != "phase":
                of_scenario[scenario] = {}
        for name, place, most in _budgets(self.table("limits")):
            assert isinstance(most, int)
            of_scenario.get(place[1], general)[name] = most
        return general, of_scenario

    def error(self, key: KeyPath, problem: str) -> TargetFileError:
        """Make the error for a key, with the line the key (or else its table) is on."""
        return TargetFileError(self.path, line_of(self.text, key), ".".join(key), problem)


def read(path: Path) -> Document:
    """Parse and check one target file.

    Raises:
        TargetFileError: the first offence; it names file, line and key.
    """
    document = parse(path)
    for error in offences(document):
        raise error
    return document


def parse(path: Path) -> Document:
    """Read a target file, unchecked.

    Raises:
        TargetFileError: it cannot be read, or is not TOML.
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
    return Document(path, text, values)


def offences(document: Document) -> Iterator[TargetFileError]:
    """Yield everything that is wrong with a target file, in the order of the grammar."""
    yield from _top_offences(document)
    for name in TABLES:
        if name and name in document.values:
            yield from _table_offences(document, name)
    yield from _limit_offences(document)
    yield from _class_offences(document)
    yield from _network_offences(document)
    yield from _heap_offences(document)


def _top_offences(document: Document) -> Iterator[TargetFileError]:
    tables = {name for name in TABLES if name} | {"limits"}
    for name in document.values:
        if name not in TABLES[""] and name not in tables:
            yield document.error((name,), unknown_key(name, [*TABLES[""], *sorted(tables)]))
    for name in REQUIRED_TABLES:
        if name not in document.values:
            yield document.error((name,), f"missing; add a table [{name}]")
    own = {name: value for name, value in document.values.items() if name in TABLES[""]}
    yield from key_offences(document, (), own, TABLES[""])
    if own.get("name", document.path.stem) != document.path.stem:
        problem = f"must be the file's own name, {document.path.stem!r}"
        yield document.error(("name",), problem)


def _table_offences(document: Document, name: str) -> Iterator[TargetFileError]:
    table = document.values[name]
    if not isinstance(table, dict):
        yield document.error((name,), f"must be a table [{name}], not {_shown(table)}")
        return
    keys = dict(TABLES[name])
    if "driver" in keys:
        if "driver" not in table:
            yield document.error((name, "driver"), "missing")
            return  # what else belongs here depends on it
        offence = _value_offence(document, (name, "driver"), table["driver"], keys["driver"])
        if offence is not None:
            yield offence
            return
        keys.update(DRIVER_ARGUMENTS.get((name, str(table["driver"])), {}))
    yield from key_offences(document, (name,), table, keys)


def _limit_offences(document: Document) -> Iterator[TargetFileError]:
    limits = document.values.get("limits", {})
    if not isinstance(limits, dict):
        yield document.error(("limits",), f"must be a table [limits], not {_shown(limits)}")
        return
    for name, place, value in _budgets(limits):
        key = _count() if _PHASE.fullmatch(name) else LIMITS.get(name)
        if key is None:
            hint = " (limits of one scenario are a table, [limits.<scenario>])"
            problem = unknown_key(name, list(LIMITS)).replace("key", "measurement", 1)
            yield document.error(place, problem + (hint if len(place) == 2 else ""))
            continue
        offence = _value_offence(document, place, value, key)
        if offence is not None:
            yield offence


def _budgets(limits: Mapping[str, object]) -> Iterator[tuple[str, KeyPath, object]]:
    """Yield every limit of a file as (measurement, place in the file, value)."""
    for name, value in limits.items():
        if not isinstance(value, dict):
            yield name, ("limits", name), value
        else:
            head = () if name == "phase" else (name,)
            rest = value if head else {name: value}
            yield from _flattened(rest, ("limits", *head))


def _flattened(
    table: Mapping[str, object], place: KeyPath, above: KeyPath = ()
) -> Iterator[tuple[str, KeyPath, object]]:
    """Yield the values of a table by dotted names: TOML makes tables of `phase.x.instructions`."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, (*place, name), (*above, name))
        else:
            yield ".".join((*above, name)), (*place, name), value


def _class_offences(document: Document) -> Iterator[TargetFileError]:
    drivers = BOOT_DRIVERS.get(str(document.values.get("class")))
    driver = _value_in(document, "boot", "driver")
    if drivers is None or driver not in TABLES["boot"]["driver"].choices or driver in drivers:
        return
    able = [name for name, their in BOOT_DRIVERS.items() if driver in their]
    klass = document.values["class"]
    problem = f"{driver!r} starts boards of class {', '.join(able)}, not {klass!r}"
    yield document.error(("boot", "driver"), problem)


def _network_offences(document: Document) -> Iterator[TargetFileError]:
    """An emulated board has a device that QEMU is told of, one on a cable a radio."""
    table = document.values.get("network")
    if not isinstance(table, dict):
        return
    is_attached = document.values.get("class") == "attached"
    wanted, other = ("radio", "device") if is_attached else ("device", "radio")
    if wanted not in table:
        yield document.error(("network", wanted), "missing; it takes a string")
    if other in table:
        problem = f"boards of class {document.values.get('class')} have a {wanted} instead"
        yield document.error(("network", other), problem)


def _heap_offences(document: Document) -> Iterator[TargetFileError]:
    """A heap that no firmware could fit; what one firmware leaves of the RAM is known at boot."""
    heap_bytes = _value_in(document, "boot", "heap_bytes")
    ram_bytes = document.values.get("ram_bytes")
    if isinstance(heap_bytes, int) and isinstance(ram_bytes, int) and heap_bytes > ram_bytes:
        problem = f"{heap_bytes} bytes are more than the whole RAM, {ram_bytes} bytes"
        yield document.error(("boot", "heap_bytes"), problem)


def _value_in(document: Document, table: str, key: str) -> object:
    found = document.values.get(table)
    return found.get(key) if isinstance(found, dict) else None


def key_offences(
    document: Document, place: KeyPath, table: Mapping[str, object], keys: Mapping[str, Key]
) -> Iterator[TargetFileError]:
    """Yield what is wrong with the keys of one table, and which are missing."""
    for name, value in table.items():
        if name not in keys:
            yield document.error((*place, name), unknown_key(name, list(keys)))
            continue
        offence = _value_offence(document, (*place, name), value, keys[name])
        if offence is not None:
            yield offence
    for name, key in keys.items():
        if key.required and name not in table:
            yield document.error((*place, name), f"missing; it takes {_KIND_NAMES[key.kind]}")


def _value_offence(
    document: Document, place: KeyPath, value: object, key: Key
) -> TargetFileError | None:
    kinds: tuple[type, ...] = (int, float) if key.kind is float else (key.kind,)
    if key.or_list:
        kinds = (*kinds, list)
    if isinstance(value, bool) != (key.kind is bool) or not isinstance(value, kinds):
        return document.error(place, f"must be {_KIND_NAMES[key.kind]}, not {_shown(value)}")
    if isinstance(value, list):
        item_key = Key(str, pattern=key.pattern)
        offences_of_items = (_value_offence(document, place, item, item_key) for item in value)
        return next(filter(None, offences_of_items), None)
    if key.choices and value not in key.choices:
        near = difflib.get_close_matches(str(value), [str(choice) for choice in key.choices], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        allowed = ", ".join(repr(choice) for choice in key.choices)
        return document.error(place, f"{value!r} is none of {allowed}{hint}")
    if key.minimum is not None and isinstance(value, (int, float)) and not value >= key.minimum:
        return document.error(place, f"must be at least {key.minimum}, not {value}")
    if isinstance(value, str) and not value.strip():
        return document.error(place, "must not be empty")
    if key.pattern and not re.fullmatch(key.pattern, str(value)):
        return document.error(place, f"{value!r} does not have the form {key.pattern}")
    return None


def unknown_key(name: str, known: list[str]) -> str:
    """Say that there is no such key, with one that comes near or all there are."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
    return f"unknown key; {hint}"


def _shown(value: object) -> str:
    kind = {bool: "a boolean", str: "a string", int: "a whole number", float: "a number"}
    return f"{kind.get(type(value), type(value).__name__)} ({value!r})"
