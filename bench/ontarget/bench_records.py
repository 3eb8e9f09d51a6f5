"""Job of `python -m bench` on a board: records through a connection, counted.

The host sends this file, and what a server says to this very client, which all follows from the
client's seed: so no server is needed on the board. Everything between the application's bytes and
the record's is counted: `write` and `to_send` one way, `receive` and `read_into` the other, each
record handed on whole. Getting the bytes from the link is not.
"""

import gc
import hashlib

from hil_marks import Marks

from tlscore.client import ClientConnection
from tlscore.config import ClientConfig
from tlscore.entropy import HmacDrbg

_PSK_KE = 0
_RECORD_OVERHEAD_BYTES = 22
_TIMEOUT_MS = 20_000
# Records that go first: what is loaded or grows once is there then.
_WARM_UP = 2


def connect(seed, identity, key, suite, size):
    """Return the client, on the board and on the host that works out what it will say."""
    return ClientConnection(
        ClientConfig(
            HmacDrbg(seed),
            None,
            None,
            None,
            psks=((identity, key, 32),),
            psk_modes=(_PSK_KE,),
            suites=(suite,),
            record_buffer_bytes=size + _RECORD_OVERHEAD_BYTES,
            send_buffer_bytes=size + 128,
        )
    )


def take(connection, digest):
    """Add all that a connection has to send to a digest, and count it as sent."""
    out = connection.to_send()
    digest.update(out)
    connection.sent(len(out))


def job(link, clock, told, flight_bytes, record_bytes, count):
    """Count `count` records of application data each way.

    Args:
        link: brings the server's flight, then `count` records and some to begin with.
        clock: as `hil_marks.Marks` takes it.
        told: the arguments of `connect`.
        flight_bytes: of the server, in the handshake.
        record_bytes: of each record that follows.
        count: how many records to count.

    Returns:
        tuple: `hil_marks` reports of sealing and of opening, and the SHA-256 of all that was sent.
    """
    size = told[-1]
    arrived = memoryview(bytearray(max(flight_bytes, record_bytes)))
    payload = bytearray(size)
    for i in range(size):
        payload[i] = i & 0xFF
    room = bytearray(size)
    one = bytearray(1)
    connection = connect(*told)
    digest = hashlib.sha256()
    take(connection, digest)
    connection.receive(_read(link, one, arrived[:flight_bytes]))
    take(connection, digest)
    record = arrived[:record_bytes]
    sealing = Marks(1, clock)
    opening = Marks(1, clock)
    for number in range(-_WARM_UP, count):
        if number == 0:
            sealing, opening = Marks(1, clock), Marks(1, clock)
            gc.collect()
        sealing.enter()
        taken = connection.write(payload)
        out = connection.to_send()
        sealing.leave()
        if taken != size or len(out) != record_bytes:
            raise ValueError("a write is no record")
        digest.update(out)
        sealing.enter()
        connection.sent(record_bytes)
        sealing.leave()
        _read(link, one, record)
        opening.enter()
        connection.receive(record)
        taken = connection.read_into(room)
        opening.leave()
        if taken != size or room != payload:
            raise ValueError("a record is not what was said")
    return sealing.report(), opening.report(), digest.digest()


def _read(link, one, into):
    """Fill `into` from the link, a byte at a time, and return it.

    However long the board waits, the steps are the same and nothing is allocated: so the figures
    are the same each time (docs/measurements.md).
    """
    filled = 0
    while filled < len(into):
        if not link.wait(_TIMEOUT_MS):
            raise ValueError("link.silent")
        if link.readinto(one):
            into[filled] = one[0]
            filled += 1
    return into
