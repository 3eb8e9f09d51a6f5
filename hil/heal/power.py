"""Switching a board's power: one class for each way a lab may name.

`CommandSwitch` runs what the lab says (`power`), `HubSwitch` runs uhubctl for a hub that can switch
its ports (`hub_port`). A place of another kind may bring a switch of its own
(`hil.lab.holding.PowerSwitch`).

A command that fails says nothing about the board: it is an `InfraError`. Switching off is undone
however the time in between ends, short of this process being killed; who has the board next
switches it off and on again.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hil import process
from hil.errors import InfraError
from hil.lab.care import ACTION
from hil.lab.holding import PowerSwitch
from hil.target import Target

# Supplies and their capacitors are empty after a second or so; the farm's requirement is two.
OFF_S = 2.0
_COMMAND_S = 30.0
_SAID_CHARACTERS = 500


class CommandSwitch:
    """A switch worked by a command.

    Args:
        board: whose power it is, for messages.
        command: program and arguments, with `{action}` for `off` or `on`.
        folder: where it runs.
    """

    def __init__(self, board: str, command: Sequence[str], folder: Path | None = None) -> None:
        self._board = board
        self._command = tuple(command)
        self._folder = folder

    def cycle(self, off_s: float) -> None:
        """Switch off, wait so long, and switch on; see `hil.lab.holding.PowerSwitch`.

        Raises:
            InfraError: the command fails, or there is no such program.
        """
        try:
            self._run("off")
            time.sleep(off_s)
        except BaseException:
            with suppress(InfraError):  # what went wrong first is what is told
                self._run("on")
            raise
        self._run("on")

    def _run(self, action: str) -> None:
        argv = [word.replace(ACTION, action) for word in self._command]
        try:
            child = process.supervised(
                argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self._folder
            )
        except OSError as error:
            raise self._failed(argv, f"cannot be run: {error}") from error
        try:
            said, _ = child.communicate(timeout=_COMMAND_S)
        except subprocess.TimeoutExpired:
            raise self._failed(argv, f"has not ended after {_COMMAND_S:g} s") from None
        finally:
            process.stop(child, grace_s=0)
        if child.returncode != 0:
            text = said.decode("utf-8", "replace").strip()[-_SAID_CHARACTERS:]
            raise self._failed(argv, f"{process.obituary(child)}: {text or 'it said nothing'}")

    def _failed(self, argv: Sequence[str], problem: str) -> InfraError:
        return InfraError(f"{self._board}: the switch of its power: `{' '.join(argv)}` {problem}")


class HubSwitch(CommandSwitch):
    """A port of a hub that can switch it.

    Args:
        board: whose power it is, for messages.
        hub_port: the hub as uhubctl calls it, and the number of its port: `1-1.2:3`.
    """

    def __init__(self, board: str, hub_port: str) -> None:
        hub, _, port = hub_port.partition(":")
        super().__init__(board, ("uhubctl", "-l", hub, "-p", port, "-a", ACTION))

    def _failed(self, argv: Sequence[str], problem: str) -> InfraError:
        hint = "; install it with: apt-get install uhubctl" if "cannot be run" in problem else ""
        return super()._failed(argv, problem + hint)


def switch_of(target: Target) -> PowerSwitch | None:
    """Return what the lab says switches a board's power; None when it says nothing."""
    if target.place is not None and target.place.power:
        folder = target.place.lab.resolve().parent
        return CommandSwitch(target.name, target.place.power, folder)
    hub_port = target.identify.get("hub_port")
    return HubSwitch(target.name, hub_port) if isinstance(hub_port, str) else None
