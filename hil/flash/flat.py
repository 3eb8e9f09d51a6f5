"""What a linked firmware puts into flash, as the plain bytes that a drive or a programmer takes.

An ELF file says for each of its segments where it is loaded (System V ABI, "Program Header");
between them flash stays erased. Only files as our images make them are read: 32 bits,
little-endian, loaded from address 0 on.
"""

from __future__ import annotations

import struct
from pathlib import Path

from hil.flash import FlashUsageError

_MAGIC = b"\x7fELF\x01\x01"  # 32 bits, little-endian
_LOADED = 1
_ERASED = b"\xff"


def read(firmware: Path) -> bytes:
    """Return the bytes of a firmware: those of an ELF file flattened, those of another as they are.

    Raises:
        FlashUsageError: an ELF file of another machine or loaded elsewhere than from 0 on.
    """
    content = firmware.read_bytes()
    if not content.startswith(_MAGIC[:4]):
        return content
    if not content.startswith(_MAGIC):
        raise FlashUsageError(f"{firmware}: no ELF file of a 32-bit, little-endian board")
    (table,) = struct.unpack_from("<I", content, 28)
    entry_bytes, entries = struct.unpack_from("<HH", content, 42)
    pieces = {}
    for at in range(table, table + entries * entry_bytes, entry_bytes):
        kind, offset, _, address, size = struct.unpack_from("<5I", content, at)
        if kind == _LOADED and size:
            pieces[address] = content[offset : offset + size]
    if min(pieces, default=-1) != 0:
        raise FlashUsageError(f"{firmware}: is not loaded from address 0 on")
    flat = b""
    for address in sorted(pieces):
        flat = flat.ljust(address, _ERASED) + pieces[address]
    return flat
