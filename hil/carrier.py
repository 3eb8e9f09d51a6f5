"""A thread that carries something between two ends until it is closed, and gives back its error.

What `hil.link` and `hil.datagram_pump` have in common. Somebody else's code runs in that thread (a
tamper, a mishap), so whatever is raised there is kept and raised where the carrier is waited for.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Carrier")


class Carrier:
    """Begins with `_begin` when its maker has made it, and ends with `close` or by an error.

    Attributes:
        error: what ended the thread, None if it was nothing.
    """

    def __init__(self, name: str) -> None:
        self.error: Exception | None = None
        self._closing = False
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has ended by itself; return False when it has not in time.

        Raises:
            Exception: whatever ended it.
        """
        self._thread.join(timeout_s)
        if self.error is not None:
            raise self.error
        return not self._thread.is_alive()

    def close(self) -> None:
        """Stop carrying, whatever is still on its way; idempotent."""
        if self._wake.fileno() == -1:
            return
        self._closing = True
        self._rouse()
        self._thread.join()
        self._wake.close()
        self._woken.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if kind is None and self.error is not None:
            raise self.error

    def _begin(self) -> None:
        self._thread.start()

    def _rouse(self) -> None:
        """Let the thread look around: `_woken` can be read now."""
        self._wake.send(b"\0")

    def _carry_all(self) -> None:
        """Carry until `_closing`, or until there is nothing left to carry."""
        raise NotImplementedError

    def _give_up(self) -> None:
        """Do what an end by an error asks for."""

    def _run(self) -> None:
        try:
            self._carry_all()
        # The thread's end; whoever waits for it is told.
        except Exception as error:  # noqa: BLE001
            self.error = error
            self._give_up()
