"""The loader in the ROM of Espressif's chips, as far as esptool needs it to flash a chip.

Frames and commands: Espressif's "Serial Protocol" in esptool's documentation. A request is
direction 0, command, length of data, checksum, data; an answer direction 1, command, length, value,
data with the status at its end; frames are SLIP's (RFC 1055). There is no stub: a chip of this kind
is spoken to with `--no-stub`. Registers read back what was written, except those that identify the
chip and those of its flash chip.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_END, _ESCAPE, _ESCAPED_END, _ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD
_CHECKSUM_SEED = 0xEF
_MAGIC_REGISTER = 0x40001000
_BAD_CHECKSUM, _INVALID_MESSAGE, _BAD_DEFLATE = 0x07, 0x05, 0x0B
_SYNC_VALUE = 0x20120707
# A 4 MB chip of Winbond's: manufacturer, type, size.
_FLASH_ID = 0x1640EF
_MAC = bytes.fromhex("240ac4000001")


@dataclass(frozen=True)
class Chip:
    """What tells one kind of chip from another.

    Attributes:
        magic: what its ROM holds where esptool looks; see the chips of esptool.
        chip_id: what the command for it answers; None where the ROM does not know the command.
        registers: the others that matter.
        command: the register that starts a command to the flash chip.
        answer: the register that holds its answer.
        status_bytes: length of the status in an answer.
    """

    magic: int
    chip_id: int | None
    registers: Mapping[int, int]
    command: int
    answer: int
    status_bytes: int = 4


# Addresses as in esptool's targets/esp32.py and targets/esp32c3.py.
CHIPS = {
    "esp32": Chip(
        magic=0x00F01D83,
        chip_id=None,
        registers={
            0x3FF5A004: int.from_bytes(_MAC[2:], "big"),
            0x3FF5A008: int.from_bytes(_MAC[:2], "big"),
            0x3FF5A00C: 1 << 15,
            0x3FF40014: 347,  # divider of 40 MHz for 115200 bit/s
        },
        command=0x3FF42000,
        answer=0x3FF42080,
    ),
    "esp32c3": Chip(
        magic=0x1B31506F,
        chip_id=5,
        registers={
            0x60008844: int.from_bytes(_MAC[2:], "big"),
            0x60008848: int.from_bytes(_MAC[:2], "big"),
            0x60000014: 347,
        },
        command=0x60002000,
        answer=0x60002058,
    ),
}


@dataclass
class Faults:
    """What is wrong with the chip.

    Attributes:
        dies_at_block: it says nothing more from this block of data on.
        corrupts_block: a byte of this block does not keep what is written.
        refuses_erase: its flash cannot be erased.
    """

    dies_at_block: int | None = None
    corrupts_block: int | None = None
    refuses_erase: bool = False
    died: Callable[[], None] = field(default=lambda: None)


class EspRom:
    """A loader and its flash, which is a file."""

    def __init__(self, chip: Chip, flash: Path, faults: Faults) -> None:
        self._chip = chip
        self._flash = flash
        self._faults = faults
        self._registers = dict(chip.registers)
        self._frame: bytearray | None = None
        self._is_escaped = False
        self._offset = 0
        self._block_bytes = 0
        self._unpacked: zlib._Decompress | None = None
        self._blocks = 0

    def greeting(self) -> bytes:
        """Return what the chip says when it starts into its loader."""
        self._frame = None
        return (
            b"ets Jul 29 2019 12:21:46\r\n\r\n"
            b"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\n"
            b"waiting for download\r\n"
        )

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host and return the answers."""
        answers = b""
        for byte in data:
            if byte == _END:
                if self._frame:
                    answers += self._answer(bytes(self._frame))
                self._frame, self._is_escaped = bytearray(), False
            elif self._frame is None:
                continue
            elif byte == _ESCAPE:
                self._is_escaped = True
            elif self._is_escaped:
                self._is_escaped = False
                self._frame.append({_ESCAPED_END: _END, _ESCAPED_ESCAPE: _ESCAPE}.get(byte, byte))
            else:
                self._frame.append(byte)
        return answers

    def _answer(self, frame: bytes) -> bytes:
        if len(frame) < 8:
            return b""
        direction, command, length, checksum = struct.unpack_from("<BBHI", frame)
        data = frame[8:]
        if direction != 0 or length != len(data):
            return b""
        if command == 0x08:
            return 8 * self._framed(command, _SYNC_VALUE)
        if command in (0x03, 0x11) and self._is_dead():
            return b""
        handler = self._handlers().get(command)
        if handler is None:
            return self._framed(command, 0, error=_INVALID_MESSAGE)
        return handler(command, data, checksum)

    def _handlers(self) -> Mapping[int, Callable[[int, bytes, int], bytes]]:
        handlers = {
            0x02: self._flash_begin,
            0x03: self._flash_data,
            0x04: self._agree,
            0x09: self._write_register,
            0x0A: self._read_register,
            0x0B: self._agree,
            0x0D: self._agree,
            0x0F: self._agree,
            0x10: self._flash_begin,
            0x11: self._flash_data,
            0x12: self._agree,
            0x13: self._md5,
        }
        if self._chip.chip_id is not None:
            handlers[0x14] = self._security_info
        return handlers

    def _agree(self, command: int, data: bytes, checksum: int) -> bytes:
        return self._framed(command, 0)

    def _write_register(self, command: int, data: bytes, checksum: int) -> bytes:
        for at in range(0, len(data), 16):
            address, value, mask, _delay_us = struct.unpack_from("<IIII", data, at)
            kept = self._registers.get(address, 0) & ~mask
            self._registers[address] = kept | (value & mask)
        return self._framed(command, 0)

    def _read_register(self, command: int, data: bytes, checksum: int) -> bytes:
        (address,) = struct.unpack("<I", data)
        fixed = {
            _MAGIC_REGISTER: self._chip.magic,
            self._chip.command: 0,  # every command to the flash chip is done at once
            self._chip.answer: _FLASH_ID,
        }
        value = fixed.get(address, self._registers.get(address, 0))
        return self._framed(command, value)

    def _security_info(self, command: int, data: bytes, checksum: int) -> bytes:
        assert self._chip.chip_id is not None
        facts = struct.pack("<IB7sII", 0, 0, bytes(7), self._chip.chip_id, 0)
        return self._framed(command, 0, facts)

    def _flash_begin(self, command: int, data: bytes, checksum: int) -> bytes:
        size, _blocks, self._block_bytes, self._offset = struct.unpack_from("<IIII", data)
        if self._faults.refuses_erase:
            return self._framed(command, 0, error=_INVALID_MESSAGE + 1)
        self._unpacked = zlib.decompressobj() if command == 0x10 else None
        self._put(b"\xff" * size)
        return self._framed(command, 0)

    def _flash_data(self, command: int, data: bytes, checksum: int) -> bytes:
        (length,) = struct.unpack_from("<I", data)
        block = data[16 : 16 + length]
        found = _CHECKSUM_SEED
        for byte in block:
            found ^= byte
        if len(block) != length or found != checksum:
            return self._framed(command, 0, error=_BAD_CHECKSUM)
        if self._unpacked is not None:
            try:
                block = self._unpacked.decompress(block)
            except zlib.error:
                return self._framed(command, 0, error=_BAD_DEFLATE)
        if self._faults.corrupts_block == self._blocks and block:
            block = bytes([block[0] ^ 1]) + block[1:]
        self._put(block)
        self._offset += len(block)
        self._blocks += 1
        return self._framed(command, 0)

    def _md5(self, command: int, data: bytes, checksum: int) -> bytes:
        address, size = struct.unpack_from("<II", data)
        content = self._flash.read_bytes()[address : address + size]
        return self._framed(command, 0, hashlib.md5(content).hexdigest().encode())

    def _is_dead(self) -> bool:
        at = self._faults.dies_at_block
        if at is None or self._blocks < at:
            return False
        self._faults.died()
        return True

    def _put(self, content: bytes) -> None:
        with self._flash.open("r+b") as file:
            file.seek(self._offset)
            file.write(content)

    def _framed(self, command: int, value: int, data: bytes = b"", error: int = 0) -> bytes:
        """Return an answer as it goes over the line."""
        status = bytes([1 if error else 0, error]) + bytes(self._chip.status_bytes - 2)
        body = struct.pack("<BBHI", 1, command, len(data) + len(status), value) + data + status
        body = body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        return b"\xc0" + body + b"\xc0"
