"""Boots a board on a cable: its one serial port carries console, calls and the bytes under test.

Theory of operation. The port is opened for this run alone, whatever runs on the board is
interrupted, and its interpreter is started anew (soft reset), which makes the heap a fresh one. If
that needs more than Ctrl-C, heavier means are tried. Then its MicroPython is asked who it is. A
board with our modules in its firmware uses those and nothing else; on another one they are
installed as `.mpy` files (`hil.boot.installer`), in a folder of ours that then comes before
everything but what is frozen. At last the board's half of the frames takes the console over
(`hil.framed_link`).

Closing ends that session and leaves the board at the REPL for people, with the port released.

How a board is brought to its raw REPL, and what keeps it from there, is `hil.boot.wake`'s. What a
board needs that does not boot is told by the class of the error (`hil.heal`): `BoardUnwell`,
`WrongFirmware`, or `InfraError` where it is not the board's doing.

What it does not do: find the port of a board, switch its power, or flash it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import serial

from hil import build, console, mpy, wireless
from hil.agent import ChannelClosed, ChannelTimeout
from hil.boot import wake
from hil.boot.agent_board import AgentBoard
from hil.boot.installer import Installed, Installer
from hil.boot.request import BootRequest
from hil.boot.wake import TROUBLES
from hil.errors import BoardDied, BoardUnwell, BootError, HilError, WrongFirmware
from hil.framed_link import FramedLink
from hil.rawrepl import RawRepl
from hil.serial_port import LoggedPort

_ARGUMENTS = {"port", "baud", "reset", "micropython", "uart_bytes"}
# The receive buffer of the console on most ports of MicroPython (esp32, stm32) is 260 bytes.
_UART_BYTES = 256
# Beside one frame it has to hold what is asked while a job computes.
_SPARE_BYTES = 64
_FRAME_PAYLOAD_MAX = 192
# How long a board may take to end a session, or to be interrupted, before it is reset.
_GRACE_S = 1.0
# How long one that did not end its session may take to start when the port is given back: whoever
# has it next has the time for one that takes longer.
_LEAVE_S = 5.0
_TRIES = 3
_RUN_MODULE = "hil_frames"
# What is in a checkout's images for tests of the core only.
_NOT_INSTALLED = ("vector_checks.py",)

_ONLY_FROZEN = "import sys\nsys.path[:]=['.frozen']"
_FIND = f"""
try:
 import {_RUN_MODULE}
 print(1)
except ImportError:
 print(0)
"""
_NO_FRAMES = """
import sys
try:
 sys.stdin.buffer;import select,binascii;binascii.crc32
except (AttributeError,ImportError) as e:
 print(e)
