"""Random bytes of a board that nobody gives a seed: its own noise, tested, in a generator.

`source` makes a `BoardEntropy` of the noise that the board's target file names; it raises where
that is not there, so that no connection is made without it. One is kept until the board starts
anew: it seeds itself again. Noise comes in samples of a byte:

    os.urandom  a byte of the generator that the port of MicroPython offers
    adc         the lower eight bits of twelve of an analogue input, which should be open
    timer       what the fastest counter says when the clock of milliseconds moves on; worth
                something only where the two have oscillators of their own

How much each is worth nobody has measured on these boards; the numbers of samples per bit below
are guesses on the safe side, which the health tests (entropy_health.py) hold the noise to. They
notice a source that is stuck or has far less than that, and no other lack. Runs on MicroPython and
CPython.
"""

import sys

from tlscore.compat import const
from tlscore.entropy_board import BoardEntropy
from tlscore.entropy_health import MonitoredNoise
from tlscore.errors import UsageError

# Modules hold no variables: where the one that was made is kept.
_KEPT = "tls_noise.source"

_SYSTEM_SAMPLES_PER_BIT = const(1)
_CONVERTER_SAMPLES_PER_BIT = const(2)
_TIMER_SAMPLES_PER_BIT = const(4)


def source(kind, pin, personalization):
    """Return the board's source of random bytes.

    Args:
        kind: "os.urandom", "adc", "timer", or None for a board that has none.
        pin: of the analogue input, None where there is none.
        personalization: what tells this board from others; need not be secret.

    Raises:
        UsageError: `entropy.absent` where there is no such noise; a failed health test, for
            good: `entropy.health_repetition`, `entropy.health_proportion`.
    """
    kept = sys.modules.get(_KEPT)
    if kept is None:
        kept = BoardEntropy(_monitored(kind, pin), personalization=personalization)
        sys.modules[_KEPT] = kept
    return kept


def _monitored(kind, pin):
    if kind == "os.urandom":
        return MonitoredNoise(_from_system(), _SYSTEM_SAMPLES_PER_BIT)
    if kind == "adc":
        return MonitoredNoise(_from_converter(pin), _CONVERTER_SAMPLES_PER_BIT)
    if kind == "timer":
        return MonitoredNoise(_from_timer(), _TIMER_SAMPLES_PER_BIT)
    raise UsageError("entropy.absent")


def _from_system():
    try:
        from os import urandom  # noqa: PLC0415 -- not every board has it
    except ImportError:
        raise UsageError("entropy.absent")

    def sample():
        return urandom(1)[0]

    return sample


def _from_converter(pin):
    try:
        from machine import ADC  # noqa: PLC0415
    except ImportError:
        raise UsageError("entropy.absent")
    if pin is None:
        raise UsageError("entropy.absent")
    read = ADC(pin).read_u16

    def sample():
        return read() >> 4 & 0xFF  # of 16 bits the lower four repeat the upper ones

    return sample


def _from_timer():
    import time  # noqa: PLC0415

    try:
        ticks_ms, ticks_cpu = time.ticks_ms, time.ticks_cpu
    except AttributeError:
        raise UsageError("entropy.absent")

    def sample():
        now = ticks_ms()
        turns = 0
        while ticks_ms() == now:
            turns += 1
        return (ticks_cpu() + turns) & 0xFF

    return sample
