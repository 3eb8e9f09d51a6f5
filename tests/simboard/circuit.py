"""What the control lines of a serial port are wired to, and when that resets the board.

`esp`: the two transistors of Espressif's boards (esptool's documentation, "Boot Mode Selection"):
RTS alone pulls EN low, DTR alone pulls IO0 low, both together pull neither. A capacitor lets EN
rise late; the chip looks at IO0 when it has risen, and with IO0 low it stays in its ROM loader.
`break`: the interface chip of mbed boards resets the target on a serial break. `none`: no wire.
"""

from __future__ import annotations

from collections.abc import Callable

# 10 kOhm and 1 uF take about so long to the threshold.
_EN_RISES_S = 0.02

KINDS = ("esp", "break", "none")


class Circuit:
    """The lines of one board.

    Args:
        kind: one of KINDS.
        hold: stops the board's CPU.
        start: starts it; told whether into the ROM loader.
        boot_held: somebody holds the boot button, or it is stuck.

    Attributes:
        boot_held: as given; may change.
    """

    def __init__(
        self,
        kind: str,
        hold: Callable[[], None],
        start: Callable[[bool], None],
        *,
        boot_held: bool = False,
    ) -> None:
        self._kind = kind
        self._hold = hold
        self._start = start
        self.boot_held = boot_held
        self._dtr = self._rts = self._break = False
        self._is_held = False
        self.rises_at_s: float | None = None

    def set(self, now_s: float, *, dtr: bool, rts: bool, in_break: bool) -> None:
        """Take the lines as the host sets them; True is asserted, which is low."""
        if self._kind == "break" and in_break and not self._break:
            self._hold()
            self._start(False)
        self._dtr, self._rts, self._break = dtr, rts, in_break
        if self._kind != "esp":
            return
        en_is_low = rts and not dtr
        if en_is_low and not self._is_held:
            self._is_held = True
            self._hold()
        if en_is_low:
            self.rises_at_s = None
        elif self._is_held and self.rises_at_s is None:
            self.rises_at_s = now_s + _EN_RISES_S

    def tick(self, now_s: float) -> None:
        """Let EN rise when its time has come."""
        if self.rises_at_s is not None and now_s >= self.rises_at_s:
            self.rises_at_s, self._is_held = None, False
            self._start(self.boot_held or (self._dtr and not self._rts))

    def power_on(self) -> None:
        """Start as after plugging in."""
        if self.boot_held:
            self._hold()
            self._start(True)
