"""Datagrams on a link that carries a stream: each in a frame of its own, the host's half.

A frame is one octet that says whose the datagram is, two of its length (big-endian), and the
datagram. The octet is the number of the other end's address, from 0, or CONTROL for a word between
the host and the job: the board says CONNECTED when its handshake is over, the host says BEGIN when
both are. The board's half is hil/tlsrig/ontarget/datagrams/hil_datagrams.py. Links lose nothing and
are emptied before a job begins, so there is no mark to find the next frame by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hil.errors import LinkError

CONTROL = 0xFF
CONNECTED = b"connected"
BEGIN = b"begin"
DATAGRAM_BYTES_MAX = 16_384

_HEADER_BYTES = 3


class Frame(NamedTuple):
    """A datagram, and the number of the other end's address."""

    address: int
    datagram: bytes

    def encode(self) -> bytes:
        """Return it as it travels."""
        return bytes([self.address]) + len(self.datagram).to_bytes(2, "big") + self.datagram


class Deframer:
    """Cuts a stream into frames; octets of an unfinished one are kept for later."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def push(self, data: bytes) -> Iterator[Frame]:
        """Take `data` and yield every frame it completes, in order.

        Raises:
            LinkError: a length that no datagram has: these are no frames.
        """
        self._pending += data
        while len(self._pending) >= _HEADER_BYTES:
            length = int.from_bytes(self._pending[1:_HEADER_BYTES], "big")
            if length > DATAGRAM_BYTES_MAX:
                raise LinkError(f"a datagram of {length} bytes: the board speaks no frames")
            end = _HEADER_BYTES + length
            if len(self._pending) < end:
                return
            frame = Frame(self._pending[0], bytes(self._pending[_HEADER_BYTES:end]))
            del self._pending[:end]
            yield frame
