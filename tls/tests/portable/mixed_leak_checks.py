"""Open, use and close connections of TLS 1.3 and 1.2 in turns, and see what stays on the heap.

As in leak_checks.py, a client and a server of this core talk to each other in one process. The
versions take turns; of each, one connection in so many is a full handshake with certificates, and
the others resume the session of the one before: in TLS 1.3 with the key of a ticket alone, without
a new exchange of keys, as in TLS 1.2.
"""

import gc

from leak_checks import carry, events

from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.codepoints import PSK_KE, TLS_1_2, TLS_1_3
from tlscore.config import ClientConfig
from tlscore.connection import EVENT_CLOSED, EVENT_CONNECTED
from tlscore.entropy import HmacDrbg
from tlscore.tickets import TicketKeys
from tlscore.tls12.client import ClientConnection as ClientConnection12
from tlscore.tls12.config import ClientConfig as ClientConfig12
from tlscore.tls12.server import ServerConnection
from tlscore.tls12.server_config import ServerConfig
from tlscore.trust import TrustAnchors

# So many connections go first, and again last: two full ones and two resumed ones.
_WARM_UP = 4
# A server of both versions takes the newest: what a client offers decides.
_CLIENTS = (
    (TLS_1_3, ClientConnection, ClientConfig, {}),
    (TLS_1_2, ClientConnection12, ClientConfig12, {"versions": (TLS_1_2,)}),
)
_TICKET_BYTES = 300
_TEXT = b"what is said over every connection"


class Mix:
    """Connections in turns, and how many there were of each kind.

    Args:
        full_each: one connection of each version in so many is a full handshake.
        anchors, chain, key, name, utc_seconds: what server and client have for a full handshake.

    Attributes:
        counts: dict of (version, resumed) to connections.
    """

    def __init__(self, full_each, anchors, chain, key, name, utc_seconds):
        self._full_each = full_each
        self._name = name
        self._trust = TrustAnchors(anchors)
        self._clock = clock = FixedClock(utc_seconds)
        self._random = HmacDrbg(b"seed of the client in this check")
        random = HmacDrbg(b"seed of the server in this check")
        tickets = TicketKeys(random, clock)
        self._server = ServerConfig(random, chain, key, tickets=tickets, psk_modes=(PSK_KE,))
        self._sessions = [None, None]
        self.counts = {}

    def run(self, count):
        """Make so many connections, of which the first two are full handshakes."""
        for number in range(count):
            turn = number % 2
            if number // 2 % self._full_each == 0:
                self._sessions[turn] = None
            self._connect(turn)

    def heap_bytes(self):
        """Return what the heap holds once the sessions are gone, None where nobody counts.

        Their numbers are random, and on a board the greater ones are on the heap and others not.
        """
        self._sessions[0] = self._sessions[1] = None
        gc.collect()
        gc.collect()
        return gc.mem_alloc() if hasattr(gc, "mem_alloc") else None

    def _connect(self, turn):
        session = self._sessions[turn]
        version, connection_class, config_class, options = _CLIENTS[turn]
        client = connection_class(
            config_class(
                self._random,
                self._clock,
                self._trust,
                self._name,
                session=session,
                psk_modes=(PSK_KE,),
                ticket_bytes_max=_TICKET_BYTES,
                **options,
            )
        )
        server = ServerConnection(self._server)
        carry(client, server)
        assert events(client) & events(server) & EVENT_CONNECTED
        assert client.version == server.version == version
        assert client.resumed == server.resumed == (session is not None)
        for source, sink in ((client, server), (server, client)):
            source.write(_TEXT)
            source.sent(sink.receive(source.to_send()))
            assert sink.read() == _TEXT
        assert client.export(b"EXPORTER-hil", b"", 32) == server.export(b"EXPORTER-hil", b"", 32)
        self._sessions[turn] = client.take_session()
        assert self._sessions[turn] is not None
        client.close()
        server.close()
        carry(client, server)
        assert events(client) & events(server) & EVENT_CLOSED
        kind = (client.version, client.resumed)
        self.counts[kind] = self.counts.get(kind, 0) + 1


def job(_link, count, *of_mix):
    """Run as a job of the on-board agent.

    Returns:
        Bytes of heap before and after, and [version, resumed, connections] of each kind.
    """
    mix = Mix(*of_mix)
    mix.run(_WARM_UP)
    before = mix.heap_bytes()
    for kind in mix.counts:
        mix.counts[kind] = 0
    mix.run(count)
    counts = [[version, resumed, mix.counts[version, resumed]] for version, resumed in mix.counts]
    mix.run(_WARM_UP)
    return before, mix.heap_bytes(), counts