"""


def boot(request: BootRequest) -> AttachedBoard:
    """Take over the board; see `hil.boot.boot`."""
    request.refuse_unknown(_ARGUMENTS)
    log = console.fresh_log(request.log_dir, "console")
    with ExitStack() as ends:
        port = wake.opened(request, log)
        ends.callback(port.close)
        for left in reversed(range(_TRIES)):
            try:
                board = _bring_up(request, port, log)
                break
            except (*TROUBLES, BoardDied) as error:
                # The raw REPL has no checksum: on a noisy line a step may fail that is right.
                if left and not isinstance(error, ChannelClosed):
                    continue
                raise _failure(request, port, log, error) from error
        ends.pop_all()
    return board


def _failure(request: BootRequest, port: LoggedPort, log: Path, error: HilError) -> BootError:
    """Return what it means that the last of the tries ended so."""
    if isinstance(error, ChannelClosed):
        # Whether the board or what serves its port has gone, another attempt tells.
        port.close()
        try:
            wake.opened(request, log).close()
        except BootError as gone:
            return gone
    return wake.did_not_boot(request, log, error)


class AttachedBoard(AgentBoard):
    """A board on a cable, in the middle of a session of frames."""

    chooses_heap = False

    def __init__(
        self,
        request: BootRequest,
        *,
        port: LoggedPort,
        repl: RawRepl,
        frames: FramedLink,
        reset_hard: Callable[[], None] | None,
        installed: Installed | None,
        console_log: Path,
    ) -> None:
        """Take over port and session."""
        # How large its heap is, `verify` finds out.
        super().__init__(request, channel=frames, link=frames.endpoint, console_log=console_log)
        self._port = port
        self._repl = repl
        self._frames = frames
        self._reset_hard = reset_hard
        self._installed = installed
        self.modules_note = None if installed is None else "modules installed as .mpy"
        self._is_closed = False

    def origins(self, *modules: str) -> dict[str, str]:
        """Say where modules come from; see `hil.boot.Board`.

        A module that this driver has installed and verified is "mpy".
        """
        found = super().origins(*modules)
        if self._installed is None:
            return found
        ours = f"{self._installed.folder}/"
        return {name: "mpy" if of.startswith(ours) else of for name, of in found.items()}

    def verify(self) -> None:
        """Check that the agent answers and is ours; note the size of the heap.

        Raises:
            BootError: it does not.
        """
        try:
            found = self.origins("hil_agent", "hil_marks", _RUN_MODULE)
            heap_bytes = self.call("hil_agent:heap_bytes", timeout_s=10)
        except BoardDied:
            raise  # it has started anew: worth another try
        except HilError as error:
            problem = f"{self.target.name} started, but its agent fails: {error}"
            raise BoardUnwell(problem) from error
        for module, origin in found.items():
            if origin not in ("rom", "frozen", "mpy"):
                problem = f"{module} comes from {origin}, which the farm has not put there"
                raise BootError(f"{self.target.name}: {problem}; remove that file")
        assert isinstance(heap_bytes, int)
        self.heap_bytes = heap_bytes

    def close(self) -> None:
        """Leave the board at its REPL and release the port; see `hil.boot.Board`."""
        if self._is_closed:
            return
        self._is_closed = True
        grace_s = _GRACE_S * self._multiplier
        ended = self.abandon()
        with suppress(*TROUBLES, serial.SerialException, OSError):  # the port may be gone
            if not ended:
                self._port.write(wake.CTRL_C_RUN)
            self._leave(grace_s)
        self._port.close()

    def abandon(self) -> bool:
        """End the session of frames, keep the port; return True if the board says it has ended."""
        if self.link is not self._frames.endpoint:
            self.link.close()  # a job that waits for its network hears of nothing else
        ended = self._frames.stop(_GRACE_S * self._multiplier)
        super().close()
        self._frames.endpoint.close()
        self._port.is_logging = True
        return ended

    def _leave(self, grace_s: float) -> None:
        try:
            self._repl.enter(grace_s)
        except ChannelTimeout:
            if self._reset_hard is None:
                raise
            self._reset_hard()
            boot_s = min(self.target.timeouts.boot_s, _LEAVE_S)
            self._repl.enter(boot_s * self._multiplier)
        self._repl.leave()

    def _quoted_tail(self) -> str:
        return f" ({self._frames.condition()}){super()._quoted_tail()}"

    def _obituary(self) -> str:
        return "its port closed, or it has started anew"


def _bring_up(request: BootRequest, port: LoggedPort, log: Path) -> AttachedBoard:
    step_s = request.boot_timeout_s
    repl = RawRepl(port, step_timeout_s=min(5.0, step_s))
    reset_hard = wake.reset_of(request, port)
    wake.interrupt(request.target.name, repl, port, reset_hard, log, step_s)
    identity = wake.identify(request.target.name, repl, wake.wanted(request), step_s)
    if isinstance(request.heap_bytes_wanted, int):
        raise BootError(f"{request.target.name}: the size of its heap cannot be chosen at boot")
    installed = _provide_modules(request, repl, identity)
    radio = wireless.access_of(request.target)
    lacking = repl.execute(_NO_FRAMES, step_s).decode("utf-8", "replace").strip()
    if lacking:
        raise WrongFirmware(f"{request.target.name}: its firmware cannot carry frames: {lacking}")
    session = secrets.randbits(32)
    payload = _payload_bytes(request)
    repl.execute(f"import {_RUN_MODULE}", step_s)
    repl.begin(f"{_RUN_MODULE}.serve({session},{payload})")
    port.is_logging = False
    frames = FramedLink(
        port,
        session=session,
        payload_bytes=payload,
        baud=request.optional("baud", int) or wake.BAUD,
        log=log,
    )
    board = AttachedBoard(
        request,
        port=port,
        repl=repl,
        frames=frames,
        reset_hard=reset_hard,
        installed=installed,
        console_log=log,
    )
    with ExitStack() as unless_ready:
        unless_ready.callback(board.abandon)
        frames.await_begin(step_s)
        board.verify()
        if radio is not None:
            board.link = wireless.join(board, radio, join_s=step_s, connect_s=step_s)
        unless_ready.pop_all()
    return board


def _provide_modules(
    request: BootRequest, repl: RawRepl, identity: wake.Identity
) -> Installed | None:
    """Use the modules in the board's firmware, or install them; None when they are in it."""
    step_s = request.boot_timeout_s
    repl.execute(_ONLY_FROZEN, step_s)
    if repl.execute(_FIND, step_s).strip() == b"1":
        return None
    if not identity.mpy:
        raise WrongFirmware(
            f"{request.target.name}: its firmware neither has our modules nor loads .mpy files"
        )
    wanted = mpy.format_of(identity.mpy)
    modules = build.frozen_modules(mpy.kernels_for(wanted))
    for path in _NOT_INSTALLED:
        del modules[path]
    modules.update(build.native_modules())
    modules.update(build.datagram_modules())
    installer = Installer(request.target.name, repl, step_s)
    installed = installer.install(mpy.compiled(modules, wanted))
    repl.enter(step_s, soft_reset=True)  # what the installing left in the heap
    repl.execute(f"{_ONLY_FROZEN}\nsys.path.append({installed.folder!r})", step_s)
    return installed


def _payload_bytes(request: BootRequest) -> int:
    """Return how much a frame may carry so that it fits the board's receive buffer."""
    room = (request.optional("uart_bytes", int) or _UART_BYTES) - _SPARE_BYTES
    return min(_FRAME_PAYLOAD_MAX, room)
