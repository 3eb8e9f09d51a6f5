"""tlscore's DTLS 1.2 as a stack of secure_sock; see docs/sockets.md for what a stack is.

A slot's room is its mailbox. One buffer for a datagram serves all slots, and what a handshake needs
is allocated when it begins and given up when it is over (tlscore/dtls).
"""

from tlscore.dtls.config import ClientConfig
from tlscore.sockets.datagram_session import DatagramListener, DatagramSession, Mailbox
from tlscore.sockets.ticks import Ticks
from tlscore.sockets.values import client_values, server_values


class DtlsStack:
    """DTLS 1.2.

    Args:
        entropy, clock: as for a configuration, see config.py.
        now_ms: function that returns milliseconds that only grow; ticks.Ticks() by default.
        datagram_bytes: the largest datagram that can be received.
        mailbox_bytes: for data of each session that has not been read; 2 more for each datagram.
        ticket_bytes_max: the longest ticket a client keeps to resume with; 0: none.
        resumes: what a server's sessions are kept with: tickets.TicketKeys, or a
            tls12.session_cache.SessionCache; or None.
    """

    is_datagram = True

    def __init__(
        self,
        entropy,
        clock,
        *,
        now_ms=None,
        datagram_bytes=1500,
        mailbox_bytes=1024,
        ticket_bytes_max=512,
        resumes=None,
    ):
        self._entropy = entropy
        self._clock = clock
        self._now_ms = Ticks() if now_ms is None else now_ms
        self._scratch = bytearray(datagram_bytes)
        self._mailbox_bytes = mailbox_bytes
        self._ticket_bytes = 0 if clock is None else ticket_bytes_max  # they have ages
        self._resumes = resumes

    def new_room(self):
        """Return what a slot allocates once."""
        return Mailbox(self._mailbox_bytes)

    def connect(self, room, transport, credentials, tag, name, address, resume, options):
        """Begin a session as a client; see tls_stack.TlsStack.connect."""
        from tlscore.dtls.client import ClientConnection  # noqa: PLC0415 -- servers need it not

        values = self._values(options)
        trust = client_values(values, credentials, tag, name)
        values["session"] = resume
        values["ticket_bytes_max"] = self._ticket_bytes
        config = ClientConfig(self._entropy, self._clock, trust, name, **values)
        return DatagramSession(ClientConnection(config), transport, address, room, self._scratch)

    def listen(self, rooms, transport, credentials, tag, options):
        """Return a DatagramListener for as many sessions as there are rooms."""
        from tlscore.dtls.listener import Listener  # noqa: PLC0415 -- clients need it not
        from tlscore.dtls.server_config import ServerConfig  # noqa: PLC0415

        values = self._values(options)
        server_values(values, credentials, tag, self._clock)
        if "cookie_key" not in values:
            key = bytearray(32)
            self._entropy.fill(key)
            values["cookie_key"] = bytes(key)
        if self._resumes is not None:
            kept = "sessions" if hasattr(self._resumes, "sessions_max") else "tickets"
            values[kept] = self._resumes
        config = ServerConfig(self._entropy, **values)
        return DatagramListener(Listener(config, len(rooms)), transport, rooms, self._scratch)

    def _values(self, options):
        values = {"now_ms": self._now_ms, "record_buffer_bytes": len(self._scratch)}
        values.update(options)
        return values
