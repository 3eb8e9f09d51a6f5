"""The farm's half on the board: runs one job per call and reports its result in one frame.

Theory of operation. The host starts a call either by typing `hil_agent.run(link, token, function,
arguments)` into the raw REPL or, where a board has no raw REPL, by sending the same as two lines to
`serve`. The module keeps nothing (on most boards it is a constant object): the link is in the hands
of whoever calls, modules that the host sent are in sys.modules. The agent says STX token LF when it
begins, then runs the job; the answer is a frame between STX + token + space and ETX + token:

    STX token " ok " literal ETX token                                  the job's result
    STX token " raised " (kind, detail) LF traceback ETX token          what it raised instead

The token is new for each call and a job never sees it, so nothing that a job prints can be taken
for its answer. A literal never holds a raw STX (repr escapes it), so a second STX + token says that
the answer before it could not be finished, and the host starts over. Results are written in small
pieces: a result of several KB needs no second copy of itself in the board's memory.

A job is `function(link, *arguments)`; its result is made of None, bool, int, str, bytes, list,
tuple and dict. Public functions of this module whose first argument is `link` are jobs as well.

What it does not do: protect what it sends against a noisy line, limit the time of a job (the host
does), or know what a job is about. Runs on MicroPython and CPython.
"""

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import RawIOBase
    from types import ModuleType
    from typing import TextIO

try:
    from sys import print_exception
except ImportError:  # CPython: the same text by another name
    from traceback import print_exception as _print_exception

    def print_exception(error: BaseException, file: "TextIO") -> None:
        """Write the traceback of `error` to `file`."""
        _print_exception(error, file=file)


_STX = "\x02"
_ETX = "\x03"
# Bytes and characters of a result become text this many at a time.
_PIECE = 48


class NotALiteralError(TypeError):
    """A job returned something that cannot be sent to the host."""


def run(
    link: "StreamLink", token: str, function: str, arguments: tuple, out: "TextIO | None" = None
) -> None:
    """Run the job `function` ("module:name") and write the frame with its answer.

    Args:
        link: what jobs get for a link.
        token: the word that marks the answer; chosen by the host.
        function: what to run.
        arguments: tuple of what the job gets after the link.
        out: text stream for the answer; the console when None.
    """
    out = out or sys.stdout
    write = out.write
    # Whatever comes before this line is not the agent's: the call could not even begin.
    write(_STX)
    write(token)
    write("\n")
    gc.collect()
    try:
        result = _resolve(function)(link, *arguments)
        _begin(write, token, " ok ")
        _write_literal(write, result)
    # SystemExit and KeyboardInterrupt as well: however a job ends, the host must hear of it.
    except BaseException as error:  # noqa: BLE001
        result = None
        _write_error(out, token, error)
    write(_ETX)
    write(token)
    write("\n")


def serve(calls_fd: int, answers_fd: int, link_fd: int) -> None:
    """Answer calls until the host closes its end.

    Args:
        calls_fd: inherited stream; a call is two lines, the token and `(function, arguments)`.
        answers_fd: inherited stream that takes the answers.
        link_fd: inherited stream that carries the bytes under test, in non-blocking mode.
    """
    with open(calls_fd) as calls, open(answers_fd, "w", 1) as answers:
        with open(link_fd, "r+b", 0) as link_stream:
            link = StreamLink(link_stream)
            while _serve_one(link, calls, answers):
                pass


def uart_link(number: int) -> "StreamLink":
    """Return UART `number` of the board as the link for jobs."""
    from machine import UART  # noqa: PLC0415 - only boards have it

    return StreamLink(UART(number))


class StreamLink:
    """The board's end of the link over a non-blocking stream: a UART or an inherited socket.

    Attributes:
        stream: that stream, for who waits for it in a way of its own, as asyncio does.
    """

    def __init__(self, stream: "RawIOBase") -> None:
        import select  # noqa: PLC0415 - only who has a stream for a link needs it

        self.stream = stream
        poller = select.poll()
        # ipoll allocates nothing after its first call; CPython has poll only.
        self._poll = getattr(poller, "ipoll", poller.poll)
        # Let it find the stream ready once, to write. From then on it holds the stream in what it
        # hands out, and an empty place takes the garbage collector longer to look at: without this
        # a job's instructions until its first wait would tell whether an earlier one had to wait.
        poller.register(stream, select.POLLOUT)
        self.wait(0)
        poller.modify(stream, select.POLLIN)
        self.wait(0)

    def readinto(self, buffer: bytearray) -> "int | None":
        """Read what is there, at most len(buffer) bytes, without waiting.

        Returns:
            the number of bytes; None when there is nothing yet; 0 when the host has closed its
            end (a UART cannot tell and never returns 0).
        """
        return self.stream.readinto(buffer)

    def write(self, buffer: bytes) -> int:
        """Write what fits now and return the number of bytes, possibly 0.

        A UART takes every byte as long as the host reads, and waits a little for each.
        """
        return self.stream.write(buffer) or 0

    def wait(self, timeout_ms: int) -> bool:
        """Wait until there is something to read (or the end of it); return False if not in time."""
        for _ in self._poll(timeout_ms):
            return True
        return False


