"""Boards at places of labgrid's, held by keepers: one process for each (`hil.lab.place_keeper`).

labgrid itself is imported in the keeper only, so a run without such boards does not need it, and
one with them is not mixed up with labgrid's loop and threads.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hil.errors import BoardLocked, HilError, InfraError, MissingTool
from hil.lab.holding import Held, Waiting, with_port
from hil.lab.place_keeper import Request
from hil.target import Target

INSTALL = "pip install 'pytest-hil[labgrid]'"
# To connect and to wait for exporters, beside the waiting for a board.
_PATIENCE_S = 120.0
_RELEASE_S = 60.0
_READ_BYTES = 65_536
_TAIL_BYTES = 2000


class FarBoards:
    """Boards held through labgrid coordinators.

    Args:
        folder: of the leases.
        job: what this process does.
        wait_s: how long to wait for a board that somebody else has, once for each.
    """

    def __init__(self, folder: Path, job: str, wait_s: float) -> None:
        self._folder = folder
        self._job = job
        self._wait_s = wait_s
        self._keepers: dict[str, _Keeper] = {}  # name of the board -> who keeps its place
        self._in_vain: set[str] = set()

    def hold(self, target: Target, waiting: Waiting | None = None) -> Held:
        """Acquire the board's place, or see whether it is still ours; see `Holding.hold`.

        Raises:
            BoardLocked: somebody else has it; says who, where.
            InfraError: its coordinator or exporter does not answer.
            HilError: there is no such place, or it has no serial port.
            MissingTool: labgrid is not installed.
        """
        keeper = self._keepers.get(target.name)
        if keeper is not None:
            lost = keeper.lost()
            if lost is None:
                return self._held(target, keeper)
            _tell(waiting, f"{target.name}: {lost}; acquiring it anew")
            self._end(target.name, waiting)
        if find_spec("labgrid") is None:
            raise MissingTool("labgrid", INSTALL)
        wait_s = 0.0 if target.name in self._in_vain else self._wait_s
        keeper = self._keepers[target.name] = _Keeper(self._request(target, wait_s))
        try:
            keeper.acquire(wait_s + _PATIENCE_S, waiting)
        except BoardLocked:
            self._in_vain.add(target.name)
            raise
        finally:
            if not keeper.facts:
                self._end(target.name, None)
        return self._held(target, keeper)

    def release(self, held: Held, waiting: Waiting | None = None) -> None:
        """Release the board's place; see `Holding.release`."""
        self._end(held.target.name, waiting)

    def _request(self, target: Target, wait_s: float) -> Request:
        assert target.place is not None
        far = target.place.far
        assert far is not None
        return Request(
            target.name,
            far.coordinator,
            far.name,
            far.tags,
            far.port,
            str(self._folder),
            self._job,
            os.getpid(),
            wait_s,
        )

    def _held(self, target: Target, keeper: _Keeper) -> Held:
        here = with_port(target, keeper.facts["port"])
        arguments = {"baud": keeper.facts["baud"], **here.boot.arguments}
        here = replace(here, boot=replace(here.boot, arguments=arguments))
        return Held(here, keeper.facts["key"], keeper if keeper.facts["switch"] else None)

    def _end(self, name: str, waiting: Waiting | None) -> None:
        keeper = self._keepers.pop(name, None)
        problem = None if keeper is None else keeper.end()
        if problem is not None:
            _tell(waiting, f"{name}: not released: {problem}; the next run on this machine does it")


class _Keeper:
    """The process that keeps one place; what it says, and the switch it offers.

    Attributes:
        facts: of the place, once it is held.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._said = b""
        self._lost: str | None = None
        self.facts: Mapping[str, Any] = {}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `end`)
        # Neither Ctrl-C nor what else is meant for this process's group reaches it: it ends when
        # this process does, after it has released the place.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hil.lab.place_keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    def acquire(self, patience_s: float, waiting: Waiting | None) -> None:
        """Let it acquire the place."""
        self._order(asdict(self._request))
        self.facts = self._answer("held", patience_s, waiting)

    def lost(self) -> str | None:
        """Return why the place is not ours any more; None while it is."""
        while self._lost is None:
            try:
                event = self._event(0.0)
            except InfraError as error:
                return str(error)
            if event is None:
                return None
            self._lost = event.get("lost")
        return self._lost

    def cycle(self, off_s: float) -> None:
        """Switch the board off and on; see `hil.lab.holding.PowerSwitch`."""
        self._order({"cycle": off_s})
        self._answer("cycled", off_s + _PATIENCE_S, None)

    def end(self) -> str | None:
        """Let it release the place and wait until it has; return why it could not."""
        problem = None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            while True:
                event = self._event(_RELEASE_S) or {}
                problem = event.get("infra", event.get("wrong", problem))
                if not event or "released" in event:
                    break
            self._process.wait(_RELEASE_S)
        except (HilError, subprocess.TimeoutExpired) as error:
            problem = str(error)
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
        return problem

    def _order(self, order: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise InfraError(f"{self._name}: its keeper has ended{self._tail()}") from None

    def _answer(self, wanted: str, patience_s: float, waiting: Waiting | None) -> Any:
        deadline = time.monotonic() + patience_s
        while True:
            event = self._event(max(0.0, deadline - time.monotonic()))
            if event is None:
                raise InfraError(f"{self._name}: no answer within {patience_s:g} s{self._tail()}")
            for word, text in event.items():
                if word == wanted:
                    return text
                if word == "waiting":
                    _tell(waiting, str(text))
                elif word == "missing":
                    raise MissingTool(f"labgrid ({text})", INSTALL)
                elif word in _TROUBLES:
                    raise _TROUBLES[word](text)
                elif word == "lost":
                    self._lost = str(text)

    def _event(self, timeout_s: float) -> dict[str, Any] | None:
        """Return what it says next; None if nothing in time.

        Raises:
            InfraError: it has ended.
        """
        assert self._process.stdout is not None
        while b"\n" not in self._said:
            ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
            if not ready:
                return None
            data = os.read(self._process.stdout.fileno(), _READ_BYTES)
            if not data:
                raise InfraError(f"{self._name}: its keeper has ended{self._tail()}")
            self._said += data
        line, _, self._said = self._said.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event

    @property
    def _name(self) -> str:
        place = self._request.name or self._request.tags
        return f"{self._request.board} (place {place}, coordinator {self._request.coordinator})"

    def _tail(self) -> str:
        self._log.seek(0)
        said = self._log.read()[-_TAIL_BYTES:].decode("utf-8", "replace").strip()
        return f":\n{said}" if said else ""


_TROUBLES: Mapping[str, type[HilError]] = {
    "locked": BoardLocked,
    "infra": InfraError,
    "trouble": InfraError,
    "wrong": HilError,
}


def _tell(waiting: Waiting | None, line: str) -> None:
    if waiting is not None:
        waiting(line)
