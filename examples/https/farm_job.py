"""The example as a job of the test farm: requests over whatever link the farm has to the board.

The farm connects the link to a web server; who runs it on a board of their own with a network
needs nothing of this, see board.py. Bodies are made as they are sent and hashed as they come.
"""

import hashlib

from connect import configuration, over
from https_client import HttpClient

from tlscore.clock import FixedClock
from tlscore.entropy import HmacDrbg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TIMED_OUT = 110  # errno.ETIMEDOUT
_BLOCK_BYTES = 256


def job(link: "Any", options: "dict[str, Any]") -> "dict[str, Any]":
    """Make requests over one connection and return what came of each.

    Args:
        link: the board's end of the link.
        options: `host`, `anchors`, `certificates` and `private_key` (or None), `seed`,
            `utc_seconds`, `timeout_ms`, `versions` (or None), and `requests`: tuples of method,
            path, size and whether a body that is sent comes in chunks.

    Returns:
        `version` and `suite`; `responses`: for each request its status, the size of the body that
        came, its SHA-256, whether the connection can go on, and the milliseconds it took by the
        board's clock.
    """
    entropy, clock = HmacDrbg(options["seed"]), FixedClock(options["utc_seconds"])
    config = configuration(
        options["host"],
        _Credentials(options),
        entropy,
        clock,
        options["private_key"] is not None,
        options["versions"],
    )
    stream = over(_LinkTransport(link, options["timeout_ms"]), config)
    try:
        client = HttpClient(stream, options["host"])
        responses = [_fetch(client, *request) for request in options["requests"]]
    finally:
        stream.close()
    connection = stream.connection
    return {"version": connection.version, "suite": connection.suite, "responses": responses}


class Pattern:
    """A body of a given size in which every place can be told from its neighbours.

    Block n of 256 bytes counts up from n, modulo 256.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0
        self._table = memoryview(bytes(range(_BLOCK_BYTES)) * 2)

    def readinto(self, buffer: "Any") -> int:
        """Fill `buffer` with what comes next; return how much, 0 at the end."""
        done = 0
        wanted = min(len(buffer), self._size - self._position)
        while done < wanted:
            block, place = divmod(self._position, _BLOCK_BYTES)
            start = (block + place) % _BLOCK_BYTES
            count = min(wanted - done, _BLOCK_BYTES - place)
            buffer[done : done + count] = self._table[start : start + count]
            done += count
            self._position += count
        return done


class _Credentials:
    def __init__(self, options: "dict[str, Any]") -> None:
        self.ANCHORS = options["anchors"]
        self.CERTIFICATES = options["certificates"]
        self.PRIVATE_KEY = options["private_key"]


class _LinkTransport:
    """The farm's link, which does not block, as a transport that does."""

    def __init__(self, link: "Any", timeout_ms: int) -> None:
        self._link = link
        self._timeout_ms = timeout_ms

    def readinto(self, buffer: "Any") -> int:
        count: "int | None" = self._link.readinto(buffer)
        while count is None:
            if not self._link.wait(self._timeout_ms):
                raise OSError(_TIMED_OUT)
            count = self._link.readinto(buffer)
        return count

    def write(self, buffer: "Any") -> int:
        count: int = self._link.write(buffer)
        while not count:
            self._link.wait(1)  # the link is full: a millisecond later it may not be
            count = self._link.write(buffer)
        return count

    def close(self) -> None:
        """Leave the link as it is: it is the farm's."""


def _fetch(
    client: "HttpClient", method: str, path: str, size: int, chunked: bool
) -> "tuple[int, int, bytes, bool, int]":
    begin = _milliseconds()
    if method == "GET":
        response = client.get(path)
    else:
        response = client.put(path, Pattern(size), None if chunked else size)
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(512))
    total = 0
    count = response.readinto(buffer)
    while count:
        digest.update(buffer[:count])
        total += count
        count = response.readinto(buffer)
    taken_ms = _milliseconds() - begin
    return response.status, total, digest.digest(), response.keep_alive, taken_ms


def _milliseconds() -> int:
    import time

    # Where an example of a minute is measured nothing wraps around.
    return time.ticks_ms() if hasattr(time, "ticks_ms") else int(time.monotonic() * 1000)
