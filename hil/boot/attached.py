"""Boots a board on a cable: its one serial port carries console, calls and the bytes under test.

Theory of operation. The port is opened for this run alone, whatever runs on the board is
interrupted, and its interpreter is started anew (soft reset), which makes the heap a fresh one. If
that needs more than Ctrl-C, the next rung is tried: a run of Ctrl-C that also ends a session of
frames somebody left behind, then the reset that the board's circuit offers (`hil.reset`). Then its
MicroPython is asked who it is. A board with our modules in its firmware uses those and nothing
else; on another one they are installed as `.mpy` files (`hil.boot.installer`), in a folder of ours
that then comes before everything but what is frozen. At last the board's half of the frames takes
the console over (`hil.framed_link`).

Closing ends that session and leaves the board at the REPL for people, with the port released.

A port that is absent, in use, or forbidden is told apart by `hil.serial_port`; a board that is
silent, one that never stops starting, one that waits for firmware, and one that is no MicroPython,
by what it said.

What it does not do: find the port of a board, switch its power, or flash it.
"""

from __future__ import annotations

import ast
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import serial

from hil import build, console, mpy, reset
from hil.agent import ChannelClosed, ChannelTimeout, Refused
from hil.boot.agent_board import AgentBoard
from hil.boot.installer import Installed, Installer
from hil.boot.request import BootRequest
from hil.errors import BoardDied, BootError, HilError
from hil.framed_link import FramedLink
from hil.rawrepl import RawRepl
from hil.serial_port import LoggedPort, open_port, resolved

_ARGUMENTS = {"port", "baud", "reset", "micropython", "uart_bytes"}
_BAUD = 115_200
# The receive buffer of the console on most ports of MicroPython (esp32, stm32) is 260 bytes.
_UART_BYTES = 256
# Beside one frame it has to hold what is asked while a job computes.
_SPARE_BYTES = 64
_FRAME_PAYLOAD_MAX = 192
_CTRL_C_RUN = b"\x03" * 1500
# How long a board may take to end a session, or to be interrupted, before it is reset.
_GRACE_S = 1.0
_TRIES = 3
_RUN_MODULE = "hil_frames"
# What is in a checkout's images for tests of the core only.
_NOT_INSTALLED = ("vector_checks.py",)

_WHO = """
import sys
i=sys.implementation
print((i[0],tuple(i[1])[:3],getattr(i,'_machine',sys.platform),getattr(i,'_mpy',0)))
"""
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
_TROUBLES = (ChannelClosed, ChannelTimeout, Refused, console.ConsoleError)
# What the loader in ROM says when IO0 is held low; its other lines begin "ets " or "rst:".
_WAITS_FOR_FIRMWARE = ("waiting for download", "DOWNLOAD_BOOT", "DOWNLOAD(")
_STARTS = ("rst:0x", 'Type "help()" for more information')


@dataclass(frozen=True)
class _Identity:
    """What a board says of its MicroPython."""

    version: str
    machine: str
    mpy: int


def boot(request: BootRequest) -> AttachedBoard:
    """Take over the board; see `hil.boot.boot`."""
    request.refuse_unknown(_ARGUMENTS)
    method = request.optional("reset", str) or "none"
    if method not in reset.METHODS:
        raise request.error("reset", f"{method!r} is none of {', '.join(reset.METHODS)}")
    url = resolved(request.argument("port", str))
    log = console.fresh_log(request.log_dir, "console")
    with ExitStack() as ends:
        port = LoggedPort(open_port(url, request.optional("baud", int) or _BAUD), log)
        ends.callback(port.close)
        for left in reversed(range(_TRIES)):
            try:
                board = _bring_up(request, port, method, log)
                break
            except (*_TROUBLES, BoardDied) as error:
                # The raw REPL has no checksum: on a noisy line a step may fail that is right.
                if left and not isinstance(error, ChannelClosed):
                    continue
                if _restarts(log) >= _TRIES:
                    raise BootError(_restarting(request.target.name, log)) from error
                said = console.quoted_tail(log)
                raise BootError(f"{request.target.name} did not boot: {error}{said}") from error
        ends.pop_all()
    return board


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
            raise BootError(f"{self.target.name} started, but its agent fails: {error}") from error
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
        with suppress(*_TROUBLES, serial.SerialException, OSError):  # the port may be gone
            if not ended:
                self._port.write(_CTRL_C_RUN)
            self._leave(grace_s)
        self._port.close()

    def abandon(self) -> bool:
        """End the session of frames, keep the port; return True if the board says it has ended."""
        ended = self._frames.stop(_GRACE_S * self._multiplier)
        super().close()
        self._port.is_logging = True
        return ended

    def _leave(self, grace_s: float) -> None:
        try:
            self._repl.enter(grace_s)
        except ChannelTimeout:
            if self._reset_hard is None:
                raise
            self._reset_hard()
            self._repl.enter(self.target.timeouts.boot_s * self._multiplier)
        self._repl.leave()

    def _quoted_tail(self) -> str:
        return f" ({self._frames.condition()}){super()._quoted_tail()}"

    def _obituary(self) -> str:
        return "its port closed, or it has started anew"


