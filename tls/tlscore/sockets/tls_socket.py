"""A blocking socket with TLS, as Python's module `ssl` makes them.

    context = Context(client_config)                     or Context(server_config)
    with context.wrap_socket(tcp_socket) as tls:
        tls.sendall(b"hello")
        data = tls.recv(1000)

What differs from `ssl`: whom to trust and the server's name are the configuration's, for a name is
part of what is verified; errors are TlsError with a `reason`. An end without close_notify is an
error (`connection.truncated`), never an empty read. `settimeout` takes seconds or None; a call that
takes longer raises OSError(ETIMEDOUT), with 0 OSError(EAGAIN), and can be made again.
"""

from tlscore.compat import const
from tlscore.errors import TlsError
from tlscore.sockets.stream_session import StreamSession
from tlscore.sockets.ticks import Ticks
from tlscore.sockets.transports import StreamTransport

_EAGAIN = const(11)
_ETIMEDOUT = const(110)
_PIECE_BYTES = const(512)


class Context:
    """What any number of sockets have in common.

    Args:
        config: ClientConfig or ServerConfig, of TLS 1.3 or of tls12: that decides the role.
    """

    def __init__(self, config):
        self._config = config

    def wrap_socket(self, socket, do_handshake_on_connect=True, timeout_s=None):
        """Return a TlsSocket over a connected socket, which it owns from now on.

        Args:
            socket: TCP socket, or a transport (docs/sockets.md).
            do_handshake_on_connect: shake hands before returning; the first read or write does
                so otherwise.
            timeout_s: as `settimeout` has it; what the socket itself had is of no account.

        Raises:
            TlsError, OSError: the handshake failed; the socket is closed.
        """
        transport = socket if hasattr(socket, "wait") else StreamTransport(socket)
        wrapped = TlsSocket(_connection(self._config), transport, timeout_s)
        if do_handshake_on_connect:
            done = False
            try:
                wrapped.do_handshake()
                done = True
            finally:
                if not done:
                    transport.close()
        return wrapped


def _connection(config):
    """Return a new connection of the role and the versions of a configuration."""
    has_versions = hasattr(config, "versions")
    if hasattr(config, "cookie_key"):  # servers have that
        if has_versions:
            from tlscore.tls12.server import ServerConnection as made  # noqa: N813, PLC0415
        else:
            from tlscore.server import ServerConnection as made  # noqa: N813, PLC0415
    elif has_versions:
        from tlscore.tls12.client import ClientConnection as made  # noqa: N813, PLC0415
    else:
        from tlscore.client import ClientConnection as made  # noqa: N813, PLC0415
    return made(config)


class TlsSocket:
    """A connection that reads and writes like a blocking socket; made by Context.wrap_socket.

    Attributes:
        connection: tlscore connection.
    """

    def __init__(self, connection, transport, timeout_s):
        self.connection = connection
        self._transport = transport
        self._session = StreamSession(connection, transport, memoryview(bytearray(_PIECE_BYTES)))
        self._now_ms = Ticks()
        self._is_closed = False
        self.settimeout(timeout_s)

    def settimeout(self, timeout_s):
        """Set how many seconds a call may take: None for ever, 0 for no waiting."""
        self._timeout_ms = None if timeout_s is None else int(timeout_s * 1000)

    def do_handshake(self):
        """Shake hands; afterwards the peer is who it should be."""
        self._until(lambda: self._session.connected and not self._session.unsent())

    # --- reading

    def recv(self, size) -> bytes:
        """Return at most `size` bytes; b"" when the peer has ended."""
        buffer = bytearray(size)
        return bytes(memoryview(buffer)[: self.recv_into(buffer)])

    def recv_into(self, buffer) -> int:
        """Wait for data, put it into a buffer and return how many bytes; 0 at the end."""
        session = self._session
        self._until(lambda: session.pending() or session.ended)
        return session.read_into(buffer)

    def pending(self) -> int:
        """Return how many bytes can be read without waiting for the network."""
        return self._session.pending()

    # As streams have it.
    read = recv
    readinto = recv_into

    def readline(self) -> bytes:
        """Return bytes up to and with the next newline; fewer at the end."""
        line, one = bytearray(), bytearray(1)
        while self.recv_into(one):
            line += one
            if one[0] == 0x0A:
                break
        return bytes(line)

    # --- writing

    def send(self, data) -> int:
        """Send some of `data`; return how many bytes were taken."""
        taken = [0]

        def is_taken():
            if self._session.connected:
                taken[0] = self._session.write(data)
            return taken[0] > 0

        if len(data):
            self._until(is_taken)
        return taken[0]

    def sendall(self, data):
        """Send all of `data`, and wait until the network has it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]
        self._until(lambda: not self._session.unsent())

    def write(self, data) -> int:
        """Send all of `data`, as streams do; return how much that was."""
        self.sendall(data)
        return len(data)

    # --- what there is to know

    def version(self) -> str:
        """Return "TLSv1.3" or "TLSv1.2"."""
        return {0x0304: "TLSv1.3", 0x0303: "TLSv1.2"}.get(self.connection.version)

    def cipher(self):
        """Return (name of the suite, version), as far as the firmware has names; None before."""
        if self.connection.suite is None:
            return None
        return "0x{:04X}".format(self.connection.suite), self.version()

    def selected_alpn_protocol(self):
        """Return the protocol agreed on, str, or None."""
        return None if self.connection.alpn is None else self.connection.alpn.decode()

    # --- the end

    def unwrap(self):
        """Say close_notify, wait for the peer's, and return the transport, which stays open."""
        self.connection.close()
        self._until(lambda: self._session.ended or self._session.pending())
        self._is_closed = True
        return self._transport

    def close(self):
        """Say close_notify if that is still possible, and close the socket."""
        if not self._is_closed:
            self._is_closed = True
            self._session.close()
            self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def _until(self, ready):
        """Work until `ready()` is true; raise OSError if that takes too long."""
        session, limit = self._session, self._timeout_ms
        end = None if limit is None else self._now_ms() + limit
        while True:
            moved = session.work()
            if ready():
                return
            if moved:
                continue
            left = None if end is None else end - self._now_ms()
            if left is not None and left <= 0:
                raise OSError(_ETIMEDOUT if limit else _EAGAIN)
            session.wait(left)


__all__ = ("Context", "TlsError", "TlsSocket")
