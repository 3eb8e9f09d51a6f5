"""Files of firmware for the simulated chip of Espressif's, which names what it runs.

Such a file is what esptool takes for an image: a header, then anything. Here that is the name of an
image of `hil build` and the version that its MicroPython says it is. So what the chip runs is what
is in its flash: `python tests/simboard/firmware.py FILE IMAGE [VERSION]` makes one.
"""

from __future__ import annotations

import shutil
import struct
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from machine import Machine

from hil import build

MAGIC = 0xE9
BYTES = 1024
# Magic, segments, mode, size and speed of the flash; the rest of the header is zeros.
_HEADER = bytes((MAGIC, 1, 2, 0x20)) + bytes(20)
_MARK = b"simulated firmware\n"
_HEAP_BYTES = 524_288


class Content(NamedTuple):
    """What a file of firmware says.

    Attributes:
        image: of `hil build`.
        version: that its MicroPython says it is; "" for its own.
    """

    image: str
    version: str


def write(file: Path, image: str, version: str = "") -> None:
    """Make a file."""
    content = _HEADER + _MARK + f"{image}\n{version}\n".encode()
    file.write_bytes(content.ljust(BYTES, b"\0"))


def read(flash: bytes) -> Content | None:
    """Return what the beginning of an image says; None if it is none of ours."""
    if not flash.startswith(_HEADER[:1]) or _MARK not in flash[:BYTES]:
        return None
    image, version, _ = flash[:BYTES].partition(_MARK)[2].decode("ascii", "replace").split("\n", 2)
    return Content(image, version)


def machine(content: Content) -> Machine:
    """Return the machine that runs it, stopped."""
    firmware = build.ensure(content.image)
    with tempfile.TemporaryDirectory(prefix="simboard-") as folder:
        path = Path(folder) / "firmware.elf"
        shutil.copy(firmware.path, path)
        if content.version:
            _claim(path, firmware.micropython, content.version)
        address = firmware.symbols.get("hil_heap_bytes_config")
        started = Machine(path, heap_address=address, heap_bytes=_HEAP_BYTES)
        started.hold()
    return started


def _claim(path: Path, own: str, version: str) -> None:
    """Change what `sys.implementation.version` is: a tuple of small integers in flash."""
    elf = path.read_bytes()
    was, becomes = (
        struct.pack("<3I", *(2 * int(part) + 1 for part in text.split(".")))
        for text in (own, version)
    )
    assert elf.count(was) == 1, f"{path} does not have its version once"
    path.write_bytes(elf.replace(was, becomes))


if __name__ == "__main__":
    write(Path(sys.argv[1]), *sys.argv[2:])
