"""tlscore's TLS as a stack of secure_sock; see docs/sockets.md for what a stack is.

A slot's room is the two buffers of a connection and a piece for what comes from the transport; they
are lent to one connection after the other, and a connection that has ended has wiped them.
"""

from tlscore.record import RECORD_OVERHEAD_BYTES
from tlscore.sockets.stream_session import StreamSession
from tlscore.sockets.values import client_values, server_values


class Room:
    """What a slot allocates once."""

    def __init__(self, record_bytes, send_bytes, piece_bytes):
        self.record = bytearray(record_bytes)
        self.send = bytearray(send_bytes)
        self.piece = memoryview(bytearray(piece_bytes))


class TlsStack:
    """TLS 1.3, and TLS 1.2 where it is asked for.

    Args:
        entropy, clock: as for a configuration, see config.py.
        versions: None for TLS 1.3 alone; code points for tls12/config.py otherwise.
        record_buffer_bytes, send_buffer_bytes: of each slot, see config.py.
        piece_bytes: read from a transport at a time.
        ticket_bytes_max: the longest ticket a client keeps to resume with; 0: none.
        tickets: tickets.TicketKeys of a server, or None.
    """

    is_datagram = False

    def __init__(
        self,
        entropy,
        clock,
        *,
        versions=None,
        record_buffer_bytes=4096 + RECORD_OVERHEAD_BYTES,
        send_buffer_bytes=1024,
        piece_bytes=512,
        ticket_bytes_max=512,
        tickets=None,
    ):
        self._entropy = entropy
        self._clock = clock
        self._versions = versions
        self._record_bytes = record_buffer_bytes
        self._send_bytes = send_buffer_bytes
        self._piece_bytes = piece_bytes
        self._ticket_bytes = 0 if clock is None else ticket_bytes_max  # they have ages
        self._tickets = tickets
        self._served = None  # (options, configuration) of the server that was there last

    def new_room(self):
        """Return what a slot allocates once."""
        return Room(self._record_bytes, self._send_bytes, self._piece_bytes)

    def connect(self, room, transport, credentials, tag, name, _address, resume, options):
        """Begin a session as a client.

        Args:
            room: of the slot.
            name: whom the server's certificate must be for; None if keys alone will do.
            resume: what `take_session` of an earlier session returned, or None.
            options: dict, for the configuration.

        Raises:
            UsageError: as the configuration says.
        """
        values = self._values(options)
        trust = client_values(values, credentials, tag, name)
        values["session"] = resume
        values["ticket_bytes_max"] = self._ticket_bytes
        if self._versions is None:
            from tlscore.client import ClientConnection  # noqa: PLC0415
            from tlscore.config import ClientConfig  # noqa: PLC0415
        else:
            from tlscore.tls12.client import ClientConnection  # noqa: PLC0415
            from tlscore.tls12.config import ClientConfig  # noqa: PLC0415
        config = ClientConfig(self._entropy, self._clock, trust, name, **values)
        return self._session(ClientConnection, config, room, transport)

    def serve(self, room, transport, credentials, tag, options):
        """Begin a session as a server; see `connect`."""
        if self._versions is None:
            from tlscore.server import ServerConnection  # noqa: PLC0415
        else:
            from tlscore.tls12.server import ServerConnection  # noqa: PLC0415
        config = self._server_config(credentials, tag, options)
        return self._session(ServerConnection, config, room, transport)

    def _server_config(self, credentials, tag, options):
        """Return the configuration, made anew only for another server or other options."""
        served = self._served
        if served is not None and served[0] is options:
            return served[1]
        if self._versions is None:
            from tlscore.server_config import ServerConfig  # noqa: PLC0415
        else:
            from tlscore.tls12.server_config import ServerConfig  # noqa: PLC0415
        values = self._values(options)
        server_values(values, credentials, tag, self._clock)
        values["tickets"] = self._tickets
        config = ServerConfig(self._entropy, **values)
        self._served = (options, config)
        return config

    def _values(self, options):
        values = {"record_buffer_bytes": self._record_bytes, "send_buffer_bytes": self._send_bytes}
        if self._versions is not None:
            values["versions"] = self._versions
        values.update(options)
        return values

    def _session(self, connection_class, config, room, transport):
        """Return the session of a connection that lives in the buffers of a room."""
        sizes = config.record_buffer_bytes, config.send_buffer_bytes
        # Where it is to have buffers of such a size it takes those that are given instead.
        config.record_buffer_bytes, config.send_buffer_bytes = room.record, room.send
        try:
            connection = connection_class(config)
        finally:
            config.record_buffer_bytes, config.send_buffer_bytes = sizes
        return StreamSession(connection, transport, room.piece)