def _bring_up(request: BootRequest, port: LoggedPort, method: str, log: Path) -> AttachedBoard:
    step_s = request.boot_timeout_s
    repl = RawRepl(port, step_timeout_s=min(5.0, step_s))
    hard = reset.METHODS[method]
    reset_hard = (lambda: hard(port)) if hard is not None else None
    _interrupt(request, repl, port, reset_hard, log)
    identity = _identify(request, repl)
    if isinstance(request.heap_bytes_wanted, int):
        raise BootError(f"{request.target.name}: the size of its heap cannot be chosen at boot")
    installed = _provide_modules(request, repl, identity)
    lacking = repl.execute(_NO_FRAMES, step_s).decode("utf-8", "replace").strip()
    if lacking:
        raise BootError(f"{request.target.name}: its firmware cannot carry frames: {lacking}")
    session = secrets.randbits(32)
    payload = _payload_bytes(request)
    repl.execute(f"import {_RUN_MODULE}", step_s)
    repl.begin(f"{_RUN_MODULE}.serve({session},{payload})")
    port.is_logging = False
    frames = FramedLink(
        port,
        session=session,
        payload_bytes=payload,
        baud=request.optional("baud", int) or _BAUD,
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
        unless_ready.pop_all()
    return board


def _interrupt(
    request: BootRequest,
    repl: RawRepl,
    port: LoggedPort,
    reset_hard: Callable[[], None] | None,
    log: Path,
) -> None:
    """Bring the board to a fresh raw REPL, by the gentlest way that works."""
    quick_s = min(2.0, request.boot_timeout_s)
    rungs: list[tuple[Callable[[], object], float]] = [
        (lambda: None, quick_s),
        (lambda: port.write(_CTRL_C_RUN), quick_s),
    ]
    if reset_hard is not None:
        rungs.append((reset_hard, request.boot_timeout_s))
    for act, patience_s in rungs:
        act()
        with suppress(ChannelTimeout):
            repl.enter(patience_s)
            repl.enter(patience_s, soft_reset=True)
            return
    raise BootError(_diagnosis(request, log, hard=reset_hard is not None))


def _diagnosis(request: BootRequest, log: Path, *, hard: bool) -> str:
    """Say what keeps the board from answering, as far as it has said anything."""
    name = request.target.name
    text = console.tail(log, 200)
    if not text.strip():
        tried = (
            "Ctrl-C and its reset line" if hard else "Ctrl-C (the target file has no boot.reset)"
        )
        return (
            f"{name} is silent: nothing came over its port after {tried}; check power and cable, "
            "that it is the right port, and boot.baud"
        )
    tail = console.quoted_tail(log)
    if any(mark in text for mark in _WAITS_FOR_FIRMWARE):
        return (
            f"{name} is in its boot loader and waits for firmware: release the boot button or line "
            f"and reset it, or flash it (`hil flash {name}`){tail}"
        )
    if _restarts(log) >= _TRIES:
        return _restarting(name, log)
    return (
        f"{name} says something, but is no MicroPython that answers: wrong port, wrong boot.baud, "
        f"or other firmware; flash it (`hil flash {name}`){tail}"
    )


def _restarts(log: Path) -> int:
    """Return how often the board has said what it says when it starts."""
    text = console.tail(log, 1000)
    return max(text.count(mark) for mark in _STARTS)


def _restarting(name: str, log: Path) -> str:
    return (
        f"{name} starts again and again: its supply may be too weak (brown-out), or its firmware "
        f"crashes; check the supply, then flash it (`hil flash {name}`){console.quoted_tail(log)}"
    )


def _identify(request: BootRequest, repl: RawRepl) -> _Identity:
    """Ask the board for its firmware, and refuse one that is not the right one."""
    name = request.target.name
    said = repl.execute(_WHO, request.boot_timeout_s).decode("utf-8", "replace").strip()
    try:
        kind, version, machine, number = ast.literal_eval(said)
    except (ValueError, SyntaxError):
        raise BootError(f"{name} does not say what it runs, but {said[:200]!r}") from None
    identity = _Identity(".".join(map(str, version)), machine, number)
    if kind != "micropython":
        raise BootError(f"{name} runs {kind}, not MicroPython")
    wanted = request.optional("micropython", str) or request.firmware.micropython
    if identity.version != wanted:
        raise BootError(
            f"{name} runs MicroPython {identity.version} ({identity.machine}), not {wanted}; flash "
            f"the right one (`hil flash {name}`) or correct boot.micropython"
        )
    return identity


def _provide_modules(request: BootRequest, repl: RawRepl, identity: _Identity) -> Installed | None:
    """Use the modules in the board's firmware, or install them; None when they are in it."""
    step_s = request.boot_timeout_s
    repl.execute(_ONLY_FROZEN, step_s)
    if repl.execute(_FIND, step_s).strip() == b"1":
        return None
    if not identity.mpy:
        raise BootError(
            f"{request.target.name}: its firmware neither has our modules nor loads .mpy files"
        )
    wanted = mpy.format_of(identity.mpy)
    modules = {
        path: file for path, file in build.frozen_modules().items() if path not in _NOT_INSTALLED
    }
    installer = Installer(request.target.name, repl, step_s)
    installed = installer.install(mpy.compiled(modules, wanted))
    repl.enter(step_s, soft_reset=True)  # what the installing left in the heap
    repl.execute(f"{_ONLY_FROZEN}\nsys.path.append({installed.folder!r})", step_s)
    return installed


def _payload_bytes(request: BootRequest) -> int:
    """Return how much a frame may carry so that it fits the board's receive buffer."""
    room = (request.optional("uart_bytes", int) or _UART_BYTES) - _SPARE_BYTES
    return min(_FRAME_PAYLOAD_MAX, room)
