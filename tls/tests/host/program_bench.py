"""A client_messages.Bench for `python -m tlscore server`: over a socket, keys by its key log."""

import socket
import types

from client_messages import Bench, ClientHello
from server_messages import plain_record
from traffic_keys import TrafficKey

WAIT_S = 20
_FINISHED = 20


class ProgramBench(Bench):
    """One connection to the program.

    Args:
        port: where it listens.
        keylog: path of the file it appends its secrets to.

    Attributes:
        ended: the program has closed the connection.
    """

    def __init__(self, port, keylog):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._keylog = keylog
        self._keylog_start = keylog.stat().st_size
        self.server = types.SimpleNamespace(suite=None)
        self.flight = []
        self.alerts = []
        self.content_types = []
        self.data = b""
        self.sent_messages = b""
        self.ended = False
        self.key = None
        self._their_key = None
        self._in = b""
        self._partial = b""

    def _key(self, label):
        hello = next(message for message in self.flight[::-1] if message[0] == 2)
        at = 39 + hello[38]
        self.server.suite = int.from_bytes(hello[at : at + 2], "big")
        for line in self._keylog.read_bytes()[self._keylog_start :].decode().splitlines():
            name, _random, secret = line.split()
            self.secrets = {label: bytes.fromhex(secret)} if name == label else {}
            if self.secrets:
                return TrafficKey(self.server.suite, self.secrets[label])
        raise AssertionError("the key log has no " + label)

    def tell(self, data):
        """Send bytes; what comes of it is looked at later."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.ended = True  # it had enough before the end

    def listen(self, done=lambda: False):
        """Take what the program says until `done` or it closes."""
        while not done():
            try:
                heard = self.socket.recv(65536)
            except ConnectionResetError:
                heard = b""
            if not heard:
                self.ended = True
                return
            self._in += heard
            while len(self._in) >= 5:
                size = 5 + int.from_bytes(self._in[3:5], "big")
                if len(self._in) < size:
                    break
                record, self._in = self._in[:size], self._in[size:]
                self._take(record)

    def hello(self, hello=None, version=0x0301):
        """Send a ClientHello and take the flight that answers it."""
        encoded = (ClientHello() if hello is None else hello).encode()
        self.sent_messages += encoded
        self.tell(plain_record(22, encoded, version))
        self.take_flight()
        return self

    def take_flight(self):
        """Take the server's flight up to its Finished, or what it says instead."""
        self.listen(lambda: self.alerts or (self.flight[-1:] and self.flight[-1][0] == _FINISHED))
        assert self.key is not None or self.alerts or self.ended

    def finished(self):
        """Return the client's right Finished."""
        self.secrets = {}
        label = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
        self.secrets = {label: self._key(label).secret}
        return Bench.finished(self)

    def connect(self):
        """Run the whole handshake."""
        self.hello()
        self.send(self.finished())
        self.key = self._key("CLIENT_TRAFFIC_SECRET_0")
        return self

    def echoes(self, data=b"still there?"):
        """Say something and tell whether it comes back."""
        before = len(self.data)
        self.send(data, 23)
        self.listen(lambda: self.alerts or len(self.data) >= before + len(data))
        return self.data[before:] == data

    def verdict(self):
        """Return the alerts the program sends before it closes, by their codes."""
        self.listen()
        return [code for _, code in self.alerts]

    def close(self):
        self.socket.close()
