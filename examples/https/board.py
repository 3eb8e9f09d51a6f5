"""A board with a network: GET and PUT over HTTPS on one connection.

    import board
    from tlscore.clock import SystemClock
    from tlscore.entropy import SystemEntropy
    board.main("files.example", 443, SystemEntropy(), SystemClock())

What it trusts is in `device_credentials.py`, which `hil certs device --name device` makes on a PC;
freeze it into the firmware or copy it to the board's filesystem. A board without `os.urandom` or a
clock that has been set needs others: see tlscore/entropy_board.py and tlscore/clock_floor.py.
"""

import binascii
import hashlib

import device_credentials
from connect import configuration, connect
from https_client import HttpClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Readings:
    """The body of the PUT: something that is made as it is sent."""

    def __init__(self, count: int) -> None:
        self._left = count

    def readinto(self, buffer: "Any") -> int:
        """Put one more line into `buffer`; 0 at the end."""
        if not self._left:
            return 0
        self._left -= 1
        line = b"reading %d\n" % self._left
        buffer[: len(line)] = line
        return len(line)


def main(
    host: str,
    port: int,
    entropy: "Any",
    clock: "Any",
    source: str = "/index.html",
    destination: str = "/upload/readings.txt",
) -> None:
    """Fetch a file, then store some lines, over one connection; print what came of it."""
    config = configuration(host, device_credentials, entropy, clock)
    stream = connect(host, port, config)
    try:
        client = HttpClient(stream, "{}:{}".format(host, port))
        response = client.get(source)
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(512))
        total = 0
        count = response.readinto(buffer)
        while count:
            digest.update(buffer[:count])
            total += count
            count = response.readinto(buffer)
        print("GET", response.status, total, binascii.hexlify(digest.digest()).decode())
        response = client.put(destination, Readings(20))
        response.discard()
        print("PUT", response.status)
    finally:
        stream.close()
