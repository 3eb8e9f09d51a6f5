"""What an LPC1768's registers do, as far as our firmware uses them, read from NXP's UM10360.

The registers are those of clock and power (chapter 4), pins (8), UART 0 (14), timers 0 and 1 (21),
the converter (29), and of the core's interrupt controller and memory protection (Arm DDI 0403E).
They are strict where silicon is: a device without power, a PLL that is set up in a wrong order or
a register that no chapter names is `Wrong`, with the reason. The chip has whatever this reading of
the manual has right or wrong: it is a check of the firmware against the manual, not against
silicon.

Not modelled: the loader in ROM, errata, and time that instructions take (timers follow the host's
clock, at the rate the registers give them).
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

CRYSTAL_HZ = 12_000_000
INTERNAL_HZ = 4_000_000
INTERRUPT_TIMER_1 = 2
INTERRUPT_UART_0 = 5
_FIFO_BYTES = 16

_CONTROL, _CONFIGURATION, _STATUS, _FEED = 0x080, 0x084, 0x088, 0x08C
_POWER_ON = 0x0428_87DE  # reset value of PCONP


class Wrong(Exception):
    """The firmware did what the manual forbids, or what is not modelled."""


@dataclass
class Clock:
    """System control, 0x400FC000: oscillators, PLL 0, dividers, power (chapters 3 to 5)."""

    words: dict[int, int] = field(default_factory=lambda: {0x0C4: _POWER_ON, 0x000: 0x303A})
    control: int = 0
    configuration: int = 0
    multiplier: int = 1
    fed: bool = False

    def read(self, offset: int) -> int:
        """Return a register."""
        if offset == 0x1A0:
            word = self.words.get(offset, 0)
            return word | word << 1 & 1 << 6  # stable at once
        if offset == _STATUS:
            locked = (self.control & 1) << 26
            return self.configuration | (self.control & 3) << 24 | locked
        return self.words.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Set a register.

        Raises:
            Wrong: a step of setting up the PLL is out of order.
        """
        if offset == _FEED:
            if value == 0x55 and self.fed:
                self._take()
            elif value != 0xAA:
                raise Wrong(f"PLL0FEED: {value:#x} out of order")
            self.fed = value == 0xAA
            return
        if offset == 0x10C and self.control & 2:
            raise Wrong("CLKSRCSEL: changed while the PLL is connected")
        if offset == 0x1A8 and self.control & 2 and value != self.words.get(offset, 0):
            raise Wrong("PCLKSEL0: changed while the PLL is connected (errata PCLKSELx.1)")
        self.words[offset] = value

    def _take(self) -> None:
        """Let what was written to the PLL count."""
        wanted = self.words.get(_CONTROL, 0) & 3
        if wanted & 2 and not self.control & 1:
            raise Wrong("PLL0CON: connected before it was enabled and locked")
        if not self.control & 1:
            self.configuration = self.words.get(_CONFIGURATION, 0)
        elif self.words.get(_CONFIGURATION, 0) != self.configuration:
            raise Wrong("PLL0CFG: changed while the PLL is enabled")
        self.control = wanted
        if wanted & 1 and not 275_000_000 <= self.oscillator_hz <= 550_000_000:
            raise Wrong(f"PLL0CFG: its oscillator would have {self.oscillator_hz} Hz")
        if self.cpu_hz > 100_000_000:
            raise Wrong(f"the CPU would have {self.cpu_hz} Hz")
        if self.cpu_hz > 80_000_000 and self.words[0x000] >> 12 < 4:
            raise Wrong("FLASHCFG: too few clocks for that speed of the CPU")

    @property
    def source_hz(self) -> int:
        """Clock of the PLL, or of the CPU where that is not connected."""
        if self.words.get(0x10C, 0) & 3 == 1:
            return CRYSTAL_HZ if self.words.get(0x1A0, 0) & 1 << 5 else 0
        return INTERNAL_HZ

    @property
    def oscillator_hz(self) -> int:
        """Frequency of the PLL's own oscillator."""
        times = (self.configuration & 0x7FFF) + 1
        return 2 * times * self.source_hz // ((self.configuration >> 16 & 0xFF) + 1)

    @property
    def cpu_hz(self) -> int:
        """Clock of the CPU."""
        base = self.oscillator_hz if self.control & 2 else self.source_hz
        return base // ((self.words.get(0x104, 0) & 0xFF) + 1)

    def peripheral_hz(self, field_bit: int) -> int:
        """Clock of a device by its two bits of PCLKSEL0."""
        return self.cpu_hz // (4, 1, 2, 8)[self.words.get(0x1A8, 0) >> field_bit & 3]

    def require_power(self, bit: int, device: str) -> None:
        """Refuse access to a device without power."""
        if not self.words[0x0C4] >> bit & 1:
            raise Wrong(f"{device}: has no power (PCONP)")


