"""Boots a board emulated by QEMU: console on UART 0, link on another UART, QMP beside them.

Theory of operation. All three are UNIX socket pairs of which QEMU inherits one end: there is no
name that a second board could take, a killed run could leave behind, or that could be too long,
and no TCP port. QEMU starts with its CPU stopped and is let go through QMP when everything is
connected, so the first byte of the console is not lost; `mps2-an385` takes no serial input at all
without a QMP client. `logfile=` keeps the whole console, whoever reads it when.

Time is virtual: with a fixed `-icount shift=N` every instruction takes 2**N ns, whatever the host
is doing. Each argument that could shift instruction counts is therefore a fact of the target file.

Heap size is a word that QEMU writes into the board's memory before it runs; how the image finds it
is told by its symbols. The deepest stack is read from outside, through QMP.

A link over the network is a TCP connection that the board makes to one address of QEMU's user
network; QEMU ends it and passes its bytes to the same socket pair, so nothing else on the host or
beyond can be reached. `wire.pcap` keeps every frame.

What it does not do: build images, or know any machine (what differs is in the target file).
"""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from hil import console, process
from hil.agent import Channel, ChannelClosed, ChannelTimeout, Refused
from hil.boot.agent_board import ProcessBoard
from hil.boot.qmp import Monitor, MonitorError
from hil.boot.request import BootRequest
from hil.errors import BoardDied, BootError, MissingTool, TargetFileError
from hil.link import LinkEndpoint
from hil.measure import Measurement, painted_stack_peak
from hil.rawrepl import RawRepl

_ARGUMENTS = {"program", "machine", "cpu", "icount_shift", "link_device", "heap_bytes"}
# Debian's packages by the programs they bring.
_PACKAGES = {"qemu-system-arm": "qemu-system-arm", "qemu-system-riscv32": "qemu-system-misc"}
_STACK_PAINT = 0xA5A5A5A5
_HEAP_SYMBOL = "hil_heap_bytes_config"
_STACK_SYMBOLS = ("hil_stack_bottom", "hil_stack_top")
_BANNER = rb"MicroPython v?([0-9][^ \r\n]{0,40})[^\r\n]{0,200}\r\n"
# Only frozen code may be imported: where there is a filesystem it would come first.
_PREPARE = "import sys;sys.path[:]=['.frozen'];import {};link={}"
# The one address of the emulated network behind which there is somebody.
_PEER_ADDRESS, _PEER_PORT = "10.0.2.100", 4433
_QMP_TIMEOUT_S = 10.0
_BOOT_TROUBLES = (
    MonitorError,
    ChannelClosed,
    ChannelTimeout,
    Refused,
    console.ConsoleError,
)


class ConsoleChannel(Channel, Protocol):
    """A channel that owns the console it goes over."""

    def close(self) -> None:
        """Close the console."""


_Board = TypeVar("_Board", bound="QemuBoard")
# Makes a board of a started emulator, whose CPU does not run yet: what was asked for, the process,
# the host's ends of "console", "link" and "qmp", what closes them, and the console's log.
BringUp = Callable[
    [BootRequest, process.Child, Mapping[str, socket.socket], ExitStack, Path], _Board
]


def boot(request: BootRequest) -> QemuBoard:
    """Start the emulator and bring the board to its agent; see `hil.boot.boot`."""
    return start(request, _bring_up)


