"""secure_echo.py as jobs of the test farm: over whatever link the farm has to the board.

Who runs it on a board of their own with a network needs nothing of this.
"""

from secure_echo import client as say

from tlscore.entropy import HmacDrbg
from tlscore.sockets import credentials, secure_sock
from tlscore.sockets.tls_stack import TlsStack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LinkTransport:
    """The link as a transport, and as an acceptor that has one client."""

    def __init__(self, link: "Any") -> None:
        self.readinto = link.readinto
        self.write = link.write
        self.wait = link.wait
        self._has_client = True

    def accept(self) -> "Any":
        """Return itself, once."""
        if not self._has_client:
            return None
        self._has_client = False
        return self

    def close(self) -> None:
        """Leave the link open: it is the farm's."""


def client(link: "Any", options: "dict[str, Any]") -> "list[bytes]":
    """Say `lines` to a server and return what it answered."""
    sock = _socks(options).create("echo")
    return say(sock, LinkTransport(link), None, options["lines"], options["timeout_ms"])


def server(link: "Any", options: "dict[str, Any]") -> "tuple[int, list[str]]":
    """Say back to one client what it says, `count` bytes; return how many, and what failed."""
    socks = _socks(options)
    listening = socks.create("echo")
    buffer = memoryview(bytearray(256))
    done, errors = [0], []

    def on_receive(sock: "Any") -> None:
        count = sock.recv(buffer, 0)
        sock.send(buffer[:count])
        done[0] += count

    listening.on_receive = on_receive
    listening.on_error = lambda _sock, error: errors.append(repr(error))
    listening.listen(LinkTransport(link))
    while done[0] < options["count"] and not errors:
        if not socks.poll(options["timeout_ms"]):
            errors.append("nothing happens")
    for sock in socks.slots.owners():
        sock.stop()
    listening.stop()
    return done[0], errors


def _socks(options: "dict[str, Any]") -> "Any":
    store = credentials.Credentials()
    store.add("echo", credentials.PSK, options["key"])
    stack = TlsStack(HmacDrbg(options["seed"]), None, record_buffer_bytes=1046)
    return secure_sock.init(stack, store, slots=1)
