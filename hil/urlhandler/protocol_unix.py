"""`unix://` serial ports: a UNIX stream socket behind pyserial's interface.

    unix:///tmp/board/uart0     connects to a listening socket
    unix://fd/7                 takes over descriptor 7, a connected socket of this process

The second form needs no name in the file system, so nothing can be left there and no path can be
too long for a socket. Baud rate, parity and modem lines do not exist here: setting them does
nothing.
"""

from __future__ import annotations

import array
import fcntl
import select
import socket
import termios
import time
from typing import Any
from urllib.parse import urlsplit

from serial.serialutil import (
    PortNotOpenError,
    SerialBase,
    SerialException,
    SerialTimeoutException,
)

# sun_path in unix(7), with its terminating zero.
_PATH_MAX_BYTES = 107


class Serial(SerialBase):
    """A pyserial port over a UNIX socket."""

    _socket: socket.socket | None = None

    def open(self) -> None:
        """Connect, or take over the descriptor the URL names.

        Raises:
            SerialException: the URL is wrong or nobody listens there.
        """
        if self.is_open:
            raise SerialException(f"{self.portstr} is open already")
        self._socket = _connected(str(self.portstr))
        self._socket.setblocking(False)
        self.is_open = True

    def close(self) -> None:
        """Close the socket; idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.is_open = False

    def fileno(self) -> int:
        """Return the descriptor, to wait on."""
        return self._open_socket().fileno()

    @property
    def in_waiting(self) -> int:
        """Number of bytes that can be read at once; 1 when only the end can."""
        connected = self._open_socket()
        waiting = array.array("i", [0])
        fcntl.ioctl(connected, termios.FIONREAD, waiting)
        return waiting[0] or int(_ready(connected, select.POLLIN, 0))

    def read(self, size: int = 1) -> bytes:
        """Read `size` bytes, or what has come when the port's `timeout` is over.

        Raises:
            SerialException: the other end has closed.
        """
        connected = self._open_socket()
        received = bytearray()
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        while len(received) < size and _ready(connected, select.POLLIN, deadline):
            try:
                piece = connected.recv(size - len(received))
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise SerialException(f"{self.portstr}: the other end has closed")
            received += piece
        return bytes(received)

    def write(self, data: Any) -> int:
        """Write everything and return its length.

        Raises:
            SerialTimeoutException: not all of it was taken within `write_timeout`.
            SerialException: the other end has closed.
        """
        connected = self._open_socket()
        view = memoryview(data).cast("B")
        deadline = None if self.write_timeout is None else time.monotonic() + self.write_timeout
        while view:
            if not _ready(connected, select.POLLOUT, deadline):
                raise SerialTimeoutException(f"{self.portstr}: {len(view)} bytes were not taken")
            try:
                view = view[connected.send(view) :]
            except (BrokenPipeError, ConnectionResetError):
                raise SerialException(f"{self.portstr}: the other end has closed") from None
        return memoryview(data).nbytes

    def reset_input_buffer(self) -> None:
        """Throw away what has come and was not read."""
        while waiting := self.in_waiting:
            self.read(waiting)

    def reset_output_buffer(self) -> None:
        """Do nothing: what was written has left."""

    def _reconfigure_port(self) -> None:
        """Do nothing: a socket has no baud rate."""

    def _update_dtr_state(self) -> None:
        """Do nothing: a socket has no modem lines."""

    def _update_rts_state(self) -> None:
        """Do nothing: a socket has no modem lines."""

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise PortNotOpenError()
        return self._socket


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.netloc == "fd" and parts.path[1:].isdigit():
        return socket.socket(fileno=int(parts.path[1:]))
    if parts.netloc or not parts.path:
        raise SerialException(f"{url}: must be unix:///PATH or unix://fd/NUMBER")
    if len(parts.path.encode()) > _PATH_MAX_BYTES:
        raise SerialException(f"{url}: a socket's path has at most {_PATH_MAX_BYTES} bytes")
    connecting = socket.socket(socket.AF_UNIX)
    try:
        connecting.connect(parts.path)
    except OSError as error:
        connecting.close()
        raise SerialException(f"{url}: {error.strerror}") from error
    return connecting


def _ready(connected: socket.socket, event: int, deadline: float | None) -> bool:
    poller = select.poll()
    poller.register(connected, event)
    if deadline is None:
        return bool(poller.poll())
    return bool(poller.poll(max(0.0, deadline - time.monotonic()) * 1000))
