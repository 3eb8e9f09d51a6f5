"""Whether a board's memories hold what it is to run; told before it starts, with the numbers.

A firmware knows from its linker script what it takes (`hil.image.Firmware`), a target file what the
board has. An emulator would give a program that is too large whatever memory the emulated machine
happens to have, and the figures would be those of another board.
"""

from __future__ import annotations

from hil.boot.request import BootRequest
from hil.errors import BootError

_RAM_BOTTOM, _HEAP_START, _RAM_END = "hil_stack_bottom", "hil_heap_start", "hil_ram_end"


def require_room(request: BootRequest) -> None:
    """Refuse a firmware or a heap that is too large for the board.

    Raises:
        BootError: names the key of the target file and both sizes.
    """
    target, firmware = request.target, request.firmware
    flash_bytes, needed_bytes = target.flash_bytes, firmware.flash_bytes
    if flash_bytes is not None and needed_bytes is not None and needed_bytes > flash_bytes:
        raise BootError(
            f"{target.path}: flash_bytes: image {firmware.image} takes {needed_bytes} bytes of "
            f"flash, {needed_bytes - flash_bytes} more than the board's {flash_bytes}; "
            f"`hil size {firmware.image}` shows where they are"
        )
    symbols = firmware.symbols
    if not {_RAM_BOTTOM, _HEAP_START, _RAM_END} <= symbols.keys():
        return  # a process, or an image that does not say
    taken_bytes = symbols[_HEAP_START] - symbols[_RAM_BOTTOM]
    ram_bytes = symbols[_RAM_END] - symbols[_RAM_BOTTOM]
    if target.ram_bytes is not None:
        ram_bytes = min(ram_bytes, target.ram_bytes)
    left_bytes = ram_bytes - taken_bytes
    if request.heap_bytes > left_bytes:
        key = "boot.heap_bytes: " if request.heap_bytes_wanted is None else ""
        raise BootError(
            f"{target.path}: {key}a heap of {request.heap_bytes} bytes does not fit: of "
            f"{ram_bytes} bytes of RAM, stack and variables of image {firmware.image} take "
            f"{taken_bytes} and leave {left_bytes}"
        )
