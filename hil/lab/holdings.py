"""How a board on a cable becomes this process's own, wherever it hangs, until it is given back.

A board of this machine, or behind a port that everybody who shares the leases knows, is held by a
lease (`hil.lab.lease`); other kinds of places bring a `Holding` of their own. `Holdings` is what a
run has: it picks the holding by what the lab says of the board, and remembers what it holds.

What it does not do: open the port, or judge the board behind it.
"""

from __future__ import annotations

from pathlib import Path

from hil.lab.holding import Held, Holding, Waiting, with_port
from hil.lab.lease import Leases, key_of
from hil.target import Target


class LeasedBoards:
    """Boards held by leases alone: those of this machine, and ports served over a network.

    Args:
        leases: of this process.
    """

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._keys: dict[str, str] = {}  # name of the board -> what it was held as

    def hold(self, target: Target, waiting: Waiting | None = None) -> Held:
        """Take the lease of the board's port; see `Holding.hold`.

        Raises:
            BootError: no port is known of it, or the one that is looked for is not there.
        """
        from hil import serial_port  # noqa: PLC0415  (only runs with boards pay for it)

        if target.klass != "attached":
            return Held(target, None)
        port = serial_port.port_of(target.boot.arguments, target.identify)
        key = key_of(port)
        self._leases.hold(target.name, key, waiting)
        before = self._keys.get(target.name, key)
        if before != key:  # it is plugged in somewhere else now
            self._leases.release(before)
        self._keys[target.name] = key
        return Held(with_port(target, port), key)

    def release(self, held: Held, waiting: Waiting | None = None) -> None:  # noqa: ARG002
        """Give the lease back; see `Holding.release`."""
        if held.key is not None:
            self._leases.release(held.key)


class Holdings:
    """All boards that this process holds.

    Args:
        folder: of the leases, and of what is remembered of boards beside them.
        job: what this process does, for those who want a board meanwhile.
        wait_s: how long to wait for a board that somebody else has, once for each.

    Attributes:
        folder: as given.
    """

    def __init__(self, folder: Path, job: str, wait_s: float = 0.0) -> None:
        self.folder = folder
        self._job = job
        self._wait_s = wait_s
        self._leased = LeasedBoards(Leases(folder, job, wait_s))
        self._far: Holding | None = None
        self._held: dict[str, tuple[Holding, Held]] = {}  # name of the board -> who holds it

    def hold(self, target: Target, waiting: Waiting | None = None) -> Held:
        """Make a board this process's own; one that is already is looked at again.

        Args:
            target: the board, as the lab has it.
            waiting: told what it waits for, if it has to.

        Raises:
            BoardLocked: somebody else has it.
            HilError: it cannot be reached, through no fault of its own.
        """
        holding = self._holding(target)
        held = holding.hold(target, waiting)
        self._held[target.name] = holding, held
        return held

    def release_all(self, waiting: Waiting | None = None) -> None:
        """Give every board back.

        Args:
            waiting: told what could not be given back.
        """
        while self._held:
            _, (holding, held) = self._held.popitem()
            holding.release(held, waiting)

    def _holding(self, target: Target) -> Holding:
        # One whose port is named is meant at that port, wherever the lab has it.
        if target.place is None or target.place.far is None or "port" in target.boot.arguments:
            return self._leased
        if self._far is None:
            from hil.lab import far_boards  # noqa: PLC0415  (only runs with such boards need it)

            self._far = far_boards.FarBoards(self.folder, self._job, self._wait_s)
        return self._far
