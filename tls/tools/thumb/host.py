"""Runs a kernel on an emulated Cortex-M3 (Unicorn) as MicroPython would call it.

For tests: fast enough for thousands of calls, and it counts instructions as QEMU's `-icount` does,
one for each, LDM and UMULL included. Reading or writing outside the arguments and the stack is an
error, and so is a register that is not given back.
"""

from __future__ import annotations

import struct

import unicorn
from unicorn import arm_const

from thumb.assembler import Program

_CODE, _STACK, _DATA, _SPACE = 0x10000, 0x200000, 0x300000, 0x10000
# MicroPython's entry and the instruction python_file adds leave the code off a word's border.
_ENTRY = 6
_PAINT = b"\xa5"
_SAVED = (arm_const.UC_ARM_REG_R8, arm_const.UC_ARM_REG_R9, arm_const.UC_ARM_REG_R10,
          arm_const.UC_ARM_REG_R11)  # fmt: skip
_ARGUMENTS = (arm_const.UC_ARM_REG_R0, arm_const.UC_ARM_REG_R1, arm_const.UC_ARM_REG_R2,
              arm_const.UC_ARM_REG_R3)  # fmt: skip


class Machine:
    """One kernel, loaded.

    Attributes:
        instructions: how many the last call took, without MicroPython's own.
    """

    def __init__(self, program: Program) -> None:
        """Load a kernel."""
        self._octets = program.octets
        self._labels = program.labels
        self._emulator = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._emulator.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M3)
        self._emulator.mem_map(_CODE, _SPACE, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        for base in (_STACK, _DATA):
            self._emulator.mem_map(base, _SPACE, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        self._emulator.mem_write(_CODE + _ENTRY, self._octets)
        self._emulator.mem_write(_STACK, _PAINT * _SPACE)
        self._emulator.hook_add(unicorn.UC_HOOK_BLOCK, self._count)
        self._counts: dict[tuple[int, int], int] = {}
        self.instructions = 0
        self._seen: list[tuple[int, int]] | None = None

    def call(self, *arguments: bytes | bytearray | int) -> int:
        """Call the kernel; bytearrays are changed in place. Return r0.

        Raises:
            unicorn.UcError: it went where it should not.
            AssertionError: it did not restore the stack or a register, or wrote to bytes.
        """
        places = self._place(arguments)
        for number, register in enumerate(_SAVED):
            self._emulator.reg_write(register, 0x55555500 + number)
        self._run(0)
        for number, register in enumerate(_SAVED):
            assert self._emulator.reg_read(register) == 0x55555500 + number
        self._take_back(places)
        return int(self._emulator.reg_read(arm_const.UC_ARM_REG_R0))

    def call_routine(self, label: str, *arguments: bytes | bytearray | int) -> None:
        """Call a subroutine of the kernel, as the kernel does; arguments in r0 to r3."""
        places = self._place(arguments)
        end = _CODE + _ENTRY + len(self._octets)
        self._emulator.reg_write(arm_const.UC_ARM_REG_LR, end | 1)
        self._run(self._labels[label])
        self._take_back(places)

    def _place(self, arguments: tuple[bytes | bytearray | int, ...]) -> list:
        places = []
        address = _DATA
        for register, argument in zip(_ARGUMENTS, arguments, strict=False):
            if isinstance(argument, int):
                self._emulator.reg_write(register, argument & 0xFFFFFFFF)
                continue
            self._emulator.mem_write(address, bytes(argument))
            self._emulator.reg_write(register, address)
            places.append((address, argument))
            address += len(argument) + 16 & ~15  # as MicroPython's heap aligns buffers
        return places

    def _run(self, start: int) -> None:
        top = _STACK + _SPACE - 64
        self._emulator.reg_write(arm_const.UC_ARM_REG_SP, top)
        self.instructions = 0
        base = _CODE + _ENTRY
        self._emulator.emu_start(base + start | 1, base + len(self._octets))
        assert self._emulator.reg_read(arm_const.UC_ARM_REG_SP) == top

    def _take_back(self, places: list) -> None:
        for place, argument in places:
            if isinstance(argument, bytearray):
                argument[:] = self._emulator.mem_read(place, len(argument))
            else:
                assert self._emulator.mem_read(place, len(argument)) == argument

    def stack_used(self) -> int:
        """Return the bytes of stack that calls so far have written to."""
        stack = self._emulator.mem_read(_STACK, _SPACE - 64)
        return len(bytes(stack).lstrip(_PAINT)) + 3 & ~3  # a word may look like paint at its end

    def watch(self) -> list[tuple[int, int]]:
        """Return a list to which all that follows is written: for tests of constant time.

        Each entry is a kind and an address: 0 for a run of instructions, else what memory is
        accessed for.
        """
        seen: list[tuple[int, int]] = []

        def access(_emulator: object, kind: int, address: int, *_rest: object) -> None:
            seen.append((kind, address))

        self._seen = seen
        kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
        self._emulator.hook_add(kinds, access)
        return seen

    def _count(self, _emulator: object, address: int, size: int, _data: object) -> None:
        key = address, size
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = self._instructions_in(address, size)
        self.instructions += count
        if self._seen is not None:
            self._seen.append((0, address))

    def _instructions_in(self, address: int, size: int) -> int:
        start = address - _CODE - _ENTRY
        count = at = 0
        while at < size:
            (word,) = struct.unpack_from("<H", self._octets, start + at)
            at += 4 if word >> 11 >= 0b11101 else 2
            count += 1
        return count
