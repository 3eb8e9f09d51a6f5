"""TLS with asyncio's streams, on CPython and on MicroPython.

    stream = await open_connection("name.example", 443, config)
    server = await start_server(client_connected, "0.0.0.0", 8443, server_config)
    stream = await connect(reader, writer, config)  # over streams that are open; or accept(...)

A `TlsStream` reads and writes; `open_connection` and the callback of `start_server` hand it out
twice, as reader and as writer, as asyncio has it. One task may read while another writes.

What ends with an error ends the connection: TlsError (its `reason` says why, the peer was told),
OSError. A time-out is asyncio's: `asyncio.wait_for`; what it cancels can be asked for again.

The one module of the core that imports asyncio. Not here: DTLS.
"""

import asyncio

from tlscore.compat import const
from tlscore.connection import READ, SEND, WRITE
from tlscore.errors import TlsError

_PIECE_BYTES = const(512)
_LINE_BYTES_MAX = const(65536)


async def open_connection(host, port, config):
    """Connect by TCP, shake hands, and return (reader, writer): twice the same TlsStream.

    Args:
        host, port: as asyncio.open_connection has them.
        config: config.ClientConfig, or tls12.config.ClientConfig.

    Raises:
        TlsError: the server is not who it should be, or the like.
        OSError: there is no connection.
    """
    reader, writer = await asyncio.open_connection(host, port)
    stream = await connect(reader, writer, config)
    return stream, stream


async def connect(reader, writer, config):
    """Shake hands as a client over streams that are open, of a serial line for one.

    Args:
        reader, writer: asyncio's; whoever opened them need not close them.
        config: as for open_connection.

    Returns:
        TlsStream, for reading and writing.

    Raises: as open_connection.
    """
    if hasattr(config, "versions"):
        from tlscore.tls12.client import ClientConnection  # noqa: PLC0415
    else:
        from tlscore.client import ClientConnection  # noqa: PLC0415
    stream = TlsStream(reader, writer, ClientConnection(config))
    await stream.handshake()
    return stream


async def accept(reader, writer, config):
    """Shake hands as a server over streams that are open; see `connect` and start_server."""
    stream = _served(reader, writer, config)
    await stream.handshake()
    return stream


async def start_server(client_connected, host, port, config, backlog=5, on_error=None):
    """Accept connections, each in a task of its own; return a TlsServer.

    Args:
        client_connected: async function of (reader, writer), called once a handshake is over; the
            connection is closed when it returns, if it still is open.
        config: server_config.ServerConfig, or tls12.server_config.ServerConfig.
        on_error: None, or function of the error with which a handshake or a connection failed:
            otherwise nobody is told.
    """
    server = TlsServer(client_connected, config, on_error)
    server.listener = await asyncio.start_server(server.serve, host, port, backlog=backlog)
    return server


class TlsServer:
    """What `start_server` returns.

    Attributes:
        listener: asyncio's own server.
    """

    listener = None

    def __init__(self, client_connected, config, on_error):
        self._client_connected = client_connected
        self._config = config
        self._on_error = on_error
        self._open = 0
        self._one_closed = asyncio.Event()

    async def serve(self, reader, writer):
        """Serve one connection from its handshake to its end."""
        self._open += 1
        stream = _served(reader, writer, self._config)
        try:
            await stream.handshake()
            await self._client_connected(stream, stream)
        except (OSError, TlsError) as error:
            if self._on_error is not None:
                self._on_error(error)
        finally:
            stream.close()
            await stream.wait_closed()
            self._open -= 1
            self._one_closed.set()

    def close(self):
        """Accept no more connections; those that are open go on."""
        self.listener.close()

    async def wait_closed(self):
        """Wait until nothing is accepted any more and every connection has ended."""
        await self.listener.wait_closed()
        while self._open:
            self._one_closed.clear()
            await self._one_closed.wait()


