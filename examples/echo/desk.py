"""What the examples' command lines have in common, on CPython and on MicroPython's unix port.

python secure_echo.py client tls 127.0.0.1 8443 "device 1" 000102030405060708090a0b0c0d0e0f
"""

import binascii
import socket
import sys

from tlscore.entropy import SystemEntropy
from tlscore.sockets.transports import Acceptor, DatagramTransport, StreamTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What a client says, and how long it waits for any of it.
LINES = (b"hello\n", b"what is said comes back\n")
TIMEOUT_MS = 20_000


class Arguments:
    """ROLE [KIND] HOST PORT IDENTITY KEY [CLIENTS]; KIND only if `has_kind`.

    Attributes:
        role: "client" or "server".
        kind: "tls", "dtls" or "native".
        host, port: of the server.
        identity, key: the pre-shared key both ends have; of "native" what secure_echo.py says.
        clients: how many a server serves before it ends; 0: any number.
    """

    def __init__(self, has_kind: bool = False) -> None:
        given = sys.argv[1:]
        self.role = given.pop(0)
        self.kind = given.pop(0) if has_kind else "tls"
        self.host = given.pop(0)
        self.port = int(given.pop(0))
        is_native = self.kind == "native"
        self.identity: "Any" = given.pop(0)
        self.key: "Any" = given.pop(0)
        if not is_native:
            self.identity, self.key = self.identity.encode(), binascii.unhexlify(self.key)
        self.clients = int(given.pop(0)) if given else 0

    @property
    def address(self) -> "Any":
        """The server's address as sockets want it."""
        kind = socket.SOCK_DGRAM if self.kind == "dtls" else socket.SOCK_STREAM
        return socket.getaddrinfo(self.host, self.port, 0, kind)[0][-1]

    def tcp(self) -> "Any":
        """Return a socket that is connected to the server."""
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.connect(self.address)
        return made

    def tcp_listener(self) -> "Any":
        """Return a socket that listens at the address, and say so."""
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(self.address)
        made.listen(4)
        print("ready")
        return made

    def transport(self) -> "Any":
        """Return a client's transport."""
        if self.kind != "dtls":
            return StreamTransport(self.tcp())
        return DatagramTransport(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def listening(self) -> "Any":
        """Return a server's transport, and say that it is there."""
        if self.kind != "dtls":
            return Acceptor(self.tcp_listener())
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(self.address)
        print("ready")
        return DatagramTransport(made)


def client_config(arguments: Arguments) -> "Any":
    """Return the configuration of a TLS 1.3 client that has nothing but the key."""
    from tlscore.config import ClientConfig

    keys = ((arguments.identity, arguments.key, 32),)
    return ClientConfig(SystemEntropy(), None, None, None, psks=keys)


def server_config(arguments: Arguments) -> "Any":
    """Return the configuration of a TLS 1.3 server that has nothing but the key."""
    from tlscore.server_config import ServerConfig

    return ServerConfig(SystemEntropy(), psk={arguments.identity: (arguments.key, 32)}.get)
