"""Finding and opening the serial port of an attached board, and saying what is wrong with it.

A port is what the target or the lab calls it, or else the one of those plugged in that has the
facts of `[identify]`. It is opened for one user only. `LoggedPort` keeps what the board says in the
console's log while the raw REPL is spoken; frames are no text, so `hil.framed_link` writes the log
itself.

A device may go away in the middle of anything, and come back under another name of the kernel's.
Who has it open learns of it as a SerialException, whatever call it was. Closing such a port waits
for its return, for a few seconds and once for each loss: so the next user finds the board again,
and nobody waits for one that stays away.
"""

from __future__ import annotations

import errno
import os
import re
import termios
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import serial
from serial import rfc2217

from hil import urlhandler
from hil.errors import BoardUnwell, BootError, InfraError
from hil.plugged import DEVICES_VARIABLE, Plugged, devices_folder, fits, looked_for, plugged_in

assert urlhandler  # imported for `unix://`

_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)")
# How a port says that somebody has it: pyserial's lock, a server of ports, the kernel.
_BUSY = ("exclusively lock", "in use", "busy")
_OPENING = threading.Lock()
_WRITE_TIMEOUT_S = 10.0
# How long pyserial waits before this module looks at the time.
_LOOK_S = 0.05
# USB devices that are reset or get their power back are there again within two or three seconds.
_RETURN_S = 8.0
_LOOK_FOR_RETURN_S = 0.1


def port_of(arguments: Mapping[str, object], identify: Mapping[str, object]) -> str:
    """Return the port of a board: what it is called, or the one that is found by what it is.

    Args:
        arguments: of the target's boot driver.
        identify: what the target, or the lab, says of its USB device.

    Raises:
        BootError: there is no such port; says what was looked for, and what is plugged in.
    """
    named = arguments.get("port")
    if not isinstance(named, str):
        return find(identify)
    url = resolved(named)
    # A serial number that another board has too would lead to that one; a place does not.
    if "://" not in url and not os.path.exists(url) and "usb_path" in identify:
        with suppress(BootError):
            return find(identify)  # it came back under another name
    return url


def find(identify: Mapping[str, object], entries: Sequence[Plugged] | None = None) -> str:
    """Return the most lasting name of the one port that is plugged in and has these USB facts.

    Args:
        identify: facts as in `[identify]` of a target file; others than those of USB mean nothing.
        entries: what is plugged in; that of this machine when None.

    Raises:
        BoardUnwell: none has them.
        BootError: several have, or there are no facts.
    """
    wanted = looked_for(identify)
    if not wanted:
        raise BootError(
            "no port: neither a name for it (boot.port, `port` in lab.toml) nor what USB device it "
            "is (usb_serial, usb_path, ...); `hil probe` shows what is plugged in"
        )
    there = plugged_in() if entries is None else entries
    found = [entry for entry in there if fits(entry, identify)]
    if len(found) == 1:
        (entry,) = found
        return entry.by_path or entry.port if "usb_path" in identify else entry.port
    listing = "; ".join(map(str, found or there)) or "nothing"
    if not found:
        elsewhere = devices_folder()
        where = f" ({DEVICES_VARIABLE}={elsewhere})" if os.environ.get(DEVICES_VARIABLE) else ""
        raise BoardUnwell(
            f"no port: looked for {wanted}; plugged in{where}: {listing}. Plug the board in, or "
            "correct [identify] or the lab (`hil probe` shows what is there)"
        )
    raise BootError(
        f"no port: looked for {wanted}, and {len(found)} are that: {listing}. Say which: usb_path "
        "(what follows `at`), or usb_serial where that differs, in lab.toml"
    )


