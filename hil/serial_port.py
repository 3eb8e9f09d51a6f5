"""Opening the serial port of an attached board, and saying what is wrong when that fails.

The port is opened for one user only. `LoggedPort` keeps what the board says in the console's log
while the raw REPL is spoken; frames are no text, so `hil.framed_link` writes the log itself.
"""

from __future__ import annotations

import errno
import os
import re
import time
import warnings
from pathlib import Path
from typing import Any

import serial
from serial import rfc2217

from hil import urlhandler
from hil.errors import BootError

assert urlhandler  # imported for `unix://`

_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)")
# How a port says that somebody has it: pyserial's lock, a server of ports, the kernel.
_BUSY = ("exclusively lock", "in use", "busy")
_WRITE_TIMEOUT_S = 10.0
# How long pyserial waits before this module looks at the time.
_LOOK_S = 0.05


def resolved(url: str) -> str:
    """Return a port's URL with `$NAME` replaced from the environment.

    Raises:
        BootError: there is no such variable.
    """
    match = _VARIABLE.fullmatch(url)
    if match is None:
        return url
    value = os.environ.get(match.group(1))
    if not value:
        raise BootError(f"port {url}: the environment has no {match.group(1)}; it names the port")
    return value


def open_port(url: str, baud: int) -> Any:
    """Open a port for one user.

    Args:
        url: as `serial.serial_for_url` takes it: a device, `rfc2217://`, `socket://`, ...
        baud: where there is such a thing.

    Returns:
        a port of pyserial's, whatever its class.

    Raises:
        BootError: it is absent, in use, forbidden or wrong; says what to do.
    """
    settings: dict[str, Any] = {"baudrate": baud, "timeout": _LOOK_S, "exclusive": True}
    try:
        with warnings.catch_warnings():
            # pyserial 3.5 starts the thread of rfc2217:// in a way that Python has deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            return _opened(url, settings)
    except ValueError as error:
        raise BootError(f"port {url}: {error}; a port is a device or a URL of pyserial") from error
    except (serial.SerialException, OSError) as error:
        raise BootError(f"port {url}: {_trouble(url, error)}") from error


def _opened(url: str, settings: dict[str, Any]) -> Any:
    if not url.startswith("rfc2217://"):
        return serial.serial_for_url(url, write_timeout=_WRITE_TIMEOUT_S, **settings)
    port = _RemotePort(None, **settings)  # these know no time-out for writing
    port.port = url
    port.open()
    return port


class _RemotePort(rfc2217.Serial):
    """pyserial's port, which leaves its socket open if the server has hung up before."""

    def close(self) -> None:
        """Close port and socket."""
        connection = getattr(self, "_socket", None)
        super().close()
        if connection is not None:
            connection.close()


class LoggedPort:
    """A port that writes everything it reads to a log, as long as it is told to.

    Its time-out is its own: setting that of an `rfc2217://` port negotiates with the server anew.

    Attributes:
        timeout: how long `read` waits for all it was asked for; None is for ever.
        write_timeout: means nothing, the port has one since it was opened.
        is_logging: what is read goes to the log.
    """

    def __init__(self, port: Any, log: Path) -> None:
        """Take over an open port; the log is appended to."""
        self._port = port
        self._log = log.open("ab", buffering=0)
        self.timeout: float | None = _LOOK_S
        self.write_timeout: float | None = None
        self.is_logging = True

    @property
    def in_waiting(self) -> int:
        """Number of bytes that can be read at once."""
        count: int = self._port.in_waiting
        return count

    def inWaiting(self) -> int:  # noqa: N802 - mpremote's transport calls it so
        """Return `in_waiting`."""
        return self.in_waiting

    def read(self, size: int = 1, /) -> bytes:
        """Read `size` bytes, or fewer when `timeout` is over."""
        end_s = None if self.timeout is None else time.monotonic() + self.timeout
        data = b""
        while len(data) < size:
            # Without waiting for more than is there, whatever the port's own time-out.
            wanted = max(1, min(self.in_waiting, size - len(data)))
            if end_s is not None and not self.in_waiting and time.monotonic() >= end_s:
                break
            data += self._port.read(wanted)
        if self.is_logging:
            self._log.write(data)
        return data

    def write(self, data: bytes, /) -> int | None:
        """Write everything."""
        written: int | None = self._port.write(data)
        return written

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Assert (True) or release control lines; None leaves one as it is."""
        if dtr is not None:
            self._port.dtr = dtr
        if rts is not None:
            self._port.rts = rts

    def send_break(self, duration_s: float) -> None:
        """Hold the line in break state for so long."""
        self._port.send_break(duration_s)

    def close(self) -> None:
        """Close port and log; idempotent."""
        self._port.close()
        self._log.close()


def _trouble(url: str, error: Exception) -> str:
    number = getattr(error, "errno", None)
    text = str(error)
    if number == errno.EBUSY or any(word in text for word in _BUSY):
        return "is in use by another program; end that one (`hil locks`, `lsof`) or wait for it"
    if number == errno.EACCES or "Permission denied" in text:
        return "may not be opened by this user; add the user to the group `dialout`"
    if isinstance(error, (BrokenPipeError, ConnectionResetError)) or "support RFC2217" in text:
        return "hangs up, or is no server of serial ports (RFC 2217); it may serve another user"
    if "://" in url:
        return f"nobody serves it ({text}); start the server, or correct the address"
    if number == errno.ENOENT or "No such file" in text:
        return "does not exist; plug the board in (`hil probe` shows what is), or correct the name"
    return f"cannot be opened: {text}"
