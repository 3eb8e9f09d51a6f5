"""What sending and receiving leaves on the heap once it has begun, on boards: nothing.

A client and a server of this core talk to each other in one process. No garbage is collected
between the readings of `gc.mem_alloc`, so that whatever was allocated counts, given up or not.
"""

import gc

import leak_checks

from tlscore.client import ClientConnection
from tlscore.server import ServerConnection

_BUFFER_BYTES = 1200
_PIECE_BYTES = 512


def connect(suite):
    """Return a client and a server that are connected with a suite, by a shared key."""
    client_config, server_config = leak_checks.key_configurations()
    for config in (client_config, server_config):
        config.suites = (suite,)
        config.record_buffer_bytes = config.send_buffer_bytes = _BUFFER_BYTES
    client, server = ClientConnection(client_config), ServerConnection(server_config)
    leak_checks.carry(client, server)
    return client, server


class Carrier:
    """Moves records from a source to a sink; its own buffers and views are made before."""

    def __init__(self, source, sink, size, record_bytes):
        self._source = source
        self._sink = sink
        self._text = bytes([i & 0xFF for i in range(size)])
        self._heard = bytearray(size)
        wire = bytearray(record_bytes)
        self._wire = memoryview(wire)
        self._pieces = [
            self._wire[at : at + _PIECE_BYTES] for at in range(0, record_bytes, _PIECE_BYTES)
        ]

    def carry(self, rounds):
        """Send and receive a record so many times."""
        source, sink = self._source, self._sink  # of more than three a tuple would be made
        text, heard = self._text, self._heard
        size = len(text)
        for _ in range(rounds):
            assert source.write(text) == size
            wire, pending = self._wire, source.to_send()
            for at in range(len(pending)):
                wire[at] = pending[at]
            source.sent(len(wire))
            for piece in self._pieces:
                sink.receive(piece)
            assert sink.read_into(heard) == size
            assert heard == text


def job(_link, suite, size, rounds):
    """Run as a job of the on-board agent.

    Returns:
        Bytes of heap that so many records each way took.
    """
    client, server = connect(suite)
    record_bytes = size + 5 + 1 + 16
    there = Carrier(client, server, size, record_bytes)
    back = Carrier(server, client, size, record_bytes)
    there.carry(2)
    back.carry(2)
    gc.collect()
    before = gc.mem_alloc()
    there.carry(rounds)
    back.carry(rounds)
    return gc.mem_alloc() - before
