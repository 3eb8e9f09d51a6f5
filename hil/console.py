"""A board's console: text that is waited for, always with an end to the waiting.

`Console` drives any serial port (a device, `unix://`, `rfc2217://`, ...) through pexpect: every
pattern is bounded, every wait has a time-out and says what it waited for. It serves the time before
the raw REPL takes over the same port (`hil.rawrepl`), and the tail of its log serves every error
message after that.

What it does not do: know what the board says, or run anything on it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pexpect
import serial
from pexpect.spawnbase import SpawnBase

from hil.errors import HilError

if TYPE_CHECKING:
    _BytesSpawn = SpawnBase[bytes]
else:
    _BytesSpawn = SpawnBase

# pexpect searches only the end of a chunk that is longer than this: read no longer ones.
_WINDOW_BYTES = 4096
_TAIL_BYTES = 8192
# pexpect always passes a time-out here; this one is for a caller that does not.
_DEFAULT_S = 1.0


class ConsoleError(HilError):
    """Waiting on a console was in vain."""


class ConsoleTimeout(ConsoleError):
    """What was waited for did not come in time."""


class ConsoleClosed(ConsoleError):
    """The other end of the console is gone."""


class Port(Protocol):
    """What the farm uses of a pyserial port, whatever its URL."""

    timeout: float | None
    write_timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Number of bytes that can be read at once."""

    def read(self, size: int = 1, /) -> bytes:
        """Read `size` bytes, or fewer when `timeout` is over."""

    def write(self, data: Any, /) -> int | None:
        """Write everything, or raise when `write_timeout` is over."""

    def close(self) -> None:
        """Close the port."""


class Console:
    """One serial port, waited on with patterns."""

    def __init__(self, port: Port) -> None:
        """Use an open port; the caller closes it."""
        self._spawn = _PortSpawn(port)
        self._port = port

    def expect(self, pattern: bytes, awaited: str, timeout_s: float) -> re.Match[bytes]:
        """Wait for a regular expression that matches at most 4096 bytes; return its match.

        Args:
            pattern: without unbounded repetition of a character that can be anything.
            awaited: what that is in words, for the error.
            timeout_s: how long to wait.

        Raises:
            ConsoleTimeout: it did not come.
            ConsoleClosed: the other end went away first.
        """
        try:
            self._spawn.expect(pattern, timeout=timeout_s)
        except pexpect.TIMEOUT:
            raise ConsoleTimeout(f"no {awaited} within {timeout_s:g} s") from None
        except pexpect.EOF:
            raise ConsoleClosed(f"the console closed before {awaited}") from None
        match = self._spawn.match
        if not isinstance(match, re.Match):  # pragma: no cover - pexpect's contract
            raise TypeError(f"pexpect returned {match!r}")
        return match

    def send(self, data: bytes) -> None:
        """Write to the board; raises what the port raises."""
        self._port.write(data)


class _PortSpawn(_BytesSpawn):
    """pexpect over a pyserial port, which need not have a file descriptor."""

    def __init__(self, port: Port) -> None:
        super().__init__(maxread=_WINDOW_BYTES, searchwindowsize=_WINDOW_BYTES)
        self.delayafterread = None
        self._port = port

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
        """Return up to `size` bytes, waiting at most `timeout` seconds for the first."""
        data = read_some(self._port, size, _DEFAULT_S if timeout is None else timeout)
        if data is None:
            self.flag_eof = True
            raise pexpect.EOF("the port is closed")
        if not data:
            raise pexpect.TIMEOUT("nothing came")
        return data


def read_some(port: Port, size: int, timeout_s: float) -> bytes | None:
    """Return what the port has, at most `size` bytes, waiting up to `timeout_s` for the first.

    Returns:
        b"" when nothing came, None when the other end is gone.
    """
    port.timeout = max(0.0, timeout_s)
    try:
        data = port.read(1)
        if data and size > 1:
            data += port.read(min(port.in_waiting, size - 1))
    except serial.SerialException:
        return None
    return data


def tail(log: Path, lines: int = 40) -> str:
    """Return the last lines of a console log, made printable; "" when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            text = stream.read().decode("utf-8", "backslashreplace")
    except FileNotFoundError:
        return ""
    kept = text.replace("\r\n", "\n").splitlines()[-lines:]
    return "\n".join(_printable(line) for line in kept)


def quoted_tail(log: Path, lines: int = 20) -> str:
    """Return the tail as the last part of an error message, or a remark that there is nothing."""
    text = tail(log, lines)
    if not text:
        return f"\nthe console said nothing (log: {log})"
    return f"\nconsole ({log}):\n" + "\n".join(f"  {line}" for line in text.splitlines())


def fresh_log(directory: Path, stem: str) -> Path:
    """Create an empty log file in `directory` under a name that is not in use; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(1, 10_000):
        path = directory / (f"{stem}.log" if number == 1 else f"{stem}-{number}.log")
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise HilError(f"{directory}: holds thousands of {stem} logs already; empty it")


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in line)