def start(request: BootRequest, bring_up: BringUp[_Board], arguments: Sequence[str] = ()) -> _Board:
    """Start the emulator and let `bring_up` make a board of it.

    Args:
        request: what to boot.
        bring_up: see `BringUp`; what goes wrong in it becomes a BootError.
        arguments: more of the emulator's, behind those of the target.
    """
    request.refuse_unknown(_ARGUMENTS)
    console_log = console.fresh_log(request.log_dir, "console")
    qemu_log = console.fresh_log(request.log_dir, "qemu")
    with ExitStack() as host_ends:
        with ExitStack() as board_ends:
            pairs = {name: socket.socketpair() for name in ("console", "link", "qmp")}
            for host_end, board_end in pairs.values():
                host_ends.enter_context(host_end)
                board_ends.enter_context(board_end)
            inherited = {name: pair[1].fileno() for name, pair in pairs.items()}
            argv = [*command_line(request, inherited, console_log), *arguments]
            output = board_ends.enter_context(qemu_log.open("ab"))
            command = f"{shlex.join(argv)}\n"
            # An artefact of its own, since nobody looks for it in a log.
            log_name = qemu_log.stem.replace("qemu", "qemu_command")
            qemu_log.with_name(f"{log_name}.txt").write_text(command, "utf-8")
            output.write(command.encode())
            output.flush()
            child = process.supervised(
                argv, stdout=output, stderr=output, pass_fds=list(inherited.values())
            )
        host_ends.callback(process.stop, child, grace_s=0)
        ours = {name: pair[0] for name, pair in pairs.items()}
        try:
            board = bring_up(request, child, ours, host_ends, console_log)
        except _BOOT_TROUBLES as error:
            raise BootError(_failure(request, child, error, console_log, qemu_log)) from error
        host_ends.pop_all()
    return board


class QemuBoard(ProcessBoard):
    """A running emulator."""

    program = "QEMU"

    def __init__(
        self,
        request: BootRequest,
        *,
        child: process.Child,
        channel: ConsoleChannel,
        monitor: Monitor,
        link: socket.socket,
        console_log: Path,
    ) -> None:
        """Take over the child and the host's ends of its sockets."""
        # QEMU closes a chardev for good when its other end stops sending: never end the link.
        endpoint = LinkEndpoint(link, carries_end=False)
        super().__init__(
            request, child=child, channel=channel, link=endpoint, console_log=console_log
        )
        self._channel = channel
        self._monitor = monitor

    def memory(self, address: int, size: int) -> bytes:
        """Read memory while the board runs or stands, by the addresses its program uses.

        Raises:
            BoardDied: QEMU is gone or refuses.
        """
        with tempfile.NamedTemporaryFile(prefix="hil-memory-") as dump:
            try:
                self._monitor.execute("memsave", val=address, size=size, filename=dump.name)
            except MonitorError as error:
                message = f"{self.target.name}: {error}; QEMU {process.obituary(self.process)}"
                raise BoardDied(message) from error
            return Path(dump.name).read_bytes()

    def stack_peak_bytes(self) -> Measurement:
        """Read the painted stack from outside; see `hil.boot.Board`."""
        symbols = self.firmware.symbols
        missing = [name for name in _STACK_SYMBOLS if name not in symbols]
        method = "painted stack, QMP memsave"
        if missing:
            reason = f"image {self.firmware.image} exports no {' and no '.join(missing)}"
            return Measurement("stack_peak_bytes", None, "bytes", method, reason=reason)
        bottom, top = (symbols[name] for name in _STACK_SYMBOLS)
        paint = _STACK_PAINT.to_bytes(4, self.target.endian)
        return painted_stack_peak(self.memory(bottom, top - bottom), paint, method)

    def close(self) -> None:
        """End QEMU and close its sockets; see `hil.boot.Board`."""
        super().close()
        self._monitor.close()
        self._channel.close()


def command_line(
    request: BootRequest, descriptors: Mapping[str, int], console_log: Path
) -> list[str]:
    """Return the emulator's command line.

    Args:
        request: what to boot.
        descriptors: of the sockets that QEMU inherits: "console", "link", "qmp".
        console_log: where QEMU copies the console's output to.

    Raises:
        MissingTool: the emulator is not installed.
        TargetFileError: an argument is missing or cannot be used.
    """
    program = request.argument("program", str)
    if shutil.which(program) is None:
        package = _PACKAGES.get(program, program)
        raise MissingTool(program, f"apt-get install {package}")
    argv = [program, "-machine", request.argument("machine", str)]
    cpu = request.optional("cpu", str)
    if cpu is not None:
        argv += ["-cpu", cpu]
    shift = request.optional("icount_shift", int)
    if shift is not None:
        argv += ["-icount", f"shift={shift}"]
    # A guest that resets itself has failed: QEMU then ends, and that is noticed at once.
    argv += ["-nodefaults", "-nic", "none", "-display", "none", "-no-reboot", "-S"]
    argv += ["-kernel", str(request.firmware.path)]
    argv += ["-chardev", f"socket,id=qmp,fd={descriptors['qmp']}"]
    argv += ["-mon", "chardev=qmp,mode=control"]
    log = str(console_log).replace(",", ",,")
    argv += ["-chardev", f"socket,id=console,fd={descriptors['console']},logfile={log}"]
    argv += ["-chardev", f"socket,id=link,fd={descriptors['link']}"]
    if request.target.link.driver == "net":
        wire = console_log.with_name(console_log.stem.replace("console", "wire") + ".pcap")
        argv += ["-serial", "chardev:console", *_network(request, wire)]
    else:
        argv += _serial_ports(request)
    return argv + _heap_arguments(request)


