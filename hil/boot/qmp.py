"""QMP, QEMU's control channel, for code that does not run in an event loop.

`qemu.qmp` is asyncio only. `Monitor` gives its connection a loop in a thread of its own, so that it
can be used from any thread, also from one in which another loop is running.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from qemu.qmp import QMPClient, QMPError

from hil.errors import HilError

_T = TypeVar("_T")


class MonitorError(HilError):
    """QEMU refused a command, does not answer, or is gone."""


class Monitor:
    """A QMP connection with blocking calls."""

    def __init__(self, connected: socket.socket, *, timeout_s: float) -> None:
        """Negotiate over a connected socket, which becomes the monitor's.

        Raises:
            MonitorError: there is no QMP server at the other end, or not in time.
        """
        self._timeout_s = timeout_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hil-qmp", daemon=True)
        self._thread.start()
        self._client = QMPClient("hil")
        connected.setblocking(False)
        try:
            self._run(self._client.connect(connected), "the greeting")
        except MonitorError:
            connected.close()
            self.close()
            raise

    def execute(self, command: str, **arguments: object) -> object:
        """Run one command and return what QEMU returns.

        Raises:
            MonitorError: QEMU refused it, does not answer, or is gone.
        """
        return self._run(self._client.execute(command, arguments), command)

    def close(self) -> None:
        """End the connection and its thread; idempotent."""
        if self._loop.is_closed():
            return
        with suppress(MonitorError):  # QEMU may be gone already, and with it the connection
            self._run(self._client.disconnect(), "the end of the connection")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, _T], what: str) -> _T:
        # The time-out is the loop's: what is given up is over before anything else is tried.
        limited = asyncio.wait_for(work, self._timeout_s)
        try:
            return asyncio.run_coroutine_threadsafe(limited, self._loop).result()
        except asyncio.TimeoutError:
            problem = f"QEMU gave no answer within {self._timeout_s:g} s"
        except (QMPError, OSError, EOFError) as error:
            problem = str(error)
        raise MonitorError(f"QMP: {what}: {problem}")
