"""The board's end of datagrams on a link that carries a stream: each in a frame of its own.

The form of a frame is told in hil/datagram_frames.py, the host's half: whose it is, its length, and
the datagram. Runs on MicroPython and CPython. What it does not do: say what a datagram is about.
"""

CONTROL = 0xFF
CONNECTED = b"connected"
BEGIN = b"begin"

_HEADER_BYTES = 3
# The host sends a frame at once: its rest cannot stay away for long.
_REST_MS = 5000


class BrokenFrame(Exception):
    """The link has ended, or the rest of a frame does not come."""


class DatagramLink:
    """Datagrams over a link.

    Args:
        link: the board's end of the stream (hil_agent.StreamLink).
        exact: take the same steps however late or early octets come, as tls_conversation.py does.

    Attributes:
        address: number of the address that the last datagram came from.
        dropped: datagrams that were too long for the buffer they were to go into.
    """

    def __init__(self, link, exact=False):
        self._link = link
        self._one = bytearray(1) if exact else None
        self._header = memoryview(bytearray(_HEADER_BYTES))
        self.address = 0
        self.dropped = 0

    def send(self, address, datagram):
        """Send a datagram (or CONTROL word) to an address."""
        header, size = self._header, len(datagram)
        header[0] = address
        header[1] = size >> 8
        header[2] = size & 0xFF
        self._write(header)
        self._write(datagram)

    def receive_into(self, buffer, timeout_ms):
        """Wait for a datagram and read it into a buffer.

        Args:
            buffer: memoryview.
            timeout_ms: how long to wait for its beginning.

        Returns:
            its size; None if none has come in time, or one that is too long.
        """
        if not self._link.wait(timeout_ms):
            return None
        self._read(self._header)
        size = self._header[1] << 8 | self._header[2]
        self.address = self._header[0]
        if size <= len(buffer):
            self._read(buffer[:size])
            return size
        self.dropped += 1
        while size:
            piece = buffer[: min(size, len(buffer))]
            self._read(piece)
            size -= len(piece)
        return None

    def _read(self, view):
        done, one = 0, self._one
        while one is not None and done < len(view):  # nothing in here may allocate
            if not self._link.wait(_REST_MS):
                raise BrokenFrame
            count = self._link.readinto(one)
            if count:
                view[done] = one[0]
                done += 1
            elif count == 0:
                raise BrokenFrame
        while done < len(view):
            count = self._link.readinto(view[done:])
            if count == 0 or (count is None and not self._link.wait(_REST_MS)):
                raise BrokenFrame
            done += count or 0

    def _write(self, data):
        view = memoryview(data)
        done, one = 0, self._one
        while one is not None and done < len(view):
            one[0] = view[done]
            done += self._link.write(one)
        while done < len(view):
            count = self._link.write(view[done:])
            if not count:
                self._link.wait(1)  # the link is full: a millisecond later it may not be
            done += count
