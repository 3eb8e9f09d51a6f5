"""Runs a kernel on an emulated Cortex-M3 (Unicorn) as MicroPython would call it.

For tests: fast enough for thousands of calls, and it counts instructions as QEMU's `-icount` does,
one for each, LDM and UMULL included. Reading or writing outside the arguments and the stack is an
error, and so is a register that is not given back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import unicorn
from unicorn import arm_const

from thumb.assembler import Program

_CODE, _STACK, _DATA, _SPACE = 0x10000, 0x200000, 0x300000, 0x10000
# What MicroPython's entry pushes leaves the code two bytes off a word's border.
_ENTRY = 2
_SAVED = (arm_const.UC_ARM_REG_R8, arm_const.UC_ARM_REG_R9, arm_const.UC_ARM_REG_R10,
          arm_const.UC_ARM_REG_R11)  # fmt: skip
_ARGUMENTS = (arm_const.UC_ARM_REG_R0, arm_const.UC_ARM_REG_R1, arm_const.UC_ARM_REG_R2,
              arm_const.UC_ARM_REG_R3)  # fmt: skip


class Machine:
    """One kernel, loaded.

    Attributes:
        instructions: how many the last call took, without MicroPython's own.
        stack_bytes: the deepest stack of all calls so far, below MicroPython's entry.
        trace: called with the address of each block of instructions below the kernel's start and
            each address of memory accessed, if set: for tests of constant time.
    """

    def __init__(self, program: Program) -> None:
        """Load a kernel."""
        self._octets = program.octets
        self._emulator = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._emulator.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M3)
        self._emulator.mem_map(_CODE, _SPACE, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        for base in (_STACK, _DATA):
            self._emulator.mem_map(base, _SPACE, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        self._emulator.mem_write(_CODE + _ENTRY, self._octets)
        self._emulator.hook_add(unicorn.UC_HOOK_BLOCK, self._count)
        self._counts: dict[tuple[int, int], int] = {}
        self.instructions = 0
        self.trace: Callable[[int], None] | None = None
        self._memory_hook: int | None = None

    def call(self, *arguments: bytes | bytearray | int) -> int:
        """Call the kernel; bytearrays are changed in place. Return r0.

        Raises:
            unicorn.UcError: it went where it should not.
            AssertionError: it did not restore the stack or a register.
        """
        emulator = self._emulator
        places = []
        address = _DATA
        for register, argument in zip(_ARGUMENTS, arguments, strict=False):
            if isinstance(argument, int):
                emulator.reg_write(register, argument & 0xFFFFFFFF)
                continue
            emulator.mem_write(address, bytes(argument))
            emulator.reg_write(register, address)
            places.append((address, argument))
            address += len(argument) + 16 & ~15  # as MicroPython's heap aligns buffers
        top = _STACK + _SPACE - 64
        for number, register in enumerate(_SAVED):
            emulator.reg_write(register, 0x55555500 + number)
        emulator.reg_write(arm_const.UC_ARM_REG_SP, top)
        self.instructions = 0
        start = _CODE + _ENTRY
        emulator.emu_start(start | 1, start + len(self._octets))
        assert emulator.reg_read(arm_const.UC_ARM_REG_SP) == top
        for number, register in enumerate(_SAVED):
            assert emulator.reg_read(register) == 0x55555500 + number
        for place, argument in places:
            if isinstance(argument, bytearray):
                argument[:] = emulator.mem_read(place, len(argument))
            else:
                assert emulator.mem_read(place, len(argument)) == argument
        return int(emulator.reg_read(arm_const.UC_ARM_REG_R0))

    def stack_used(self) -> int:
        """Return the bytes of stack that calls so far have written to."""
        stack = self._emulator.mem_read(_STACK, _SPACE - 64)
        return len(bytes(stack).lstrip(b"\0"))

    def watch(self, seen: list[tuple[int, int]]) -> None:
        """Append every block's address and every access's kind and address to a list."""
        self.trace = lambda address: seen.append((0, address))
        kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE

        def access(_emulator, kind, address, _size, _value, _data) -> None:
            seen.append((kind, address))

        self._memory_hook = self._emulator.hook_add(kinds, access)

    def _count(self, _emulator: object, address: int, size: int, _data: object) -> None:
        key = address, size
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = self._instructions_in(address, size)
        self.instructions += count
        if self.trace is not None:
            self.trace(address)

    def _instructions_in(self, address: int, size: int) -> int:
        start = address - _CODE - _ENTRY
        count = at = 0
        while at < size:
            (word,) = struct.unpack_from("<H", self._octets, start + at)
            at += 4 if word >> 11 >= 0b11101 else 2
            count += 1
        return count
