"""A network of datagrams in memory, on a virtual clock: what happens to each is fixed by a seed.

A `Network` carries datagrams between clients and one listener; a `Fate` decides which are lost,
doubled, delayed or changed. Nothing waits: the clock jumps to whatever is due next.
"""

import heapq

from hil.link_profile import Fate
from tlscore.connection import EVENT_CONNECTED
from tlscore.dtls.client import ClientConnection
from tlscore.errors import TlsError

CONNECTED = 12
BUFFER_BYTES = 2048


class Clock:
    """Virtual milliseconds."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


class Scripted(Fate):
    """A fate that treats some datagrams in its own way.

    Args:
        script: function (to_server, number of the datagram in its direction, datagram) that
            returns what arrives, or None for the usual fate.
    """

    def __init__(self, script, **usual):
        Fate.__init__(self, **usual)
        self._script = script
        self._counts = {True: 0, False: 0}

    def __call__(self, to_server, datagram):
        number = self._counts[to_server]
        self._counts[to_server] += 1
        arrives = self._script(to_server, number, datagram)
        return Fate.__call__(self, to_server, datagram) if arrives is None else arrives


class Host:
    """A client at an address.

    Attributes:
        heard: the application data that has come, datagram by datagram.
        connected_ms: when its handshake was over, or None.
        error: what ended it, or None.
        hands_over: put an established end in place of the connection as soon as there may be one.
    """

    hands_over = False

    def __init__(self, network, connection, address):
        self.network = network
        self.connection = connection
        self.address = address
        self.heard = []
        self.connected_ms = None
        self.error = None

    def receive(self, datagram):
        if self.error is not None:
            return
        buffer = bytearray(datagram)
        try:
            self.connection.receive_datagram(buffer)
            while (data := self.connection.read()) is not None:
                self.heard.append(bytes(data))
        except TlsError as error:
            self.error = error
        if (EVENT_CONNECTED,) == self.connection.next_event():
            self.connected_ms = self.network.clock.now
            if self.hands_over:
                self.connection = self.connection.hand_over()

    def say(self, buffer):
        if self.error is not None and not self.connection.wants:
            return 0
        try:
            return self.connection.datagram_into(buffer)
        except TlsError as error:
            self.error = error
            return 0

    def write(self, data):
        """Send application data."""
        buffer = bytearray(BUFFER_BYTES)
        size = self.connection.write_into(data, buffer)
        self.network.carry(self, bytes(buffer[:size]))


class Network:
    """Clients, a listener, and what is between them.

    Args:
        listener: dtls.listener.Listener, which echoes what it hears.
        clock: Clock that both sides' configurations have.
        fate: function, as Fate.
    """

    def __init__(self, listener, clock, fate):
        self.listener = listener
        self.clock = clock
        self.fate = fate
        self.hosts = []
        self.log = []  # (ms, to_server, datagram) of everything sent
        self._air = []
        self._order = 0

    def join(self, config, address=("192.0.2.1", 40000)):
        """Return a Host that begins a handshake."""
        host = Host(self, ClientConnection(config), address)
        self.hosts.append(host)
        return host

    def carry(self, host, datagram, to_server=True, peer=None):
        """Send a datagram from or to a host."""
        self.log.append((self.clock.now, to_server, datagram))
        peer = host.address if peer is None else peer
        for delay_ms, arriving in self.fate(to_server, datagram):
            self._order += 1
            entry = (self.clock.now + delay_ms, self._order, to_server, peer, arriving)
            heapq.heappush(self._air, entry)

    def run(self, until_ms=60000, done=None):
        """Let time pass until nothing is due, `done()` says so, or it is later than that."""
        while True:
            self._speak()
            if done is not None and done():
                return
            due = self._next_due()
            if due is None or due > until_ms:
                return
            self.clock.now = max(due, self.clock.now)
            while self._air and self._air[0][0] <= self.clock.now:
                _, _, to_server, peer, datagram = heapq.heappop(self._air)
                self._arrive(to_server, peer, datagram)

    def _next_due(self):
        dues = [self._air[0][0]] if self._air else []
        for end in [self.listener, *(host.connection for host in self.hosts)]:
            timeout_ms = end.next_timeout()
            if timeout_ms is not None:
                dues.append(self.clock.now + timeout_ms)
        return min(dues) if dues else None

    def _speak(self):
        buffer = bytearray(BUFFER_BYTES)
        for host in self.hosts:
            while size := host.say(buffer):
                self.carry(host, bytes(buffer[:size]))
        while True:
            size, peer = self.listener.datagram_into(buffer)
            if not size:
                return
            self.carry(None, bytes(buffer[:size]), to_server=False, peer=peer)

    def _arrive(self, to_server, peer, datagram):
        if not to_server:
            for host in self.hosts:
                if host.address == peer:
                    host.receive(datagram)
            return
        session = self.listener.receive(peer, bytearray(datagram))
        while session is not None and (data := session.connection.read()) is not None:
            buffer = bytearray(BUFFER_BYTES)
            size = session.connection.write_into(bytes(data), buffer)
            self.carry(None, bytes(buffer[:size]), to_server=False, peer=session.peer)

    def connected(self):
        """Tell whether all clients and as many sessions are connected."""
        return all(host.connected_ms is not None for host in self.hosts) and all(
            session is None or session.connection.state == CONNECTED
            for session in self.listener.sessions
        )


def talks(made, host, said=b"hello"):
    """Tell whether what a host says comes back on its network."""
    host.write(said)
    made.run(made.clock.now + 2000)
    return bool(host.heard) and host.heard[-1] == said


def records(datagram):
    """Return [(content type, epoch, octets)] of the records of a datagram."""
    found = []
    while datagram:
        end = 13 + int.from_bytes(datagram[11:13], "big")
        found.append((datagram[0], int.from_bytes(datagram[3:5], "big"), datagram[:end]))
        datagram = datagram[end:]
    return found


def first_message(datagram):
    """Return the type of the handshake message a datagram begins with, None if it is none."""
    return datagram[13] if datagram[0] == 22 and datagram[3:5] == b"\x00\x00" else None
