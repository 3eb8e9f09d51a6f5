"""What is missing to run each board on this machine, and what is wrong with its target file.

Looks, and starts nothing: the emulator in PATH, the image recipe, the packages its build needs.
Peers are not looked at: a scenario whose peer is missing is skipped with the command that
installs it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from rich.text import Text

from hil import build, limits, serial_port, tables, target_file
from hil.errors import BootError, BuildError, TargetFileError
from hil.target import Target

# Debian packages of the emulators whose program names differ from their package.
_QEMU_PACKAGES = {
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-mips": "qemu-system-mips",
    "qemu-system-mipsel": "qemu-system-mips",
    "qemu-system-i386": "qemu-system-x86",
    "qemu-system-x86_64": "qemu-system-x86",
}
_OTHER_QEMU_PACKAGE = "qemu-system-misc"


def missing(target: Target) -> list[str]:
    """Say what this machine lacks to run a board, each with what to do about it; [] is ready."""
    lacking = [] if target.quarantine is None else [target.quarantine]
    if not target.is_reachable:
        lacking.append("not attached: no port is known (lab.toml, boot.port)")
    lacking += _not_plugged_in(target)
    if target.place is not None and target.place.far is not None and find_spec("labgrid") is None:
        lacking.append("labgrid: pip install 'pytest-hil[labgrid]'")
    program = target.boot.arguments.get("program")
    if isinstance(program, str) and shutil.which(program) is None:
        package = _QEMU_PACKAGES.get(program, _OTHER_QEMU_PACKAGE)
        lacking.append(f"{program}: apt-get install {package}")
    if target.image not in build.available():
        known = ", ".join(build.available())
        lacking.append(f"image {target.image}: no such recipe; there are {known}")
        return lacking
    try:
        packages = build.missing_packages([target.image])
    except BuildError as error:
        return [*lacking, str(error)]
    if packages:
        lacking.append(f"toolchain of image {target.image}: apt-get install {' '.join(packages)}")
    return lacking


def _not_plugged_in(target: Target) -> list[str]:
    """Say that a board is not there, if it is one that is found by what it is."""
    is_found = target.klass == "attached" and "port" not in target.boot.arguments
    is_far = target.place is not None and target.place.far is not None
    if not is_found or is_far or not target.is_reachable:
        return []
    try:
        serial_port.find(target.identify)
    except BootError as error:
        return [str(error)]
    return []


def offences(files: Iterable[Path]) -> list[TargetFileError]:
    """Return everything that is wrong with these target files, file by file.

    Also an image that has no recipe and limits of a scenario that nobody declares, which loading a
    file does not mind: `missing` tells the first of one's own boards, a run the second.
    """
    known = build.available()
    found = []
    for path in files:
        try:
            document = target_file.parse(path)
        except TargetFileError as error:
            found.append(error)
            continue
        found.extend(target_file.offences(document))
        image = document.values.get("image")
        if isinstance(image, str) and image.strip() and image not in known:
            problem = f"no image is called {image!r}; there are {', '.join(known)}"
            found.append(document.error(("image",), problem))
        tables_of_limits = document.values.get("limits")
        if isinstance(tables_of_limits, dict):
            scenarios = [
                name
                for name, budget in tables_of_limits.items()
                if isinstance(budget, dict) and name != "phase"
            ]
            found.extend(limits.unknown_scenarios_of(path, scenarios))
    return found


def listing(targets: Iterable[Target], width: int) -> str:
    """Return the table that `hil targets` and `pytest --list-targets` print."""
    table = tables.empty_table()
    for title in ("target", "class", "cpu"):
        table.add_column(title, no_wrap=True)
    table.add_column("RAM", justify="right", no_wrap=True)
    table.add_column("missing to run")
    for target in targets:
        lacking = missing(target)
        table.add_row(
            target.name,
            target.klass,
            target.cpu,
            _size(target.ram_bytes),
            Text("\n".join(lacking)) if lacking else Text("nothing"),
        )
    return tables.render([table], width)


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return tables.MISSING
    if size_bytes >= 1 << 20:
        return f"{size_bytes / (1 << 20):g} MB"
    return f"{size_bytes / (1 << 10):g} KB"
