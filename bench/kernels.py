"""RAM of the kernels in machine code: the buffer each is given and the stack it uses.

Their generator runs each of them on an emulated Cortex-M3 (Unicorn), which paints the stack; it is
made to do so here. No two kernels run at once, and their buffers are given back, but for those of
a connection's keys; code and tables are in flash.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import Any

from bench import programs
from bench.figures import BenchError, Figure

SUBJECT = "kernels"
TOGETHER = "kernels.ram"
_TOOLS = ("tls", "tools")


def run() -> list[Figure]:
    """Return buffer and stack of each kernel, and what is in use at most.

    Raises:
        BenchError: the generator cannot be loaded.
    """
    if importlib.util.find_spec("unicorn") is None:
        reason = "unicorn, which runs the kernels here, is not installed"
        return [Figure(SUBJECT, TOGETHER, None, "bytes", "none", reason)]
    folder = str(programs.checkout().joinpath(*_TOOLS))
    sys.path.insert(0, folder)
    try:
        return _measured(importlib.import_module("make_kernels"))
    except (ImportError, AttributeError) as error:
        raise BenchError(f"the generator of the kernels cannot be used: {error}") from error
    finally:
        sys.path.remove(folder)


@dataclass
class _Watched:
    """A machine a kernel runs on, and the size of the largest buffer it was given."""

    machine: Any
    buffer_bytes: int = 0

    def ram_bytes(self) -> int:
        return self.buffer_bytes + int(self.machine.stack_used())


def _measured(generator: Any) -> list[Figure]:
    """Make all kernels again with machines that are watched."""
    watched: list[_Watched] = []
    plain = generator.Machine

    def watched_machine(program: Any) -> Any:
        one = _Watched(plain(program))
        watched.append(one)
        call = one.machine.call

        def noting(*arguments: Any) -> int:
            one.buffer_bytes = max(one.buffer_bytes, len(arguments[0]))
            return int(call(*arguments))

        one.machine.call = noting
        return one.machine

    generator.Machine = watched_machine
    try:
        names = [name.removesuffix(".py") for name in generator.files()]
    finally:
        generator.Machine = plain
    method = "on an emulated Cortex-M3 (Unicorn): largest buffer given, painted stack"
    found = []
    for name, one in zip(names, watched, strict=True):
        for what, value in (("heap", one.buffer_bytes), ("stack", one.machine.stack_used())):
            found.append(Figure(SUBJECT, f"kernels.{name}.{what}", value, "bytes", method))
    most = max(one.ram_bytes() for one in watched)
    method = "buffer and stack of the kernel that needs most, of which one runs at a time"
    return [*found, Figure(SUBJECT, TOGETHER, most, "bytes", method)]