class Uart:
    """UART 0, 0x4000C000. `received` is given bytes; what is sent goes to `send`."""

    def __init__(self, clock: Clock, pins: dict[int, int], send: Callable[[int], None]) -> None:
        self._clock = clock
        self._pins = pins
        self._send = send
        self._divisor = 0x01
        self._line = 0
        self.interrupts = 0
        self.received: deque[int] = deque()

    @property
    def baud(self) -> float:
        """Its speed."""
        return self._clock.peripheral_hz(6) / 16 / (self._divisor or 1)

    @property
    def has_room(self) -> bool:
        """Whether its buffer takes another byte from the line."""
        return len(self.received) < _FIFO_BYTES

    @property
    def wants_interrupt(self) -> bool:
        """Whether its interrupt is pending. How many bytes it waits for is not modelled."""
        return bool(self.interrupts & 1 and self.received)

    def read(self, offset: int) -> int:
        """Return a register."""
        self._clock.require_power(3, "UART 0")
        if offset == 0x00:
            return self.received.popleft() if self.received else 0
        if offset == 0x14:
            return 0x60 | bool(self.received)
        if offset == 0x0C:
            return self._line
        raise Wrong(f"UART 0: register {offset:#x} is read")

    def write(self, offset: int, value: int) -> None:
        """Set a register."""
        self._clock.require_power(3, "UART 0")
        latched = self._line & 0x80
        if offset == 0x0C:
            self._line = value
        elif offset == 0x00 and latched:
            self._divisor = self._divisor & 0xFF00 | value
        elif offset == 0x04 and latched:
            self._divisor = self._divisor & 0xFF | value << 8
        elif offset == 0x00:
            self._give(value)
        elif offset == 0x04:
            self.interrupts = value
        elif offset == 0x08:
            if value & 2:
                self.received.clear()
        else:
            raise Wrong(f"UART 0: register {offset:#x} is written")

    def _give(self, value: int) -> None:
        if self._pins.get(0x00, 0) & 0xF0 != 0x50:
            raise Wrong("UART 0: sends, but PINSEL0 has not given it P0.2 and P0.3")
        if self._line != 0x03 or abs(self.baud / 115_200 - 1) > 0.02:
            raise Wrong(f"UART 0: sends at {self.baud:.0f} baud in format {self._line:#x}")
        self._send(value)


class Timer:
    """Timer 0 or 1: counts its clock while it is on, and stops or interrupts at a match."""

    def __init__(self, clock: Clock, power_bit: int, field_bit: int) -> None:
        self._clock = clock
        self._power_bit = power_bit
        self._field_bit = field_bit
        self._words: dict[int, int] = {}
        self._began_s = 0.0
        self._flag = 0

    @property
    def count(self) -> int:
        """Clocks since it was switched on."""
        if not self._words.get(0x04, 0) & 1:
            return 0
        rate_hz = self._clock.peripheral_hz(self._field_bit) // (self._words.get(0x0C, 0) + 1)
        return int((time.monotonic() - self._began_s) * rate_hz)

    @property
    def match_in_s(self) -> float | None:
        """When it will match, None for never."""
        if not (self._words.get(0x04, 0) & 1 and self._words.get(0x14, 0) & 1) or self._flag:
            return None
        left = self._words.get(0x18, 0) - self.count
        return max(0.0, left / self._clock.peripheral_hz(self._field_bit))

    @property
    def wants_interrupt(self) -> bool:
        """Whether it has matched."""
        if self.match_in_s == 0.0:
            self._flag = 1
        return bool(self._flag)

    def read(self, offset: int) -> int:
        """Return a register."""
        self._clock.require_power(self._power_bit, "timer")
        return self.count & 0xFFFF_FFFF if offset == 0x08 else self._words.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Set a register."""
        self._clock.require_power(self._power_bit, "timer")
        if offset == 0x00:
            self._flag &= ~value
            return
        if offset == 0x04:
            self._began_s = time.monotonic()
        self._words[offset] = value


class Converter:
    """The analogue inputs, 0x40034000. An open one has noise in its low bits, or it is `stuck`."""

    def __init__(self, clock: Clock, pins: dict[int, int], stuck: bool) -> None:
        self._clock = clock
        self._pins = pins
        self._stuck = stuck
        self._random = random.Random()
        self._result = 0

    def read(self, offset: int) -> int:
        """Return a register."""
        self._clock.require_power(12, "converter")
        if offset != 0x04:
            raise Wrong(f"converter: register {offset:#x} is read")
        return self._result

    def write(self, offset: int, value: int) -> None:
        """Set a register; a conversion is done at once."""
        self._clock.require_power(12, "converter")
        if offset != 0x00 or not value & 1 << 21:
            raise Wrong("converter: not powered (PDN), or a wrong register")
        if self._clock.peripheral_hz(24) // ((value >> 8 & 0xFF) + 1) > 13_000_000:
            raise Wrong("converter: its clock is beyond 13 MHz")
        if value >> 24 & 7 != 1:
            return
        inputs = [number for number in range(8) if value >> number & 1]
        if len(inputs) != 1 or self._pins.get(0x04, 0) >> (2 * (7 + inputs[0])) & 3 != 1:
            raise Wrong(f"converter: inputs {inputs} have no pin of their own")
        sample = 0x800 if self._stuck else 0x800 + int(self._random.gauss(0, 6))
        self._result = 1 << 31 | (sample & 0xFFF) << 4