def origins(_link: "StreamLink", names: list) -> dict:
    """Import the named modules and say where each comes from.

    Returns:
        dict of name to "rom" (in the firmware, as objects), "frozen" (in the firmware, executed
        from there), "builtin" (written in C), "installed" (sent by the host) or the path of a file.
    """
    found = {}
    for name in names:
        if isinstance(sys.modules.get(name), _Installed):
            found[name] = "installed"
        else:
            module = _import(name, "*")
            found[name] = _origin(getattr(module, "__file__", None))
    return found


def heap_bytes(_link: "StreamLink") -> int:
    """Return the size of the heap that objects live in, free or not."""
    return gc.mem_alloc() + gc.mem_free()


def ballast(_link: "StreamLink", size: int) -> None:
    """Take `size` bytes of the heap for as long as the board runs; no more than once."""
    gc.collect()
    sys.modules["hil_agent.ballast"] = bytearray(size)


def install(_link: "StreamLink", name: str, source: str) -> None:
    """Compile `source` and keep it as the module `name` for later calls.

    For jobs under development and for tests: the code lives in the heap, so memory figures of a
    job that came this way are not those of frozen code.
    """
    namespace = {"__name__": name}
    exec(source, namespace)  # noqa: S102
    sys.modules[name] = _Installed(namespace)


def synchronise(link: "StreamLink", marker: bytes) -> None:
    """Throw away what an earlier job left on the link: read up to `marker`, then send it back."""
    one = bytearray(1)
    matched = 0
    while matched < len(marker):
        if link.readinto(one) != 1:
            link.wait(1000)
        elif one[0] == marker[matched]:
            matched += 1
        else:
            matched = 1 if one[0] == marker[0] else 0
    _write_all(link, marker)


def echo(link: "StreamLink", count: int, piece: int = 256) -> int:
    """Send back the next `count` bytes of the link, `piece` at a time; return how many came."""
    buffer = bytearray(piece)
    view = memoryview(buffer)
    done = 0
    while done < count:
        got = link.readinto(view[: min(piece, count - done)])
        if got == 0:
            break
        if got is None:
            link.wait(1000)
        else:
            _write_all(link, view[:got])
            done += got
    return done


class _Installed:
    """A module that the host has sent: in MicroPython no program can make a module object."""

    def __init__(self, namespace: dict) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> object:
        if name not in self._namespace:
            raise AttributeError(name)
        return self._namespace[name]


def _write_all(link: "StreamLink", data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[link.write(view) :]


def _origin(path: "str | None") -> str:
    if path is None:
        return "builtin"
    if path == ".rom":  # images/common/rom
        return "rom"
    for entry in sys.path:
        if entry and entry != ".frozen" and path.startswith(entry + "/"):
            return path
    # A frozen module's path has no prefix, nor has that of a file in the current directory.
    return path if "" in sys.path and _exists(path) else "frozen"


def _exists(path: str) -> bool:
    import os  # noqa: PLC0415 - boards without a filesystem have none

    try:
        os.stat(path)
    except OSError:
        return False
    return True


def _resolve(function: str) -> "Callable":
    module_name, _, name = function.partition(":")
    if not name:
        raise ValueError("a job is named module:function, not " + repr(function))
    return getattr(_import(module_name, name), name)


def _import(module_name: str, name: str) -> "ModuleType":
    return __import__(module_name, None, None, (name,))


def _serve_one(link: "StreamLink", calls: "TextIO", answers: "TextIO") -> bool:
    token = calls.readline().strip()
    if not token:
        return False
    line = None
    try:
        line = calls.readline()
        # Only the farm that started this process can write here.
        function, arguments = eval(line, {})  # noqa: S307
    except MemoryError as error:
        # A call that was too long to be read is still to be read, to get at the next.
        piece = "..." if line is None else ""
        while piece and not piece.endswith("\n"):
            piece = calls.readline(64)
        line = None
        _write_error(answers, token, error)
        answers.write(_ETX + token + "\n")
        return True
    line = None
    run(link, token, function, arguments, answers)
    return True


def _write_error(out: "TextIO", token: str, error: BaseException) -> None:
    gc.collect()
    _begin(out.write, token, " raised ")
    _write_literal(out.write, (type(error).__name__, str(error)))
    out.write("\n")
    print_exception(error, out)


def _begin(write: "Callable", token: str, verdict: str) -> None:
    write(_STX)
    write(token)
    write(verdict)


def _write_literal(write: "Callable", value: object) -> None:
    if value is None or isinstance(value, (bool, int)):
        write(repr(value))
    elif isinstance(value, str):
        _write_pieces(write, value, "''")
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _write_pieces(write, memoryview(value), "b''")
    elif isinstance(value, list):
        _write_items(write, "[", value, "]")
    elif isinstance(value, tuple):
        _write_items(write, "(", value, ")")
    elif isinstance(value, dict):
        write("{")
        for key in value:
            _write_literal(write, key)
            write(":")
            _write_literal(write, value[key])
            write(",")
        write("}")
    else:
        raise NotALiteralError("a job's result cannot hold a " + type(value).__name__)


def _write_pieces(write: "Callable", value: "str | memoryview", empty: str) -> None:
    # Neighbouring literals are one literal.
    for start in range(0, len(value), _PIECE):
        piece = value[start : start + _PIECE]
        write(repr(piece if isinstance(piece, str) else bytes(piece)))
    if not len(value):
        write(empty)


def _write_items(write: "Callable", opening: str, items: "list | tuple", closing: str) -> None:
    write(opening)
    for item in items:
        _write_literal(write, item)
        write(",")
    write(closing)
