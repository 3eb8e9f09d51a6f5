"""A blocking stream over a tlscore connection: bytes in, bytes out, close_notify at the end.

`TlsStream` moves the bytes between a transport and a connection. A transport is any object with

    readinto(buffer) -> int    wait for at least one byte; 0 when the other end is gone
    write(buffer) -> int       wait until at least one byte is taken
    close()

that raises OSError(ETIMEDOUT) when nothing moves for too long; `SocketTransport` is one over a TCP
socket. Runs on CPython and on MicroPython. Memory: one buffer of 512 bytes beside the connection's.

Not here: who is trusted and which versions and suites are offered; that is the connection's
configuration (tlscore.config.ClientConfig).
"""

from tlscore.connection import READ, SEND, WRITE
from tlscore.errors import TlsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PIECE_BYTES = 512
_TIMED_OUT = 110  # errno.ETIMEDOUT; boards have few names of it


class TlsStream:
    """One TLS connection as a stream.

    Args:
        transport: what carries the bytes; `close` closes it.
        connection: a tlscore ClientConnection or ServerConnection that has not begun yet.

    Raises:
        TlsError: out of every method; `reason` says why, and the peer has been told by an alert.
        OSError: the transport failed or was silent for too long.
    """

    def __init__(self, transport: "Any", connection: "Any") -> None:
        self.connection = connection
        self._transport = transport
        self._buffer = memoryview(bytearray(_PIECE_BYTES))
        self._start = 0
        self._end = 0

    def handshake(self) -> None:
        """Shake hands; afterwards the peer is who it should be."""
        while not self.connection.wants & WRITE:
            self._step()
        self._send()

    def readinto(self, buffer: "Any") -> int:
        """Wait for application data and return how many bytes came into `buffer`.

        Returns 0 only when the peer has said close_notify: a connection that merely ended may have
        been cut by an attacker and raises TlsError `connection.truncated` (RFC 8446 §6.1).
        """
        while not self.connection.wants & READ:
            if self.connection.peer_closed:
                return 0
            self._step()
        count: int = self.connection.read_into(buffer)
        return count

    def write(self, data: "Any") -> None:
        """Send all of `data`."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.connection.write(rest) :]
            self._send()

    def close(self) -> None:
        """Say close_notify if that is still possible, and close the transport."""
        try:
            self.connection.close()
            self._send()
        except (OSError, TlsError):
            pass  # it has failed before, or the peer is gone: nobody is left to be told
        finally:
            self._transport.close()

    def _step(self) -> None:
        """Send what waits, then hand on what has come."""
        self._send()
        if self._start == self._end:
            self._start = 0
            self._end = self._transport.readinto(self._buffer)
            if not self._end:
                self.connection.receive_eof()
                return
        try:
            self._start += self.connection.receive(self._buffer[self._start : self._end])
        except TlsError:
            self._send()  # the alert
            raise

    def _send(self) -> None:
        while self.connection.wants & SEND:
            self.connection.sent(self._transport.write(self.connection.to_send()))


class SocketTransport:
    """A TCP connection as a transport.

    Args:
        host: name or address.
        port: TCP port.
        timeout_ms: the longest silence in either direction.
    """

    def __init__(self, host: str, port: int, timeout_ms: int = 30_000) -> None:
        import select
        import socket

        where = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
        self._timeout_ms = timeout_ms
        self._readable = select.POLLIN
        self._writable = select.POLLOUT
        self._socket = socket.socket(where[0], where[1], where[2])
        try:
            self._socket.settimeout(timeout_ms // 1000 or 1)  # many boards have no fractions
            self._socket.connect(where[-1])
            self._socket.setblocking(False)
        except OSError:
            self._socket.close()
            raise
        # Both Pythons have readinto and write here; without blocking they return None for "later".
        # (A blocking MicroPython socket would wait until the whole buffer is full.)
        self._file = self._socket.makefile("rwb", 0)
        self._poller = select.poll()
        self._poller.register(self._socket, self._readable)

    def readinto(self, buffer: "Any") -> int:
        """Wait for bytes; 0 when the other end has closed."""
        count = self._file.readinto(buffer)
        while count is None:
            self._wait(self._readable)
            count = self._file.readinto(buffer)
        return count

    def write(self, buffer: "Any") -> int:
        """Wait until some bytes are taken, and return how many."""
        count = self._file.write(buffer)
        while not count:
            self._wait(self._writable)
            count = self._file.write(buffer)
        return count

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def _wait(self, event: int) -> None:
        self._poller.modify(self._socket, event)
        if not self._poller.poll(self._timeout_ms):
            raise OSError(_TIMED_OUT)
