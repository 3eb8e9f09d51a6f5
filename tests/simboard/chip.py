"""An LPC1768 in this process: Unicorn runs its Cortex-M3, `lpc1768` has its registers.

What runs is the firmware as it is flashed, byte for byte, from its vectors on; what the loader in
ROM checks is checked before. Memory is where the chip has it and nowhere else: any access beside
memory and devices is a fault, as is a write to flash. Unicorn has no interrupt controller and no
memory protection: here an exception pushes its frame and runs its handler on the main stack, and
what the firmware writes to the protection unit is noted, not obeyed. A tail-chained or nested
interrupt is not modelled, nor is priority.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import lpc1768
from lpc1768 import Wrong
from unicorn import (
    UC_ARCH_ARM,
    UC_HOOK_CODE,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_ALL,
    UC_PROT_EXEC,
    UC_PROT_READ,
    Uc,
    UcError,
)
from unicorn import arm_const as arm

FLASH = (0x0000_0000, 0x8_0000)
RAMS = ((0x1000_0000, 0x8000), (0x2007_C000, 0x4000), (0x2008_0000, 0x4000))
_DEVICES = (0x4000_0000, 0x10_0000)
_CORE = (0xE000_E000, 0x1000)
# Where a handler returns to. Unicorn refuses EXC_RETURN, so this is a place in the chip's boot ROM,
# which has the bit that says that the process stack was in use, and that of Thumb.
_ROM = (0x1FFF_0000, 0x2000)
_RETURN = _ROM[0] | 5
_NOWHERE = _ROM[0]
_HARD_FAULT = 3
_WAIT_FOR_INTERRUPT = b"\x30\xbf"
_FRAME = (
    arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3,
    arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR,
)  # fmt: skip
_FRAME_BYTES = 4 * len(_FRAME)
# How often a busy CPU is attended to, how long it must have left its devices alone to be stopped,
# and how long one sleeps at most.
_ATTEND_S = 0.002
_UNTOUCHED_S = 0.001
_IDLE_S = 0.5
_READ_BYTES = 4096
_THUMB = 1 << 24
# msr primask, r0 to r15: first and second half, without the register.
_MASKS, _PRIMASK = 0xF380, 0x8810


class Core:
    """Interrupt controller, protection unit and reset of the core, 0xE000E000.

    Attributes:
        enabled: bits of interrupts.
        regions: of the protection unit, number -> RBAR and RASR.
        is_protected: the unit is on.
    """

    def __init__(self, reset: Callable[[], None]) -> None:
        self.enabled = 0
        self.regions: dict[int, tuple[int, int]] = {}
        self.is_protected = False
        self._region = 0
        self._base = 0
        self._reset = reset

    def read(self, offset: int) -> int:
        """Return a register: those that say why there was a fault say nothing."""
        return 0

    def write(self, offset: int, value: int) -> None:
        """Set a register. An interrupt is pending for as long as its device wants it."""
        if offset == 0x100:
            self.enabled |= value
        elif offset == 0xD94:
            self.is_protected = bool(value & 1)
        elif offset == 0xD98:
            self._region = value
        elif offset == 0xD9C:
            self._base = value
        elif offset == 0xDA0:
            self.regions[self._region] = (self._base, value)
        elif offset == 0xD0C and value == 0x05FA_0004:
            self._reset()
        elif offset != 0x280:
            raise Wrong(f"core: register {offset:#x} is written with {value:#x}")


class Chip:
    """A chip that runs in a thread of its own.

    Attributes:
        console: the far end of the mbed's serial line.
        failure: what the firmware did wrong, which ended it; None while all is well.
        starts: how often it has started.
    """

    def __init__(self, image: bytes, *, stuck: bool = False) -> None:
        """Flash and start it.

        Args:
            image: what the interface writes to flash.
            stuck: its converter always says the same.

        Raises:
            Wrong: the loader in ROM would not start this.
        """
        _require_valid(image)
        self.console, self._line = socket.socketpair()
        self.console.setblocking(False)
        self.failure: str | None = None
        self.starts = 0
        self._stuck = stuck
        self._said = bytearray()
        self._heard: deque[int] = deque()
        self._news = threading.Event()
        self._is_held = self._is_over = False
        self._must_start = True
        self._is_running = self._is_handling = False
        self._touched_s = 0.0
        self._sending = threading.Lock()
        self._new_image: bytes | None = None
        self._watched: list[int] = []
        self._cpu = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._cpu.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M3)
        self._cpu.mem_map(*FLASH, UC_PROT_READ | UC_PROT_EXEC)
        self._program(image)
        for start, size in RAMS:
            self._cpu.mem_map(start, size, UC_PROT_ALL)
            self._cpu.mem_write(start, random.Random(start).randbytes(size))  # as after power-on
        self._cpu.mem_map(*_ROM, UC_PROT_READ | UC_PROT_EXEC)
        self._cpu.mmio_map(*_DEVICES, self._read, None, self._write, None)
        self._cpu.mmio_map(*_CORE, self._read_core, None, self._write_core, None)
        self._runner = threading.Thread(target=self._run, daemon=True)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._attendant = threading.Thread(target=self._attend, daemon=True)
        for thread in (self._runner, self._listener, self._attendant):
            thread.start()

    def hold(self) -> None:
        """Stop the CPU, as a low reset line does."""
        self._is_held = True
        self._news.set()

    def flash(self, image: bytes) -> None:
        """Have another program at the next start.

        Raises:
            Wrong: the loader in ROM would not start this.
        """
        _require_valid(image)
        self._new_image = image

    def reset(self) -> None:
        """Start anew; RAM keeps what it holds."""
        self._must_start = True
        self._is_held = False
        self._news.set()

    def close(self) -> None:
        """End it."""
        self._is_over = True
        self._news.set()
        self._runner.join()
        self._attendant.join()
        self._line.shutdown(socket.SHUT_RDWR)
        self._listener.join()
        self._line.close()
        self.console.close()

    def memory(self, address: int, size: int) -> bytes:
        """Return what is in memory; for a chip that is held or sleeps."""
        return bytes(self._cpu.mem_read(address, size))

    def _listen(self) -> None:
        while data := self._line.recv(_READ_BYTES):
            self._heard.extend(data)
            self._news.set()

    def _attend(self) -> None:
        """Pass on what a CPU says that does not rest, and stop it where there is news for it.

        Unicorn carries out an access to a device twice that it is stopped in, so it is stopped only
        where it has not had one for a while: one that is busy with devices notices news by itself.
        """
        while not self._is_over:
            time.sleep(_ATTEND_S)
            self._flush()
            self._stop_for_news()
        while self._runner.is_alive():
            self._stop_for_news()
            self._runner.join(_ATTEND_S)

    def _stop_for_news(self) -> None:
        wanted = self._must_start or self._is_held or self._is_over or self._heard
        if wanted and self._is_running and time.monotonic() - self._touched_s > _UNTOUCHED_S:
            self._cpu.emu_stop()

    def _run(self) -> None:
        while not self._is_over:
            try:
                if self._must_start:
                    self._start()
                if self._is_held or self.failure is not None:
                    self._rest(_IDLE_S)
                else:
                    self._step()
            except Wrong as error:
                self.failure = str(error)
                sys.stderr.write(f"chip: {error}\n")
            self._flush()

    def _start(self) -> None:
        """Do what a reset does to core and devices."""
        self._must_start = self._is_handling = False
        if self._new_image is not None:
            self._program(self._new_image)
            self._new_image = None
        self.failure = None
        self.starts += 1
        self.pins: dict[int, int] = {}
        self.clock = clock = lpc1768.Clock()
        self.uart = lpc1768.Uart(clock, self.pins, self._say)
        self.timers = (lpc1768.Timer(clock, 1, 2), lpc1768.Timer(clock, 2, 4))
        self.core = Core(self.reset)
        self._devices: dict[int, Any] = {
            0x4000_4000: self.timers[0],
            0x4000_8000: self.timers[1],
            0x4000_C000: self.uart,
            0x4003_4000: lpc1768.Converter(clock, self.pins, self._stuck),
            0x400F_C000: clock,
        }
        stack, entry = struct.unpack("<2I", self.memory(0, 8))
        self._set(arm.UC_ARM_REG_CONTROL, 0)
        self._set(arm.UC_ARM_REG_PRIMASK, 0)
        self._set(arm.UC_ARM_REG_MSP, stack)
        self._set(arm.UC_ARM_REG_PC, entry)

    def _step(self) -> None:
        """Run for a while, or until the CPU sleeps; then it sleeps."""
        try:
            if not self._get(arm.UC_ARM_REG_PRIMASK):
                for number in self._pending():
                    self._interrupt(number)
            if self._must_start or self._is_held:
                return
            self._go()
        except UcError as error:
            sys.stderr.write(f"chip: {error} at {self._get(arm.UC_ARM_REG_PC):#x}\n")
            self._enter(_HARD_FAULT)
            return
        before = self._get(arm.UC_ARM_REG_PC) - 2
        if before >= 0 and self.memory(before, 2) == _WAIT_FOR_INTERRUPT and not self._pending():
            self._flush()
            match_in_s = self.timers[1].match_in_s
            self._rest(_IDLE_S if match_in_s is None else min(match_in_s, _IDLE_S))

    def _go(self, until: int = _NOWHERE) -> None:
        """Run from where it is until it is stopped."""
        self._touched_s = time.monotonic()
        self._is_running = True
        try:
            self._cpu.emu_start(self._get(arm.UC_ARM_REG_PC) | 1, until)
        finally:
            self._is_running = False

    def _program(self, image: bytes) -> None:
        """Write flash, and have the CPU stop where interrupts become allowed that are pending."""
        self._cpu.mem_write(FLASH[0], image.ljust(FLASH[1], b"\xff"))
        self._cpu.ctl_flush_tb()
        for hook in self._watched:
            self._cpu.hook_del(hook)
        self._watched.clear()
        for at in range(0, len(image) - 3, 2):
            first, second = struct.unpack_from("<HH", image, at)
            if first & 0xFFF0 == _MASKS and second == _PRIMASK:
                hook = self._cpu.hook_add(UC_HOOK_CODE, self._unmasked, begin=at + 4, end=at + 4)
                self._watched.append(hook)

    def _unmasked(self, cpu: Uc, _address: int, _size: int, _data: object) -> None:
        allowed = not self._is_handling and not self._get(arm.UC_ARM_REG_PRIMASK)
        if allowed and (self._must_start or self._is_held or self._is_over or self._pending()):
            cpu.emu_stop()

    def _rest(self, timeout_s: float) -> None:
        self._news.wait(timeout_s)
        self._news.clear()

    def _pending(self) -> list[int]:
        """Return the interrupts that are enabled and wanted."""
        self._hear()
        wanted = {
            lpc1768.INTERRUPT_TIMER_1: self.timers[1].wants_interrupt,
            lpc1768.INTERRUPT_UART_0: self.uart.wants_interrupt,
        }
        return [
            number for number, wants in wanted.items() if wants and self.core.enabled >> number & 1
        ]

    def _interrupt(self, number: int) -> None:
        """Run the handler of an interrupt from its first to its last instruction."""
        control = self._enter(16 + number)
        self._is_handling = True
        while self._get(arm.UC_ARM_REG_PC) != _RETURN & ~1:
            if self._must_start or self._is_over:
                return
            self._go(_RETURN & ~1)
        self._is_handling = False
        self._set(arm.UC_ARM_REG_CONTROL, control)
        frame = self._get(arm.UC_ARM_REG_SP)
        words = struct.unpack(f"<{len(_FRAME)}I", self.memory(frame, _FRAME_BYTES))
        for register, word in zip(_FRAME, words, strict=True):
            self._set(register, word | (register == arm.UC_ARM_REG_PC))
        self._set(arm.UC_ARM_REG_SP, frame + _FRAME_BYTES)

    def _enter(self, exception: int) -> int:
        """Push a frame and go to the handler of an exception; return the former CONTROL."""
        control = self._get(arm.UC_ARM_REG_CONTROL)
        frame = self._get(arm.UC_ARM_REG_SP) - _FRAME_BYTES
        words = [self._get(register) for register in _FRAME]
        if any(start <= frame < start + size for start, size in RAMS):
            self._cpu.mem_write(frame, struct.pack(f"<{len(_FRAME)}I", *words))
        self._set(arm.UC_ARM_REG_SP, frame)
        self._set(arm.UC_ARM_REG_CONTROL, 0)
        self._set(arm.UC_ARM_REG_LR, _RETURN)
        self._set(arm.UC_ARM_REG_XPSR, _THUMB)
        (handler,) = struct.unpack("<I", self.memory(4 * exception, 4))
        self._set(arm.UC_ARM_REG_PC, handler)
        return control

    def _hear(self) -> None:
        """Let what came over the line into the serial port, as far as it has room."""
        while self._heard and self.uart.has_room:
            self.uart.received.append(self._heard.popleft())

    def _say(self, byte: int) -> None:
        self._said.append(byte)

    def _flush(self) -> None:
        with self._sending:
            said = bytes(self._said)
            if said:
                self._line.sendall(said)
                del self._said[: len(said)]

    def _read(self, _cpu: Uc, offset: int, size: int, _data: object) -> int:
        self._touched_s = time.monotonic()
        value = self._register(offset)
        if isinstance(value, int):
            return value
        found: int = value.read(offset & 0xFFF)
        if value is self.uart:
            self._hear()
        return found

    def _write(self, _cpu: Uc, offset: int, size: int, value: int, _data: object) -> None:
        self._touched_s = time.monotonic()
        device = self._register(offset)
        if isinstance(device, int):
            self.pins[offset & 0xFFF] = value
        else:
            device.write(offset & 0xFFF, value)

    def _register(self, offset: int) -> Any:
        """Return the device at an offset from 0x40000000, or the value of a register of pins."""
        address = _DEVICES[0] + offset
        if address & ~0xFFF == 0x4002_C000:
            return self.pins.get(address & 0xFFF, 0)
        device = self._devices.get(address & ~0xFFF)
        if device is None:
            raise Wrong(f"there is no device of ours at {address:#x}")
        return device

    def _read_core(self, _cpu: Uc, offset: int, size: int, _data: object) -> int:
        return self.core.read(offset)

    def _write_core(self, _cpu: Uc, offset: int, size: int, value: int, _data: object) -> None:
        self.core.write(offset, value)

    def _get(self, register: int) -> int:
        value: int = self._cpu.reg_read(register)
        return value

    def _set(self, register: int, value: int) -> None:
        self._cpu.reg_write(register, value)


def _require_valid(image: bytes) -> None:
    """Check what the loader in ROM does before it starts a program (chapter 32.3.1.1).

    Raises:
        Wrong: it would not.
    """
    if len(image) < 32 or sum(struct.unpack_from("<8I", image)) & 0xFFFF_FFFF:
        raise Wrong("the first eight words do not add up to nothing: no valid user code")
    if len(image) > FLASH[1]:
        raise Wrong(f"{len(image)} bytes do not fit in flash")