def _serial_ports(request: BootRequest) -> list[str]:
    uart = request.target.link.uart
    if not uart:
        problem = "an emulated board needs a UART of its own for the link, 1 or above"
        raise TargetFileError(request.target.path, None, "link.uart", problem)
    device = request.optional("link_device", str)
    if device is not None:  # not one of the machine's own ports, but plugged in
        return ["-serial", "chardev:console", "-device", f"{device},chardev=link"]
    ports = ["chardev:console", *["null"] * (uart - 1), "chardev:link"]
    return [argument for port in ports for argument in ("-serial", port)]


def _network(request: BootRequest, wire: Path) -> list[str]:
    forwarded = f"guestfwd=tcp:{_PEER_ADDRESS}:{_PEER_PORT}-chardev:link"
    file = str(wire).replace(",", ",,")
    return [
        *("-netdev", f"user,id=network,restrict=on,{forwarded}"),
        *("-device", f"{request.target.network['device']},netdev=network"),
        *("-object", f"filter-dump,id=wire,netdev=network,file={file}"),
    ]


def _link_on_board(request: BootRequest) -> str:
    if request.target.link.driver == "net":
        link = f"hil_network.tcp_link('{_PEER_ADDRESS}',{_PEER_PORT})"
        return _PREPARE.format("hil_agent,hil_network", link)
    return _PREPARE.format("hil_agent", f"hil_agent.uart_link({request.target.link.uart})")


def _heap_arguments(request: BootRequest) -> list[str]:
    address = request.firmware.symbols.get(_HEAP_SYMBOL)
    if address is None:
        raise BootError(f"image {request.firmware.image} exports no {_HEAP_SYMBOL}; build it again")
    # The loader's own `data-be` takes the upper, empty half of its 64 bits.
    data = int.from_bytes(request.heap_bytes.to_bytes(4, request.target.endian), "little")
    return ["-device", f"loader,addr={address:#x},data={data},data-len=4"]


def _bring_up(
    request: BootRequest,
    child: process.Child,
    ours: Mapping[str, socket.socket],
    host_ends: ExitStack,
    console_log: Path,
) -> QemuBoard:
    deadline = time.monotonic() + request.boot_timeout_s
    monitor = Monitor(ours["qmp"], timeout_s=_QMP_TIMEOUT_S * request.timeout_multiplier)
    host_ends.callback(monitor.close)
    repl = RawRepl(f"unix://fd/{ours['console'].detach()}")
    host_ends.callback(repl.close)
    monitor.execute("cont")
    banner = repl.console.expect(_BANNER, "banner of MicroPython", deadline - time.monotonic())
    repl.console.expect(rb">>> ", "prompt", deadline - time.monotonic())
    version = banner.group(1).decode()
    if version != request.firmware.micropython:
        raise Refused(f"it runs MicroPython {version}, not {request.firmware.micropython}")
    repl.enter(deadline - time.monotonic())
    repl.execute(_link_on_board(request), deadline - time.monotonic())
    board = QemuBoard(
        request,
        child=child,
        channel=repl,
        monitor=monitor,
        link=ours["link"],
        console_log=console_log,
    )
    host_ends.callback(board.close)
    board.verify()
    return board


def _failure(
    request: BootRequest,
    child: process.Child,
    error: Exception,
    console_log: Path,
    qemu_log: Path,
) -> str:
    with suppress(subprocess.TimeoutExpired):  # if it runs, the trouble is inside the board
        child.wait(0.2)
    said = console.tail(qemu_log, 10)
    tail = console.quoted_tail(console_log)
    state = process.obituary(child)
    return f"{request.target.name} did not boot: {error}; QEMU {state}\n{qemu_log}:\n{said}{tail}"
