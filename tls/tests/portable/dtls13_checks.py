"""Both ends of DTLS 1.3 in one board's memory: a handshake by key, a KeyUpdate, data, a close.

A board is sent the file and runs `job`; the datagram with the number `lost` does not arrive.
"""

from tlscore.dtls13.client import ClientConnection
from tlscore.dtls13.config import ClientConfig
from tlscore.dtls13.listener import Listener
from tlscore.dtls13.server_config import ServerConfig
from tlscore.entropy import HmacDrbg

NAME, KEY = b"device", bytes(range(16))
PEER = b"its address"
STEP_MS = 20


class Link:
    """Both ends and what is between them.

    Attributes:
        now_ms: virtual.
        carried: datagrams so far.
    """

    def __init__(self, suite, modes, lost):
        self.now_ms = 0
        self.carried = 0
        self._lost = lost
        common = {"suites": (suite,), "now_ms": self.clock, "psk_modes": modes}
        keys = {NAME: (KEY, 32)}
        server = ServerConfig(
            HmacDrbg(b"seed of the server of DTLS 1.3.."),
            psk=keys.get,
            cookie_key=bytes(32),
            connection_id=b"ab",
            **common,
        )
        client = ClientConfig(
            HmacDrbg(b"seed of the client of DTLS 1.3.."),
            None,
            None,
            None,
            psks=((NAME, KEY, 32),),
            connection_id=b"",
            **common,
        )
        self.listener = Listener(server, 1)
        self.client = ClientConnection(client)

    def clock(self):
        return self.now_ms

    def run(self, steps):
        """Let so many steps of time pass."""
        buffer = bytearray(1500)
        for _ in range(steps):
            self.now_ms += STEP_MS
            size = self.client.datagram_into(buffer)
            while size:
                if self._arrives():
                    self.listener.receive(PEER, buffer, size)
                size = self.client.datagram_into(buffer)
            size = self.listener.datagram_into(buffer)[0]
            while size:
                if self._arrives():
                    self.client.receive_datagram(buffer, size)
                size = self.listener.datagram_into(buffer)[0]

    def _arrives(self):
        self.carried += 1
        return self.carried - 1 != self._lost

    def server(self):
        return self.listener.sessions[0].connection


def job(_link, suite, modes, lost):
    """Return (exported by both ends, epochs the client sends and receives in, data, is closed)."""
    link = Link(suite, modes, lost)
    link.run(150)
    client = link.client
    exported = [end.export(b"EXPORTER-hil", None, 16) for end in (client, link.server())]
    client.update_keys(True)
    link.run(150)
    link.server().renew_connection_id()
    link.run(150)
    buffer = bytearray(1500)
    size = client.write_into(b"hello", buffer)
    said = bytes(link.listener.receive(PEER, buffer, size).connection.read())
    epochs = (link.server()._receiver.epoch, client._receiver.epoch)
    client.close()
    link.run(1)
    return exported, epochs, said, link.listener.sessions == [None]
