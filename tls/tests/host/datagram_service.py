"""A server of ours on a UDP port of loopback, for programs that come to it as clients."""

import select
import socket
import threading

from tlscore.connection import EVENT_CONNECTED

WAIT_S = 20


def udp():
    """Return a socket on a port that the kernel chose."""
    transport = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    transport.bind(("127.0.0.1", 0))
    return transport


def wait(transport, timeout_ms):
    """Wait for a datagram as long as our timers let; tell whether there is one."""
    timeout_s = 0.2 if timeout_ms is None else min(timeout_ms / 1000, 0.2)
    return bool(select.select([transport], [], [], timeout_s)[0])


class Service:
    """A listener that echoes until it is closed.

    Args:
        listener: with its configuration.

    Attributes:
        port: where it listens.
        exported, suite: of the connection that was made last.
    """

    exported = None
    suite = None

    def __init__(self, listener):
        self.listener = listener
        self._transport = udp()
        self.port = self._transport.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        buffer, listener = bytearray(2048), self.listener
        while not self._ended.is_set():
            while (found := listener.datagram_into(buffer))[0]:
                self._transport.sendto(memoryview(buffer)[: found[0]], found[1])
            if not wait(self._transport, listener.next_timeout()):
                continue
            size, peer = self._transport.recvfrom_into(buffer)
            session = listener.receive(peer, buffer, size)
            self._look()
            while session is not None and (data := session.connection.read()) is not None:
                size = session.connection.write_into(bytes(data), buffer)
                self._transport.sendto(memoryview(buffer)[:size], peer)

    def _look(self):
        for session in self.listener.sessions:
            if session is not None and session.connection.next_event() == (EVENT_CONNECTED,):
                self.on_connected(session.connection)

    def on_connected(self, connection):
        """Note what is known of a connection; more of it in classes made of this one."""
        self.suite = connection.suite
        self.exported = connection.export(b"EXPORTER-hil", None, 32)

    def close(self):
        """Serve nobody any more."""
        self._ended.set()
        self._thread.join(WAIT_S)
        self._transport.close()
