"""The echoes as jobs of the test farm, over whatever link the farm has to the board.

`client` and `server` are those of secure_echo.py, `aio_client` and `aio_server` of aio_echo.py.

Who runs it on a board of their own with a network needs nothing of this.
"""

from secure_echo import client as say

from tlscore.codepoints import TLS_1_2
from tlscore.entropy import HmacDrbg
from tlscore.sockets import credentials, secure_sock

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


class DatagramTransport:
    """The farm's link as a transport of datagrams; the address of a peer is one byte."""

    def __init__(self, link: "Any") -> None:
        import hil_datagrams

        self._frames = hil_datagrams.DatagramLink(link)
        self._control = hil_datagrams.CONTROL
        self.wait = link.wait

    def recvfrom_into(self, buffer: "Any") -> "tuple[int, bytes] | None":
        """Return (size, peer) of a datagram that has come, None if there is none."""
        size = self._frames.receive_into(memoryview(buffer), 0)
        if size is None or self._frames.address == self._control:
            return None
        return size, bytes((self._frames.address,))

    def sendto(self, data: "Any", peer: bytes) -> None:
        """Send a datagram to a peer."""
        self._frames.send(peer[0], data)

    def close(self) -> None:
        """Leave the link open: it is the farm's."""


# The peer that the farm's link leads to.
_PEER = b"\x00"


def client(link: "Any", options: "dict[str, Any]") -> "list[bytes]":
    """Say `lines` to a server and return what it answered.

    Over DTLS 1.2 without fresh keys for each line: that would be another session.
    """
    renews = options.get("dtls") != TLS_1_2
    transport, address = _transport(link, options), _PEER if options.get("dtls") else None
    lines, timeout_ms = options["lines"], options["timeout_ms"]
    sock = _created(_socks(options), options)
    return say(sock, transport, None, lines, timeout_ms, address, renews)


def server(link: "Any", options: "dict[str, Any]") -> "tuple[int, list[str]]":
    """Say back to one client what it says, `count` bytes; return how many, and what failed."""
    socks = _socks(options)
    listening = _created(socks, options)
    buffer = memoryview(bytearray(256))
    done, errors = [0], []

    def on_receive(sock: "Any") -> None:
        count = sock.recv(buffer, 0)
        sock.send(buffer[:count])
        done[0] += count

    listening.on_receive = on_receive
    listening.on_error = lambda _sock, error: errors.append(repr(error))
    listening.listen(_transport(link, options))
    while done[0] < options["count"] and not errors:
        if not socks.poll(options["timeout_ms"]):
            errors.append("nothing happens")
    for sock in socks.slots.owners():
        sock.stop()
    listening.stop()
    return done[0], errors


def aio_client(link: "Any", options: "dict[str, Any]") -> "list[bytes]":
    """Say `lines` to a server with asyncio and return what it answered."""
    import asyncio

    from aio_echo import say

    from tlscore import aio
    from tlscore.config import ClientConfig

    identity, key = options["key"]
    entropy: "Any" = HmacDrbg(options["seed"])
    config = ClientConfig(entropy, None, None, None, psks=((identity, key, 32),))

    async def talk() -> "list[bytes]":
        reader = _stream(link)
        stream = await aio.connect(reader, reader, config)
        return await say(stream, stream, options["lines"])

    return asyncio.run(asyncio.wait_for(talk(), options["timeout_ms"] // 1000))


def aio_server(link: "Any", options: "dict[str, Any]") -> int:
    """Say back to one client what it says until it ends; return how many bytes that were."""
    import asyncio

    from aio_echo import echo

    from tlscore import aio
    from tlscore.server_config import ServerConfig

    identity, key = options["key"]
    entropy: "Any" = HmacDrbg(options["seed"])
    config = ServerConfig(entropy, psk={identity: (key, 32)}.get)

    async def serve() -> int:
        reader = _stream(link)
        stream = await aio.accept(reader, reader, config)
        done = await echo(stream, stream)
        stream.close()
        await stream.wait_closed()
        return done

    return asyncio.run(asyncio.wait_for(serve(), options["timeout_ms"] // 1000))


def _stream(link: "Any") -> "Any":
    """Return the link as a stream of MicroPython's asyncio, which reads and writes."""
    import asyncio

    class LinkStream(asyncio.StreamReader):
        async def wait_closed(self) -> None:
            """Leave the link open: it is the farm's."""

    made: "Any" = LinkStream
    return made(link.stream)


def _socks(options: "dict[str, Any]") -> "Any":
    """Return SecureSocks of TLS, or of the DTLS that `dtls` says: a code point of TLS."""
    store = credentials.Credentials()
    store.add("echo", credentials.PSK, options["key"])
    entropy: "Any" = HmacDrbg(options["seed"])
    stack: "Any"
    if options.get("dtls"):
        from tlscore.sockets.dtls_stack import DtlsStack

        stack = DtlsStack(entropy, None, version=options["dtls"])
    else:
        from tlscore.sockets.tls_stack import TlsStack

        # A client with a key share of ML-KEM, as OpenSSL 3.5 has, begins with 1.5 KB.
        stack = TlsStack(entropy, None, record_buffer_bytes=2048 + 22)
    return secure_sock.init(stack, store, slots=1)


def _created(socks: "Any", options: "dict[str, Any]") -> "Any":
    if not options.get("dtls"):
        return socks.create("echo")
    # What small devices have, without a key exchange.
    suite = 0xC0A8 if options["dtls"] == TLS_1_2 else 0x1301
    return socks.create("echo", psk_modes=(0,), suites=(suite,))


def _transport(link: "Any", options: "dict[str, Any]") -> "Any":
    return DatagramTransport(link) if options.get("dtls") else LinkTransport(link)
