"""A thread that carries something between two ends until it is closed, and gives back its error.

What `hil.link` and `hil.datagram_pump` have in common. Somebody else's code runs in that thread (a
tamper, a mishap), so whatever is raised there is kept and raised where the carrier is waited for.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Carrier")


class Carrier(ABC):
    """Begins with `_begin` when its maker has made it, and ends with `close` or by an error."""

    _outcome: Future[None]

    def __init__(self, name: str) -> None:
        self._closing = False
        self._wake, self._woken = socket.socketpair()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has ended by itself; return False when it has not in time.

        Raises:
            Exception: whatever ended it.
        """
        if not wait([self._outcome], timeout_s).done:
            return False
        self._outcome.result()
        return True

    def close(self) -> None:
        """Stop carrying, whatever is still on its way; idempotent."""
        if self._wake.fileno() == -1:
            return
        self._closing = True
        self._rouse()
        self._thread.shutdown()
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
        if kind is None:
            self._outcome.result()

    def _begin(self) -> None:
        self._outcome = self._thread.submit(self._carry_all)
        self._outcome.add_done_callback(self._ended)

    def _rouse(self) -> None:
        """Let the thread look around: `_woken` can be read now."""
        self._wake.send(b"\0")

    @abstractmethod
    def _carry_all(self) -> None:
        """Carry until `_closing`, or until there is nothing left to carry."""

    @abstractmethod
    def _give_up(self) -> None:
        """Do what an end by an error asks for."""

    def _ended(self, outcome: Future[None]) -> None:
        if outcome.exception() is not None:
            self._give_up()
