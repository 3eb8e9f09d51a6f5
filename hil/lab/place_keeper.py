"""Keeps a labgrid place acquired for another process, and releases it when that one ends, however.

`python -m hil.lab.place_keeper`: started by `hil.lab.far_boards`, one for each board.

Theory of operation. The coordinator keeps a place acquired until somebody releases it, so a run
that is killed would leave it so. Therefore not the run acquires it, but this program, in a session
of its own that neither Ctrl-C nor the death of its parent reaches. Its standard input is a pipe of
which nobody but the run has the other end: when that is closed, by `kill -9` too, the run is over,
and the place is released.

While it keeps a place it holds the lease of that place, in the run's name, so that runs on this
machine know of each other and `hil locks` shows them. What it has acquired it writes down beside
the lease. If it is killed itself, or cannot reach the coordinator any more, that record stays,
without a lease: the next keeper that uses the coordinator releases what it says, unless somebody
has done anything to the place since, which the coordinator knows. On other machines nobody knows;
there somebody must say `labgrid-client -p PLACE release --kick`.

Lines of JSON go both ways. In: the `Request`, then `{"cycle": seconds}`. Out: `{"waiting": text}`,
`{"held": {...}}`, `{"cycled": true}`, `{"trouble": text}` (the switch), `{"lost": text}`,
`{"released": true}`; and what ends it: `{"locked" | "infra" | "wrong" | "missing": text}`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import BoardLocked, HilError, InfraError
from hil.lab import lease

if TYPE_CHECKING:
    from hil.lab.coordinator import Coordinator

RECORD = ".acquired.json"
_POLL_S = 0.2
# How long the keeper of a run that has ended may take to release everything.
_HANDOVER_S = 10.0
_REQUEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Request:
    """What to keep, for whom.

    Attributes:
        board: what the run calls it.
        coordinator: host:port.
        name: of the place; None for any with the tags.
        tags: of the place.
        port: name of its serial port, where it has several.
        folder: of the leases.
        job: what the run does.
        pid: of the run.
        wait_s: how long to wait for somebody else who has it.
    """

    board: str
    coordinator: str
    name: str | None
    tags: Mapping[str, str]
    port: str | None
    folder: str
    job: str
    pid: int
    wait_s: float


@dataclass(frozen=True)
class Acquired:
    """What has been acquired, as it is written down.

    Attributes:
        user: as the coordinator calls it, `host/user`.
        changed: the coordinator's time of the acquisition, which tells it from a later one.
        token: of the reservation; None where the place was asked for by name.
    """

    coordinator: str
    place: str
    user: str
    changed: float | None
    token: str | None


class Keeper:
    """Keeps one place; `run` does everything."""

    def __init__(self, request: Request, coordinator: Coordinator) -> None:
        self._request = request
        self._coordinator = coordinator
        self._leases = lease.Leases(Path(request.folder), request.job, pid=request.pid)
        self._deadline = time.monotonic() + request.wait_s
        self._has_said = False
        self._token: str | None = None
        self._place: str | None = None
        self._acquired: Acquired | None = None
        self._is_lost = False
        self._acquiring: asyncio.Future[None] | None = None
        self._cycle: Callable[[float], None] | None = None

    async def acquire(self) -> None:
        """Acquire the place and say what it has.

        Raises:
            BoardLocked: somebody else has it.
            HilError: there is no such place, or the way to it fails.
        """
        folder = Path(self._request.folder)
        await _await_handover(self._coordinator, folder)
        await release_left(self._coordinator, folder)
        if self._request.name is not None:
            name = self._coordinator.named(self._request.name)
            await self._lease(name, self._deadline)
            await self._acquire_named(name)
        else:
            name = await self._allocated()
            # Who has had it before holds its lease for a moment longer than the place.
            await self._lease(name, max(self._deadline, time.monotonic() + _HANDOVER_S))
            await self._acquire_whole(name)
        resources = await self._coordinator.resources(name)
        port = await self._coordinator.serial_port(name, resources, self._request.port)
        self._cycle = self._coordinator.switch(resources)
        _say(
            held={
                "place": name,
                "key": self._key(name),
                "port": port.url,
                "baud": port.baud,
                "switch": self._cycle is not None,
            }
        )

    async def keep(self, orders: asyncio.StreamReader) -> None:
        """Obey until the run has ended; say when the place is lost."""
        assert self._place is not None
        order = asyncio.ensure_future(orders.readline())
        while True:
            await asyncio.wait([order], timeout=_POLL_S)
            lost = self._look(self._place)
            if lost is not None:
                _say(lost=lost)
            if order.done():
                line = order.result()
                if not line:
                    return
                await self._switch(json.loads(line)["cycle"])
                order = asyncio.ensure_future(orders.readline())

    async def give_back(self) -> None:
        """Release what has been acquired, and say so; what cannot be released stays written down.

        Raises:
            InfraError: it cannot be.
        """
        if self._acquiring is not None:
            with suppress(HilError):
                await self._acquiring
        coordinator = self._coordinator
        if self._acquired is not None:
            self._look(self._acquired.place)
        if coordinator.is_gone and (self._acquired is not None or self._token is not None):
            coordinator = await type(coordinator).open(self._request.coordinator)
        if self._acquired is not None:
            if coordinator.changed(self._acquired.place) == self._acquired.changed:
                await coordinator.release(self._acquired.place, self._acquired.user)
            self._record_of(self._acquired.place).unlink(missing_ok=True)
        if self._token is not None:
            await coordinator.cancel(self._token)
        await coordinator.close()
        self._leases.release_all()
        _say(released=True)

    async def _allocated(self) -> str:
        """Reserve a place by its tags."""
        tags = self._request.tags
        self._token = await self._coordinator.reserve(tags)
        while True:
            name = await self._coordinator.allocated(self._token)
            if name is not None:
                return name
            await self._wait(self._said(self._coordinator.none_free(tags)), self._deadline)

    async def _lease(self, name: str, deadline: float) -> None:
        while True:
            try:
                self._leases.hold(self._request.board, self._key(name))
                return
            except BoardLocked as error:
                where = f"place {name} of the coordinator at {self._request.coordinator}"
                await self._wait(f"{error} ({where})", deadline)

    async def _acquire_named(self, name: str) -> None:
        while True:
            try:
                if self._coordinator.holder(name) is not None:
                    raise BoardLocked(self._said(self._coordinator.described(name)))
                return await self._acquire_whole(name)
            except BoardLocked as error:
                await self._wait(str(error), self._deadline)

    async def _acquire_whole(self, name: str) -> None:
        """Acquire it and write it down, to the end even if nobody wants it any more."""
        self._acquiring = asyncio.ensure_future(self._acquire_now(name))
        await asyncio.shield(self._acquiring)

    async def _acquire_now(self, name: str) -> None:
        coordinator = self._coordinator
        await coordinator.acquire(name)
        self._place = name
        self._write_down(
            Acquired(
                coordinator.address, name, coordinator.user, coordinator.changed(name), self._token
            )
        )

    def _write_down(self, acquired: Acquired) -> None:
        self._acquired = acquired
        record = json.dumps(asdict(acquired)) + "\n"
        self._record_of(acquired.place).write_text(record, encoding="utf-8")

    async def _wait(self, why: str, deadline: float) -> None:
        if time.monotonic() >= deadline:
            waited_s = self._request.wait_s
            waited = f"; it was not free within {waited_s:g} s" if waited_s else ""
            raise BoardLocked(f"{why}{waited}")
        if not self._has_said:
            self._has_said = True
            _say(waiting=f"waiting up to {self._request.wait_s:g} s: {why}")
        await asyncio.sleep(_POLL_S)
        if self._coordinator.is_gone:
            raise InfraError(_gone(self._request.coordinator))

    async def _switch(self, off_s: float) -> None:
        assert self._cycle is not None
        try:
            await asyncio.to_thread(self._cycle, off_s)
        except Exception as error:  # noqa: BLE001  (whatever a driver of labgrid's raises)
            _say(trouble=f"place {self._place}: its power switch fails: {error!r}")
        else:
            _say(cycled=True)

    def _look(self, name: str) -> str | None:
        """Note what has changed about the place; return why it is lost, once."""
        assert self._acquired is not None
        if self._is_lost:
            return None
        lost = self._lost(name, self._acquired)
        self._is_lost = lost is not None
        return lost

    def _lost(self, name: str, acquired: Acquired) -> str | None:
        if self._coordinator.is_gone:
            return _gone(self._request.coordinator)
        holder = self._coordinator.holder(name)
        changed = self._coordinator.changed(name)
        if holder == acquired.user:
            if changed != acquired.changed:  # a tag or a comment
                self._write_down(replace(acquired, changed=changed))
            return None
        now = f"acquired by {holder}" if holder else "free"
        return (
            f"place {name} of the coordinator at {self._request.coordinator} was taken away: {now}"
        )

    def _said(self, text: str) -> str:
        return f"{self._request.board}: {text}"

    def _key(self, name: str) -> str:
        return key_of(self._request.coordinator, name)

    def _record_of(self, name: str) -> Path:
        return lease.file_of(Path(self._request.folder), self._key(name), RECORD)


def key_of(coordinator: str, name: str) -> str:
    """Say what board a place is, for its lease."""
    return f"labgrid://{coordinator}/{name}"


async def release_left(coordinator: Coordinator, folder: Path) -> None:
    """Release what keepers of this machine left acquired that were killed.

    Args:
        coordinator: whose places.
        folder: of the leases.
    """
    for path in sorted(folder.glob(f"*{RECORD}")):
        # What is in use, or cannot be released now, is another run's business, or a later one's.
        with suppress(OSError, ValueError, TypeError, HilError):
            left = Acquired(**json.loads(path.read_text("utf-8")))
            if left.coordinator == coordinator.address:
                await _release_left(coordinator, folder, left, path)


async def _release_left(coordinator: Coordinator, folder: Path, left: Acquired, path: Path) -> None:
    leases = lease.Leases(folder, "releasing what a run has left")
    leases.hold(left.place, key_of(left.coordinator, left.place))
    try:
        if not path.exists():  # it was in use when it was read
            return
        if left.token is not None:
            await coordinator.cancel(left.token)
        if coordinator.changed(left.place) == left.changed:
            await coordinator.release(left.place, left.user)
            _say(waiting=f"place {left.place} was left by a run that was killed: released")
        path.unlink()
    finally:
        leases.release_all()


async def _await_handover(coordinator: Coordinator, folder: Path) -> None:
    """Let keepers finish whose runs have just ended: what they have is free in a moment."""
    places = key_of(coordinator.address, "")
    deadline = time.monotonic() + _HANDOVER_S
    while time.monotonic() < deadline:
        holders = [holder for holder in lease.holders(folder) if holder.key.startswith(places)]
        here = [holder.pid for holder in holders if holder.host == socket.gethostname()]
        if all(_runs(pid) for pid in here):
            return
        await asyncio.sleep(_POLL_S)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _gone(address: str) -> str:
    return f"the labgrid coordinator at {address} has gone away"


def _say(**event: object) -> None:
    with suppress(BrokenPipeError):  # the run has ended; the rest is done all the same
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


async def _run(request: Request, orders: asyncio.StreamReader) -> None:
    from hil.lab.coordinator import Coordinator  # noqa: PLC0415  (needs what may not be installed)

    keeper = Keeper(request, await Coordinator.open(request.coordinator))
    try:
        work = asyncio.ensure_future(keeper.acquire())
        # Nothing is ordered before the place is held, so what can come is the end.
        ended = asyncio.ensure_future(_end_of(orders))
        await asyncio.wait([work, ended], return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            return
        ended.cancel()
        work.result()
        await keeper.keep(orders)
    finally:
        await keeper.give_back()


async def _end_of(orders: asyncio.StreamReader) -> None:
    while not orders.at_eof():
        await asyncio.sleep(_POLL_S)


async def main() -> None:
    """Take the request from standard input, and obey."""
    orders = asyncio.StreamReader(limit=_REQUEST_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, orders.feed_eof)
    line = await orders.readline()
    if not line:
        return  # the run has ended before it has said what for
    request = Request(**json.loads(line))
    try:
        await _run(request, orders)
    except BoardLocked as error:
        _say(locked=str(error))
    except InfraError as error:
        _say(infra=f"{request.board}: {error}")
    except HilError as error:
        _say(wrong=f"{request.board}: {error}")
    except ImportError as error:
        _say(missing=str(error))


if __name__ == "__main__":
    asyncio.run(main())