class TlsStream:
    """One TLS connection over a pair of asyncio's streams, which in MicroPython are one object.

    Args:
        reader, writer: asyncio's.
        connection: tlscore connection of either role that has not begun.
    """

    def __init__(self, reader, writer, connection):
        self.connection = connection
        self._reader = reader
        self._writer = writer
        self._piece = b""
        self._is_closed = False

    async def handshake(self):
        """Shake hands; on failure the connection is closed."""
        done = False
        try:
            while not self.connection.wants & WRITE:
                await self._more()
            await self.drain()
            done = True
        finally:
            if not done:
                self.close()

    # --- reading

    async def read(self, n=-1):
        """Return at most n bytes, all to the end for -1; b"" when the peer has ended.

        Raises:
            TlsError: "connection.truncated" if the end was not the peer's word.
        """
        if n < 0:
            parts = []
            part = await self.read(_PIECE_BYTES)
            while part:
                parts.append(part)
                part = await self.read(_PIECE_BYTES)
            return b"".join(parts)
        buffer = bytearray(n)
        count = await self.readinto(buffer)
        return bytes(memoryview(buffer)[:count])

    async def readinto(self, buffer):
        """Wait for data; return how many bytes came into a buffer, 0 when the peer has ended."""
        connection = self.connection
        while not connection.wants & READ:
            if connection.peer_closed:
                return 0
            await self._more()
        return connection.read_into(buffer)

    async def readexactly(self, n):
        """Return exactly n bytes.

        Raises:
            EOFError: the peer ended before.
        """
        buffer = bytearray(n)
        view, done = memoryview(buffer), 0
        while done < n:
            count = await self.readinto(view[done:])
            if not count:
                raise EOFError
            done += count
        return bytes(buffer)

    async def readline(self):
        """Return bytes up to and with the next newline, fewer at the end.

        Raises:
            ValueError: there is none in 65,536 bytes.
        """
        one, line = bytearray(1), bytearray()
        while len(line) < _LINE_BYTES_MAX:
            if not await self.readinto(one):
                return bytes(line)
            line += one
            if one[0] == 0x0A:
                return bytes(line)
        raise ValueError

    async def _more(self):
        """Wait for bytes from the peer and let the connection have them."""
        self._flush()
        if not self._piece:
            await self._writer.drain()
            self._piece = await self._reader.read(_PIECE_BYTES)
            if not self._piece:
                self.connection.receive_eof()
                return
        try:
            taken = self.connection.receive(self._piece)
        except TlsError:
            self._piece = b""
            self._flush()  # the alert
            await self._writer.drain()
            raise
        self._piece = self._piece[taken:]
        self._flush()

    # --- writing

    def write(self, data):
        """Take data to be sent; `drain` waits until it has gone.

        Raises:
            TlsError: the connection is over.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[self.connection.write(rest) :]
            self._flush()

    async def drain(self):
        """Wait until what was written has been handed to the network."""
        self._flush()
        await self._writer.drain()

    def _flush(self):
        connection = self.connection
        while connection.wants & SEND:
            data = bytes(connection.to_send())
            self._writer.write(data)
            connection.sent(len(data))

    # --- the end

    def close(self):
        """Say close_notify if that is possible, and close the connection; see wait_closed."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.connection.close()
            self._flush()
        except (OSError, TlsError):
            pass  # it has failed before, or the peer is gone: nobody is left to be told
        if not hasattr(self._writer, "is_closing"):
            return  # MicroPython closes when one waits for it
        self._writer.close()

    async def wait_closed(self):
        """Wait until the connection is closed and what was written has gone."""
        try:
            if not hasattr(self._writer, "is_closing"):
                await self._writer.drain()
            await self._writer.wait_closed()
        except OSError:
            pass  # the peer was quicker

    def get_extra_info(self, name, default=None):
        """Return what asyncio tells (`peername`), or an attribute of the connection (`version`)."""
        if name in ("version", "suite", "alpn", "resumed", "psk_identity"):
            return getattr(self.connection, name)
        return self._writer.get_extra_info(name) or default


def _served(reader, writer, config):
    """Return the TlsStream of a client that has not said anything yet."""
    if hasattr(config, "versions"):
        from tlscore.tls12.server import ServerConnection  # noqa: PLC0415
    else:
        from tlscore.server import ServerConnection  # noqa: PLC0415
    return TlsStream(reader, writer, ServerConnection(config))
