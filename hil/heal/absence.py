"""A board that is not there: what is found by its USB facts has no port while it has no power.

So it stands with a hub that was left without power, by a run that was killed for instance. Nobody
has such a board, for it has no port to be leased by; whoever is healing it at this moment has
given it its power back before this one gives it up.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hil.errors import BoardUnwell, BoardWedged
from hil.heal import power
from hil.lab.holding import Held
from hil.target import Target

# As long as a power cycle takes, and USB to find what is plugged in.
_RETURN_S = 8.0
_LOOK_S = 0.2


def hold(
    target: Target, take: Callable[[], Held], say: Callable[[str], None] | None = None
) -> Held:
    """Hold a board by `take`; see `fetch` for one that is not there."""
    try:
        return take()
    except BoardUnwell as error:
        absent = error
    return fetch(target, take, absent, say)


def fetch(
    target: Target,
    take: Callable[[], Held],
    absent: BoardUnwell,
    say: Callable[[str], None] | None = None,
) -> Held:
    """Hold a board that is not there: wait for it, then switch its power off and on.

    Args:
        target: the board, as the lab has it.
        take: holds it.
        absent: what `take` has said.
        say: told what is done.

    Raises:
        BoardWedged: it does not come. It cannot be marked: it has no port.
        InfraError: the switch of its power fails.
        HilError: as `take` does.
    """
    switch = power.switch_of(target)
    if switch is None:
        raise BoardWedged(f"{target.name} is not there: {absent}") from absent
    for act in (None, switch.cycle):
        if act is not None:
            if say is not None:
                say(f"{target.name} is not there; trying: power cycle")
            act(power.OFF_S)
        deadline = time.monotonic() + _RETURN_S
        while time.monotonic() < deadline:
            try:
                return take()
            except BoardUnwell as error:
                absent = error
            time.sleep(_LOOK_S)
    problem = f"{target.name} is not there, and a power cycle has not brought it back"
    raise BoardWedged(f"{problem}: {absent}") from absent
