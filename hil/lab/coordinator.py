"""A session with a labgrid coordinator: places acquired, their ports and switches, and given back.

The one module that imports labgrid, as the library it is; `hil.lab.place_keeper` is the one that
imports this, in a process of its own: labgrid has its own loop and threads, and what it logs.

Theory of operation. The coordinator knows places by name; each is free or acquired by a user of a
host, `host/user`, as `labgrid-client` acquires them too, so that everybody sees who has what. It
does not mind if who has acquired a place goes away: a place stays acquired until it is released.
A reservation asks for any place that has certain tags: the coordinator allocates one as soon as one
is free, for this user alone, and forgets it after a minute without a question. The ports of a
place are those of labgrid's NetworkSerialPort, which exporters make of the devices they have.
"""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

import grpc
from labgrid import Target
from labgrid.exceptions import InvalidConfigError
from labgrid.factory import target_factory
from labgrid.remote.client import ClientSession, Error
from labgrid.remote.common import Reservation, ReservationState
from labgrid.remote.generated import labgrid_coordinator_pb2 as messages
from labgrid.resource.remote import RemotePlace, RemotePlaceManager
from labgrid.util.proxy import proxymanager

from hil.errors import BoardLocked, HilError, InfraError

_T = TypeVar("_T")

_CONNECT_S = 10.0
# The coordinator gives an exporter ten seconds for each resource.
_ANSWER_S = 45.0
# ser2net needs a moment to serve the port of a device, and the exporter to say which.
_PORT_S = 15.0
_POLL_S = 0.2
# Resources that switch a supply, and labgrid's driver of each.
_SWITCHES: Mapping[str, tuple[str, ...]] = {
    "NetworkPowerPort": ("NetworkPowerDriver",),
    "NetworkUSBPowerPort": ("USBPowerDriver",),
    "NetworkSiSPMPowerPort": ("SiSPMPowerDriver",),
    "PDUDaemonPort": ("PDUDaemonDriver",),
    "TasmotaPowerPort": ("TasmotaPowerDriver",),
    "NetworkYKUSHPowerPort": ("YKUSHPowerDriver",),
    "NetworkSysfsGPIO": ("GpioDigitalOutputDriver", "DigitalOutputPowerDriver"),
}


@dataclass(frozen=True)
class SerialPort:
    """The serial port of a place, as URL for pyserial, and its speed in baud."""

    url: str
    baud: int


