"""Sessions of DTLS 1.2 by pre-shared keys, on CPython and boards.

What each takes while it is idle, and that sessions without end leave nothing behind. Clients and a
listener of this core talk to each other in one process, datagram by datagram. One session goes
first: modules are loaded when they are first used and stay.
"""

import gc

from tlscore.dtls.client import ClientConnection
from tlscore.dtls.config import ClientConfig
from tlscore.dtls.listener import Listener
from tlscore.dtls.server_config import ServerConfig
from tlscore.dtls.timers import Ticks
from tlscore.entropy import HmacDrbg

_KEY = bytes(range(16))
_NAME = b"device"
_SUITES = (0xC0A8,)  # TLS_PSK_WITH_AES_128_CCM_8
# As small as they can be with a cookie of 32 bytes and datagrams of 300.
_SMALL = {
    "datagram_bytes": 300,
    "handshake_buffer_bytes": 256,
    "held_bytes": 128,
    "record_buffer_bytes": 300,
    "send_buffer_bytes": 400,
}


def used():
    """Return what the heap holds after a collection; 0 where nobody counts (CPython)."""
    gc.collect()
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0


class Desk:
    """A listener, its clients, and the one buffer between them.

    Args:
        slots: of the listener.
        has_ids: sessions have connection ids, so that clients can move (RFC 9146).
    """

    def __init__(self, slots, has_ids=False):
        self.now_ms = Ticks()
        self.buffer = bytearray(300)
        entropy = HmacDrbg(b"seed of the server in this check")
        keys = {_NAME: (_KEY, 32)}
        config = ServerConfig(
            entropy,
            psk=keys.get,
            suites=_SUITES,
            now_ms=self.now_ms,
            cookie_key=bytes(32),
            connection_id=b"id" if has_ids else None,
            **_SMALL,
        )
        self.listener = Listener(config, slots)
        self.client_config = ClientConfig(
            HmacDrbg(b"seed of the client in this check"),
            None,
            None,
            None,
            psks=((_NAME, _KEY, 32),),
            psk_modes=(0,),
            suites=_SUITES,
            now_ms=self.now_ms,
            connection_id=b"" if has_ids else None,
            **_SMALL,
        )

    def carry(self, client, peer):
        """Carry datagrams both ways until there is none."""
        buffer, listener, quiet = self.buffer, self.listener, False
        while not quiet:
            quiet = True
            size = client.datagram_into(buffer)
            while size:
                quiet = False
                listener.receive(peer, buffer, size)
                size = client.datagram_into(buffer)
            size, to = listener.datagram_into(buffer)
            while size:
                if to == peer:
                    quiet = False
                    client.receive_datagram(buffer, size)
                size, to = listener.datagram_into(buffer)

    def begin(self, peer):
        """Have a client go so far that it takes a slot, and be gone."""
        client, buffer, listener = ClientConnection(self.client_config), self.buffer, self.listener
        listener.receive(peer, buffer, client.datagram_into(buffer))
        client.receive_datagram(buffer, listener.datagram_into(buffer)[0])  # asks for a cookie
        listener.receive(peer, buffer, client.datagram_into(buffer))

    def open(self, peer):
        """Return the idle end of a client that has connected."""
        client = ClientConnection(self.client_config)
        self.carry(client, peer)
        return client.hand_over()

    def say(self, client, peer, said):
        """Send data from a client and back again; tell whether it came whole."""
        buffer = self.buffer
        session = self.listener.receive(peer, buffer, client.write_into(said, buffer))
        heard = bytes(session.connection.read())
        assert session.connection.read() is None
        client.receive_datagram(buffer, session.connection.write_into(heard, buffer))
        answer = bytes(client.read())
        return heard == answer == said and client.read() is None

    def close(self, client, peer):
        """Close a session from its client's side."""
        client.close()
        self.carry(client, peer)


def idle(slots):
    """Open so many sessions at once, use them, let them rest, and close them.

    Returns:
        bytes of heap of both ends of the session that was opened last, of all ends together once
        they have been used, and what is left when they are closed.
    """
    desk = Desk(slots)
    peers = [bytes((10, 0, 0, index)) for index in range(slots)]
    for _ in range(2):
        desk.close(desk.open(peers[0]), peers[0])
    clients = [None] * slots
    before = used()
    for index in range(slots):
        one = used()
        clients[index] = desk.open(peers[index])
        both = used() - one
    for round_ in range(2):
        for index in range(slots):
            assert desk.say(clients[index], peers[index], b"said %d" % round_)
    for client in clients:
        client.rest()
    together = used() - before
    for index in range(slots):
        desk.close(clients[index], peers[index])
        clients[index] = None
    assert desk.listener.sessions == [None] * slots
    return both, together, used() - before


def soak(sessions):
    """Open, use, move, abandon, replace, evict and close so many sessions, in two slots.

    Returns:
        how many there were, how many messages, and what the heap held before and after.
    """
    desk = Desk(2, has_ids=True)
    _round(desk)
    _round(desk)
    before, done, messages = used(), 0, 0
    while done < sessions:
        done += 6
        messages += _round(desk)
    return done, messages, before, used()


def _round(desk):
    """Have six clients come; return how many messages were said."""
    here, there, third, fourth = [bytes((10, 0, 0, index)) for index in range(4)]
    client = desk.open(here)
    for index in range(20):
        assert desk.say(client, here, b"said %d" % index)
    assert desk.say(client, there, b"from another address")
    desk.close(client, there)
    assert desk.listener.sessions == [None, None]
    assert desk.say(desk.open(here), here, b"the last before it was reset")
    assert desk.say(desk.open(here), here, b"after that")
    assert None in desk.listener.sessions
    desk.begin(there)
    assert None not in desk.listener.sessions
    # For the next two the one that said nothing for longest has to go, and who has vanished.
    clients = [desk.open(third), desk.open(fourth)]
    for client, peer in zip(clients, (third, fourth)):
        for index in range(20):
            assert desk.say(client, peer, b"said %d" % index)
    for client, peer in zip(clients, (third, fourth)):
        desk.close(client, peer)
    assert desk.listener.sessions == [None, None]
    return 63


def job(_link, slots):
    """Run `idle` as a job of the on-board agent."""
    return idle(slots)


def soak_job(_link, sessions):
    """Run `soak` likewise."""
    return soak(sessions)
