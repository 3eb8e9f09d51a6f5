"""Open, use and close connections, and see what stays: on CPython and on boards.

A client and a server of this core talk to each other in one process, so both roles are measured
at once. A few connections go first: modules are loaded when they are first used and stay. What
the heap holds after them it must hold after any number of connections.
"""

import gc

from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.codepoints import PSK_KE
from tlscore.config import ClientConfig
from tlscore.connection import EVENT_CLOSED, EVENT_CONNECTED, EVENT_TICKET
from tlscore.entropy import HmacDrbg
from tlscore.errors import TlsError
from tlscore.server import ServerConnection
from tlscore.server_config import ServerConfig
from tlscore.tickets import TicketKeys
from tlscore.trust import TrustAnchors

_WARM_UP = 3
_TEXT = b"what is said over every connection"


def configurations(anchors, chain, key, name, utc_seconds):
    """Return the configurations of a server with certificates and a client that trusts them."""
    trust, clock = TrustAnchors(anchors), FixedClock(utc_seconds)
    client = ClientConfig(HmacDrbg(b"seed of the client in this check"), clock, trust, name)
    server = ServerConfig(HmacDrbg(b"seed of the server in this check"), chain, key)
    return client, server


def key_configurations():
    """Return the configurations of a client and a server that share a key and exchange none."""
    identity, key = b"device 1", bytes(range(32))
    shared = {identity: (key, 32)}
    client = ClientConfig(
        HmacDrbg(b"seed of the client in this check"),
        None,
        None,
        None,
        psks=((identity, key, 32),),
        psk_modes=(PSK_KE,),
    )
    server = ServerConfig(
        HmacDrbg(b"seed of the server in this check"), psk=shared.get, psk_modes=(PSK_KE,)
    )
    return client, server


def carry(client, server):
    """Carry bytes both ways until neither has any."""
    while len(client.to_send()) or len(server.to_send()):
        for source, sink in ((client, server), (server, client)):
            pending = source.to_send()
            size = len(pending)
            if size:
                assert sink.receive(pending) == size
                source.sent(size)


def events(connection):
    """Return the events of a connection, or-ed, and take them."""
    found = 0
    event = connection.next_event()
    while event is not None:
        found |= event[0]
        event = connection.next_event()
    return found


def converse(client_config, server_config):
    """Open a connection, say something both ways, change keys, and close it."""
    client = ClientConnection(client_config)
    server = ServerConnection(server_config)
    carry(client, server)
    assert events(client) & events(server) & EVENT_CONNECTED
    for source, sink in ((client, server), (server, client)):
        source.write(_TEXT)
        source.update_keys(True)
        carry_one(source, sink)
        assert sink.read() == _TEXT
        carry(client, server)
    assert client.export(b"EXPORTER-hil", b"", 32) == server.export(b"EXPORTER-hil", b"", 32)
    client.close()
    server.close()
    carry(client, server)
    assert events(client) & events(server) & EVENT_CLOSED
    assert client.wants == server.wants == 0


def carry_one(source, sink):
    """Carry as much as the sink takes; what it has to read stops it."""
    taken = sink.receive(source.to_send())
    source.sent(taken)


def resume(client_config, server_config):
    """Open a connection with the session of the one before it, get a ticket, and close it."""
    client = ClientConnection(client_config)
    server = ServerConnection(server_config)
    carry(client, server)
    assert client.resumed == server.resumed == (client_config.session is not None)
    assert events(client) & EVENT_TICKET
    client_config.session = client.take_session()
    client.close()
    server.close()
    carry(client, server)
    assert client.wants == server.wants == 0


def refuse(client_config, server_config):
    """Open a connection that fails in the middle of the server's flight."""
    client = ClientConnection(client_config)
    server = ServerConnection(server_config)
    hello = bytes(client.to_send())
    client.sent(len(hello))
    server.receive(hello)
    flight = bytearray(server.to_send())
    server.sent(len(flight))
    flight[-1] ^= 1
    reason = None
    try:
        client.receive(flight)
    except TlsError as error:
        reason = error.reason
    assert reason == "record.bad_record_mac"
    client.sent(len(client.to_send()))
    server.close()
    server.sent(len(server.to_send()))


def heap_bytes(client_config):
    """Return what the heap holds after a collection, or None where nobody counts (CPython).

    A session that waits for its connection goes first: its numbers are random, and on a board the
    greater ones are on the heap and the others not.
    """
    client_config.session = None
    gc.collect()
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else None


def run(conversation, configs, count):
    """Hold a conversation `count` times after a few that do not count.

    Returns:
        Bytes of heap before and after.
    """
    before = _settled(conversation, configs)
    for _ in range(count):
        conversation(*configs)
    return before, _settled(conversation, configs)


def _settled(conversation, configs):
    """Return what the heap holds after a few connections: the same few before and after."""
    configs[0].session = None
    for _ in range(_WARM_UP):
        conversation(*configs)
    return heap_bytes(configs[0])


def prepare(conversation, *identity):
    """Return what `run` needs for a conversation: its function and its two configurations.

    Args:
        conversation: "keys" (pre-shared), "converse" (certificates), "resume" (tickets), "refuse".
        identity: as for `configurations`.
    """
    if conversation == "keys":
        return converse, key_configurations()
    client, server = configurations(*identity)
    if conversation == "resume":
        client.ticket_bytes_max = 300
        server.tickets = TicketKeys(server.entropy, client.clock)
        return resume, (client, server)
    return {"converse": converse, "refuse": refuse}[conversation], (client, server)


def job(_link, count, conversation, *identity):
    """Run as a job of the on-board agent; return bytes of heap before and after."""
    return run(*prepare(conversation, *identity), count)
