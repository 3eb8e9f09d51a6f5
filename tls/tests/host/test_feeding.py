"""How the bytes of the peer are cut makes no difference."""

import pytest
from server_messages import (
    ALERT,
    APPLICATION_DATA,
    HANDSHAKE,
    NewSessionTicket,
    key_update,
    plain_record,
)

from tlscore.connection import EVENT_CLOSED

CLOSE_NOTIFY = b"\x01\x00"


class Recorded:
    """The server's bytes of one connection, to be given to another client with the same seed."""

    def __init__(self, pair, **server):
        both = pair(**server)
        self.parts = []
        both.client_speaks()
        if both.server.retry_group is not None:
            self._tell(both, plain_record(HANDSHAKE, both.server.hello_retry_request()))
            both.client_speaks()
        self._tell(both, plain_record(HANDSHAKE, both.server.server_hello()))
        flight = b"".join(both.server.flight())
        third = len(flight) // 3
        for piece in (flight[:third], flight[third : 2 * third], flight[2 * third :]):
            self._tell(both, both.server.send_key.protect(HANDSHAKE, piece))
        both.client_speaks()
        both.server.use_application_keys()
        key = both.server.send_key
        self._tell(both, key.protect(HANDSHAKE, NewSessionTicket().encode()))
        self._tell(both, key.protect(APPLICATION_DATA, b"some data", 10))
        both.client.read()
        self._tell(both, key.protect(HANDSHAKE, key_update(1)))
        key = key.update()
        self._tell(both, key.protect(APPLICATION_DATA, b"more data"))
        both.client.read()
        self._tell(both, key.protect(ALERT, CLOSE_NOTIFY))

    def _tell(self, both, data):
        both.tell(data)
        self.parts.append(data)


def play(both, data, step):
    """Feed `data` in steps; return everything that can be seen from outside."""
    sent, read, happened = b"", b"", []
    position = 0
    while position < len(data):
        position += both.client.receive(data[position : position + step])
        pending = bytes(both.client.to_send())
        sent += pending
        both.client.sent(len(pending))
        read += both.client.read()
        happened += both.events()
    return sent, read, happened


@pytest.mark.parametrize("server", [{}, {"retry_group": 0x0017}, {"request_certificate": True}])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_feeding_in_pieces_equals_feeding_whole(pair, server, step):
    recorded = Recorded(pair, **server)
    whole = play(pair(), b"".join(recorded.parts), 1 << 20)
    assert whole[1] == b"some datamore data"
    assert whole[2][-1] == EVENT_CLOSED
    pieces = play(pair(), b"".join(recorded.parts), step)
    assert pieces[:2] == whole[:2]
    assert set(pieces[2]) == set(whole[2])
