"""What all boards with our agent have in common; drivers add how to start and end them."""

from __future__ import annotations

import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from hil import console, process
from hil.agent import Caller, Channel
from hil.boot.request import BootRequest
from hil.errors import BootError, HilError, LinkError
from hil.link import LinkEndpoint
from hil.measure import Measurement

_OUR_MODULES = ("hil_agent", "hil_marks")
_MARKER_BYTES = 16
# How our images begin the one line that says why they stop.
_LAST_WORDS = ("HIL-FAULT", "HIL-BOOT")
# After a child's streams have closed its exit status follows at once; more means it still runs.
_REAP_S = 1.0


class AgentBoard(ABC):
    """A board that answers calls through the agent."""

    # Drivers of boards whose heap is what their firmware makes it say False.
    chooses_heap = True
    # Where its modules come from when it is not its firmware; belongs to every figure of memory.
    modules_note: str | None = None

    def __init__(
        self,
        request: BootRequest,
        *,
        channel: Channel,
        link: LinkEndpoint,
        console_log: Path,
    ) -> None:
        """Take over a started board's channel and link."""
        self.target = request.target
        self.firmware = request.firmware
        self.heap_bytes = request.heap_bytes
        self.link = link
        self.console_log = console_log
        self._multiplier = request.timeout_multiplier
        self._link_resets = 0
        self._caller = Caller(
            request.target.name, channel, tail=self._quoted_tail, obituary=self._obituary
        )

    def call(self, function: str, *arguments: object, timeout_s: float) -> object:
        """Run a job; see `hil.boot.Board`."""
        self.start(function, *arguments)
        return self.wait(timeout_s)

    def start(self, function: str, *arguments: object) -> None:
        """Begin a job; see `hil.boot.Board`."""
        self._caller.start(function, arguments)

    def wait(self, timeout_s: float) -> object:
        """Return a job's result; see `hil.boot.Board`."""
        return self._caller.wait(timeout_s * self._multiplier)

    def install(self, module: str, source: str) -> None:
        """Send a module; see `hil.boot.Board`."""
        self.call("hil_agent:install", module, source, timeout_s=self.target.timeouts.boot_s)

    def origins(self, *modules: str) -> dict[str, str]:
        """Say where modules come from; see `hil.boot.Board`."""
        found = self.call("hil_agent:origins", list(modules), timeout_s=10)
        if not isinstance(found, dict):
            raise BootError(f"{self.target.name}: hil_agent:origins answered {found!r}")
        return found

    def reset_link(self) -> None:
        """Empty the link; see `hil.boot.Board`.

        A marker that never occurred before is sent through both directions; everything before it
        is old.
        """
        self._link_resets += 1
        marker = b"HIL\xffLINK" + self._link_resets.to_bytes(_MARKER_BYTES - 8, "big")
        self.start("hil_agent:synchronise", marker)
        self.link.sendall(marker)
        timeout_s = 10 * self._multiplier
        deadline = time.monotonic() + timeout_s
        received = b""
        while not received.endswith(marker):
            left = deadline - time.monotonic()
            if left <= 0:
                raise LinkError(f"{self.target.name}: the link is not empty after {timeout_s:g} s")
            received = received[-_MARKER_BYTES:] + self.link.receive_exactly(1, left)
        self.wait(10)

    def stack_peak_bytes(self) -> Measurement:
        """Say that nothing outside the board sees its stack; drivers that can see it override."""
        reason = f"the stack cannot be read from outside (boot driver {self.target.boot.driver})"
        return Measurement("stack_peak_bytes", None, "bytes", "none", reason=reason)

    def console_tail(self, lines: int = 40) -> str:
        """Return the end of the console's log; see `hil.boot.Board`."""
        return console.tail(self.console_log, lines)

    def verify(self) -> None:
        """Check that the board answers, with the frozen agent, and has the heap it should have.

        Raises:
            BootError: it does not.
        """
        try:
            found = self.origins(*_OUR_MODULES)
            heap_bytes = self.call("hil_agent:heap_bytes", timeout_s=10)
        except HilError as error:
            raise BootError(f"{self.target.name} started, but its agent fails: {error}") from error
        for module, origin in found.items():
            if origin not in ("rom", "frozen"):
                problem = f"{module} comes from {origin}, not from the firmware"
                raise BootError(f"{self.target.name}: {problem}; remove that file")
        # The collector's own tables are part of the heap: 1/44 of it on 32 bits, 1/86 on 64.
        if not isinstance(heap_bytes, int) or not 0.95 <= heap_bytes / self.heap_bytes <= 1:
            problem = f"asked for a heap of {self.heap_bytes} bytes, the board has {heap_bytes}"
            raise BootError(f"{self.target.name}: {problem}; see the heap setting of its image")

    def close(self) -> None:
        """End the board; see `hil.boot.Board`."""
        self._caller.close()
        self.link.close()

    def __enter__(self) -> AgentBoard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _quoted_tail(self) -> str:
        return console.quoted_tail(self.console_log)

    @abstractmethod
    def _obituary(self) -> str:
        """Say in words how the board stands, once it is gone."""


class ProcessBoard(AgentBoard):
    """A board that is a child process of ours."""

    program = "the board's process"

    def __init__(
        self,
        request: BootRequest,
        *,
        child: process.Child,
        channel: Channel,
        link: LinkEndpoint,
        console_log: Path,
    ) -> None:
        """Take over a running child with its channel and its link."""
        super().__init__(request, channel=channel, link=link, console_log=console_log)
        self.process = child

    @property
    def pid(self) -> int:
        """Process id of the board's process."""
        return self.process.pid

    def close(self) -> None:
        """End the board; see `hil.boot.Board`."""
        process.stop(self.process, grace_s=0)
        super().close()

    def _obituary(self) -> str:
        with suppress(subprocess.TimeoutExpired):  # then `obituary` says that it still runs
            self.process.wait(_REAP_S)
        said = [line for line in self.console_tail().splitlines() if line.startswith(_LAST_WORDS)]
        after = f" after saying {said[-1]!r}" if said else ""
        return f"{self.program} {process.obituary(self.process)}{after}"
