"""RAM of the kernels in machine code: the buffer each is given and the stack it uses.

Their generator runs each of them on an emulated Cortex-M3 (Unicorn), which paints the stack; it is
made to do so here. No two kernels run at once, and their buffers are given back, but for those of
a connection's keys; code and tables are in flash.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
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


def _measured(generator: Any) -> list[Figure]:
    """Make all kernels again with a machine that notes the size of the buffers it is given."""
    machines: list[Any] = []

    class Noting(generator.Machine):  # type: ignore[misc]
        def __init__(self, program: Any) -> None:
            super().__init__(program)
            self.buffer_bytes = 0
            machines.append(self)

        def call(self, *arguments: Any) -> int:
            self.buffer_bytes = max(self.buffer_bytes, len(arguments[0]))
            return int(super().call(*arguments))

    plain, generator.Machine = generator.Machine, Noting
    try:
        names = [name.removesuffix(".py") for name in generator.files()]
    finally:
        generator.Machine = plain
    method = "on an emulated Cortex-M3 (Unicorn): largest buffer given, painted stack"
    found = []
    for name, machine in zip(names, machines, strict=True):
        for what, value in (("heap", machine.buffer_bytes), ("stack", machine.stack_used())):
            found.append(Figure(SUBJECT, f"kernels.{name}.{what}", value, "bytes", method))
    most = max(machine.buffer_bytes + machine.stack_used() for machine in machines)
    method = "buffer and stack of the kernel that needs most, of which one runs at a time"
    return [*found, Figure(SUBJECT, TOGETHER, most, "bytes", method)]
