"""The health handshake: a board is well if its MicroPython answers, and is the right one.

It takes seconds, also on a board that is not well: that is what a run spends on a marked one.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from hil import console
from hil.boot import BootRequest, wake
from hil.errors import BoardUnwell
from hil.image import Firmware
from hil.rawrepl import RawRepl
from hil.target import Target

# From reset to the prompt takes MicroPython a second or two, on boards that are slow to start.
PATIENCE_S = 5.0


def shake_hands(target: Target, firmware: Firmware, multiplier: float = 1.0) -> str:
    """Bring a board to its REPL, ask what it runs, and leave it there; return what it says.

    Args:
        target: the board, held by this process.
        firmware: what it should run.
        multiplier: stretches the waits.

    Raises:
        BoardUnwell, WrongFirmware: it is not well.
        InfraError: its port cannot be had.
    """
    patience_s = min(PATIENCE_S, target.timeouts.boot_s) * multiplier
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:
        request = BootRequest(target, firmware, Path(folder), None, multiplier)
        log = console.fresh_log(Path(folder), "console")
        with closing(wake.opened(request, log)) as port:
            repl = RawRepl(port, step_timeout_s=patience_s)
            try:
                wake.interrupt(
                    target.name, repl, port, wake.reset_of(request, port), log, patience_s
                )
                identity = wake.identify(target.name, repl, wake.wanted(request), patience_s)
                repl.leave()
            except wake.TROUBLES as error:
                said = console.quoted_tail(log)
                raise BoardUnwell(f"{target.name} does not answer: {error}{said}") from error
    return f"MicroPython {identity.version}, {identity.machine}"
