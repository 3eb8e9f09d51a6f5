"""Ways to reset an attached board through the control lines of its serial port.

Each is what the boards of a kind have wired up; which one a board has is a fact of its target file
(`boot.reset`). The times are lengths of pulses, as the circuits and their makers' tools want them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

# esptool's "hard_reset" holds the line for 0.1 s; its documentation "Boot Mode Selection" has the
# circuit: two transistors, of which EN is pulled low by RTS alone and IO0 by DTR alone.
_ESP_PULSE_S = 0.1
# mbed's interface firmware takes a break for a reset request; pyserial's default length.
_BREAK_S = 0.25
_DTR_PULSE_S = 0.1


class ControlLines(Protocol):
    """What is used of a port."""

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Assert (True) or release control lines; None leaves one as it is."""

    def send_break(self, duration_s: float) -> None:
        """Hold the line in break state for so long."""


def _esp(port: ControlLines) -> None:
    """Reset an ESP board into its firmware: IO0 stays high, EN goes low and high."""
    port.set_lines(dtr=False)
    port.set_lines(rts=True)
    time.sleep(_ESP_PULSE_S)
    port.set_lines(rts=False)


def _break(port: ControlLines) -> None:
    """Reset an mbed board by a serial break."""
    port.send_break(_BREAK_S)


def _dtr(port: ControlLines) -> None:
    """Reset a board whose reset line hangs on DTR through a capacitor."""
    port.set_lines(dtr=False)
    time.sleep(_DTR_PULSE_S)
    port.set_lines(dtr=True)


METHODS: Mapping[str, Callable[[ControlLines], None] | None] = {
    "esp": _esp,
    "break": _break,
    "dtr": _dtr,
    "none": None,
}