class Coordinator:
    """A session; `open` begins one and `close` ends it, which releases nothing by itself.

    Attributes:
        address: host:port.
        user: whose places those are that are acquired here, `host/user`.
    """

    def __init__(self, address: str, session: Any) -> None:
        self.address = address
        self.user = f"{session.gethostname()}/{session.getuser()}"
        self._session = session

    @classmethod
    async def open(cls, address: str) -> Coordinator:
        """Connect, and learn all places and resources.

        Raises:
            InfraError: nobody answers there.
        """
        asked = proxymanager.get_grpc_address(address)
        session = ClientSession(asked, asyncio.get_running_loop())
        try:
            await asyncio.wait_for(session.start(), _CONNECT_S)
        except (Error, asyncio.TimeoutError):
            await session.close()
            raise InfraError(
                f"the labgrid coordinator at {address} does not answer: start it "
                "(labgrid-coordinator), or correct `coordinator` in the lab's file"
            ) from None
        return cls(address, session)

    async def close(self) -> None:
        """End the session."""
        await self._session.stop()
        await self._session.close()

    @property
    def is_gone(self) -> bool:
        """Whether the coordinator has ended the session."""
        return bool(self._session.stopping.is_set())

    def named(self, name: str) -> str:
        """Return the name of the place that is called so, which may be an alias.

        Raises:
            HilError: there is none.
        """
        places = self._session.places
        aliases = {alias: place for place in places for alias in places[place].aliases}
        found = name if name in places else aliases.get(name)
        if found is None:
            near = difflib.get_close_matches(name, [*places, *aliases], n=3) or sorted(places)
            known = ", ".join(near) or "no places at all"
            raise HilError(
                f"the coordinator at {self.address} has no place {name!r}; it has {known} "
                f"(labgrid-client -x {self.address} places)"
            )
        return str(found)

    def holder(self, name: str) -> str | None:
        """Return who has a place, `host/user`; None when nobody has it."""
        place = self._session.places.get(name)
        return None if place is None else place.acquired

    def changed(self, name: str) -> float | None:
        """Return when something about a place changed last, which acquiring it does."""
        place = self._session.places.get(name)
        return None if place is None else float(place.changed)

    def described(self, name: str) -> str:
        """Say who has a place, and what to do about it."""
        client = f"labgrid-client -x {self.address} -p {name}"
        said = f"{self._at(name)} {self._had(name)}"
        holder = self.holder(name)
        if holder is None:
            return f"{said} ({client} show)"
        if holder == self.user:
            return f"{said}; `{client} release` frees it, if nobody works there"
        return said

    async def acquire(self, name: str) -> None:
        """Acquire a place that is free.

        Raises:
            BoardLocked: it is not, or not any more.
            InfraError: it cannot be had, though nobody has it.
        """
        try:
            await self._ask(
                self._session.stub.AcquirePlace(messages.AcquirePlaceRequest(placename=name))
            )
        except grpc.aio.AioRpcError as error:
            await self._settle()
            if self.holder(name) or error.code() == grpc.StatusCode.PERMISSION_DENIED:
                raise BoardLocked(self.described(name)) from None
            raise self._trouble(f"place {name} cannot be acquired", error) from None
        await self._settle()

    async def release(self, name: str, user: str) -> None:
        """Release a place if this user has it; nothing happens if not.

        Raises:
            InfraError: the coordinator does not do it.
        """
        request = messages.ReleasePlaceRequest(placename=name, fromuser=user)
        try:
            await self._ask(self._session.stub.ReleasePlace(request))
        except grpc.aio.AioRpcError as error:
            raise self._trouble(f"place {name} cannot be released", error) from None
        await self._settle()

    async def reserve(self, tags: Mapping[str, str]) -> str:
        """Ask for any place with these tags; return the token of the reservation.

        Raises:
            HilError: no place has them.
            InfraError: the coordinator does not answer.
        """
        if not self._tagged(tags):
            known = {f"{key}={value}" for place in self._places() for key, value in place.items()}
            raise HilError(
                f"the coordinator at {self.address} has no place with the tags {_shown(tags)}; "
                f"there are {', '.join(sorted(known)) or 'no tags'}"
            )
        filters = {"main": messages.Reservation.Filter(filter=tags)}
        request = messages.CreateReservationRequest(filters=filters, prio=0.0)
        try:
            answer = await self._ask(self._session.stub.CreateReservation(request))
        except grpc.aio.AioRpcError as error:
            raise self._trouble(f"no place {_shown(tags)} can be reserved", error) from None
        return str(answer.reservation.token)

    async def allocated(self, token: str) -> str | None:
        """Return the place that a reservation has got; None while it waits. Keeps it alive.

        Raises:
            InfraError: the coordinator has forgotten it.
        """
        try:
            answer = await self._ask(
                self._session.stub.PollReservation(messages.PollReservationRequest(token=token))
            )
        except grpc.aio.AioRpcError as error:
            raise self._trouble("the reservation is lost", error) from None
        reservation = Reservation.from_pb2(answer.reservation)
        if reservation.state is ReservationState.waiting:
            return None
        if reservation.state is not ReservationState.allocated:
            raise InfraError(
                f"the coordinator at {self.address} says of a reservation that it is "
                f"{reservation.state.name}"
            )
        (name,) = reservation.allocations["main"]
        return str(name)

    async def cancel(self, token: str) -> None:
        """Give a reservation up; nothing happens if there is none."""
        request = messages.CancelReservationRequest(token=token)
        try:
            await self._ask(self._session.stub.CancelReservation(request))
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise self._trouble("a reservation cannot be cancelled", error) from None

    def none_free(self, tags: Mapping[str, str]) -> str:
        """Say who has the places with these tags."""
        who = "; ".join(f"{name} {self._had(name)}" for name in self._tagged(tags))
        there = f"of the coordinator at {self.address}"
        return f"no place with the tags {_shown(tags)} {there} is free: {who}"

    async def resources(self, name: str) -> list[Any]:
        """Return the resources of a place that is acquired, as labgrid's objects.

        Raises:
            InfraError: an exporter has gone away.
        """
        manager = RemotePlaceManager.get()
        manager.session, manager.loop = self._session, self._session.loop
        target = Target(name)
        try:
            RemotePlace(target, name=name)
        except Error as error:
            problem = f"{' '.join(error.args)}; start the exporter (labgrid-exporter)"
            raise InfraError(f"{self._at(name)}: {problem}") from None
        except InvalidConfigError as error:
            raise HilError(f"{self._at(name)}: this labgrid does not know: {error}") from None
        return [resource for resource in target.resources if not isinstance(resource, RemotePlace)]

    async def serial_port(self, name: str, resources: list[Any], wanted: str | None) -> SerialPort:
        """Return the serial port of a place that is acquired, once it is served.

        Args:
            name: of the place.
            resources: of the place.
            wanted: the port's name, where the place has several.

        Raises:
            HilError: there is none, or several.
            InfraError: nobody serves it.
        """
        ports = [found for found in resources if type(found).__name__ == "NetworkSerialPort"]
        if wanted is not None:
            ports = [found for found in ports if found.name == wanted]
        if len(ports) != 1:
            raise self._which(name, resources, wanted)
        (port,) = ports
        deadline = time.monotonic() + _PORT_S
        while not port.avail or port.port is None:
            if time.monotonic() >= deadline:
                problem = f"its serial port is not served within {_PORT_S:g} s; look at its"
                raise InfraError(f"{self._at(name)}: {problem} exporter")
            await asyncio.sleep(_POLL_S)
            port.poll()
        host, number = await asyncio.to_thread(proxymanager.get_host_and_port, port)
        at = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
        if port.protocol == "raw":
            return SerialPort(f"socket://{at}", port.speed)
        # As labgrid asks: not every server of ports answers what it is told of control lines.
        return SerialPort(f"rfc2217://{at}?ign_set_control", port.speed)

    def switch(self, resources: list[Any]) -> Callable[[float], None] | None:
        """Return what switches a place off, for so many seconds, and on; None if nothing does.

        What is returned blocks, and raises whatever labgrid's drivers raise.
        """
        for resource in resources:
            names = _SWITCHES.get(type(resource).__name__)
            if names is not None:
                return _cycling(resource.target, names)
        return None

    def _which(self, name: str, resources: list[Any], wanted: str | None) -> HilError:
        if not resources:
            return InfraError(f"{self._at(name)} has nothing: is its exporter connected?")
        there = ", ".join(sorted(f"{type(found).__name__} {found.name}" for found in resources))
        ask = f"no serial port called {wanted!r}" if wanted else "not one serial port"
        return HilError(
            f"{self._at(name)} has {ask}, but {there}; correct the place's matches, or say which "
            "one with `place_port`"
        )

    def _places(self) -> list[Mapping[str, str]]:
        return [{**place.tags, "name": name} for name, place in self._session.places.items()]

    def _tagged(self, tags: Mapping[str, str]) -> list[str]:
        found = [place["name"] for place in self._places() if tags.items() <= place.items()]
        return sorted(found)

    def _had(self, name: str) -> str:
        place = self._session.places[name]
        if place.acquired is None:
            return "is reserved by somebody else"
        since = datetime.fromtimestamp(place.changed, timezone.utc)
        return f"is locked by {place.acquired} since {since.strftime('%Y-%m-%dT%H:%M:%SZ')}"

    def _at(self, name: str) -> str:
        return f"place {name} of the coordinator at {self.address}"

    def _trouble(self, what: str, error: grpc.aio.AioRpcError) -> InfraError:
        return InfraError(f"{what}: the coordinator at {self.address} says: {error.details()}")

    async def _ask(self, call: Awaitable[_T]) -> _T:
        try:
            return await asyncio.wait_for(call, _ANSWER_S)
        except asyncio.TimeoutError:
            raise InfraError(
                f"the labgrid coordinator at {self.address} has not answered for {_ANSWER_S:g} s"
            ) from None

    async def _settle(self) -> None:
        """Wait until what has changed is known here."""
        await self._ask(self._session.sync_with_coordinator())


def _cycling(target: Any, names: tuple[str, ...]) -> Callable[[float], None]:
    made: list[Any] = []

    def cycle(off_s: float) -> None:
        if not made:
            made.extend(target_factory.class_from_string(name)(target, name=None) for name in names)
            target.activate(made[-1])
        try:
            made[-1].off()
            time.sleep(off_s)
        finally:
            made[-1].on()

    return cycle


def _shown(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(tags.items()))