def await_return(url: str, timeout_s: float | None = None) -> bool:
    """Wait until a device is there that has gone away; False when it is not, in time.

    Args:
        url: as the port was opened; of one that is no device nothing can be known, so no waiting.
        timeout_s: a few seconds when None.
    """
    if "://" in url:
        return False
    deadline = time.monotonic() + (_RETURN_S if timeout_s is None else timeout_s)
    while not os.path.exists(url):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_FOR_RETURN_S)
    return True


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
        BoardUnwell: a device is absent.
        InfraError: nobody serves the port, it is in use, or forbidden.
        BootError: it is wrong.
    """
    settings: dict[str, Any] = {"baudrate": baud, "timeout": _LOOK_S, "exclusive": True}
    try:
        return _opened(url, settings)
    except ValueError as error:
        raise BootError(f"port {url}: {error}; a port is a device or a URL of pyserial") from error
    except (serial.SerialException, OSError) as error:
        # A device that has gone may be the board's doing; what serves or guards a port is not.
        kind = BoardUnwell if _is_absent(url, error) else InfraError
        raise kind(f"port {url}: {_trouble(url, error)}") from error


def _opened(url: str, settings: dict[str, Any]) -> Any:
    if not url.startswith("rfc2217://"):
        return serial.serial_for_url(url, write_timeout=_WRITE_TIMEOUT_S, **settings)
    port = _RemotePort(None, **settings)  # these know no time-out for writing
    port.port = url
    port.open()
    return port


class _RemotePort(rfc2217.Serial):
    """pyserial's port, which leaves its socket open if the server has hung up before."""

    def open(self) -> None:
        """Open port and socket.

        pyserial 3.5 starts its thread in a way that Python has deprecated. Filters of warnings are
        the process's: one thread at a time changes them, or each would put back what the other set.
        """
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            super().open()

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
        has_lines: it has control lines to set; a pseudo-terminal has none.
    """

    def __init__(self, port: Any, log: Path) -> None:
        """Take over an open port; the log is appended to."""
        self._port = port
        self._log = log.open("ab", buffering=0)
        self.timeout: float | None = _LOOK_S
        self.write_timeout: float | None = None
        self.is_logging = True
        self.has_lines = _has_lines(port)
        self._is_gone = False

    @property
    def in_waiting(self) -> int:
        """Number of bytes that can be read at once."""
        with self._noticing():
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
            with self._noticing():
                data += self._port.read(wanted)
        if self.is_logging:
            self._log.write(data)
        return data

    def write(self, data: bytes, /) -> int | None:
        """Write everything."""
        with self._noticing():
            written: int | None = self._port.write(data)
        return written

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Assert (True) or release control lines; None leaves one as it is."""
        with self._noticing():
            if dtr is not None:
                self._port.dtr = dtr
            if rts is not None:
                self._port.rts = rts

    def send_break(self, duration_s: float) -> None:
        """Hold the line in break state for so long."""
        with self._noticing():
            self._port.send_break(duration_s)

    def close(self) -> None:
        """Close port and log; idempotent. If the device has gone away, wait for its return."""
        self._port.close()
        self._log.close()
        if self._is_gone:
            self._is_gone = False
            await_return(str(self._port.port))

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Make one error of the many that a device gives when it has gone away."""
        try:
            yield
        except serial.SerialTimeoutException:
            raise
        except (OSError, termios.error) as error:  # SerialException is an OSError
            self._is_gone = True
            raise serial.SerialException(f"the port is gone: {error}") from error


def _has_lines(port: Any) -> bool:
    """Whether a port has control lines: asking for the state of one tells."""
    if not isinstance(port, serial.Serial):
        return True  # a server of ports is asked for them, and ignores what it has not
    try:
        port.cts  # noqa: B018
    except OSError:
        return False
    return True


def _is_absent(url: str, error: Exception) -> bool:
    number = getattr(error, "errno", None)
    return "://" not in url and (number == errno.ENOENT or "No such file" in str(error))


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
    if _is_absent(url, error):
        return "does not exist; plug the board in (`hil probe` shows what is), or correct the name"
    return f"cannot be opened: {text}"
