"""TCP and UDP sockets as transports: those that the caller made, of either Python.

Nothing here waits but `wait` and `wait_to_send`. A socket is told not to block when it is given.
"""

import select

from tlscore.compat import const

_EAGAIN = const(11)
_EWOULDBLOCK_ELSEWHERE = const(35)  # macOS and the BSDs
_ECONNREFUSED = const(111)
_LATER = (_EAGAIN, _EWOULDBLOCK_ELSEWHERE)


class _Waiting:
    """What can be waited for."""

    def __init__(self, socket):
        self._socket = socket
        socket.setblocking(False)
        self._poller = select.poll()
        self._poller.register(socket, select.POLLIN)

    def wait(self, timeout_ms) -> bool:
        """Wait until there is something to read; -1 for ever; tell whether it came in time."""
        return self._wait(select.POLLIN, timeout_ms)

    def _wait(self, event, timeout_ms):
        self._poller.modify(self._socket, event)
        return len(self._poller.poll(-1 if timeout_ms is None else timeout_ms)) > 0

    def close(self):
        """Close the socket."""
        self._poller.unregister(self._socket)
        self._socket.close()


class StreamTransport(_Waiting):
    """A connected TCP socket."""

    def __init__(self, socket):
        _Waiting.__init__(self, socket)
        # Both Pythons have readinto and write there, and None for "later".
        self._file = socket.makefile("rwb", 0)

    def readinto(self, buffer):
        """Return how many bytes came, None if there are none yet, 0 at the end."""
        return self._file.readinto(buffer)

    def write(self, buffer):
        """Return how many bytes were taken, None or 0 if there is no room now."""
        return self._file.write(buffer)

    def wait_to_send(self, timeout_ms) -> bool:
        """Wait until `write` may take something."""
        return self._wait(select.POLLOUT, timeout_ms)

    def close(self):
        """Close the connection."""
        self._file.close()
        _Waiting.close(self)


class Acceptor(_Waiting):
    """A listening TCP socket."""

    def accept(self):
        """Return the transport of a new connection, or None if there is none yet."""
        try:
            return StreamTransport(self._socket.accept()[0])
        except OSError as error:
            if error.args[0] not in _LATER:
                raise
            return None


class DatagramTransport(_Waiting):
    """A UDP socket; peers are addresses as it has them."""

    def recvfrom_into(self, buffer):
        """Put a datagram into a buffer; return (its size, its peer), None if there is none yet."""
        try:
            if hasattr(self._socket, "recvfrom_into"):
                return self._socket.recvfrom_into(buffer)
            data, peer = self._socket.recvfrom(len(buffer))
        except OSError as error:
            # That nobody listened when we sent is no more than a datagram lost.
            if error.args[0] not in _LATER and error.args[0] != _ECONNREFUSED:
                raise
            return None
        buffer[: len(data)] = data
        return len(data), peer

    def sendto(self, buffer, peer):
        """Send a datagram; one that cannot be sent now is lost."""
        try:
            self._socket.sendto(buffer, peer)
        except OSError as error:
            if error.args[0] not in _LATER and error.args[0] != _ECONNREFUSED:
                raise
